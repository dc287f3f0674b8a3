"""The squares that a loss is a sum of, as it is written: methods of least squares want what is squared.

The graph says it: a sum, a product with what does not depend on the weights, a square. So every loss will do that is
written as one, without being told what it is.
"""

from __future__ import annotations

from typing import Any

from ...autograd import primitives as table
from ...compiler.program.program import Family, Instruction, one_by_one
from ...compiler.tracing.traced import Traced
from ...compiler.tracing.tracer import Tracer


class NotSquaresError(ValueError):
    """A loss or a regularizer that is no sum of squares as it is written."""


def squares_in(tracer: Tracer, output: int, parameters: list[int], what: str) -> list[tuple[int, Any]]:
    """The slots that are squared, and the factor of each square, a float or a traced value, whose sum the output is.

    No factor depends on the parameters. Raises NotSquaresError, which says what `what` is to be, where there is more.
    """
    return _Sum(tracer, parameters, what).of(output)


class _Sum:
    """A sum that is taken apart: `found` are its squares so far, `waiting` the terms that are to be, with factors."""

    def __init__(self, tracer: Tracer, parameters: list[int], what: str) -> None:
        self.tracer, self.what, self.moving = tracer, what, set(parameters)
        for entry in one_by_one(tracer.entries):
            if isinstance(entry, Instruction) and not self.moving.isdisjoint(entry.slots()):
                self.moving.add(entry.slot)
        self.found: list[tuple[int, Any]] = []
        self.waiting: list[tuple[int, Any]] = []

    def of(self, output: int) -> list[tuple[int, Any]]:
        """The squares of an output."""
        self.waiting.append((output, 1.0))
        while self.waiting:
            slot, factor = self.waiting.pop()
            if slot in self.moving:
                self._take(slot, factor)
            elif self.tracer.program.literals.get(slot) != 0.0:
                self._refuse("a term that does not depend on the parameters")
        if any(isinstance(factor, float) and not factor > 0.0 for _, factor in self.found):
            self._refuse("a factor that is not above 0")
        return self.found

    def _take(self, slot: int, factor: Any) -> None:
        """Take a term apart that depends on the parameters."""
        made = self.tracer.made.get(slot)
        if made is None:
            self._refuse("a parameter by itself")
            return
        entry = made.member(slot - made.slot) if isinstance(made, Family) else made
        operands: Any = entry.operands
        if entry.primitive is table.square:
            self.found.append((operands[0], factor))
        elif entry.primitive is table.fourth_power:
            self.found.append((self.tracer.slot_of(Traced(self.tracer, operands[0]) ** 2), factor))
        elif entry.primitive is table.add:
            self.waiting += [(operands[1], factor), (operands[0], factor)]
        elif entry.primitive is table.multiply:
            self._product(operands[0], operands[1], factor)
        elif entry.primitive is table.divide and operands[1] not in self.moving:
            self.waiting.append((operands[0], factor / self._number(operands[1])))
        elif entry.primitive is table.dot:
            self.waiting.append((operands[2], factor))
            for a, b in zip(operands[0], operands[1], strict=True):
                self._product(a, b, factor)
        else:
            self._refuse(f"{entry.primitive.name}, which is no square")

    def _product(self, a: int, b: int, factor: Any) -> None:
        if a == b:
            self.found.append((a, factor))
        elif a in self.moving and b in self.moving:
            self._refuse("a product of two that both depend on the parameters")
        else:
            fixed, rest = (a, b) if b in self.moving else (b, a)
            self.waiting.append((rest, factor * self._number(fixed)))

    def _number(self, slot: int) -> Any:
        """What does not depend on the parameters: a literal, but 0, or a traced value."""
        return self.tracer.program.literals.get(slot, 0.0) or Traced(self.tracer, slot)

    def _refuse(self, found: str) -> None:
        raise NotSquaresError(
            f"method='lm' wants {self.what} that is a sum of squares, such as 'squared_error', ((p - t) / 0.1) ** 2 or "
            f"tn.dot(ws, ws), perhaps times what does not depend on the parameters, but in it there is {found}: write "
            "it as squares, or take method='lbfgs'"
        )

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
    moving = _moving(tracer, parameters)
    found: list[tuple[int, Any]] = []
    waiting: list[tuple[int, Any]] = [(output, 1.0)]

    def product(a: int, b: int, factor: Any) -> None:
        if a == b:
            found.append((a, factor))
        elif a in moving and b in moving:
            _refuse(what, "a product of two that both depend on the parameters")
        else:
            fixed, rest = (a, b) if b in moving else (b, a)
            waiting.append((rest, factor * Traced(tracer, fixed)))

    while waiting:
        slot, factor = waiting.pop()
        made = tracer.made.get(slot)
        if isinstance(made, Family):
            made = made.member(slot - made.slot)
        operands: Any = () if made is None else made.operands
        primitive = None if made is None else made.primitive
        if slot not in moving:
            if tracer.program.literals.get(slot) != 0.0:
                _refuse(what, "a term that does not depend on the parameters")
        elif primitive is table.square:
            found.append((operands[0], factor))
        elif primitive is table.fourth_power:
            found.append((tracer.slot_of(Traced(tracer, operands[0]) ** 2), factor))
        elif primitive is table.add:
            waiting += [(operands[1], factor), (operands[0], factor)]
        elif primitive is table.multiply:
            product(operands[0], operands[1], factor)
        elif primitive is table.divide and operands[1] not in moving:
            waiting.append((operands[0], factor / Traced(tracer, operands[1])))
        elif primitive is table.dot:
            waiting.append((operands[2], factor))
            for a, b in zip(operands[0], operands[1], strict=True):
                product(a, b, factor)
        else:
            _refuse(what, f"{primitive.name}, which is no square" if primitive else "a parameter by itself")
    return found


def _moving(tracer: Tracer, parameters: list[int]) -> set[int]:
    """The slots that depend on the parameters."""
    moving = set(parameters)
    for entry in one_by_one(tracer.entries):
        if isinstance(entry, Instruction) and not moving.isdisjoint(entry.slots()):
            moving.add(entry.slot)
    return moving


def _refuse(what: str, found: str) -> None:
    raise NotSquaresError(
        f"method='lm' wants {what} that is a sum of squares, such as 'squared_error', ((p - t) / 0.1) ** 2 or "
        f"tn.dot(ws, ws), perhaps times what does not depend on the parameters, but in it there is {found}: write it "
        "as squares, or take method='lbfgs'"
    )

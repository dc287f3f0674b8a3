"""The `array` back end: a program for all rows of a batch at once, in NumPy or a namespace like it, such as JAX's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Any

from ....autograd.column import SharingList
from ...arguments import data_of
from ...loops.find import least_groups, repeats_in
from ...loops.groups import Group, Repeated
from ...loops.repeats import Repeat
from ...loops.roll import rolled
from ...loops.rolled import Rolled
from ...program.program import Program
from ...target import DTYPES, Target
from ..backend import Backend
from .printer import Printer

FEW_ROWS = 64  # of which all iterations are at hand in the processor's caches
IN_CACHE = 16384  # numbers of an array
MOST_AT_ONCE = 2**25  # numbers of all arrays
MOST_IN_TURN = 4  # times as many operations are worth a loop over time, as one loop is shorter than what it repeats


class ArrayProgram:
    """A program compiled for whole arrays, with its parameters read at each call."""

    def __init__(self, roll: Rolled, target: Target) -> None:
        self.parameters, self.target, self.roll = SharingList(roll.flat.parameters.values()), target, roll
        repeats = [group for group in roll.groups if isinstance(group, Repeated)]
        self.in_loops = bool(repeats)
        self.in_jax = self.in_loops and target.namespace.__name__.startswith("jax")
        self.compiled = self._function(at_once=True)
        self.of_many: Any = None  # the same for many rows, if it has loops
        of_row = [size if by_row else 0 for size, by_row in zip(roll.sizes, roll.by_row, strict=True)]
        arrays = {*range(len(of_row))} if not repeats else {array for each in repeats for array in _arrays(each.groups)}
        widest = max([1, *(of_row[array] for array in arrays)])
        self.part = max(64, min(IN_CACHE // widest, MOST_AT_ONCE // max(1, sum(of_row))))

    def _function(self, at_once: bool) -> Any:
        found = Printer(self.roll, at_once).function(self.target.namespace, self.target.dtype)
        return import_module("jax").jit(found) if self.in_jax else found  # JAX would compile a scan at each call

    def __call__(self, rows: Any) -> tuple[Any, Any]:
        """Outputs of shape (rows, n), and whether each row's comparisons are those of this path.

        NumPy takes the rows in parts whose arrays fit the processor's cache: each of its operations walks all of one.
        """
        if self.in_jax and not self.parameters:  # an array of JAX takes as long as a short loop
            return self.at(rows, import_module("numpy").empty(0, self.target.dtype))
        return self.at(rows, self.target.array(data_of(self.parameters)))

    def at(self, rows: Any, parameters: Any) -> tuple[Any, Any]:
        """The same of parameters that are given, as an array."""
        xp, count = self.target.namespace, rows.shape[0]
        compiled, part = self.compiled, self.part
        if self.in_loops and count > FEW_ROWS:
            part = -(-count // -(-count // part))  # a part of few rows takes as long as any
            if self.of_many is None:
                self.of_many = self._function(at_once=False)
            compiled = self.of_many
        if xp.__name__ != "numpy":
            return compiled(rows, parameters)  # type: ignore[no-any-return]
        with xp.errstate(all="ignore"):  # IEEE 754 defines what NumPy warns of
            if count <= part:
                return compiled(rows, parameters)  # type: ignore[no-any-return]
            parts = [compiled(rows[k : k + part], parameters) for k in range(0, count, part)]
        outputs, on_path = (xp.concatenate(column) for column in zip(*parts, strict=True))
        return outputs, on_path


def in_loops(program: Program) -> Rolled:
    """The program rolled, in loops over time where not too much of what could be done at once is done in turn."""
    body = repeats_in(program)
    if any(isinstance(entry, Repeat) for entry in body):
        roll = rolled(program, body)
        if _in_turn(roll.groups) <= MOST_IN_TURN * least_groups(program.body):
            return roll
    return rolled(program, program.body)


def _in_turn(groups: Iterable[Group]) -> int:
    """How many operations on arrays groups are."""
    return sum(
        [
            group.times * (_in_turn(group.groups) + len(group.nexts)) if isinstance(group, Repeated) else 1
            for group in groups
        ]
    )


def _arrays(groups: Iterable[Group]) -> Iterator[int]:
    """The arrays of an iteration."""
    for group in groups:
        if isinstance(group, Repeated):
            yield from _arrays(group.groups)
        elif group.array >= 0:
            yield group.array


BACKEND = Backend(
    source=lambda program, function: Printer(in_loops(program)).source(),
    rows=lambda program, target: ArrayProgram(in_loops(program), target),
    dtypes=DTYPES,
    needs=("numpy", "fast"),
)

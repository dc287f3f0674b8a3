"""A rolled program: its groups in order, each a loop or two over arrays, and where its outputs lie.

It runs itself, slowly and plainly, as the flat program does, and prints itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import starmap
from typing import Any

from ..program.program import COMPARISONS, INPUTS, LITERALS, PARAMETERS, OffPath, Program
from .groups import Access, Group, Spot
from .listing import listing


@dataclass
class Rolled:
    """The groups of a program in order, what each array is called and how long it is, and where each output lies."""

    flat: Program
    groups: list[Group] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    by_row: list[bool] = field(default_factory=list)
    slots: list[list[int]] = field(default_factory=list)  # what stands in each array
    outputs: list[Spot] = field(default_factory=list)

    def __str__(self) -> str:
        """The program as a person reads it: a line for each loop."""
        return listing(self.flat, self.groups, self.slots)

    def run(self, inputs: Sequence[float], parameters: Sequence[float]) -> list[float]:
        """The outputs, as `Program.run` gives them. Raises OffPath where a comparison comes out otherwise."""
        arrays: dict[int, list[float]] = {INPUTS: list(inputs), PARAMETERS: list(parameters)}
        arrays[LITERALS] = list(self.flat.literals.values())
        for group in self.groups:
            columns = [[arrays[o.array][i] for i in o.indices(group.extents)] for o in group.operands]
            if group.primitive is None and group.guard is None:
                arrays[group.array] = [number for column in columns for number in column]
                continue
            read = [_members(o, column, group.size) for o, column in zip(group.operands, columns, strict=True)]
            operands = zip(*read, strict=True)
            if group.primitive is not None:
                arrays[group.array] = list(starmap(group.primitive.value, operands))
            elif group.guard is not None:
                comparison, expected, where = group.guard
                for (left, right), line in zip(operands, where, strict=True):
                    if COMPARISONS[comparison](left, right) is not expected:
                        raise OffPath(line)
        return [arrays[array][index] for array, index in self.outputs]


def _members(access: Access, numbers: list[float], size: int) -> list[Any]:
    """What was read for each member of a group: a number, or a tuple of them for a column."""
    width = access.width
    return numbers if width is None else [tuple(numbers[k * width : (k + 1) * width]) for k in range(size)]

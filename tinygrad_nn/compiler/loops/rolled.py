"""A rolled program as data: groups of alike instructions, each a loop or two over arrays.

Where an operand of a group lies in its array is a base and a stride for each loop, or a table of indices where it lies
otherwise. It runs itself, slowly and plainly, as the flat program does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import starmap
from typing import Any

from ...autograd.primitives import Primitive
from ..program.program import COMPARISONS, INPUTS, LITERALS, PARAMETERS, OffPath, Program
from .listing import listing

Place = tuple[int, int]  # an array, and an index in it


@dataclass(frozen=True)
class Access:
    """Where an operand lies in its array: base + the sum of strides times loop counters, or a table by the count.

    A column has `width` entries, each `step` after the other; a table of a column holds them row by row.
    """

    array: int
    base: int
    strides: tuple[int, ...]
    width: int | None = None
    step: int = 0
    table: tuple[int, ...] | None = None

    def at(self, k: int, extents: tuple[int, ...]) -> Access:
        """What member k of a group reads, of an access without a table."""
        starts = Access(self.array, self.base, self.strides).indices(extents)
        return Access(self.array, starts[k], (), self.width, self.step)

    def indices(self, extents: tuple[int, ...]) -> list[int]:
        """The index that each instruction of a group reads, columns row by row."""
        if self.table is not None:
            return list(self.table)
        starts = [self.base]
        for extent, stride in zip(extents, self.strides, strict=True):
            starts = [start + stride * i for start in starts for i in range(extent)]
        if self.width is None:
            return starts
        return [start + self.step * j for start in starts for j in range(self.width)]


@dataclass(frozen=True)
class Group:
    """Instructions of one primitive: array[i] = primitive(operands at i), for i in the loops of `extents`.

    With primitive None it is a guard, or gathers: its operands are then columns of several arrays, laid side by side.
    `by_row` says whether it depends on the row, and so has other results for each.
    """

    array: int
    primitive: Primitive | None
    extents: tuple[int, ...]
    operands: tuple[Access, ...]
    by_row: bool
    guard: tuple[str, bool, tuple[str, ...]] | None = None  # a comparison, what it must give, the user's lines

    @property
    def size(self) -> int:
        size = 1
        for extent in self.extents:
            size *= extent
        return size


@dataclass
class Rolled:
    """The groups of a program in order, what each array is called and how long it is, and where each output lies."""

    flat: Program
    groups: list[Group] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    by_row: list[bool] = field(default_factory=list)
    slots: list[list[int]] = field(default_factory=list)  # what stands in each array
    outputs: list[Place] = field(default_factory=list)

    def __str__(self) -> str:
        """The program as a person reads it: a line for each loop."""
        return listing(self)

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

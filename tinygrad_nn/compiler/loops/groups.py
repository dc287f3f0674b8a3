"""Groups of alike instructions as data, each a loop or two over arrays.

Where an operand of a group lies in its array is a base and a stride for each loop, or a table of indices where it lies
otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from ...autograd.primitives import Primitive

Spot = tuple[int, int]  # an array, and an index in it


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
        return prod(self.extents)

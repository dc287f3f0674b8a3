"""What groups read of arrays, as intervals: in which iteration of what is kept, and the same in another array."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from ...loops.groups import Access


class Interval(NamedTuple):
    """What is read of an array: from an index to another."""

    array: int
    low: int
    high: int

    @property
    def places(self) -> slice:
        return slice(self.low, self.high)


def iteration_of(access: Access, extents: tuple[int, ...], lengths: Mapping[int, int]) -> int | None:
    """The one iteration in which all is that a group reads of an array that is kept; else None."""
    if not (length := lengths.get(access.array)):
        return None
    read = interval_of(access, extents)
    return read.low // length if read.low // length == (read.high - 1) // length else None


def interval_of(access: Access, extents: tuple[int, ...]) -> Interval:
    if access.table is not None:
        return Interval(access.array, min(access.table, default=0), 1 + max(access.table, default=0))
    moves = [stride * (extent - 1) for stride, extent in zip(access.strides, extents, strict=False)]
    moves.append(access.step * ((access.width or 1) - 1))
    low, high = (access.base + sum(each(0, move) for move in moves) for each in (min, max))
    return Interval(access.array, low, high + 1)


def from_place(access: Access, array: int, start: int) -> Access:
    """The same, of an array that is another one from there on."""
    if access.table is not None:
        return replace(access, array=array, table=tuple([index - start for index in access.table]))
    return replace(access, array=array, base=access.base - start)

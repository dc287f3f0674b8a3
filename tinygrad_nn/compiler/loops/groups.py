"""Groups of alike instructions as data, each a loop or two over arrays, and groups that run again and again.

Where an operand of a group lies in its array is a base and a stride for each loop, or a table of indices where it lies
otherwise.
"""

from __future__ import annotations

from array import array as numbers_of
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from operator import eq
from typing import Any

from ...autograd.primitives import Primitive

Spot = tuple[int, int]  # an array, and an index in it


class Spots(Sequence[Spot]):
    """Spots in order, of which there may be as many as a network has weights: eight bytes each."""

    def __init__(self, spots: Iterable[Spot] = ()) -> None:
        self.arrays, self.indices = numbers_of("i"), numbers_of("i")
        for array, index in spots:
            self.arrays.append(array)
            self.indices.append(index)

    def __len__(self) -> int:
        return len(self.arrays)

    def __getitem__(self, place: Any) -> Any:
        if not isinstance(place, slice):
            return self.arrays[place], self.indices[place]
        part = Spots()
        part.arrays, part.indices = self.arrays[place], self.indices[place]
        return part

    def __iter__(self) -> Iterator[Spot]:
        return zip(self.arrays, self.indices, strict=True)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(list(self))


class SlotPlaces(Spots):
    """Where each slot lies, by slot."""

    def __getitem__(self, slot: Any) -> Any:
        return self.arrays[slot], self.indices[slot]

    def __setitem__(self, slot: int, spot: Spot) -> None:
        self._reach(slot)
        self.arrays[slot], self.indices[slot] = spot

    def spots(self, slots: Iterable[int]) -> list[Spot]:
        """Where some slots lie."""
        return [(self.arrays[slot], self.indices[slot]) for slot in slots]

    def of(self, slots: Sequence[int]) -> Spots:
        """The same of many slots."""
        found = Spots()
        found.arrays.extend(map(self.arrays.__getitem__, slots))
        found.indices.extend(map(self.indices.__getitem__, slots))
        return found

    def put(self, slots: Sequence[int], array: int, first: int = 0) -> None:
        """Let slots lie side by side in an array, from the first index on; those below 0 are none."""
        self._reach(max(slots, default=-1))
        arrays, indices, count = self.arrays, self.indices, len(slots)
        while count and slots[count - 1] < 0:
            count -= 1
        if count > 1 and slots[0] >= 0 and all(map(eq, slots, range(slots[0], slots[0] + count))):
            arrays[slots[0] : slots[0] + count] = numbers_of("i", [array]) * count
            indices[slots[0] : slots[0] + count] = numbers_of("i", range(first, first + count))
            return
        for index, slot in enumerate(slots, first):
            if slot >= 0:
                arrays[slot], indices[slot] = array, index

    def _reach(self, slot: int) -> None:
        more = max(0, slot + 1 - len(self))
        for numbers in (self.arrays, self.indices):
            numbers.extend(numbers_of("i", [-1]) * more)


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

    def follows(self) -> bool:
        """Whether what members of the last loop read, or give, follows each other."""
        return self.table is None and self.strides[-1:] == (1,)

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

    @property
    def gathers(self) -> bool:
        """Whether it lays columns of arrays side by side."""
        return self.primitive is None and self.guard is None and not isinstance(self, Repeated)

    @property
    def spots(self) -> list[Spot]:
        """What a group without loops reads, one after the other."""
        return [(o.array, index) for o in self.operands for index in o.indices(())]


@dataclass(frozen=True)
class Repeated(Group):
    """Groups that run `times` times, one after the other. Its operands are all that they read of what was before.

    A view is an array that stands for another one from a place on, which moves by a stride with each iteration: so
    series are read, and so results of all iterations are kept. Carried arrays are filled by `firsts` at the start, and
    by `nexts` at the end of each iteration, in order. `results` are the arrays that are read afterwards.
    """

    times: int = 0
    groups: Sequence[Group] = ()
    views: Mapping[int, tuple[int, int]] = field(default_factory=dict)  # of a view, the array and the stride
    firsts: Sequence[Group] = ()
    nexts: Sequence[Group] = ()
    results: tuple[int, ...] = ()

    @property
    def kept(self) -> set[int]:
        """The arrays that results of all iterations are kept in."""
        return {array for array, _ in self.views.values()} & {*self.results}

"""The order in which a rolled program is printed: clusters, and blocks of those that a repeat runs again and again.

Positions count clusters, the beginnings of blocks and their ends, and say for how long each array is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import NamedTuple

from ....autograd.primitives import Primitive
from ...loops.clusters import Cluster, clusters, handed_on, stored
from ...loops.groups import Group, Repeated, Spot


@dataclass(frozen=True)
class Iteration:
    """A repeat, and what it does in each iteration."""

    repeat: Repeated
    entries: Sequence[Printed]


Printed = Cluster | Iteration


class View(NamedTuple):
    """What an array stands for: another one, from a place on that moves by a stride as often as a repeat runs.

    The depth is that of the repeat.
    """

    array: int
    stride: int
    times: int
    depth: int


def in_blocks(groups: Sequence[Group], read: set[int], dear: Set[Primitive]) -> list[Printed]:
    """The groups in an order that runs; `read` are the arrays that are read afterwards."""
    found = list[Printed]()
    for cluster in clusters(list(groups), read, dear):
        if isinstance(lead := cluster[0], Repeated):
            found.append(Iteration(lead, in_blocks(lead.groups, handed_on(lead), dear)))
        else:
            found.append(cluster)
    return found


def groups_of(entry: Printed) -> Sequence[Group]:
    """The groups of a cluster, or the repeat of a block."""
    return [entry.repeat] if isinstance(entry, Iteration) else entry


def everything(groups: Iterable[Group], depth: int = 0) -> Iterator[tuple[int, Group]]:
    """The groups, and those of repeats after the repeat itself, with how many repeats each is in."""
    for group in groups:
        yield depth, group
        if isinstance(group, Repeated):
            yield from everything(group.groups, depth + 1)


def needed(entries: Sequence[Printed], read: set[int]) -> set[int]:
    """The arrays that are read beyond the loop that computes them; `read` are those that are read afterwards.

    Views that keep results are among them where an iteration itself reads them.
    """
    found = here = stored([list(groups_of(entry)) for entry in entries], read)
    for repeat, inside in ((entry.repeat, entry.entries) for entry in entries if isinstance(entry, Iteration)):
        handed = {operand.array for each in repeat.nexts for operand in each.operands}
        lasting = {array for array in repeat.results if array in here and array not in repeat.kept}
        found = found | needed(inside, handed | lasting) | {first.array for first in repeat.firsts}
    return found


class Lifetimes:
    """From which position to which each array is there.

    `base` says of a view what it stands for, and `inlined` what is read in the place of an array.
    """

    def __init__(
        self, entries: Sequence[Printed], base: Callable[[int], int], inlined: Mapping[int, Sequence[Spot]]
    ) -> None:
        self.first: dict[int, int] = {}
        self.last: dict[int, int] = {}
        self.end = 0
        self._base, self._inlined = base, inlined
        self._read(entries)

    def _make(self, group: Group) -> None:
        if group.array >= 0:
            self.first.setdefault(self._base(group.array), self.end)

    def _use(self, group: Group) -> set[int]:
        """The arrays that a group reads, which are there until now."""
        arrays = [operand.array for operand in group.operands]
        arrays += [array for each in arrays for array, _ in self._inlined.get(each, ())]
        read = set(map(self._base, arrays))
        self.last |= dict.fromkeys(read, self.end)
        return read

    def _read(self, entries: Sequence[Printed]) -> set[int]:
        read = set[int]()
        for entry in entries:
            if isinstance(entry, Iteration):
                read |= self._read_block(entry)
                continue
            for group in entry:
                self._make(group)
                read |= self._use(group)
            self.end += 1
        return read

    def _read_block(self, block: Iteration) -> set[int]:
        """The arrays that a block reads. Those of before are there to its end, as the next iteration reads them too."""
        repeat, start = block.repeat, self.end
        before = set[int]()
        for first in repeat.firsts:
            self._make(first)
            before |= self._use(first)
        for array in repeat.kept:
            self.first.setdefault(self._base(array), start)
        self.end += 1
        read = self._read(block.entries).union(*map(self._use, repeat.nexts))
        read.update([first.array for first in repeat.firsts], map(self._base, repeat.kept))
        self.last |= dict.fromkeys([array for array in read if self.first.get(array, -1) <= start], self.end)
        self.end += 1
        return read | before


def packed(spans: Sequence[tuple[int, int, int]], sizes: Sequence[int]) -> tuple[dict[int, int], int]:
    """A place for each array, none over another that is in use at the same time; and how much they take together.

    A span is the first and the last cluster that an array is there for, and the array.
    """
    places: dict[int, int] = {}
    taken: list[tuple[int, int, int]] = []  # place, size, last cluster
    for begins, finishes, array in sorted(spans):
        place = 0
        for other, length in sorted((p, s) for p, s, until in taken if until >= begins):
            if place + sizes[array] <= other:
                break
            place = max(place, other + length)
        places[array] = place
        taken.append((place, sizes[array], finishes))
    return places, max((place + size for place, size, _ in taken), default=0)

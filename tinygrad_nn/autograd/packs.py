"""A pack: numbers of Values that stand side by side in memory, where compiled steps read and change them.

Such a Value keeps a cell in place of a number: the pack, and its place there. A Value is in one pack at a time; one
that a member has left is broken, and those that are still there go on as they are. The states of an optimizer stand in
arrays likewise.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence

from ..support.annotation import Any


class Pack:
    """Numbers of Values side by side: `numbers` is a memoryview of doubles, `array` what it looks at.

    `version` is another one after each change of a number; `members` is how many there are, and `broken` is set once
    one has left.
    """

    __slots__ = ("array", "broken", "members", "numbers", "version")

    def __init__(self, given: Any) -> None:
        self.array = given
        self.numbers: Any = memoryview(given)
        self.broken, self.version, self.members = False, 0, 0

    def leave(self) -> None:
        """A member is leaving."""
        self.broken = True
        self.version += 1

    def put(self, place: int, numbers: Sequence[float]) -> None:
        """Set the numbers from a place on."""
        self.numbers[place : place + len(numbers)] = memoryview(array("d", numbers))
        self.version += 1


class Cell:
    """Where the number of a Value stands."""

    __slots__ = ("pack", "place")

    def __init__(self, pack: Pack, place: int) -> None:
        self.pack, self.place = pack, place


class StatesInArrays:
    """The states of an optimizer's parameters while compiled steps change them, with a row of `array` for each number.

    It is read as a list of tuples is, and becomes one for whoever asks for the state of the optimizer.
    """

    __slots__ = ("array", "columns", "count")

    def __init__(self, array: Any, count: int) -> None:
        self.array, self.count, self.columns = array, count, [memoryview(row[:count]) for row in array]

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, place: int) -> tuple[Any, ...]:
        return tuple([column[place] for column in self.columns])

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        columns = [column.tolist() for column in self.columns]
        return zip(*columns, strict=True) if columns else iter([()] * self.count)

    def __reduce__(self) -> tuple[Any, ...]:
        return list, (list(self),)

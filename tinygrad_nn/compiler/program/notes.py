"""What is noted of the slots of a program, of all of them in little room: a network has as many as it has weights.

`BySlot` has an entry for each slot up to the last, `SlotSet` are some of them, and `Derived` which ones are named after
others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import filterfalse
from typing import Any, TypeVar

Entry = TypeVar("Entry")


class BySlot(list[Entry | None]):
    """An entry for each slot, from the first on: None where nothing is noted."""

    def get(self, slot: int) -> Entry | None:
        """What is noted of a slot, be it one after the last."""
        return self[slot] if 0 <= slot < len(self) else None

    def put(self, slot: int, entry: Entry | None) -> None:
        """Note something of a slot, be it one after the last."""
        self += [None] * (slot + 1 - len(self))
        self[slot] = entry


class Derived:
    """What is named after another slot: a prefix and that slot. The first name that is given to a slot is its own."""

    def __init__(self) -> None:
        self._given: list[tuple[str | None, Sequence[int], Sequence[int]]] = []  # since somebody asked for a name
        self._names: dict[int, tuple[str, int]] = {}

    def add(self, prefix: str, slots: Sequence[int], after: Sequence[int]) -> None:
        """Name slots by a prefix after others, one by one."""
        self._given.append((prefix, slots, after))

    def pass_on(self, slot: int, other: int) -> None:
        """Give a slot the name of another, if that has one."""
        self._given.append((None, (slot,), (other,)))

    @property
    def names(self) -> dict[int, tuple[str, int]]:
        """The prefix and the other slot, by slot."""
        for prefix, slots, after in self._given:
            for slot, other in zip(slots, after, strict=True):
                if prefix is not None:
                    self._names.setdefault(slot, (prefix, other))
                elif other in self._names:
                    self._names.setdefault(slot, self._names[other])
        self._given = []
        return self._names

    def copy(self) -> Derived:
        """One that is named on by itself."""
        twin = Derived()
        twin._given, twin._names = [*self._given], {**self._names}
        return twin

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, Derived) and self.names == other.names

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(self.names)


class SlotSet:
    """A set of slots, a byte for each up to the largest."""

    def __init__(self, slots: Sequence[int] = ()) -> None:
        self._has = bytearray()
        self.update(slots)

    def __contains__(self, slot: int) -> bool:
        return 0 <= slot < len(self._has) and bool(self._has[slot])

    def update(self, slots: Sequence[int]) -> None:
        """Add slots."""
        has = self._has
        if slots and (longer := max(slots) + 1 - len(has)) > 0:
            has.extend(bytes(longer))
        if isinstance(slots, range) and slots:
            has[slots[0] : slots[-1] + 1] = b"\1" * len(slots)
            return
        for slot in slots:
            has[slot] = 1

    def missing(self, slots: Iterable[int]) -> int | None:
        """The first of the slots that is not in it."""
        slots = list(slots)
        if slots and min(slots) >= 0 and max(slots) < len(self._has) and all(map(self._has.__getitem__, slots)):
            return None
        return next((slot for slot in slots if slot not in self), None)

    def has_all(self, slots: range) -> bool:
        """Whether slots that follow each other are in it."""
        return self._has.count(1, slots.start, slots.stop) == len(slots)

    def has_any(self, slots: range) -> bool:
        return self._has.find(1, slots.start, slots.stop) >= 0


class SlotsThatAreSet:
    """The slots that are set so far while a program is read: those given, `alone` ones, and runs of them.

    `again` says whether one was given twice.
    """

    def __init__(self, given: Mapping[int, object], alone: Sequence[int]) -> None:
        self._given, self._alone, self._runs = given.keys(), set(alone), SlotSet()
        self.again = len(self._alone) < len(alone) or not self._given.isdisjoint(self._alone)

    def missing(self, slots: Sequence[int]) -> int | None:
        """The first of the slots that nobody has set yet."""
        if self._alone.issuperset(slots):
            return None
        return self._runs.missing(filterfalse(self._alone.__contains__, filterfalse(self._given.__contains__, slots)))

    def add(self, slot: int) -> bool:
        """Set a slot; whether it was not yet."""
        new = not (slot in self._alone or slot in self._given or slot in self._runs)
        self._alone.add(slot)
        return new

    def add_all(self, slots: range) -> bool:
        """Set slots that follow each other; whether none was yet."""
        new = self._given.isdisjoint(slots) and self._alone.isdisjoint(slots) and not self._runs.has_any(slots)
        self._runs.update(slots)
        return new

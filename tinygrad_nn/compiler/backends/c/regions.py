"""Places in C as text: entries of what the caller has, at the counters of the loops that are open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

COUNTERS = "ijk"  # k counts the entries of a column, too
SHORT = 4  # products of a dot that is written out


@dataclass(frozen=True)
class Region:
    """Entries of an array of the program, or of its outputs, that lie together in C: a name, from `start` on.

    `alone` are those that are a variable and not an element.
    """

    name: str
    start: int
    size: int
    alone: bool = False

    def holds(self, first: int, last: int) -> bool:
        return self.start <= first and last < self.start + self.size

    def at(self, base: int, index: str, moves: Sequence[tuple[int, str]] = ()) -> str:
        """The entry at base + index, of a text of which the base is no part; it moves by strides times counters."""
        if self.alone:
            return self.name
        return f"{self.name}[{moved(base - self.start, index, moves)}]"

    def put(self, number: str, base: int, index: str, moves: Sequence[tuple[int, str]] = ()) -> str:
        """The statement that makes a number that entry."""
        return f"{self.at(base, index, moves)} = {number};"


def plus(index: str, base: int) -> str:
    if not index:
        return str(base)
    return f"{index} {'+' if base > 0 else '-'} {abs(base)}" if base else index


def moved(base: int, index: str, moves: Sequence[tuple[int, str]]) -> str:
    """8 * t + i + 3, say, or 29 - t."""
    ahead, back = (
        [
            counter if abs(stride) == 1 else f"{abs(stride)} * {counter}"
            for stride, counter in moves
            if stride * sign > 0
        ]
        for sign in (1, -1)
    )
    text = " + ".join([*ahead, index] if index else ahead)
    if not back:
        return plus(text, base)
    behind = " - ".join([*([str(base)] if base else [text]), *back])
    return f"{behind} + {text}" if base and text else behind


def strided(steps: Sequence[int], extents: tuple[int, ...]) -> str:
    """The counters of the loops times their strides: 3 * i + j, say; loops of one member have no counter."""
    terms = []
    for counter, step, extent in zip(COUNTERS, steps, extents, strict=False):
        if step and extent > 1:
            terms.append(f"{'-' * (step < 0)}{counter}" if abs(step) == 1 else f"{step} * {counter}")
    return " + ".join(terms).replace("+ -", "- ")


def row_entry(count: str, width: int, k: str | None) -> str:
    """Entry k of row `count` of a table that is `width` wide."""
    row = "" if count == "0" else f"{width} * ({count})" if " " in count else f"{width} * {count}"
    return " + ".join(part for part in (row, k or "") if part and part != "0") or "0"

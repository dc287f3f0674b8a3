"""Squares of numbers turned in registers, so that rows become lanes and lanes rows again.

A square of n vectors of n lanes is turned in log2 n rounds: in each, pairs of vectors exchange half of their lanes
(Eklundh, A fast computer method for matrix transposing, 1972).
"""

from __future__ import annotations

from .ir import Block


def turned(b: Block, vectors: list[str]) -> list[str]:
    """n vectors of n lanes, n a power of two: lane i of vector j becomes lane j of vector i."""
    found, distance = list(vectors), 1
    while distance < len(found):
        for i in range(len(found)):
            if not i & distance:
                found[i], found[i + distance] = _exchanged(b, found[i], found[i + distance], distance)
        distance *= 2
    return found


def lane_sums(b: Block, vectors: list[str]) -> str:
    """Of n vectors of n lanes, n a power of two: the vector of the sums of their lanes."""
    found, distance = list(vectors), len(vectors) // 2
    while distance:
        half = len(found) // 2
        found = [b.add(*_exchanged(b, found[i], found[i + half], distance)) for i in range(half)]
        distance //= 2
    return found[0]


def _exchanged(b: Block, one: str, other: str, distance: int) -> list[str]:
    """Two vectors of lanes picked from two that lie at a distance; those of the second are counted on."""
    lanes, numbers = b.kind.lanes, b.kind.numbers
    lower = [lane if not lane & distance else lanes + lane - distance for lane in range(lanes)]
    upper = [lane + distance if not lane & distance else lanes + lane for lane in range(lanes)]
    masks = (", ".join(f"i32 {lane}" for lane in picked) for picked in (lower, upper))
    return [b.let(f"shufflevector {numbers} {one}, {numbers} {other}, <{lanes} x i32> <{mask}>") for mask in masks]

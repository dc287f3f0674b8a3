"""Vectors whose lanes change places: squares of numbers turned in registers, so that rows become lanes and lanes rows
again, and vectors put together and taken apart.

A square of n vectors of n lanes is turned in log2 n rounds: in each, pairs of vectors exchange half of their lanes
(Eklundh, A fast computer method for matrix transposing, 1972).
"""

from __future__ import annotations

from collections.abc import Sequence

from .ir import Block, Kind


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
    n = b.kind.lanes
    lower = [lane if not lane & distance else n + lane - distance for lane in range(n)]
    upper = [lane + distance if not lane & distance else n + lane for lane in range(n)]
    return [picked(b, b.kind, one, other, lanes) for lanes in (lower, upper)]


def joined(b: Block, vectors: list[str]) -> str:
    """Vectors, as many as a power of two, as one: the lanes of each after those of the one before."""
    kind, parts = b.kind, vectors
    if kind.lanes == 1 and len(parts) > 1:
        whole, wide = "poison", kind.times(len(parts))
        for lane, number in enumerate(parts):
            whole = b.let(f"insertelement {wide.numbers} {whole}, {kind.numbers} {number}, i32 {lane}")
        return whole
    while len(parts) > 1:
        pairs = zip(parts[::2], parts[1::2], strict=True)
        parts = [picked(b, kind, one, other, range(2 * kind.lanes)) for one, other in pairs]
        kind = kind.times(2)
    return parts[0]


def part(b: Block, vector: str, wide: Kind, first: int) -> str:
    """The lanes of a longer vector from one on, as many as a vector of the block has."""
    if b.kind.lanes == 1:
        return b.let(f"extractelement {wide.numbers} {vector}, i32 {first}")
    return picked(b, wide, vector, "poison", range(first, first + b.kind.lanes))


def picked(b: Block, kind: Kind, one: str, other: str, lanes: Sequence[int]) -> str:
    """The vector of lanes that are picked from two of a kind; those of the second are counted on."""
    mask = ", ".join(f"i32 {lane}" for lane in lanes)
    return b.let(f"shufflevector {kind.numbers} {one}, {kind.numbers} {other}, <{len(lanes)} x i32> <{mask}>")

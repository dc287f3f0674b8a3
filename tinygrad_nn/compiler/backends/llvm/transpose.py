"""Vectors whose lanes change places: rows of numbers turned in registers, so that rows become lanes and lanes rows
again, and vectors put together and taken apart.

Parts of as many rows as they have numbers lie side by side in long vectors, where they are turned by perfect shuffles
(Stone, Parallel processing with the perfect shuffle, 1971). Parts of 128 bits keep within what x86 shuffles at once:
longer ones take as long to run, and three times as long to compile.
"""

from __future__ import annotations

from collections.abc import Sequence

from .ir import Block, Kind

SHUFFLED = 128  # bits that are at once


def columns_at_once(kind: Kind) -> int:
    """How many numbers of each row are turned into vectors of a kind at a time."""
    return min(kind.lanes, SHUFFLED // kind.bits)


def turned(b: Block, rows: list[str]) -> list[str]:
    """As many rows as a vector has lanes, of m numbers each: m vectors, of which lane i is from row i."""
    kind, m = b.kind, columns_at_once(b.kind)
    b.kind = Kind(m, kind.single)
    found = [joined(b, rows[k::m]) for k in range(m)]
    b.kind = kind
    n, half = kind.lanes, m // 2
    lower = [lane // m * m + lane % m // 2 + lane % 2 * n for lane in range(n)]
    upper = [lane + half for lane in lower]
    distance = half
    while distance:
        for i in range(m):
            if not i & distance:
                one, other = found[i], found[i + distance]
                found[i], found[i + distance] = (picked(b, kind, one, other, lanes) for lanes in (lower, upper))
        distance //= 2
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

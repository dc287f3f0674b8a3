"""Squares of numbers turned in registers, so that rows become lanes and lanes rows again.

A square of n vectors of n lanes is turned in log2 n rounds: in each, pairs of vectors exchange half of their lanes
(Eklundh, A fast computer method for matrix transposing, 1972).
"""

from __future__ import annotations

from .ir import Block


def turned(b: Block, vectors: list[str]) -> list[str]:
    """n vectors of n lanes, n a power of two: lane i of vector j becomes lane j of vector i."""
    n, kind = len(vectors), b.kind
    found, distance = list(vectors), 1
    while distance < n:
        lower = [lane if not lane & distance else n + lane - distance for lane in range(n)]
        upper = [lane + distance if not lane & distance else n + lane for lane in range(n)]
        for i in range(n):
            if not i & distance:
                pair = found[i], found[i + distance]
                found[i], found[i + distance] = (shuffled(b, kind.numbers, *pair, lanes) for lanes in (lower, upper))
        distance *= 2
    return found


def lane_sums(b: Block, vectors: list[str]) -> str:
    """Of n vectors of n lanes, n a power of two: the vector of the sums of their lanes."""
    n, found = len(vectors), list(vectors)
    distance = n // 2
    while distance:
        lower = [lane if not lane & distance else n + lane - distance for lane in range(n)]
        upper = [lane + distance if not lane & distance else n + lane for lane in range(n)]
        half = len(found) // 2
        found = [
            b.add(*(shuffled(b, b.kind.numbers, found[i], found[i + half], lanes) for lanes in (lower, upper)))
            for i in range(half)
        ]
        distance //= 2
    return found[0]


def shuffled(b: Block, numbers: str, one: str, other: str, lanes: list[int]) -> str:
    """A vector of lanes picked from two, those of the second counted on."""
    picked = ", ".join(f"i32 {lane}" for lane in lanes)
    return b.let(f"shufflevector {numbers} {one}, {numbers} {other}, <{len(lanes)} x i32> <{picked}>")

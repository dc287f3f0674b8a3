"""Where outputs lie and where they go, as a few loops over both, however weights and biases take turns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from .grouping import access
from .groups import Access, Group, Spot

Scatter = tuple[Access, Access, tuple[int, ...]]  # where outputs lie, where they go, and the loops over both
MOST_RUNS = 8  # loops over the outputs of one array


def scatters(places: Sequence[Spot], groups: Mapping[int, Group]) -> list[Scatter]:
    """Where outputs lie and where they go: in a few loops for each array, or by tables where its order is another."""
    by_array: dict[int, list[tuple[int, int]]] = {}
    for target, (array, index) in enumerate(places):
        by_array.setdefault(array, []).append((index, target))
    found: list[Scatter] = []
    for array, pairs in by_array.items():
        pairs.sort()
        runs: list[Scatter] = []
        at = 0
        while at < len(pairs) and len(runs) < MOST_RUNS:
            extents, used = _loops_of(pairs[at:])
            runs.append(_scatter(array, pairs[at : at + used], extents))
            at += used
        if at < len(pairs):
            whole = array in groups and [index for index, _ in pairs] == list(range(groups[array].size))
            runs = [_scatter(array, pairs, groups[array].extents if whole else (len(pairs),))]
        found += runs
    return found


def _scatter(array: int, pairs: list[tuple[int, int]], extents: tuple[int, ...]) -> Scatter:
    source, target = (access(array, [[pair[k]] for pair in pairs], extents, column=False) for k in (0, 1))
    return source, replace(target, array=-1), extents


def _loops_of(pairs: list[tuple[int, int]]) -> tuple[tuple[int, ...], int]:
    """The extents of one loop or two that run through the pairs from the first on, and how many of them."""

    def steps(start: int, end: int) -> tuple[int, int]:
        return pairs[end][0] - pairs[start][0], pairs[end][1] - pairs[start][1]

    inner = outer = 1
    while inner < len(pairs) and steps(inner - 1, inner) == steps(0, 1):
        inner += 1
    while (outer + 1) * inner <= len(pairs):
        at = outer * inner
        same = all(steps(at, at + k) == steps(0, k) for k in range(inner))
        if not same or steps(at - inner, at) != steps(0, inner):
            break
        outer += 1
    return ((outer, inner), outer * inner) if outer > 1 and inner > 1 else ((max(outer, inner),), max(outer, inner))

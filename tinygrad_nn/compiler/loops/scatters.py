"""Where outputs lie and where they go, as a few loops over both, however weights and biases take turns."""

from __future__ import annotations

from array import array as numbers_of
from collections.abc import Mapping, Sequence
from itertools import groupby, islice
from operator import le
from typing import TYPE_CHECKING

from .grouping import evenly, of_numbers
from .groups import Access, Group, Spot, Spots

Scatter = tuple[Access, Access, tuple[int, ...]]  # where outputs lie, where they go, and the loops over both
if TYPE_CHECKING:
    Numbers = numbers_of[int]

MOST_RUNS = 8  # loops over the outputs of one array


def scatters(places: Sequence[Spot], groups: Mapping[int, Group]) -> list[Scatter]:
    """Where outputs lie and where they go: in a few loops for each array, or by tables where its order is another."""
    by_array: dict[int, tuple[Numbers, Numbers]] = {}
    spots, at = places if isinstance(places, Spots) else Spots(places), 0
    for array, run in groupby(spots.arrays):
        indices, targets = by_array.setdefault(array, (numbers_of("i"), numbers_of("i")))
        end = at + len(list(run))
        indices += spots.indices[at:end]
        targets.extend(range(at, end))
        at = end
    found: list[Scatter] = []
    for array, pairs in by_array.items():
        indices, targets = _sorted(*pairs)
        runs: list[Scatter] = []
        at, count = 0, len(indices)
        while at < count and len(runs) < MOST_RUNS:
            extents, used = _loops_of(indices, targets, at)
            runs.append(_scatter(array, indices[at : at + used], targets[at : at + used], extents))
            at += used
        if at < count:
            whole = array in groups and count == groups[array].size and evenly(indices, 0, 1)
            runs = [_scatter(array, indices, targets, groups[array].extents if whole else (count,))]
        found += runs
    return found


def _sorted(indices: Numbers, targets: Numbers) -> tuple[Numbers, Numbers]:
    """Both by the indices, those of equal ones by the targets."""
    if all(map(le, indices, islice(indices, 1, None))):
        return indices, targets
    order = sorted(range(len(indices)), key=indices.__getitem__)
    return tuple([numbers_of("i", [numbers[k] for k in order]) for numbers in (indices, targets)])  # type: ignore[return-value]


def _scatter(array: int, indices: Numbers, targets: Numbers, extents: tuple[int, ...]) -> Scatter:
    return of_numbers(array, indices, extents), of_numbers(-1, targets, extents), extents


def _loops_of(indices: Numbers, targets: Numbers, at: int) -> tuple[tuple[int, ...], int]:
    """The extents of one loop or two that run through the pairs from one on, and how many of them."""
    both, left = (indices, targets), len(indices) - at
    inner = min(_evenly_from(numbers, at) for numbers in both)
    steps = [(n[at + inner] - n[at] if inner < left else 0, n[at + 1] - n[at] if inner > 1 else 0) for n in both]
    outer = 1
    while (outer + 1) * inner <= left:
        row = slice(at + outer * inner, at + (outer + 1) * inner)
        if not all(evenly(n[row], n[at] + outer * over, step) for n, (over, step) in zip(both, steps, strict=True)):
            break
        outer += 1
    return ((outer, inner), outer * inner) if outer > 1 and inner > 1 else ((max(outer, inner),), max(outer, inner))


def _evenly_from(numbers: Numbers, at: int) -> int:
    """How many numbers from one on are evenly spaced."""
    left = len(numbers) - at
    if left < 2:
        return left
    count, more, step = 2, 1, numbers[at + 1] - numbers[at]
    while more:
        part = numbers[at + count : at + count + more]
        if len(part) == more and evenly(part, numbers[at] + step * count, step):
            count, more = count + more, 2 * more
        else:
            more //= 2
    return count

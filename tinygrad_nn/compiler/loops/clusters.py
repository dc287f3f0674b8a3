"""Groups that can share a loop: each member of one reads, of another, only the member at the same place.

A neuron's sum, its activation and the slope of it are three groups of one length; in one loop the numbers between them
stay in registers, and what nobody else reads is never stored.
"""

from __future__ import annotations

from collections.abc import Set
from math import prod

from ...autograd.primitives import Primitive
from .groups import Access, Group, Repeated

Cluster = list[Group]

SMALLEST = 4  # members of a tile, whose sums hide how long one takes


def clusters(groups: list[Group], read: set[int], dear: Set[Primitive]) -> list[Cluster]:
    """The groups in an order that runs, those together that share a loop.

    What a single later loop reads is computed there, where no more has to be stored for it, unless its primitive is
    among the dear ones: the slope of an activation is cheap, and its operand stored anyway. `read` are the arrays that
    are read afterwards.
    """
    found: list[Cluster] = []
    place: dict[int, int] = {}  # of an array, the cluster that computes it
    latest: dict[object, int] = {}  # of loops that may be shared, the last cluster
    for group in groups:
        first = 0
        for operand in group.operands:
            if operand.array in place:
                first = max(first, place[operand.array] + (not in_step(operand, group.extents)))
        key = _loops(group)
        joined = latest.get(key, -1) if key is not None else -1
        if joined < first:
            joined = latest[key] = len(found)
            found.append([])
        found[joined].append(group)
        place |= dict.fromkeys(arrays_made(group), joined)
    return _sunk(found, place, read, dear)


def _sunk(found: list[Cluster], place: dict[int, int], read: set[int], dear: Set[Primitive]) -> list[Cluster]:
    """The clusters with what a single later one reads moved there."""
    held = stored(found, read)
    readers, apart = _readers(found)
    kept = read | apart
    moved: list[Cluster] = [[] for _ in found]  # the last group first
    for k in reversed(range(len(found))):
        for group in reversed(found[k]):
            to = k
            later = readers.get(group.array, set())
            if len(later) == 1 and k not in later and group.array not in kept and _is_cheap(group, dear):
                (only,) = later
                same = moved[only] and _loops(moved[only][-1]) == _loops(group)
                if same and all(o.array in held or o.array not in place for o in group.operands):
                    to = only
            moved[to].append(group)
    return [cluster[::-1] for cluster in moved if cluster]


def _readers(found: list[Cluster]) -> tuple[dict[int, set[int]], set[int]]:
    """The clusters that read each array, and the arrays that a loop reads otherwise than in step."""
    readers: dict[int, set[int]] = {}
    apart: set[int] = set()
    for k, cluster in enumerate(found):
        for group in cluster:
            for operand in group.operands:
                readers.setdefault(operand.array, set()).add(k)
                if not in_step(operand, group.extents):
                    apart.add(operand.array)
    return readers, apart


def arrays_made(group: Group) -> tuple[int, ...]:
    """The arrays that a group fills, for whoever comes after it."""
    return group.results if isinstance(group, Repeated) else (group.array,)


def handed_on(group: Repeated) -> set[int]:
    """The arrays of a repeat's groups that are read when an iteration is over."""
    read = {operand.array for each in group.nexts for operand in each.operands}
    return {*read, *group.views, *group.results}


def _is_cheap(group: Group, dear: Set[Primitive]) -> bool:
    """Whether a group may be computed where it is read."""
    row = group.primitive
    return row is not None and row.spellings is None and row not in dear


def stored(found: list[Cluster], read: set[int]) -> set[int]:
    """The arrays that are read beyond the loop that computes them; `read` are those that are read afterwards."""
    place = {array: k for k, cluster in enumerate(found) for group in cluster for array in arrays_made(group)}
    read = set(read)
    for k, cluster in enumerate(found):
        for group in cluster:
            read |= {operand.array for operand in group.operands if place.get(operand.array) != k}
    return read


def in_step(operand: Access, extents: tuple[int, ...]) -> bool:
    """Whether member i of a group reads entry i of an array, in order."""
    if operand.table is not None or operand.width is not None or operand.base:
        return False
    return all(s == e or n == 1 for s, e, n in zip(operand.strides, strides(extents), extents, strict=True))


def strides(extents: tuple[int, ...]) -> tuple[int, ...]:
    """The strides of loop counters in a group's own array."""
    return tuple([prod(extents[k:]) for k in range(1, len(extents) + 1)])


def tiles(count: int, most: int) -> list[tuple[int, int, int]]:
    """A loop over `count` members cut into tiles of at most `most` and of nearly one size: first member, size, times.

    They are full ones and a smaller one where that is less to write.

    >>> tiles(10, 8), tiles(19, 8), tiles(100, 8)
    ([(0, 5, 2)], [(0, 7, 1), (7, 6, 2)], [(0, 8, 12), (96, 4, 1)])
    """
    if not count:
        return []
    times, rest = -(-count // most), count % most
    size, larger = divmod(count, times)
    if larger and rest >= SMALLEST and most + rest < 2 * size + 1:
        return [(0, most, times - 1), (count - rest, rest, 1)]
    found = [(0, size + 1, larger)] if larger else []
    return [*found, ((size + 1) * larger, size, times - larger)]


def _loops(group: Group) -> object:
    """What groups have in common that may share loops; None for one that may not."""
    return None if group.primitive is None else (group.extents, group.by_row)

"""Groups that can share a loop: each member of one reads, of another, only the member at the same place.

A neuron's sum, its activation and the slope of it are three groups of one length; in one loop the numbers between them
stay in registers, and what nobody else reads is never stored.
"""

from __future__ import annotations

from ..rolled import Access, Group

Cluster = list[Group]


def clusters(groups: list[Group]) -> list[Cluster]:
    """The groups in an order that runs, those together that share a loop."""
    found: list[Cluster] = []
    place: dict[int, int] = {}  # of an array, the cluster that computes it
    for group in groups:
        reads = [(operand, place[operand.array]) for operand in group.operands if operand.array in place]
        first = max((at for _, at in reads), default=0)
        if any(at == first and not in_step(operand, group.extents) for operand, at in reads):
            first += 1
        joined = next((k for k in range(len(found) - 1, first - 1, -1) if _alike(found[k][0], group)), None)
        if joined is None:
            joined = len(found)
            found.append([])
        found[joined].append(group)
        if group.array >= 0:
            place[group.array] = joined
    return found


def sunk(found: list[Cluster], read: set[int], dear: set[str]) -> list[Cluster]:
    """The clusters with what a single later one reads moved there, where no more has to be stored for it.

    Such is the slope of an activation: cheap to compute where it is wanted, from what is stored anyway. `dear` are the
    primitives that stay where they are.
    """
    found = [list(cluster) for cluster in found]
    for k, cluster in enumerate(found):
        for group in cluster[::-1]:
            if group.primitive is None or group.primitive.name in dear or group.array in read:
                continue
            readers = {m for m, other in enumerate(found) for g in other for o in g.operands if o.array == group.array}
            if len(readers) != 1 or readers == {k}:
                continue
            (m,) = readers
            others = [[g for g in c if g is not group] for c in found]
            held = stored(others, read) | {0, 1, 2}
            in_loop = all(in_step(o, g.extents) for g in found[m] for o in g.operands if o.array == group.array)
            if in_loop and _alike(found[m][0], group) and all(o.array in held for o in group.operands):
                found = others
                found[m].insert(0, group)
    return [cluster for cluster in found if cluster]


def stored(found: list[Cluster], read: set[int]) -> set[int]:
    """The arrays that are read beyond the loop that computes them; `read` are those that are read afterwards."""
    place = {group.array: k for k, cluster in enumerate(found) for group in cluster}
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
    found = [1]
    for extent in extents[:0:-1]:
        found.insert(0, found[0] * extent)
    return tuple(found[: len(extents)])


def tiles(count: int, most: int) -> list[tuple[int, int, int]]:
    """A loop over `count` members cut into tiles of at most `most` and of nearly one size: first member, size, times.

    >>> tiles(10, 8), tiles(19, 8)
    ([(0, 5, 2)], [(0, 7, 1), (7, 6, 2)])
    """
    if not count:
        return []
    times = -(-count // most)
    size, larger = divmod(count, times)
    found = [(0, size + 1, larger)] if larger else []
    return [*found, ((size + 1) * larger, size, times - larger)]


def _alike(one: Group, other: Group) -> bool:
    """Whether two groups may share a loop."""
    if any(group.primitive is None for group in (one, other)):
        return False
    return one.extents == other.extents and one.by_row == other.by_row

"""Which sums of a loop over members are made side by side, and how many members at a time.

A processor begins an addition before the last one has ended, if neither waits for the other, and reads once what all
read. Each sum keeps its own order, so that no bit of it changes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from ....autograd import primitives as table
from ...loops.clusters import Cluster, tiles
from ...loops.groups import Access, Group
from .regions import SHORT

# Of so many products or more, how many sums are made side by side at most: what registers hold, unless the lines for
# them take more flash than the weights do.
MOST_BESIDE = {1024: 8, 32: 5}


class Tile(NamedTuple):
    """Members of the innermost loop from `first` on: `size` of them side by side, so many times."""

    first: int
    size: int
    times: int

    def access(self, access: Access) -> Access:
        """What members read, in the loops of the tiles."""
        if access.table is not None:  # which is by the count of the member
            return access
        strides = in_tiles(access.strides, self.size)
        return replace(access, base=access.base + self.first * strides[-1], strides=strides)

    def member(self, access: Access, place: int) -> Access:
        """What the member at a place in the tile reads, in the loop over tiles."""
        cut = self.access(access)
        return replace(cut, base=cut.base + place * cut.strides[-1], strides=cut.strides[:-1])

    def group(self, group: Group) -> Group:
        """A group in the loops of the tiles."""
        extents = (*group.extents[:-1], self.times, self.size)
        return replace(group, extents=extents, operands=tuple(map(self.access, group.operands)))


def in_tiles(strides: tuple[int, ...], size: int) -> tuple[int, ...]:
    """The strides of a loop over tiles and of one in a tile, in the place of that over members."""
    return (*strides[:-1], strides[-1] * size, strides[-1])


def sums_beside(cluster: Cluster) -> Cluster:
    """The groups of a cluster whose members are summed side by side: they read nothing but sums of it."""
    extents = cluster[0].extents
    if len(extents) not in (1, 2) or extents[-1] < 2:
        return []
    made, found = {group.array for group in cluster}, list[Group]()
    for group in cluster:
        if _is_long(group) and all(o.table is None and o.array not in made for o in group.operands):
            found.append(group)
            made.remove(group.array)
    if len(extents) == 2 and any(_counts(group) for group in cluster if group.array in made):
        return []
    return found if _products(found) >= min(MOST_BESIDE) else []


def tiles_beside(sums: Cluster) -> list[Tile]:
    """The tiles of the members of sums: of one size, if one leaves no rest."""
    most = next((most for products, most in MOST_BESIDE.items() if products <= _products(sums)), 0)
    count = sums[0].extents[-1] if sums else 0
    size = next((size for size in range(most, most // 2, -1) if count % size == 0), 0)
    return [Tile(0, size, count // size)] if size and count else [Tile(*tile) for tile in tiles(count, most)]


def rows_beside(cluster: Cluster) -> int:
    """How many rows at a time to go through where a loop is over all products of two columns, and large; 0 elsewhere.

    The gradient of a layer's weights is such a loop: what is read of one column serves several rows.
    """
    group = cluster[0]
    if len(cluster) > 1 or group.primitive is not table.multiply or group.size < max(MOST_BESIDE):
        return 0
    if len(group.extents) != 2 or any(o.table is not None or o.strides.count(0) != 1 for o in group.operands):
        return 0
    along = sorted([o.strides.index(0) for o in group.operands])
    return next((size for size in (4, 5, 3) if group.extents[0] % size == 0), 0) if along == [0, 1] else 0


def _products(sums: Cluster) -> int:
    return sum(group.size * (group.operands[0].width or 0) for group in sums)


def _is_long(group: Group) -> bool:
    """Whether a group is dots that are loops."""
    return group.primitive is table.dot and (group.operands[0].width or 0) > SHORT


def _counts(group: Group) -> bool:
    """Whether a member of a group is a loop over a column, which needs a counter."""
    row = group.primitive
    return row is not None and row.folds and (row is not table.dot or _is_long(group))

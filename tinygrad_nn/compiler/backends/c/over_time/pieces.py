"""Dots over columns of several arrays, as one dot after the other, each over one array: nothing is laid side by side.

The same products are added in the same order, so that no bit changes.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import pairwise

from .....autograd import primitives as table
from ....loops.clusters import handed_on, strides
from ....loops.grouping import access, add_array
from ....loops.groups import Access, Group, Repeated, SlotPlaces, Spot
from ....loops.rolled import Rolled
from ..regions import SHORT

MOST_OF_A_COLUMN = 8  # pieces of a column


def in_pieces(roll: Rolled) -> Rolled:
    """A rolled program with repeats, in which dots read arrays where they are; any other as it is."""
    if not any(isinstance(group, Repeated) for group in roll.groups):
        return roll
    result = replace(roll, sizes=[*roll.sizes], by_row=[*roll.by_row], slots=[*roll.slots])
    result.groups = _scope(result, roll.groups, {array for array, _ in roll.outputs})
    return result


def _scope(roll: Rolled, groups: Sequence[Group], wanted: Collection[int]) -> list[Group]:
    """The groups of a program or an iteration; `wanted` are the arrays that are read afterwards."""
    laid = {group.array: group for group in groups if group.gathers}
    found = list[Group]()
    for group in groups:
        if isinstance(group, Repeated):
            found.append(replace(group, groups=_scope(roll, group.groups, handed_on(group))))
        elif group.primitive is table.dot and not laid.keys().isdisjoint([o.array for o in group.operands[:2]]):
            found += _in_pieces(roll, group, laid)
        else:
            found.append(group)
    read = {*wanted, *[o.array for group in found for o in group.operands]}
    return [group for group in found if not group.gathers or group.array in read]


def _in_pieces(roll: Rolled, group: Group, laid: dict[int, Group]) -> list[Group]:
    """A dot as dots over a piece of its columns each, if all its members read the same arrays, and few."""
    *factors, start = group.operands
    if group.size == 1 and (factors[0].width or 0) <= SHORT:
        return [group]
    rows = [_sources(operand, group.extents, laid) for operand in factors]
    columns = [[{row[k][0] for row in each} for k in range(factors[0].width or 0)] for each in rows]
    if any(len(arrays) > 1 for column in columns for arrays in column):
        return [group]
    kinds = list(zip(*columns, strict=True))
    ends = [0, *[k for k in range(1, len(kinds)) if kinds[k] != kinds[k - 1]], len(kinds)]
    if len(ends) > MOST_OF_A_COLUMN + 1:
        return [group]
    found = list[Group]()
    for first, last in pairwise(ends):
        operands = [
            access(each[0][first][0], [[k for _, k in row[first:last]] for row in each], group.extents, column=True)
            for each in rows
        ]
        array = (
            group.array if last == ends[-1] else add_array(roll, SlotPlaces(), roll.slots[group.array], group.by_row)
        )
        found.append(replace(group, array=array, operands=(*operands, start)))
        start = Access(array, 0, strides(group.extents))
    return found


def _sources(operand: Access, extents: tuple[int, ...], laid: dict[int, Group]) -> list[list[Spot]]:
    """Where each member of a group reads the entries of a column, before they are laid side by side."""
    spots = laid[operand.array].spots if operand.array in laid else []
    return [[spots[k] if spots else (operand.array, k) for k in row] for row in rows_read(operand, extents)]


def rows_read(operand: Access, extents: tuple[int, ...]) -> list[list[int]]:
    """The indices that each member of a group reads."""
    indices, width = operand.indices(extents), 1 if operand.width is None else operand.width
    return [indices[k : k + width] for k in range(0, len(indices), width or 1)]

"""What repeats hand on, laid out for C: what is computed together is an array by itself, and is where it was before.

A sum over time is then one number, or one array, that iterations add to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace

from ....loops.clusters import handed_on, in_step
from ....loops.grouping import access, add_array, pieces_of
from ....loops.groups import Group, Repeated, SlotPlaces, Spot
from ....loops.rolled import Rolled
from ..blocks import Iteration, Printed, everything, groups_of
from .pieces import rows_read

At = tuple[int, int]  # a cluster, and a group in it


def apart(roll: Rolled) -> Rolled:
    """The rolled program, in which what repeats hand on lies in arrays as those that compute it, in their order."""
    result = replace(roll, sizes=[*roll.sizes], by_row=[*roll.by_row], slots=[*roll.slots])
    result.groups = [_apart(result, group) if isinstance(group, Repeated) else group for group in roll.groups]
    return result


def _apart(roll: Rolled, repeat: Repeated) -> Repeated:
    groups = [_apart(roll, group) if isinstance(group, Repeated) else group for group in repeat.groups]
    read_inside = {o.array for group in groups if isinstance(group, Repeated) for o in group.operands}
    moved: dict[int, list[Spot]] = {}
    firsts, nexts = list[Group](), list[Group]()
    for first, following in zip(repeat.firsts, repeat.nexts, strict=True):
        array, later, before = first.array, following.spots, first.spots
        sources = list(dict.fromkeys([source for source, _ in later]))
        columns = [rows_read(o, group.extents) for group in groups for o in group.operands if o.array == array]
        mixed = any(len({later[k][0] for row in rows for k in row}) > 1 for rows in columns)
        if array in read_inside or mixed:
            firsts.append(first)
            nexts.append(following)
            continue
        moved[array], names = [(-1, -1)] * len(later), roll.slots[array]
        roll.slots[array] = []
        for source in sources:
            members = sorted([k for k, (other, _) in enumerate(later) if other == source], key=later.__getitem__)
            new = add_array(roll, SlotPlaces(), [names[k] for k in members], roll.by_row[array])
            for index, k in enumerate(members):
                moved[array][k] = new, index
            firsts.append(replace(first, array=new, operands=tuple(pieces_of([before[k] for k in members]))))
            nexts.append(replace(following, array=new, operands=tuple(pieces_of([later[k] for k in members]))))

    def now(spot: Spot) -> Spot:
        return moved[spot[0]][spot[1]] if spot[0] in moved else spot

    nexts = [replace(each, operands=tuple(pieces_of(list(map(now, each.spots))))) for each in nexts]
    return replace(repeat, groups=[_reading(group, moved) for group in groups], firsts=firsts, nexts=nexts)


def _reading(group: Group, moved: dict[int, list[Spot]]) -> Group:
    """A group that reads what was moved where it is now."""
    if isinstance(group, Repeated) or moved.keys().isdisjoint([o.array for o in group.operands]):
        return group
    operands = []
    for operand in group.operands:
        if operand.array in moved and (rows := rows_read(operand, group.extents)):
            spots = [[moved[operand.array][k] for k in row] for row in rows]
            array = next(array for row in spots for array, _ in row)
            operand = access(array, [[k for _, k in row] for row in spots], group.extents, operand.width is not None)
        operands.append(operand)
    return replace(group, operands=tuple(operands))


def replaced(
    entries: Sequence[Printed], kept: Collection[int], inlined: Collection[int], sizes: Sequence[int],
    outside: Collection[int] = (),
) -> dict[int, int]:  # fmt: skip
    """The results that lie where what they replace was, as nobody reads that any more: the array of each.

    Those that are `kept` have places of their own, and so have single numbers that are read `outside` of a repeat
    around.
    """
    found = dict[int, int]()
    for block in [entry for entry in entries if isinstance(entry, Iteration)]:
        repeat = block.repeat
        found |= replaced(block.entries, kept, inlined, sizes, repeat.results)
        made, latest = _uses(block, inlined)
        late = {o.array for each in repeat.nexts for o in each.operands}
        for each in repeat.nexts:
            source, carried = each.operands[0].array, each.array
            free = source in made and source not in found and source not in kept and carried not in late
            in_scope = sizes[source] > 1 or source not in outside
            if _is_whole(each, sizes) and free and in_scope and latest.get(carried, made[source]) <= made[source]:
                found[source] = carried
    return found


def begun(entries: Sequence[Printed], elsewhere: Collection[int], sizes: Sequence[int]) -> dict[int, int]:
    """The arrays that are computed to be handed on first alone, and lie where that is: the array of each.

    Those that are `elsewhere` have places of their own.
    """
    groups = [group for entry in entries for group in groups_of(entry)]
    made = {group.array for group in groups if group.primitive is not None}
    read = Counter([array for _, group in everything(groups) for array in _reads(group)])
    found = dict[int, int]()
    for block in [entry for entry in entries if isinstance(entry, Iteration)]:
        found |= begun(block.entries, [*elsewhere, *handed_on(block.repeat)], sizes)
        for first in block.repeat.firsts:
            source = first.operands[0].array
            free = source in made and read[source] == 1 and source not in elsewhere
            if free and sizes[source] > 1 and _is_whole(first, sizes):
                found[source] = first.array
    return found


def _reads(group: Group) -> list[int]:
    """The arrays that a group reads; of a repeat, but for what its own groups do."""
    if not isinstance(group, Repeated):
        return [o.array for o in group.operands]
    views = [array for array, _ in group.views.values()]
    return views + [o.array for each in (*group.firsts, *group.nexts) for o in each.operands]


def _is_whole(gather: Group, sizes: Sequence[int]) -> bool:
    """Whether what is laid side by side is one array as it is."""
    source = gather.operands[0].array
    return gather.spots == [(source, index) for index in range(sizes[source])]


def _uses(block: Iteration, inlined: Collection[int]) -> tuple[dict[int, At], dict[int, At]]:
    """Where an iteration computes each array, and where it reads each for the last time.

    What is read otherwise than in step, in a loop over members, is read until this loop ends.
    """
    made, latest = dict[int, At](), dict[int, At]()
    for k, entry in enumerate(block.entries):
        groups = groups_of(entry)
        for place, group in enumerate(groups):
            made[group.array] = k, place
            for operand in group.operands:
                at: At = k, place
                if isinstance(group, Repeated) or group.array in inlined:
                    at = len(block.entries), 0
                elif group.size > 1 and not in_step(operand, group.extents):
                    at = k, len(groups)
                latest[operand.array] = max(latest.get(operand.array, at), at)
    return made, latest

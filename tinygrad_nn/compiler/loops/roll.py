"""Rolling: a flat program as the loops that it was written by, found again in it.

Instructions of one primitive at one level that read from the same arrays form a group. Its results are an array, in the
order of what they read. A layer of neurons is one group of dots, its activations another; the gradient of its weights
is a group of products in two loops. What a repeat's body holds is grouped in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...support.decorators import uncollected
from ..program.program import Family, Guard, Instruction, Operand, Program, ProgramEntry
from .find import LEAST_CHAIN, level_of, longest_chain, repeats_in
from .grouping import (
    FEWEST_RAGGED,
    Read,
    Scope,
    access,
    add_array,
    add_families,
    add_group,
    affine,
    each_apart,
    lay_together,
    pieces_of,
    read_from_one,
)  # fmt: skip
from .groups import Access, Group, Repeated, SlotPlaces, Spot
from .repeats import AnyEntry, Repeat, as_one, slots_set
from .rolled import Rolled


@uncollected
def rolled(program: Program, body: Sequence[AnyEntry] | None = None) -> Rolled:
    """The program in groups. All inputs are of the row; parameters and literals are the same for all rows.

    Its repeats are found first, unless its `body` is given, with repeats or without.
    """
    roll = Rolled(program)
    places = SlotPlaces()
    for slots, by_row in ((program.inputs, True), (list(program.parameters), False), (list(program.literals), False)):
        add_array(roll, places, list(slots), by_row)
    if body is None:
        chain = longest_chain(program)
        body = program.entries if chain < LEAST_CHAIN else repeats_in(program, chain)
    in_groups(Scope(roll, places, roll.groups), body)
    roll.outputs = places.of(program.outputs)
    return roll


def _by_level(body: Sequence[AnyEntry], count: int) -> dict[int, list[AnyEntry]]:
    """The entries of a body by how many of them need one another up to each; slots below `count` are there before."""
    levels = [0] * max([count, *[1 + _last(entry) for entry in body]])
    found: dict[int, list[AnyEntry]] = {}
    columns: dict[tuple[int, ...], int] = {}
    for given in body:
        for entry in _where_alike(given, levels.__getitem__):
            level = level_of(entry, levels.__getitem__, columns)
            found.setdefault(level, []).append(entry)
            if isinstance(entry, Instruction):
                levels[entry.slot] = level
            elif isinstance(entry, Family):
                levels[entry.slot : entry.slot + entry.size] = [level] * entry.size
            elif isinstance(entry, Repeat):
                for slot in entry.sets():
                    levels[slot] = level
    return found


def in_groups(scope: Scope, body: Sequence[AnyEntry]) -> None:
    """Add a body in groups, level by level."""
    places, waiting = scope.places, _by_level(body, len(scope.places))
    columns: dict[Operand, tuple[list[Spot], tuple[int, ...]]] = {}  # as many read the same ones

    def spots(operand: Operand) -> tuple[list[Spot], tuple[int, ...]]:
        """Where an operand lies, and in which arrays."""
        if isinstance(operand, int):
            return [spot := places[operand]], spot[:1]
        if (found := columns.get(operand)) is None:
            laid = places.spots(operand)
            found = columns[operand] = laid, tuple(dict.fromkeys([array for array, _ in laid]))
        return found

    for level in sorted(waiting):
        columns.clear()
        alike: dict[tuple[object, ...], list[tuple[Read, ProgramEntry]]] = {}
        repeats: dict[int, list[Repeat]] = {}
        for given in waiting[level]:
            for entry in _where_alike(given, places.arrays.__getitem__):
                if isinstance(entry, Repeat):
                    repeats.setdefault(entry.times, []).append(entry)
                    continue
                both = [spots(o) for o in entry.operands]
                read = [laid for laid, _ in both]
                alike.setdefault(_kind(entry, read, tuple([of for _, of in both])), []).append((read, entry))
        ragged: dict[object, list[list[int]]] = {}
        for kind, members in alike.items():
            slots = add_families(scope, members)
            if slots is None:
                apart = sorted(each_apart(members), key=lambda member: member[0])
                entries = [entry for _, entry in apart]
                add_group(scope, [read for read, _ in apart], entries)
                slots = [entry.slot for entry in entries if isinstance(entry, Instruction)]
            ragged.setdefault(kind[:-1], []).append(slots)
        for groups in ragged.values():
            if len(groups) >= FEWEST_RAGGED:
                lay_together(scope, [slot for group in groups for slot in group])
        for alike_in_time in repeats.values():
            repeated(scope, as_one(alike_in_time))


def _last(entry: AnyEntry) -> int:
    """The largest slot that an entry sets; -1 where it sets none."""
    if isinstance(entry, Repeat):
        return max(entry.sets(), default=-1)
    return -1 if isinstance(entry, Guard) else entry.results[-1] if isinstance(entry, Family) else entry.slot


def _where_alike(entry: AnyEntry, known: Callable[[int], int]) -> Sequence[AnyEntry]:
    """A family by itself where what is known of all that a column of it reads is the same; else its members."""
    if not isinstance(entry, Family) or all(len({*map(known, o)}) == 1 for o in entry.columns()):
        return (entry,)
    return entry.members()


def _kind(entry: ProgramEntry, read: Read, arrays: tuple[tuple[int, ...], ...]) -> tuple[object, ...]:
    """What the members of a group share: the primitive, the arrays that each operand is read from, and the widths."""
    widths = (1,) * len(read) if isinstance(entry, Family) else tuple(map(len, read))
    if isinstance(entry, Guard):
        return entry.comparison, entry.expected, arrays, widths
    return entry.primitive, arrays, widths


def repeated(scope: Scope, repeat: Repeat) -> None:
    """Add a repeat: the groups of its body, what they read of each iteration, and what is handed on."""
    roll, places = scope.roll, scope.places
    outside = dict.fromkeys([places.arrays[slot] for slot in repeat.slots()])
    origins = {**scope.origins, **{slot: scope.origins.get(first, first) for slot, first in repeat.origins.items()}}
    inside = Scope(roll, places, [], scope.by_row or any(roll.by_row[array] for array in outside), origins)
    views = _series(scope, inside, repeat)
    outside |= dict.fromkeys([array for array, _ in views.values()])
    carried = _carried(repeat)
    firsts = []
    for slots in carried:
        lying = pieces_of(places.spots([repeat.carried[slot][0] for slot in slots]))
        array = add_array(roll, places, slots, inside.by_row)
        roll.slots[array] = [origins.get(latest, latest) for latest in map(repeat.latest, slots)]
        firsts.append(Group(array, None, (), tuple(lying), inside.by_row))
    in_groups(inside, repeat.body)
    nexts = []
    for first, slots in zip(firsts, carried, strict=True):
        lying = pieces_of(places.spots([repeat.carried[slot][1] for slot in slots]))
        nexts.append(Group(first.array, None, (), tuple(lying), inside.by_row))
    kept = _keep(inside, repeat, views)
    last = dict[int, None]()
    for slot, later in repeat.last.items():
        array, index = places[slot]
        if array in kept:
            array, stride = views[array]
            index += (repeat.times - 1) * stride
        else:
            last[array] = None
        places[later] = array, index
    read = tuple([Access(array, 0, (), roll.sizes[array], 1) for array in outside])
    results = (*[views[array][0] for array in kept], *last)
    scope.groups.append(
        Repeated(-1, None, (), read, inside.by_row, None, repeat.times, inside.groups, views, firsts, nexts, results)
    )


def _series(scope: Scope, inside: Scope, repeat: Repeat) -> dict[int, tuple[int, int]]:
    """Views that move by a stride with each iteration, through which a body reads what differs; laid in order before
    where it does not lie so."""
    roll, places = scope.roll, scope.places
    times = (repeat.times,)
    found: dict[tuple[int, int], int] = {}
    apart: dict[int, list[Spot]] = {}

    def viewed(slot: int, array: int, indices: list[int], strides: tuple[int, ...]) -> None:
        key = array, strides[0]
        if key not in found:
            found[key] = add_array(roll, SlotPlaces(), roll.slots[array], roll.by_row[array])
        places[slot] = found[key], indices[0]

    for slot, series in repeat.each.items():
        spots = places.spots(series)
        indices = [index for _, index in spots]
        strides = affine(indices, times) if len({array for array, _ in spots}) == 1 else None
        if strides is None:
            apart[slot] = spots
        else:
            viewed(slot, spots[0][0], indices, strides)
    if apart:
        array, lying = read_from_one(scope, list(apart.values()))
        if any(affine(indices, times) is None for indices in lying):
            laid = [index for indices in lying for index in indices]
            piece = access(array, [laid], (), column=True)
            array = add_array(roll, SlotPlaces(), [-1] * len(laid), roll.by_row[array])
            scope.groups.append(Group(array, None, (), (piece,), roll.by_row[array]))
            lying = [list(range(k, k + repeat.times)) for k in range(0, len(laid), repeat.times)]
        for slot, indices in zip(apart, lying, strict=True):
            viewed(slot, array, indices, affine(indices, times) or (0,))
    return {view: key for key, view in found.items()}


def _carried(repeat: Repeat) -> list[list[int]]:
    """The carried slots that are to be an array each: what alike instructions compute, in the order of those.

    What waits for other carried numbers, those of the iteration before the one before, comes first.
    """
    order = {slot: k for k, slot in enumerate(slots_set(repeat.body))}
    kinds = {
        entry.slot: (entry.primitive, *[len(o) if isinstance(o, tuple) else 0 for o in entry.operands])
        for entry in repeat.body
        if isinstance(entry, Instruction)
    }
    found: dict[tuple[int, object], list[tuple[int, int]]] = {}
    for slot, (_, later) in repeat.carried.items():
        behind = 0
        while later in repeat.carried:
            behind, later = behind + 1, repeat.carried[later][1]
        found.setdefault((behind, kinds.get(later)), []).append((order[later], slot))
    return [[slot for _, slot in sorted(found[key])] for key in sorted(found, key=lambda key: -key[0])]


def _keep(inside: Scope, repeat: Repeat, views: dict[int, tuple[int, int]]) -> list[int]:
    """The arrays of a body that are kept in all iterations, and so are views on longer ones, which are made here."""
    roll, places = inside.roll, inside.places
    kept: dict[int, list[tuple[int, tuple[int, ...]]]] = {}
    for slot, series in repeat.kept.items():
        array, index = places[slot]
        kept.setdefault(array, []).append((index, series))
    for array, members in kept.items():
        size = roll.sizes[array]
        slots = [-1] * (size * repeat.times)
        for index, series in members:
            slots[index::size] = series
        whole = add_array(roll, places, slots, inside.by_row)
        views[array] = whole, size
    return list(kept)

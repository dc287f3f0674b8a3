"""Groups are made here: of alike instructions, where their operands lie, and arrays laid side by side for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from operator import eq, lt

from ..program.program import LITERALS, Family, Guard, Instruction, ProgramEntry
from .groups import Access, Group, SlotPlaces, Spot
from .rolled import Rolled

Read = list[list[Spot]]  # of each operand of an instruction, what it reads; of a family, what all its members do

FEWEST_RAGGED = 3  # groups that differ in the widths of columns alone, and are laid together
MOST_PIECES = 16  # of a column that is pieced together from several arrays, in the order in which it is read


@dataclass
class Scope:
    """Where groups are added: those of a program, or of a repeat's body; `by_row` where all of them are of the row."""

    roll: Rolled
    places: SlotPlaces
    groups: list[Group]
    by_row: bool = False
    origins: Mapping[int, int] = field(default_factory=dict)  # of slots, those that they are named after


def add_array(roll: Rolled, places: SlotPlaces, slots: list[int], by_row: bool) -> int:
    array = len(roll.sizes)
    roll.sizes.append(len(slots))
    roll.by_row.append(by_row)
    roll.slots.append(slots)
    places.put(slots, array)
    return array


def add_group(scope: Scope, reads: list[list[list[Spot]]], entries: list[Instruction | Guard]) -> None:
    """A group of alike instructions, whose operands lie at `reads`, and the array of their results."""
    roll, first = scope.roll, entries[0]
    columns = [isinstance(operand, tuple) for operand in first.operands]
    lying = [read_from_one(scope, [read[k] for read in reads]) for k in range(len(columns))]
    extents = _extents([[row[0] if row else 0 for row in rows] for _, rows in lying])
    operands = tuple(access(array, rows, extents, column) for (array, rows), column in zip(lying, columns, strict=True))
    by_row = scope.by_row or any(roll.by_row[operand.array] for operand in operands)
    if isinstance(first, Guard):
        where = tuple([entry.where for entry in entries if isinstance(entry, Guard)])
        scope.groups.append(Group(-1, None, extents, operands, by_row, (first.comparison, first.expected, where)))
        return
    slots = [entry.slot for entry in entries if isinstance(entry, Instruction)]
    array = add_array(roll, scope.places, slots, by_row)
    roll.slots[array] = [scope.origins.get(slot, slot) for slot in slots]
    scope.groups.append(Group(array, first.primitive, extents, operands, by_row))


def lay_together(scope: Scope, slots: list[int]) -> None:
    """One array of the results of groups that differ in the widths of columns alone, so that their readers do not."""
    roll, pieces = scope.roll, pieces_of(scope.places.spots(slots))
    by_row = scope.by_row or any(roll.by_row[piece.array] for piece in pieces)
    array = add_array(roll, scope.places, slots, by_row)
    roll.slots[array] = [scope.origins.get(slot, slot) for slot in slots]
    scope.groups.append(Group(array, None, (), tuple(pieces), by_row))


def each_apart(members: Sequence[tuple[Read, ProgramEntry]]) -> list[tuple[Read, Instruction | Guard]]:
    """The members of a group with each one of its families apart."""
    found: list[tuple[Read, Instruction | Guard]] = []
    for read, entry in members:
        if not isinstance(entry, Family):
            found.append((read, entry))
            continue
        columns = [laid * (entry.size // len(laid)) for laid in read]
        reads = [[[place] for place in places] for places in zip(*columns, strict=True)]
        found += zip(reads, entry.members(), strict=True)
    return found


def add_families(scope: Scope, members: list[tuple[Read, ProgramEntry]]) -> list[int] | None:
    """Add a group of families alone, if they can be put one after the other in the order of what their members read.

    The slots of its results in order; None where there is no such group.
    """
    if not all(isinstance(entry, Family) for _, entry in members):
        return None
    members.sort(key=lambda member: member[0][0][0])
    families = [entry for _, entry in members if isinstance(entry, Family)]
    shared = [laid[0] for (laid, *_), _ in members if len(laid) == 1]
    rising = [next(laid for laid in read if len(laid) > 1) for read, _ in members]
    if len(members) > max(1, len(shared)) or not all(all(map(lt, laid, laid[1:])) for laid in (shared, *rising)):
        return None
    sequences: list[list[int]] = [[] for _ in families[0].operands]
    for (read, _), family in zip(members, families, strict=True):
        for sequence, laid in zip(sequences, read, strict=True):
            sequence += [index for _, index in laid] * (family.size // len(laid))
    extents = _extents(sequences)
    arrays = [laid[0][0] for laid in members[0][0]]
    operands = tuple([of_numbers(array, each, extents) for array, each in zip(arrays, sequences, strict=True)])
    by_row = scope.by_row or any(scope.roll.by_row[array] for array in arrays)
    slots = [slot for family in families for slot in family.results]
    array = add_array(scope.roll, scope.places, slots, by_row)
    scope.groups.append(Group(array, families[0].primitive, extents, operands, by_row))
    return slots


def read_from_one(scope: Scope, rows: list[list[Spot]]) -> tuple[int, list[list[int]]]:
    """The one array that an operand of a group is read from, and the indices there for each member of the group.

    Where a column is pieced together from several arrays, a gathering group that lays them side by side comes before.
    """
    roll = scope.roll
    each = {id(row): row for row in rows}  # as many read the same one
    arrays = {array for row in each.values() for array, _ in row}
    if len(arrays) <= 1:
        indices = {name: [index for _, index in row] for name, row in each.items()}
        return next(iter(arrays), LITERALS), [indices[id(row)] for row in rows]
    distinct = list(dict.fromkeys(map(tuple, each.values())))
    laid = [place for row in distinct for place in row]
    pieces = pieces_of(laid)
    if len(pieces) > MOST_PIECES:  # that take turns: each array once, and in its order
        order = {array: k for k, array in enumerate(dict.fromkeys(array for array, _ in laid))}
        laid = sorted(set(laid), key=lambda place: (order[place[0]], place[1]))
        pieces = pieces_of(laid)
        where = {place: k for k, place in enumerate(laid)}
        indices = {name: [where[place] for place in row] for name, row in each.items()}
    else:
        firsts = {row: len(row) * k for k, row in enumerate(distinct)}
        starts = {name: firsts[tuple(row)] for name, row in each.items()}
        indices = {name: list(range(starts[name], starts[name] + len(row))) for name, row in each.items()}
    array = add_array(roll, SlotPlaces(), [-1] * len(laid), scope.by_row or any(roll.by_row[a] for a in arrays))
    scope.groups.append(Group(array, None, (), tuple(pieces), roll.by_row[array]))
    return array, [indices[id(row)] for row in rows]


def pieces_of(laid: Sequence[Spot]) -> list[Access]:
    """What is laid side by side, as columns of one array each."""
    pieces, start = [], 0
    for end in range(1, len(laid) + 1):
        if end == len(laid) or laid[end][0] != laid[start][0]:
            pieces.append(access(laid[start][0], [[index for _, index in laid[start:end]]], (), column=True))
            start = end
    return pieces


def _extents(sequences: list[list[int]]) -> tuple[int, ...]:
    """One loop over the members, or two where that makes every sequence of indices affine."""
    count = len(sequences[0]) if sequences else 1
    breaks = [k for k in map(_first_break, sequences) if k < count]
    if breaks and count % min(breaks) == 0:
        inner = min(breaks)
        if all(affine(sequence, (count // inner, inner)) is not None for sequence in sequences):
            return count // inner, inner
    return (count,)


def _first_break(sequence: list[int]) -> int:
    """How many of the indices, from the first, are evenly spaced."""
    stride = sequence[1] - sequence[0] if len(sequence) > 1 else 0
    return next((k for k in range(2, len(sequence)) if sequence[k] - sequence[k - 1] != stride), len(sequence))


def affine(sequence: Sequence[int], extents: tuple[int, ...]) -> tuple[int, ...] | None:
    """The strides of the loops by which the indices follow from the first, or None."""
    if not extents:
        return ()
    inner = extents[-1]
    stride = sequence[1] - sequence[0] if inner > 1 else 0
    outer = sequence[inner] - sequence[0] if len(sequence) > inner else 0
    strides = (outer, stride)[-len(extents) :]
    starts = Access(0, sequence[0], strides[:-1]).indices(extents[:-1])
    rows = [sequence[k : k + inner] for k in range(0, len(sequence), inner)] if inner else []
    even = len(rows) == len(starts) and all(evenly(row, start, stride) for row, start in zip(rows, starts, strict=True))
    return strides if even and len(sequence) == inner * len(starts) else None


def evenly(numbers: Sequence[int], first: int, stride: int) -> bool:
    """Whether numbers go from the first on by a stride."""
    count = len(numbers)
    return all(map(eq, numbers, range(first, first + stride * count, stride) if stride else repeat(first)))


def of_numbers(array: int, sequence: Sequence[int], extents: tuple[int, ...]) -> Access:
    """Where an operand that is no column lies, given the index for each member of the group."""
    strides = affine(sequence, extents)
    if strides is None:
        return Access(array, 0, (0,) * len(extents), None, 0, tuple(sequence))
    return Access(array, sequence[0], strides)


def access(array: int, rows: list[list[int]], extents: tuple[int, ...], column: bool) -> Access:
    """Where an operand lies, given the indices for each member of the group."""
    strides = affine([row[0] for row in rows], extents) if rows and rows[0] else (0,) * len(extents)
    width = len(rows[0]) if column else None
    step = rows[0][1] - rows[0][0] if len(rows[0]) > 1 else 0
    each = {id(row): row for row in rows}.values()
    even = all(row == list(range(row[0], row[0] + step * len(row), step)) for row in each) if step else (
        all(len(set(row)) <= 1 for row in each))  # fmt: skip
    if strides is None or not even:
        return Access(array, 0, (0,) * len(extents), width, 0, tuple([index for row in rows for index in row]))
    return Access(array, rows[0][0] if rows[0] else 0, strides, width, step)

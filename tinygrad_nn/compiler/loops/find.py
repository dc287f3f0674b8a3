"""Finding repeats: the loops over time that a flat program was written by, in its value and in its gradient.

Each recurrence of a body becomes a repeat, and in its body repeats are found again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import count

from ...support.decorators import uncollected
from ..program.program import Family, Guard, Instruction, Program, of_operands
from .periods import Flat, Periodic
from .recurrences import recurrences
from .repeats import AnyEntry, BodyEntry, Repeat, slots_set

LEAST_CHAIN = 24  # instructions that need one another in a program with repeats
LONG_CHAIN = 96  # that is of iterations, surely
EARLY = 8  # instructions that need one another from the program's start


@uncollected
def repeats_in(program: Program, chain: int | None = None) -> list[BodyEntry]:
    """The body of a program with its repeats found; equal to the bit when it is run.

    What is alike and hands nothing on, as the neurons of a layer, is no repeat. Its longest `chain` may be given.
    """
    if (chain := longest_chain(program) if chain is None else chain) < LEAST_CHAIN:
        return list(program.body)
    used = [*program.inputs, *program.parameters, *program.literals, *slots_set(program.body)]
    body, wanted, unused = list(program.body), set(program.outputs), count(1 + max(used))
    found = _with_repeats(body, wanted, unused)
    if chain >= LONG_CHAIN and max(_levels(found)) >= LONG_CHAIN:
        apart = _with_repeats(_early_first(body), wanted, unused)
        found = min(found, apart, key=lambda tried: max(_levels(tried)))
    return found


def may_repeat(program: Program) -> bool:
    """Whether so many instructions need one another that there may be repeats."""
    return longest_chain(program) >= LEAST_CHAIN


def longest_chain(program: Program) -> int:
    """How many instructions need one another: a few where there are no repeats."""
    levels = dict.fromkeys([*program.inputs, *program.parameters, *program.literals], 0)
    known, columns = levels.__getitem__, dict[tuple[int, ...], int]()
    for entry in program.entries:
        if isinstance(entry, Family):
            levels |= dict.fromkeys(entry.results, level_of(entry, known, columns))
        elif isinstance(entry, Instruction):
            levels[entry.slot] = level_of(entry, known, columns)
    return max(levels.values(), default=0)


def level_of(entry: AnyEntry, known: Callable[[int], int], columns: dict[tuple[int, ...], int]) -> int:
    """How many entries need one another up to this one, by those of slots; of columns it is noted, as many read one."""
    latest = 0
    for operand in entry.slots() if isinstance(entry, Repeat) else entry.operands:
        if isinstance(operand, tuple):
            level = columns.get(operand, -1)
            if level < 0:
                level = columns[operand] = max(map(known, operand), default=0)
        else:
            level = known(operand)
        if level > latest:
            latest = level
    return latest + 1


def least_groups(body: Sequence[BodyEntry]) -> int:
    """How many groups a body is in at least, of alike instructions at one level."""
    levels = zip(_levels(body), body, strict=True)
    alike = {(level, entry.primitive) for level, entry in levels if isinstance(entry, Instruction)}
    return len(alike) + max([least_groups(entry.body) for entry in body if isinstance(entry, Repeat)], default=0)


def _levels(body: Sequence[BodyEntry]) -> list[int]:
    """How many entries need one another up to each."""
    found, levels = list[int](), dict[int, int]()
    for entry in body:
        found.append(1 + max([levels.get(slot, 0) for slot in entry.slots()], default=0))
        levels |= dict.fromkeys(slots_set([entry]), found[-1])
    return found


def _early_first(body: Flat) -> Flat:
    """The body with what needs few instructions first.

    Where a series has equal numbers, iterations share what they make of them, and only look alike without it.
    """
    levels = _levels(body)
    return [body[k] for k in sorted(range(len(body)), key=lambda k: levels[k] > EARLY)]


def _with_repeats(body: Flat, wanted: set[int], unused: Iterator[int]) -> list[BodyEntry]:
    """The body with repeats, and with repeats in their bodies. `wanted` are the slots that are read afterwards."""
    made = {entry.slot: k for k, entry in enumerate(body) if isinstance(entry, Instruction)}
    runs = recurrences(body, made)
    if not runs:
        return list(body)
    outside = _read_outside(body, made, runs) | wanted
    found, at = list[BodyEntry](), 0
    for run in runs:
        found += body[at : run.start]
        found.append(_repeat(body, made, run, outside, unused))
        at = run.end
    return [*found, *body[at:]]


def _read_outside(body: Flat, made: dict[int, int], runs: list[Periodic]) -> set[int]:
    """The slots set in a run that are read outside of it."""
    of_run = [-1] * len(body)
    for number, run in enumerate(runs):
        of_run[run.start : run.end] = [number] * (run.end - run.start)
    return {
        slot
        for k, entry in enumerate(body)
        for slot in entry.slots()
        if (at := made.get(slot)) is not None and of_run[at] != of_run[k] and of_run[at] >= 0
    }


def _repeat(body: Flat, made: dict[int, int], run: Periodic, outside: set[int], unused: Iterator[int]) -> Repeat:
    """The repeat of a run."""
    start, end, period = run
    times = (end - start) // period
    result = Repeat(times, [])
    local = [next(unused) for _ in range(period)]
    series: dict[tuple[int, ...], int] = {}
    lagging: dict[tuple[int, tuple[int, ...]], int] = {}

    def carried(place: int, firsts: tuple[int, ...]) -> int:
        """The slot of what a place made as many iterations before as it has firsts."""
        if not firsts:
            return local[place]
        if (place, firsts) not in lagging:
            later = carried(place, firsts[1:])
            lagging[place, firsts] = slot = next(unused)
            result.carried[slot] = firsts[0], later
        return lagging[place, firsts]

    def slot_of(read: tuple[int, ...]) -> int:
        """The slot of an operand, given what it is in each iteration."""
        at = made.get(read[-1], -1)
        if at >= start:
            made_in, place = divmod(at - start, period)
            return carried(place, read[: times - 1 - made_in])
        if read.count(read[0]) == times:
            return read[0]
        if read not in series:
            series[read] = slot = next(unused)
            result.each[slot] = read
        return series[read]

    flat = list[Instruction | Guard]()
    for place in range(period):
        entries = body[start + place : end : period]
        operands = map(slot_of, zip(*[entry.slots() for entry in entries], strict=True))
        flat.append(_reading(entries[0], local[place], operands))
        results = tuple(slots_set(entries))
        result.origins |= zip(local[place : place + 1], results, strict=False)
        if not outside.isdisjoint(results[:-1]):
            result.kept[local[place]] = results
        elif not outside.isdisjoint(results):
            result.last[local[place]] = results[-1]
    wanted = {*result.kept, *result.last, *[later for _, later in result.carried.values()]}
    result.body = _with_repeats(flat, wanted, unused)
    return result


def _reading(entry: Instruction | Guard, slot: int, operands: Iterator[int]) -> Instruction | Guard:
    """An entry that sets another slot, and reads others."""
    if isinstance(entry, Guard):
        return replace(entry, left=next(operands), right=next(operands))
    return Instruction(slot, entry.primitive, of_operands(lambda _: next(operands), entry.operands))

"""Finding repeats: the loops over time that a flat program was written by, in its value and in its gradient.

A stretch of a body repeats with a period where at each place of it the primitive is the same, and each number that is
read was made at the same distance before, or else before the stretch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from heapq import heapify, heappop, heappush
from itertools import count

from ...support.decorators import uncollected
from ..program.program import Guard, Instruction, Program, of_operands
from .chains import Distances, chains_in
from .periods import Periodic, shapes_of, stretches
from .repeats import BodyEntry, Repeat, slots_set

LEAST_TIMES = 8  # that a body runs
MOST_LAGS = 16  # iterations after which a number is still read
LEAST_CHAIN = 24  # instructions that need one another in a program with repeats

Flat = Sequence[Instruction | Guard]


@uncollected
def repeats_in(program: Program) -> list[BodyEntry]:
    """The body of a program with its repeats found; equal to the bit when it is run.

    What is alike and hands nothing on, as the neurons of a layer, is no repeat.
    """
    if _longest_chain(program.body) < LEAST_CHAIN:
        return list(program.body)
    used = [*program.inputs, *program.parameters, *program.literals, *slots_set(program.body)]
    return _with_repeats(program.body, set(program.outputs), count(1 + max(used)))


def _longest_chain(body: Flat) -> int:
    levels: dict[int, int] = {}
    for entry in body:
        if isinstance(entry, Instruction):
            levels[entry.slot] = 1 + max([levels.get(slot, 0) for slot in entry.slots()], default=0)
    return max(levels.values(), default=0)


def _with_repeats(body: Flat, wanted: set[int], unused: Iterator[int]) -> list[BodyEntry]:
    """The body with repeats, and with repeats in their bodies. `wanted` are the slots that are read afterwards."""
    made = {entry.slot: k for k, entry in enumerate(body) if isinstance(entry, Instruction)}
    runs = _Finder(body, made).runs()
    outside = _read_outside(body, made, runs) | wanted
    found, at = list[BodyEntry](), 0
    for run in runs:
        found += body[at : run.start]
        found.append(_repeat(body, made, run, outside, unused))
        at = run.end
    return [*found, *body[at:]]


class _Finder:
    """The search for repeats in one body; `made` is where each slot is set."""

    def __init__(self, body: Flat, made: dict[int, int]) -> None:
        self.body, self.made = body, made
        self.shapes = shapes_of(body)

    def runs(self) -> list[Periodic]:
        """The stretches that repeat, whole periods each and apart, in order: the longest that there are, first."""
        waiting = [(-(s.end - s.start - s.period), False, s) for s in stretches(self.body, self.shapes)]
        heapify(waiting)
        taken = bytearray(len(self.body))
        found = list[Periodic]()
        while waiting:
            _, verified, stretch = heappop(waiting)
            if not verified:
                new = self._verified(self._extended(stretch, taken))
            else:
                new = [self._clipped(stretch, taken)]
            for run in new:
                if verified and run == stretch:
                    run = self._rotated(run)
                    found.append(run)
                    taken[run.start : run.end] = b"\1" * (run.end - run.start)
                elif run.end - run.start >= LEAST_TIMES * run.period:
                    heappush(waiting, (-(run.end - run.start - run.period), True, run))
        return sorted(found)

    def _clipped(self, stretch: Periodic, taken: bytearray) -> Periodic:
        """The longest part of a stretch that is free."""
        best = start = stretch.start
        length = 0
        while start < stretch.end:
            end = taken.find(1, start, stretch.end)
            end = stretch.end if end < 0 else end
            if end - start > length:
                best, length = start, end - start
            start = taken.find(0, end, stretch.end)
            if start < 0:
                break
        return Periodic(best, best + length, stretch.period)

    def _extended(self, stretch: Periodic, taken: bytearray) -> Periodic:
        """A free stretch as far as the shapes are the same, at most thrice as long."""
        (start, end, period), shapes = self._clipped(stretch, taken), self.shapes
        if end - start <= period:
            return Periodic(start, start, period)
        first, last = max(0, 2 * start - end), min(len(shapes), 2 * end - start)
        while start > first and shapes[start - 1] == shapes[start - 1 + period] and not taken[start - 1]:
            start -= 1
        while end < last and shapes[end] == shapes[end - period] and not taken[end]:
            end += 1
        return Periodic(start, end, period)

    def _reads(self, k: int) -> list[int]:
        """Where the operands of an entry are made; -1 outside of the body."""
        made = self.made
        return [made.get(slot, -1) for slot in self.body[k].slots()]

    def _verified(self, stretch: Periodic) -> list[Periodic]:
        """The parts of a stretch that repeat and hand a number on, with a period for all chains side by side."""
        start, end, period = stretch
        middle = (start + end) // 2
        if end - start < LEAST_TIMES * period or not (chains := chains_in(self._probed(stretch, middle - period))):
            return []
        found = []
        for first, last, distances in self._repeating(Periodic(start, end, chains * period)):
            several = chains_in(distances)
            if several and last - first >= LEAST_TIMES * several * len(distances):
                found.append(Periodic(first, last, several * len(distances)))
        return found

    def _probed(self, stretch: Periodic, at: int) -> Distances:
        """How far before the operands of two iterations are made in a stretch, where it is as far."""
        start, _, period = stretch
        found = []
        for k in range(at, at + period):
            pairs = zip(self._reads(k), self._reads(k + period), strict=True)
            found.append([a - k if a >= start and b - a == period else None for a, b in pairs])
        return found

    def _repeating(self, stretch: Periodic) -> Iterator[tuple[int, int, list[list[int | None]]]]:
        """The parts of a stretch that repeat, which may overlap by less than a period."""
        start, end, period = stretch
        effort = 4 * (end - start)  # so that the time is linear in the stretch
        while end - start >= LEAST_TIMES * period and effort > 0:
            distances: list[list[int | None]] = []
            k = start
            while k < end and self._continues(distances, k, start, period):
                k += 1
            effort -= k - start + 1
            if k - start >= LEAST_TIMES * period:
                yield start, k, distances
            start = max(start, k - period) + 1

    def _continues(self, distances: list[list[int | None]], k: int, start: int, period: int) -> bool:
        """Whether an entry reads as that of the iteration before; the distances are completed."""
        reads = self._reads(k)
        iteration, place = divmod(k - start, period)
        if not iteration:
            distances.append([at - k if at >= start else None for at in reads])
            return True
        expected = distances[place]
        for j, at in enumerate(reads):
            distance = expected[j]
            if distance is not None:
                if at - k != distance:
                    return False
            elif at >= start:
                if iteration > MOST_LAGS or at >= start + period:
                    return False
                expected[j] = at - k  # made in the first iteration, and read so many after it
        return True

    def _rotated(self, run: Periodic) -> Periodic:
        """The whole periods of a run that begin where the fewest numbers are handed on."""
        start, end, period = run
        times, spare = divmod(end - start, period)
        handed = [0] * (spare + 2)
        reach: dict[int, int] = {}  # of what is made in an iteration, the last place that reads it
        for k in range(end - period, end):
            for at in self._reads(k):
                if at >= start:
                    place = (at - start) % period
                    reach[place] = max(reach.get(place, 0), k - at)
        for place, far in reach.items():
            for begin in (place - period, place):  # alive at places begin + 1 ... begin + far
                low, high = max(0, begin + 1), min(spare, begin + far)
                if low <= high:
                    handed[low] += 1
                    handed[high + 1] -= 1
        alive, best, fewest = 0, 0, None
        for offset in range(spare + 1):
            alive += handed[offset]
            if fewest is None or alive < fewest:
                best, fewest = offset, alive
        return Periodic(start + best, start + best + times * period, period)


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

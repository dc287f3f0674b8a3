"""Recurrences: the stretches of a body that repeat and hand numbers on.

One repeats with a period where at each place of it the primitive is the same, and each number that is read was made at
the same distance before, or else before the stretch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import heapify, heappop, heappush
from itertools import accumulate

from .chains import Distances, chains_in
from .periods import Flat, Periodic, shapes_of, stretches

LEAST_TIMES = 8  # that a body runs
WIDE = 4  # entries side by side, on average
LEAST_SAVED = 24  # instructions that need not be written
MOST_LAGS = 16  # iterations after which a number is still read


def recurrences(body: Flat, made: dict[int, int]) -> list[Periodic]:
    """The stretches of a body that repeat, whole periods each and apart, in order; `made` is where a slot is set."""
    return _Search(body, made).runs()


class _Search:
    """The search in one body; what looks as if it repeated is verified, and taken where nothing better is."""

    def __init__(self, body: Flat, made: dict[int, int]) -> None:
        self.body, self.made = body, made
        self.shapes = shapes_of(body)

    def runs(self) -> list[Periodic]:
        """Those that save most are found first, and what is left of others after them."""
        waiting = [(-(s.end - s.start - s.period), False, s) for s in stretches(self.body, self.shapes)]
        heapify(waiting)
        taken = bytearray(len(self.body))
        found = list[Periodic]()
        while waiting:
            _, verified, stretch = heappop(waiting)
            parts = [self._clipped(stretch, taken)] if verified else self._grown(stretch, taken)
            if verified and parts == [stretch]:
                found.append(run := self._rotated(stretch))
                taken[run.start : run.end] = b"\1" * (run.end - run.start)
                continue
            for part in filter(_worthwhile, parts):
                heappush(waiting, (-(part.end - part.start - part.period), True, part))
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

    def _grown(self, stretch: Periodic, taken: bytearray) -> list[Periodic]:
        """The parts of a stretch that repeat, of one that goes on as long as it does so."""
        longer = self._extended(self._clipped(stretch, taken), taken)
        while True:
            found = self._verified(longer)
            covered = max([run.end - run.start for run in found], default=0)
            stretch, longer = longer, self._extended(longer, taken)
            if longer == stretch or 2 * covered <= stretch.end - stretch.start:
                return found

    def _extended(self, stretch: Periodic, taken: bytearray) -> Periodic:
        """A free stretch as far as the shapes are the same, at most thrice as long."""
        (start, end, period), shapes = stretch, self.shapes
        if end - start <= period:
            return stretch
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
        """The parts of a stretch that repeat and hand a number on, with the period of all that takes turns."""
        start, end, period = stretch
        for quarter in (2, 1, 3) if _worthwhile(stretch) else ():
            distances = self._probed(stretch, start + (end - start) * quarter // 4 - period)
            for turns in _turns(distances):
                if found := self._parts(Periodic(start, end, turns * period)):
                    return found
        return []

    def _parts(self, stretch: Periodic) -> list[Periodic]:
        found = []
        for first, last, distances in self._repeating(stretch):
            run = Periodic(first, last, chains_in(distances) * stretch.period)
            if run.period and _worthwhile(run):
                found.append(run)
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

    def _depth(self, start: int, period: int) -> int:
        """How many entries of an iteration wait for one another: more where what is alike is cut in two."""
        levels = [0] * period
        for k in range(period):
            levels[k] = 1 + max([levels[at - start] for at in self._reads(start + k) if at >= start], default=0)
        return max(levels)

    def _rotated(self, run: Periodic) -> Periodic:
        """The whole periods of a run that begin where the fewest numbers are handed on, and steps wait least."""
        start, end, period = run
        times, spare = divmod(end - start, period)
        handed = [0] * (period + 1)
        reach: dict[int, int] = {}  # of what is made in an iteration, the last place that reads it
        for k in range(end - period, end):
            for at in self._reads(k):
                if at >= start:
                    place = (at - start) % period
                    reach[place] = max(reach.get(place, 0), k - at)
        for place, far in reach.items():
            for begin in (place - period, place):  # alive at places begin + 1 ... begin + far
                low, high = max(0, begin + 1), min(period - 1, begin + far)
                if low <= high:
                    handed[low] += 1
                    handed[high + 1] -= 1
        alive = list(accumulate(handed[:period]))
        latest = start + (times - 2) * period

        def best_of(offsets: range) -> tuple[int, int, int]:
            """The depth of an iteration, how many numbers it hands on, and where it begins: the fewest, then least."""
            fewest = min(alive[offsets.start : offsets.stop])
            tried = [offset for offset in offsets if alive[offset] == fewest][: 4 * times]  # so the time stays linear
            return min([(self._depth(latest + offset, period), fewest, offset) for offset in tried])

        depth, fewest, best = best_of(range(spare + 1))
        if spare + 1 < period:
            other = best_of(range(spare + 1, period))
            if other[1] <= fewest and other[0] < depth and WIDE * other[0] <= period:  # worth an iteration left out
                best = other[2]
        times -= best > spare
        return Periodic(start + best, start + best + times * period, period)


def _worthwhile(stretch: Periodic) -> bool:
    start, end, period = stretch
    return end - start >= max(LEAST_TIMES * period, LEAST_SAVED + period)


def _turns(distances: Distances) -> Iterable[int]:
    """How many bodies may be one iteration, given how far before the operands of one are made.

    As many as there are chains that take turns; and those of a grid, of which each cell reads its neighbours of the
    step before, a step.
    """
    chains, period = chains_in(distances), len(distances)
    lags = sorted([-((k + d) // period) for k, row in enumerate(distances) for d in row if d is not None])
    if not chains or lags[-1] <= MOST_LAGS * chains:
        return [chains] if chains else []
    far = [lag for lag in lags if lag > MOST_LAGS]
    middle = far[len(far) // 2]
    return middle, middle - 1, middle + 1

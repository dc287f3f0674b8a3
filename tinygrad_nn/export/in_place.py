"""A training step in C that updates a parameter as soon as its gradient is there, so that no array of gradients stands.

That is where nothing reads the old parameter any more and nothing can refuse the step any more. Gradients that are
there before are kept, and their parameters are updated at the end.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace

from ..autograd import primitives as table
from ..compiler.backends.c.blocks import Iteration, Printed, View, everything
from ..compiler.backends.c.constants import Constants
from ..compiler.backends.c.places import Places
from ..compiler.backends.c.printer import Printer
from ..compiler.backends.c.regions import Region, moved
from ..compiler.loops.clusters import Cluster
from ..compiler.loops.groups import Access, Group
from ..compiler.loops.rolled import Rolled
from ..compiler.program.program import PARAMETERS

FirstAndLast = tuple[int, int]  # outputs


@dataclass(frozen=True)
class Updated(Region):
    """The gradients of parameters as outputs, which are put into a call of a function, with `more` of its arguments."""

    more: str = ""
    replaces = True  # the parameters

    def put(self, number: str, base: int, index: str, moves: Sequence[tuple[int, str]] = ()) -> str:
        """The call that updates the parameter; the first output is the loss."""
        return f"{self.name}(state, {moved(base - 1, index, moves)}, {number}{self.more});"


@dataclass(frozen=True)
class Accumulated(Region):
    """The gradients of parameters as outputs, which are added to those of the rows before."""

    replaces = False

    def put(self, number: str, base: int, index: str, moves: Sequence[tuple[int, str]] = ()) -> str:
        """The statement that adds a gradient."""
        return f"{self.name}[{moved(base - 1, index, moves)}] += {number};"


@dataclass(frozen=True)
class KeptGradients(Region):
    """The gradients of a stretch of parameters in an array, from `offset` on."""

    offset: int = 0

    def at(self, base: int, index: str, moves: Sequence[tuple[int, str]] = ()) -> str:
        return super().at(base + self.offset, index, moves)


class InPlace(Printer):
    """The lines of a step whose outputs are the loss, which is returned, and the gradients of the first parameters.

    No variable has one of the `names`, which are those of lines before.
    """

    def __init__(
        self, roll: Rolled, inputs: Sequence[Region], parameters: Sequence[Region], updated: Updated | Accumulated,
        names: Sequence[str], scratch: str, constants: Constants,
    ) -> None:  # fmt: skip
        self.updated: Updated | Accumulated = updated
        self.scratch, self.kept = scratch, list[KeptGradients]()
        taken = [Region(name, 0, 0) for name in names]
        super().__init__(roll, inputs, parameters, [updated, *taken], True, "return NAN;", scratch, constants)
        array, _ = self.roll.outputs[0]
        if self.moves(array)[0] == PARAMETERS:  # which may be updated at the end
            self._line(f"const real loss = {self.returned};")
            self.returned = "loss"
        for region in self.kept:
            self._each(0, region.size, updated.put(region.at(region.start, "k"), region.start, "k"))

    def _order(self) -> None:
        """Let gradients that nobody reads be computed as soon as they can be put, and not before."""
        times = Times(self, self.updated.size, self.updated.replaces)
        read = {o.array for _, group in everything(self.roll.groups) for o in group.operands}
        order = list[Printed]()
        waiting: dict[int, list[Printed]] = {}
        for place, entry in enumerate(self.entries):
            if isinstance(entry, Iteration):
                order.append(entry)
            else:
                left = list[Group]()
                for group in entry:
                    put = times.put.get(group.array, ())
                    ready = times.ready(put) if put and group.array not in read else -1
                    if place <= ready < len(self.entries):
                        waiting.setdefault(ready, []).append([group])
                    else:
                        left.append(group)
                order += [left] if left else []
            order += waiting.pop(place, [])
        self.entries = order

    def _settle(self) -> None:
        """Say which gradients are kept, and which are put."""
        start, rest = self.updated.start, list[Region]()
        for first, last in Times(self, self.updated.size, self.updated.replaces).stretches():
            rest.append(replace(self.updated, start=start, size=first - start))
            offset = sum(region.size for region in self.kept)
            self.kept.append(KeptGradients("gradient", first, last + 1 - first, offset=offset))
            start = last + 1
        rest.append(replace(self.updated, start=start, size=self.updated.start + self.updated.size - start))
        self.outputs = [*self.kept, *rest]
        for array, (_, spaced, first) in self.direct.items():
            self.direct[array] = next(r for r in self.outputs if r.holds(first, first)), spaced, first
        if self.kept:
            self._line(f"real *const gradient = {self.scratch} + {self.slots};")
            self.slots += sum(region.size for region in self.kept)


class Times:
    """When each of the first `count` parameters is read for the last time, and when each gradient is put.

    Members of a loop have times of their own, and so have iterations of repeats.
    """

    def __init__(self, places: Places, count: int, replaces: bool) -> None:
        self.places, self.now, self.refuses = places, 0, -1  # when the step is refused at the latest
        self.replaces = replaces  # else it does not matter who reads
        self.read = [-1] * count
        self.put: dict[Hashable, dict[int, int]] = {}  # of what is put in one loop, when each output is
        self.turns: list[int] = []  # in which iterations of the repeats that are open this is
        self.last = True  # whether these are the last ones
        self.output: dict[int, dict[int, int]] = {}
        outputs = places.roll.outputs
        for k, (array, index) in enumerate(outputs):
            if k and array in places.direct:
                self.output.setdefault(array, {})[index] = k
        self.starts = list[int]()  # of the entries, and the end
        for entry in places.entries:
            self.starts.append(self.now)
            self._follow([entry])
        self.starts.append(self.now)
        for k, (array, index) in enumerate(outputs):
            self._reads(array, [index], self.now + (k or len(outputs)))
            if k and array not in places.direct:
                self.put[-1, k] = {k: self.now + k}

    def stretches(self) -> list[FirstAndLast]:
        """The outputs that are put too early, in stretches that hold all or nothing of what is put in one loop."""
        early = {key for key, each in self.put.items() if any(self._is_early(k, time) for k, time in each.items())}
        while True:
            found = _merged((min(self.put[key]), max(self.put[key])) for key in early)
            among = {
                key for key, each in self.put.items() if any(first <= k <= last for first, last in found for k in each)
            }
            if among <= early:
                return found
            early |= among

    def _is_early(self, output: int, time: int) -> bool:
        return max(self.refuses, self.read[output - 1]) > time

    def ready(self, put: Iterable[int]) -> int:
        """The place of the entry from whose end on all of these outputs can be put."""
        return bisect(self.starts, max(self.refuses, *[self.read[k - 1] for k in put])) - 1

    def _follow(self, entries: Sequence[Printed]) -> None:
        for entry in entries:
            if isinstance(entry, Iteration):
                self._repeat(entry)
            else:
                self._cluster(entry)

    def _repeat(self, block: Iteration) -> None:
        repeat, last = block.repeat, self.last
        for first in repeat.firsts:
            self._cluster([first])
        self.turns.append(0)
        for turn in range(repeat.times):
            self.turns[-1], self.last = turn, last and turn == repeat.times - 1
            self._follow(block.entries)
            for each in repeat.nexts:
                self._cluster([each])
        self.turns.pop()
        self.last = last

    def _cluster(self, cluster: Cluster) -> None:
        apart = len(cluster)
        for place, group in enumerate(cluster):
            members = range(self.now + place, self.now + place + apart * group.size, apart)
            for operand in group.operands:
                self._operand(operand, group, members)
            if group.guard is not None or group.primitive is table.take:
                self.refuses = max(self.refuses, members[-1])
            if group.primitive is not None:
                self._puts(group, members)
        self.now += apart * cluster[0].size

    def _operand(self, operand: Access, group: Group, members: range) -> None:
        if operand.array in self.places.inlined:  # which one member reads
            for array, index in self.places.inlined[operand.array]:
                self._reads(array, [index], members[0])
            return
        if self.places.moves(operand.array)[0] == PARAMETERS:
            indices = operand.indices(group.extents)
            width = len(indices) // len(members)
            for k, time in enumerate(members):
                self._reads(operand.array, indices[k * width : (k + 1) * width], time)

    def _reads(self, array: int, indices: Iterable[int], time: int) -> None:
        array, views = self.places.moves(array)
        if array != PARAMETERS or not (
            self.replaces and (views or self.last)
        ):  # which is read in the next iteration again
            return
        ahead, read = self._ahead(views), self.read
        for index in indices:
            if index + ahead < len(read):
                read[index + ahead] = max(read[index + ahead], time)

    def _ahead(self, views: Sequence[View]) -> int:
        """How far views of an array are in it by now."""
        return sum(view.stride * self.turns[view.depth] for view in views if view.stride)

    def _puts(self, group: Group, members: range) -> None:
        array, views = self.places.target(group.array)
        if array in self.output:
            ahead, outputs, put = self._ahead(views), self.output[array], self.put.setdefault(array, {})
            for k, time in enumerate(members):
                put[outputs[k + ahead]] = time


def _merged(spans: Iterable[FirstAndLast]) -> list[FirstAndLast]:
    """Spans as stretches, in order, between which there are others."""
    found = list[FirstAndLast]()
    for first, last in sorted(spans):
        if found and first <= found[-1][1] + 1:
            found[-1] = found[-1][0], max(last, found[-1][1])
        else:
            found.append((first, last))
    return found

"""The rows of a batch as LLVM text: their losses and gradients added up, a row in each lane.

What is nothing but a gradient is added up in the loop that computes it; the lanes are summed when all rows are through.
"""

from __future__ import annotations

from dataclasses import replace

from ..program import INPUTS
from ..roll import access
from ..rolled import Access, Group, Place, Rolled
from .ir import Kind
from .llvm import Printer


class RowSums(Printer):
    """A function that adds up the outputs of rows: `totals` the first ones, `gradients` the rest.

    flags[0] is 0 if any row is not on this path.
    """

    arguments = ("inputs", "parameters", "gradients", "totals", "flags", "scratch")
    count = "rows"

    def __init__(self, roll: Rolled, totals: int, lanes: int, single: bool, exact: bool) -> None:
        self.totals = totals
        self.scatters = scatters(roll.outputs[totals:])
        self.summed = self._summed_at_once(roll)
        super().__init__(roll, lanes, single, exact, name="row_sums")

    def _summed_at_once(self, roll: Rolled) -> dict[int, Access]:
        """The arrays that are nothing but gradients: where each of them is added up, in the loops that compute it."""
        read = {operand.array for group in roll.groups for operand in group.operands}
        read |= {array for array, _ in roll.outputs[: self.totals]}
        groups = {group.array: group for group in roll.groups if group.primitive is not None and group.by_row}
        found: dict[int, Access] = {}
        for source, target, extents in self.scatters:
            group = groups.get(source.array)
            whole = group is not None and extents == group.extents and source.base == 0
            if whole and source.array not in read:
                found[source.array] = target
        return found

    def _put(self, group: Group, counters: list[str], kind: Kind, result: str) -> None:
        target = self.summed.get(group.array)
        if target is None:
            super()._put(group, counters, kind, result)
            return
        b = self.block
        place = self._pointer("%sums", kind.numbers, b.index(target.base, *zip(target.strides, counters, strict=True)))
        b.store(place, b.add(b.load(place), self._counted(result)))

    def _counted(self, vector: str) -> str:
        """The vector with 0 for what lies beyond the batch."""
        kind = self.kind
        return vector if kind.lanes == 1 else self.block.choose(self.inside, vector, self.block.number(0.0))

    def _all_rows(self) -> None:
        b, kind = self.block, self.kind
        count = len(self.roll.outputs) - self.totals
        b.entry.append(f"%sums = getelementptr i8, ptr %scratch, i64 {self.scratch}")
        self.scratch += max(1, count) * kind.lanes * kind.bits // 8
        zero = b.number(0.0)
        b.loop(count, lambda i: b.store(self._pointer("%sums", kind.numbers, i), zero))
        self.total = [b.variable(zero) for _ in range(self.totals)]
        b.entry.append("%all_on = alloca i1")
        b.lines.append("store i1 true, ptr %all_on")
        last = b.let("sub nsw i64 %rows, 1")
        upper = b.let(f"add nsw i64 %rows, {kind.lanes - 1}")
        self.last = last
        blocks = b.let(f"sdiv i64 {upper}, {kind.lanes}")
        b.loop(blocks, self._rows, most_written_out=0)
        on = b.let("load i1, ptr %all_on")
        told = b.let(f"zext i1 {on} to i8")
        b.lines.append(f"store i8 {told}, ptr %flags, align 1")
        for k, total in enumerate(self.total):
            self._reduced(b.load(total), "%totals", str(k))
        b.loop(count, lambda i: self._reduced(b.load(self._pointer("%sums", kind.numbers, i)), "%gradients", i))

    def _reduced(self, vector: str, base: str, where: str) -> None:
        """Store the sum of the lanes."""
        b, kind = self.block, self.kind
        number = vector
        if kind.lanes > 1:
            name = f"llvm.vector.reduce.fadd.{kind.suffix}"
            b.declared.add(f"declare {kind.scalar} @{name}({kind.scalar}, {kind.numbers})")
            start = f"{kind.scalar} {Kind(1, kind.single).number(-0.0)}"
            number = b.let(f"call reassoc {kind.scalar} @{name}({start}, {kind.numbers} {vector})")
        b.lines.append(f"store {kind.scalar} {number}, ptr {self._pointer(base, kind.scalar, where)}")

    def _load_rows(self, first: str) -> None:
        """The inputs of the rows; where the batch ends within a block, its last row stands in, and does not count."""
        b, n, kind = self.block, self.roll.sizes[INPUTS], self.kind
        starts, inside = [], []
        for lane in range(kind.lanes):
            row = b.index(lane, (1, first))
            here = b.let(f"icmp sle i64 {row}, {self.last}")
            row = b.let(f"select i1 {here}, i64 {row}, i64 {self.last}")
            starts.append(b.let(f"mul nsw i64 {row}, {n}"))
            inside.append(here)
        self.inside = inside[0]
        if kind.lanes > 1:
            self.inside = "poison"
            for lane, here in enumerate(inside):
                self.inside = b.let(f"insertelement {kind.flags} {self.inside}, i1 {here}, i32 {lane}")

        def one(j: str) -> None:
            vector = "poison"
            for lane, start in enumerate(starts):
                where = b.index(0, (1, start), (1, j))
                number = b.let(f"load {kind.scalar}, ptr {self._pointer('%inputs', kind.scalar, where)}")
                if kind.lanes == 1:
                    vector = number
                else:
                    vector = b.let(f"insertelement {kind.numbers} {vector}, {kind.scalar} {number}, i32 {lane}")
            b.store(self._pointer("%x", kind.numbers, j), vector)

        b.loop(n, one)

    def _store_rows(self, first: str) -> None:
        b, kind = self.block, self.kind
        for total, (array, index) in zip(self.total, self.roll.outputs, strict=False):
            value = self._load(Access(array, index, ()), [], kind)
            b.store(total, b.add(b.load(total), self._counted(value)))
        for source, target, extents in self.scatters:
            if source.array in self.summed:
                continue

            def one(counters: list[str], source: Access = source, target: Access = target) -> None:
                where = b.index(target.base, *zip(target.strides, counters, strict=True))
                place = self._pointer("%sums", kind.numbers, where)
                b.store(place, b.add(b.load(place), self._counted(self._load(source, counters, kind))))

            self._loops(extents, [], one)
        on = b.let(f"load {kind.flags}, ptr %on")
        if kind.lanes > 1:
            outside = self._not(self.inside, kind)
            name = f"llvm.vector.reduce.and.v{kind.lanes}i1"
            b.declared.add(f"declare i1 @{name}({kind.flags})")
            on = b.let(f"call i1 @{name}({kind.flags} {b.either(on, outside)})")
        before = b.let("load i1, ptr %all_on")
        both = b.let(f"and i1 {before}, {on}")
        b.lines.append(f"store i1 {both}, ptr %all_on")


def scatters(places: list[Place]) -> list[tuple[Access, Access, tuple[int, ...]]]:
    """Where outputs lie and where they go, in as few loops as their strides allow."""
    by_array: dict[int, list[tuple[int, int]]] = {}
    for target, (array, index) in enumerate(places):
        by_array.setdefault(array, []).append((index, target))
    found = []
    for array, pairs in by_array.items():
        pairs.sort()
        rest = pairs
        while rest:
            sources, targets = [[pair[k] for pair in rest] for k in (0, 1)]
            extents, used = loops_of(sources, targets)
            at = [access(-1, [[i] for i in indices[:used]], extents, column=False) for indices in (sources, targets)]
            found.append((replace(at[0], array=array), at[1], extents))
            rest = rest[used:]
    return found


def loops_of(sources: list[int], targets: list[int]) -> tuple[tuple[int, ...], int]:
    """The extents of one loop or two that run through the pairs from the first on, and how many of them."""
    steps = [(b - a, d - c) for a, b, c, d in zip(sources, sources[1:], targets, targets[1:], strict=False)]
    inner = 1
    while inner <= len(steps) and steps[inner - 1] == steps[0]:
        inner += 1
    inner = min(inner, len(sources))
    outer = 1
    while (outer + 1) * inner <= len(sources):
        at = outer * inner
        jump = (sources[at] - sources[at - inner], targets[at] - targets[at - inner])
        first = (sources[inner] - sources[0], targets[inner] - targets[0])
        same = all(
            sources[at + k] - sources[at] == sources[k] - sources[0]
            and targets[at + k] - targets[at] == targets[k] - targets[0]
            for k in range(inner)
        )
        if jump != first or not same:
            break
        outer += 1
    return ((outer, inner), outer * inner) if outer > 1 and inner > 1 else ((max(outer, inner),), max(outer, inner))

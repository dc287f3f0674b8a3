"""The rows of a batch as LLVM text: their losses and gradients added up, a row in each lane.

Products of two arrays are summed as matrix products over what a chunk of rows has kept; any other gradient is added up
in the loop that computes it, and its lanes are summed when all rows are through.
"""

from __future__ import annotations

from dataclasses import replace

from ..program import INPUTS
from ..roll import access
from ..rolled import Access, Group, Place, Rolled
from .clusters import strides
from .ir import Kind
from .row_products import CHUNK, RowProducts, Scatter, padded, products
from .turned import lane_sums


class RowSums(RowProducts):
    """A function that adds up the outputs of rows: `totals` the first ones, `gradients` the rest.

    flags[0] is 0 if any row is not on this path. With one lane, it is given one row at a time.
    """

    arguments = ("inputs", "parameters", "gradients", "totals", "flags", "scratch")
    count = "rows"

    def __init__(self, roll: Rolled, totals: int, lanes: int, full: int, single: bool, exact: bool) -> None:
        self.totals = totals
        found = scatters(roll.outputs[totals:])
        told = {array for array, _ in roll.outputs[:totals]}
        read = {operand.array for group in roll.groups for operand in group.operands}
        made = products(roll, found, read | told, full)
        gradients = {product.group.array for product in made}
        self.scatters = [scatter for scatter in found if scatter[0].array not in gradients]
        self.at_once = self._at_once(roll)
        self.added = {source.array for k, (source, *_) in enumerate(self.scatters) if k not in self.at_once.values()}
        sizes = [_size(extents) for *_, extents in self.scatters]
        self.offsets = [sum(sizes[:k]) for k in range(len(sizes))]
        self.sums = padded(sum(sizes), lanes)
        super().__init__(roll, made, lanes, full, single, exact, name="row_sums")

    def _at_once(self, roll: Rolled) -> dict[int, int]:
        """The arrays that are gradients as a whole, with their scatter: added up in the loops that compute them."""
        groups = {group.array: group for group in roll.groups if group.primitive is not None and group.by_row}
        found: dict[int, int] = {}
        for k, (source, _, extents) in enumerate(self.scatters):
            group = groups.get(source.array)
            if group is None or source.base or source.array in found:
                continue
            if extents == group.extents or group.size == _size(extents) == 1:
                found[source.array] = k
        return found

    def _read(self) -> set[int]:
        return {*self.kept, *self.added, *(array for array, _ in self.roll.outputs[: self.totals])}

    def _put(self, group: Group, counters: list[str], kind: Kind, result: str) -> None:
        super()._put(group, counters, kind, result)
        if group.array in self.at_once and self.in_rows:
            k = self.at_once[group.array]
            self._add(k, self.scatters[k][2], counters, result)

    def _add(self, k: int, extents: tuple[int, ...], counters: list[str], result: str) -> None:
        """Add to the sum of a scatter; with one row, its result is the sum."""
        b, kind, target = self.block, self.kind, self.scatters[k][1]
        if not self.chunked:
            where = b.index(target.base, *zip(target.strides, counters, strict=False))
            b.store(self._pointer("%gradients", kind.numbers, where), result)
            return
        where = b.index(self.offsets[k], *zip(strides(extents), counters, strict=True))
        place = self._pointer("%sums", kind.numbers, where)
        b.store(place, b.add(b.load(place), self._counted(result)))

    def _counted(self, vector: str) -> str:
        """The vector with 0 for what lies beyond the batch."""
        kind = self.kind
        return vector if kind.lanes == 1 else self.block.choose(self.inside, vector, self.block.number(0.0))

    def _all_rows(self) -> None:
        b, kind, zero = self.block, self.kind, self.block.number(0.0)
        self.total = [b.variable(zero) for _ in range(self.totals)]
        b.entry.append("%all_on = alloca i1")
        b.lines.append("store i1 true, ptr %all_on")
        self.last = b.let("sub nsw i64 %rows, 1")
        if self.chunked:
            self._scratch("%sums", max(1, self.sums) * kind.lanes * kind.bits // 8)
            b.loop(self.sums, lambda i: b.store(self._pointer("%sums", kind.numbers, i), zero))
            b.loop(self._parts("%rows", CHUNK), self._chunk, most_written_out=0)
        else:
            self._chunk("0")
        on = b.let("load i1, ptr %all_on")
        told = b.let(f"zext i1 {on} to i8")
        b.lines.append(f"store i8 {told}, ptr %flags, align 1")
        for k, total in enumerate(self.total):
            self._reduced(b.load(total), "%totals", str(k))
        if self.chunked:
            self._lanes_summed()

    def _parts(self, count: str, size: int) -> str:
        """How many parts of a size hold so many."""
        return self.block.let(f"sdiv i64 {self.block.index(size - 1, (1, count))}, {size}")

    def _chunk(self, c: str) -> None:
        """Some rows, block by block, then the products of what they have kept."""
        b = self.block
        self.start, self.many = b.index(0, (CHUNK, c)), "1"
        if self.chunked:
            self.first_chunk = b.let(f"icmp eq i64 {c}, 0")
            left = b.let(f"sub nsw i64 %rows, {self.start}")
            fits = b.let(f"icmp slt i64 {left}, {CHUNK}")
            self.many = b.let(f"select i1 {fits}, i64 {left}, i64 {CHUNK}")
        self.blocks = self._parts(self.many, self.kind.lanes) if self.chunked else "1"
        b.loop(int(self.blocks) if not self.chunked else self.blocks, self._rows, most_written_out=1)
        self._all_products()

    def _lanes_summed(self) -> None:
        """The sums over lanes, put where the gradients are to be."""
        b, kind = self.block, self.kind
        self._scratch("%summed", max(1, self.sums) * kind.bits // 8)

        def some(i: str) -> None:
            first = b.index(0, (kind.lanes, i))
            parts = [b.load(self._pointer("%sums", kind.numbers, b.index(k, (1, first)))) for k in range(kind.lanes)]
            b.store(self._pointer("%summed", kind.scalar, first), lane_sums(b, parts))

        b.loop(self.sums // kind.lanes, some, most_written_out=1)
        for offset, (_, target, extents) in zip(self.offsets, self.scatters, strict=True):

            def one(
                members: list[list[str]],
                offset: int = offset,
                target: Access = target,
                by: tuple[int, ...] = strides(extents),
            ) -> None:
                (counters,) = members
                found = self._pointer("%summed", kind.scalar, b.index(offset, *zip(by, counters, strict=True)))
                place = b.index(target.base, *zip(target.strides, counters, strict=True))
                number = b.let(f"load {kind.scalar}, ptr {found}")
                b.lines.append(f"store {kind.scalar} {number}, ptr {self._pointer('%gradients', kind.scalar, place)}")

            self._loops(extents, [], 1, one)

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
            row = b.index(lane, (1, self.start), (1, first))
            here = b.let(f"icmp sle i64 {row}, {self.last}")
            row = b.let(f"select i1 {here}, i64 {row}, i64 {self.last}")
            starts.append(b.let(f"mul nsw i64 {row}, {n}"))
            inside.append(here)
        self.inside = inside[0]
        if kind.lanes > 1:
            self.inside = "poison"
            for lane, here in enumerate(inside):
                self.inside = b.let(f"insertelement {kind.flags} {self.inside}, i1 {here}, i32 {lane}")
        self._turn(starts)

    def _store_rows(self, first: str) -> None:
        b, kind = self.block, self.kind
        for total, (array, index) in zip(self.total, self.roll.outputs, strict=False):
            value = self._load(Access(array, index, ()), [], kind)
            b.store(total, b.add(b.load(total), self._counted(value)))
        for k, (source, _, extents) in enumerate(self.scatters):
            if k in self.at_once.values():
                continue

            def one(
                members: list[list[str]], k: int = k, source: Access = source, extents: tuple[int, ...] = extents
            ) -> None:
                (counters,) = members
                self._add(k, extents, counters, self._load(source, counters, kind))

            self._loops(extents, [], 1, one)
        on = b.let(f"load {kind.flags}, ptr %on")
        if kind.lanes > 1:
            outside = self._not(self.inside, kind)
            name = f"llvm.vector.reduce.and.v{kind.lanes}i1"
            b.declared.add(f"declare i1 @{name}({kind.flags})")
            on = b.let(f"call i1 @{name}({kind.flags} {b.either(on, outside)})")
        before = b.let("load i1, ptr %all_on")
        both = b.let(f"and i1 {before}, {on}")
        b.lines.append(f"store i1 {both}, ptr %all_on")


def _size(extents: tuple[int, ...]) -> int:
    size = 1
    for extent in extents:
        size *= extent
    return size


def scatters(places: list[Place]) -> list[Scatter]:
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

"""The rows of a batch as LLVM text: their losses and gradients added up, a row in each lane."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import prod

from ...loops.clusters import strides
from ...loops.groups import Access, Group
from ...program.program import INPUTS
from .functions import called_lane_sums
from .ir import Kind
from .row_products import CHUNK, RowProducts
from .row_terms import Term

SUMS = 16  # that are made side by side


class RowSums(RowProducts):
    """A function that adds up the outputs of rows: `totals` the first ones, `gradients` the rest.

    flags[0] is 0 if any row is not on this path. With one lane, it is given one row at a time.
    """

    arguments = ("inputs", "parameters", "gradients", "totals", "flags", "scratch")
    count = "rows"

    def _all_rows(self) -> None:
        b, zero = self.block, self.block.number(0.0)
        places = 0
        self.sums_at: dict[Term, int] = {}  # where the sums of terms are that are no matrix products
        for term, product in self.products.items():
            if self.chunked and product is None:
                self.sums_at[term] = places
                places += prod(term.extents)
        self._scratch("%sums", (places + self.kind.lanes) * self.kind.bits // 8)
        self.total = [b.variable(zero) for _ in range(self.totals)]
        b.entry.append("%all_on = alloca i1")
        b.lines.append("store i1 true, ptr %all_on")
        self.last = b.let("sub nsw i64 %rows, 1")
        if self.chunked:
            b.loop(self._parts("%rows", CHUNK), self._chunk, most_written_out=0)
            self._place_sums()
        else:
            self._chunk("0")
        on = b.let("load i1, ptr %all_on")
        told = b.let(f"zext i1 {on} to i8")
        b.lines.append(f"store i8 {told}, ptr %flags, align 1")
        for k, total in enumerate(self.total):
            self._reduced(b.load(total), "%totals", str(k))

    def _parts(self, count: str, size: int) -> str:
        """How many parts of a size hold so many."""
        return self.block.let(f"sdiv i64 {self.block.index(size - 1, (1, count))}, {size}")

    def _chunk(self, c: str) -> None:
        """Some rows, block by block, then the products of what they have kept."""
        b = self.block
        if self.chunked:
            self.start = b.index(0, (CHUNK, c))
            self.first_chunk = b.let(f"icmp eq i64 {c}, 0")
            left = b.let(f"sub nsw i64 %rows, {self.start}")
            fits = b.let(f"icmp slt i64 {left}, {CHUNK}")
            self.many = b.let(f"select i1 {fits}, i64 {left}, i64 {CHUNK}")
            self.blocks = self._parts(self.many, self.kind.lanes)
        b.loop(self.blocks, self._rows, most_written_out=1)
        self._gradients()

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
        begin, starts = b.index(0, (1, self.start), (1, first)), []
        for lane in range(kind.lanes):
            row = b.index(lane, (1, begin))
            here = b.let(f"icmp sle i64 {row}, {self.last}")
            starts.append(b.let(f"mul nsw i64 {b.let(f'select i1 {here}, i64 {row}, i64 {self.last}')}, {n}"))
        self.inside = b.lanes_below(b.let(f"sub nsw i64 %rows, {begin}"))
        self._turn(starts)

    def _store_rows(self, first: str) -> None:
        b, kind = self.block, self.kind
        for total, (array, index) in zip(self.total, self.roll.outputs, strict=False):
            value = self._load(Access(array, index, ()), [], kind)
            before = b.load(total)
            b.store(total, b.choose(self.inside, b.add(before, value), before))
        on = b.let(f"load {kind.flags}, ptr %on")
        if kind.lanes > 1:
            on = b.reduced("and", b.either(on, b.inverse(self.inside)))
        before = b.let("load i1, ptr %all_on")
        both = b.let(f"and i1 {before}, {on}")
        b.lines.append(f"store i1 {both}, ptr %all_on")

    def _gradients(self) -> None:
        """The gradients of a chunk, when its rows are through."""
        parts: list[Callable[[], None]] = []
        if self.chunked:
            parts += [partial(self._row_major, array) for array in sorted(self.turned)]
        for term, product in self.products.items():
            parts.append(partial(self._product, *product, term) if product else partial(self._lane_sums, term))
        counts = {str(count): "i64" for count in (self.start, self.many, self.blocks)}
        self._in_parts(parts, {**counts, self.first_chunk: "i1"})

    def _lane_sums(self, term: Term) -> None:
        """The sums of a term with a row in each lane, many side by side."""
        b, kind = self.block, self.kind
        loops = Group(-1, None, term.extents, (), by_row=True)
        arrays = sorted({factor.array for factor in term.factors} & self.kept)

        def tile(members: list[list[str]]) -> None:
            sums = [b.variable(b.number(0.0)) for _ in members]

            def block(i: str) -> None:
                self._at_block(i, arrays)
                inside = b.lanes_below(b.let(f"sub nsw i64 {self.many}, {b.index(0, (kind.lanes, i))}"))
                loaded: dict[tuple[object, ...], str] = {}  # what members share is loaded once
                for counters, total in zip(members, sums, strict=True):
                    before, factors = b.load(total), []
                    for factor in term.factors:
                        moves = [True] * len(counters) if factor.table is not None else factor.strides
                        key = factor, *(counter for counter, moved in zip(counters, moves, strict=True) if moved)
                        if key not in loaded:
                            loaded[key] = self._load(factor, counters, kind, loops)
                        factors.append(loaded[key])
                    after = b.fused(factors[0], factors[1], before) if factors[1:] else b.add(factors[0], before)
                    b.store(total, b.choose(inside, after, before))

            b.loop(self.blocks, block, most_written_out=1)
            for k in range(0, len(sums), kind.lanes):
                part = slice(k, k + kind.lanes)
                self._put_sums(term, members[part], [b.load(total) for total in sums[part]])

        self._tiled(term.extents, tile)

    def _tiled(self, extents: tuple[int, ...], body: Callable[[list[list[str]]], None]) -> None:
        """body(members) for tiles of members that follow each other, of one loop or two: for each, the counters."""
        outer, inner = (1, 1, *extents)[-2:]
        most = next((size for size in range(SUMS, SUMS // 2 - 1, -1) if inner % size == 0), SUMS)  # of one size at best

        def rows(these: list[str]) -> None:
            def tile(those: list[str]) -> None:
                body([[row, column][2 - len(extents) :] for row in these for column in those])

            self._tiles(inner, most, tile)

        self._tiles(outer, max(1, SUMS // inner), rows)

    def _put_sums(self, term: Term, members: list[list[str]], vectors: list[str]) -> None:
        """Sum the lanes of vectors, one for each member, and add them to the sums of the chunks before."""
        b, kind, one, count = self.block, self.kind, self.one, len(members)
        if not self.chunked:
            place = self._pointer("%gradients", one.numbers, self._where(term.target, members[0], term.extents))
            b.store(place, vectors[0])
            return
        summed = called_lane_sums(b, [*vectors, *[vectors[-1]] * (kind.lanes - count)])
        where = b.index(self.sums_at[term], *zip(strides(term.extents), members[0], strict=True))
        place = self._pointer("%sums", one.numbers, where)
        both = b.add(b.partly_loaded(place, count), summed)
        either = f"{kind.numbers} {summed}, {kind.numbers} {both}"
        b.partly_stored(place, b.let(f"select i1 {self.first_chunk}, {either}"), count)

    def _place_sums(self) -> None:
        """Put the sums of all chunks where the gradients are."""
        b, one = self.block, self.one
        targets = [index for term in self.sums_at for index in term.target.indices(term.extents)]

        def place(these: list[str]) -> None:
            b.kind = one
            for k in these:
                target = b.let(f"load i64, ptr {self._pointer(self._table(tuple(targets)), 'i64', k)}")
                total = b.load(self._pointer("%sums", one.numbers, k))
                b.store(self._pointer("%gradients", one.numbers, target), total)
            b.kind = self.kind

        self._tiles(len(targets), 4, place)

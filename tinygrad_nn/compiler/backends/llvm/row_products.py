"""Gradients that are products of two arrays, summed over rows: a matrix product of what rows have kept.

Tiles of weights are summed in registers over many rows, a vector along the inputs of a neuron; any other sum has a row
in each lane, and the lanes are summed at its end.
"""

from __future__ import annotations

from collections.abc import Iterable

from ...loops.clusters import tiles
from ...loops.groups import Access, Group
from ...loops.rolled import Rolled
from ...program.program import INPUTS
from .ir import Kind
from .printer import Printer
from .row_terms import Term, terms
from .transpose import columns_at_once, turned

MOST_SUMMED = 3  # vectors along the inputs of a neuron that are summed at once
CHUNK = 128  # rows whose adjoints and activations are kept at a time: they are to fit the second cache


class RowProducts(Printer):
    """Prints the gradients, of which `kept` are the arrays that rows keep and `turned` those that become rows."""

    def __init__(self, roll: Rolled, totals: int, lanes: int, full: int, single: bool, exact: bool) -> None:
        self.totals = totals
        self.chunked = lanes > 1  # rows come in chunks; else there is one
        self.start = "0"  # the first row of a chunk, then how many there are, and in how many blocks
        self.many: int | str = 1
        self.blocks: int | str = 1
        self.first_chunk = "true"
        registers = 32 if full * (32 if single else 64) >= 512 else 16
        self.at_once = 18 if registers == 32 else 10  # sums that stay in them beside what is multiplied
        self.terms = terms(roll, totals)
        self.turned: set[int] = set()
        self.kept: set[int] = set()
        self.products = {term: term.matrix(roll, full) for term in self.terms}
        for term, product in self.products.items():
            if product is not None:
                self.turned |= {product[1].array} - {INPUTS}
            self.kept |= {f.array for f in term.factors if roll.by_row[f.array]} - ({INPUTS} if product else set())
        super().__init__(roll, lanes, single, exact, "row_sums", full)

    def _computed(self) -> list[Group]:
        instead = {term.group.array for term in self.terms if term.group is not None}
        return [group for group in self.roll.groups if group.array not in instead]

    def _read(self) -> set[int]:
        factors = {factor.array for term in self.terms for factor in term.factors}
        return {*self.kept, *factors, *(array for array, _ in self.roll.outputs[: self.totals])}

    def _place(self, array: int) -> str:
        if array not in self.kept:
            return super()._place(array)
        kind, size = self.kind, self.roll.sizes[array]
        rows = CHUNK if self.chunked else 1
        self._scratch(f"%k{array}", (size * rows + kind.lanes * kind.lanes) * kind.bits // 8)
        if array in self.turned and self.chunked:
            self._scratch(f"%r{array}", padded(size, kind.lanes) * rows * kind.bits // 8)
        elif array in self.turned:
            self.block.entry.append(f"%r{array} = getelementptr i8, ptr %k{array}, i64 0")
        return f"%k{array}"

    def _rows(self, i: str) -> None:
        self._at_block(i, sorted(self.kept))
        super()._rows(i)

    def _at_block(self, i: str, arrays: Iterable[int]) -> None:
        """From here on, kept arrays are what a block of rows has kept."""
        for array in arrays:
            where = self.block.index(0, (self.roll.sizes[array], i))
            self.pointers[array] = self._pointer(f"%k{array}", self.kind.numbers, where)

    def _row_major(self, array: int) -> None:
        """What the blocks of rows have kept of an array, a row after the other."""
        b, kind = self.block, self.kind
        size, b.kind = self.roll.sizes[array], kind
        width, at_once = padded(size, kind.lanes), columns_at_once(kind)

        def block(i: str) -> None:
            def square(j: str) -> None:
                def columns(k: str) -> None:
                    kept = b.index(0, (size * kind.lanes, i), (kind.lanes * kind.lanes, j), (at_once, k))
                    places = [b.index(kind.lanes * lane, (1, kept)) for lane in range(kind.lanes)]
                    b.kind = Kind(at_once, kind.single)
                    rows = [b.load(self._pointer(f"%k{array}", kind.scalar, place)) for place in places]
                    b.kind = kind
                    for lane, vector in enumerate(turned(b, rows)):
                        where = b.index(width * lane, (width * kind.lanes, i), (width * at_once, k), (kind.lanes, j))
                        b.store(self._pointer(f"%r{array}", kind.scalar, where), vector)

                b.loop(kind.lanes // at_once, columns, most_written_out=1)

            b.loop(width // kind.lanes, square, most_written_out=1)

        b.loop(self.blocks, block, most_written_out=1)

    def _product(self, neurons: Access, inputs: Access, term: Term) -> None:
        """A term as a matrix product, over the rows of a chunk; it is added to that of the chunks before."""
        b, full, inner = self.block, self.full, term.extents[-1]
        whole, rest = divmod(inner, full.lanes)
        wide = max(1, min(MOST_SUMMED, whole))
        b.kind = full
        if rest and whole < MOST_SUMMED:
            self._neurons(neurons, inputs, term, "0", [*[full.lanes] * whole, rest])
            whole = rest = 0
        for first, vectors, times in tiles(whole, wide):

            def columns(i: str, first: int = first, vectors: int = vectors) -> None:
                column = b.index(first * full.lanes, (vectors * full.lanes, i))
                self._neurons(neurons, inputs, term, column, [full.lanes] * vectors)

            b.loop(times, columns, most_written_out=1)
        if rest:
            self._neurons(neurons, inputs, term, str(whole * full.lanes), [rest])
        b.kind = self.kind

    def _neurons(self, neurons: Access, inputs: Access, term: Term, column: str, lanes: list[int]) -> None:
        """All neurons' weights at some columns, in vectors that count so many lanes each."""
        outer = term.extents[0] if len(term.extents) == 2 else 1

        def tile(members: list[str]) -> None:
            self._tile(neurons, inputs, term.target, members, column, lanes)

        self._tiles(outer, min(8, max(1, self.at_once // len(lanes))), tile)

    def _tile(self, ds: Access, xs: Access, target: Access, neurons: list[str], column: str, lanes: list[int]) -> None:
        """Some neurons' weights at some columns: summed over the rows in registers, then stored."""
        b, kind, full = self.block, self.kind, self.full
        sums = [[b.variable(b.number(0.0)) for _ in lanes] for _ in neurons]
        stride, of_neuron = (access.strides[0] if len(access.strides) == 2 else 0 for access in (target, ds))
        step = [full.lanes * k for k in range(len(lanes))]

        def place(neuron: str, k: int) -> str:
            where = b.index(target.base + step[k], (stride, neuron), (1, column))
            return self._pointer("%gradients", full.scalar, where)

        def earlier() -> None:
            for neuron, totals in zip(neurons, sums, strict=True):
                for k, total in enumerate(totals):
                    b.store(total, b.partly_loaded(place(neuron, k), lanes[k]))

        if self.chunked:
            b.unless(self.first_chunk, earlier)

        def row(r: str) -> None:
            if xs.array == INPUTS:
                n = self.roll.sizes[INPUTS]
                base, where = "%inputs", b.index(xs.base, (n, self.start), (n, r), (1, column))
            else:
                width = padded(self.roll.sizes[xs.array], kind.lanes)
                base, where = f"%r{xs.array}", b.index(xs.base, (width, r), (1, column))
            inputs = [
                b.partly_loaded(self._pointer(base, full.scalar, b.index(step[k], (1, where))), lanes[k])
                for k in range(len(lanes))
            ]
            lane = b.let(f"and i64 {r}, {kind.lanes - 1}")
            block = b.let(f"lshr i64 {r}, {kind.lanes.bit_length() - 1}")
            size = self.roll.sizes[ds.array]
            kept = b.index(ds.base * kind.lanes, (size * kind.lanes, block), (1, lane))
            for neuron, totals in zip(neurons, sums, strict=True):
                where = b.index(0, (1, kept), (of_neuron * kind.lanes, neuron))
                scalar = b.let(f"load {full.scalar}, ptr {self._pointer(f'%k{ds.array}', full.scalar, where)}")
                d = b.everywhere(scalar)
                for x, total in zip(inputs, totals, strict=True):
                    b.store(total, b.fused(d, x, b.load(total)))

        b.loop(self.many, row, most_written_out=1)
        for neuron, totals in zip(neurons, sums, strict=True):
            for k, total in enumerate(totals):
                b.partly_stored(place(neuron, k), b.load(total), lanes[k])


def padded(size: int, lanes: int) -> int:
    """The size up to the end of whole vectors."""
    return -(-size // lanes) * lanes

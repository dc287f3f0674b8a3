"""Gradients that are products of two arrays, summed over rows: a matrix product of what rows have kept.

The gradient of a layer's weights is, for each row, the product of its neurons' adjoints with its inputs. Instead of
adding it up row by row in memory, rows keep both, and tiles of weights are summed in registers over many rows.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..program import INPUTS
from ..rolled import Access, Group, Rolled
from .clusters import tiles
from .ir import Kind
from .llvm import Printer
from .turned import turned

Scatter = tuple[Access, Access, tuple[int, ...]]  # where outputs lie, where they go, and the loops over both
CHUNK = 128  # rows whose adjoints and activations are kept at a time: they are to fit the second cache
FEW = 64  # weights, of which no product is made


@dataclass(frozen=True)
class Product:
    """gradients[target at i, j] = the sum over rows of neurons[i] inputs[j]."""

    group: Group
    neurons: Access
    inputs: Access
    target: Access
    extents: tuple[int, int]


def products(roll: Rolled, found: list[Scatter], read: set[int], lanes: int) -> list[Product]:
    """Of the gradients, those that are such products; `read` are the arrays that are more than gradients."""
    groups = {group.array: group for group in roll.groups if group.by_row}
    products = []
    for source, target, extents in found:
        group = groups.get(source.array)
        if group is None or source.array in read or group.primitive is None or group.primitive.name != "multiply":
            continue
        if source.base or extents != group.extents or group.size < FEW or target.strides[-1] != 1:
            continue
        if any(operand.table is not None or not roll.by_row[operand.array] for operand in group.operands):
            continue
        outer, inner = extents if len(extents) == 2 else (1, extents[0])
        for neurons, inputs in (group.operands, group.operands[::-1]):
            apart = neurons.strides[-1] == 0 and inputs.strides[-1] == 1 and not any(inputs.strides[:-1])
            if apart and neurons.array != INPUTS and 2 * inner >= lanes:
                products.append(Product(group, neurons, inputs, target, (outer, inner)))
                break
    return products


class RowProducts(Printer):
    """Prints products, of which `kept` are the arrays that rows keep and `turned` those of them that become rows."""

    def __init__(
        self, roll: Rolled, found: list[Product], lanes: int, full: int, single: bool, exact: bool, name: str
    ) -> None:
        self.products, self.full = found, Kind(full, single)
        self.chunked = lanes > 1  # rows come in chunks; else there is one
        self.start = self.many = self.blocks = "1"  # the first row of a chunk, how many there are, in how many blocks
        self.first_chunk = "true"
        self.sums_at_once = 24 if full * self.full.bits >= 512 else 12  # that fit the registers
        self.turned = list(dict.fromkeys([p.inputs.array for p in found if p.inputs.array != INPUTS]))
        self.kept = list(dict.fromkeys([*(p.neurons.array for p in found), *self.turned]))
        super().__init__(roll, lanes, single, exact, name)

    def _computed(self) -> list[Group]:
        made = {product.group.array for product in self.products}
        return [group for group in self.roll.groups if group.array not in made]

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
        for array in self.kept:
            where = self.block.index(0, (self.roll.sizes[array], i))
            self.pointers[array] = self._pointer(f"%k{array}", self.kind.numbers, where)
        super()._rows(i)

    def _all_products(self) -> None:
        """The products of a chunk, when its rows are through."""
        if self.chunked:
            for array in self.turned:
                self._row_major(array)
        for product in self.products:
            self._product(product)

    def _row_major(self, array: int) -> None:
        """What the blocks of rows have kept of an array, a row after the other."""
        b, kind = self.block, self.kind
        size, b.kind = self.roll.sizes[array], kind
        width = padded(size, kind.lanes)

        def block(i: str) -> None:
            def square(j: str) -> None:
                kept = b.index(0, (size, i), (kind.lanes, j))
                rest = [self._pointer(f"%k{array}", kind.numbers, b.index(k, (1, kept))) for k in range(kind.lanes)]
                for lane, vector in enumerate(turned(b, [b.load(pointer) for pointer in rest])):
                    where = b.index(width * lane, (width * kind.lanes, i), (kind.lanes, j))
                    b.store(self._pointer(f"%r{array}", kind.scalar, where), vector)

            b.loop(width // kind.lanes, square, most_written_out=1)

        b.loop(self.blocks, block, most_written_out=0)

    def _product(self, product: Product) -> None:
        """The product over the rows of a chunk; it is added to that of the chunks before."""
        b, full, inner = self.block, self.full, product.extents[1]
        whole, rest = divmod(inner, full.lanes)
        wide = max(1, min(3, whole))
        b.kind = full
        for first, vectors, times in tiles(whole, wide):

            def columns(i: str, first: int = first, vectors: int = vectors) -> None:
                column = b.index(first * full.lanes, (vectors * full.lanes, i))
                self._neurons(product, column, [full.lanes] * vectors)

            b.loop(times, columns, most_written_out=1)
        if rest:
            self._neurons(product, str(whole * full.lanes), [rest])
        b.kind = self.kind

    def _neurons(self, product: Product, column: str, lanes: list[int]) -> None:
        """All neurons' weights at some columns, in vectors that count so many lanes each."""
        most = max(1, self.sums_at_once // len(lanes))
        for first, size, times in tiles(product.extents[0], min(8, most)):

            def tile(i: str, first: int = first, size: int = size) -> None:
                self._tile(product, [self.block.index(first + k, (size, i)) for k in range(size)], column, lanes)

            self.block.loop(times, tile, most_written_out=1)

    def _tile(self, product: Product, neurons: list[str], column: str, lanes: list[int]) -> None:
        """Some neurons' weights at some columns: summed over the rows in registers, then stored."""
        b, kind, full = self.block, self.kind, self.full
        ds, xs, target = product.neurons, product.inputs, product.target
        sums = [[b.variable(b.number(0.0)) for _ in lanes] for _ in neurons]
        stride, step = (target.strides[0] if len(target.strides) == 2 else 0), len(lanes) * [full.lanes]
        step = [sum(step[:k]) for k in range(len(lanes))]

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
                where = b.index(0, (1, kept), ((ds.strides[0] if len(ds.strides) == 2 else 0) * kind.lanes, neuron))
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

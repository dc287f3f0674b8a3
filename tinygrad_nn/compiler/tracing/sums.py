"""Adjoints that are sums of products, as most of a gradient are: kept as their factors, and written when they are read.

A weight that is used n times has an adjoint of n products. They are one dot each, of which nothing is written before
all are known.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from .traced import Traced
from .traced_number import TracedNumber
from .writer import Writer

SCALARS = {Traced, TracedNumber}


class Scaled(NamedTuple):
    """A traced value times each of some slots, where it is not written yet."""

    factor: Traced
    slots: Sequence[int]


class Sum:
    """For each of some slots the sum of what was there `before` and of the product of a factor with an entry of a
    column, of each column in order."""

    __slots__ = ("before", "block", "columns", "factors", "slots")

    def __init__(self, slots: Sequence[int], before: list[Traced], products: Scaled, block: str) -> None:
        self.slots, self.before, self.block = slots, before, block
        self.factors, self.columns = [products.factor], [products.slots]

    def add(self, products: Scaled, block: str) -> None:
        self.factors.append(products.factor)
        self.columns.append(products.slots)
        self.block = block

    def apart(self) -> dict[int, Sum]:
        """The sum of each slot by itself."""
        found = {}
        for k, slot in enumerate(self.slots):
            found[slot] = one = Sum((slot,), self.before[k : k + 1], Scaled(self.factors[0], ()), self.block)
            one.factors, one.columns = list(self.factors), [(column[k],) for column in self.columns]
        return found

    def written(self, tracer: Writer) -> list[Traced]:
        """The sums, in the program: a product by itself, or one that is there twice, is computed once."""
        block, tracer.block = tracer.block, self.block
        products = [(factor._slot, tuple(column)) for factor, column in zip(self.factors, self.columns, strict=True)]
        if 1 < len(products) == len(set(products)):
            found = tracer.dots(products, self.before)
        else:
            found = self.before
            for factor, column in zip(self.factors, self.columns, strict=True):
                entries = tracer.products(factor, column)
                found = tracer.sums(found, entries) if found else entries
        tracer.block = block
        return found


class Adjoints(dict[int, Any]):
    """The adjoint of each slot: traced values or floats, and sums until they are asked for; 0.0 where there is none."""

    def __init__(self, tracer: Writer, between: set[int]) -> None:
        super().__init__()
        self.tracer, self.between = tracer, between

    def __getitem__(self, slot: int) -> Any:
        found = self.get(slot, 0.0)
        if type(found) is Sum:
            self.update(zip(found.slots, found.written(self.tracer), strict=True))
            found = self.get(slot)
        return found

    def put(self, slots: Sequence[int], entries: Any) -> None:
        """Add the entries of a column to the adjoints of its slots, as far as those are `between`."""
        if not self.between.issuperset(slots):
            chosen = [k for k, slot in enumerate(slots) if slot in self.between]
            slots = [slots[k] for k in chosen]
            if type(entries) is Scaled:
                entries = Scaled(entries.factor, [entries.slots[k] for k in chosen])
            else:
                entries = [entries[k] for k in chosen]
        if type(entries) is not Scaled:
            self._put(slots, entries)
        elif not self._put_products(slots, entries):
            for slot, other in zip(slots, entries.slots, strict=True):
                self._put_product(slot, Scaled(entries.factor, (other,)))

    def _put(self, slots: Sequence[int], entries: Sequence[Any]) -> None:
        """Add entries, all sums at once where each slot is there once."""
        again = [slot for slot in slots if slot in self]
        before = [self[slot] for slot in again]
        more = [entry for slot, entry in zip(slots, entries, strict=True) if slot in self]
        once = len(set(slots)) == len(slots)
        if once and all(type(entry) is Traced for entry in more) and SCALARS.issuperset(map(type, before)):
            self.update(zip(slots, entries, strict=True))
            self.update(zip(again, self.tracer.sums(before, more), strict=True))
            return
        for slot, entry in zip(slots, entries, strict=True):
            self[slot] = self[slot] + entry if slot in self else entry

    def _put_products(self, slots: Sequence[int], products: Scaled) -> bool:
        """Add products, all at once if that can be."""
        before = self.get(slots[0])
        if type(before) is Sum:
            if same := before.slots == slots:
                before.add(products, self.tracer.block)
            return same
        known: list[Any] = [] if self.keys().isdisjoint(slots) else list(map(self.get, slots))
        if not SCALARS.issuperset(map(type, known)) or len(set(slots)) < len(slots):
            return False
        self.update(dict.fromkeys(slots, Sum(slots, known, products, self.tracer.block)))
        return True

    def _put_product(self, slot: int, product: Scaled) -> None:
        """Add a product to the adjoint of one slot, which is apart from those that it was with."""
        before: Any = self.get(slot)
        if type(before) is Sum and len(before.slots) > 1:
            self.update(apart := before.apart())
            before = apart[slot]
        if type(before) is Sum:
            before.add(product, self.tracer.block)
        elif before is None or type(before) in SCALARS:
            self[slot] = Sum((slot,), [] if before is None else [before], product, self.tracer.block)
        else:
            self[slot] = before + self.tracer.products(*product)[0]

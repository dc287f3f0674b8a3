"""A column: a tuple of operands that operations share, as the neurons of a layer share their inputs.

So one backward pass looks at it once, however many operations read it.
"""

from __future__ import annotations

from array import array
from math import isfinite
from operator import is_
from types import SimpleNamespace

from ..support.annotation import Any
from .packs import Copies, Pack, standing


class Column:
    """A tuple of operands that operations share, as a layer's inputs are, and what one backward pass knows of it.

    `data` are the numbers; `values` the Values to add gradients to, with one that nobody reads in place of each
    literal; `differentiable` whether there is any Value, `finite` whether all numbers are. `grad` marks the pass.
    Of operands that stand side by side in a `pack`, `place` is where, and `known` their numbers in its `version`; of
    those that stand in several, `copies` are side by side.
    """

    __slots__ = (
        "copies", "data", "differentiable", "finite", "grad", "known", "operands", "pack", "place", "values", "version"
    )  # fmt: skip

    def __init__(self, operands: tuple[Any, ...]) -> None:
        self.operands = operands
        self.grad: float | None = None
        self.pack: Pack | None = None
        self.place, self.version = 0, -1
        self.known: list[float] = []
        self.copies: Copies | None = None

    def packed(self) -> list[float] | None:
        """The numbers of operands that stand side by side in a pack, to be read; None of others."""
        pack = self.pack if self.pack is not None and not self.pack.broken else self.in_pack()
        if pack is None:
            return None
        if self.version != (version := pack.version):
            self.known = pack.numbers[self.place : self.place + len(self.operands)].tolist()
            self.version = version
        return self.known

    def put(self, numbers: list[Any]) -> bool:
        """Set the numbers of operands that stand in packs; False where that cannot be."""
        if (pack := self.in_pack()) is None and (copies := self.spread()) is None:
            return False
        if set(map(type, numbers)) != {float}:
            return False
        if pack is not None:
            pack.put(self.place, numbers)
        elif copies is not None:
            copies.numbers[:] = memoryview(array("d", numbers))
            copies.put()
        return True

    def in_pack(self) -> Pack | None:
        """The pack that the operands stand side by side in, from `place` on; None where they do not."""
        if self.pack is None or self.pack.broken:
            self.pack = self._found()
        return self.pack

    def spread(self) -> Copies | None:
        """Copies of operands that stand in several packs, or in another order there; None where one stands in none."""
        copies = self.copies
        if copies is None or not copies.sound() or (copies.loose and standing(self.operands[copies.loose[0]])):
            copies = self.copies = Copies(self.operands)
        return None if copies.loose or not copies.packs else copies

    def _found(self) -> Pack | None:
        first = standing(self.operands[0]) if self.operands else None
        last = standing(self.operands[-1]) if first is not None else None
        if first is None or last is None or last.place != first.place + len(self.operands) - 1:
            return None
        pack, self.place, self.version = first.pack, first.place, -1
        for place, operand in enumerate(self.operands, first.place):
            cell = standing(operand)
            if cell is None or cell.pack is not pack or cell.place != place:
                return None
        return pack

    def refresh(self, zero: float) -> None:
        """Look at the operands anew, in the pass that `zero` marks."""
        operands = self.operands
        self.grad = zero
        self.values: Any = operands
        if self.pack is not None and (known := self.packed()) is not None:  # as whoever computed with it asked
            self.data = known
            self.differentiable = True
        elif float not in map(type, operands):
            self.data = [operand.data for operand in operands]
            self.differentiable = True
        else:
            self.data = list(numbers(operands))
            self.differentiable = set(map(type, operands)) != {float}
            if self.differentiable:
                self.values = [SimpleNamespace(grad=0.0) if type(operand) is float else operand for operand in operands]
        self.finite = _all_finite(self.data)


def _all_finite(numbers: list[Any]) -> bool:
    try:
        return isfinite(sum(numbers))
    except TypeError:  # no numbers at all, which whoever visits them says better
        return False


class SharingList(list):  # type: ignore[type-arg]
    """A list that keeps a Column of what it holds now, and drops it with every change."""

    __slots__ = ("column",)

    def __init__(self, entries: Any = ()) -> None:
        super().__init__(entries)
        self.column: Column | None = None

    def shared(self) -> Column:
        """The Column of what the list holds now."""
        column = self.column or Column(tuple(self))
        if self.column is not column:
            self._keep(column)
        return column

    def _keep(self, column: Column) -> None:
        self.column = column
        if len(self) != len(column.operands) or not all(map(is_, self, column.operands)):  # by another thread
            self.column = None

    def __reduce__(self) -> tuple[Any, ...]:
        return SharingList, (list(self),)


def _changing(name: str) -> Any:
    """A method of lists, after which the Column is another."""
    method = getattr(list, name)

    def change(entries: SharingList, *arguments: Any, **options: Any) -> Any:
        try:
            return method(entries, *arguments, **options)
        finally:
            entries.column = None

    change.__name__, change.__doc__ = name, method.__doc__
    return change


for _name in (
    "__setitem__", "__delitem__", "__iadd__", "__imul__", "append", "extend", "insert", "clear", "pop", "remove",
    "reverse", "sort",
):  # fmt: skip
    setattr(SharingList, _name, _changing(_name))


def numbers(operand: Any) -> Any:
    """The data of an operand: a Value, a float, or a tuple of them."""
    if type(operand) is tuple:
        return tuple([o if type(o) is float else o.data for o in operand])
    return operand if type(operand) is float else operand.data

"""The rows of epochs as machine code takes them that adds up groups: those of one shape in a batch side by side.

Of each row that begins a group it is said which function adds the group up, where its rows are, and how many.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .....compiler.target import Target
from ...rows import Orders, RowError, matrix
from ...several import SeveralRows
from .mixed_text import GROUP, RowsFunction


class LaidRows:
    """Rows of several shapes, a matrix for each shape."""

    def __init__(self, rows: SeveralRows, target: Target) -> None:
        xp = target.namespace
        self.xp, self.count = xp, len(rows)
        self.kinds = xp.fromiter((row.kind for row in rows), int, len(rows))
        self.places = xp.empty(len(rows), int)  # of a row, among those of its shape
        self.matrices = []
        self._latest: Any = None  # what was asked for, what machine code takes for it, and arrays that this points at
        for kind in range(len(rows.shapes)):
            (these,) = xp.nonzero(self.kinds == kind)
            self.places[these] = xp.arange(len(these))
            try:
                self.matrices.append(matrix([rows[i] for i in these.tolist()], target))
            except RowError as wrong:
                raise RowError(int(these[wrong.place]), wrong.error) from None

    def groups(self, orders: Orders | None, epochs: int, batch: int, functions: Sequence[RowsFunction]) -> Any:
        """What machine code takes for so many epochs in their orders, or for the rows as they are; `functions` are
        those of each shape. It holds for as long as these rows are there, and until others are asked for."""
        drawn = orders is not None and orders.generator is not None
        key = orders.waiting[0] if drawn and orders is not None else None, epochs, batch, functions
        if self._latest is None or any(a is not b for a, b in zip(self._latest[0], key, strict=True)):
            order = self.xp.arange(self.count)
            if drawn and orders is not None:
                order = self.xp.concatenate([self.xp.asarray(each, dtype=int) for each in orders.waiting[:epochs]])
            self._latest = key, *self._grouped(order, batch, functions)
        return self._latest[1]

    def _grouped(self, order: Any, batch: int, functions: Sequence[RowsFunction]) -> tuple[Any, list[Any]]:
        """The groups of rows in an order, and the arrays that the rows lie in."""
        xp, n = self.xp, self.count
        at = xp.arange(len(order))
        batches = at // n * (-(-n // batch)) + at % n // batch
        kinds = self.kinds[order]
        by_group = xp.lexsort((kinds, batches))  # which leaves those alike in their order
        order, kinds, batches = order[by_group], kinds[by_group], batches[by_group]
        found = xp.zeros((len(order), GROUP), dtype=xp.int64)
        arrays = []
        for kind, rows in enumerate(self.matrices):
            (these,) = xp.nonzero(kinds == kind)
            arrays.append(rows.take(self.places[order[these]], axis=0))
            found[these, 0] = functions[kind].start
            found[these, 1] = arrays[-1].ctypes.data + xp.arange(len(these), dtype=xp.int64) * arrays[-1].strides[0]
        begins = xp.asarray([function.single for function in functions])[kinds]
        begins[1:] |= (kinds[1:] != kinds[:-1]) | (batches[1:] != batches[:-1])
        begins[0] = True
        (starts,) = xp.nonzero(begins)
        found[starts, 2] = xp.diff(xp.append(starts, len(order)))
        return found, arrays

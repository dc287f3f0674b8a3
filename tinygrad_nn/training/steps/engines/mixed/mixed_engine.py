"""Steps in machine code on rows of several shapes: one update by the gradient of all rows of a batch.

A function is compiled for each shape when rows of it first come, and kept for as many shapes as the rows of a call
have.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from weakref import ref

from .....compiler.backends.llvm.engine import Beside
from .....compiler.target import Target
from .....support.latest import Latest
from ...recipe import Recipe
from ...rows import Row
from ...several import MOST_SHAPES, SeveralRows, as_several
from ..arrays import StepArrays
from ..engine import Stretch
from ..native import NativeEngine, NativeSteps
from .laid_groups import LaidRows
from .mixed_text import MixedText, RowsFunction


class MixedEngine(NativeEngine):
    """Makes steps in machine code on batches in which each row may have a shape of its own."""

    _batch: LaidRows | None = None  # the rows of the latest single step

    def step(self, rows: Sequence[Row]) -> float:
        return super().step(as_several(rows))

    def ready(self, batch: int, rows: Sequence[Row]) -> MixedSteps:
        given, found = as_several(rows), self._steps.get(True)
        if not isinstance(found, MixedSteps) or found is not self._holder or not found.is_for(given, batch):
            self.put()
            if not isinstance(found, MixedSteps) or not found.holds():
                found = self._steps[True] = MixedSteps(self.recipe, self.shapes, given[0], self.target)
            self._cover(found, batch, given)
            self._hold(found)
        return found

    def _cover(self, steps: MixedSteps, batch: int, rows: SeveralRows) -> None:
        """Let there be a function for each shape of the rows."""
        counts = [0] * len(rows.shapes)
        for row in rows:
            counts[row.kind] += 1
        lanes = steps.text.kind.lanes
        # a block of rows takes as long as several rows do one by one, so that a group must have some
        each = [lanes if 2 * count * batch >= lanes * len(rows) else 1 for count in counts]
        keys = list(zip(rows.shapes, each, strict=True))
        found = {key: steps.known.get(key) for key in keys}  # which are the latest then
        steps.known.keep(max(MOST_SHAPES, len(keys)))
        if None in found.values():
            with Beside() as beside:  # one is compiled while the next is traced
                begun = {}
                longest_first = sorted(zip(keys, rows.firsts, strict=True), key=lambda each: -len(rows[each[1]]))
                for key, first in longest_first:
                    if found[key] is None:
                        with self.naming(first, rows[first]):
                            text = steps.text.of_rows(key[0], rows[first], key[1])
                        begun[key] = beside.begun(RowsFunction.of, text, key[1])
                for key, function in begun.items():
                    found[key] = made = function()
                    steps.known.put(key, made)
        steps.cover(rows, batch, list(found.values()))

    def _matrix(self, steps: Any, rows: Any) -> Any:
        self._batch = LaidRows(rows, self.target)
        return self._batch.groups(None, 1, len(rows), steps.functions)

    def _laid(self, steps: Any, stretch: Stretch, epochs: int) -> Any:
        orders = stretch.orders
        orders.draw(epochs if orders.generator is not None else 0)
        if orders.by_shape is None:
            orders.by_shape = LaidRows(as_several(orders.rows), self.target)
        return orders.by_shape.groups(orders, epochs, stretch.batch_size, steps.functions)

    @property
    def source(self) -> str:
        if self._latest is None:
            return super().source
        functions: list[RowsFunction] = self._latest.functions  # type: ignore[attr-defined]
        return "\n".join([*(function.text for function in functions), self._latest.text.text])


class MixedSteps(NativeSteps):
    """The compiled steps of a recipe on rows of several shapes."""

    text: MixedText

    def __init__(self, recipe: Recipe, shapes: Any, row: Row, target: Target) -> None:
        super().__init__(recipe, shapes, row, target, MixedText(recipe, target))
        self.known: Latest[RowsFunction] = Latest(MOST_SHAPES)  # by shapes of rows and how many are taken at a time
        self.functions: list[RowsFunction] = []  # of each shape that the latest rows have
        self._of: Any = lambda: None  # those rows
        self._by = 0  # and how many of them a batch has

    def is_for(self, rows: SeveralRows, batch: int) -> bool:
        """Whether its functions are of these rows."""
        return self._of() is rows and self._by == batch

    def cover(self, rows: SeveralRows, batch: int, functions: list[Any]) -> None:
        """Take these rows next, each shape by its function."""
        self.functions, self._of, self._by = functions, ref(rows), batch
        if len(self.arrays.untrained) != len(self.text.untrained):
            width = len(self.text.update.states)
            self.arrays = StepArrays(self.recipe.optimizer, self.target, self.text.padded, width, self.text.untrained)
            self._one = None
        if len(self.scratch) < self.text.scratch + 64:
            self._scratch, self._one = self._with_scratch(self.text.scratch), None

"""Steps on the recorded graph, for runs that are compared with compiled ones, or whose model cannot be traced."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ....autograd.recording import recording, watched
from ....autograd.value import Value
from ....compiler.arguments import shaped
from ....functional import mean
from ..interrupt import Uninterrupted
from ..rows import Row, RowError
from .engine import Engine, Made, Stretch, made


class RecordedEngine(Engine):
    """Makes steps as a loop of the user's own would: forward, backward, update. Parameters keep the last gradient."""

    records = True

    def total(self, rows: Sequence[Row]) -> tuple[Any, float]:
        """The mean loss over the rows with the regularizer, recorded, and the metric summed over the rows."""
        recipe, error, losses = self.recipe, 0.0, []
        for place, row in enumerate(rows):
            numbers: Iterator[float] = iter(row)
            x, target = (shaped(shape, numbers) for shape in self.shapes_of(row))
            with self.naming(place, row):
                prediction = recipe.model(x)
                losses.append(recipe.loss(prediction, target))
            if recipe.metric is not None:
                with watched(None):  # no anomaly of a step
                    error += number_of(recipe.metric(prediction, target))
        total = losses[0] if len(losses) == 1 else mean(losses)
        if recipe.regularizer is not None:
            total = total + recipe.regularizer(recipe.model)
        return total, error

    def batch(self, rows: Sequence[Row]) -> tuple[float, float]:
        """One step on the mean over the rows: the loss before it, and the metric summed over the rows."""
        optimizer = self.optimizer
        with recording():  # also where the run is made inside no_grad
            total, error = self.total(rows)
            optimizer.zero_grad()
            if isinstance(total, Value):  # else it depends on nothing that could be recorded
                total.backward()
        with Uninterrupted():
            optimizer.step()
        return number_of(total), error

    def step(self, rows: Sequence[Row]) -> float:
        return self.batch(rows)[0]

    def stretch(self, stretch: Stretch) -> Made:
        """Steps to the end of the epoch at most."""
        orders, size, error = stretch.orders, stretch.batch_size, stretch.error
        rows, losses = orders.taken, []
        end = min(len(rows), stretch.start + stretch.steps * size)
        for start in range(stretch.start, end, size):
            try:
                loss, more = self.batch(rows[start : start + size])
            except RowError as wrong:
                raise orders.as_given(wrong, start) from None
            losses.append(loss)
            error += more
        return made(stretch, losses, [error], 0.0) if end == len(rows) else made(stretch, losses, [], error)


def number_of(found: Any) -> float:
    """The number of a result, recorded or plain."""
    return float(found.data if isinstance(found, Value) else found)

"""Steps on the recorded graph, for runs that are compared with compiled ones, or whose model cannot be traced."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from ....autograd.ieee.functions import NoSuchIndexError
from ....autograd.recording import recording, watched
from ....autograd.value import Value
from ....compiler.arguments import Shape, shaped
from ....functional import mean
from ..interrupt import Uninterrupted
from ..recipe import Recipe
from ..state import Row, RowError
from .python import Path


class RecordedStepper:
    """Makes steps as a loop of the user's own would: forward, backward, update. Parameters keep the last gradient."""

    def __init__(self, recipe: Recipe, shapes: tuple[Shape, Shape], auto: bool = False) -> None:
        self.recipe, self.shapes, self.optimizer = recipe, shapes, recipe.optimizer
        self.latest: list[Path] = []
        self.native: dict[bool, Any] = {}
        self.recorded = self

    def total(self, rows: Sequence[Row]) -> tuple[Any, float]:
        """The mean loss over the rows with the regularizer, recorded, and the metric summed over the rows."""
        recipe, error = self.recipe, 0.0
        losses = []
        for place, row in enumerate(rows):
            numbers: Iterator[float] = iter(row)
            x, target = shaped(self.shapes[0], numbers), shaped(self.shapes[1], numbers)
            prediction = recipe.model(x)
            try:
                losses.append(recipe.loss(prediction, target))
            except NoSuchIndexError as wrong:
                raise RowError(place, wrong) from None
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

    def advance(
        self, passes: Callable[[], Iterable[Sequence[Row]]], row: Row, losses: list[float], sums: list[float],
        error: float, threshold: float,
    ) -> float:  # fmt: skip
        """A step on each row of the passes, as `Stepper.advance` makes them."""
        for rows in passes():
            for each in rows:
                try:
                    loss, more = self.batch([each])
                except RowError as wrong:
                    raise RowError(len(losses), wrong.error) from None
                losses.append(loss)
                error += more
            if self.recipe.metric is not None:
                sums.append(error)
                if error < threshold:
                    return 0.0
                error = 0.0
        return error


def number_of(found: Any) -> float:
    """The number of a result, recorded or plain."""
    return float(found.data if isinstance(found, Value) else found)

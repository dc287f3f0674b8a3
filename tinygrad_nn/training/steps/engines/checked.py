"""Steps inside detect_anomaly: made as they are outside, by another engine, and looked at when they were.

Where a number is not finite any more, the model goes back to where it was, and the step that went wrong is made once
more on the recorded graph, which says where.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any

from ....check.anomaly import beyond
from ..rows import Row
from ..state import kept_of, put_back, state_of
from .engine import Engine, Made, Stretch, all_finite
from .recorded import RecordedEngine


class CheckedEngine(Engine):
    """An engine, and who watches its steps; between them the numbers are where the user sees them.

    What raises AnomalyError leaves the model as it was before that step.
    """

    def __init__(self, engine: Engine, watching: Any) -> None:
        super().__init__(engine.recipe, engine.shapes, engine.target)
        self.engine, self.watching = engine, watching

    def step(self, rows: Sequence[Row]) -> float:
        before = kept_of(self.optimizer)
        loss = self.engine.step(rows)
        if isfinite(loss) and not self._spoilt(before[0]):
            return loss
        put_back(self.optimizer, before)
        gradients = [parameter.grad for parameter in self.optimizer.parameters]
        try:
            with self.watching.inside:
                RecordedEngine(self.recipe, self.shapes, self.target).batch(rows)
        finally:
            put_back(self.optimizer, before)
            for parameter, gradient in zip(self.optimizer.parameters, gradients, strict=True):
                parameter.grad = gradient
        raise beyond(f"a compiled step in {self.target.dtype}")

    def stretch(self, stretch: Stretch) -> Made:
        before = kept_of(self.optimizer)
        self.engine.take()
        found = self.engine.stretch(stretch)
        self.engine.put()
        if all_finite(found.means) and all_finite(found.losses) and not self._spoilt(before[0]):
            return found
        first, orders, size = len(stretch.losses), stretch.orders, stretch.batch_size
        count = self.optimizer.steps - before[1]
        put_back(self.optimizer, before)
        for k in range(first, first + count):
            epoch, place = divmod(k, stretch.batches)
            orders.follow(epoch)
            self.step(orders.taken[place * size : (place + 1) * size])
        put_back(self.optimizer, before)
        raise beyond(f"a compiled step in {self.target.dtype}")

    def _spoilt(self, before: list[float]) -> bool:
        """Whether a number that was finite is not any more."""
        return not all_finite(state_of(self.optimizer), {i for i, was in enumerate(before) if not isfinite(was)})

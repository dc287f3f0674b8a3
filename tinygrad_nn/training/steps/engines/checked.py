"""Steps inside detect_anomaly: made as they are outside, and looked at when they were.

Where a number is not finite any more, the model goes back to where it was, and the step that went wrong is made once
more on the recorded graph, which says where.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import isfinite
from typing import TYPE_CHECKING, Any

from ....autograd.recording import watched
from ....check.anomaly import beyond
from ..observers import Guard
from ..run import Course
from ..state import commit, state_of
from ..stretch import Ended
from .recorded import RecordedStepper

if TYPE_CHECKING:
    from ...history import History
    from ..rows import Rows
    from ..step import Step


class Guarded(Guard):
    """A step, and who watches it."""

    def __init__(self, step: Step, watching: Any) -> None:
        self.step, self.watching = step, watching
        self.optimizer = step.recipe.optimizer
        self.shapes: Any = None  # of the rows of a run

    def on(self, given: Rows) -> float:
        """One update on rows, and its loss. Raises AnomalyError where either is not finite, and nothing has changed."""
        before, steps = state_of(self.optimizer), self.optimizer.steps
        with watched(None):
            loss = self.step.on(given)
        if isfinite(loss) and not self._spoilt(before):
            return loss
        self._back(before, steps)
        gradients = [parameter.grad for parameter in self.optimizer.parameters]
        try:
            with self.watching.again():
                RecordedStepper(self.step.recipe, given[0]).batch(given[1])
        finally:
            self._back(before, steps)
            for parameter, gradient in zip(self.optimizer.parameters, gradients, strict=True):
                parameter.grad = gradient
        raise beyond(f"a compiled step in {self.step.target.dtype}")

    def run(self, given: Rows, made: Callable[[Guarded], History]) -> History:
        """A run that asks `made` for each stretch of steps."""
        self.shapes = given[0]
        with watched(None):
            return made(self)

    def made(self, course: Course, before: int) -> Ended:
        """A stretch of steps of a run, of one epoch or of several in one order.

        Raises AnomalyError with the model as it was before the step that went wrong.
        """
        done, numbers, steps = course.done, state_of(self.optimizer), self.optimizer.steps
        ended = course.made()
        course.put()
        told = [loss for losses in (*ended.losses, course.unfinished) for loss in losses]
        if all(map(isfinite, told)) and not self._spoilt(numbers):
            return ended
        made, n = self.optimizer.steps - steps, len(course.order)
        self._back(numbers, steps)
        course.epoch = before
        for _ in range(made):
            self.on((self.shapes, list(course.order[done : done + course.batch_size])))
            done += course.batch_size
            if done >= n:
                course.epoch, done = course.epoch + 1, 0
        self._back(numbers, steps)
        raise beyond(f"a compiled step in {self.step.target.dtype}")

    def _spoilt(self, before: Iterable[float]) -> bool:
        """Whether a number that was finite is not any more."""
        now = state_of(self.optimizer)
        return not isfinite(sum(now)) and any(
            isfinite(was) and not isfinite(number) for was, number in zip(before, now, strict=True)
        )

    def _back(self, numbers: list[float], steps: int) -> None:
        commit(self.optimizer, iter(numbers), steps - self.optimizer.steps)

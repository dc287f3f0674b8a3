"""The course of a training run: epochs of batches in stretches of some twenty milliseconds, and what they are told.

Between two stretches the model is whole: progress is told, and the history is written. Ctrl-C ends the run at once:
what Python computed in the stretch that it came into is dropped, and machine code ends its stretch.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import repeat
from math import inf
from time import perf_counter
from typing import Any

from ..history import History
from .interrupt import Uninterrupted
from .stepper import Pace, Row, RowError, Stepper, commit, left_sum, state_of


class Watch:
    """Looks at the model at the end of each epoch, and may end the run. This one does neither.

    One whose `looks` is False sees the history alone, and may let several epochs pass before it is asked: `ahead`.
    """

    looks = True

    @property
    def ahead(self) -> int:
        """How many epochs may pass before the next verdict."""
        return 1

    def measured(self) -> Mapping[str, float]:
        """What the history is to know of the model as it stands."""
        return {}

    def verdict(self, history: History, losses: Sequence[float]) -> str:
        """Why the run is to end now, or "". `losses` are those of the epochs since the last time, each of them."""
        return ""


class Guard:
    """Looks at each stretch of steps, and may refuse it. This one does not."""

    def made(self, course: Course, before: int, began: float) -> Ended:
        """The epochs that end with some more steps of the course."""
        return course.made(before, began)


class Course:
    """One run of a stepper over rows: `go` returns its history."""

    def __init__(
        self,
        stepper: Callable[[], Stepper],
        rows: Sequence[Row],
        epochs: int,
        batch_size: int,
        shuffle: bool,
        rng: random.Random | None,
        until: tuple[str, float] | None,
        progress: Callable[[History], Any] | None,
    ) -> None:
        self.find_stepper, self.rows, self.epochs, self.batch_size = stepper, rows, epochs, batch_size
        self.stepper = stepper()
        self.shuffle: Any = (rng or random).shuffle if shuffle else None
        self.metric, self.threshold = until or ("", -inf)
        self.progress, self.history, self.pace = progress, History(), Pace()
        self.epoch = 0  # how many have ended
        self._order: Sequence[Row] | None = rows  # the rows as this epoch takes them, if anybody asked
        self.places: Sequence[int] = range(len(rows))  # where they were given
        self.drawn = 0  # for how many epochs an order was drawn
        self.losses: list[float] = []  # of this epoch, so far
        self.error = 0.0  # the metric summed over this epoch, so far
        self.watch: Watch | None = None
        self.guard: Guard | None = None
        self.seen = True  # whether somebody may have looked at the model, and set its numbers, since the last stretch

    def go(self) -> History:
        """Run to the end, and say in the history why it was the end. What fails in the first epoch changes nothing."""
        self.start = perf_counter()
        optimizer = self.stepper.optimizer
        steps, saved = optimizer.steps, state_of(optimizer)
        try:
            while not self.history.stopped:
                try:
                    self.stepper = self.find_stepper()
                    self._stretch()
                except Exception as error:
                    if not self.epoch:  # a row that cannot be taken shows in the first epoch
                        commit(optimizer, iter(saved), steps - optimizer.steps)
                    if isinstance(error, RowError):
                        place = (len(self.losses) + error.place) % len(self.rows)
                        raise RowError(self.places[place], error.error) from None
                    raise
                if self.history.epochs and self.progress is not None:
                    self.progress(self.history)
                elif (waiting := getattr(self.progress, "waiting", None)) is not None:  # in the first epoch
                    waiting()
        except KeyboardInterrupt:
            self.history.stopped = "interrupt"
        return self.history

    def _looked_at(self) -> bool:
        """Whether somebody may look at the model after this stretch: a progress that does not says so by `looks`."""
        looks = self.progress is not None and getattr(self.progress, "looks", True)
        return looks or (self.watch is not None and self.watch.looks)

    def _ahead(self) -> int:
        """How many epochs a stretch may have: a watch asks for fewer, and a guard follows one order only."""
        if self.guard is not None and self.shuffle is not None:
            return 1
        return self.epochs if self.watch is None else self.watch.ahead

    def _stretch(self) -> None:
        """Some steps, what the history is to know of them, and what follows from it."""
        before, began = self.epoch, perf_counter()
        ended, reason = self.made(before, began) if self.guard is None else self.guard.made(self, before, began), ""
        if ended and self.watch is not None:
            self._look(ended, before, began)
            reason = self.watch.verdict(self.history, ended.means(range(len(ended))))
        if ended and self.metric and ended.errors[-1] < self.threshold:
            self.history.stopped = "until"
        elif reason:
            self.history.stopped = reason
        elif self.epoch == self.epochs:
            self.history.stopped = "epochs"
        self.seen = self._looked_at()

    @property
    def done(self) -> int:
        """How many rows of this epoch are through."""
        return len(self.losses)

    @property
    def unfinished(self) -> Sequence[float]:
        """The losses of this epoch so far."""
        return self.losses

    def put(self) -> None:
        """Let the model hold the numbers of the steps that were made, if it does not."""

    def made(self, before: int, began: float) -> Ended:
        """The epochs that end with some more steps; in the history, unless somebody is to look at the model first."""
        ended = self._one_by_one() if self.batch_size == 1 else self._batch()
        if ended and self.watch is None:
            self._record(before, ended, began, {})
        return ended

    def _look(self, ended: Ended, before: int, began: float) -> None:
        """Have the model looked at, which may take long and be interrupted, and write down what was seen."""
        assert self.watch is not None
        self._record(before, ended, began, self.watch.measured())

    def _one_by_one(self) -> Ended:
        """A stretch of steps on one row each. The losses and the metric of each epoch that ended in it."""
        n, done = len(self.rows), len(self.losses)
        if not done:
            self._draw()
        losses: list[float] = []
        sums: list[float] = []
        start = perf_counter()
        whole = 0 if done else min(self.pace.rows // n, self.epochs - self.epoch, self._ahead())
        part = self.order[done : done + self.pace.rows]
        last = done + len(part) == n
        passes = (lambda: self._passes(whole)) if whole else (lambda: repeat(part, 1))
        threshold = self.threshold if whole or last else -inf
        self.error = self.stepper.advance(passes, part[0], losses, sums, self.error, threshold)
        self.pace.took(len(losses), perf_counter() - start)
        if not whole and sums and not last:
            self.error = sums.pop()  # the sum of a part of the epoch
        losses = self.losses + losses
        count = len(losses) // n
        self.losses = losses[count * n :]
        self.epoch += count
        return Ended([losses[i * n : (i + 1) * n] for i in range(count)], sums)

    def _passes(self, count: int) -> Iterator[Sequence[Row]]:
        """The orders of the epochs to come, each drawn when it begins, so that no more are drawn than are run."""
        yield self.order
        for i in range(1, count):
            self._draw(self.epoch + i + 1)
            yield self.order

    @property
    def order(self) -> Sequence[Row]:
        """The rows as this epoch takes them."""
        if self._order is None:
            self._order = [self.rows[i] for i in self.places]
        return self._order

    def _draw(self, epoch: int = 0) -> None:
        """The order of an epoch, counted from 1, if it was not drawn yet."""
        epoch = epoch or self.epoch + 1
        if self.shuffle is not None and self.drawn < epoch:
            self.places, self._order, self.drawn = self._new_order(), None, epoch

    def _new_order(self) -> list[int]:
        """The places of the rows of another epoch."""
        places = list(range(len(self.rows)))
        self.shuffle(places)
        return places

    def _batch(self) -> Ended:
        """One step on the mean of a batch. Losses and metric of the epoch if it ended with it."""
        done = len(self.losses)
        if not done:
            self._draw()
        rows = self.order[done : done + self.batch_size]
        loss, error = self.stepper.batch(rows)
        self.losses += [loss] * len(rows)
        self.error += error
        if len(self.losses) < len(self.rows):
            return Ended([], [])
        ended = Ended([self.losses], [self.error])
        self.losses, self.error = [], 0.0
        self.epoch += 1
        return ended

    def _record(self, before: int, ended: Ended, began: float, measured: Mapping[str, float]) -> None:
        """The points of the epochs after `before`; their times divide those of the stretch evenly."""
        start, end = began - self.start, perf_counter() - self.start
        epochs = self.history.wanted(before + 1, self.epoch)
        each = (end - start) / len(ended)
        every = len(epochs) == len(ended)
        these: Sequence[int] = range(len(ended)) if every else [epoch - before - 1 for epoch in epochs]
        first = start + each
        times = [first + each * i for i in these]
        metrics = {self.metric: [ended.errors[i] for i in these]} if self.metric else {}
        metrics |= {name: [number] for name, number in measured.items()}
        with Uninterrupted():
            self.history.extend(epochs, ended.means(these), times, metrics)


class Ended:
    """The epochs that ended in a stretch: the losses of the rows of each, and the metric of each if there is one."""

    def __init__(self, losses: Any, errors: list[float]) -> None:
        self.losses, self.errors = losses, errors

    def __len__(self) -> int:
        return len(self.losses)

    def means(self, these: Sequence[int]) -> list[float]:
        """The mean losses of some of the epochs."""
        return [left_sum(self.losses[i]) / len(self.losses[i]) for i in these]

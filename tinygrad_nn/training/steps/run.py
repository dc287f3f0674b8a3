"""The course of a training run: epochs of batches in stretches of some twenty milliseconds, and what they are told.

Between two stretches the model is whole: progress is told, and the history is written. Ctrl-C ends the run at once:
what Python computed in the stretch that it came into is dropped, and machine code ends its stretch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import repeat
from math import inf, isfinite
from time import perf_counter
from typing import Any

from ..history import History
from .engines.python import Stepper
from .interrupt import Uninterrupted
from .observers import Guard, Watch
from .orders import Orders
from .state import Pace, Row, RowError, commit, state_of
from .stretch import Ended, Standing


class Course:
    """One run of a stepper over rows: `go` returns its history."""

    def __init__(
        self,
        stepper: Callable[[], Stepper],
        rows: Sequence[Row],
        epochs: int,
        batch_size: int,
        generator: Any,
        until: tuple[str, float] | None,
        progress: Callable[[History], Any] | None,
    ) -> None:
        self.find_stepper, self.rows, self.epochs, self.batch_size = stepper, rows, epochs, batch_size
        self.stepper = stepper()
        self.orders = Orders(rows, generator)
        self.metric, self.threshold = until or ("", -inf)
        self.progress, self.history, self.pace = progress, History(), Pace()
        self.epoch = self.begun = 0  # how many have ended, and had when this run began
        self.losses: list[float] = []  # of this epoch, so far
        self.error = 0.0  # the metric summed over this epoch, so far
        self.watch: Watch | None = None
        self.guard: Guard | None = None
        self.judged = False  # whether the run ends where its numbers are not finite any more
        self.unbounded: set[int] = set()  # those of them that were not from the start
        self.alone = False  # whether a stretch has one epoch at most
        self.seen = True  # whether somebody may have looked at the model, and set its numbers, since the last stretch

    def go(self) -> History:
        """Run to the end, and say in the history why it was the end. What fails in the first epoch changes nothing."""
        if (begins := getattr(self.progress, "begins", None)) is not None:
            begins(self)
        self.start = perf_counter() - (self.history.times[-1] if self.history.times else 0.0)
        optimizer = self.stepper.optimizer
        steps, saved = optimizer.steps, state_of(optimizer)
        if self.judged and not isfinite(sum(saved)):
            self.unbounded = {i for i, number in enumerate(saved) if not isfinite(number)}
        found = True  # when the course was made
        try:
            while not self.history.stopped:
                try:
                    if self.seen and not found:
                        self.stepper = self.find_stepper()
                    found = False
                    self._stretch()
                except Exception as error:
                    if self.epoch == self.begun:  # a row that cannot be taken shows in the first epoch
                        commit(optimizer, iter(saved), steps - optimizer.steps)
                    if isinstance(error, RowError):
                        place = (len(self.losses) + error.place) % len(self.rows)
                        raise RowError(self.orders.places[place], error.error) from None
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
        if (
            self.alone
            or self.stepper.recorded is not None
            or (self.guard is not None and self.orders.generator is not None)
        ):
            return 1
        return self.epochs if self.watch is None else self.watch.ahead

    def _stretch(self) -> None:
        """Some steps, what the history is to know of them, and what follows from it."""
        before, began, reason, lost = self.epoch, perf_counter(), "", 0
        kept = self._kept() if self.judged else None
        try:
            ended = self.made() if self.guard is None else self.guard.made(self, before)
            if kept is not None and (lost := self._lost(ended, kept)):
                ended = ended.first(lost)
            if ended:
                measured = self._measured()
                with Uninterrupted():
                    self._record(before, ended, began, measured)
                    if self.watch is not None and not lost:
                        self.watch.remember(self.history)
                    kept = None  # there is no way back
        except KeyboardInterrupt:
            if kept is not None:
                self._back(kept)
            raise
        if ended and self.watch is not None and not lost:
            reason = self.watch.verdict(self.history, ended.means(range(len(ended))))
        if lost:
            self.history.stopped = "diverged"
        elif ended and self.metric and ended.errors[-1] < self.threshold:
            self.history.stopped = "until"
        elif reason:
            self.history.stopped = reason
        elif self.epoch == self.epochs:
            self.history.stopped = "epochs"
        self.seen = self._looked_at()

    def _kept(self) -> Any:
        """What `_back` needs to make this stretch as if it had not been."""
        optimizer = self.stepper.optimizer
        self.orders.start()
        return state_of(optimizer), optimizer.steps, self.epoch, (self.losses, len(self.losses)), self.error

    def _back(self, kept: Any) -> None:
        numbers, steps, self.epoch, (losses, done), self.error = kept
        optimizer = self.stepper.optimizer
        commit(optimizer, iter(numbers), steps - optimizer.steps)
        self.losses = losses[:done]
        self.orders.back()
        self.orders.follow()

    def _lost(self, ended: Ended, kept: Any) -> int:
        """Which of the epochs that ended is the first with a loss, or a number at its end, that is not finite: 0 if
        none is, else counted from 1, with the model as it was then."""
        if not len(ended) or (all(map(isfinite, ended.means(range(len(ended))))) and self.finite()):
            return 0
        if len(ended) == 1:
            return 1
        self._back(kept)
        self.alone = True
        made = 0
        while made < len(ended):
            one = self.made()
            made += len(one)
            if len(one) and not (isfinite(one.means([0])[0]) and self.finite()):
                return made
        self.alone = False
        return 0

    def finite(self) -> bool:
        """Whether all numbers of model and optimizer are finite, but for those that never were."""
        return self._all_finite(state_of(self.stepper.optimizer))

    def _all_finite(self, numbers: Sequence[float]) -> bool:
        return isfinite(sum(numbers)) or all(isfinite(x) or i in self.unbounded for i, x in enumerate(numbers))

    def standing(self) -> Standing:
        """Where the run stands, between two stretches."""
        return Standing(self.epoch, self._of_batches(), self.error, self.orders.waiting, self.history)

    def go_on(self, standing: Standing) -> None:
        """Begin where another run stood on the same rows, in the same batches."""
        self.epoch, losses, self.error, self.orders.waiting, self.history = standing
        self.begun, self.history.stopped = self.epoch, ""
        self._take_up(losses)

    def _of_batches(self) -> list[float]:
        """The losses of this epoch's batches so far."""
        return self.losses[:: self.batch_size]

    def _take_up(self, losses: list[float]) -> None:
        """Let an epoch be under way, of whose batches these are the losses."""
        size, n = self.batch_size, len(self.rows)
        self.losses = [loss for i, loss in enumerate(losses) for _ in range(min(size, n - i * size))]
        if losses:
            self.orders.follow()

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

    def made(self) -> Ended:
        """The epochs that end with some more steps."""
        return self._one_by_one() if self.batch_size == 1 else self._batch()

    def _measured(self) -> Mapping[str, float]:
        """What is seen of the model, which may take long and be interrupted."""
        return {} if self.watch is None else self.watch.measured()

    def _one_by_one(self) -> Ended:
        """A stretch of steps on one row each. The losses and the metric of each epoch that ended in it."""
        n, done = len(self.rows), len(self.losses)
        if not done:
            self.orders.follow()
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
        self.orders.over(count)
        return Ended([losses[i * n : (i + 1) * n] for i in range(count)], sums)

    def _passes(self, count: int) -> Iterator[Sequence[Row]]:
        """The orders of the epochs to come, each drawn when it begins, so that no more are drawn than are run."""
        for i in range(count):
            self.orders.follow(i)
            yield self.order

    @property
    def order(self) -> Sequence[Row]:
        """The rows as this epoch takes them."""
        return self.orders.taken

    def _batch(self) -> Ended:
        """One step on the mean of a batch. Losses and metric of the epoch if it ended with it."""
        done = len(self.losses)
        if not done:
            self.orders.follow()
        rows = self.order[done : done + self.batch_size]
        loss, error = self.stepper.batch(rows)
        self.losses += [loss] * len(rows)
        self.error += error
        if len(self.losses) < len(self.rows):
            return Ended([], [])
        ended = Ended([self.losses], [self.error])
        self.losses, self.error = [], 0.0
        self.epoch += 1
        self.orders.over(1)
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
        self.history.extend(epochs, ended.means(these), times, metrics)

"""A run of training steps: epochs of batches in stretches of some twenty milliseconds, and what is told of them.

Between two stretches the model is whole: whoever watches is told, and the history is written. Ctrl-C ends the run at
once: the stretch that it came into is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import inf, isfinite
from time import perf_counter
from typing import Any

from ...metrics import metric_name
from ...optim import Optimizer
from ...support.numbers import as_float
from ..history import History
from .engines.engine import CANNOT, Engine, Stretch, all_finite
from .interrupt import Uninterrupted
from .rows import Orders, Row
from .state import kept_of, put_back
from .watch import Standing, Watch

RowMetric = Callable[[Any, Any], Any]


class Pace:
    """How many steps fill a stretch of some twenty milliseconds, so that Ctrl-C and progress never wait for long."""

    STRETCH = 0.02

    def __init__(self, steps: int = 1) -> None:
        self.steps = steps

    def took(self, steps: int, seconds: float) -> None:
        """So many steps took so long; the next stretch is at most four times as long."""
        fitting = steps * self.STRETCH / seconds if seconds else 4.0 * self.steps
        self.steps = max(1, min(4 * self.steps, int(fitting)))


class Run:
    """A run over rows: `go` returns its history.

    `engine(None)` is what makes the steps, for model and optimizer as they are; `engine(error)` what does in the place
    of one that cannot. `until` is the name of the metric that ends the run, and its threshold.
    """

    def __init__(
        self, engine: Callable[[Exception | None], Engine], rows: Sequence[Row], epochs: int, batch_size: int,
        generator: Any, until: tuple[str, float] | None = None, watches: Sequence[Watch] = (),
        begun: Standing | None = None,
    ) -> None:  # fmt: skip
        self._engine_for, self.epochs, self.batch_size, self.watches = engine, epochs, batch_size, watches
        self.engine, self.orders = engine(None), Orders(rows, generator)
        self.pace = Pace(1 if self._looked_at else self.engine.at_first(batch_size))
        self.metric, self.threshold = until or ("", -inf)
        begun = begun or Standing(0, [], 0.0, [], History())
        self.epoch, self.losses, self.error, self.orders.waiting, self.history = begun
        self.history.stopped = ""
        self.single = False  # whether epochs are made one by one, as one of the next diverges
        self._saved: Any = None  # what model and optimizer are, until the first steps are made
        self.unbounded: set[int] = set()  # which numbers were not finite from the start

    def go(self) -> History:
        """Run to the end, and say in the history why it was the end. What fails in the first epoch changes nothing."""
        begun, optimizer = self.epoch, self.engine.optimizer
        self._take()
        for watch in self.watches:
            watch.begins(self)
        self.start = perf_counter() - (self.history.times[-1] if self.history.times else 0.0)
        self._saved = saved = kept_of(optimizer)
        if not isfinite(sum(saved[0])):
            self.unbounded = {i for i, number in enumerate(saved[0]) if not isfinite(number)}
        try:
            while not self.history.stopped:
                try:
                    self._stretch()
                except Exception:
                    if self.epoch == begun:  # a row that cannot be taken shows in the first epoch
                        self.engine.put()
                        put_back(optimizer, saved)
                    raise
                for watch in self.watches:
                    watch.told(self.history)
                if self._looked_at and not self.history.stopped:
                    self.engine = self._engine_for(None)
                    self._take()
        except KeyboardInterrupt:
            self.history.stopped = "interrupt"
        finally:
            self.engine.put()
            self.watches = ()  # which may hold this run
        return self.history

    def _take(self) -> None:
        """Let the engine have the numbers, and look in the place of who would look at the model, if it can."""
        self.engine.take()
        for watch in self.watches:
            looks = watch.asks()
            watch.replaced = looks is not None and self.engine.can_look(looks, self.orders.rows, self.batch_size)

    @property
    def _looked_at(self) -> bool:
        """Whether somebody may look at the model between two stretches, and set its numbers."""
        return any(watch.looks for watch in self.watches)

    def _stretch(self) -> None:
        """Some steps, what the history is to know of them, and what follows from it."""
        before, began, lost = self.epoch, perf_counter(), 0
        kept: Any = self._kept()
        try:
            means, errors, found = self._made()
            if lost := self._lost(means, kept):
                means, errors = means[:lost], errors[:lost]
            if self._looked_at:
                self.engine.put()
            if means:
                found |= self._measured()
                with Uninterrupted():
                    means = means if lost else self._remembered(means, found)
                    errors = errors[: len(means)]
                    self._record(before, means, errors, began, found)
                    kept = None  # there is no way back
        except KeyboardInterrupt:
            if kept is not None:
                self._back(kept)
            raise
        reasons = [watch.verdict(self.history, means) for watch in self.watches] if means and not lost else []
        if lost:
            self.history.stopped = "diverged"
        elif means and self.metric and errors[-1] < self.threshold:
            self.history.stopped = "until"
        elif any(reasons):
            self.history.stopped = next(filter(None, reasons))
        elif self.epoch == self.epochs:
            self.history.stopped = "epochs"
        if self.history.stopped:
            self.orders.give_back(len(means))

    def _remembered(self, means: list[float], found: Mapping[str, Sequence[float]]) -> list[float]:
        """The means of the epochs that count: those up to where the run ends, which ends there then."""
        count = len(means)
        for watch in self.watches:
            count = watch.remember(means[:count], found, self.engine.now)
        if later := len(means) - count:
            self.engine.end(later)
            self.epoch, self.losses, self.error = self.epoch - later, [], 0.0
        return means[:count]

    def _made(self, most: int = 0) -> tuple[list[float], list[float], dict[str, Sequence[float]]]:
        """Some more steps: of each epoch that ended with them the mean loss, the metric, and what the engine found."""
        self.orders.follow()
        looker = next((watch for watch in self.watches if watch.replaced), None)
        keeps = looker is not None and looker.keeps
        if keeps and (self.single or not self.orders.rewinds):
            most = 1
        most = most or min([self.epochs - self.epoch, *(watch.ahead for watch in self.watches)])
        known = self.losses, self.error, self.pace.steps
        stretch = Stretch(self.orders, self.batch_size, *known, most, self.threshold, looker is not None, keeps)
        start = perf_counter()
        try:
            found = self.engine.stretch(stretch)
        except CANNOT as error:  # another one goes on from here
            self.engine.put()
            self.engine, self.pace = self._engine_for(error), Pace()
            self._take()
            return [], [], {}
        count = len(found.means)
        steps = count * stretch.batches + len(found.losses) - len(self.losses)
        self.pace.took(steps, perf_counter() - start)
        self.losses, self.error = found.losses, found.error
        self.epoch += count
        del self.orders.waiting[:count]
        seen = looker.found(self.engine.found(count)) if looker is not None and count else {}
        return found.means, found.errors, dict(seen)

    def _measured(self) -> dict[str, Sequence[float]]:
        """What those who look themselves find at the end of an epoch."""
        looking = [watch for watch in self.watches if not watch.replaced]
        return {name: [number] for watch in looking for name, number in watch.measured().items()}

    def _kept(self) -> Any:
        """What `_back` needs to make this stretch as if it had not been."""
        self.orders.start(bool(self.metric) or any(watch.replaced for watch in self.watches))
        saved, self._saved = self._saved, None
        return self.engine, self.engine.kept(saved), self.epoch, self.losses, self.error

    def _back(self, kept: Any) -> None:
        self.engine, numbers, self.epoch, self.losses, self.error = kept
        self.engine.back(numbers)
        self.orders.back()

    def _lost(self, means: list[float], kept: Any) -> int:
        """Which of the epochs that ended is the first with a loss, or a number at its end, that is not finite: 0 if
        none is, else counted from 1, with the model as it was then."""
        if not means or (all_finite(means) and self.finite()):
            return 0
        if len(means) == 1:
            return 1
        self._back(kept)
        if any(watch.keeps for watch in self.watches):  # which may end it before
            self.orders.give_back(0)
            self.single = True
            means.clear()
            return 0
        made = 0
        while made < len(means):
            one, _, _ = self._made(most=1)
            made += len(one)
            if one and not (isfinite(one[0]) and self.finite()):
                return made
        return 0

    def finite(self) -> bool:
        return self.engine.finite(self.unbounded)

    def put(self) -> None:
        self.engine.put()

    def standing(self) -> Standing:
        return Standing(self.epoch, list(map(float, self.losses)), self.error, self.orders.waiting, self.history)

    def _record(
        self, before: int, means: list[float], errors: list[float], began: float,
        measured: Mapping[str, Sequence[float]],
    ) -> None:  # fmt: skip
        """The points of the epochs after `before`; their times divide those of the stretch evenly."""
        start, end = began - self.start, perf_counter() - self.start
        epochs = self.history.wanted(before + 1, self.epoch)
        each = (end - start) / len(means)
        these = [epoch - before - 1 for epoch in epochs]
        first = start + each
        metrics = {self.metric: [errors[i] for i in these]} if self.metric else {}
        metrics |= {name: [numbers[i] for i in these] for name, numbers in measured.items()}
        self.history.extend(epochs, [means[i] for i in these], [first + each * i for i in these], metrics)


def until_of(until: Any, *names: str) -> tuple[RowMetric | None, tuple[str, float] | None]:
    """The metric that ends a run, its name and its threshold; no metric for one of some names."""
    if until is None:
        return None, None
    first = until[0] if isinstance(until, list | tuple) and len(until) == 2 else None
    if not (callable(first) or (isinstance(first, str) and first in names)):
        wanted = " or ".join(["a function (prediction, target)", *map(repr, names)])
        raise TypeError(f"until wants (metric, threshold), {wanted} and a number, got {until!r}")
    threshold = as_float(until[1])
    if threshold is None:
        raise TypeError(f"the threshold of until must be a number, but got {until[1]!r}")
    return (first, (metric_name(first), threshold)) if callable(first) else (None, (str(first), threshold))


def diverged(history: History, optimizer: Optimizer) -> str:
    """What a run that diverged tells, and what to do about it."""
    epoch, loss = history.epochs[-1], history.losses[-1]
    seen = f"its loss is {loss}" if not isfinite(loss) else "a number of the model or the optimizer is not finite"
    return (
        f"the run diverged in epoch {epoch:,}: {seen} ({optimizer.rate(max(0, optimizer.steps - 1)):g} was the lr), "
        "and more epochs cannot mend it: take a smaller lr, scale inputs and targets to about -1 ... 1, and give a "
        "probability's loss logits (..._with_logits, cross_entropy); inside tn.detect_anomaly() the operation is named"
    )

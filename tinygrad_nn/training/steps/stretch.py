"""What is known between two stretches of a run: the epochs that ended, where the run stands, and what may end it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite
from typing import Any, NamedTuple

from ...optim import Optimizer
from ...support.numbers import as_float
from ..history import History
from .state import left_sum

Metric = Callable[[Any, Any], Any]


class Standing(NamedTuple):
    """What it takes, beside model and optimizer, for another run to go on from here."""

    epoch: int  # how many have ended
    losses: list[float]  # of the batches of the next one, so far
    error: float  # the metric summed over it, so far
    orders: list[list[int]]  # of the next one and later ones, as far as they were drawn
    history: History


def until_of(until: Any) -> tuple[Metric | None, tuple[str, float] | None]:
    """The metric that ends a run, its name and its threshold."""
    if until is None:
        return None, None
    if not isinstance(until, list | tuple) or len(until) != 2 or not callable(until[0]):
        raise TypeError(f"until wants (metric, threshold), a function (prediction, target) and a number, got {until!r}")
    threshold = as_float(until[1])
    if threshold is None:
        raise TypeError(f"the threshold of until must be a number, but got {until[1]!r}")
    return until[0], (getattr(until[0], "__name__", "metric"), threshold)


def diverged(history: History, optimizer: Optimizer) -> str:
    """What a run that diverged tells, and what to do about it."""
    epoch, loss = history.epochs[-1], history.losses[-1]
    seen = f"its loss is {loss}" if not isfinite(loss) else "a number of the model or the optimizer is not finite"
    return (
        f"the run diverged in epoch {epoch:,}: {seen} ({optimizer.rate(max(0, optimizer.steps - 1)):g} was the lr), "
        "and more epochs cannot mend it: take a smaller lr, scale inputs and targets to about -1 ... 1, and give a "
        "probability's loss logits (..._with_logits, cross_entropy); inside tn.detect_anomaly() the operation is named"
    )


class Ended:
    """The epochs that ended in a stretch: the losses of the rows of each, and the metric of each if there is one."""

    def __init__(self, losses: Any, errors: list[float]) -> None:
        self.losses, self.errors = losses, errors

    def __len__(self) -> int:
        return len(self.losses)

    def first(self, count: int) -> Ended:
        """The first of them alone."""
        self.losses, self.errors = self.losses[:count], self.errors[:count]
        return self

    def means(self, these: Sequence[int]) -> list[float]:
        """The mean losses of some of the epochs."""
        return [left_sum(self.losses[i]) / len(self.losses[i]) for i in these]


class Batches(Ended):
    """Epochs whose losses are those of batches, each the mean of as many rows as its weight says."""

    def __init__(self, losses: Any, errors: list[float], weights: Any, namespace: Any) -> None:
        super().__init__(losses, errors)
        self.weights, self.namespace = weights, namespace

    def means(self, these: Sequence[int]) -> list[float]:
        chosen = self.losses if isinstance(these, range) else self.losses[these]
        if len(self.weights) == 1:
            return chosen[:, 0].tolist()  # type: ignore[no-any-return]
        with self.namespace.errstate(all="ignore"):  # of losses that grew without bound
            return ((chosen * self.weights).sum(axis=1) / self.weights.sum()).tolist()  # type: ignore[no-any-return]

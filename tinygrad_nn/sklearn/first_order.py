"""Fits by SGD and Adam: epochs of batches, what they are followed by, and what ends them.

Where all batches are alike, a run of compiled steps makes many epochs at a time. Where they are not (the last one is
smaller, or rows have weights), or where each epoch is looked at, steps are made one by one: a batch is divided by the
weight that it has, as scikit-learn does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from time import perf_counter
from typing import Any

import numpy as np
from scipy.sparse import issparse

from ..compiler.target import Target
from ..support.checks import MOST
from ..training.history import History
from ..training.steps.rows import ArrayRows, OrdersAsArrays, Rows, matrix
from ..training.steps.watch import Watch
from .trainer import Trainer

SMALLEST_RATE = 1e-6  # of those that adapt


class Rates:
    """The learning rate of an optimizer, and what it remembers between two fits of a part."""

    def __init__(self, learning_rate: float) -> None:
        self.learning_rate = learning_rate
        self.state: Any = None  # a row for each number that is kept of a parameter
        self.steps = 0

    def copy(self) -> Rates:
        """Another that is the same."""
        twin = Rates(self.learning_rate)
        twin.state, twin.steps = self.state, self.steps
        return twin


class Epochs(Watch):
    """What follows from the loss of each epoch, or from the score of rows that are set aside, as scikit-learn has it.

    `estimator` has the parameters, and nothing of it is changed.
    """

    looks = False

    def __init__(self, estimator: Any, rates: Rates, samples: int, anew: bool) -> None:
        self.of, self.rates, self.samples, self.epochs = estimator, rates, samples, 0
        self.t = 0 if anew else getattr(estimator, "t_", 0)
        stopping = estimator.early_stopping
        self.losses: list[float] = [] if anew else list(getattr(estimator, "loss_curve_", []))
        self.stale = 0 if anew else getattr(estimator, "_no_improvement_count", 0)
        known: Any = None if anew else getattr(estimator, "best_loss_", None)
        self.best: Any = None if stopping else np.inf if known is None else known
        scores: Any = None if anew else getattr(estimator, "validation_scores_", None)
        self.scores: Any = list(scores or []) if stopping else None
        best: Any = None if anew else getattr(estimator, "best_validation_score_", None)
        self.best_score: Any = (-np.inf if best is None else best) if stopping else None
        self.better = False  # whether the latest score is the best
        self.optimizer: Any = None

    @property
    def ahead(self) -> int:
        if self.of.solver == "sgd" and self.of.learning_rate == "invscaling":
            return 1
        left = self.of.n_iter_no_change + 1 - self.stale
        return MOST if left == np.inf else max(1, int(left))

    def verdict(self, history: History, losses: Sequence[float]) -> str:
        reason = ""
        for loss in losses:
            reason = self.after(loss)
        return reason

    def after(self, loss: float, score: Any = None) -> str:
        """An epoch had this loss: why it is the last, or ""."""
        of = self.of
        self.epochs, self.t = self.epochs + 1, self.t + self.samples
        self.losses.append(loss)
        if of.verbose:
            print(f"Iteration {self.epochs}, loss = {loss:.8f}" + ("" if score is None else f", score = {score:.6f}"))
        if self.scores is None:
            self.stale = self.stale + 1 if loss > self.best - of.tol else 0
            self.best = min(self.best, loss) if loss == loss else self.best
        else:
            self.scores.append(score)
            self.stale = self.stale + 1 if score < self.best_score + of.tol else 0
            self.better = score > self.best_score
            self.best_score = score if self.better else self.best_score
        if of.solver == "sgd" and of.learning_rate == "invscaling":
            self._rate(float(of.learning_rate_init) / (self.t + 1) ** of.power_t)
        return self._stale() if self.stale > of.n_iter_no_change else ""

    def attributes(self) -> dict[str, Any]:
        """What a fitted estimator has of them."""
        return {
            "n_iter_": self.epochs, "t_": self.t, "loss_": self.losses[-1] if self.losses else np.nan,
            "loss_curve_": self.losses, "best_loss_": self.best, "validation_scores_": self.scores,
            "best_validation_score_": self.best_score, "_optimizer": self.rates, "_no_improvement_count": self.stale,
        }  # fmt: skip

    def _stale(self) -> str:
        """No epoch was better for long: why it is the end, or "" where the learning rate is to be smaller."""
        what = "loss" if self.scores is None else "score"
        adaptive = self.of.solver == "sgd" and self.of.learning_rate == "adaptive"
        ends = not adaptive or self.rates.learning_rate <= SMALLEST_RATE
        if not ends:
            self._rate(self.rates.learning_rate / 5.0)
            self.stale = 0
        if self.of.verbose:
            then = "Stopping." if ends else f"The learning rate is {self.rates.learning_rate:g} from now on."
            print(f"No {what} of {self.of.n_iter_no_change} epochs was better by tol. {then}")
        return "patience" if ends else ""

    def _rate(self, learning_rate: float) -> None:
        self.rates.learning_rate = learning_rate
        if self.optimizer is not None:
            self.optimizer.lr = learning_rate


class Batches:
    """Rows and their targets, a batch after the other, of which each is an array of both.

    Sparse rows become dense a batch at a time. Rows of weights have those last, so that they are 1 on average in a
    batch. `alike` says whether one penalty is that of all batches.
    """

    def __init__(self, X: Any, targets: Any, weights: Any, size: int, dtype: str, shapes: Any) -> None:
        self.X, self.targets, self.weights, self.size, self.dtype, self.shapes = (
            X,
            targets,
            weights,
            size,
            dtype,
            shapes,
        )
        self.n, self.width = X.shape
        self.alike = self.n % size == 0 and (weights is None or size == self.n)
        self.starts = np.arange(0, self.n, size)
        self.counts = np.diff([*self.starts, self.n])
        self._both = None if issparse(X) else self._dense(X, targets)

    def _dense(self, X: Any, targets: Any) -> Any:
        """Rows and targets in one array, which has room for their weights."""
        both = np.empty((X.shape[0], self.width + targets.shape[1] + (self.weights is not None)))
        both[:, : self.width] = X.toarray() if issparse(X) else X
        both[:, self.width : self.width + targets.shape[1]] = targets
        if self.weights is not None:
            both[:, -1] = 1.0  # until a batch has its own
        return matrix(ArrayRows(both), Target("array", dtype=self.dtype))

    def epoch(self, order: Any) -> Iterator[tuple[Any, float, int]]:
        """Each batch in an order of the rows, which is None where they are as they were given: rows, the weight of all
        of them, and how many they are."""
        weights, both = self.weights, self._both
        weights = weights if weights is None or order is None else weights[order]
        sums = self.counts if weights is None else np.add.reduceat(weights, self.starts)
        if both is not None and order is not None:
            both = both.take(order, axis=0)
        for start, total, count in zip(self.starts.tolist(), sums.tolist(), self.counts.tolist(), strict=True):
            part = slice(start, start + count)
            if both is None:
                chosen = part if order is None else order[part]
                x = self._dense(self.X[chosen], self.targets[chosen])
            else:
                x = both[part]
            if weights is not None:
                x[:, -1] = weights[part] * (count / total)
            yield x, total, count

    def rows(self, dtype: str = "float64") -> tuple[Rows, float]:
        """All rows as one batch, or as batches that are alike, with the weight that a batch has."""
        total = float(self.size)
        both = self._dense(self.X, self.targets) if self._both is None else self._both
        if self.weights is not None:
            total = float(self.weights.sum())
            both[:, -1] = self.weights * (self.n / total)
        return (self.shapes, ArrayRows(both.astype(dtype, copy=False))), total


def row_shapes(width: int, targets: int, weighted: bool) -> Any:
    """The shapes of a row and of its target, which is a number or the list of several."""
    return (None,) * width, (None,) * (targets + weighted) if targets + weighted > 1 else None


class Shuffle(OrdersAsArrays):
    """The orders of epochs, drawn by a generator of NumPy's."""

    def __init__(self, generator: Any, count: int) -> None:
        super().__init__(0)
        self.generator, self.last = generator, np.arange(count)

    def order(self, count: int) -> Any:
        """The order of the epoch before, permuted again, as scikit-learn does."""
        self.last = self.last[self.generator.permutation(count)]
        return self.last

    def shuffle(self, places: Any) -> None:
        """The same for a list of the places of all rows."""
        places[:] = self.order(len(places)).tolist()


def many_epochs(trainer: Trainer, batches: Batches, progress: Epochs, shuffle: Any, weights: Any, most: int) -> Any:
    """Many epochs at a time, of batches that are alike; their History."""
    of, rates = progress.of, progress.rates
    rows, total = batches.rows()
    trainer.begin(weights, rates.state, rates.steps, of.alpha / (2.0 * total))
    shuffled = shuffle if batches.size < batches.n else None
    progress.optimizer = trainer.optimizer
    history = trainer.step.run_on(rows, most, batches.size, shuffled is not None, shuffled, None, [progress])
    if shuffle is not None and shuffled is None and not isinstance(of.random_state, int | np.integer):
        for _ in range(progress.epochs):  # so that a generator that goes on stands where it would
            shuffle.order(batches.n)
    if history.stopped == "diverged":
        progress.losses.append(history.losses[-1])
        progress.epochs += 1
    return history


def step_by_step(
    trainer: Trainer, batches: Batches, progress: Epochs, shuffle: Any, weights: Any, most: int,
    looks: Callable[[Any], tuple[Any, dict[str, float]]] | None,
) -> tuple[History, Any]:  # fmt: skip
    """Epochs one by one; their History, and the weights that scored best where rows are set aside.

    `looks` gives the score of those, and metrics by their names, of weights.
    """
    of, rates, history, best, began = progress.of, progress.rates, History(), weights, perf_counter()
    sample = next(batches.epoch(None))[0][:1]
    rows = batches.shapes, ArrayRows(sample.astype(np.float64))
    trainer.begin_steps(rows, batches.size, weights, rates.state, rates.steps)
    progress.optimizer = trainer.optimizer
    try:
        while not history.stopped:
            order, loss = None if shuffle is None else shuffle.order(batches.n), 0.0
            for x, total, count in batches.epoch(order):
                loss += trainer.one(x, of.alpha / (2.0 * total)) * count
            score, metrics = (None, {}) if looks is None else looks(trainer.weights())
            reason = progress.after(loss / batches.n, score)
            history.record(progress.epochs, progress.losses[-1], perf_counter() - began, metrics)
            if progress.better:
                best = trainer.weights()
            lost = progress.scores is None and not np.isfinite(loss)
            history.stopped = "diverged" if lost else reason or ("epochs" if progress.epochs == most else "")
    except KeyboardInterrupt:
        history.stopped = "interrupt"
    return history, best if progress.scores is not None else None

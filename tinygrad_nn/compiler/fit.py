"""fit: training as people expect it, on the recorded graph or compiled: metrics, validation, patience, checkpoints.

It is a run of training steps with somebody who looks at the model after each epoch. The same rng gives the same batches
on every back end, and so the same losses within rounding.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .. import losses as losses_
from ..history import History
from ..metrics import named
from ..optim import Optimizer
from ..storage import place_for, save, text_of
from ..stored import StorageError
from .backends import Target
from .course import Watch
from .function import compile
from .phases import Recipe
from .recorded import number_of
from .step import Step, _rows, compile_step
from .trace import TraceError

CHECKPOINTS = 1.0  # seconds between two of them, at least
TOLD = 10.0  # seconds between two lines of progress where there is no terminal


class Fit(Watch):
    """What looks at the model: metrics of the training and of the validation rows, and whether it still gets better."""

    def __init__(
        self, step: Step, X: Any, Y: Any, metrics: Sequence[Any], validation: Any, patience: int | None,
        callbacks: Sequence[Callable[[History], Any]],
    ) -> None:  # fmt: skip
        self.step, self.recipe = step, step.recipe
        self.metrics = dict(named(metric, step.recipe.loss) for metric in metrics)
        self.patience, self.callbacks = patience, callbacks
        self.rows = {"": (X, Y)} if metrics else {}
        self.rows |= {"validation ": validation} if validation is not None else {}
        self.best, self.waited, self.kept = math.inf, 0, list[float]()
        self.compiled = None if step.backend == "eager" else compile(step.recipe.model)

    @property
    def wanted(self) -> bool:
        """Whether anybody wants to look after each epoch."""
        return bool(self.rows or self.callbacks or self.patience)

    def measured(self) -> Mapping[str, float]:
        found: dict[str, float] = {}
        for prefix, (X, Y) in self.rows.items():
            predictions, targets = self._predictions(X), _plain(Y)
            if prefix:
                losses = [number_of(self.recipe.loss(p, t)) for p, t in zip(predictions, targets, strict=True)]
                found[f"{prefix}loss"] = math.fsum(losses) / len(losses)
            found |= {f"{prefix}{name}": metric(predictions, targets) for name, metric in self.metrics.items()}
        return found

    def verdict(self, history: History) -> str:
        if self.patience is not None:
            numbers = history.metrics.get("validation loss", history.losses)
            if numbers[-1] < self.best:
                self.best, self.waited = numbers[-1], 0
                self.kept = [parameter.data for parameter in self.recipe.optimizer.parameters]
            else:
                self.waited += 1
        stop = [callback(history) for callback in self.callbacks]
        if any(found is True for found in stop):
            return "callback"
        return "patience" if self.patience is not None and self.waited >= self.patience else ""

    def restore(self) -> None:
        """The best weights, where patience was asked for."""
        for parameter, number in zip(self.recipe.optimizer.parameters, self.kept, strict=False):
            parameter.data = number

    def _predictions(self, X: Any) -> list[Any]:
        """What the model says of the rows: compiled, or recorded where it cannot be."""
        rows = _plain(X)
        if self.compiled is not None:
            try:
                found: list[Any] = self.compiled.batch([[row] for row in rows])
                return found
            except TraceError:
                self.compiled = None
        return [_numbers(self.recipe.model(row)) for row in rows]


def _plain(rows: Any) -> list[Any]:
    return list(rows.tolist() if hasattr(rows, "tolist") else rows)


def _numbers(found: Any) -> Any:
    return [_numbers(entry) for entry in found] if isinstance(found, list | tuple) else number_of(found)


class Told:
    """Progress: a bar on a terminal where tqdm is installed, else a line now and then; and checkpoints."""

    def __init__(self, epochs: int, shown: bool, checkpoint: Callable[[], None] | None) -> None:
        self.epochs, self.shown, self.checkpoint = epochs, shown, checkpoint
        self.saved = self.told = time.perf_counter()
        self.due = False  # whether a checkpoint is to be written
        self.bar: Any = None
        if shown and sys.stderr.isatty():
            try:
                from tqdm import tqdm  # type: ignore[import-untyped,import-not-found,unused-ignore]
            except ImportError:
                return
            self.bar = tqdm(total=epochs, unit="epoch")

    @property
    def looks(self) -> bool:
        """Whether the next call looks at the model, which is then to be put where it can be seen."""
        self.due = self.checkpoint is not None and time.perf_counter() - self.saved >= CHECKPOINTS
        return self.due

    def __call__(self, history: History) -> None:
        now = time.perf_counter()
        if self.checkpoint is not None and self.due:
            self.checkpoint()
            self.saved = time.perf_counter()
        if self.bar is not None:
            self.bar.set_postfix_str(_state(history), refresh=False)
            self.bar.update(history.epochs[-1] - self.bar.n)
        elif self.shown and now - self.told >= TOLD:
            self.told = now
            print(f"epoch {history.epochs[-1]:,} of {self.epochs:,}: {_state(history)}", file=sys.stderr, flush=True)

    def close(self, history: History) -> None:
        """The last word, when the run is over."""
        if self.bar is not None:
            if history.epochs:
                self(history)
            self.bar.close()
        elif self.shown and history.epochs:
            print(f"epoch {history.epochs[-1]:,}: {_state(history)}, {history.times[-1]:.1f} s", file=sys.stderr)


def _state(history: History) -> str:
    metrics = "".join(f", {name} {numbers[-1]:.4g}" for name, numbers in history.metrics.items())
    return f"loss {history.losses[-1]:.4g}{metrics}"


def fit(
    model: Any, X: Any, Y: Any, loss: Any, optimizer: Optimizer, epochs: int, batch_size: int, shuffle: bool, rng: Any,
    regularizer: Any, metrics: Any, validation: Any, patience: int | None, until: Any, checkpoint: Any, callbacks: Any,
    progress: bool, backend: str, dtype: str,
) -> History:  # fmt: skip
    """The run; `tinygrad_nn.fit` says what the options are."""
    step = compile_step(model, loss, optimizer, regularizer, "python" if backend == "eager" else backend, dtype)
    if backend == "eager":
        step = Step(Recipe(model, losses_.named(loss), optimizer, regularizer), Target("eager"))
    metrics = [metrics] if isinstance(metrics, str) or callable(metrics) else list(metrics)
    callbacks = [callbacks] if callable(callbacks) else list(callbacks)
    for callback in callbacks:
        if not callable(callback):
            raise TypeError(f"a callback is a function of the history, but got {callback!r}")
    if patience is not None and (isinstance(patience, bool) or not isinstance(patience, int) or patience < 1):
        raise ValueError(f"patience is a number of epochs, 1 or more, but got {patience!r}")
    _check_rows(X, Y, "")
    if validation is not None:
        if not isinstance(validation, tuple | list) or len(validation) != 2:
            raise TypeError(f"validation wants (X, Y), rows and targets to look at, but got {validation!r:.80}")
        _check_rows(validation[0], validation[1], "the validation's ")
    watch = Fit(step, X, Y, metrics, validation, patience, callbacks)
    step.watch = watch if watch.wanted else None
    saver = _saver(model, optimizer, checkpoint)
    told = Told(epochs, progress, saver)
    history = History()
    try:
        history = step.run(X, Y, epochs, batch_size, shuffle=shuffle, rng=rng, until=until, progress=told)
    finally:
        told.close(history)
    if history.stopped != "interrupt":
        watch.restore()
    if saver is not None:
        saver()
    return history


def _check_rows(X: Any, Y: Any, whose: str) -> None:
    """Raise ValueError for a row that holds nan: training on it makes all weights nan."""
    for i, row in enumerate(_rows(X, Y)[1]):
        if any(number != number for number in row):
            raise ValueError(f"row {i} of {whose}X and Y holds nan: leave it out, or fill in what is missing")


def _saver(model: Any, optimizer: Optimizer, path: Any) -> Callable[[], None] | None:
    """What writes checkpoints: with the optimizer's state where a file can hold it. Raises where it could not."""
    if path is None:
        return None
    place_for(path)
    try:
        text_of(model, optimizer)
        kept: Optimizer | None = optimizer
    except StorageError:  # its lr is a function, say
        text_of(model)
        kept = None
    return lambda: save(model, path, kept)

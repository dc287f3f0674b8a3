"""fit: training as people expect it, on the recorded graph or compiled: metrics, validation, patience, checkpoints.

It is a run of training steps with somebody who looks at the model after each epoch. The same rng gives the same batches
on every back end, and so the same losses within rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .compiler.backends import Target
from .compiler.step import Rows, Step, compile_step, rows_of
from .history import History
from .metrics import GRADIENTS, named
from .optim import Optimizer
from .progress import Progress
from .storage import place_for, save, text_of
from .stored import StorageError
from .watching import Gradients, Looked, Watched


def fit(
    model: Any, X: Any, Y: Any, loss: Any, optimizer: Optimizer, epochs: int, batch_size: int, shuffle: bool, rng: Any,
    regularizer: Any, metrics: Any, validation: Any, patience: int | None, until: Any, checkpoint: Any, callbacks: Any,
    progress: bool, backend: str, dtype: str,
) -> History:  # fmt: skip
    """The run; `tinygrad_nn.fit` says what the options are."""

    def stepped(by: Optimizer) -> Step:
        step = compile_step(model, loss, by, regularizer, "python" if backend == "eager" else backend, dtype)
        return Step(step.recipe, Target("eager")) if backend == "eager" else step

    step = stepped(optimizer)
    metrics = [metrics] if isinstance(metrics, str) or callable(metrics) else list(metrics)
    wanted = dict(named(metric, step.recipe.loss) for metric in metrics if metric != GRADIENTS)
    callbacks = [callbacks] if callable(callbacks) else list(callbacks)
    for callback in callbacks:
        if not callable(callback):
            raise TypeError(f"a callback is a function of the history, but got {callback!r}")
    if patience is not None and (isinstance(patience, bool) or not isinstance(patience, int) or patience < 1):
        raise ValueError(f"patience is a number of epochs, 1 or more, but got {patience!r}")
    rows = _checked(X, Y, "")
    watched = {"": rows} if wanted else {}
    if validation is not None:
        if not isinstance(validation, tuple | list) or len(validation) != 2:
            raise TypeError(f"validation wants (X, Y), rows and targets to look at, but got {validation!r:.80}")
        watched["validation "] = _checked(validation[0], validation[1], "the validation's ")
    looked = {
        prefix: Looked(step.recipe, those, "the validation's " * bool(prefix), step.backend, dtype)
        for prefix, those in watched.items()
    }
    gradients = None
    if GRADIENTS in metrics:
        gradients = Gradients(model, optimizer.parameters, lambda probe: _on(stepped(probe), rows))
    watch = Watched(optimizer, looked, wanted, gradients, patience, callbacks)
    watch.measured()  # what it cannot look at is said before anything is trained
    step.watch = watch if watch.wanted else None
    saver = _saver(model, optimizer, checkpoint)
    told = Progress(epochs, progress, saver)
    history = History()
    try:
        history = step.run_on(rows, epochs, batch_size, shuffle, rng, until, told)
    except KeyboardInterrupt:  # before the first step
        history.stopped = "interrupt"
    finally:
        told.close(history)
    if history.stopped != "interrupt":
        watch.restore()
    if saver is not None:
        saver()
    return history


def _on(step: Step, rows: Rows) -> Callable[[], float]:
    return lambda: step.on(rows)


def _checked(X: Any, Y: Any, whose: str) -> Rows:
    """The rows. Raises ValueError for one that holds nan, as training on it makes all weights nan."""
    shapes, rows = rows_of(X, Y)
    for i, row in enumerate(rows):
        if sum(row) != sum(row) and any(number != number for number in row):
            raise ValueError(f"row {i} of {whose}X and Y holds nan: leave it out, or fill in what is missing")
    return shapes, rows


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

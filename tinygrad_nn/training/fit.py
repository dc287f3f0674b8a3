"""fit: training as people expect it, on the recorded graph or compiled: metrics, validation, patience, checkpoints.

It is a run of training steps with somebody who looks at the model after each epoch. The same rng gives the same batches
on every back end, and so the same losses within rounding.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from functools import partial
from typing import Any

from ..autograd.recording import watched
from ..check.lint import Finding, LintWarning, is_clean_of_numbers, of_training
from ..check.quick import surely_clean
from ..compiler.arguments import shaped, size_of
from ..compiler.backends.backend import chosen
from ..compiler.surroundings.surroundings import undone
from ..compiler.target import WORTH_LLVM
from ..metrics import GRADIENTS, VALIDATION, accuracy
from ..nn.entries import StorageError
from ..nn.module import Module
from ..optim import Optimizer
from ..support.checks import checked_count, checked_rng, checked_switch
from ..support.tabular import names_for
from . import options
from .checkpoints import Begun, Checkpoint
from .early_stopping import RESTORED, Watched
from .evaluation import Gradients, Looked, LookedBySeveral
from .history import History
from .progress import Progress
from .steps.engines.engine import CANNOT
from .steps.engines.recorded import RecordedEngine
from .steps.rows import Rows, flat_targets
from .steps.run import diverged
from .steps.several import SEVERAL, are_several, most_alike
from .steps.step import Step, step_of
from .steps.structure import is_listed
from .thresholds import Answers, Thresholds

MOST_LINTED, LINTED = 32, 500_000  # rows that lint looks at, and rows times parameters


def fit(
    model: Any,
    X: Any,
    Y: Any,
    loss: Any,
    optimizer: Optimizer,
    epochs: int = 100,
    batch_size: int = 32,
    shuffle: bool = True,
    rng: Any = None,
    regularizer: Any = None,
    metrics: Any = (),
    validation: Any = None,
    patience: int | None = None,
    until: Any = None,
    checkpoint: Any = None,
    callbacks: Any = (),
    progress: bool = True,
    backend: str = "auto",
    dtype: str = "float64",
    resume: bool = False,
) -> History:
    """Train a model on rows X with targets Y; returns the History of its losses, metrics and times.

    Epochs of steps on `batch_size` rows each, in an order drawn from `rng` for every epoch unless shuffle=False, down
    the gradient of the mean `loss` plus `regularizer(model)`, by `optimizer`. Loss, optimizer and regularizer are as
    `compile_step` takes them, and so is `backend`; backend="eager" trains on the recorded graph. The same rng gives the
    same losses on each, within rounding. X and Y are lists, arrays, or frames and series, of pandas for one; where the
    model's inputs have no names yet, they are called as the columns of the frame. Rows may be sequences of several
    lengths, such as lists of tokens with the next ones as targets, for a Module of your own with a loop over them; each
    length is compiled once, and a batch is one step, down the mean over all its rows. Small models are at their least
    loss sooner by `minimize`.

    `metrics` are names ("accuracy", "mae", "rmse") or functions (prediction, target) of a row, of which the mean is
    taken; they look at all rows at the end of each epoch. Accuracy is the share of right answers by the loss: of the
    labels that the targets have, the answer is that with the smallest loss, and the threshold between two of them is
    left on the model for `predict_classes`. "gradients" adds the size of the gradient of each layer, for
    `plots.plot_gradients`. `validation=(X, Y)` are rows to look at and not to train on:
    the history has their "validation loss" and their metrics. `patience` ends the run after so many epochs without a
    lower validation loss (or loss, without validation); at its end model and optimizer are what they were at the best.
    until=(metric, threshold) is that of a step's run. A callback(history) is called after each epoch; the run ends
    where it returns True.

    `checkpoint` is a file for the model and the optimizer, written every second at most and at the end; `load` reads
    it. With `resume`, the same call made again goes on from what the file says, or begins where there is none: to the
    bit as the run would have gone on, with its history, its rng and its patience; so a script may be killed and started
    again. Learning rates that are functions of your own, callbacks and data are those of the new call. A run that
    `until` or `patience` ended is over, and its history comes back.

    `progress` shows a bar on a terminal where tqdm is installed, else a line on stderr after 1, 2, 4 ... seconds and at
    the end. Ctrl-C ends the run with the model as it stands. `history.stopped` says why a run ended: "diverged", with a
    RuntimeWarning, after the first epoch whose loss is not finite, or that leaves a number of the model or the
    optimizer that is not; the checkpoint keeps an earlier state then, and with `patience` the best comes back.

    Warns by a LintWarning of what `lint` finds on some of the rows: before the run of parameters without a loss, of
    probabilities for logits and of layers without a live unit, after it of units that died or saturated on the way.

    Raises ValueError and TypeError as `compile_step` does, and for a row that holds nan, StorageError for a checkpoint
    that is no such file, or of another run; nothing has changed then.

    >>> import random
    >>> import tinygrad_nn as tn
    >>> X, Y = tn.data.xor()
    >>> model = tn.MLP(2, [4, 1], "tanh", "sigmoid", rng=random.Random(1))
    >>> optimizer = tn.SGD(model.parameters(), lr=0.5, momentum=0.9)
    >>> history = fit(model, X, Y, "binary_cross_entropy", optimizer, epochs=200, batch_size=4, metrics="accuracy",
    ...               rng=random.Random(2), progress=False)
    >>> history.stopped, history.metrics["accuracy"][-1]
    ('epochs', 1.0)

    Two runs of 50 and then of 100 epochs, as a script makes them that was stopped and started again:

    >>> import os, tempfile
    >>> def script(epochs, path):
    ...     rng = random.Random(1)
    ...     model = tn.MLP(2, [4, 1], "tanh", rng=rng)
    ...     optimizer = tn.Adam(model.parameters(), lr=tn.optim.cosine(0.1, 0.0, steps=200))
    ...     return fit(model, X, Y, "squared_error", optimizer, epochs, batch_size=2, rng=rng, checkpoint=path,
    ...                resume=True, progress=False).losses
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     first, resumed = [script(epochs, os.path.join(folder, "run.txt")) for epochs in (50, 100)]
    ...     whole = script(100, os.path.join(folder, "whole.txt"))
    >>> len(first), resumed == whole
    (50, True)
    """
    shuffle, progress = checked_switch("shuffle", shuffle), checked_switch("progress", progress)
    step = step_of(model, loss, optimizer, regularizer, options.target_of(backend, dtype))
    options.check_trained(model, optimizer)
    rows, validating = options.checked_rows(X, Y, "", model), options.validation_rows(validation, model)
    watch, answers = watched_by(step, rows, validating, metrics, until, patience, callbacks)
    batch_size, rng = checked_count("batch_size", batch_size), checked_rng(rng, ["shuffle"])
    drawing, saver = rng if shuffle else None, None
    if checkpoint is not None:
        saver = Checkpoint(model, optimizer, checkpoint, drawing, watch, len(rows[1]), batch_size)
    begun = _begun(saver, checked_switch("resume", resume))
    epochs = checked_count("epochs", epochs)
    learned = learned_of(step, rows, answers, names_for(model, X), now=saver is not None)
    if begun is not None and _is_over(saver, begun, epochs):
        remember(model, learned)
        return begun.standing.history
    display = Progress(epochs, progress, None if saver is None else saver.write)
    watches = [watch, display] if watch.wanted else [display]
    standing, before, warned = begun and begun.standing, {}, False
    history = standing.history if standing else History()
    try:
        _look_once(watch, step, rows, batch_size, until)
        warned = warn_of_lint(model, step, rows, ended=False)
        before = remember(model, learned)
        history = step.run_on(rows, epochs, batch_size, shuffle, rng, until, watches, standing)
    except KeyboardInterrupt:  # before the first step
        history.stopped = "interrupt"
    except Exception:
        remember(model, before)
        raise
    finally:
        display.close(history)
    if history.stopped == "diverged":
        _warn_of_divergence(history, optimizer, saver)
    if history.stopped in RESTORED:
        watch.restore()
    with suppress(KeyboardInterrupt):  # the run is over, and the file of before still there
        display.keep()
        if not (warned or history.stopped in ("interrupt", "diverged")):
            warn_of_lint(model, step, rows, ended=True)
    return history


def watched_by(
    step: Step, rows: Rows, validating: Rows | None, metrics: Any, until: Any, patience: Any, callbacks: Any
) -> tuple[Watched, Answers]:
    """Who looks at a run as its caller wants it, and the answers that its targets are.

    Raises TypeError and ValueError for what none can look at.
    """
    model, optimizer = step.recipe.model, step.recipe.optimizer
    metrics = options.checked_list(metrics, "metrics", "names or functions (prediction, target) of a row")
    wanted = options.named_metrics(metrics, until)
    callbacks, patience = options.listed_callbacks(callbacks), options.checked_patience(patience)
    answers = Answers(step.recipe.loss, flat_targets(rows) + flat_targets(validating))
    watch = Watched(optimizer, looked_at(step, rows, validating, wanted, answers), patience, callbacks)
    if GRADIENTS in metrics:
        watch.gradients = Gradients(model, step.recipe, lambda recipe: partial(Step(recipe, step.target).on, rows))
    return watch, answers


def looked_at(
    step: Step, rows: Rows, validating: Rows | None, wanted: dict[str, Any], answers: Answers
) -> dict[str, Looked]:
    """The rows that are looked at after each epoch, by what the history calls them; accuracy asks answers."""
    looking = ({"": rows} if wanted else {}) | ({VALIDATION: validating} if validating is not None else {})
    counted = [name for name, metric in wanted.items() if metric is accuracy]
    wanted |= dict.fromkeys(counted, answers)
    backend = step.backend
    if backend == "llvm" and most_alike(rows[1]) < WORTH_LLVM:  # else all that is looked at is worth machine code
        backend = "auto"
    target = None if step.records else chosen(backend, step.target.dtype)
    asked = answers if counted else None
    return {
        prefix: (LookedBySeveral if are_several(rows[0]) else Looked)(
            step.recipe, rows, "the validation's " * bool(prefix), target, asked, wanted
        )
        for prefix, rows in looking.items()
    }


def learned_of(step: Step, rows: Rows, answers: Answers, names: list[str] | None, now: bool) -> dict[str, Any]:
    """What the data says of the model's inputs and outputs: their names, and thresholds; numbers where they must be."""
    own = is_listed(step.recipe.loss)  # which does nothing to what stands around it
    with nullcontext() if own else undone(step.recipe.surroundings()):
        of_targets = rows[0][1]
        thresholds = None if of_targets is SEVERAL else answers.learned(lambda t: shaped(of_targets, iter(t)))
        if now and isinstance(thresholds, Thresholds):
            thresholds = thresholds.found()  # for the file, which is written in the midst of the run
    return ({"input_names": names} if names else {}) | {"_learned": thresholds}


def _look_once(watch: Watched, step: Step, rows: Rows, batch_size: int, until: Any) -> None:
    """Let what cannot be looked at be said before anything is trained."""
    if watch.looked or watch.gradients:
        looks = watch.asks()
        with suppress(*CANNOT):
            if looks and step.engine(until, rows[0]).can_look(looks, rows[1], min(batch_size, len(rows[1]))):
                return
        with undone(step.recipe.surroundings()):
            watch.measured()


def _begun(saver: Checkpoint | None, resume: bool) -> Begun | None:
    """Where the run to resume stands. Raises StorageError where none can be resumed, or warns that none could be."""
    if saver is None:
        if resume:
            raise ValueError(
                "a run goes on from its checkpoint: give the file, as in checkpoint='run.txt', resume=True"
            )
        return None
    try:
        saver.check()
    except StorageError as error:
        if resume:
            raise
        warnings.warn(f"no run can go on from the checkpoint: {error}", RuntimeWarning, stacklevel=3)
    return saver.begun() if resume else None


def _is_over(saver: Checkpoint | None, begun: Begun, epochs: int) -> bool:
    """Let all be as it was where a run goes on from; whether it has all its epochs already."""
    return saver is not None and saver.take_up(begun, epochs)


def _warn_of_divergence(history: History, optimizer: Optimizer, saver: Checkpoint | None) -> None:
    state = "holds an earlier state" if saver and saver.written else "was not written"
    kept = f"; the checkpoint {state}" if saver else ""
    warnings.warn(diverged(history, optimizer) + kept, RuntimeWarning, stacklevel=3)


def warn_of_lint(model: Any, step: Step, given: Rows, ended: bool, lasting: Sequence[Any] = ()) -> bool:
    """Warn of what `lint` finds on some of the rows, before the run or after it; whether it found anything.

    `lasting` are programs of one path each, of which it is kept whether they are `clean` whatever the numbers are.
    What raises here raises in the run, too, which names the row.
    """
    if lasting and all(paths.clean for paths in lasting):
        return False
    parameters = step.recipe.optimizer.parameters
    most = max(1, min(MOST_LINTED, LINTED // max(1, len(parameters))))
    shapes, rows = given
    rows, found = rows[:: -(-len(rows) // most)], list[Finding]()
    known = not (step.records or are_several(shapes))
    if known and surely_clean(model, step.recipe.loss, parameters, rows, size_of(shapes[0]), ended):
        return False
    with suppress(Exception), watched(None), undone(step.recipe.surroundings()):
        total, _ = RecordedEngine(step.recipe, shapes, step.target).total(rows)
        found = of_training(parameters, model, total, ended, step.records)
        for paths in lasting:
            paths.clean = not (ended or found) and is_clean_of_numbers(total)
    for finding in found:
        warnings.warn(str(finding), LintWarning, stacklevel=3)
    return bool(found)


def remember(model: Any, learned: dict[str, Any]) -> dict[str, Any]:
    """Let a Module remember what the data says of its inputs and outputs; what it remembered before."""
    known = {name: entry for name, entry in learned.items() if isinstance(model, Module) and hasattr(model, name)}
    before = {name: getattr(model, name) for name in known}
    for name, entry in known.items():
        setattr(model, name, entry)
    return before

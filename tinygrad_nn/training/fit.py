"""fit: training as people expect it, on the recorded graph or compiled: metrics, validation, patience, checkpoints.

It is a run of training steps with somebody who looks at the model after each epoch. The same rng gives the same batches
on every back end, and so the same losses within rounding.
"""

from __future__ import annotations

import warnings
from contextlib import suppress
from functools import partial
from math import isfinite
from typing import Any

from ..autograd.recording import next_number, watched
from ..check.lint import Finding, LintWarning, of_training
from ..compiler.arguments import shaped
from ..compiler.surroundings.captured import undone
from ..compiler.target import Target
from ..metrics import GRADIENTS, VALIDATION, accuracy, named
from ..nn.entries import StorageError
from ..nn.module import Module
from ..optim import Optimizer
from ..support.checks import checked_count, checked_rng, checked_switch
from ..support.tabular import names_for, short
from .answers import Answers, Thresholds
from .checkpoints import Begun, Checkpoint
from .evaluation import RESTORED, Gradients, Looked, Watched, flat_targets
from .history import History
from .progress import Progress
from .steps.engines.recorded import RecordedStepper
from .steps.step import Rows, Step, compile_step, rows_of
from .steps.stretch import diverged

MOST_LINTED, LINTED = 32, 500_000  # rows that lint looks at, and rows times parameters


def fit(
    model: Any, X: Any, Y: Any, loss: Any, optimizer: Optimizer, epochs: int, batch_size: int, shuffle: bool, rng: Any,
    regularizer: Any, metrics: Any, validation: Any, patience: int | None, until: Any, checkpoint: Any, callbacks: Any,
    progress: bool, backend: str, dtype: str, resume: bool,
) -> History:  # fmt: skip
    """The run; `tinygrad_nn.fit` says what the options are."""
    shuffle, progress = checked_switch("shuffle", shuffle), checked_switch("progress", progress)
    eager = isinstance(backend, str) and backend == "eager"
    if eager and dtype != "float64":
        raise ValueError(f"the recorded graph computes in dtype 'float64', but got {dtype!r}")

    def stepped(by: Optimizer) -> Step:
        step = compile_step(model, loss, by, regularizer, "python" if eager else backend, dtype)
        return Step(step.recipe, Target("eager")) if eager else step

    step = stepped(optimizer)
    _check_trained(model, optimizer)
    metrics = _listed(metrics, "metrics", "names or functions (prediction, target) of a row")
    wanted = _named(metrics, until)
    callbacks = _listed(callbacks, "callbacks", "functions of the history")
    for callback in callbacks:
        if not callable(callback):
            raise TypeError(f"a callback is a function of the history, but got {short(callback)}")
    patience = None if patience is None else checked_count("patience", patience)
    rows = _checked(X, Y, "", model)
    looking = {"": rows} if wanted else {}
    if validation is not None:
        if not isinstance(validation, tuple | list) or len(validation) != 2:
            raise TypeError(f"validation wants (X, Y), rows and targets to look at, but got {short(validation)}")
        looking[VALIDATION] = _checked(validation[0], validation[1], "the validation's ", model)
    answers = Answers(
        step.recipe.loss, [target for those in (rows, *looking.values()) for target in flat_targets(those)]
    )
    counted = [name for name, metric in wanted.items() if metric is accuracy]
    wanted |= dict.fromkeys(counted, answers)
    looked = {
        prefix: Looked(
            step.recipe, those, "the validation's " * bool(prefix), step.backend, dtype, answers if counted else None
        )
        for prefix, those in looking.items()
    }
    gradients = None
    if GRADIENTS in metrics:
        gradients = Gradients(model, optimizer.parameters, lambda probe: partial(stepped(probe).on, rows))
    watch = Watched(optimizer, looked, wanted, gradients, patience, callbacks)
    step.watch = watch if watch.wanted else None
    batch_size = checked_count("batch_size", batch_size)
    rng = checked_rng(rng, ["shuffle"])
    resume, saver, begun = checked_switch("resume", resume), None, None
    if checkpoint is not None:
        generator = rng if shuffle else None
        saver = Checkpoint(model, optimizer, checkpoint, generator, watch, len(rows[1]), batch_size)
        begun = _begun(saver, resume)
    elif resume:
        raise ValueError("a run goes on from its checkpoint: give the file, as in checkpoint='run.txt', resume=True")
    before: dict[str, Any] = {}
    epochs, history, warned = checked_count("epochs", epochs), History(), False
    names = names_for(model, X)
    learned: dict[str, Any] = {"input_names": names} if names else {}
    with undone(step.recipe.surroundings()):
        thresholds = answers.learned(lambda target: shaped(rows[0][1], iter(target)))
        if saver is not None and isinstance(thresholds, Thresholds):
            thresholds = thresholds.found()  # for the file, which is written in the midst of the run
    learned["_learned"] = thresholds
    if begun is not None and saver is not None:
        history = begun.standing.history
        if saver.take_up(begun, epochs):
            _remember(model, learned)
            return history
    display = Progress(epochs, progress, None if saver is None else saver.write, begun and begun.standing)
    try:
        with undone(step.recipe.surroundings()):
            watch.measured()  # what it cannot look at is said before anything is trained
        warned = _warn(model, step, rows, ended=False)
        before = _remember(model, learned)
        history = step.run_on(rows, epochs, batch_size, shuffle, rng, until, display)
    except KeyboardInterrupt:  # before the first step
        history.stopped = "interrupt"
    except Exception:
        _remember(model, before)
        raise
    finally:
        display.close(history)
    if history.stopped == "diverged":
        kept = ""
        if saver is not None:
            kept = "; the checkpoint " + ("holds an earlier state" if saver.written else "was not written")
        warnings.warn(diverged(history, optimizer) + kept, RuntimeWarning, stacklevel=3)
    if history.stopped in RESTORED:
        watch.restore()
    with suppress(KeyboardInterrupt):  # the run is over, and the file of before still there
        display.keep()
        if not (warned or history.stopped in ("interrupt", "diverged")):
            _warn(model, step, rows, ended=True)
    return history


def _begun(saver: Checkpoint, resume: bool) -> Begun | None:
    """Where the run to resume stands. Raises StorageError where none can be resumed, or warns that none could be."""
    try:
        saver.check()
    except StorageError as error:
        if resume:
            raise
        warnings.warn(f"no run can go on from the checkpoint: {error}", RuntimeWarning, stacklevel=4)
    return saver.begun() if resume else None


def _warn(model: Any, step: Step, given: Rows, ended: bool) -> bool:
    """Warn of what `lint` finds on some of the rows, before the run or after it; whether it found anything.

    What raises here raises in the run, too, which names the row.
    """
    parameters = step.recipe.optimizer.parameters
    most = max(1, min(MOST_LINTED, LINTED // max(1, len(parameters))))
    shapes, rows = given
    found: list[Finding] = []
    with suppress(Exception), watched(None, next_number), undone(step.recipe.surroundings()):
        total, _ = RecordedStepper(step.recipe, shapes).total(rows[:: -(-len(rows) // most)])
        found = of_training(parameters, model, total, ended, step.backend == "eager")
    for finding in found:
        warnings.warn(str(finding), LintWarning, stacklevel=4)
    return bool(found)


def _named(metrics: list[Any], until: Any) -> dict[str, Any]:
    """The metrics by their names. Raises ValueError for two of one name, as a history has a column for each."""
    taken = {"loss"}
    if isinstance(until, list | tuple) and until:
        taken.add(getattr(until[0], "__name__", "metric"))
    found = {}
    for metric in metrics:
        if isinstance(metric, str) and metric == GRADIENTS:
            continue
        name, function = named(metric)
        if name in taken:
            raise ValueError(
                f"two columns of the history would be called {name!r} (the loss and the metric of until are columns, "
                "too): give each metric a name of its own by def, or by function.__name__ = ..."
            )
        taken.add(name)
        found[name] = function
    return found


def _remember(model: Any, learned: dict[str, Any]) -> dict[str, Any]:
    """Let a Module remember what the data says of its inputs and outputs; what it remembered before."""
    known = {name: entry for name, entry in learned.items() if isinstance(model, Module) and hasattr(model, name)}
    before = {name: getattr(model, name) for name in known}
    for name, entry in known.items():
        setattr(model, name, entry)
    return before


def _listed(given: Any, what: str, of: str) -> list[Any]:
    """One of something, or several, as a list. Raises TypeError for what is neither."""
    if isinstance(given, str) or callable(given):
        return [given]
    if not isinstance(given, list | tuple):
        raise TypeError(f"{what} are one or a list of {of}, but got {given!r}")
    return list(given)


def _check_trained(model: Any, optimizer: Optimizer) -> None:
    """Raise ValueError for an optimizer that has no parameter of the model, as one of another model has."""
    if isinstance(model, Module):
        own = {id(parameter) for parameter in model.parameters()}
        if own and not own & {id(parameter) for parameter in optimizer.parameters}:
            raise ValueError(
                "the optimizer has none of the model's parameters, and would train another: give it model.parameters()"
            )


def _checked(X: Any, Y: Any, whose: str, model: Any) -> Rows:
    """The rows. Raises ValueError for one that is not finite, as training on it makes all weights nan."""
    try:
        shapes, rows = rows_of(X, Y, model)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{whose}{error}") from None
    for i, row in enumerate(rows):
        if not isfinite(sum(row)):
            for number in row:
                if not isfinite(number):
                    what = f"row {i} of {whose}X and Y holds {number}"
                    raise ValueError(f"{what}: leave the row out, or fill in what it should be")
    return shapes, rows

"""minimize: a model at the minimum of its loss over all rows, by L-BFGS or Levenberg-Marquardt.

What looks at the model after each epoch is what looks at it in `fit`; the history is of the same kind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from time import perf_counter
from typing import Any

from ...compiler.surroundings.surroundings import undone
from ...compiler.target import Target
from ...metrics import summed
from ...nn.structure import structure_of
from ...support.checks import checked_choice, checked_count, checked_finite, checked_switch
from ...support.tabular import names_for
from .. import options
from ..at_weights.objective import Objective, Probe
from ..at_weights.residuals import LastingPaths, Residuals
from ..early_stopping import RESTORED, Watched
from ..evaluation import Looked
from ..fit import learned_of, looked_at, remember, warn_of_lint, watched_by
from ..history import History
from ..progress import Progress
from ..steps.interrupt import Uninterrupted
from ..steps.run import until_of
from ..steps.state import kept_of
from ..steps.watch import Watch
from .methods import METHODS, lbfgs, levenberg_marquardt
from .native_descent import descent_of


def minimize(
    model: Any,
    X: Any,
    Y: Any,
    loss: Any,
    method: str = "lbfgs",
    epochs: int = 200,
    tolerance: float = 1e-8,
    parameters: Any = None,
    regularizer: Any = None,
    metrics: Any = (),
    validation: Any = None,
    patience: int | None = None,
    until: Any = None,
    callbacks: Any = (),
    progress: bool = True,
    backend: str = "auto",
) -> History:
    """Move a model to a minimum of its mean `loss` over all rows; returns the History of its losses, metrics, times.

    For small models and all of their rows at once: where `fit` makes thousands of small steps down the slope, these
    methods make tens of long ones, as they know its curvature, too, and have no learning rate.

    - "lbfgs" takes any smooth loss (limited-memory BFGS, Liu & Nocedal, 1989; NumPy);
    - "lm" takes sums of squares, such as "squared_error" (Levenberg-Marquardt; NumPy): what they are made of is read
      off the loss as it is written, also one of your own such as `lambda p, t: ((p - t) / 0.1) ** 2`, and off the
      regularizer. It is the fastest up to some hundreds of parameters, and sets up a matrix of rows times outputs times
      parameters.

    Model, X, Y, loss, regularizer, `metrics`, `validation`, `callbacks`, `progress` and `backend` are as `fit` has
    them, but that "lm" is not for "eager". `parameters` are the Values to move: those of the model if none are given.
    An epoch is an iteration of the method, which looks at all rows once or more; `epochs` are so many at most. A loss
    of the history is that after its epoch, at the weights that the model has then. until=("loss", threshold) ends the
    run after the first epoch whose loss is below the threshold, and until=(metric, threshold) after that where the sum
    of metric(prediction, target) over the rows is. `history.stopped` is "converged" where an epoch lowers the loss by
    less than `tolerance` times the loss, "epochs", "until", "patience" (epochs without a lower validation loss, after
    which the model is what it was at the best), "callback", or "interrupt": after Ctrl-C the model is what it was after
    the latest epoch.

    Raises ValueError and TypeError as `fit` does, for a loss that is not finite where it begins, and with "lm" for one
    that is no sum of squares; nothing has changed then. ImportError says what is to be installed.

    >>> import math, random
    >>> import tinygrad_nn as tn
    >>> X = [[x / 10.0] for x in range(-30, 31)]
    >>> Y = [math.sin(x) for (x,) in X]
    >>> model = tn.MLP(1, [8, 1], "tanh", rng=random.Random(1))
    >>> minimize(model, X, Y, "squared_error", method="lm", until=("loss", 1e-3), progress=False).stopped
    'until'

    A curve through measurements, of which the parameters are Values of your own:

    >>> a, b = tn.Value(1.0), tn.Value(0.0)
    >>> history = minimize(lambda x: a * tn.exp(-b * x), [0.0, 1.0, 2.0], [2.0, 1.0, 0.5], "squared_error",
    ...                    method="lm", parameters=[a, b], progress=False)
    >>> round(a.data, 6), round(b.data, 6), history.stopped
    (2.0, 0.693147, 'converged')
    """
    method, progress = checked_choice("method", method, METHODS), checked_switch("progress", progress)
    epochs, tolerance = checked_count("epochs", epochs), checked_finite("tolerance", tolerance, least=0.0)
    if patience is not None and validation is None:
        raise ValueError("patience is with a validation loss, as each epoch lowers the other: give validation=(X, Y)")
    rows, validating = options.checked_rows(X, Y, "", model), options.validation_rows(validation, model)
    target = options.target_of(backend, "float64")
    if method == "lm" and target.backend not in ("llvm", "python"):
        raise ValueError(
            f"method='lm' is compiled, and its back end is 'auto', 'llvm' or 'python', but got {backend!r}: "
            "take 'python', whose numbers are those of the recorded graph, or method='lbfgs'"
        )
    metric, limit = until_of(until, "loss")
    objective = Objective(model, loss, _moved(model, parameters), rows, regularizer, target)
    step, probe = objective.step, objective.probe
    if parameters is not None:  # else they are its own
        options.check_trained(model, probe)
    watch, answers = watched_by(step, rows, validating, metrics, until, patience, callbacks)
    watches = [watch] if watch.wanted else []
    if limit is not None:
        measured = {} if metric is None else {limit[0]: summed(metric)}
        watches.insert(0, Until(probe, looked_at(step, rows, None, measured, answers), *limit))
    display = Progress(epochs, progress, None)
    descent = Descent(objective, [*watches, display], epochs, bool(watch.callbacks))
    learned = learned_of(step, rows, answers, names_for(model, X), now=False)
    before, start, warned = {}, descent.best, False
    try:
        if any(each.looked for each in watches):
            with undone(step.recipe.surroundings()):  # what cannot be looked at is said now
                for each in watches:
                    each.measured()
        run = descent.method(method, target)
        warned = warn_of_lint(model, step, rows, ended=False, lasting=descent.lasting)
        before = remember(model, learned)
        descent.go(partial(run, start, epochs, tolerance))
    except KeyboardInterrupt:  # before the first epoch
        descent.history.stopped = "interrupt"
    except Exception:
        objective.put(start)
        remember(model, before)
        raise
    finally:
        display.close(descent.history)
    if descent.history.stopped in RESTORED:
        watch.restore()
    with suppress(KeyboardInterrupt):
        if not (warned or descent.history.stopped == "interrupt"):
            warn_of_lint(model, step, rows, ended=True, lasting=descent.lasting)
    return descent.history


def _moved(model: Any, parameters: Any) -> Any:
    """The Values to move. Raises TypeError where nobody says which."""
    if parameters is None and not hasattr(model, "parameters"):
        raise TypeError(f"the model is no Module: say what is to be moved, parameters=[...], for {model!r}")
    return (structure_of(model) or model).parameters() if parameters is None else parameters


class Until(Watched):
    """Ends a run after an epoch with a column of the history below a threshold, which may be the loss."""

    def __init__(self, optimizer: Probe, looked: Mapping[str, Looked], name: str, threshold: float) -> None:
        super().__init__(optimizer, looked, None, ())
        self.name, self.threshold = name, threshold

    @property
    def looks(self) -> bool:  # type: ignore[override]
        return bool(self.looked)

    def verdict(self, history: History, losses: Sequence[float]) -> str:
        column = history.metrics[self.name] if self.looked else losses
        return "until" if column[-1] < self.threshold else ""


class Ended(Exception):  # noqa: N818
    """Somebody who was told of an epoch wants no more of them; why."""


class Descent:
    """The epochs of a method: what is told of them, and the weights after the latest."""

    def __init__(self, objective: Objective, watches: Sequence[Watch], epochs: int, called: bool) -> None:
        self.objective, self.watches, self.epochs = objective, watches, epochs
        self.best, self.epoch, self.history = objective.weights(), 0, History()
        self.start = perf_counter()
        self.residuals: Residuals | None = None
        self.called = called  # whether functions of the user's are, which may change what the loss reads
        self.looking = any(watch.looks for watch in watches)

    def method(self, name: str, target: Target) -> Any:
        """A method by its name, of what it minimizes."""
        if name == "lbfgs":
            return partial(lbfgs, descent_of(self.objective, alone=not (self.called or self.looking)))
        self.residuals = Residuals(self.objective.step.recipe, self.objective.rows, target)
        return partial(levenberg_marquardt, self.residuals)

    @property
    def lasting(self) -> list[LastingPaths]:
        """What is remembered of the programs that compute the residuals."""
        return self.residuals.lasting if self.residuals is not None else []

    def go(self, method: Any) -> None:
        """Run a method to its end, and say in the history why that was."""
        try:
            method(self.told)
            self.history.stopped = "epochs" if self.epoch == self.epochs else "converged"
        except KeyboardInterrupt:
            self.history.stopped = "interrupt"
        except Ended as ended:
            self.history.stopped = str(ended)
        finally:
            with Uninterrupted():
                self.objective.put(self.best)

    def told(self, weights: Any, loss: float) -> bool:
        """An epoch has ended at these weights; whether the loss may be another now. Raises Ended where somebody wants
        no more."""
        looking, found = self.looking, dict[str, float]()
        if looking:
            self.objective.put(weights)
            found = {name: number for watch in self.watches for name, number in watch.measured().items()}
        with Uninterrupted():
            self.best, self.epoch = weights, self.epoch + 1
            for watch in self.watches if looking else ():
                columns = {name: [number] for name, number in found.items()}
                watch.remember([loss], columns, lambda later: kept_of(self.objective.probe))
            self.history.record(self.epoch, loss, perf_counter() - self.start, found)
        reasons = [watch.verdict(self.history, [loss]) for watch in self.watches]
        for watch in self.watches:
            watch.told(self.history)
        if any(reasons):
            raise Ended(next(filter(None, reasons)))
        return self.called and self.residuals is not None and self.residuals.look()

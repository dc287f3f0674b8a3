"""compile_step: a model, its loss and its optimiser as compiled training steps, and runs of many of them.

The programs are traced from the model and the loss, from the table's derivatives and from the optimiser's `update`;
parameters, velocities and the count of steps stay where they are, so that eager and compiled steps may alternate.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Sequence
from threading import RLock
from typing import Any

from ... import losses as losses_
from ...autograd.recording import watcher
from ...autograd.value import Value
from ...compiler.arguments import Shape
from ...compiler.backends.backend import for_steps
from ...compiler.backends.spellings import UnspelledError
from ...compiler.loops.roll import rolled
from ...compiler.loops.rolled import Rolled
from ...compiler.target import Target
from ...optim import Optimizer, check_steps
from ...support.checks import checked_count, checked_function, checked_rng, checked_switch
from ...support.decorators import locked
from ..history import History
from .engines.checked import Guarded
from .engines.native import NativeSteps, UnsupportedError
from .engines.native_run import NativeCourse
from .engines.python import Path, Stepper, fitting
from .engines.recorded import RecordedStepper
from .observers import Watch
from .recipe import Recipe
from .rows import Rows, rows_of
from .run import Course
from .settings import check_optimizer, same, settings_of
from .stretch import Metric, diverged, until_of

MOST_STEPPERS = 8  # kept for other shapes of rows and other metrics


class Step:
    """A compiled training step. `tinygrad_nn.compile_step` makes one.

    `backend` is the one that it runs on.
    """

    def __init__(self, recipe: Recipe, target: Target) -> None:
        self.lock = RLock()
        self.recipe, self.target, self.backend = recipe, target, target.backend
        self._steppers: list[Stepper] = []  # the latest first
        self._fixed: list[object] = []
        self._parameters: list[Value] = []
        self._native: NativeSteps | None = None
        self.watch: Watch | None = None  # who looks at the model after each epoch of a run

    def __call__(self, X: Sequence[Any], Y: Sequence[Any]) -> float:
        """One update on the mean loss over the rows, with the regularizer; returns that loss, before the update.

        Raises ValueError for no rows, rows of different shapes, or X and Y of different lengths, TypeError for what is
        no number; nothing changes then.
        """
        return self.on(rows_of(X, Y, self.recipe.model))

    @locked
    def on(self, given: Rows) -> float:
        """One update on rows as `rows_of` gives them."""
        shapes, rows = given
        if (watching := watcher()) is not None:
            watching.steps()
            if self.backend != "eager":
                return Guarded(self, watching).on(given)
        if self.backend == "llvm":
            history = self._course(None, shapes, rows, 1, len(rows), None, None, None).go()
            if history.stopped == "interrupt":
                raise KeyboardInterrupt
            return history.losses[0]
        stepper = self._stepper(None, shapes)
        if len(rows) > 1:
            return stepper.batch(rows)[0]
        losses: list[float] = []
        stepper.advance(lambda: [rows], rows[0], losses, [], 0.0, 0.0)
        return losses[0]

    def run(
        self,
        X: Sequence[Any],
        Y: Sequence[Any],
        epochs: int = 1,
        batch_size: int = 1,
        *,
        shuffle: bool = False,
        rng: random.Random | None = None,
        until: tuple[Metric, float] | None = None,
        progress: Callable[[History], Any] | None = None,
    ) -> History:
        """Epochs of steps on `batch_size` rows each, the last of an epoch on what is left; returns their History.

        Rows are taken in their order, or with `shuffle` in one drawn from `rng` for each epoch. `until=(metric,
        threshold)` ends the run after the first epoch whose sum of metric(prediction, target) over the rows, each taken
        before the update that it is part of, is below the threshold. `progress` is called with the history as it grows,
        some fifty times a second. Ctrl-C ends the run, with the model as it stood at most 50 ms before, or one step
        where that takes longer. A run whose loss, or a number of model or optimizer at the end of an epoch, is not
        finite any more ends with that epoch, `stopped="diverged"` and a RuntimeWarning.

        Raises as a call does, and ValueError for counts below 1. What raises in the first epoch has changed nothing.
        """
        rows = rows_of(X, Y, self.recipe.model)
        history = self.run_on(rows, epochs, batch_size, shuffle, rng, until, progress)
        if history.stopped == "diverged":
            warnings.warn(diverged(history, self.recipe.optimizer), RuntimeWarning, stacklevel=2)
        return history

    @locked
    def run_on(
        self, given: Rows, epochs: int, batch_size: int, shuffle: bool, rng: Any, until: Any,
        progress: Callable[[History], Any] | None,
    ) -> History:  # fmt: skip
        """A run on rows as `rows_of` gives them."""
        epochs, batch_size = checked_count("epochs", epochs), checked_count("batch_size", batch_size)
        shuffle = checked_switch("shuffle", shuffle)
        if progress is not None:
            checked_function("progress", progress, "of the history")
        rng = checked_rng(rng, ["shuffle"])
        metric, limit = until_of(until)
        shapes, rows = given
        batch_size = min(batch_size, len(rows))

        def run(guard: Guarded | None = None) -> History:
            course = self._course(metric, shapes, rows, epochs, batch_size, rng if shuffle else None, limit, progress)
            course.watch, course.guard, course.judged = self.watch, guard, True
            try:
                return course.go()
            finally:
                self._native = getattr(course, "native", None)  # another one where something changed on the way

        if (watching := watcher()) is None:
            return run()
        watching.steps()
        return run() if self.backend == "eager" else Guarded(self, watching).run(given, run)

    def _course(self, metric: Metric | None, shapes: Shape, *given: Any) -> Course:
        """A run on this step's back end; on Python where the choice is ours and the step cannot be machine code."""
        if self.backend == "llvm":
            try:
                course = NativeCourse(lambda: self._stepper(metric, shapes), *given, target=self.target)
                self._native = course.native
                if course.native is not None:
                    return course
            except (UnsupportedError, UnspelledError):
                if not self.target.auto:
                    raise
                self.backend, self._native = "python", None
        return Course(lambda: self._stepper(metric, shapes), *given)

    def as_function(self, namespace: Any = None, dtype: str = "") -> Any:
        """The step as a pure function (state, X, Y) -> (state, loss) of arrays of a namespace: NumPy, or jax.numpy.

        `.state()` is the state of model and optimizer now, `.restore(state)` puts one back; the function itself
        changes nothing, so that JAX may jit it, run it in lax.scan, and shard its rows over devices. `dtype` is that of
        the step if none is given. What the model reads beside is watched as a step's is, but under jit, where it stays
        as it was when JAX traced it. Raises TypeError for a model whose path depends on its numbers.
        """
        from .as_function import PureStep

        return PureStep(self.recipe, Target("array", False, dtype or self.target.dtype, False, namespace))

    @property
    def program(self) -> Rolled:
        """The program of the latest step, rolled: of one row with its update, or of the rows of a batch."""
        if self._native is not None:
            return self._native.roll
        paths = self._last_paths()
        return rolled(next((path.program for path in paths if path.loop is not None), paths[0].program))

    def source(self, backend: str | None = None) -> str:
        """The source of what the latest step ran, in the language of its back end."""
        if backend is not None and not (isinstance(backend, str) and backend == self.backend):
            raise ValueError(f"this step runs on {self.backend!r}, so its source is not in {backend!r}")
        if self._native is not None:
            return self._native.text
        return "\n\n".join(path.source() for path in self._last_paths())

    def __reduce__(self) -> tuple[Any, ...]:
        return Step, (self.recipe, self.target)  # a copy compiles for itself

    def __repr__(self) -> str:
        return f"<compiled step of {self.recipe.name}, back end {self.backend}>"

    def _last_paths(self) -> list[Path]:
        if self._steppers and self._steppers[0].recorded is not None:
            raise ValueError("this step is made on the recorded graph, as a warning said: it has no program")
        if not self._steppers or not self._steppers[0].latest:
            raise ValueError("this step has no program yet: it is traced when it first runs, so run it once")
        return self._steppers[0].latest

    def _stepper(self, metric: Metric | None, shapes: Shape) -> Stepper:
        """The programs for rows of these shapes, as long as nothing but numbers of the optimiser changes."""
        optimizer = self.recipe.optimizer
        optimizer.check()
        check_steps(optimizer)
        if not callable(optimizer.lr):
            optimizer.rate()
        fixed = settings_of(optimizer)[1]
        if not same(fixed, self._fixed) or self._parameters != optimizer.parameters:
            self._steppers, self._fixed, self._parameters = [], fixed, list(optimizer.parameters)
        found = [each for each in self._steppers if each.recipe.metric is metric and each.shapes == shapes]
        kind = RecordedStepper if self.backend == "eager" else Stepper
        stepper = fitting(found, kind, self.recipe, metric, shapes, self.target.auto)
        self._steppers = [stepper, *(other for other in self._steppers if other is not stepper)][:MOST_STEPPERS]
        return stepper


def compile_step(
    model: Any, loss: Any, optimizer: Optimizer, regularizer: Any = None, backend: str = "auto", dtype: str = "float64"
) -> Step:
    """A training step as straight-line code: the loss of the rows, its gradient and the optimiser's update.

    `loss` is one of `losses`, its name, or a function (prediction, target) of one row; `regularizer`, a function of the
    model, is added to the mean loss. step(X, Y) makes one update on the mean over the rows X, with targets Y, and
    returns the loss before it. step.run(X, Y, epochs, batch_size=1, shuffle=False, rng=None, until=None, progress=None)
    is the whole loop, and returns a History with `epochs`, `losses`, `metrics` and `times`; until=(metric, threshold)
    ends it when the metric(prediction, target), summed over an epoch, is below the threshold.

    Parameters, velocities and the count of steps are where they always are, read before and true after each call, so
    compiled and eager steps may alternate; lr and momentum may change between them. The `.grad` of parameters is not
    touched. An optimiser of your own is compiled from its `update`.

    What else model, loss, regularizer, metric and update read is watched as `compile` watches it: at each step(X, Y),
    and in a run at its start and after each call of a callback or of `progress`. Where it has changed (a number, an
    activation, a weight that is another Value) the next step is the new one. Where they draw random numbers, count, ask
    a clock or read the `.data` of what is trained, backend="auto" makes the steps on the recorded graph, with one
    RuntimeWarning that says why; a back end that was asked for by name raises. A traced value that is kept, as in
    `self.h = h`, is an error that names the attribute.

    The numbers of a row and of its target are plain numbers: `if t == 1`, `if t`, `weights[int(t)]`, `round(t)` are
    branches, each a path of its own, as `compile` has them; tn.take(weights, t) is one path for all. Rows that are
    NumPy's arrays are arrays to the model, and lists are lists.

    `backend` is "python" (a step on one row equals the eager one in bits, but for the sign of a gradient of 0, which
    the state of an optimizer may keep; `print(step.source())` shows it), "llvm"
    (machine code, equal within rounding, in `dtype` "float64" or "float32"; extra `fast`) or "auto", LLVM where it is
    installed; step.backend says which. `print(step.program)` shows what is computed.

    Raises TypeError and ValueError for what is no model, loss or optimizer, and as `compile` does.

    >>> import tinygrad_nn as tn
    >>> X, Y = tn.data.half_adder()
    >>> model = tn.MLP.from_weights([[[0.1, -0.2], [0.3, 0.4]]], [[0.0, 0.0]], output_activation="sigmoid")
    >>> step = compile_step(model, tn.losses.squared_error, tn.SGD(model.parameters(), lr=0.5))
    >>> round(step(X, Y), 6)
    0.254041
    >>> step.run(X, Y, epochs=1000).stopped
    'epochs'
    """
    for what, given in (("model", model), *((("regularizer", regularizer),) if regularizer is not None else ())):
        if not callable(given):
            raise TypeError(f"the {what} must be a function or a Module, but got {given!r}")
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"the optimizer must be one such as tn.SGD(model.parameters(), lr=0.1), but got {optimizer!r}")
    check_optimizer(optimizer)
    if not (callable(loss) or isinstance(loss, str)):
        raise TypeError(f"the loss must be a function (prediction, target) or the name of one, but got {loss!r}")
    target = for_steps(backend, dtype)
    if target.backend == "array":
        raise ValueError(f"training steps run on backend='python', 'llvm' or 'auto', but got {backend!r}")
    return Step(Recipe(model, losses_.named(loss), optimizer, regularizer), target)

"""compile_step: a model, its loss and its optimiser as compiled training steps, and runs of many of them.

The programs are traced from the model and the loss, from the table's derivatives and from the optimiser's `update`;
parameters, velocities and the count of steps stay where they are, so that eager and compiled steps may alternate.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from threading import RLock
from typing import Any

from ... import losses as losses_
from ...autograd.column import Column, SharingList
from ...autograd.recording import current_recorder, watched
from ...compiler.arguments import Shape
from ...compiler.backends.backend import for_steps
from ...compiler.loops.rolled import Rolled
from ...compiler.surroundings.surroundings import Known
from ...compiler.surroundings.traced_in import SurroundingsError
from ...compiler.target import Target
from ...optim import Optimizer, check_steps
from ...support.checks import checked_count, checked_function, checked_rng, checked_switch
from ..history import History
from .engines.checked import CheckedEngine
from .engines.engine import CANNOT, Engine
from .engines.looking import LookingEngine
from .engines.mixed.mixed_engine import MixedEngine
from .engines.python import PythonEngine
from .engines.recorded import RecordedEngine
from .recipe import Recipe
from .rows import Rows, rows_of
from .run import RowMetric, Run, diverged, until_of
from .several import MOST_SHAPES, are_several
from .state import Settings, check_optimizer, same
from .structure import surroundings_of
from .watch import Standing, Told, Watch

ENGINES: dict[str, type[Engine]] = {"python": PythonEngine, "llvm": LookingEngine, "eager": RecordedEngine}  # of fit


class Step:
    """A compiled training step, as `tinygrad_nn.compile_step` makes one; `backend` is what it runs on."""

    def __init__(self, recipe: Recipe, target: Target) -> None:
        self.lock = RLock()  # a step changes a model: one thread at a time, which a callback may call from
        self.recipe, self.target, self.backend = recipe, target, target.backend
        self._known: dict[Any, Known[Engine] | RecordedEngine] = {}  # by metric and shapes of rows, the latest last
        self._settings = Settings(recipe.optimizer)
        self._fixed: list[object] = []
        self._parameters = Column(())  # those that the optimizer had
        self._asked: tuple[Any, ...] = ()  # the latest of what is known, and what for
        self._latest: Engine | None = None

    def __call__(self, X: Sequence[Any], Y: Sequence[Any]) -> float:
        """One update on the mean loss over the rows, with the regularizer; returns that loss, before the update.

        Rows may be sequences of several lengths. Raises ValueError for no rows, rows that differ in more than how long
        their lists are, or X and Y of different lengths, TypeError for what is no number; nothing changes then.
        """
        return self.on(rows_of(X, Y, self.recipe.model))

    def on(self, given: Rows) -> float:
        """One update on rows as `rows_of` gives them."""
        if (watching := self._watching()) is None:
            return self._on(given, None)
        with watched(None):
            return self._on(given, watching)

    def _on(self, given: Rows, watching: Any) -> float:
        (shapes, rows), error = given, None
        with self.lock:
            while True:
                engine = self._engine(None, shapes, watching, error)
                try:
                    return engine.step(rows)
                except CANNOT as found:
                    error = found

    def run(
        self,
        X: Sequence[Any],
        Y: Sequence[Any],
        epochs: int = 1,
        batch_size: int = 1,
        *,
        shuffle: bool = False,
        rng: random.Random | None = None,
        until: tuple[RowMetric, float] | None = None,
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
        watches = [] if progress is None else [Told(checked_function("progress", progress, "of the history"))]
        rng = checked_rng(rng, ["shuffle"])
        history = self.run_on(rows_of(X, Y, self.recipe.model), epochs, batch_size, shuffle, rng, until, watches)
        if history.stopped == "diverged":
            warnings.warn(diverged(history, self.recipe.optimizer), RuntimeWarning, stacklevel=2)
        return history

    def run_on(
        self, given: Rows, epochs: int, batch_size: int, shuffle: bool, rng: Any, until: Any,
        watches: Sequence[Watch] = (), begun: Standing | None = None,
    ) -> History:  # fmt: skip
        """A run on rows as `rows_of` gives them, which may begin where another one stood."""
        epochs, batch_size = checked_count("epochs", epochs), checked_count("batch_size", batch_size)
        generator = rng if checked_switch("shuffle", shuffle) else None
        metric, limit = until_of(until)
        (shapes, rows), watching = given, self._watching()
        engine = partial(self._engine, metric, shapes, watching)
        with self.lock, nullcontext() if watching is None else watched(None):
            return Run(engine, rows, epochs, min(batch_size, len(rows)), generator, limit, watches, begun).go()

    def engine(self, until: Any, shapes: Shape) -> Engine:
        """What would make the steps of a run on rows of these shapes, as all is now."""
        with self.lock:
            return self._engine(until_of(until)[0], shapes, self._watching(), None)

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
        return self._last().program

    def source(self, backend: str | None = None) -> str:
        """The source of what the latest step ran, in the language of its back end."""
        if backend is not None and not (isinstance(backend, str) and backend == self.backend):
            raise ValueError(f"this step runs on {self.backend!r}, so its source is not in {backend!r}")
        return self._last().source

    @property
    def records(self) -> bool:
        """Whether its steps are recorded, as a loop of the user's own would."""
        return ENGINES[self.backend].records

    def __reduce__(self) -> tuple[Any, ...]:
        return Step, (self.recipe, self.target)  # a copy compiles for itself

    def __repr__(self) -> str:
        return f"<compiled step of {self.recipe.name}, back end {self.backend}>"

    def _watching(self) -> Any:
        """Who is to look at the steps when they were made: nobody, or detect_anomaly, which sees those on the graph."""
        watching = getattr(current_recorder(), "watcher", None)
        if watching is not None:
            watching.steps()
        return None if self.records else watching

    def _last(self) -> Engine:
        if self._latest is None:
            raise ValueError("this step has no program yet: it is traced when it first runs, so run it once")
        return self._latest

    def _engine(self, metric: RowMetric | None, shapes: Shape, watching: Any, error: Exception | None) -> Engine:
        """What makes steps on rows of these shapes, as long as nothing but numbers of the optimiser changes.

        With an error, what does in the place of an engine that cannot, where the choice is ours; else it is raised.
        """
        optimizer = self.recipe.optimizer
        optimizer.check()
        check_steps(optimizer)
        if not callable(optimizer.lr):
            optimizer.rate()
        fixed, has_parameters = self._settings.now()[1], self._has_parameters(optimizer)
        if not has_parameters or (fixed is not self._fixed and not same(fixed, self._fixed)):
            self._known = {}
        self._fixed = fixed
        if error is not None:
            self._give_up(error, metric, shapes)
        known = self._known_for(metric, shapes)
        self._latest = engine = known.now() if isinstance(known, Known) else known
        return engine if watching is None else CheckedEngine(engine, watching)

    def _known_for(self, metric: RowMetric | None, shapes: Shape) -> Known[Engine] | RecordedEngine:
        """What is known of steps on rows of these shapes."""
        if self._asked:
            among, asked, of, latest = self._asked
            if among is self._known and asked is metric and of == shapes:
                return latest  # type: ignore[no-any-return]
        kind = id(metric), shapes
        known = self._known.pop(kind, None) or self._made(metric, shapes)
        self._known[kind] = known
        if len(self._known) > MOST_SHAPES:
            del self._known[next(iter(self._known))]
        self._asked = self._known, metric, shapes, known
        return known

    def _has_parameters(self, optimizer: Optimizer) -> bool:
        """Whether the optimizer has the parameters that it had."""
        trained, had = optimizer.parameters, self._parameters
        if type(trained) is SharingList and trained.column is had:
            return True
        self._parameters = trained.shared() if type(trained) is SharingList else Column(tuple(trained))
        return self._parameters.operands == had.operands

    def _made(self, metric: RowMetric | None, shapes: Shape) -> Known[Engine] | RecordedEngine:
        """The engines for rows of these shapes: one for each of the latest surroundings, or one for all."""
        recipe, kind, target = replace(self.recipe, metric=metric), ENGINES[self.backend], self.target
        kind = MixedEngine if kind is LookingEngine and are_several(shapes) else kind
        if kind.records:
            return RecordedEngine(recipe, shapes, target)
        return Known(partial(surroundings_of, recipe), lambda world: kind(replace(recipe, world=world), shapes, target))

    def _give_up(self, error: Exception, metric: RowMetric | None, shapes: Shape) -> None:
        """Take another engine in the place of one that cannot make the steps."""
        recorded = isinstance(self._known.get((id(metric), shapes)), RecordedEngine)
        if not self.target.auto or recorded or (self.backend == "python" and not isinstance(error, SurroundingsError)):
            raise error
        if isinstance(error, SurroundingsError):
            warnings.warn(f"training on the recorded graph, not compiled: {error}", RuntimeWarning, stacklevel=2)
            engine = RecordedEngine(replace(self.recipe, metric=metric), shapes, self.target)
            self._known = {**self._known, (id(metric), shapes): engine}
        else:
            self.backend, self._known = "python", {}


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
    a clock, read the `.data` of what is trained or what was recorded of it before, backend="auto" makes the steps on
    the recorded graph, with one RuntimeWarning that says why; a back end that was asked for by name raises. A traced
    value that is kept, as in `self.h = h`, is an error that names the attribute.

    The numbers of a row and of its target are plain numbers: `if t == 1`, `if t`, `weights[int(t)]`, `round(t)` are
    branches, each a path of its own, as `compile` has them; tn.take(weights, t) is one path for all. Rows that are
    NumPy's arrays are arrays to the model, and lists are lists. They may be sequences of several lengths.

    `backend` is "python" (a step on one row equals the eager one in bits, but for the sign of a gradient of 0, which
    the state of an optimizer may keep; `print(step.source())` shows it), "llvm" (machine code, equal within rounding,
    in `dtype` "float64" or "float32"; extra `fast`) or "auto", LLVM where it is installed; step.backend says which.
    `print(step.program)` shows what is computed.

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
    return step_of(model, loss, optimizer, regularizer, for_steps(backend, dtype))


def step_of(model: Any, loss: Any, optimizer: Optimizer, regularizer: Any, target: Target) -> Step:
    """The step for a target."""
    for what, given in (("model", model), *((("regularizer", regularizer),) if regularizer is not None else ())):
        if not callable(given):
            raise TypeError(f"the {what} must be a function or a Module, but got {given!r}")
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"the optimizer must be one such as tn.SGD(model.parameters(), lr=0.1), but got {optimizer!r}")
    check_optimizer(optimizer)
    if not (callable(loss) or isinstance(loss, str)):
        raise TypeError(f"the loss must be a function (prediction, target) or the name of one, but got {loss!r}")
    if target.backend not in ENGINES:
        raise ValueError(f"training steps run on backend='python', 'llvm' or 'auto', but got {target.backend!r}")
    return Step(Recipe(model, losses_.named(loss), optimizer, regularizer), target)

"""Training steps in machine code: packed parameters, and many steps in one call.

The numbers live in `arrays`, which the user's objects look at. Where those cannot, the numbers are put back whenever
anybody looks: at the end of a run, for those who watch it, and before a batch whose rows take several paths, which the
`python` engine makes.
"""

from __future__ import annotations

import ctypes
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from math import inf
from typing import Any

from ....compiler.arguments import Shape
from ....compiler.backends.llvm import engine as native
from ....compiler.loops.roll import rolled
from ....compiler.loops.rolled import Rolled
from ....compiler.program.program import Program
from ....compiler.target import Target
from ....support.checks import MOST
from ..recipe import Recipe, row_gradient
from ..rows import Row, RowError, matrix
from ..state import Kept, Settings, is_as_wide
from .arrays import StepArrays, zeros
from .engine import CANNOT, Engine, Made, Stretch, all_finite
from .native_call import Call, start_of
from .native_text import StepText, text_for
from .python import PythonEngine

QUICK = 500_000  # products of a row's number and a parameter, which take well below a millisecond
MOST_AT_FIRST = 16  # steps, so that progress is told of early


class NativeEngine(Engine):
    """Makes steps in machine code, which is compiled when it is first run: one for single rows, one for batches."""

    most = MOST  # epochs in one call

    def __init__(self, recipe: Recipe, shapes: Shape, target: Target) -> None:
        super().__init__(recipe, shapes, target)
        self._steps: dict[bool, NativeSteps] = {}  # by whether they are on batches
        self._latest: NativeSteps | None = None  # those that were made last
        self._holder: NativeSteps | None = None  # those that have the numbers; None where the user's are the newest

    @cached_property
    def python(self) -> PythonEngine:
        """What makes the steps on rows that take several paths."""
        return PythonEngine(self.recipe, self.shapes, self.target)

    def step(self, rows: Sequence[Row]) -> float:
        self._holder = None
        steps = self.ready(len(rows), rows)
        loss = steps.one(self._matrix(steps, rows))
        self._holder = None
        if loss is None:
            return self.python.step(rows)
        steps.arrays.commit()
        return loss

    def at_first(self, batch_size: int) -> int:
        quick = QUICK // (batch_size * max(1, len(self.optimizer.parameters)))
        return max(1, min(MOST_AT_FIRST, quick))

    def stretch(self, stretch: Stretch) -> Made:
        """Steps in one call of machine code; after them one on a batch whose rows take several paths."""
        orders, size, at, n = stretch.orders, stretch.batch_size, len(stretch.losses), stretch.batches
        # traced on the row that was given first, wherever the run begins, so that one that goes on takes the same path
        steps = self.ready(size, orders.rows)
        # no order is drawn for an epoch that may not be run, where it could not be given back
        most = 1 if self.recipe.metric is not None and not orders.rewinds else min(stretch.epochs, self.most)
        whole = 0 if at else min(stretch.steps // n, most)
        rates = steps.rates(n * whole or min(stretch.steps, n - at))
        x = self._laid(steps, stretch, 1 if at else -(-len(rates) // n))
        losses, errors, error, refused = steps.run(
            x, len(orders.rows), size, at, rates, stretch.error, stretch.threshold
        )
        if refused:
            try:
                loss, more = self._apart(stretch, at + len(losses))
            except CANNOT:
                if not len(losses):
                    raise  # else the next stretch begins with this batch, and raises
            else:
                losses, error = self._joined(losses, [loss]), error + more
                if (at + len(losses)) % n == 0:
                    errors, error = [*errors, error], 0.0
        return self._made(stretch, losses, errors, error)

    def ready(self, batch: int, rows: Sequence[Row]) -> NativeSteps:
        """The steps on so many rows for the settings as they are, traced on the first row, with the numbers that
        somebody may set."""
        found = self._steps.get(batched := batch > 1)
        if found is None or found is not self._holder:
            if found is None or not found.holds():
                with self.naming(0, rows[0]):
                    text = text_for(self.recipe, self.shapes, rows[0], self.target, batched)
                    found = self._steps[batched] = NativeSteps(self.recipe, self.shapes, rows[0], self.target, text)
            self._hold(found)
        return found

    def _hold(self, steps: NativeSteps) -> None:
        """Let these steps have the numbers that the user sees."""
        steps.load()
        self._latest = self._holder = steps

    def _matrix(self, steps: NativeSteps, rows: Sequence[Row]) -> Any:
        """The rows of one step as machine code takes them."""
        return matrix(rows, self.target)

    def _laid(self, steps: NativeSteps, stretch: Stretch, epochs: int) -> Any:
        """The rows of so many epochs as machine code takes them."""
        return stretch.orders.laid(epochs, self.target)

    def _apart(self, stretch: Stretch, batch: int) -> tuple[float, float]:
        """The step on a batch whose rows are on several paths, by the python engine; its loss and metric."""
        self.put()
        self._holder = None
        epoch, place = divmod(batch, stretch.batches)
        start = place * stretch.batch_size
        stretch.orders.follow(epoch)
        try:
            return self.python.on(stretch.orders.taken[start : start + stretch.batch_size])
        except RowError as wrong:
            raise stretch.orders.as_given(wrong, start) from None

    def _joined(self, losses: Any, more: Any) -> Any:
        xp = self.target.namespace
        return xp.concatenate([losses, more]) if len(losses) else xp.asarray(more)

    def _made(self, stretch: Stretch, losses: Any, errors: list[float], error: float) -> Made:
        """What was made: the mean over the rows of each epoch, and what is left."""
        xp, n, size, rows = self.target.namespace, stretch.batches, stretch.batch_size, len(stretch.orders.rows)
        losses = self._joined(stretch.losses, losses)
        count = len(losses) // n * n
        epochs = losses[:count].reshape((-1, n))
        if n == 1:
            return Made(epochs[:, 0].tolist(), errors, losses[count:], error)
        weights = xp.full(n, float(size))
        weights[-1] = rows - (n - 1) * size
        with xp.errstate(all="ignore"):  # of losses that grew without bound
            means = (epochs * weights).sum(axis=1) / weights.sum()
        return Made(means.tolist(), errors, losses[count:], error)

    def take(self) -> None:
        self._holder = None

    def put(self) -> None:
        if self._holder is not None:
            self._holder.arrays.commit()

    def kept(self, now: Kept | None = None) -> Any:
        steps = self._holder
        return (None, super().kept(now)) if steps is None else (steps, steps.arrays.kept())

    def back(self, kept: Any) -> None:
        steps, numbers = kept
        self._holder = steps
        if steps is None:
            super().back(numbers)
        else:
            steps.arrays.back(numbers)

    def finite(self, unbounded: Collection[int] = ()) -> bool:
        if (steps := self._holder) is None:
            return super().finite(unbounded)
        return steps.arrays.finite() or all_finite(steps.arrays.listed(), unbounded)

    @property
    def program(self) -> Rolled:
        """The program of a row, rolled."""
        return self.python.program if self._latest is None else rolled(self._latest.gradient)

    @property
    def source(self) -> str:
        return self.python.source if self._latest is None else self._latest.text.text


class NativeSteps:
    """The compiled steps of a recipe on rows of one shape: `load` the numbers, and `run` steps."""

    def __init__(self, recipe: Recipe, shapes: Shape, row: Row, target: Target, text: StepText) -> None:
        self.recipe, self.target, self.xp, self.text = recipe, target, target.namespace, text
        self._shapes, self._row = shapes, row
        self.compiled = native.native(text.text, pointers=14)
        self.arrays = StepArrays(recipe.optimizer, target, text.padded, len(text.update.states), text.untrained)
        self.gradients, self.penalty = zeros(target, text.padded), zeros(target, text.padded + 1, first=1)
        self.totals, self.flags = zeros(target, 2), self.xp.zeros(64, dtype=self.xp.uint8)
        self._settings = Settings(recipe.optimizer)
        self._settled = self._settings.now()[0]  # the numbers for which the update holds
        self._state: list[int] = []  # where parameters, states and gradients are
        self._scratch = self._with_scratch(text.scratch)
        self._one: Call | None = None  # what one step is called with
        self.many = self.compiled.run  # what makes many steps; somebody may look in between
        self._run = ctypes.CFUNCTYPE(None)(self.compiled.start)  # without types, in a third of the time

    def _with_scratch(self, size: int) -> list[int]:
        """Where flags, totals and a scratch of so many bytes are."""
        self.scratch = self.xp.zeros(size + 64, dtype=self.xp.uint8)
        start = self.scratch.ctypes.data
        return [self.flags.ctypes.data, self.totals.ctypes.data, start + -start % 64]

    @cached_property
    def gradient(self) -> Program:
        """The program of a row, which is traced for whoever wants to see it where the text was written before."""
        return self.text.gradient or row_gradient(replace(self.recipe, world=None), self._shapes, self._row)

    def holds(self) -> bool:
        """Whether the settings are still on the path that the update was traced on, and the states as long."""
        if not is_as_wide(self.recipe.optimizer, len(self.text.update.states)):
            return False
        settings = self._settings.now()[0]
        if settings is not self._settled:
            if settings != self._settled and not self.text.update.holds():
                return False
            self._settled = settings
        return True

    def load(self) -> None:
        """Take the numbers from where the user sees them, if they are not there."""
        if self.arrays.load():
            arrays = (self.arrays.parameters, self.arrays.state, self.gradients, self.penalty)
            self._state, self._one = [array.ctypes.data for array in arrays], None

    def rates(self, steps: int) -> Any:
        """The learning rates of so many steps, or of fewer where a schedule ends."""
        optimizer = self.recipe.optimizer
        done = self.arrays.done
        rates = [optimizer.rate(done)]
        if not callable(optimizer.lr):
            return self.xp.full(steps, self.arrays.narrow(rates, (), "the learning rate")[0])
        with suppress(Exception):  # it is for the first step to raise
            for k in range(1, steps):
                rates.append(optimizer.rate(done + k))
        return self.arrays.narrow(rates, (), "the learning rate")

    def run(
        self, x: Any, rows: int, batch: int, first: int, rates: Any, error: float, threshold: float
    ) -> tuple[Any, list[float], float, bool]:
        """A step by each learning rate, on consecutive batches, from batch `first` of an epoch on. An epoch has so many
        rows of x; the next one has those that follow in x, or the same ones if none do.

        The losses of those that were made, the metric of each epoch that ended, the metric so far of the next, and
        whether a step was refused, since its rows are not all on this path.
        """
        batches = -(-rows // batch)
        call = self._call(rates, len(rates) // batches + 2)
        call.counts[:] = rows, batch, first, self.text.vectors, rows if len(x) > rows else 0
        call.told[:4] = self.arrays.done, error, threshold, 0.0
        try:
            self.many(x.ctypes.data, *call.addresses, len(rates))
        finally:
            made = int(call.told[3])
            self.arrays.advance(made)
        ended = (first + made) // batches
        return call.losses[:made], call.metrics[:ended].tolist(), float(call.told[1]), bool(call.told[4])

    def one(self, x: Any) -> float | None:
        """A step on all rows of x: the loss before it, or None where it was refused, as they take several paths."""
        call, arrays, optimizer = self._one, self.arrays, self.recipe.optimizer
        own = vars(optimizer)
        rate = optimizer.rate(done := arrays.done)
        if call is None or call.settled is not self._settled or call.rate is not rate:
            call = self._one = self._call(self.arrays.narrow([rate], (), "the learning rate"), 1)
            call.rate = rate
            call.told[1:3] = 0.0, -inf
            call.counts[3] = self.text.vectors
        call.counts[:2] = len(x)
        call.told[0], call.told[3] = done, 0.0
        try:
            self._run(start_of(x), *call.once)
        finally:
            if call.told[3]:  # nothing is called here, so that Ctrl-C comes before a step or after it
                arrays.made += 1
                if arrays.pack is not None:
                    arrays.pack.version += 1
                    optimizer.steps += 1
                    own["held_state"] = arrays.states
        return None if call.told[4] else float(call.losses[0])

    def given(self, x: Any) -> list[int]:
        """What the latest single step was given, in addresses, for one on the rows x."""
        return [x.ctypes.data, *(self._one.addresses if self._one is not None else ())]

    def _call(self, rates: Any, ended: int) -> Call:
        """What a step by each of the rates is called with, room for the metrics of so many epochs among it."""
        settled = self._settings.now()[0]
        settings = self.arrays.narrow([*settled, 0.0], (), "a setting of the optimizer")
        losses, metrics = zeros(self.target, len(rates)), self.xp.zeros(ended)
        return Call(self.xp, settled, [losses, metrics, rates, settings], self._state, self._scratch)

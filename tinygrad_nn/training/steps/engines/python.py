"""Steps on the `python` back end: the programs of a step for one shape of rows, and the numbers they carry.

Between calls all numbers stand where the user sees them, in the parameters and in the optimiser; a call takes them
from there and puts them back when it has ended well, so that eager and compiled steps may alternate.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import count
from math import inf
from typing import Any

from ....autograd import primitives as table
from ....autograd.ieee.functions import NoSuchIndexError
from ....compiler.arguments import Shape, data_of
from ....compiler.backends.python import function as python
from ....compiler.backends.python import loop as python_loop
from ....compiler.paths import Paths
from ....compiler.program.program import Loop, OffPath, Program
from ....compiler.surroundings.captured import SurroundingsError
from ....optim import Optimizer
from ..recipe import Recipe, Whole, one_row, penalty, update, whole
from ..settings import settings_of
from ..state import Row, RowError, commit, left_sum, state_of


class Path:
    """One path through a loop or a program, compiled when it is first run."""

    def __init__(self, program: Program, loop: Loop | None = None, whole: Whole | None = None) -> None:
        self.program, self.loop, self.whole = program, loop, whole
        self.scheduled = False
        self.branch = next((guard.where for guard in program.guards), "")  # the first line that may lead elsewhere
        self._compiled: dict[bool, Any] = {}

    def run(self, scheduled: bool = False) -> Any:
        """The compiled function; `scheduled`, of a loop whose learning rate differs from row to row."""
        if scheduled not in self._compiled:
            if self.loop is None:
                self._compiled[scheduled] = python.compiled(self.program)
            else:
                self._compiled[scheduled] = python_loop.compiled(self.loop, self._rate(scheduled))
        self.scheduled = scheduled
        return self._compiled[scheduled]

    def source(self) -> str:
        """What ran last, as Python."""
        if self.loop is None:
            return python.source(self.program)
        return python_loop.source(self.loop, self._rate(self.scheduled))

    def _rate(self, scheduled: bool) -> int | None:
        return self.whole.rate if self.whole is not None and scheduled else None


class Stepper:
    """Runs the steps of a recipe on rows of one shape; `latest` are the paths that the last step took."""

    def __init__(self, recipe: Recipe, shapes: tuple[Shape, Shape], auto: bool = False) -> None:
        self.recipe, self.shapes, self.optimizer = recipe, shapes, recipe.optimizer
        self._whole, self._row, self._penalty, self._update = (Paths[Path](recipe.name) for _ in range(4))
        self.latest: list[Path] = []
        self.world = recipe.world or recipe.surroundings()
        self.auto = auto
        self.recorded: Any = None  # who makes the steps where they cannot be compiled
        self.native: dict[bool, Any] = {}  # the steps in machine code, on one row and on batches, kept for the next run

    def record(self, error: SurroundingsError) -> Any:
        """Who makes the steps from here on, with a warning. Raises the error where a back end was asked for by name."""
        if self.recorded is None:
            if not self.auto:
                raise error
            from .recorded import RecordedStepper

            warnings.warn(f"training on the recorded graph, not compiled: {error}", RuntimeWarning, stacklevel=2)
            self.recorded = RecordedStepper(self.recipe, self.shapes)
        return self.recorded

    def advance(
        self, passes: Callable[[], Iterable[Sequence[Row]]], row: Row, losses: list[float], sums: list[float],
        error: float, threshold: float,
    ) -> float:  # fmt: skip
        """A step on each row of the passes, as far as one path goes, and at least on `row`, which is the first.

        Adds the loss of each row and, after each pass, the sum of the metric, which stops there if it is below the
        threshold. `error` is that sum so far, in and out.
        """
        if self.recorded is not None:
            return self.recorded.advance(passes, row, losses, sums, error, threshold)  # type: ignore[no-any-return]
        optimizer, before = self.optimizer, len(losses)

        def attempt(path: Path) -> float:
            assert path.whole is not None
            scheduled = callable(optimizer.lr)
            rates = map(optimizer.rate, count(optimizer.steps)) if scheduled else None
            settled = _settled(path.whole, optimizer, scheduled)
            carried = state_of(optimizer)
            if len(path.whole.loop.carried) > len(carried):
                carried.append(float(optimizer.steps))
            after, carried = path.run(scheduled)(
                passes(), losses.append, sums.append, error, threshold, rates, settled, carried
            )
            if len(losses) == before:
                raise OffPath(path.branch)
            commit(optimizer, iter(carried), len(losses) - before)
            return float(after)

        def trace() -> Path:
            found = whole(self.recipe, self.shapes, row)
            return Path(found.loop.program, found.loop, found)

        so_far = error
        try:
            after: float = self._whole.run(attempt, trace)
        except NoSuchIndexError as error:
            raise RowError(len(losses), error) from None
        except SurroundingsError as error:
            return self.record(error).advance(passes, row, losses, sums, so_far, threshold)  # type: ignore[no-any-return]
        self.latest = self._whole.found[:1]
        return after

    def batch(self, rows: Sequence[Row]) -> tuple[float, float]:
        """One step on the mean over the rows: the loss before it, and the metric summed over the rows.

        The rows are taken from the last to the first, as the engine walks back over them.
        """
        if self.recorded is None:
            try:
                return self._batch(rows)
            except SurroundingsError as error:
                self.record(error)
        return self.recorded.batch(rows)  # type: ignore[no-any-return]

    def _batch(self, rows: Sequence[Row]) -> tuple[float, float]:
        optimizer, latest = self.optimizer, []
        penalized, sums = 0.0, [0.0] * len(optimizer.parameters)
        if self.recipe.regularizer is not None:
            penalized, *sums = self._penalty.run(lambda p: p.run()(()), lambda: Path(penalty(self.recipe)))
            latest += self._penalty.found[:1]
        losses: list[float] = []
        error, backwards = 0.0, rows[::-1]
        while len(losses) < len(rows):
            try:
                error, sums = self._add_rows(backwards[len(losses) :], len(rows), losses, error, sums)
            except NoSuchIndexError as wrong:
                raise RowError(len(rows) - 1 - len(losses), wrong) from None
        latest += self._row.found[:1]
        rate = optimizer.rate()
        given = [*sums, rate, float(optimizer.steps), *settings_of(optimizer)[0]]
        given += state_of(optimizer)[len(sums) :]
        after = self._update.run(lambda p: p.run()(given), lambda: Path(update(self.recipe, sums)))
        commit(optimizer, iter(after), 1)
        self.latest = [*latest, *self._update.found[:1]]
        mean = table.divide(left_sum(losses[::-1]), float(len(losses)))
        return mean if self.recipe.regularizer is None else mean + penalized, error

    def _add_rows(
        self, rows: Sequence[Row], n: int, losses: list[float], error: float, sums: list[float]
    ) -> tuple[float, list[float]]:
        """The metric and the gradients with those of some of n rows added, as far as one path goes."""
        before = len(losses)

        def attempt(path: Path) -> tuple[float, list[float]]:
            loop = path.loop
            assert loop is not None
            parameters, seed = loop.program.parameters, 1.0 / n
            settled = [seed, *data_of([parameters[slot] for slot in loop.settled if slot in parameters])]
            ended: list[float] = []
            after, carried = path.run()([rows], losses.append, ended.append, error, -inf, None, settled, sums)
            if len(losses) == before:
                raise OffPath(path.branch)
            return ended[0] if ended else after, list(carried)

        def trace() -> Path:
            loop = one_row(self.recipe, self.shapes, rows[0], sums)
            return Path(loop.program, loop)

        return self._row.run(attempt, trace)


def fitting(
    found: Sequence[Any], kind: Any, recipe: Recipe, metric: Any, shapes: tuple[Shape, Shape], auto: bool
) -> Stepper:
    """The stepper for the surroundings as they are: one that was traced in them, or in others that say the same."""
    for stepper in found:
        if stepper.recorded is not None or stepper.world.unchanged():
            return stepper  # type: ignore[no-any-return]
    recipe = replace(recipe, metric=metric)
    now = recipe.surroundings()
    for stepper in found:
        if stepper.world.holds_now(now):
            stepper.world.renew(now)
            return stepper  # type: ignore[no-any-return]
    return kind(replace(recipe, world=now), shapes, auto)  # type: ignore[no-any-return]


def _settled(path: Whole, optimizer: Optimizer, scheduled: bool) -> list[float]:
    """What is the same for all rows: learning rate, settings, and parameters that are not trained."""
    numbers = dict(zip(path.settings, settings_of(optimizer)[0], strict=True))
    if not scheduled:
        numbers[path.rate] = optimizer.rate()
    parameters = path.loop.program.parameters
    inputs = [numbers[slot] for slot in path.loop.settled if slot in numbers]
    return inputs + data_of([parameters[slot] for slot in path.loop.settled if slot in parameters])

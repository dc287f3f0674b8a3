"""Steps on the `python` back end: the programs of a step for each shape of rows, and the numbers they carry.

Between calls all numbers stand where the user sees them, in the parameters and in the optimiser; a call takes them
from there and puts them back when it has ended well, so that eager and compiled steps may alternate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import count
from math import inf
from typing import Any

from ....autograd import primitives as table
from ....autograd.ieee.floats import NoSuchIndexError
from ....compiler.arguments import Shape, data_of
from ....compiler.backends.python import function as python
from ....compiler.backends.python import loop as python_loop
from ....compiler.loops.roll import rolled
from ....compiler.loops.rolled import Rolled
from ....compiler.paths import Paths
from ....compiler.program.program import Loop, OffPath, Program
from ....compiler.target import Target
from ....optim import Optimizer
from ..recipe import Recipe, Whole, one_row, penalty, update, whole
from ..rows import Orders, Row, RowError
from ..several import ByShape, alike
from ..state import commit, settings_of, state_of, widths_of
from .engine import Engine, Made, Stretch, left_sum, made


class StepPath:
    """One path through a loop or a program, compiled when it is first run."""

    def __init__(self, program: Program, loop: Loop | None = None, whole: Whole | None = None) -> None:
        self.program, self.loop, self.whole = program, loop, whole
        self.rate: int | None = None  # the input of a loop that differed from row to row when it ran last
        self.branch = next((guard.where for guard in program.guards), "")  # the first line that may lead elsewhere
        self._compiled: dict[int | None, Any] = {}

    def run(self, scheduled: bool = False) -> Any:
        """The compiled function; `scheduled`, of a loop whose learning rate differs from row to row."""
        self.rate = self.whole.rate if scheduled and self.whole is not None else None
        if self.rate not in self._compiled:
            loop, rate = self.loop, self.rate
            self._compiled[rate] = python.compiled(self.program) if loop is None else python_loop.compiled(loop, rate)
        return self._compiled[self.rate]

    def source(self) -> str:
        """What ran last, as Python."""
        return python.source(self.program) if self.loop is None else python_loop.source(self.loop, self.rate)


class PythonEngine(Engine):
    """Makes steps in generated Python; `latest` are the paths that the last step took."""

    def __init__(self, recipe: Recipe, shapes: Shape, target: Target) -> None:
        super().__init__(recipe, shapes, target)
        self._paths = partial(Paths[StepPath], recipe.name)
        self._whole, self._row = (ByShape(self._paths) for _ in range(2))
        self._penalty, self._update = self._paths(), self._paths()
        self.latest: list[StepPath] = []
        self._widths: list[int] = []  # of the states that the paths are of

    def step(self, rows: Sequence[Row]) -> float:
        return self.on(rows)[0]

    def on(self, rows: Sequence[Row]) -> tuple[float, float]:
        """One step on the mean over the rows, or on one: the loss before it, and the metric summed over the rows."""
        if len(rows) > 1:
            self._row.make_room(rows)
            return self.batch(rows)
        losses: list[float] = []
        errors: list[float] = []
        self._advance(lambda: [rows], rows[0], losses, errors, 0.0, -inf)
        return losses[0], errors[0] if errors else 0.0

    def stretch(self, stretch: Stretch) -> Made:
        """Steps on one row each as far as one path goes, or one step on a batch."""
        orders, start, size = stretch.orders, stretch.start, stretch.batch_size
        rows, n, error = orders.taken, len(orders.rows), stretch.error
        losses: list[float] = []
        errors: list[float] = []
        part = rows[start : start + (size if size > 1 else stretch.steps)]
        if self.several:
            self._whole.make_room(orders.rows)
            self._row.make_room(orders.rows)
            part = part if size > 1 else alike(part)
        last = start + len(part) == n
        try:
            if size > 1:
                loss, more = self.batch(part)
                losses, error = [loss], error + more
                return made(stretch, losses, [error], 0.0) if last else made(stretch, losses, [], error)
            whole = 0 if start or self.several else min(stretch.steps // n, stretch.epochs)
            passes = (lambda: self._passes(orders, whole)) if whole else (lambda: iter([part]))
            threshold = stretch.threshold if whole or last else -inf
            error = self._advance(passes, part[0], losses, errors, error, threshold)
        except RowError as wrong:
            raise orders.as_given(wrong, start) from None
        if not whole and errors and not last:
            error = errors.pop()  # the sum of a part of the epoch
        return made(stretch, losses, errors, error)

    def _passes(self, orders: Orders, count: int) -> Iterator[Sequence[Row]]:
        """The rows of the epochs to come, each order drawn when it begins, so that no more are drawn than are run."""
        for i in range(count):
            orders.follow(i)
            yield orders.taken

    def _advance(
        self, passes: Callable[[], Iterable[Sequence[Row]]], row: Row, losses: list[float], sums: list[float],
        error: float, threshold: float,
    ) -> float:  # fmt: skip
        """A step on each row of the passes, as far as one path goes, and at least on `row`, which is the first.

        Adds the loss of each row and, after each pass, the sum of the metric, which stops there if it is below the
        threshold. `error` is that sum so far, in and out.
        """
        optimizer = self.optimizer
        self._look_at_states()

        def attempt(path: StepPath) -> float:
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
            if not losses:
                raise OffPath(path.branch)
            commit(optimizer, iter(carried), len(losses))
            return float(after)

        def trace() -> StepPath:
            with self.naming(0, row):
                found = whole(self.recipe, self.shapes_of(row), row)
            return StepPath(found.loop.program, found.loop, found)

        try:
            paths = self._whole.of(self.shapes_of(row))
            after: float = paths.run(attempt, trace)
        except NoSuchIndexError as error:
            raise RowError(len(losses), error) from None
        self.latest = paths.found[:1]
        return after

    def batch(self, rows: Sequence[Row]) -> tuple[float, float]:
        """One step on the mean over the rows: the loss before it, and the metric summed over the rows.

        The rows are taken from the last to the first, as the engine walks back over them.
        """
        self._look_at_states()
        optimizer, latest = self.optimizer, []
        penalized, sums = 0.0, [0.0] * len(optimizer.parameters)
        if self.recipe.regularizer is not None:
            penalized, *sums = self._penalty.run(lambda p: p.run()(()), lambda: StepPath(penalty(self.recipe)))
            latest += self._penalty.found[:1]
        losses: list[float] = []
        error, backwards = 0.0, rows[::-1]
        while len(losses) < len(rows):
            paths = self._row.of(self.shapes_of(backwards[len(losses)]))
            try:
                error, sums = self._add_rows(paths, alike(backwards[len(losses) :]), len(rows), losses, error, sums)
            except NoSuchIndexError as wrong:
                raise RowError(len(rows) - 1 - len(losses), wrong) from None
        latest += paths.found[:1]
        rate = optimizer.rate()
        given = [*sums, rate, float(optimizer.steps), *settings_of(optimizer)[0]]
        given += state_of(optimizer)[len(sums) :]
        after = self._update.run(lambda p: p.run()(given), lambda: StepPath(update(self.recipe, sums)))
        commit(optimizer, iter(after), 1)
        self.latest = [*latest, *self._update.found[:1]]
        mean = table.divide(left_sum(losses[::-1]), float(len(losses)))
        return mean if self.recipe.regularizer is None else mean + penalized, error

    def _look_at_states(self) -> None:
        """Forget the paths of states of other lengths."""
        if (widths := widths_of(self.optimizer)) != self._widths:
            self._whole, self._update = ByShape(self._paths), self._paths()
            self._widths = widths

    def _add_rows(
        self, paths: Paths[StepPath], rows: Sequence[Row], n: int, losses: list[float], error: float, sums: list[float]
    ) -> tuple[float, list[float]]:
        """The metric and the gradients with those of some of n rows added, as far as one path goes."""
        before = len(losses)

        def attempt(path: StepPath) -> tuple[float, list[float]]:
            loop = path.loop
            assert loop is not None
            parameters, seed = loop.program.parameters, 1.0 / n
            settled = [seed, *data_of([parameters[slot] for slot in loop.settled if slot in parameters])]
            ended: list[float] = []
            after, carried = path.run()([rows], losses.append, ended.append, error, -inf, None, settled, sums)
            if len(losses) == before:
                raise OffPath(path.branch)
            return ended[0] if ended else after, list(carried)

        def trace() -> StepPath:
            with self.naming(n - 1 - before, rows[0]):
                loop = one_row(self.recipe, self.shapes_of(rows[0]), rows[0], sums)
            return StepPath(loop.program, loop)

        return paths.run(attempt, trace)

    @property
    def program(self) -> Rolled:
        """The program of one row with its update, or of the rows of a batch."""
        paths = self._last()
        return rolled(next((path.program for path in paths if path.loop is not None), paths[0].program))

    @property
    def source(self) -> str:
        return "\n\n".join(path.source() for path in self._last())

    def _last(self) -> list[StepPath]:
        if not self.latest:
            raise ValueError("this step has no program yet: it is traced when it first runs, so run it once")
        return self.latest


def _settled(path: Whole, optimizer: Optimizer, scheduled: bool) -> list[float]:
    """What is the same for all rows: learning rate, settings, and parameters that are not trained."""
    numbers = dict(zip(path.settings, settings_of(optimizer)[0], strict=True))
    if not scheduled:
        numbers[path.rate] = optimizer.rate()
    parameters = path.loop.program.parameters
    inputs = [numbers[slot] for slot in path.loop.settled if slot in numbers]
    return inputs + data_of([parameters[slot] for slot in path.loop.settled if slot in parameters])

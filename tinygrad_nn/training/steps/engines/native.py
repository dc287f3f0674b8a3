"""Training steps in machine code: packed parameters, and many steps in one call.

The numbers live in arrays while a run goes on, and are put back where the user sees them whenever anybody looks: at its
end, for `progress`, and before a batch whose rows take several paths, which the `python` back end makes the step of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ....autograd.value import Value
from ....compiler.arguments import Shape, data_of
from ....compiler.backends.llvm import engine as native
from ....compiler.backends.llvm.functions import FOLDS
from ....compiler.backends.llvm.ir import Kind
from ....compiler.backends.llvm.printer import Printer
from ....compiler.backends.llvm.row_sums import RowSums
from ....compiler.loops.roll import rolled
from ....compiler.loops.rolled import Rolled
from ....compiler.program.program import Program
from ....compiler.single_precision import TooLargeError
from ....compiler.target import Target
from ....optim import Optimizer
from ....support.decorators import uncollected
from ..recipe import Recipe, penalty, row_gradient, update_of_one
from ..settings import settings_of
from ..state import Row, RowError, commit, state_of
from .native_text import step_text, update_text


class UnsupportedError(TypeError):
    """A step that machine code cannot make yet."""


class NativeSteps:
    """The steps of a recipe on rows of one shape: `load` the numbers, `run` steps, `commit` them."""

    @uncollected
    def __init__(self, recipe: Recipe, shapes: tuple[Shape, Shape], row: Row, target: Target, batched: bool) -> None:
        self.recipe, self.target, self.xp = recipe, target, target.namespace
        single, exact = target.dtype == "float32", target.exact
        full = native.register_bytes() // (4 if single else 8)
        self.metric = recipe.metric is not None
        gradient = row_gradient(recipe, shapes, row)
        penalized = penalty(recipe) if recipe.regularizer is not None else None
        trained, self.count = recipe.optimizer.parameters, len(recipe.optimizer.parameters)
        self.vectors = -(-self.count // full)
        self.padded = self.vectors * full
        read = [value for p in (gradient, penalized) if p is not None for value in p.parameters.values()]
        apart = {id(value) for value in trained}
        self.untrained = list({id(value): value for value in read if id(value) not in apart}.values())
        self.gradient = gradient
        sums = RowSums(self._rolled(gradient), 1 + self.metric, full if batched else 1, full, single, exact)
        regular = None if penalized is None else Printer(self._rolled(penalized), 1, single, exact, "penalty", full)
        self.update = update_of_one(recipe)
        self.widths = {len(state) for state in recipe.optimizer.state}
        spelled = not any(entry.primitive.name in FOLDS for entry in self.update.instructions)
        if len(self.widths) != 1 or len(self.update.parameters) != 1 or not spelled or not self.holds():
            raise UnsupportedError(
                f"{type(recipe.optimizer).__name__}.update() branches on numbers of a parameter, reads other Values, "
                "calls a function of lists or has states of different lengths, which the llvm back end cannot "
                "compile: give backend='python'"
            )
        (self.states,) = self.widths
        text, block = update_text(self.update, Kind(full, single), self.states, regular is not None, exact)
        self.text = step_text(sums, regular, text, block, self.metric)
        self.compiled = native.native(self.text, pointers=14)
        self.scratch = self.xp.zeros(max(sums.scratch, regular.scratch if regular else 0) + 64, dtype=self.xp.uint8)
        self.parameters = self._numbers(self.padded + len(self.untrained))
        self.gradients = self._numbers(self.padded)
        self.penalty = self._numbers(self.padded + 1, first=1)
        self.state = self._numbers(self.padded * max(1, self.states))
        self.totals, self.flags = self._numbers(2), self.xp.zeros(64, dtype=self.xp.uint8)
        self.made = 0  # steps since the numbers were loaded

    @property
    def roll(self) -> Rolled:
        """The program of a row, rolled."""
        return rolled(self.gradient)

    def _rolled(self, program: Program) -> Rolled:
        """A program with its parameters where all programs read them: others follow the vectors of trained ones."""
        if not self.untrained:
            return rolled(program)
        slots = {id(value): slot for slot, value in program.parameters.items()}
        laid = dict(list(program.parameters.items())[: self.count])
        filler = self.untrained[0]
        laid |= {-1 - k: filler for k in range(self.padded - self.count)}
        laid |= {slots.get(id(value), -1 - self.padded - k): value for k, value in enumerate(self.untrained)}
        return rolled(replace(program, parameters=laid))

    def _numbers(self, count: int, first: int = 0) -> Any:
        """So many zeros, of which the one at `first` lies where a line of the cache begins, as vectors are fastest."""
        size = 4 if self.target.dtype == "float32" else 8
        zeros = self.xp.zeros(count + 128 // size, dtype=self.target.dtype)
        start = -(zeros.ctypes.data // size + first) % (64 // size)
        return zeros[start : start + count]

    def holds(self) -> bool:
        """Whether the settings are still on the path that the update was traced on; only they may have branches."""
        _, _, _, *rest = self.update.inputs
        numbers = dict(zip(rest, settings_of(self.recipe.optimizer)[0], strict=False)) | self.update.literals
        return all(
            guard.left in numbers and guard.right in numbers and guard.holds(numbers)  # type: ignore[arg-type]
            for guard in self.update.guards
        )

    def load(self) -> None:
        """Take the numbers from where the user sees them."""
        numbers, trained = state_of(self.recipe.optimizer), self.recipe.optimizer.parameters
        self.parameters[: self.count] = self._narrow(numbers[: self.count], trained, "the parameter ")
        self.parameters[self.padded :] = self._narrow(data_of(self.untrained), self.untrained, "the parameter ")
        states = self.state.reshape((-1, self.padded))
        for k in range(self.states):
            column = numbers[self.count + k :: self.states]
            states[k, : self.count] = self._narrow(column, trained, "the state of parameter ")
        self.made = 0

    def _narrow(self, numbers: Sequence[float], values: Sequence[Value], what: str) -> Any:
        """Numbers in the dtype of the steps. Raises ValueError that says what it cannot hold, and of which Value."""
        try:
            return self.target.array(numbers)
        except TooLargeError as error:
            which = values[error.place].label or error.place if values else ""
            raise ValueError(f"{what}{which}: {error}") from None

    def commit(self) -> None:
        """Put the numbers of steps that were made where the user sees them."""
        if not self.made:  # what the user sees may be newer
            return
        numbers = self.numbers()
        made, self.made = self.made, 0
        commit(self.recipe.optimizer, iter(numbers), made)

    def finite(self) -> bool:
        """Whether all numbers are finite."""
        return all(bool(self.xp.isfinite(numbers).all()) for numbers in (self.parameters, self.state))

    def numbers(self) -> list[float]:
        """The parameters, then the states, as `state_of` gives them."""
        states = self.state.reshape((-1, self.padded))[: self.states, : self.count]
        return self.parameters[: self.count].tolist() + states.T.ravel().tolist()  # type: ignore[no-any-return]

    def rates(self, steps: int) -> Any:
        """The learning rates of so many steps, or of fewer where a schedule ends."""
        optimizer = self.recipe.optimizer
        if callable(optimizer.lr):
            return self._narrow(_rates(optimizer, optimizer.steps + self.made, steps), (), "the learning rate")
        return self.xp.full(steps, self._narrow([optimizer.rate()], (), "the learning rate")[0])

    def run(
        self, x: Any, rows: int, batch: int, first: int, rates: Any, error: float, threshold: float
    ) -> tuple[Any, list[float], float, bool]:
        """A step by each learning rate, on consecutive batches, from batch `first` of an epoch on. An epoch has so many
        rows of x; the next one has those that follow in x, or the same ones if none do.

        The losses of those that were made, the metric of each epoch that ended, the metric so far of the next, and
        whether a step was refused, since its rows are not all on this path.
        """
        xp, optimizer = self.xp, self.recipe.optimizer
        done, steps = optimizer.steps + self.made, len(rates)
        batches = -(-rows // batch)
        losses, metrics = self._numbers(steps), xp.zeros(steps // batches + 2)
        settings = self._narrow([*settings_of(optimizer)[0], 0.0], (), "a setting of the optimizer")
        counts = xp.asarray([rows, batch, first, self.vectors, rows if len(x) > rows else 0], dtype=xp.int64)
        told = xp.asarray([float(done), error, threshold, 0.0, 0.0])
        start = self.scratch.ctypes.data
        arrays = (
            x, self.parameters, self.state, self.gradients, self.penalty, losses, metrics, rates, settings, counts,
            told, self.flags, self.totals,
        )  # fmt: skip
        self.compiled.run(*(array.ctypes.data for array in arrays), start + -start % 64, steps)
        made = int(told[3])
        self.made += made
        ended = (first + made) // batches
        return losses[:made], metrics[:ended].tolist(), float(told[1]), bool(told[4])


def _rates(optimizer: Optimizer, done: int, steps: int) -> list[float]:
    """The learning rates of the next steps, as far as there are any: it is for the first one to raise."""
    rates = [optimizer.rate(done)]
    for k in range(1, steps):
        try:
            rates.append(optimizer.rate(done + k))
        except Exception:
            break
    return rates


def matrix(rows: Sequence[Row], target: Target) -> Any:
    """The rows as one array, a row after the other."""
    try:
        return target.namespace.ascontiguousarray(target.array(rows))
    except TooLargeError as error:
        raise RowError(error.place, error) from None

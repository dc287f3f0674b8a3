"""A training step as a pure function of arrays: (state, X, Y) -> (state, loss), for JAX to jit, shard and move.

The programs are those of any other step: the gradient of a row, summed over the rows, the regularizer's and the
optimizer's update, which here is elementwise on all parameters at once.
"""

from __future__ import annotations

import operator
from dataclasses import replace
from math import inf, prod
from typing import Any, NamedTuple

from ...autograd import primitives as table
from ...autograd.value import Value
from ...compiler.arguments import array_shape, data_of
from ...compiler.backends.array.functions import namespace
from ...compiler.backends.array.printer import Printer
from ...compiler.backends.array.rows import in_loops
from ...compiler.backends.array.sums import SumPrinter
from ...compiler.backends.identifiers import of_primitive
from ...compiler.program.program import Program
from ...compiler.single_precision import TooLargeError, in_range
from ...compiler.surroundings.surroundings import Known
from ...compiler.target import DTYPES, Target
from ...optim import check_state
from ...support.tabular import short
from .recipe import Recipe, Update, penalty, row_gradient
from .state import commit, is_as_wide, state_of

ON_ARRAYS = {
    "add": operator.add, "subtract": operator.sub, "multiply": operator.mul, "divide": operator.truediv,
    "negative": operator.neg,
}  # fmt: skip


class State(NamedTuple):
    """What a step changes: a vector of parameters, one for each number of the optimizer's state, the count of steps.

    JAX takes it for what it is, a tree of arrays.
    """

    parameters: Any
    states: Any
    steps: Any


class PureStep:
    """The function that `step.as_function()` gives. It changes nothing: the new state is in what it returns.

    `state()` is the state of the model and its optimizer now, and `restore(state)` puts one back into them.
    """

    def __init__(self, recipe: Recipe, target: Target) -> None:
        self.recipe, self.target = recipe, target
        if not hasattr(target.namespace, "asarray"):
            raise TypeError(f"namespace must be that of arrays, such as jax.numpy, but got {target.namespace!r}")
        if target.dtype not in DTYPES:
            raise ValueError(f"dtype must be 'float64' or 'float32', but got {target.dtype!r}")
        self.__name__ = f"step_of_{recipe.name}"
        check_state(recipe.optimizer)
        self._width = len(recipe.optimizer.held_state[0])
        # the recipe in given surroundings, and what was traced in them: the update, and by the shapes of rows
        self._known: Known[tuple[Recipe, dict[Any, Any]]] = Known(
            recipe.surroundings, lambda world: (replace(recipe, world=world), {})
        )
        self._update()  # what it cannot be is said now

    def _update(self) -> Update:
        """The update of a parameter, for the settings as they are."""
        recipe, traced = self._known.now()
        if Update not in traced or not traced[Update].holds():
            traced[Update] = Update(recipe)
            if obstacle := traced[Update].obstacle():
                raise TypeError(f"{obstacle}, which a function of arrays cannot follow")
        return traced[Update]  # type: ignore[no-any-return]

    def state(self) -> State:
        """The parameters, the optimizer's states and the count of its steps, as arrays."""
        numbers, count = state_of(self.recipe.optimizer), len(self.recipe.optimizer.parameters)
        if not is_as_wide(self.recipe.optimizer, self._width):
            raise ValueError(f"this step is of states of {self._width} numbers, but those of the optimizer have others")
        states = tuple([self.target.array(numbers[count + k :: self._width]) for k in range(self._width)])
        return State(self.target.array(numbers[:count]), states, self.target.array(float(self.recipe.optimizer.steps)))

    def restore(self, state: State) -> None:
        """Let the model and its optimizer be in a state. Raises ValueError for one that is not theirs."""
        optimizer = self.recipe.optimizer
        columns = [list(map(float, each)) for each in (state.parameters, *state.states)]
        count, steps = len(optimizer.parameters), float(state.steps)
        if [len(column) for column in columns] != [count] * (1 + self._width) or not 0 <= steps < inf:
            raise ValueError(
                f"a state of this step is a vector of {count} parameters, {self._width} of as many states, and a count "
                f"of steps, but got vectors of {[len(column) for column in columns]} and {steps:g} steps"
            )
        optimizer.state = [optimizer.initial_state] * count
        numbers = [*columns[0], *(number for row in zip(*columns[1:], strict=True) for number in row)]
        commit(optimizer, iter(numbers), int(steps) - optimizer.steps)

    def __call__(self, state: State, X: Any, Y: Any) -> tuple[State, Any]:
        """The state after one step down the gradient of the mean loss over the rows, and that loss, before it.

        A class that is none makes the loss nan, as a function of arrays cannot raise.
        """
        xp = self.target.namespace
        for name, given in (("X", X), ("Y", Y)):
            if len(getattr(given, "shape", ())) < 1 or not given.shape[0]:
                raise ValueError(f"{name} must be an array of one row or more, but got {short(given)}")
        rows, sides = X.shape[0], (tuple(X.shape[1:]), tuple(Y.shape[1:]))
        if Y.shape[0] != rows:
            raise ValueError(f"X has {rows} rows and Y {Y.shape[0]}: give one target for each row")
        of_rows, frozen, regular = self._programs(sides)
        dtype = state.parameters.dtype
        both = []
        for name, given, side in zip("XY", (X, Y), sides, strict=True):
            try:
                in_range(given, str(dtype))
            except TooLargeError as error:
                raise ValueError(f"row {error.place} of {name}: {error}") from None
            both.append(xp.reshape(xp.asarray(given, dtype=dtype), (rows, prod(side))))
        sums = of_rows(xp.concatenate(both, axis=1), self._all(state.parameters, frozen)) / rows
        loss, gradient = sums[0], sums[1:]
        if regular is not None:
            more = regular[0](xp.zeros((1, 0), dtype=dtype), self._all(state.parameters, regular[1]))[0][0]
            loss, gradient = loss + more[0], gradient + more[1:]
        update = self._update()
        numbers: dict[int, Any] = update.numbers() | {update.rate: self._rate(state.steps), update.step: state.steps}
        numbers |= {update.gradient: gradient, update.parameter: state.parameters}
        numbers |= zip(update.states, state.states, strict=True)
        new = [xp.broadcast_to(xp.asarray(n, dtype=dtype), gradient.shape) for n in _run(update.program, numbers, xp)]
        return State(new[0], tuple(new[1:]), state.steps + 1), loss

    def _rate(self, steps: Any) -> Any:
        """The learning rate of a step, which under jit is not known as a number."""
        optimizer = self.recipe.optimizer
        optimizer.check()
        if not callable(optimizer.lr):
            return optimizer.rate()
        try:
            step = int(steps)
        except TypeError:  # JAX's, while it traces
            try:
                return optimizer.lr(steps)
            except TypeError as error:
                raise TypeError(
                    "under jit the learning rate is computed from a traced step: write the schedule with jax.numpy, or "
                    "set optimizer.lr to a number"
                ) from error
        return optimizer.rate(step)

    def _all(self, parameters: Any, frozen: list[Value]) -> Any:
        """The trained parameters, and after them the Values that are read and not trained."""
        xp = self.target.namespace
        if not frozen:
            return parameters
        return xp.concatenate([parameters, xp.asarray(data_of(frozen), dtype=parameters.dtype)])

    def _programs(self, sides: tuple[Any, Any]) -> Any:
        """The sums over rows of these shapes, and the regularizer, each with the Values that it reads beside."""
        recipe, traced = self._known.now()
        if sides not in traced:
            count = sum(map(prod, sides))
            of_rows = self._compiled(SumPrinter, row_gradient(recipe, tuple(map(array_shape, sides)), [0.0] * count))
            regular = self._compiled(Printer, penalty(recipe)) if recipe.regularizer is not None else None
            traced[sides] = *of_rows, regular
        return traced[sides]

    def _compiled(self, printer: type[Printer], program: Program) -> tuple[Any, list[Value]]:
        """A program of arrays, and the Values that it reads and that are not trained. Raises TypeError for branches."""
        if program.guards:
            raise TypeError(
                f"{program.name} takes one of several paths at {program.guards[0].where}, and a function of arrays can "
                "follow but one: use tn.relu, tn.maximum and the like in place of `if`"
            )
        frozen = list(program.parameters.values())[len(self.recipe.optimizer.parameters) :]
        return printer(in_loops(program)).function(self.target.namespace, self.target.dtype), frozen


def _run(program: Program, numbers: dict[int, Any], xp: Any) -> list[Any]:
    """The outputs of a program on arrays, one instruction after the other, each elementwise."""
    single = all(getattr(number, "dtype", "float32") == "float32" for number in numbers.values())
    known: dict[str, Any] = ON_ARRAYS | namespace(program.instructions, xp, single)
    for entry in program.instructions:
        operands = [[numbers[s] for s in o] if isinstance(o, tuple) else numbers[o] for o in entry.operands]
        if entry.primitive is table.dot:
            ws, xs, total = operands
            for w, x in zip(ws, xs, strict=True):
                total = total + w * x
            numbers[entry.slot] = total
        else:
            columns = [
                xp.stack(xp.broadcast_arrays(*map(xp.asarray, o)), axis=-1) if isinstance(o, list) else o
                for o in operands
            ]
            numbers[entry.slot] = known[of_primitive(entry.primitive)](*columns)
    return [numbers[slot] for slot in program.outputs]

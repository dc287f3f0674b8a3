"""The mean loss over all rows and its gradient, at weights in one vector: a training step that moves nothing.

It is computed where training steps are: in machine code, in Python or on the recorded graph.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

from ...autograd.packs import StatesInArrays
from ...autograd.value import Value
from ...compiler.arguments import data_of
from ...compiler.backends.backend import for_steps
from ...compiler.target import Target
from ...optim import Optimizer, column_of
from ..steps.engines.engine import CANNOT
from ..steps.engines.native import NativeEngine, NativeSteps
from ..steps.rows import ArrayRows, Rows, matrix
from ..steps.several import are_several
from ..steps.step import Step, step_of
from ..steps.structure import known_optimizer


@known_optimizer
class Probe(Optimizer):
    """Leaves each parameter where it is, and has its gradient as state."""

    initial_state = (0.0,)
    state_names = ("gradient",)

    def update(self, parameter: Any, gradient: Any, state: Any, lr: Any, step: Any) -> tuple[Any, tuple[Any, ...]]:
        return parameter, (gradient,)


class Objective:
    """The mean of `loss` over the rows plus `regularizer(model)`, as a function of the parameters in one vector.

    Model, loss and regularizer are as `compile_step` takes them, and `rows` as `rows_of` gives them, arrays and lists
    alike. Weights and gradients are NumPy's vectors of one double for each of the `parameters`, in their order, which
    for a model's own is that of `model.parameters()`. Raises as `compile_step` does.
    """

    def __init__(
        self, model: Any, loss: Any, parameters: Sequence[Value], rows: Rows,
        regularizer: Callable[[Any], Any] | None = None, target: Target | None = None,
    ) -> None:  # fmt: skip
        try:
            import numpy
        except ImportError:
            raise ImportError(
                "weights in one vector are arrays of NumPy, which is not installed: pip install 'tinygrad_nn[fast]'"
            ) from None
        self.xp = numpy
        self.probe = Probe(parameters, lr=0.0)
        self.parameters: Any = self.probe.parameters
        self.step = step_of(model, loss, self.probe, regularizer, target or for_steps("auto", "float64"))
        shapes, given = rows
        if not (are_several(shapes) or isinstance(given, ArrayRows)):
            given = ArrayRows(matrix(given, Target("array")))
        self.rows: Rows = shapes, given

    def weights(self) -> Any:
        """The numbers of the parameters as they are, in a vector of their own."""
        return self.xp.array(data_of(self.parameters), dtype="float64")

    def put(self, weights: Any) -> None:
        """Let the parameters be these."""
        put_weights(self.parameters, weights)

    def value_and_gradient(self, weights: Any) -> tuple[float, Any]:
        """The value at these weights, which the parameters are from now on, and the gradient, a vector of its own."""
        self.put(self.xp.asarray(weights, dtype="float64"))
        value = self.step.on(self.rows)
        held: Any = self.probe.held_state
        if type(held) is StatesInArrays:
            return value, held.array[0, : held.count].copy()
        return value, self.xp.fromiter(chain.from_iterable(held), "float64", len(held))


def native_steps(step: Step, rows: Rows, batch: int) -> NativeSteps | None:
    """The steps in machine code on so many such rows, with the numbers as they are: for one who makes them himself and
    lets nothing change meanwhile. None where there are none, or where rows may take several paths."""
    engine = step.engine(None, rows[0])
    if not isinstance(engine, NativeEngine):
        return None
    try:
        engine.take()
        found = engine.ready(batch, rows[1])
    except CANNOT:
        return None
    return None if found.text.branches else found


def put_weights(parameters: list[Value], weights: Any) -> None:
    """Let the parameters be the numbers of a vector."""
    column = column_of(parameters)
    if (pack := column.in_pack()) is not None and weights.dtype == "float64" and weights.flags.c_contiguous:
        pack.numbers[column.place : column.place + len(parameters)] = memoryview(weights)
        pack.version += 1
    elif not column.put(numbers := weights.tolist()):
        for parameter, number in zip(parameters, numbers, strict=True):
            parameter.data = number

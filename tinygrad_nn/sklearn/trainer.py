"""A network with its compiled step, trained by one fit after another: tracing takes longer than most fits do.

The updates of its optimizers are scikit-learn's, to the order of their operations.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

import numpy as np

from .. import losses
from ..autograd import primitives as table
from ..autograd.value import Value
from ..compiler.arguments import data_of
from ..compiler.backends.backend import for_steps
from ..compiler.backends.llvm.engine import register_bytes
from ..functional import detach, dot, sum
from ..nn.layers import MLP
from ..optim import SGD, Adam
from ..support.decorators import uncollected
from ..training.at_weights.objective import native_steps, put_weights
from ..training.steps.engines.native import NativeSteps
from ..training.steps.engines.native_text import LOADED
from ..training.steps.rows import ArrayRows, Rows
from ..training.steps.step import compile_step
from ..training.steps.structure import KeyAndValues, Structured, known_optimizer

FAST = find_spec("llvmlite") is not None  # whether there is machine code, which alone has single precision
if FAST:  # with what else is imported, so that no first fit waits for it
    for_steps("auto", "float64")
    register_bytes()
    LOADED.sources()


class Trainer:
    """A network of one architecture with its compiled step, for one fit after another.

    `penalty` is the factor of the squared weights; rows are inputs, the target's numbers and, if `weighted`, the row's
    weight. Numbers of the network are a vector here: of each neuron its weights, and then its bias.
    """

    @uncollected
    def __init__(
        self, sizes: tuple[int, ...], activation: Any, loss: Any, solver: str, weighted: bool, dtype: str
    ) -> None:
        self.busy = threading.Lock()
        self.model = MLP(sizes[0], sizes[1:], activation, init=lambda rng: 0.0)  # until a fit begins
        neurons = [neuron for layer in self.model.layers for neuron in layer.neurons]
        parameters = [parameter for neuron in neurons for parameter in (*neuron.weights, neuron.bias)]
        self.optimizer: Any = Moments(parameters) if solver == "adam" else Momentum(parameters, 0.1)
        self.penalty = Value(0.0)
        of_row = RowLoss(loss, sizes[-1], weighted) if isinstance(loss, str) else own_loss(loss, weighted)
        self.step = compile_step(self.model, of_row, self.optimizer, SquaredWeights(self.penalty), dtype=dtype)
        self.native: NativeSteps | None = None  # the steps in machine code, while they are made one by one

    def begin(self, weights: Any, state: Any, steps: int, penalty: float) -> None:
        """Let the network have these weights, and the optimizer this state: a row for each of its numbers, or None."""
        self.native = None
        optimizer = self.optimizer
        put_weights(optimizer.parameters, weights.astype(np.float64))
        rows = [optimizer.initial_state] * len(weights)
        optimizer.state = rows if state is None else list(map(tuple, state.T.astype(np.float64).tolist()))
        optimizer.steps, self.penalty.data = steps, float(penalty)

    def begin_steps(self, rows: Rows, batch: int, weights: Any, state: Any, steps: int) -> None:
        """The same for steps on such rows that are made `one` by one, each with a penalty of its own."""
        self.native, self.shapes = native_steps(self.step, rows, batch), rows[0]
        if self.native is None:
            self.begin(weights, state, steps, 0.0)
            return
        arrays, count = self.native.arrays, len(weights)
        parameters, states, _ = arrays.kept()
        parameters[:count], states[:, :count] = weights, 0.0 if state is None else state
        arrays.back((parameters, states, steps))
        self._factor = arrays.padded + next(k for k, value in enumerate(arrays.untrained) if value is self.penalty)

    def one(self, x: Any, penalty: float) -> float:
        """A step on rows and their targets in one array; the loss before it."""
        if self.native is None:
            self.penalty.data = penalty
            return self.step.on((self.shapes, ArrayRows(np.asarray(x, dtype=np.float64))))
        self.native.arrays.parameters[self._factor] = penalty
        return self.native.one(x)  # type: ignore[return-value]

    def weights(self) -> Any:
        """The weights as they are."""
        if self.native is not None:
            return self.native.arrays.parameters[: len(self.optimizer.parameters)].astype(np.float64)
        return np.array(data_of(self.optimizer.parameters))

    def state(self) -> Any:
        """The state of the optimizer, a row for each of its numbers."""
        if self.native is not None:
            return self.native.arrays.state[:, : len(self.optimizer.parameters)].astype(np.float64)
        return np.array(list(self.optimizer.held_state)).T

    def end(self) -> None:
        """The steps that were made one by one are over."""
        if self.native is not None:
            self.native.arrays.commit()
            self.native = None


trainer_of = lru_cache(maxsize=8)(Trainer)


class RowLoss(Structured):
    """A loss of scikit-learn's by its name, of a row with its target: a number, or the list of its numbers.

    A target ends with the row's weight if `weighted`, before which it has, of Poisson's loss, what that takes of it
    alone.
    """

    __slots__ = ("_name", "_outputs", "_weighted")

    def __init__(self, name: str, outputs: int, weighted: bool) -> None:
        self._name, self._outputs, self._weighted = name, outputs, weighted

    def structure(self) -> KeyAndValues:
        return (self._name, self._outputs, self._weighted), []

    def __call__(self, prediction: Any, target: Any) -> Any:
        loss = OF_ROW.get(self._name) or losses.named(self._name)
        if not self._weighted:
            return loss(prediction, target)
        return target[-1] * loss(prediction, target[0] if len(target) == 2 else target[:-1])


def own_loss(loss: Callable[[Any, Any], Any], weighted: bool) -> Callable[[Any, Any], Any]:
    """A loss of the user's own, times the weight that the target ends with if `weighted`."""
    if not weighted:
        return loss
    return lambda prediction, target: target[-1] * loss(prediction, target[0] if len(target) == 2 else target[:-1])


def each_output(outputs: Any) -> list[Any]:
    """The outputs of a network as a list, of one too."""
    return list(outputs) if isinstance(outputs, list | tuple) else [outputs]


def log_loss(prediction: Any, target: Any) -> Any:
    """The binary cross-entropy of logits, summed over the outputs."""
    return float(len(each_output(prediction))) * losses.binary_cross_entropy_with_logits(prediction, target)


def half_squared_error(prediction: Any, target: Any) -> Any:
    """Half the mean of (prediction - target)**2, which is descended as steeply as half the sum is."""
    outputs = float(len(each_output(prediction)))
    half = 0.5 * outputs * losses.squared_error(prediction, target)
    return half - (1.0 - 1.0 / outputs) * detach(half) if outputs > 1.0 else half


def half_squared_sum(prediction: Any, target: Any) -> Any:
    """Half the sum of (prediction - target)**2."""
    return 0.5 * float(len(each_output(prediction))) * losses.squared_error(prediction, target)


def poisson(prediction: Any, target: Any) -> Any:
    """exp(z) - y z of the logarithms z of what is predicted, and what y alone adds, which the target ends with."""
    *wanted, constant = target
    return sum([table.exp(z) - y * z for z, y in zip(each_output(prediction), wanted, strict=True)]) + constant


OF_ROW: dict[str, Callable[[Any, Any], Any]] = {
    "log_loss": log_loss,
    "squared_error": half_squared_error,
    "squared_sum": half_squared_sum,
    "poisson": poisson,
}


class SquaredWeights(Structured):
    """The sum of the squares of all weights of a network, without its biases, times a factor that is a Value."""

    __slots__ = ("_factor",)

    def __init__(self, factor: Value) -> None:
        self._factor = factor

    def structure(self) -> KeyAndValues:
        return (), [self._factor]

    def __call__(self, model: MLP) -> Any:
        weights = [weight for layer in model.layers for neuron in layer.neurons for weight in neuron.weights]
        return self._factor * dot(weights, weights)


@known_optimizer
class Momentum(SGD):
    """SGD whose velocity has the learning rate in it, with a momentum from 0 to 1."""

    def check(self) -> None:
        """Leave the momentum as it is, which scikit-learn has looked at."""

    def update(self, parameter: Any, gradient: Any, state: Any, lr: Any, step: Any) -> tuple[Any, Any]:
        """v = momentum v - lr g, p = p + v, or with `nesterov` p = p + momentum v - lr g."""
        (velocity,) = state
        velocity = self.momentum * velocity - lr * gradient
        return parameter + (self.momentum * velocity - lr * gradient if self.nesterov else velocity), (velocity,)


@known_optimizer
class Moments(Adam):
    """Adam with the start of its means corrected in the learning rate, so that epsilon is not."""

    def update(self, parameter: Any, gradient: Any, state: Any, lr: Any, step: Any) -> tuple[Any, Any]:
        """p = p - lr sqrt(1 - beta2**t) / (1 - beta1**t) m / (sqrt(v) + epsilon)."""
        (mean, square), (beta1, beta2) = state, self.betas
        mean = beta1 * mean + (1.0 - beta1) * gradient
        square = beta2 * square + (1.0 - beta2) * (gradient * gradient)
        unseen = table.divide(table.sqrt(1.0 - table.power(beta2, step + 1.0)), 1.0 - table.power(beta1, step + 1.0))
        return parameter - table.divide(lr * unseen * mean, table.sqrt(square) + self.epsilon), (mean, square)

"""A network with its compiled step, trained by one fit after another; and what a fit begins and ends with."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from itertools import pairwise
from typing import Any

import numpy as np

from .. import losses
from ..autograd.value import Value
from ..functional import dot
from ..nn.activations import ACTIVATIONS
from ..nn.layers import MLP
from ..optim import SGD, Adam
from ..support.checks import MOST, checked_choice, checked_count, checked_finite, checked_switch
from ..support.decorators import uncollected
from ..training.history import History
from ..training.steps.rows import OrdersAsArrays
from ..training.steps.step import compile_step
from ..training.steps.structure import KeyAndValues, Structured, known_optimizer
from ..training.steps.watch import Watch

FAST = find_spec("llvmlite") is not None  # whether there is machine code, which alone has single precision
RENAMED = {"identity": "linear", "logistic": "sigmoid"}  # by scikit-learn's names; others are the library's own


class Trainer:
    """A network of one architecture with its compiled step, for one fit after another: tracing takes longer than most.

    `penalty` is the factor of the squared weights; rows are inputs, the target and, if `weighted`, the row's weight.
    """

    @uncollected
    def __init__(
        self, sizes: tuple[int, ...], activation: str, loss: str, solver: str, weighted: bool, dtype: str
    ) -> None:
        self.busy = threading.Lock()
        self.model = MLP(sizes[0], sizes[1:], activation, init=lambda rng: 0.0)  # until a fit begins
        neurons = [neuron for layer in self.model.layers for neuron in layer.neurons]
        parameters = [parameter for neuron in neurons for parameter in (*neuron.weights, neuron.bias)]
        self.optimizer: Any = Adam(parameters) if solver == "adam" else Momentum(parameters, 0.1, 0.9, nesterov=True)
        self.penalty = Value(0.0)
        squares = SquaredWeights(self.penalty)
        self.step = compile_step(self.model, RowLoss(loss, weighted), self.optimizer, squares, dtype=dtype)


class RowLoss(Structured):
    """The loss of a row by its name; if `weighted`, times the weight that the target ends with."""

    __slots__ = ("_name", "_weighted")

    def __init__(self, name: str, weighted: bool) -> None:
        self._name, self._weighted = name, weighted

    def structure(self) -> KeyAndValues:
        return (self._name, self._weighted), []

    def __call__(self, prediction: Any, target: Any) -> Any:
        of_row = half_squared_error if self._name == "half_squared_error" else losses.named(self._name)
        if not self._weighted:
            return of_row(prediction, target)
        wanted = target[0] if len(target) == 2 else target[:-1]
        return target[-1] * of_row(prediction, wanted)


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
    """SGD with a momentum of 1 at most, as scikit-learn has it: `check_parameters` has looked at it."""

    def check(self) -> None:
        """Leave the momentum as it is."""


def half_squared_error(prediction: Any, target: Any) -> Any:
    """Half the mean of (prediction - target)**2."""
    return 0.5 * losses.squared_error(prediction, target)


trainer_of = lru_cache(maxsize=8)(Trainer)


class Patience(Watch):
    """Ends a run whose loss no longer gets better by `tol`, as scikit-learn does."""

    looks = False

    def __init__(self, tol: float, patience: float) -> None:
        self.tol, self.patience = tol, patience
        self.best, self.stale = np.inf, 0
        self.losses: list[float] = []  # of each epoch: a history of many keeps some

    @property
    def ahead(self) -> int:
        return MOST if self.patience == np.inf else int(self.patience) + 1 - self.stale

    def verdict(self, history: History, losses: Sequence[float]) -> str:
        for loss in losses:
            self.stale = self.stale + 1 if loss > self.best - self.tol else 0
            self.best = min(self.best, loss)
        self.losses += losses
        return "patience" if self.stale > self.patience else ""


class Shuffle(OrdersAsArrays):
    """The orders of epochs, drawn by a generator of NumPy's."""

    def __init__(self, generator: Any, count: int) -> None:
        super().__init__(0)
        self.generator, self.last = generator, np.arange(count)

    def order(self, count: int) -> Any:
        """The order of the epoch before, permuted again, as scikit-learn does."""
        self.last = self.last[self.generator.permutation(count)]
        return self.last

    def shuffle(self, places: Any) -> None:
        """The same for a list of the places of all rows."""
        places[:] = self.order(len(places)).tolist()


def initial(sizes: tuple[int, ...], generator: Any, factor: float) -> tuple[list[Any], list[Any]]:
    """Matrices and biases drawn for each layer, uniformly within sqrt(factor / (n_inputs + n_outputs))."""
    coefs, intercepts = [], []
    for n_inputs, n_outputs in pairwise(sizes):
        bound = np.sqrt(factor / (n_inputs + n_outputs))
        coefs.append(generator.uniform(-bound, bound, (n_inputs, n_outputs)))
        intercepts.append(generator.uniform(-bound, bound, n_outputs))
    return coefs, intercepts


def weights_of(model: MLP) -> tuple[list[Any], list[Any]]:
    """The weights of each layer as a matrix of a row for each input, and the biases."""
    coefs = [np.array([[w.data for w in neuron.weights] for neuron in layer.neurons]).T for layer in model.layers]
    return coefs, [np.array([neuron.bias.data for neuron in layer.neurons]) for layer in model.layers]


def check_parameters(estimator: Any, hidden: Sequence[Any]) -> None:
    """Raise ValueError or TypeError for a parameter that makes no sense."""
    checked_choice("activation", estimator.activation, [*RENAMED, *ACTIVATIONS])
    checked_choice("solver", estimator.solver, ("adam", "sgd"))
    checked_choice("dtype", estimator.dtype, ("auto", "float64", "float32"))
    for name in ("shuffle", "nesterovs_momentum"):
        checked_switch(name, getattr(estimator, name))
    if estimator.dtype == "float32" and not FAST:
        raise ValueError("dtype 'float32' needs llvmlite, which is not installed: pip install 'tinygrad_nn[sklearn]'")
    for size in hidden:
        checked_count("hidden_layer_sizes", size)
    if not (isinstance(estimator.batch_size, str) and estimator.batch_size == "auto"):
        checked_count("batch_size", estimator.batch_size)
    checked_count("max_iter", estimator.max_iter)
    if not (isinstance(estimator.n_iter_no_change, float) and estimator.n_iter_no_change == np.inf):
        checked_count("n_iter_no_change", estimator.n_iter_no_change)
    for name in ("alpha", "tol", "learning_rate_init"):
        checked_finite(name, getattr(estimator, name), least=0.0)
    if checked_finite("momentum", estimator.momentum, least=0.0) > 1.0:
        raise ValueError(f"momentum must be from 0 to 1, but got {estimator.momentum!r}")
    if not estimator.learning_rate_init > 0.0:
        raise ValueError(f"learning_rate_init must be above 0, but got {estimator.learning_rate_init!r}")

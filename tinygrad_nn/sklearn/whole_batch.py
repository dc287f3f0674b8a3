"""Fits by L-BFGS: SciPy's, of the compiled loss of all rows and its gradient."""

from __future__ import annotations

import threading
from functools import lru_cache
from time import perf_counter
from typing import Any

import numpy as np
from scipy.optimize import minimize

from ..autograd.value import Value
from ..nn.layers import MLP
from ..support.decorators import uncollected
from ..training.at_weights.objective import Objective
from ..training.history import History
from ..training.steps.rows import Rows
from .trainer import RowLoss, SquaredWeights, own_loss


class WholeBatch:
    """A network of one architecture, with the loss of all rows as a function of its weights, for one fit after another.

    Rows and weights are as a Trainer has them.
    """

    @uncollected
    def __init__(self, sizes: tuple[int, ...], activation: Any, loss: Any, weighted: bool) -> None:
        self.busy, self.penalty = threading.Lock(), Value(0.0)
        self.model = MLP(sizes[0], sizes[1:], activation, init=lambda rng: 0.0)
        neurons = [neuron for layer in self.model.layers for neuron in layer.neurons]
        self.parameters = [parameter for neuron in neurons for parameter in (*neuron.weights, neuron.bias)]
        self.of_row = RowLoss(loss, sizes[-1], weighted) if isinstance(loss, str) else own_loss(loss, weighted)
        self.objective: Objective | None = None

    def on(self, rows: Rows, penalty: float) -> Objective:
        """The loss of these rows."""
        self.penalty.data = penalty
        if self.objective is None:
            self.objective = Objective(self.model, self.of_row, self.parameters, rows, SquaredWeights(self.penalty))
        self.objective.rows = rows
        return self.objective


whole_batch_of = lru_cache(maxsize=8)(WholeBatch)


def descend(objective: Objective, weights: Any, estimator: Any, looks: Any) -> tuple[Any, float, int, str, History]:
    """The weights where it ends, their loss, how many iterations, why it did not converge or "", and the History."""
    history, began, found = History(), perf_counter(), [np.nan]

    def value_and_gradient(x: Any) -> tuple[float, Any]:
        found[0], gradient = objective.value_and_gradient(x)
        return found[0], gradient

    def told(x: Any) -> None:
        iteration, metrics = history.epochs[-1] + 1 if history.epochs else 1, None if looks is None else looks(x)[1]
        history.record(iteration, found[0], perf_counter() - began, metrics)
        if estimator.verbose:
            print(f"Iteration {history.epochs[-1]}, loss = {found[0]:.8f}")

    limits = {"maxfun": estimator.max_fun, "maxiter": estimator.max_iter, "gtol": estimator.tol}
    result = minimize(value_and_gradient, weights, method="L-BFGS-B", jac=True, options=limits, callback=told)
    objective.rows = objective.rows[0], ()  # which may be many
    iterations = min(int(result.nit), estimator.max_iter)
    history.stopped = "" if result.success else "epochs"
    return result.x, float(result.fun), iterations, "" if result.success else str(result.message), history

"""Fits on all rows at once: SciPy's L-BFGS, of the compiled loss and its gradient, and Levenberg-Marquardt, of the
compiled residuals and their Jacobian."""

from __future__ import annotations

import threading
from functools import lru_cache, partial
from time import perf_counter
from typing import Any

import numpy as np
from scipy.optimize import minimize

from ..autograd.value import Value
from ..nn.layers import MLP
from ..support.decorators import uncollected
from ..training.at_weights.objective import Objective
from ..training.at_weights.residuals import Residuals
from ..training.history import History
from ..training.minimizing.methods import levenberg_marquardt
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


def descend(objective: Objective, start: Any, estimator: Any, looks: Any) -> tuple[Any, float, str, History]:
    """The weights where the estimator's solver ends, their loss, why it did not converge or "", and the History."""
    history = History()
    epoch = partial(_record, history, perf_counter(), estimator.verbose, looks)
    method = _lbfgs if estimator.solver == "lbfgs" else _least_squares
    try:
        end, value, why = method(objective, start, estimator, epoch)
    finally:
        objective.rows = objective.rows[0], ()  # which may be many
    history.stopped = "epochs" if why else ""
    return end, value, why, history


def _record(history: History, began: float, verbose: Any, looks: Any, weights: Any, loss: float) -> None:
    """Let a history have an epoch that ended at these weights."""
    epoch = history.epochs[-1] + 1 if history.epochs else 1
    history.record(epoch, loss, perf_counter() - began, None if looks is None else looks(weights)[1])
    if verbose:
        print(f"Iteration {epoch}, loss = {loss:.8f}")


def _lbfgs(objective: Objective, start: Any, estimator: Any, epoch: Any) -> tuple[Any, float, str]:
    found = [np.nan]

    def value_and_gradient(x: Any) -> tuple[float, Any]:
        found[0], gradient = objective.value_and_gradient(x)
        return found[0], gradient

    limits = {"maxfun": estimator.max_fun, "maxiter": estimator.max_iter, "gtol": estimator.tol}
    result = minimize(
        value_and_gradient, start, method="L-BFGS-B", jac=True, options=limits, callback=lambda x: epoch(x, found[0])
    )
    return result.x, float(result.fun), "" if result.success else str(result.message)


def _least_squares(objective: Objective, start: Any, estimator: Any, epoch: Any) -> tuple[Any, float, str]:
    latest = start.astype(np.float64), np.nan
    count = 0

    def told(weights: Any, loss: float) -> bool:
        nonlocal latest, count
        latest, count = (weights, loss), count + 1
        epoch(weights, loss)
        return False

    try:
        residuals = Residuals(objective.step.recipe, objective.rows, objective.step.target)
        levenberg_marquardt(residuals, latest[0], estimator.max_iter, estimator.tol, told)
    except ValueError as error:
        raise ValueError(str(error).replace("method=", "solver=")) from None
    if not count:  # it begins at a minimum
        latest = start, objective.value_and_gradient(start)[0]
    return *latest, "the loss was still getting better by more than tol" if count == estimator.max_iter else ""

"""Fits on all rows at once: L-BFGS, of the compiled loss and its gradient, and Levenberg-Marquardt, of the compiled
residuals and their Jacobian."""

from __future__ import annotations

import threading
from functools import lru_cache, partial
from time import perf_counter
from typing import Any

import numpy as np

from ..autograd.value import Value
from ..nn.layers import MLP
from ..support.decorators import uncollected
from ..training.at_weights.objective import Objective
from ..training.at_weights.residuals import Residuals
from ..training.history import History
from ..training.minimizing.limited_memory import Limits
from ..training.minimizing.methods import levenberg_marquardt
from ..training.minimizing.native_descent import descent_of
from ..training.steps.rows import Rows
from .trainer import RowLoss, SquaredWeights, own_loss

LOWERED = 1e7 * 2.0**-52  # by which an epoch of L-BFGS must lower the loss, in units of the loss, as in SciPy
WORK = 20_000_000  # products of a row's number and a weight, which take some milliseconds: Ctrl-C is heard after them


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


def _record(history: History, began: float, verbose: Any, looks: Any, weights: Any, losses: list[float]) -> None:
    """Let a history have epochs of these losses, the last of which ended at these weights."""
    before, start = (history.epochs[-1], history.times[-1]) if history.epochs else (0, 0.0)
    epochs, each = history.wanted(before + 1, before + len(losses)), (perf_counter() - began - start) / len(losses)
    metrics = {} if looks is None else {name: [number] for name, number in looks(weights)[1].items()}
    times = [start + each * (epoch - before) for epoch in epochs]
    history.extend(epochs, [losses[epoch - before - 1] for epoch in epochs], times, metrics)
    if verbose:
        print(f"Iteration {epochs[-1]}, loss = {losses[-1]:.8f}")


def _lbfgs(objective: Objective, start: Any, estimator: Any, epoch: Any) -> tuple[Any, float, str]:
    descent, count = descent_of(objective, alone=True), len(start)
    descent.x[:count] = start
    each = estimator.verbose or len(estimator.metrics)
    at_once = 1 if each else max(1, WORK // (count * len(objective.rows[1])))
    limits = Limits(estimator.max_iter, estimator.max_fun, estimator.tol, LOWERED)
    why = descent.go(limits, at_once, lambda losses, weights: epoch(weights[:count].copy(), losses))
    return descent.x[:count].copy(), descent.value, why


def _least_squares(objective: Objective, start: Any, estimator: Any, epoch: Any) -> tuple[Any, float, str]:
    latest = start.astype(np.float64), np.nan
    count = 0

    def told(weights: Any, loss: float) -> bool:
        nonlocal latest, count
        latest, count = (weights, loss), count + 1
        epoch(weights, [loss])
        return False

    try:
        residuals = Residuals(objective.step.recipe, objective.rows, objective.step.target)
        levenberg_marquardt(residuals, latest[0], estimator.max_iter, estimator.tol, told)
    except ValueError as error:
        raise ValueError(str(error).replace("method=", "solver=")) from None
    if not count:  # it begins at a minimum
        latest = start, objective.value_and_gradient(start)[0]
    return *latest, "the loss was still getting better by more than tol" if count == estimator.max_iter else ""

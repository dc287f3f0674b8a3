"""Methods that go to a minimum by what they know beside the slope: L-BFGS, which is SciPy's, and Levenberg-Marquardt.

Each is a function of what it minimizes, of the weights to begin at, of how many epochs there may be and of a tolerance;
it tells of every epoch, and whoever is told may end it by raising.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from math import inf, isfinite, nan
from typing import Any

from ..at_weights.objective import Objective
from ..at_weights.residuals import Residuals

AfterEpoch = Callable[
    [Any, float], bool
]  # of the weights after an epoch, and of their loss; whether that may be another now

LEAST_DAMPING, MOST_DAMPING = 1e-15, 1e15  # past which no step is too short to lower the loss, or long enough
FIRST = 0.03  # damping: nearly a step of Gauss and Newton, but none that drives units to their ends at once
EVALUATIONS = 20  # of an epoch of L-BFGS, on the average


def lbfgs(objective: Objective, weights: Any, epochs: int, tolerance: float, told: AfterEpoch) -> None:
    """L-BFGS (Liu & Nocedal, 1989), as SciPy has it, with a line search for the length of each step.

    It is over when an epoch lowers the loss by less than the tolerance times the loss, or where no slope is steeper
    than the tolerance or no step along the line lowers the loss.
    """
    try:
        from scipy.optimize import minimize
    except ImportError:
        raise ImportError(
            "method 'lbfgs' is SciPy's, which is not installed: pip install 'tinygrad_nn[sklearn]', or take "
            "method='lm' for a loss that is a sum of squares"
        ) from None
    latest, before = inf, inf

    def at(found: Any) -> tuple[float, Any]:
        nonlocal latest
        first = latest == inf
        latest, gradient = objective.value_and_gradient(found)
        return checked(latest) if first else latest, gradient

    def callback(xk: Any) -> None:  # whose argument SciPy knows by its name
        nonlocal before
        if not isfinite(latest):
            raise StopIteration
        told(xk.copy(), latest)
        if not before - latest > tolerance * latest:
            raise StopIteration
        before = latest

    limits = {"maxiter": epochs, "maxfun": EVALUATIONS * (epochs + 1), "ftol": 0.0, "gtol": tolerance}
    with suppress(StopIteration):  # which SciPy takes for an end from 1.11 on
        minimize(at, weights, jac=True, method="L-BFGS-B", callback=callback, options=limits)


def levenberg_marquardt(residuals: Residuals, weights: Any, epochs: int, tolerance: float, told: AfterEpoch) -> None:
    """Levenberg-Marquardt (Marquardt, 1963; for networks Hagan & Menhaj, 1994) for residuals r with the Jacobian J.

    The step d is that of least |r + J d|^2 + damping |D d|^2. Marquardt's D^2 are the diagonals of J'J, the largest so
    far (More, 1978), with which a weight of little effect goes far; Levenberg's (1944) are one number, with which one
    of great effect is all that moves. These are their geometric means, which on small networks end lower than either.
    The damping follows how much of the gain that was promised each step had (Nielsen, 1999), which of the rules that
    are usual takes the fewest evaluations. It is over when an epoch lowers r . r by less than the tolerance times that,
    or where no step lowers it.
    """
    from numpy import errstate, maximum, sqrt, where
    from numpy.linalg import LinAlgError, solve

    found = residuals.at(weights)
    with errstate(all="ignore"):
        loss = checked(float(found[:, 0] @ found[:, 0]))
    damping, growth, scales, n = FIRST, 2.0, 0.0, len(weights)
    for _ in range(epochs):
        with errstate(all="ignore"):
            products = found.T @ found  # of r and of J: one product, which knows that it is symmetric
            downhill, normal = -products[0, 1:], products[1:, 1:]
            scales = maximum(scales, normal.diagonal())
            damped = where(scales > 0.0, sqrt(scales) * sqrt(scales.max(initial=0.0)), 1.0)
            while True:
                added, matrix = damping * damped, normal.copy()
                matrix.reshape(-1)[:: n + 1] += added
                try:
                    step = solve(matrix, downhill)
                except LinAlgError:
                    step = downhill * nan  # which lowers nothing
                after = residuals.at(moved := weights + step)
                if (there := float(after[:, 0] @ after[:, 0])) < loss:
                    break
                damping, growth = damping * growth, 2.0 * growth
                if not damping < MOST_DAMPING:
                    return
            promised = float(step @ (added * step + downhill))
        gain = (loss - there) / promised if promised > 0.0 else 1.0
        damping, growth = max(LEAST_DAMPING, damping * max(1.0 / 3.0, 1.0 - (2.0 * gain - 1.0) ** 3)), 2.0
        lowered, weights, found, loss = loss - there, moved, after, there
        if told(weights, loss):
            found = residuals.at(weights)
            with errstate(all="ignore"):
                lowered, loss = inf, float(found[:, 0] @ found[:, 0])
        if not lowered > tolerance * loss:
            return


def checked(loss: float) -> float:
    """The loss where a method begins. Raises ValueError for one that is not finite."""
    if not isfinite(loss):
        raise ValueError(f"the loss is {loss} at the weights as they are: begin at others, or scale X and Y")
    return loss


METHODS = ("lbfgs", "lm")

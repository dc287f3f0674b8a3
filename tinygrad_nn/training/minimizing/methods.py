"""Methods that go to a minimum by what they know beside the slope: L-BFGS and Levenberg-Marquardt.

Each is a function of what it minimizes, of the weights to begin at, of how many epochs there may be and of a tolerance;
it tells of every epoch, and whoever is told may end it by raising.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from math import inf, nan
from typing import Any

from ..at_weights.residuals import Residuals
from .limited_memory import LimitedMemory, Limits, checked

AfterEpoch = Callable[
    [Any, float], bool
]  # of the weights after an epoch, and of their loss; whether that may be another now

LEAST_DAMPING, MOST_DAMPING = 1e-15, 1e15  # past which no step is too short to lower the loss, or long enough
FIRST = 0.03  # damping: nearly a step of Gauss and Newton, but none that drives units to their ends at once
EVALUATIONS = 20  # of an epoch of L-BFGS, on the average


def lbfgs(descent: LimitedMemory, weights: Any, epochs: int, tolerance: float, told: AfterEpoch) -> None:
    """L-BFGS (Liu & Nocedal, 1989), with a line search for the length of each step.

    It is over when an epoch lowers the loss by less than the tolerance times the loss, or where no slope is steeper
    than the tolerance or no step along the line lowers the loss.
    """
    count, before = len(weights), inf
    descent.x[:count] = weights

    def after(losses: list[float], found: Any) -> None:
        nonlocal before
        told(found[:count].copy(), losses[-1])
        if not before - losses[-1] > tolerance * losses[-1]:
            raise StopIteration
        before = losses[-1]

    with suppress(StopIteration):
        descent.go(Limits(epochs, EVALUATIONS * (epochs + 1), tolerance, 0.0), 1, after)


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
            roots = sqrt(scales)
            damped = where(scales > 0.0, roots * roots.max(initial=0.0), 1.0)
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
        damping, growth = max(LEAST_DAMPING, damping * max(0.2, 1.0 - 2.0 * (2.0 * gain - 1.0) ** 3)), 2.0
        lowered, weights, found, loss = loss - there, moved, after, there
        if told(weights, loss):
            found = residuals.at(weights)
            with errstate(all="ignore"):
                lowered, loss = inf, float(found[:, 0] @ found[:, 0])
        if not lowered > tolerance * loss:
            return


METHODS = ("lbfgs", "lm")

"""L-BFGS (Liu & Nocedal, 1989): down a loss by what the latest steps say of its curvature.

Its steps are those of L-BFGS-B (Zhu, Byrd, Lu & Nocedal, 1997) without bounds, and it ends where SciPy's does. What it
knows stands in arrays, so that machine code can make most of its iterations (`ahead`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from typing import Any

from .line_search import LONGEST_STEP, LineSearch

PAIRS = 10  # steps that are remembered
TRIES = 20  # lengths of one step
EPSILON = 2.0**-52
NO_LOWER = "no step along the line lowers the loss"
AfterEpochs = Callable[[list[float], Any], object]  # of the losses of epochs that ended, and the weights after the last


@dataclass(frozen=True)
class Limits:
    """What ends a descent: so many epochs, more losses than these, a gradient without a number above `steepest`, or an
    epoch that lowers the loss by no more than `lowered` times the loss, or times 1 where that is more."""

    epochs: int
    evaluations: int
    steepest: float
    lowered: float

    def met(self, descent: LimitedMemory) -> str | None:
        """Why a descent ends before it is at the bottom, or ""; None where it goes on."""
        if descent.epochs >= self.epochs:
            return "it made as many iterations as it may"
        if descent.evaluations > self.evaluations:
            return "it asked for as many losses as it may"
        before, value = descent.before, descent.value
        level = before - value <= self.lowered * max(abs(before), abs(value), 1.0)
        return "" if level or descent.steepest() <= self.steepest else None


class LimitedMemory:
    """A descent: where it is, and the latest steps with what the gradient changed by along each.

    `evaluate(x, gradient)` gives the loss at x, and puts the gradient there into the other; it is given these alone.
    """

    def __init__(self, xp: Any, x: Any, gradient: Any, evaluate: Callable[[Any, Any], float]) -> None:
        self.xp, self.x, self.gradient, self.evaluate = xp, x, gradient, evaluate
        self.x_before, self.gradient_before, self.direction = (self.zeros(len(x)) for _ in range(3))
        self.steps, self.changes = (self.zeros(PAIRS * len(x)).reshape(PAIRS, -1) for _ in range(2))
        self.inverses = self.zeros(PAIRS)  # of the products of a step and its change
        self.first = self.kept = 0  # where the oldest pair is, and how many there are
        self.scale = 1.0  # of steps along which no curvature is known
        self.value = self.before = self.slope = 0.0  # here, before the step to here, and along the direction
        self.epochs = self.evaluations = 0
        self.refused: tuple[float, float] | None = None  # value and slope at a first try of the next step, made already

    def zeros(self, count: int) -> Any:
        """A vector of its own."""
        return self.xp.zeros(count)

    def steepest(self) -> float:
        """The largest number of the gradient."""
        return float(self.xp.abs(self.gradient).max(initial=0.0))

    def ahead(self, most: int, limits: Limits) -> list[float]:
        """Make iterations whose steps are of the first length that is tried, where something can; their losses."""
        return []

    def go(self, limits: Limits, at_once: int, told: AfterEpochs) -> str:
        """Descend from x: why it ended before the bottom, or "". `told` hears of so many epochs at once.

        Raises ValueError for a loss at x that is not finite.
        """
        self.value, self.evaluations = checked(self.evaluate(self.x, self.gradient)), 1
        if self.steepest() <= limits.steepest:
            return ""
        while True:
            losses = list[float]()
            if self.epochs and self.refused is None:
                losses = self.ahead(min(at_once, limits.epochs - self.epochs), limits)
            if not losses:
                if not self._iterated():
                    if not self.kept:
                        return NO_LOWER
                    self.first, self.kept, self.scale = 0, 0, 1.0
                    continue
                losses = [self.value]
            self.epochs += len(losses)
            told(losses, self.x)
            if self.refused is None and (end := limits.met(self)) is not None:
                return end

    def _iterated(self) -> bool:
        """Make an iteration; whether a step lowered the loss. Else all is as it was."""
        if self.refused is None:
            self._turn()
            if not self.slope < 0.0:
                return False
        direction, slope, before = self.direction, self.slope, self.value
        self.x_before[:], self.gradient_before[:] = self.x, self.gradient
        first = 1.0 if self.epochs else min(LONGEST_STEP, float(direction @ direction) ** -0.5)
        search, tries = LineSearch(before, slope, first), TRIES
        if self.refused is not None:
            search.told(*self.refused)
            self.refused, tries = None, tries - 1
        for _ in range(tries):
            length = search.length
            self.x[:] = self.x_before + length * direction
            self.value = self.evaluate(self.x, self.gradient)
            self.evaluations += 1
            there = float(self.gradient @ direction)
            if search.told(self.value, there):
                self.before = before
                self._remember(length, (there - slope) * length, -slope * length)
                return True
        self.x[:], self.gradient[:], self.value = self.x_before, self.gradient_before, before
        return False

    def _turn(self) -> None:
        """Let the direction be that of a step, and the slope that along it."""
        direction, products = -self.gradient, [0.0] * PAIRS
        latest = [(self.first + k) % PAIRS for k in range(self.kept)]
        for k in reversed(latest):
            products[k] = self.inverses[k] * (self.steps[k] @ direction)
            direction -= products[k] * self.changes[k]
        direction *= self.scale
        for k in latest:
            direction += (products[k] - self.inverses[k] * (self.changes[k] @ direction)) * self.steps[k]
        self.direction[:], self.slope = direction, float(self.gradient @ direction)

    def _remember(self, length: float, curvature: float, fall: float) -> None:
        """Keep a step of this length along the direction, if the loss is curved upwards there."""
        change = self.gradient - self.gradient_before
        if not curvature > EPSILON * fall:
            return
        place = (self.first + self.kept) % PAIRS
        if self.kept < PAIRS:
            self.kept += 1
        else:
            self.first = (self.first + 1) % PAIRS
        self.steps[place], self.changes[place] = length * self.direction, change
        self.inverses[place], self.scale = 1.0 / curvature, curvature / float(change @ change)


def checked(loss: float) -> float:
    """The loss where a method begins. Raises ValueError for one that is not finite."""
    if not isfinite(loss):
        raise ValueError(f"the loss is {loss} at the weights as they are: begin at others, or scale X and Y")
    return loss

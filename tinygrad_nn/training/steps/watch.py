"""Who looks at a run: at the model at the end of each epoch, and at the history between two stretches of steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from ...support.checks import MOST
from ..history import History
from .engines.engine import Look
from .state import Kept


class Standing(NamedTuple):
    """What it takes, beside model and optimizer, for another run to go on from here."""

    epoch: int  # how many have ended
    losses: Sequence[float]  # of the steps of the next one, so far
    error: float  # the metric summed over it, so far
    orders: list[list[int]]  # of the next one and later ones, as far as they were drawn
    history: History


class Underway(Protocol):
    """A run, as those who look at it know it."""

    history: History

    def put(self) -> None:
        """Let the model hold the numbers of the steps that were made, if it does not."""

    def standing(self) -> Standing:
        """Where the run stands, between two stretches."""

    def finite(self) -> bool:
        """Whether all numbers of model and optimizer are finite, but for those that never were."""


class Watch:
    """Looks at a run, and may end it. This one does neither.

    One whose `looks` is False sees the history alone, and may let several epochs pass before it is asked: `ahead`.
    Where it is `replaced`, the engine looks in its place after each epoch.
    """

    looks, replaced = True, False
    keeps = False  # whether it may want what model and optimizer were after each epoch

    @property
    def ahead(self) -> int:
        """How many epochs may pass before the next verdict."""
        return 1

    def begins(self, run: Underway) -> None:
        """The run is about to begin."""

    def asks(self) -> Sequence[Look] | None:
        """What the engine may look at in its place; None where it must look itself, or need not."""
        return None

    def found(self, found: Sequence[Any]) -> Mapping[str, Sequence[float]]:
        """What the history is to know of some epochs, of what the engine found after each."""
        return {}

    def measured(self) -> Mapping[str, float]:
        """What the history is to know of the model as it stands, at the end of an epoch."""
        return {}

    def remember(
        self, losses: Sequence[float], found: Mapping[str, Sequence[float]], state: Callable[[int], Kept]
    ) -> int:
        """Take note of epochs before anything can interrupt, of which these are the losses and what the history is to
        know; how many of them count, where the run ends before the last. `state(k)` is the model k epochs before that.
        """
        return len(losses)

    def verdict(self, history: History, losses: Sequence[float]) -> str:
        """Why the run is to end now, or "". `losses` are those of the epochs since the last time, each of them."""
        return ""

    def told(self, history: History) -> None:
        """A stretch of steps was made; the history is empty in the first epoch."""


class Told(Watch):
    """Tells a function of the history as it grows, which may look at the model and set its numbers."""

    ahead = MOST

    def __init__(self, function: Callable[[History], Any]) -> None:
        self.function = function

    def told(self, history: History) -> None:
        if history.epochs:
            self.function(history)

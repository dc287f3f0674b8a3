"""Whether a run goes on after an epoch: patience, which remembers the best state, and the callbacks of the caller."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ..metrics import VALIDATION, total
from ..optim import Optimizer
from ..support.checks import MOST
from .evaluation import Gradients, Looked
from .history import History
from .steps.state import Kept, kept_of, put_back
from .steps.watch import Watch

RESTORED = (
    "patience",
    "epochs",
    "diverged",
    "converged",
)  # runs whose best state is given back where patience was asked for


class Remembered(NamedTuple):
    """What patience remembers: the best loss, how many epochs have passed since, and two states of the model: the best,
    and that of the end of the last epoch."""

    best: float
    waited: int
    kept: Kept
    before: Kept


class Watched(Watch):
    """What is looked at after each epoch, and whether the run is to go on: patience and callbacks."""

    def __init__(
        self, optimizer: Optimizer, looked: Mapping[str, Looked], patience: int | None,
        callbacks: Sequence[Callable[[History], Any]],
    ) -> None:  # fmt: skip
        self.optimizer, self.looked = optimizer, looked
        self.gradients: Gradients | None = None
        self.patience, self.callbacks = patience, callbacks
        self.remembered = None if patience is None else self._begun()

    @property
    def wanted(self) -> bool:
        """Whether anybody wants to look after each epoch."""
        return bool(self.looked or self.gradients or self.callbacks or self.patience)

    @property
    def looks(self) -> bool:  # type: ignore[override]
        return bool(self.callbacks) or not self.replaced

    @property
    def ahead(self) -> int:
        return 1 if self.looks else MOST

    @property
    def keeps(self) -> bool:  # type: ignore[override]
        return self.patience is not None

    def asks(self) -> list[Looked] | None:
        return None if self.gradients else [*self.looked.values()]

    def found(self, found: Sequence[Any]) -> Mapping[str, Sequence[float]]:
        columns: dict[str, Any] = {}
        for (prefix, rows), numbers in zip(self.looked.items(), found, strict=True):
            if prefix:
                columns[f"{prefix}loss"] = [total(row) / len(row) for row in numbers[..., 0].tolist()]
            columns |= {f"{prefix}{name}": column for name, column in rows.columns(numbers).items()}
        return columns

    def measured(self) -> Mapping[str, float]:
        found: dict[str, float] = {}
        for prefix, rows in self.looked.items():
            loss, measured = rows.look()
            found |= {f"{prefix}loss": loss} if prefix else {}
            found |= {f"{prefix}{name}": number for name, number in measured.items()}
        return found | (self.gradients.measured() if self.gradients is not None else {})

    def remember(
        self, losses: Sequence[float], found: Mapping[str, Sequence[float]], state: Callable[[int], Kept]
    ) -> int:
        if self.remembered is None or self.patience is None:
            return len(losses)
        best, waited, kept, before = self.remembered
        validated, chosen, count = found.get(f"{VALIDATION}loss"), -1, 0
        for count, latest in enumerate((validated or losses)[: len(losses)], 1):
            best, waited, chosen = (latest, 0, count) if latest < best else (best, waited + 1, chosen)
            if waited >= self.patience:
                break
        if chosen > 0:  # a loss of the run is that of the weights before the updates of its epoch
            chosen -= not validated
            kept = state(len(losses) - chosen) if chosen else before
        self.remembered = Remembered(best, waited, kept, state(len(losses) - count))
        return count

    def verdict(self, history: History, losses: Sequence[float]) -> str:
        stop = [callback(history) for callback in self.callbacks]
        if any(type(found).__name__ in ("bool", "bool_") and found for found in stop):  # NumPy's, too
            return "callback"
        known = self.remembered
        return "patience" if known and self.patience is not None and known.waited >= self.patience else ""

    def restore(self) -> None:
        """The best weights, with the optimizer's state that belongs to them, where patience was asked for."""
        if self.remembered is not None:
            put_back(self.optimizer, self.remembered.kept)

    def take_up(self, remembered: Remembered | None, stopped: str, over: bool) -> None:
        """Remember what another run did. One that has ended is at its best state, and goes on from its last."""
        if remembered is not None and stopped in RESTORED:
            put_back(self.optimizer, remembered.kept if over else remembered.before)
        if self.patience is not None:
            self.remembered = remembered or self._begun()

    def _begun(self) -> Remembered:
        """What patience remembers before an epoch."""
        now = kept_of(self.optimizer)
        return Remembered(math.inf, 0, now, now)

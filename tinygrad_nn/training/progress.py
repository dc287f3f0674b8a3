"""The progress of a run: a bar on a terminal, else a line now and then; and when a checkpoint is due."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from ..metrics import GRADIENT
from ..support.checks import MOST
from .history import History
from .steps.watch import Underway, Watch

CHECKPOINTS = 1.0  # seconds between two of them, at least
MOVED = 0.1  # seconds between two moves of the bar
FIRST_TOLD = 1.0  # seconds before the first line where there is no bar; the next waits twice as long, and so on


class Progress(Watch):
    """Shows the history as it grows where that is wanted, and has checkpoints written."""

    looks = False
    ahead = MOST

    def __init__(self, epochs: int, shown: bool, checkpoint: Callable[[Underway], None] | None) -> None:
        self.epochs, self.checkpoint = epochs, checkpoint
        self.start = self.saved = self.moved = time.perf_counter()
        self.next_told = FIRST_TOLD  # seconds after the start
        self.bar: Any = None
        self.run: Underway | None = None
        self.shown = shown = shown and sys.stderr is not None  # as it is where there is no console
        if shown and sys.stderr.isatty():
            try:
                from tqdm import tqdm  # type: ignore[import-untyped,import-not-found,unused-ignore]
            except ImportError:
                return
            self.bar = tqdm(total=epochs, unit="epoch")

    def begins(self, run: Underway) -> None:
        self.run = run

    def told(self, history: History) -> None:
        now = time.perf_counter()
        if self.checkpoint is not None and now - self.saved >= CHECKPOINTS:
            self.keep()
            self.saved = now = time.perf_counter()
        if self.bar is not None:
            if history.epochs and now - self.moved >= MOVED:
                self.moved = now
                self._move(history)
        elif self.shown and (passed := now - self.start) >= self.next_told:
            self.next_told = 2.0 * passed
            state = f": {_state(history)}" if history.epochs else ""
            epoch = history.epochs[-1] if history.epochs else 1
            print(f"epoch {epoch:,} of {self.epochs:,}{state}", file=sys.stderr, flush=True)

    def close(self, history: History) -> None:
        """The last word, when the run is over."""
        if self.bar is not None:
            if history.epochs:
                self._move(history)
            self.bar.close()
        elif self.shown and history.epochs:
            print(f"epoch {history.epochs[-1]:,}: {_state(history)}, {history.times[-1]:.1f} s", file=sys.stderr)

    def keep(self) -> None:
        """Have a checkpoint written, if there is one, of a run that did not diverge."""
        run = self.run
        if self.checkpoint is not None and run is not None and run.history.stopped != "diverged" and run.finite():
            run.put()
            self.checkpoint(run)

    def _move(self, history: History) -> None:
        self.bar.set_postfix_str(_state(history), refresh=False)
        self.bar.update(history.epochs[-1] - self.bar.n)


def _state(history: History) -> str:
    """The latest loss and metrics, but for the sizes of gradients, which are for a plot."""
    shown = {name: numbers[-1] for name, numbers in history.metrics.items() if not name.startswith(GRADIENT)}
    return f"loss {history.losses[-1]:.4g}" + "".join(f", {name} {number:.4g}" for name, number in shown.items())

"""The progress of a run: a bar on a terminal, else a line now and then; and when a checkpoint is due."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from ..metrics import GRADIENT
from .history import History
from .steps.run import Course
from .steps.stretch import Standing

CHECKPOINTS = 1.0  # seconds between two of them, at least
MOVED = 0.1  # seconds between two moves of the bar
FIRST_TOLD = 1.0  # seconds before the first line where there is no bar; the next waits twice as long, and so on


class Progress:
    """Called with the history as it grows: shows it where that is wanted, and has checkpoints written."""

    def __init__(
        self, epochs: int, shown: bool, checkpoint: Callable[[Course], None] | None, begun: Standing | None = None
    ) -> None:
        self.epochs, self.checkpoint, self.begun = epochs, checkpoint, begun
        self.start = self.saved = self.moved = time.perf_counter()
        self.next_told = FIRST_TOLD  # seconds after the start
        self.due = False  # whether a checkpoint is to be written
        self.bar: Any = None
        self.course: Course | None = None
        self.shown = shown = shown and sys.stderr is not None  # as it is where there is no console
        if shown and sys.stderr.isatty():
            try:
                from tqdm import tqdm  # type: ignore[import-untyped,import-not-found,unused-ignore]
            except ImportError:
                return
            self.bar = tqdm(total=epochs, unit="epoch")

    @property
    def looks(self) -> bool:
        """Whether the next call looks at the model, which is then to be put where it can be seen."""
        self.due = self.checkpoint is not None and time.perf_counter() - self.saved >= CHECKPOINTS
        return self.due

    def begins(self, course: Course) -> None:
        """Called with the run that is to be told of; it begins where another stood, if there was one."""
        self.course = course
        if self.begun is not None:
            course.go_on(self.begun)

    def waiting(self) -> None:
        """Called while the first epoch goes on."""
        self._keep()
        self._tell(lambda: f"epoch 1 of {self.epochs:,}")

    def __call__(self, history: History) -> None:
        self._keep()
        now = time.perf_counter()
        if self.bar is not None:
            if now - self.moved >= MOVED:
                self.moved = now
                self._move(history)
        else:
            self._tell(lambda: f"epoch {history.epochs[-1]:,} of {self.epochs:,}: {_state(history)}")

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
        course = self.course
        if self.checkpoint is None or course is None or course.history.stopped == "diverged":
            return
        if course.finite():
            self.checkpoint(course)

    def _keep(self) -> None:
        if self.due:
            self.keep()
            self.saved = time.perf_counter()

    def _tell(self, words: Callable[[], str]) -> None:
        """A line, if the time for one has come."""
        passed = time.perf_counter() - self.start
        if self.shown and self.bar is None and passed >= self.next_told:
            self.next_told = 2.0 * passed
            print(words(), file=sys.stderr, flush=True)

    def _move(self, history: History) -> None:
        self.bar.set_postfix_str(_state(history), refresh=False)
        self.bar.update(history.epochs[-1] - self.bar.n)


def _state(history: History) -> str:
    """The latest loss and metrics, but for the sizes of gradients, which are for a plot."""
    shown = {name: numbers[-1] for name, numbers in history.metrics.items() if not name.startswith(GRADIENT)}
    return f"loss {history.losses[-1]:.4g}" + "".join(f", {name} {number:.4g}" for name, number in shown.items())

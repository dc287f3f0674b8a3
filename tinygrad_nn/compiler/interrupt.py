"""Ctrl-C, put off until a training run has a model that is whole: at most the fifty milliseconds of a stretch."""

from __future__ import annotations

import signal
import threading
from typing import Any


class Interrupt:
    """While inside, Ctrl-C is only noted, in `noted`; a second one raises KeyboardInterrupt at once.

    Whoever handled Ctrl-C before does so again afterwards, and is told of one that came unless it was Python itself.
    Outside of the main thread, where no signal comes, it does nothing.
    """

    def __init__(self) -> None:
        self.noted = False
        self._before: Any = None

    def __enter__(self) -> Interrupt:
        handler = signal.getsignal(signal.SIGINT)
        if threading.current_thread() is threading.main_thread() and callable(handler):
            self._before = handler
            signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *error: object) -> None:
        if self._before is None:
            return
        signal.signal(signal.SIGINT, self._before)
        if self.noted and self._before is not signal.default_int_handler:
            self._before(signal.SIGINT, None)

    def _note(self, number: int, frame: object) -> None:
        if self.noted:
            raise KeyboardInterrupt
        self.noted = True

"""Ctrl-C, put off for the moment in which a model is written back, so that it is always whole."""

from __future__ import annotations

import signal
import threading
from typing import Any


class Uninterrupted:
    """Inside, Ctrl-C is only noted; whoever handles it is told when it is left.

    Outside of the main thread, where no signal comes, it does nothing.
    """

    def __init__(self) -> None:
        self._noted = False
        self._before: Any = None

    def __enter__(self) -> None:
        handler = signal.getsignal(signal.SIGINT)
        if callable(handler) and threading.current_thread() is threading.main_thread():
            self._before = handler
            signal.signal(signal.SIGINT, self._note)

    def __exit__(self, *error: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            if self._noted:
                self._before(signal.SIGINT, None)

    def _note(self, number: int, frame: object) -> None:
        self._noted = True

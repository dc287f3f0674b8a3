"""Ctrl-C, put off for the moment in which a model is written back, so that it is always whole.

So is Python's garbage collector, which may run finalizers of the user's: the numbers that are put back make no cycle.
"""

from __future__ import annotations

import gc
import signal
import sys
import threading
from typing import Any

# Where Python's own module has its functions from, without the enums that it makes in ten times the time.
SIGNALS: Any = sys.modules.get("_signal", signal)


class Uninterrupted:
    """Inside, Ctrl-C is only noted; whoever handles it is told when it is left. The garbage collector is at rest.

    Outside of the main thread no signal comes.
    """

    def __init__(self) -> None:
        self._noted = False
        self._before: Any = None

    def __enter__(self) -> None:
        handler = SIGNALS.getsignal(signal.SIGINT)
        if callable(handler) and threading.current_thread() is threading.main_thread():
            self._before = handler
            SIGNALS.signal(signal.SIGINT, self._note)
        self._collects = gc.isenabled()
        gc.disable()

    def __exit__(self, *error: object) -> None:
        if self._collects:
            gc.enable()
        if self._before is not None:
            SIGNALS.signal(signal.SIGINT, self._before)
            if self._noted:
                self._before(signal.SIGINT, None)

    def _note(self, number: int, frame: object) -> None:
        self._noted = True

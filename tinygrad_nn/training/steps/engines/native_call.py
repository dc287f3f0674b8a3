"""What machine code for training steps is called with: arrays, whose addresses are taken once where it is called often.

One step after the other is called with the same ones, in which a count and the learning rate change at most.
"""

from __future__ import annotations

import ctypes
from typing import Any

as_pointer: Any = ctypes.c_void_p.from_param


def start_of(x: Any) -> Any:
    """Where an array of doubles or floats begins, for a function without types."""
    return ctypes.byref(ctypes.c_char.from_buffer(x)) if x.size else as_pointer(x.ctypes.data)


class Call:
    """What compiled steps are called with beside the rows: `addresses` of what they read and of what they write."""

    def __init__(self, xp: Any, settled: list[float], given: list[Any], state: list[int], scratch: list[int]) -> None:
        self.settled, self.rate = settled, 0.0
        self.losses, self.metrics, self.rates, self.settings = given
        self.counts, self.told = xp.zeros(5, dtype=xp.int64), xp.zeros(5)
        arrays = [*given, self.counts, self.told]
        self.addresses = (*state, *[array.ctypes.data for array in arrays], *scratch)
        self.once = (*map(as_pointer, self.addresses), ctypes.c_int64(1))

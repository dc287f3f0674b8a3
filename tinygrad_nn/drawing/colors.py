"""The colours of drawings: blue for a number above 0, orange below, white at 0, deeper the larger it is.

Blue and orange stay apart for every colour blindness. The depth is the square root of |number| / largest, so that
small numbers still show. What is not a number is purple.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

NEGATIVE, POSITIVE = ((255, 245, 235), (245, 127, 42)), ((243, 248, 253), (85, 159, 206))  # faint and full
BELOW, ABOVE = "#c2500a", "#1b66a8"  # lines of negative and positive contributions
KIND_FILLS = {"input": "#e4ede4", "parameter": "#eae4f4", "operation": "#ffffff", "root": "#fff0bf"}
INK, DARK, LINE, FAINT = "#1f2937", "#3b4351", "#8a94a3", "#5b6573"
NOT_A_NUMBER, NOT_A_NUMBER_FILL = "#86358f", "#e5c6e8"  # of a line, of a cell


def extent(numbers: Iterable[float | None]) -> float:
    """The largest magnitude of the finite numbers, 0 where there are none."""
    return max((abs(n) for n in numbers if n is not None and math.isfinite(n)), default=0.0)


def depth(number: float, scale: float) -> float:
    """From 0 to 1: how deep the colour of a number is where `scale` is the largest.

    >>> depth(-1.0, 4.0), depth(float("inf"), 4.0)
    (0.5, 1.0)
    """
    if math.isinf(number):
        return 1.0
    return math.sqrt(min(abs(number) / scale, 1.0)) if scale > 0.0 else 0.0


def fill(number: float | None, scale: float) -> str:
    """The fill of a cell that shows the number; white for 0 and for None.

    >>> fill(0.0, 1.0), fill(-1.0, 1.0), fill(float("nan"), 1.0)
    ('#ffffff', '#f57f2a', '#e5c6e8')
    """
    if number is None or number == 0.0:
        return "#ffffff"
    if number != number:
        return NOT_A_NUMBER_FILL
    (faint, full), t = (NEGATIVE if number < 0 else POSITIVE), depth(number, scale)
    return "#" + "".join(f"{round(a + (b - a) * t):02x}" for a, b in zip(faint, full, strict=True))


def line(number: float | None, scale: float) -> tuple[str, float]:
    """The colour and the width in points of a line that carries the number."""
    if number is None or number == 0.0:
        return LINE, 0.8
    if number != number:
        return NOT_A_NUMBER, 1.6
    return (BELOW if number < 0 else ABOVE), round(0.9 + 2.6 * depth(number, scale), 2)

"""What counts as a number: an int, a float, a Fraction, a Decimal, a scalar of NumPy's; and no Value, which records."""

from __future__ import annotations

import math


def as_float(number: object) -> float | None:
    """A real number (int, float, Fraction, Decimal, NumPy scalar or array of no dimension) as a float, else None."""
    if type(number) is float:
        return number
    if isinstance(number, (str, bytes, complex)) or hasattr(number, "_record") or not hasattr(number, "__float__"):
        return None
    if getattr(number, "ndim", 0) != 0 or getattr(getattr(number, "dtype", None), "kind", "f") not in "biuf":
        return None
    try:
        return float(number)
    except (TypeError, ValueError):
        return None
    except OverflowError:  # an int past the largest float
        return math.copysign(math.inf, 1 if number > 0 else -1)  # type: ignore[operator]

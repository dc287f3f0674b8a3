"""What Python's floats answer where the rows of the table answer otherwise: divided by 0, or with no real power.

Each number is a float or a traced one, whose comparisons are branches, so that rows of the other kind are traced apart.
"""

from __future__ import annotations

from typing import Any


def check_division(number: Any, by: Any) -> None:
    """Raise what a division of floats raises."""
    if by == 0.0:
        raise ZeroDivisionError("float division by zero")


def complex_power(base: Any, exponent: Any) -> complex | None:
    """The power of floats where it is a complex number, else None. Raises what 0.0**-1 raises."""
    if exponent < 0.0 and base == 0.0:
        raise ZeroDivisionError("0.0 cannot be raised to a negative power")
    if (type(exponent) in (float, int) and float(exponent).is_integer()) or not base < 0.0:
        return None
    power: Any = float(base) ** float(exponent)
    return power if isinstance(power, complex) else None

"""Floats whose division follows IEEE 754: an expression that raised on floats is run once more on them."""

from __future__ import annotations

import operator

from .functions import divide, power

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class IeeeFloat(float):
    """A float whose arithmetic with floats stays IeeeFloat and whose division never raises."""

    __slots__ = ()

    def __add__(self, other: float) -> Any:
        return self._with(other, operator.add)

    def __sub__(self, other: float) -> Any:
        return self._with(other, operator.sub)

    def __mul__(self, other: float) -> Any:
        return self._with(other, operator.mul)

    def __truediv__(self, other: float) -> Any:
        return self._with(other, divide)

    def __rsub__(self, other: float) -> Any:
        return self._with(other, lambda a, b: b - a)

    def __pow__(self, other: float) -> Any:  # type: ignore[override]
        return self._with(other, power)

    def __rpow__(self, other: float) -> Any:  # type: ignore[override]
        return self._with(other, lambda a, b: power(b, a))

    def __rtruediv__(self, other: float) -> Any:
        return self._with(other, lambda a, b: divide(b, a))

    def __neg__(self) -> IeeeFloat:
        return IeeeFloat(-float(self))

    def __abs__(self) -> IeeeFloat:
        return IeeeFloat(abs(float(self)))

    __radd__, __rmul__ = __add__, __mul__

    def _with(self, other: float, operation: Callable[[float, float], float]) -> Any:
        if hasattr(other, "_record") or not isinstance(other, float | int):
            return NotImplemented  # a Value's own operator follows IEEE 754
        return IeeeFloat(operation(float(self), float(other)))


def on_ieee_floats(rule: Callable[..., Any], *arguments: Any) -> Any:
    """The result of a rule that divided by zero on floats: run again with its floats as IeeeFloats."""

    def raised(x: Any) -> Any:
        return tuple(map(raised, x)) if isinstance(x, tuple) else IeeeFloat(x) if type(x) is float else x

    def lowered(x: Any) -> Any:
        return list(map(lowered, x)) if isinstance(x, list) else float(x) if type(x) is IeeeFloat else x

    return lowered(rule(*map(raised, arguments)))

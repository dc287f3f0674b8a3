"""Floats whose division follows IEEE 754: an expression that raised on floats is run once more on them."""

from __future__ import annotations

import operator
from collections.abc import Callable

from ...support.annotation import Any
from .functions import divide, power


def _operator(operation: Callable[[float, float], float]) -> Any:
    """An operator, as a method; a Value's own follows IEEE 754."""

    def operate(self: float, other: Any) -> Any:
        if hasattr(other, "_record") or not isinstance(other, float | int):
            return NotImplemented
        return IeeeFloat(operation(float(self), float(other)))

    return operate


class IeeeFloat(float):
    """A float whose arithmetic with floats stays IeeeFloat and whose division never raises."""

    __slots__ = ()

    __add__ = __radd__ = _operator(operator.add)
    __mul__ = __rmul__ = _operator(operator.mul)
    __sub__, __rsub__ = _operator(operator.sub), _operator(lambda a, b: b - a)
    __truediv__, __rtruediv__ = _operator(divide), _operator(lambda a, b: divide(b, a))
    __pow__, __rpow__ = _operator(power), _operator(lambda a, b: power(b, a))

    def __neg__(self) -> IeeeFloat:
        return IeeeFloat(-float(self))

    def __abs__(self) -> IeeeFloat:
        return IeeeFloat(abs(float(self)))


def on_ieee_floats(rule: Callable[..., Any], *arguments: Any) -> Any:
    """The result of a rule that divided by zero on floats: run again with its floats as IeeeFloats."""

    def raised(x: Any) -> Any:
        return tuple(map(raised, x)) if isinstance(x, tuple) else IeeeFloat(x) if type(x) is float else x

    def lowered(x: Any) -> Any:
        return list(map(lowered, x)) if isinstance(x, list) else float(x) if type(x) is IeeeFloat else x

    return lowered(rule(*map(raised, arguments)))

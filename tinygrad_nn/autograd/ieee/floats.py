"""Floats by IEEE 754: their division and elementary functions, and what no text of the table says of many of them.

Python's `math` module and its division raise where the standard names a result: 1/0 is inf, log(0) is -inf,
exp(1000) is inf and asin(2) is nan. The functions here return those results, as NumPy does; what they do first is
their `__wrapped__`, for those who see to an error themselves, and `raising` where that is rare. An expression that
divided by zero is run once more on IeeeFloats.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence

from ...support.annotation import Any

INF, NAN = math.inf, math.nan
FLOOR, SINGLE_FLOOR = 2.0**-1012, 2.0**-116  # 1024 times the smallest normal number, of doubles and of floats


def divide(a: float, b: float) -> float:
    """a / b; a signed infinity for a / 0, nan for 0 / 0."""
    try:
        return a / b
    except ZeroDivisionError:
        return math.copysign(INF, a) * math.copysign(1.0, b) if a and a == a else NAN


def power(x: float, n: float) -> float:
    """x ** n; nan for a negative x and a fractional n, an infinity for 0 to a negative power."""
    try:
        return math.pow(x, n)
    except OverflowError:
        return -INF if x < 0 and n % 2 == 1 else INF
    except ValueError:
        if x != 0:
            return NAN
        return math.copysign(INF, x) if n % 2 == 1 else INF


power.__wrapped__ = power.raising = math.pow  # type: ignore[attr-defined]


def _guarded(function: Callable[[float], float], otherwise: Callable[[float], float]) -> Callable[[float], float]:
    """A function of `math`, with what the standard has where it raises."""

    def guarded(x: float) -> float:
        try:
            return function(x)
        except (OverflowError, ValueError):
            return otherwise(x)

    guarded.__wrapped__ = guarded.raising = function  # type: ignore[attr-defined]
    return guarded


def _logarithm(function: Callable[[float], float], pole: float) -> Callable[[float], float]:
    """A logarithm of `math`, -inf at its pole and nan below: often asked for there, so that it costs no exception."""

    def logarithm(x: float) -> float:
        return function(x) if x > pole else -INF if x == pole else NAN

    logarithm.__wrapped__ = function  # type: ignore[attr-defined]
    return logarithm


# log gamma(2 + t) in powers of t: 1 - Euler's constant, and (zeta(k) - 1) (-1)^k / k for k from 2 on (Abramowitz &
# Stegun, Handbook of mathematical functions, 6.1.33).
LOG_GAMMA = (
    0.42278433509846713, 0.3224670334241132, -0.0673523010531981, 0.020580808427784546, -0.007385551028673986,
    0.0028905103307415234, -0.001192753911703261, 0.0005096695247430425, -0.00022315475845357939, 9.945751278180853e-05,
    -4.492623673813314e-05, 2.050721277567069e-05, -9.439488275268397e-06, 4.374866789907488e-06,
    -2.039215753801366e-06, 9.55141213040742e-07, -4.492469198764566e-07, 2.1207184805554665e-07,
)  # fmt: skip


def _lgamma(x: float) -> float:
    """log |gamma(x)|, also near its zeros, 1 and 2, where `math` has as many digits behind the point as elsewhere."""
    t = x - 1.0 if x < 1.5 else x - 2.0
    if not -0.25 < t < 0.25:
        return math.lgamma(x)
    total = 0.0
    for coefficient in reversed(LOG_GAMMA):
        total = coefficient + t * total
    return t * total - math.log1p(t) if x < 1.5 else t * total


exp, expm1, cosh = (_guarded(function, lambda x: INF) for function in (math.exp, math.expm1, math.cosh))
sinh = _guarded(math.sinh, lambda x: math.copysign(INF, x))
sqrt, asin, acos, sin, cos, tan = (
    _guarded(function, lambda x: NAN) for function in (math.sqrt, math.asin, math.acos, math.sin, math.cos, math.tan)
)
log, log2, log10 = (_logarithm(function, 0.0) for function in (math.log, math.log2, math.log10))
log1p = _logarithm(math.log1p, -1.0)
exp2, lgamma, cbrt = _guarded(math.exp2, lambda x: INF), _guarded(_lgamma, lambda x: INF), math.cbrt


def _whole(function: Callable[[float], float]) -> Callable[[float], float]:
    """A function of `math` to whole numbers, as floats: a 0 has the sign of x, and what is not finite is itself."""
    return _guarded(lambda x: math.copysign(function(x), x), lambda x: x)


floor, ceil, trunc = _whole(math.floor), _whole(math.ceil), _whole(math.trunc)


def fmod(a: float, b: float) -> float:
    """What is left of a after whole multiples of b, in the sign of a; nan for b = 0 and an infinite a."""
    try:
        return math.fmod(a, b)
    except ValueError:
        return NAN


def dot(weights: Sequence[float], inputs: Sequence[float], bias: float) -> float:
    """bias + w1 x1 + w2 x2 + ..., folded from the left, each product and each sum rounded once."""
    total = bias
    for weight, x in zip(weights, inputs, strict=True):
        total += weight * x
    return total


class NoSuchIndexError(ValueError):
    """An index that is no whole number, or has no entry in a list."""


def take(values: Sequence[float], index: float) -> float:
    """values[index] for an index held as a float.

    Raises ValueError for an index that is negative, fractional, nan or past the end.
    """
    if not (0 <= index < len(values) and index == int(index)):
        raise NoSuchIndexError(
            f"got the index {index:g}, but with {len(values)} values it must be a whole number from 0 to "
            f"{len(values) - 1} (for cross_entropy the class index: classes count from 0)"
        )
    return values[int(index)]


def largest(values: Sequence[float], count: float = 1.0) -> float:
    """The largest of the values; nan when any is nan. `count`, of those that equal it, is for the derivative."""
    result = values[0]
    for value in values:
        result = result if result >= value or result != result else value
    return result


def ties(values: Sequence[float]) -> float:
    """How many of the values equal the largest; nan when any is nan."""
    top = largest(values)
    return float(sum(1 for value in values if value == top)) if top == top else NAN


def logsumexp(values: Sequence[float]) -> float:
    """log(exp(x1) + exp(x2) + ...), shifted by the largest so that nothing overflows."""
    top = largest(values)
    if top - top != 0.0:  # an infinity or nan is the answer itself
        return top
    total = 0.0
    for value in values:
        total += math.exp(value - top)
    return top + math.log(total)


def normalizer(shares: Sequence[float], total: float) -> float:
    """The sum of exp(x - total) over all x: 1, save for the rounding of total = logsumexp(xs).

    Nan where several are infinite alike, so that none is known to be the larger.
    """
    result = 0.0
    for share in shares:
        result += share
    return result if total - total == 0.0 or result == 1.0 else NAN


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

"""Elementary functions of floats that follow IEEE 754 and never raise.

Python's `math` module and its division raise where the standard names a result: 1/0 is inf, log(0) is -inf,
exp(1000) is inf and asin(2) is nan. The functions here return those results, as NumPy does.
"""

from __future__ import annotations

import math

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

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


def monomial(c: float, x: float, n: float) -> float:
    """c * x**n, and 0 where either is 0 whatever the other is."""
    size = power(x, n) if c != 0 else 0.0
    return c * size if size != 0 else 0.0


def scaled(c: float, x: float) -> float:
    """c * x, and 0 where c is 0 although x is infinite."""
    return c * x if c != 0 or x != x else 0.0


def gap(a: float, b: float) -> float:
    """a - b, and 0 where they are equal although both are infinite."""
    return a - b if a != b else 0.0


def exp_gap(a: float, b: float) -> float:
    """exp(a - b), and 1 where they are equal although both are infinite."""
    return exp(gap(a, b))


def log_power(x: float, n: float, k: float) -> float:
    """x**n * log(x)**k, and 0 where x**n is 0 whatever the logarithm is."""
    size = power(x, n)
    return size * power(log(x), k) if size != 0 else 0.0


def _guarded(function: Callable[[float], float], outside: float = NAN) -> Callable[[float], float]:
    """`function`, with inf for an overflow and `outside` for an argument outside its domain."""

    def guarded(x: float) -> float:
        try:
            return function(x)
        except OverflowError:
            return INF
        except ValueError:
            return outside

    return guarded


exp, expm1, cosh = _guarded(math.exp), _guarded(math.expm1), _guarded(math.cosh)
sqrt, asin, acos = _guarded(math.sqrt), _guarded(math.asin), _guarded(math.acos)
sin, cos, tan = _guarded(math.sin), _guarded(math.cos), _guarded(math.tan)


def log(x: float) -> float:
    """The natural logarithm; -inf at 0, nan below."""
    try:
        return math.log(x)
    except ValueError:
        return NAN if x < 0 else -INF


def log1p(x: float) -> float:
    """log(1 + x), exact for small x; -inf at -1, nan below."""
    try:
        return math.log1p(x)
    except ValueError:
        return NAN if x < -1 else -INF


def sinh(x: float) -> float:
    """The hyperbolic sine; a signed infinity where it overflows."""
    try:
        return math.sinh(x)
    except OverflowError:
        return math.copysign(INF, x)


def asin_slope(x: float) -> float:
    """1 / sqrt(1 - x*x), exact near 1, too; inf at 1 and -1, nan beyond."""
    return divide(1.0, sqrt((1.0 - x) * (1.0 + x)))


def atan_slope(x: float) -> float:
    """1 / (1 + x*x)."""
    return 1.0 / (1.0 + x * x)


def sigmoid_slope(x: float, s: float) -> float:
    """The derivative s (1 - s) of s = sigmoid(x)."""
    return s * (1.0 - s)


def sigmoid(x: float) -> float:
    """1 / (1 + exp(-x)), from the exponential that cannot overflow."""
    if x >= 0:
        return 1.0 / (1.0 + math.exp(-x))
    small = math.exp(x)
    return small / (1.0 + small)


def softplus(x: float) -> float:
    """log(1 + exp(x)) as max(x, 0) + log1p(exp(-|x|)): neither overflows nor rounds to 0 early."""
    return relu(x) + math.log1p(math.exp(-abs(x)))


def silu(x: float) -> float:
    """x * sigmoid(x), with its limit 0 at -inf."""
    return x * sigmoid(x) if x != -INF else -0.0


def normal_cdf(x: float) -> float:
    """The standard normal distribution function, exact in the lower tail too: erfc(-x / sqrt 2) / 2."""
    return 0.5 * math.erfc(-x * math.sqrt(0.5))


def normal_pdf(x: float) -> float:
    """The standard normal density, exp(-x*x / 2) / sqrt(2 pi)."""
    return math.exp(-0.5 * x * x) * math.sqrt(0.5 / math.pi)


def gelu(x: float) -> float:
    """x * normal_cdf(x), with its limit 0 at -inf."""
    return x * normal_cdf(x) if x != -INF else -0.0


def relu(x: float) -> float:
    """max(x, 0); nan stays nan."""
    return 0.0 if x <= 0.0 else x


def leaky_relu(x: float) -> float:
    """x, and 0.01 x below 0."""
    return 0.01 * x if x < 0.0 else x


def elu(x: float) -> float:
    """x, and exp(x) - 1 below 0."""
    return math.expm1(x) if x < 0.0 else x


def step(x: float) -> float:
    """1 above 0, else 0; nan stays nan."""
    return 1.0 if x > 0.0 else 0.0 if x <= 0.0 else x


def sign(x: float) -> float:
    """1 above 0, -1 below, 0 at 0; nan stays nan."""
    return 1.0 if x > 0.0 else -1.0 if x < 0.0 else 0.0 if x == 0.0 else x


def maximum(a: float, b: float) -> float:
    """The larger one; nan when either is nan."""
    return a if a >= b or a != a else b


def minimum(a: float, b: float) -> float:
    """The smaller one; nan when either is nan."""
    return a if a <= b or a != a else b


def tie(a: float, b: float) -> float:
    """1 where a > b, 1/2 where they are equal, 0 where a < b; nan when either is nan."""
    return 1.0 if a > b else 0.0 if a < b else 0.5 if a == b else NAN


def equal(a: float, b: float) -> float:
    """1 where a == b, else 0."""
    return 1.0 if a == b else 0.0


def where_equal(x: float, a: float, b: float) -> float:
    """x where a == b, else 0."""
    return x if a == b else 0.0


def floored(x: float) -> float:
    """x, but no less than 2**-1012: near the smallest float, with room for 1 / x to grow."""
    return x if x >= FLOOR or x != x else FLOOR


def binary_cross_entropy(p: float, t: float) -> float:
    """-(t log p + (1 - t) log(1 - p)), each logarithm floored at -100."""
    return 0.0 - (t * maximum(log(p), -100.0) + (1.0 - t) * maximum(log(1.0 - p), -100.0))


def sigmoid_cross_entropy(p: float, z: float, t: float) -> float:
    """The binary cross-entropy of p, which is sigmoid(z)."""
    return binary_cross_entropy(p, t)


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
        result = maximum(result, value)
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

"""The table's primitives over arrays, in the functions of a namespace such as numpy or jax.numpy.

Nothing is written in place, and every function is of whole arrays, so a namespace may trace, shard and move them. Each
equals the table's value within the namespace's own rounding.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ....autograd.ieee.functions import FLOOR, SINGLE_FLOOR

SAME_NAME = ("exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh", "sign")
ARCS = {"asin": "arcsin", "acos": "arccos", "atan": "arctan"}  # their names before NumPy 2


def functions(xp: Any) -> dict[str, Callable[..., Any]]:
    """A function of arrays for each primitive but those that are operators; columns are the last axis."""
    where, exp, absolute = xp.where, xp.exp, xp.abs

    def sigmoid(x: Any) -> Any:
        small = exp(-absolute(x))
        return where(x >= 0.0, 1.0, small) / (1.0 + small)

    def softplus(x: Any) -> Any:
        return where(x < 0.0, 0.0, x) + xp.log1p(exp(-absolute(x)))  # whose slope JAX finds right at 0, too

    def normal_cdf(x: Any) -> Any:
        return 0.5 * _erfc(xp)(-x * math.sqrt(0.5))

    def power(x: Any, n: Any) -> Any:
        found = xp.power(x, n) if hasattr(xp, "power") else x**n
        if type(n) is float and n != 0.5:
            return found
        return where(n == 0.5, where(x == -math.inf, math.inf, found + 0.0), found)  # of which NumPy makes a sqrt

    def monomial(c: Any, x: Any, n: Any) -> Any:
        size = power(x, n)
        return where((c != 0.0) & (size != 0.0), c * size, 0.0)

    def log_power(x: Any, n: Any, k: Any) -> Any:
        size = power(x, n)
        return where(size != 0.0, size * power(xp.log(x), k), 0.0)

    def floored(x: Any) -> Any:
        floor = SINGLE_FLOOR if x.dtype == "float32" else FLOOR
        return where((x >= floor) | (x != x), x, floor)

    def gap(a: Any, b: Any) -> Any:
        return where(a != b, a - b, 0.0)

    def binary_cross_entropy(p: Any, t: Any) -> Any:
        floored = [where(xp.log(q) < -100.0, -100.0, xp.log(q)) for q in (p, 1.0 - p)]
        return 0.0 - (t * floored[0] + (1.0 - t) * floored[1])

    def logsumexp(xs: Any) -> Any:
        top = xp.max(xs, axis=-1)
        shift = where(xp.isfinite(top), top, 0.0)
        return where(xp.isfinite(top), shift + xp.log(xp.sum(exp(xs - shift[..., None]), axis=-1)), top)

    def normalizer(xs: Any, total: Any) -> Any:
        found = xp.sum(xs, axis=-1)
        return where(xp.isfinite(total) | (found == 1.0), found, math.nan)

    def is_index(index: Any, size: int) -> Any:
        return (index >= 0.0) & (index < size) & (index == xp.floor(index))

    def take(xs: Any, index: Any) -> Any:
        size = xs.shape[-1]
        right = is_index(index, size)
        whole = where(right, index, 0.0).astype("int32")
        shape = xp.broadcast_shapes(xs.shape[:-1], whole.shape)
        xs, whole = xp.broadcast_to(xs, (*shape, size)), xp.broadcast_to(whole, shape)
        return where(right, xp.take_along_axis(xs, whole[..., None], axis=-1)[..., 0], math.nan)

    def ties(xs: Any) -> Any:
        top = xp.max(xs, axis=-1, keepdims=True)
        return where(top[..., 0] == top[..., 0], xp.sum(where(xs == top, 1.0, 0.0), axis=-1), math.nan)

    def limited(x: Any, product: Any) -> Any:  # x times a function that goes to 0 faster at -inf
        return where(x == -math.inf, -0.0, product)

    elementwise: dict[str, Callable[..., Any]] = {
        "zeroth_power": lambda x: 0.0 * where(x == x, 0.0, 0.0) + 1.0,
        "square": lambda x: x * x,
        "cube": lambda x: x * x * x,
        "fourth_power": lambda x: (x * x) * (x * x),
        "power": power,
        "absolute": absolute,
        "detached": lambda x: x,
        "erf": _erf(xp),
        "sigmoid": sigmoid,
        "softplus": softplus,
        "relu": lambda x: where(x <= 0.0, 0.0, x),
        "leaky_relu": lambda x: where(x <= 0.0, 0.01 * x, x),
        "elu": lambda x: where(x < 0.0, xp.expm1(x), x),
        "silu": lambda x: limited(x, x * sigmoid(x)),
        "gelu": lambda x: limited(x, x * normal_cdf(x)),
        "normal_cdf": normal_cdf,
        "normal_pdf": lambda x: exp(-0.5 * x * x) * math.sqrt(0.5 / math.pi),
        "step": lambda x: where(x > 0.0, 1.0, where(x <= 0.0, 0.0, x)),
        "maximum": lambda a, b: where((a >= b) | (a != a), a, b),
        "minimum": lambda a, b: where((a <= b) | (a != a), a, b),
        "tie": lambda a, b: where(a > b, 1.0, where(a < b, 0.0, where(a == b, 0.5, math.nan))),
        "equal": lambda a, b: where(a == b, 1.0, 0.0),
        "where_equal": lambda x, a, b: where(a == b, x, 0.0),
        "monomial": monomial,
        "log_power": log_power,
        "scaled": lambda c, x: where((c != 0.0) | (x != x), c * x, 0.0),
        "gap": gap,
        "exp_gap": lambda a, b: exp(gap(a, b)),
        "floored": floored,
        "asin_slope": lambda x: 1.0 / xp.sqrt((1.0 - x) * (1.0 + x)),
        "atan_slope": lambda x: 1.0 / (1.0 + x * x),
        "sigmoid_slope": lambda x, s: s * (1.0 - s),
        "binary_cross_entropy": binary_cross_entropy,
        "sigmoid_cross_entropy": lambda p, z, t: binary_cross_entropy(p, t),
        "logsumexp": logsumexp,
        "normalizer": normalizer,
        "take": take,
        "is_index": is_index,
        "largest": lambda xs, count: xp.max(xs, axis=-1),
        "ties": ties,
    }
    named = {name: getattr(xp, name) for name in SAME_NAME}
    arcs = {name: getattr(xp, name, None) or getattr(xp, older) for name, older in ARCS.items()}
    return named | arcs | elementwise


def _erf(xp: Any) -> Callable[[Any], Any]:
    return _special(xp, "erf", math.erf)


def _erfc(xp: Any) -> Callable[[Any], Any]:
    return _special(xp, "erfc", math.erfc)


def _special(xp: Any, name: str, function: Callable[[float], float]) -> Callable[[Any], Any]:
    """A function that NumPy's namespace does not have: JAX's own, or Python's for each number."""
    if xp.__name__.startswith("jax"):
        from importlib import import_module

        found: Callable[[Any], Any] = getattr(import_module("jax.scipy.special"), name)
        return found

    def each(x: Any) -> Any:
        x = xp.asarray(x)
        return xp.reshape(xp.asarray([function(float(number)) for number in x.ravel()], dtype=x.dtype), x.shape)

    return each

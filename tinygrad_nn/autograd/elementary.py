"""exp, sin ... gelu of floats, Values and traced values alike.

A float in gives a float out, a Value in gives a recorded Value. Each is one row of the table of primitives, with the
results of IEEE 754: nothing overflows into a Python exception.
"""

from __future__ import annotations

from ..support.numbers import as_float
from ..support.tabular import is_frame, is_unordered, plain
from . import primitives as table
from .primitives import Primitive
from .scalar import Scalar
from .value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    N = TypeVar("N", float, Value, float | Value)

__all__ = [
    "acos",
    "asin",
    "atan",
    "cos",
    "cosh",
    "elu",
    "erf",
    "exp",
    "expm1",
    "gelu",
    "leaky_relu",
    "log",
    "log1p",
    "relu",
    "sigmoid",
    "silu",
    "sin",
    "sinh",
    "softplus",
    "sqrt",
    "tan",
    "tanh",
]

Number = float | Value


def as_operand(x: object, what: str) -> Any:
    """A Value or traced value as it is, any other real number as a float; an array of one of them and no axis is it.

    Raises TypeError that names `what` was given something else.
    """
    operand = x if isinstance(x, Scalar) else as_float(x)
    if operand is None and getattr(x, "ndim", None) == 0 and isinstance(x.item(), Scalar):  # type: ignore[attr-defined]
        return x.item()  # type: ignore[attr-defined]
    if operand is None:
        given = f"a list of {len(x)}" if isinstance(x, list) else f"{x!r} of type {type(x).__name__}"
        raise TypeError(f"{what} wants a number or a Value, but got {given}")
    return operand


def as_operands(xs: Any, what: object) -> tuple[Any, ...]:
    """The operands of a list, tuple, generator or one-dimensional array.

    Raises TypeError that names `what` was given something else.
    """
    if type(xs) is not list and type(xs) is not tuple:
        xs = _listable(xs, what)
    return tuple(
        [x if type(x) is float or isinstance(x, Value) else as_operand(x, f"each entry of {what}") for x in xs]
    )


def _listable(xs: Any, what: object) -> Any:
    """What can be gone through in order. Raises TypeError that names `what` was given something else."""
    if is_frame(xs):
        return plain(xs, str(what))
    listed = hasattr(xs, "__iter__") and not isinstance(xs, str | bytes | Scalar) and not is_unordered(xs)
    if not listed or getattr(xs, "ndim", 1) == 0:
        if isinstance(xs, Scalar) or as_float(xs) is not None:
            one = "one number" if isinstance(xs, Scalar) else repr(xs)
            raise TypeError(
                f"{what} wants a list of numbers or Values, but got {one}: write [x], and rows of one input as "
                "[[1], [2]]"
            )
        raise TypeError(f"{what} wants a list of numbers or Values, but got {xs!r} of type {type(xs).__name__}")
    return xs.tolist() if hasattr(xs, "tolist") else xs


def _call(primitive: Primitive, x: object) -> Any:
    """A row of one operand on a float, on what records itself, or on another real number."""
    if type(x) is float:
        return primitive.value(x)
    if isinstance(x, Scalar):
        return x._record(primitive, (x,))
    return primitive.value(as_operand(x, f"tn.{primitive.name}"))


def exp(x: N) -> N:
    """e to the power x; inf past 709.78.

    >>> exp(0.0)
    1.0
    """
    return _call(table.exp, x)  # type: ignore[no-any-return]


def log(x: N) -> N:
    """The natural logarithm of x; -inf at 0, nan below.

    >>> log(1.0)
    0.0
    """
    return _call(table.log, x)  # type: ignore[no-any-return]


def log1p(x: N) -> N:
    """log(1 + x), exact for small x; -inf at -1, nan below.

    >>> log1p(1e-20)
    1e-20
    """
    return _call(table.log1p, x)  # type: ignore[no-any-return]


def expm1(x: N) -> N:
    """exp(x) - 1, exact for small x.

    >>> expm1(1e-20)
    1e-20
    """
    return _call(table.expm1, x)  # type: ignore[no-any-return]


def sqrt(x: N) -> N:
    """The square root of x; nan below 0, with derivative inf at 0.

    >>> sqrt(9.0)
    3.0
    """
    return _call(table.sqrt, x)  # type: ignore[no-any-return]


def sin(x: N) -> N:
    """The sine of x radians; nan at an infinity.

    >>> sin(0.0)
    0.0
    """
    return _call(table.sin, x)  # type: ignore[no-any-return]


def cos(x: N) -> N:
    """The cosine of x radians; nan at an infinity.

    >>> cos(0.0)
    1.0
    """
    return _call(table.cos, x)  # type: ignore[no-any-return]


def tan(x: N) -> N:
    """The tangent of x radians; nan at an infinity.

    >>> tan(0.0)
    0.0
    """
    return _call(table.tan, x)  # type: ignore[no-any-return]


def asin(x: N) -> N:
    """The angle in radians, -pi/2 to pi/2, whose sine is x; nan outside [-1, 1].

    >>> asin(0.0)
    0.0
    """
    return _call(table.asin, x)  # type: ignore[no-any-return]


def acos(x: N) -> N:
    """The angle in radians, 0 to pi, whose cosine is x; nan outside [-1, 1].

    >>> acos(1.0)
    0.0
    """
    return _call(table.acos, x)  # type: ignore[no-any-return]


def atan(x: N) -> N:
    """The angle in radians, -pi/2 to pi/2, whose tangent is x.

    >>> atan(0.0)
    0.0
    """
    return _call(table.atan, x)  # type: ignore[no-any-return]


def sinh(x: N) -> N:
    """The hyperbolic sine, (exp(x) - exp(-x)) / 2.

    >>> sinh(0.0)
    0.0
    """
    return _call(table.sinh, x)  # type: ignore[no-any-return]


def cosh(x: N) -> N:
    """The hyperbolic cosine, (exp(x) + exp(-x)) / 2.

    >>> cosh(0.0)
    1.0
    """
    return _call(table.cosh, x)  # type: ignore[no-any-return]


def tanh(x: N) -> N:
    """The hyperbolic tangent, sinh(x) / cosh(x).

    >>> tanh(0.0)
    0.0
    """
    return _call(table.tanh, x)  # type: ignore[no-any-return]


def erf(x: N) -> N:
    """The error function, 2 / sqrt(pi) times the integral of exp(-t*t) from 0 to x.

    >>> erf(0.0)
    0.0
    """
    return _call(table.erf, x)  # type: ignore[no-any-return]


def sigmoid(x: N) -> N:
    """1 / (1 + exp(-x)), without overflow on either side.

    >>> sigmoid(0.0)
    0.5
    """
    return _call(table.sigmoid, x)  # type: ignore[no-any-return]


def relu(x: N) -> N:
    """max(x, 0); its derivative at 0 is 0.

    >>> relu(-2.0), relu(3.0)
    (0.0, 3.0)
    """
    return _call(table.relu, x)  # type: ignore[no-any-return]


def leaky_relu(x: N) -> N:
    """x, and 0.01 x below 0; its derivative at 0 is 0.01.

    >>> leaky_relu(-2.0)
    -0.02
    """
    return _call(table.leaky_relu, x)  # type: ignore[no-any-return]


def elu(x: N) -> N:
    """x, and exp(x) - 1 below 0 (Clevert et al., 2016, with alpha 1).

    >>> elu(3.0)
    3.0
    """
    return _call(table.elu, x)  # type: ignore[no-any-return]


def softplus(x: N) -> N:
    """log(1 + exp(x)), without overflow or early rounding to 0.

    >>> softplus(800.0)
    800.0
    """
    return _call(table.softplus, x)  # type: ignore[no-any-return]


def silu(x: N) -> N:
    """x * sigmoid(x) (Hendrycks & Gimpel, 2016), also called swish.

    >>> silu(0.0)
    0.0
    """
    return _call(table.silu, x)  # type: ignore[no-any-return]


def gelu(x: N) -> N:
    """x times the normal distribution function of x, the erf form (Hendrycks & Gimpel, 2016).

    >>> gelu(0.0)
    0.0
    """
    return _call(table.gelu, x)  # type: ignore[no-any-return]

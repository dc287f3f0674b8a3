"""exp, sin ... gelu of floats, Values and traced values alike: each row of the table that has a `doc`.

A float in gives a float out, a Value in gives a recorded Value, with the results of IEEE 754: nothing overflows into a
Python exception. Here, too, is how whatever is given to a function becomes its operands.
"""

from __future__ import annotations

from collections.abc import Callable

from ..support.annotation import TYPE_CHECKING, Any, Protocol
from ..support.numbers import as_float
from ..support.tabular import is_frame, is_unordered, plain
from . import primitives as table
from .primitives import Primitive
from .scalar import Scalar
from .value import Value

if TYPE_CHECKING:
    from typing import TypeVar, overload

    N = TypeVar("N", float, Value, float | Value)

    class NumericFunction(Protocol):
        """What a type checker knows of each: a float of a float, a Value of a Value."""

        @overload
        def __call__(self, x: N) -> N: ...
        @overload
        def __call__(self, a: Any, b: Any, c: Any = ..., /) -> Any: ...


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


def _function(row: Primitive) -> Callable[..., Any]:
    """A row of the table as a function of floats, of what records itself, and of other real numbers."""
    what = f"tn.{row.name}"

    def of_one(x: Any) -> Any:
        if type(x) is float:
            return row.value(x)
        if isinstance(x, Scalar):
            return x._record(row, (x,))
        return row.value(as_operand(x, what))

    def of_two(a: Any, b: Any) -> Any:
        return row(as_operand(a, what), as_operand(b, what))

    def of_three(a: Any, b: Any, c: Any) -> Any:
        return row(as_operand(a, what), as_operand(b, what), as_operand(c, what))

    function: Any = (of_one, of_two, of_three)[len(row.operands) - 1]
    function.__code__ = function.__code__.replace(co_varnames=row.operands)
    function.__annotations__ = dict.fromkeys((*row.operands, "return"), "float | Value")
    function.__name__ = function.__qualname__ = row.name
    call, _, result = row.example.partition(" -> ")
    function.__doc__ = f"{row.doc}\n\n>>> {call}\n{result}\n"
    return function  # type: ignore[no-any-return]


_functions = {row.name: _function(row) for row in table.TABLE.values() if row.doc}
globals().update(_functions)
__all__ = sorted(_functions)

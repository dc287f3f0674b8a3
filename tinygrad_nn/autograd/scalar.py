"""What every recorded scalar can do: Python's operators, and the functions of the table as methods.

Each is one call of a row of the table. `Value` and the compiler's traced values inherit them and say only how an
operation is recorded, so that both have the same operators by construction.
"""

from __future__ import annotations

import operator
from collections.abc import Callable

from ..support.annotation import TYPE_CHECKING, Any
from ..support.numbers import as_float
from . import primitives as table
from .primitives import Primitive

TRUTH = "a Value is not true or false: write v != 0 for its number, or v is not None where there may be none"
POWERS = {0.0: table.zeroth_power, 2.0: table.square, 3.0: table.cube, 4.0: table.fourth_power}

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip

# NumPy's operators by their names; its functions of numbers would drop the gradient.
UFUNCS: dict[str, Callable[..., Any]] = {
    "add": operator.add, "subtract": operator.sub, "multiply": operator.mul, "divide": operator.truediv,
    "power": operator.pow, "remainder": operator.mod, "floor_divide": operator.floordiv, "divmod": divmod,
    "negative": operator.neg, "positive": operator.pos, "absolute": operator.abs,
    "less": operator.lt, "less_equal": operator.le, "greater": operator.gt, "greater_equal": operator.ge,
    "equal": operator.eq, "not_equal": operator.ne,
}  # fmt: skip


def _operator(row: Primitive, swapped: bool = False) -> Callable[[Any, Any], Any]:
    """An operator, as a method: the row that it calls, with the operands swapped where it is a reflected one."""

    def operate(self: Scalar, other: object) -> Any:
        return self._binary(row, other, swapped)

    return operate


def _comparison(symbol: str) -> Callable[[Any, Any], Any]:
    def compare(self: Scalar, other: object) -> Any:
        return self._compared(symbol, other)

    return compare


class Scalar:
    """A scalar that records the operations on it. Subclasses define `_record`."""

    __slots__ = ()
    _precedence = 0

    def _record(self, primitive: Primitive, operands: tuple[Any, ...]) -> Any:
        raise NotImplementedError

    def _made_by(self, primitive: Primitive) -> tuple[Any, ...] | None:
        """The operands of this value if it is recorded as a result of that primitive, else None."""
        return None

    def _binary(self, primitive: Primitive, other: object, swapped: bool = False) -> Any:
        operand = other if isinstance(other, Scalar) else as_float(other)
        if operand is None:
            return NotImplemented
        return primitive(operand, self) if swapped else primitive(self, operand)

    def _compared(self, symbol: str, other: object) -> Any:
        raise NotImplementedError

    __add__ = _operator(table.add)
    __sub__, __rsub__ = _operator(table.subtract), _operator(table.subtract, swapped=True)
    __mul__, __rmul__ = _operator(table.multiply), _operator(table.multiply, swapped=True)
    __truediv__, __rtruediv__ = _operator(table.divide), _operator(table.divide, swapped=True)
    __mod__, __rmod__ = _operator(table.mod), _operator(table.mod, swapped=True)
    __floordiv__, __rfloordiv__ = _operator(table.floor_divide), _operator(table.floor_divide, swapped=True)
    __rpow__ = _operator(table.power, swapped=True)
    __lt__, __le__, __gt__, __ge__ = map(_comparison, ("<", "<=", ">", ">="))

    def __radd__(self, other: object) -> Any:
        if type(other) is int and other == 0:  # so that sum(values) adds no constant
            return self
        return self._binary(table.add, other, swapped=True)

    def __divmod__(self, other: object) -> Any:
        whole = self // other
        return NotImplemented if whole is NotImplemented else (whole, self % other)

    def __rdivmod__(self, other: object) -> Any:
        whole = self.__rfloordiv__(other)
        return NotImplemented if whole is NotImplemented else (whole, self.__rmod__(other))

    def __pow__(self, exponent: object) -> Any:
        literal = None if isinstance(exponent, Scalar) else as_float(exponent)
        if literal in POWERS:
            return self._record(POWERS[literal], (self,))
        return self._binary(table.power, exponent)

    def __neg__(self) -> Any:
        return self._record(table.negative, (self,))

    def __pos__(self) -> Any:
        return self

    def __abs__(self) -> Any:
        return self._record(table.absolute, (self,))

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **options: Any) -> Any:
        """What NumPy asks for array * v, v < array and the like: an array with an entry for each of the array's.

        Raises TypeError for an array of numbers that is to hold the results, and for NumPy's functions.
        """
        if ufunc.__name__ not in UFUNCS:
            self.__float__()
        numbers = [entry if isinstance(entry, Scalar) else as_float(entry) for entry in inputs]
        if method == "__call__" and None not in numbers and out is None and not options:
            return UFUNCS[ufunc.__name__](*numbers)  # of numpy.float64(2) * v
        for array in out or ():
            if array is not None and array.dtype.kind != "O":
                raise TypeError(
                    f"an array of {array.dtype} holds numbers, not Values: write a = a * v in place of a *= v"
                )
        entries = [_as_entry(entry) if isinstance(entry, Scalar) else entry for entry in inputs]
        return getattr(ufunc, method)(*entries, **options, **({"out": out} if out else {}))

    def __float__(self) -> Any:
        raise TypeError(
            "a Value is not a float: float(v) and the functions of math and numpy would drop the gradient; "
            "use tn.exp(v), tn.sin(v) ... for a function of it, or v.data for the number"
        )

    __int__ = __index__ = __complex__ = __trunc__ = __floor__ = __ceil__ = __float__

    def __round__(self, digits: int | None = None) -> Any:
        return self.__float__()

    def __bool__(self) -> bool:
        raise TypeError(TRUTH)

    def detach(self) -> Any:
        """This value, taken for a constant: derivatives do not go through it."""
        return self._record(table.detached, (self,))

    if TYPE_CHECKING:  # its further methods: exp, log, tanh ...

        def __getattr__(self, name: str) -> Callable[[], Any]: ...


def _method(row: Primitive) -> Callable[[Scalar], Any]:
    """A row of one operand as a method."""

    def method(self: Scalar) -> Any:
        return self._record(row, (self,))

    method.__name__, method.__qualname__, method.__doc__ = row.name, f"Scalar.{row.name}", row.doc
    return method


for _row in table.TABLE.values():
    if _row.doc and len(_row.operands) == 1:
        setattr(Scalar, _row.name, _method(_row))


def _as_entry(scalar: Scalar) -> Any:
    """An array of objects, without dimensions, that holds a scalar."""
    import numpy  # which asks, and so is there

    entry = numpy.empty((), dtype=object)
    entry[()] = scalar
    return entry

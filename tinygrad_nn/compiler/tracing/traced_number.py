"""Traced numbers: data inside a traced function, which are Python's floats where nothing is compiled.

What a float answers they answer, too, each answer being a branch that holds for rows of the same answer; and where
floats answer otherwise than the rows of the table, as when they are divided by 0, so do they.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NoReturn

from ...autograd import primitives as table
from ...autograd.scalar import UFUNCS, Scalar
from ...support.numbers import as_float
from .traced import OF_FLOATS, Traced


class TracedNumber(Traced):
    """A traced value that stands for a plain number: its powers are those of Python's floats, not the table's rows.

    Where Python wants the number itself, the program holds for rows of that number; for those of its int(), floor or
    round, where it wants no more.
    """

    __slots__ = ()
    _is_data = True
    __class__ = property(lambda self: float)

    def __pow__(self, exponent: object) -> Any:
        if (found := self._complex_power(self, exponent)) is not None:
            return found
        if isinstance(exponent, Scalar) or (literal := as_float(exponent)) is None:
            return Traced.__pow__(self, exponent)
        return self._record(table.power, (self, literal))

    def __rpow__(self, base: object) -> Any:
        found = self._complex_power(base, self)
        return Traced.__rpow__(self, base) if found is None else found

    def _complex_power(self, base: Any, exponent: Any) -> complex | None:
        """The power of floats where it is a complex number, else None. Raises what 0.0**-1 raises."""
        if not self._tracer.floats or not {type(base), type(exponent)} <= AS_FLOATS:
            return None
        if exponent < 0.0 and base == 0.0:
            raise ZeroDivisionError("0.0 cannot be raised to a negative power")
        if (type(exponent) in (float, int) and float(exponent).is_integer()) or not base < 0.0:
            return None
        power: Any = float(base) ** float(exponent)
        return power if isinstance(power, complex) else None

    def _seen(self) -> float:
        """The number in this run, which is one of many where it changes with every step."""
        if self._tracer.block == "update":
            Traced.__float__(self)
        return self._tracer.numbers[self._slot]

    def __float__(self) -> float:
        number = self._seen()
        if number != number:
            self._tracer.guard(self, "!=", self)
        else:
            self._tracer.guard(self, "==", number)
        if number == 0.0:  # which has a sign
            self._tracer.guard(self._record(table.divide, (1.0, self)), "<", 0.0)
        return number

    def _whole(self, found: int, low: float, high: float, with_low: bool, with_high: bool) -> int:
        """A whole number, on the path of all numbers from `low` to `high`."""
        if abs(found) < 2**52:
            self._tracer.guard(self, ">=" if with_low else ">", float(low))
            self._tracer.guard(self, "<=" if with_high else "<", float(high))
        else:  # where floats are whole
            float(self)
        return found

    def __int__(self) -> int:
        k = int(self._seen())
        return self._whole(k, k - (k <= 0), k + (k >= 0), k > 0, k < 0)

    __trunc__ = __int__

    def __floor__(self) -> int:
        k = math.floor(self._seen())
        return self._whole(k, k, k + 1, True, False)

    def __ceil__(self) -> int:
        k = math.ceil(self._seen())
        return self._whole(k, k - 1, k, False, True)

    def __round__(self, digits: int | None = None) -> Any:
        if digits is not None:
            return round(float(self), digits)
        k = round(self._seen())
        return self._whole(k, k - 0.5, k + 0.5, k % 2 == 0, k % 2 == 0)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """NumPy's functions of numbers: those of the table by its rows, others of the number."""
        if method != "__call__" or ufunc.__name__ in UFUNCS:
            return Traced.__array_ufunc__(self, ufunc, method, *inputs, **options)
        if len(inputs) == 1 and hasattr(Scalar, ufunc.__name__):
            return getattr(self, ufunc.__name__)()
        return ufunc(*[float(entry) if type(entry) is TracedNumber else entry for entry in inputs], **options)

    def __complex__(self) -> complex:
        return complex(float(self))

    def __index__(self) -> Any:
        raise self._tracer.refusal(
            "an index is a whole number, and the numbers of a row are floats: write tn.take(values, t), which is one "
            "path for all rows, or values[int(t)], which is a path for each"
        )

    def __bool__(self) -> bool:
        return self._tracer.guard(self, "!=", 0.0)

    def __hash__(self) -> int:
        return hash(float(self))

    def __copy__(self) -> TracedNumber:
        return self

    def __deepcopy__(self, memo: object) -> TracedNumber:
        return self

    def __getattr__(self, name: str) -> Any:
        if name in OF_FLOATS:
            return getattr(float(self), name)
        raise AttributeError(f"the numbers of a row are floats, and 'float' object has no attribute {name!r}")

    def _absent(self) -> NoReturn:
        raise AttributeError

    data = grad = backward = op = property(_absent)


AS_FLOATS = {TracedNumber, float, int, bool}


def _divided(name: str, swapped: bool) -> Callable[[TracedNumber, object], Any]:
    """A division as Traced has it, which floats refuse by 0."""

    def method(number: TracedNumber, other: object) -> Any:
        if number._tracer.floats and type(other) in AS_FLOATS and (number if swapped else other) == 0.0:
            raise ZeroDivisionError("float division by zero")
        return getattr(Traced, name)(number, other)

    return method


for _name in ("truediv", "mod", "floordiv"):
    setattr(TracedNumber, f"__{_name}__", _divided(f"__{_name}__", swapped=False))
    setattr(TracedNumber, f"__r{_name}__", _divided(f"__r{_name}__", swapped=True))

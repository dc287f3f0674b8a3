"""Traced values: the numbers of a function while it is traced, with the operators and methods of Value.

A `Traced` stands for a Value, or for an argument that may be one: what asks for its number is refused. A `TracedNumber`
stands for data, which is a float when nothing is compiled: what a float answers it answers, too, each answer being a
branch that holds for rows of the same answer.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any, NoReturn

from ...autograd import primitives as table
from ...autograd.primitives import Primitive
from ...autograd.scalar import TRUTH, UFUNCS, Scalar
from ...autograd.value import Value
from ...support.numbers import as_float
from .of_floats import check_division, complex_power

OF_FLOATS = ("real", "imag", "conjugate", "is_integer", "as_integer_ratio", "hex")


class TraceError(TypeError):
    """The function did something with a traced value that a program cannot hold."""


class Traced(Scalar):
    """A number of a traced run: it has the operators of Value, and a slot in place of its data."""

    __slots__ = ("_slot", "_tracer")
    _precedence = 1

    def __init__(self, tracer: Any, slot: int) -> None:
        self._tracer, self._slot = tracer, slot

    def _kind(self) -> type:
        """What isinstance takes it for: what it is without compiling, where that is known."""
        return Value if self._tracer.of_data else type(self)

    __class__ = property(_kind)

    def _record(self, primitive: Primitive, operands: tuple[Any, ...]) -> Traced:
        return self._tracer.record(primitive, operands)

    def _made_by(self, primitive: Primitive) -> tuple[Any, ...] | None:
        made = self._tracer.made.get(self._slot)
        if made is None or made.primitive is not primitive:
            return None
        return tuple([Traced(self._tracer, slot) for slot in made.slots()])

    @property
    def label(self) -> str:
        return self._tracer.program.names.get(self._slot, "")

    @label.setter
    def label(self, label: str) -> None:
        self._tracer.program.names[self._slot] = label

    @property
    def op(self) -> Primitive | None:
        made = self._tracer.made.get(self._slot)
        return made.primitive if made else None

    @property
    def data(self) -> Any:
        raise self._tracer.refusal(
            "a compiled function is run once on values without a number of their own, so .data would be kept from that "
            "run: compute with the value itself, branch by comparing it, or leave .data outside the function"
        )

    @property
    def grad(self) -> Any:
        raise self._tracer.refusal(
            "a value inside a compiled function has no .grad: ask the compiled function for f.grad(...), or use "
            "tn.grad(output, inputs, create_graph=True) inside it"
        )

    def backward(self) -> NoReturn:
        self._tracer.refuse("backward()")

    def __float__(self) -> Any:
        raise self._tracer.refusal(
            "float(), int(), range() and the functions of math take a number, which a compiled function's values are "
            "not: use tn.exp(v), tn.sin(v) ... for functions, and a plain Python number for a count"
        )

    def _no_number(self) -> Any:
        return self.__float__()

    __int__ = __index__ = __complex__ = __trunc__ = __floor__ = __ceil__ = _no_number

    def __round__(self, digits: int | None = None) -> Any:
        return self.__float__()

    def _of_floats(self, other: object) -> Any:
        raise self._tracer.refusal(
            "%, // and divmod are of plain numbers, which a compiled function's values are not: compute them outside"
        )

    __mod__ = __rmod__ = __floordiv__ = __rfloordiv__ = __divmod__ = __rdivmod__ = _of_floats

    def __getattr__(self, name: str) -> Any:
        if name in OF_FLOATS and not self._tracer.of_data:
            raise self._tracer.refusal(
                f".{name} is of plain numbers, which a compiled function's values are not: leave it outside"
            )
        raise AttributeError(f"'{type(self).__name__}' object has no attribute {name!r}")

    def _compared(self, comparison: str, other: object) -> Any:
        operand = other if isinstance(other, Scalar) else as_float(other)
        return NotImplemented if operand is None else self._tracer.guard(self, comparison, operand)

    def __lt__(self, other: object) -> Any:
        return self._compared("<", other)

    def __le__(self, other: object) -> Any:
        return self._compared("<=", other)

    def __gt__(self, other: object) -> Any:
        return self._compared(">", other)

    def __ge__(self, other: object) -> Any:
        return self._compared(">=", other)

    def __eq__(self, other: object) -> Any:
        """Equality with a number, or of one and the same value, which tests for nan; != is what this is not."""
        if isinstance(other, Scalar) and other is not self and TracedNumber not in (type(self), type(other)):
            raise self._tracer.refusal(
                f"{self!r} == {other!r}: of two Values this asks whether they are one and the same, which a program "
                "does not know: write a is b for that, or a - b == 0 for their numbers"
            )
        return self._compared("==", other)

    def __bool__(self) -> bool:
        raise self._tracer.refusal(TRUTH)

    def __hash__(self) -> int:
        raise self._tracer.refusal(
            "a value of a compiled function cannot be looked up in a set or a dict, which would compare no numbers: "
            "branch by comparing it, or use tn.take for a lookup"
        )

    def __str__(self) -> str:
        raise self._tracer.refusal(
            "the text of a value (str, format, print, an f-string) would be that of the traced run: leave it outside "
            "the function, or make text of the plain numbers that come back"
        )

    def __format__(self, specification: str) -> str:
        return str(self)

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise self._tracer.refusal(
            "a value of a compiled function is not copied or pickled: use the value itself, tn.detach(v) without its "
            "gradient"
        )

    def __repr__(self) -> str:
        return f"<traced value {self.label or self._slot}>"


class TracedNumber(Traced):
    """A traced value that stands for a plain number: its powers are those of Python's floats, not the table's rows.

    Where Python wants the number itself, the program holds for rows of that number; for those of its int(), floor or
    round, where it wants no more.
    """

    __slots__ = ()
    __class__ = property(lambda self: float)

    def __pow__(self, exponent: object) -> Any:
        if (found := self._as_floats(complex_power, self, exponent)) is not None:
            return found
        if isinstance(exponent, Scalar) or (literal := as_float(exponent)) is None:
            return Traced.__pow__(self, exponent)
        return self._record(table.power, (self, literal))

    def __rpow__(self, base: object) -> Any:
        found = self._as_floats(complex_power, base, self)
        return Traced.__rpow__(self, base) if found is None else found

    def _as_floats(self, answer: Callable[[Any, Any], Any], a: object, b: object) -> Any:
        return answer(a, b) if self._tracer.floats and {type(a), type(b)} <= PLAIN else None

    def __truediv__(self, other: object) -> Any:
        self._as_floats(check_division, self, other)
        return Traced.__truediv__(self, other)

    def __rtruediv__(self, other: object) -> Any:
        self._as_floats(check_division, other, self)
        return Traced.__rtruediv__(self, other)

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


PLAIN = {TracedNumber, float, int, bool}


def _on_floats(operation: Callable[[Any, Any], Any], swapped: bool) -> Callable[[TracedNumber, object], Any]:
    """An operation of floats that is none of Values."""

    def method(number: TracedNumber, other: object) -> Any:
        operand = float(other) if type(other) is TracedNumber else as_float(other)
        if operand is None:
            return NotImplemented
        return operation(operand, float(number)) if swapped else operation(float(number), operand)

    return method


for _name, _operation in (("mod", operator.mod), ("floordiv", operator.floordiv), ("divmod", divmod)):
    setattr(TracedNumber, f"__{_name}__", _on_floats(_operation, swapped=False))
    setattr(TracedNumber, f"__r{_name}__", _on_floats(_operation, swapped=True))

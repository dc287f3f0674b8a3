"""Value: one number that remembers how it was computed.

An operation on Values makes a `Result`, a Value that also holds the primitive, its operands in order and the number
of the operation in the order of recording. The graph is that data and nothing else; `reverse.py` walks it backwards.
"""

from __future__ import annotations

from ..support.annotation import Any
from ..support.numbers import as_float
from . import primitives as table
from . import reverse
from .column import Column, numbers
from .packs import InPack
from .primitives import Primitive
from .recording import current_recorder, next_number, watcher
from .scalar import COMPARISONS, Scalar


class Value(Scalar):
    """One number of a computation, with its gradient.

    `data` is any real number and is held as a float; a `label` names it in drawings. Arithmetic on Values records
    the operation, and `backward` on the result fills in `grad` = d result / d value for every Value it depends on.

    With a number, `==` and `!=` compare the data, as `<` does. Two Values are equal only if they are one and the same,
    so that lists, sets and dictionaries tell them apart; `v != v` asks for nan. A Value is not true or false: `if v`
    raises TypeError. Write `v != 0`, or `v is not None`.

    Raises TypeError for data that is no real number (a string, a complex number, a list, a Value).

    >>> a, b = Value(-4.0, label="a"), Value(2.0, label="b")
    >>> c = a * b + b**3
    >>> c.backward()
    >>> c.data, a.grad, b.grad
    (0.0, 2.0, 8.0)
    """

    __slots__ = ("data", "grad", "label")
    data: float
    grad: float
    label: str
    op: Primitive | None = None
    scope: object = None

    def __init__(self, data: Any, label: str = "") -> None:
        number = as_float(data)
        if number is None:
            traced = isinstance(data, Scalar) and not isinstance(data, Value) and isinstance(label, str)
            if traced and (watching := watcher()) is not None and watching.leaf(self, data, label):
                return
            hint = "use its .data for the number" if isinstance(data, Scalar) else "make one Value for each number"
            raise TypeError(f"Value() holds one real number, but got {data!r} of type {type(data).__name__}; {hint}")
        if not isinstance(label, str):
            raise TypeError(f"the label of a Value is a string, but got {label!r}")
        self.data = number
        self.grad = 0.0
        self.label = label

    @property
    def operands(self) -> tuple[Value | float, ...]:
        """The operands in order, literals as floats; empty for a leaf."""
        return ()

    # Sums and products are most of what is recorded: these two are `recorded` written out, a sixth faster.
    def __add__(self, other: Any) -> Any:
        kind = type(other)
        if kind is Result or kind is Value or kind is Packed:
            data = self.data + other.data
        elif kind is float:
            data = self.data + other
        else:
            return Scalar.__add__(self, other)
        recorder = current_recorder()
        if recorder is None:
            return unrecorded(data)
        result = Result()
        result.data = data
        result.grad = 0.0
        result.label = ""
        result.op = table.add
        result.first = self
        result.second = other
        result.third = None
        result.scope = recorder.scope
        result.number = next_number()
        if recorder.watcher is not None:
            recorder.watcher.recorded(result)
        return result

    def __mul__(self, other: Any) -> Any:
        kind = type(other)
        if kind is Result or kind is Value or kind is Packed:
            data = self.data * other.data
        elif kind is float:
            data = self.data * other
        else:
            return Scalar.__mul__(self, other)
        recorder = current_recorder()
        if recorder is None:
            return unrecorded(data)
        result = Result()
        result.data = data
        result.grad = 0.0
        result.label = ""
        result.op = table.multiply
        result.first = self
        result.second = other
        result.third = None
        result.scope = recorder.scope
        result.number = next_number()
        if recorder.watcher is not None:
            recorder.watcher.recorded(result)
        return result

    def _binary(self, primitive: Primitive, other: Any, swapped: bool = False) -> Any:
        kind = type(other)
        if kind is Result or kind is Value or kind is Packed:
            number = other.data
        elif kind is float:
            number = other
        elif isinstance(other, Scalar) or (number := as_float(other)) is None:
            return Scalar._binary(self, primitive, other, swapped)
        else:
            other = number
        if swapped:
            return recorded(primitive, primitive.value(number, self.data), other, self)
        return recorded(primitive, primitive.value(self.data, number), self, other)

    def _record(self, primitive: Primitive, operands: tuple[Any, ...]) -> Value:
        first = operands[0]
        if len(operands) == 1 and type(first) is not tuple:
            value = primitive.value
            return recorded(primitive, value(first.data), first)
        data = primitive.value(*map(numbers, operands))
        return recorded(primitive, data, *[Column(o) if type(o) is tuple else o for o in operands])

    def backward(self) -> None:
        """Fill in `.grad` = d self / d value for every Value that this one was computed from.

        The gradients of leaves add up over calls (set them to 0, or call `zero_grad` of the model or the optimiser, in
        between); those of intermediate results hold the latest call alone. Adjoints are added in reverse order of
        recording, the operands of each operation from left to right (reverse accumulation: Griewank & Walther,
        Evaluating Derivatives, 2008, chapter 3).
        """
        if (watching := watcher()) is not None:
            watching.backward(self)
        if isinstance(self, Result):
            reverse.backward(self)
        else:
            self.grad += 1.0

    def _compared(self, symbol: str, other: Any) -> Any:
        operand = other if isinstance(other, Value) else as_float(other)
        if operand is None:
            return NotImplemented
        if (watching := watcher()) is not None and (answer := watching.compared(self, symbol, operand)) is not None:
            return answer
        return COMPARISONS[symbol](self.data, operand.data if isinstance(operand, Value) else operand)

    def __eq__(self, other: Any) -> Any:
        if isinstance(other, Scalar) and other is not self:
            return NotImplemented if other._precedence else False
        return self._compared("==", other)

    def __ne__(self, other: Any) -> Any:
        if isinstance(other, Scalar) and other is not self:
            return NotImplemented if other._precedence else True
        return self._compared("!=", other)

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        label = f", label={self.label!r}" if self.label else ""
        made_by = f", op={self.op.name}" if self.op else ""
        return f"Value(data={self.data!r}, grad={self.grad!r}{label}{made_by})"

    def __format__(self, specification: str) -> str:
        return format(self.data, specification) if specification else repr(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return Value, (self.data, self.label), (None, {"grad": self.grad})

    # Read-only names of micrograd.
    @property
    def _prev(self) -> set[Value]:
        return {operand for operand in self.operands if isinstance(operand, Value)}

    @property
    def _op(self) -> str:
        if self.op is table.power and type(self.operands[1]) is float:
            return f"**{self.operands[1]:g}"
        return self.op.symbol if self.op else ""


class Result(Value):
    """A Value made by an operation: its primitive and operands beside its number.

    `first`, `second` and `third` are the operands as the primitive takes them, a column of them as a Column; None
    where there are fewer.
    """

    __slots__ = ("first", "number", "op", "passes", "scope", "second", "third")
    op: Primitive
    scope: object
    first: Any
    second: Any
    third: Any
    number: int
    passes: int  # how often backward() was called on it; not set before

    # A class without an __init__ of its own is made in half the time, and every operation makes one of these.
    __init__ = object.__init__

    @property
    def groups(self) -> tuple[Any, ...]:
        """The operands as the primitive takes them, columns as tuples."""
        places = (self.first, self.second, self.third)[: len(self.op.operands)]
        return tuple([p.operands if type(p) is Column else p for p in places]) if self.op.folds else places

    @property
    def operands(self) -> tuple[Value | float, ...]:
        """The operands in order, literals as floats; of `dot` all weights, then all inputs, then the bias."""
        if not self.op.folds:
            return self.groups
        columns = (group if type(group) is tuple else (group,) for group in self.groups)
        return tuple([operand for column in columns for operand in column])

    def _made_by(self, primitive: Primitive) -> tuple[Any, ...] | None:
        return self.groups if self.op is primitive else None


class Packed(InPack, Value):
    """A leaf whose number stands in a pack, beside those of others, where compiled steps change it."""

    __slots__ = ()
    cell = vars(Value)["data"]  # the slot, which holds where the number is
    plain = Value


Packed.__name__ = Packed.__qualname__ = Result.__name__ = Result.__qualname__ = "Value"  # to everyone who meets them
LEAVES = frozenset({Value, Packed})


def recorded(
    primitive: Primitive, data: float, first: Any, second: Any = None, third: Any = None, owner: object = None
) -> Value:
    """The result of an operation whose value is known, recorded as a Result; a plain Value inside no_grad."""
    recorder = current_recorder()
    if recorder is None:
        return unrecorded(data)
    result: Result = Result()
    result.data = data
    result.grad = 0.0
    result.label = ""
    result.op = primitive
    result.first = first
    result.second = second
    result.third = third
    result.scope = recorder.scope if owner is None else owner
    result.number = next_number()
    if recorder.watcher is not None:
        recorder.watcher.recorded(result)
    return result


UNRECORDED = float("0")  # the gradient of what was computed inside no_grad: a zero that is an object of its own


def unrecorded(data: float) -> Value:
    """The result of an operation inside no_grad."""
    value: Value = object.__new__(Value)
    value.data = data
    value.grad = UNRECORDED
    value.label = ""
    return value

"""Traced values: the numbers of a function while it is traced, with the operators and methods of Value.

A `Traced` stands for a Value, or for an argument that may be one: what asks for its number is refused. What Value(x)
gives of one is a `TracedLeaf`.
"""

from __future__ import annotations

from typing import Any, NoReturn, Protocol

from ...autograd.primitives import Primitive
from ...autograd.scalar import TRUTH, Scalar
from ...autograd.value import Value
from ...support.numbers import as_float
from ..program.notes import BySlot
from ..program.program import Family, Instruction, Program
from .truth import Truth

OF_FLOATS = ("real", "imag", "conjugate", "is_integer", "as_integer_ratio", "hex")


class TraceError(TypeError):
    """The function did something with a traced value that a program cannot hold."""


class Tracing(Protocol):
    """What a traced value asks of the tracer that writes down what is done with it."""

    program: Program
    made: BySlot[Instruction | Family]
    numbers: list[float]  # what the slots hold in this run
    of_data: bool
    floats: bool
    block: str

    def record(self, primitive: Primitive, operands: tuple[Any, ...]) -> Traced: ...
    def guard(self, left: Any, comparison: str, right: Any) -> bool: ...
    def refuse(self, what: str) -> NoReturn: ...
    def refusal(self, message: str) -> TraceError: ...


class Traced(Scalar):
    """A number of a traced run: it has the operators of Value, and a slot in place of its data."""

    __slots__ = ("_slot", "_tracer")
    _precedence = 1
    _is_data = False  # whether it stands for a plain number

    def __init__(self, tracer: Tracing, slot: int) -> None:
        self._tracer, self._slot = tracer, slot

    def _kind(self) -> type:
        """What isinstance takes it for: what it is without compiling, where that is known."""
        return Value if self._tracer.of_data else type(self)

    __class__ = property(_kind)

    def _binary(self, primitive: Primitive, other: object, swapped: bool = False) -> Any:
        tracer = self._tracer  # most operations are on what is traced here or on literals, and need not ask who records
        if type(other) is float or (isinstance(other, Traced) and other._tracer is tracer):
            return tracer.record(primitive, (other, self) if swapped else (self, other))
        return Scalar._binary(self, primitive, other, swapped)

    def _record(self, primitive: Primitive, operands: tuple[Any, ...]) -> Traced:
        return self._tracer.record(primitive, operands)

    def _made_by(self, primitive: Primitive) -> tuple[Any, ...] | None:
        made = self._tracer.made.get(self._slot)
        if made is None or made.primitive is not primitive:
            return None
        made = made if isinstance(made, Instruction) else made.member(self._slot - made.slot)
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

    __int__ = __index__ = __complex__ = __trunc__ = __floor__ = __ceil__ = __float__

    def __getattr__(self, name: str) -> Any:
        if name in OF_FLOATS and not self._tracer.of_data:
            raise self._tracer.refusal(
                f".{name} is of plain numbers, which a compiled function's values are not: leave it outside"
            )
        raise AttributeError(f"'{type(self).__name__}' object has no attribute {name!r}")

    def _compared(self, comparison: str, other: object) -> Any:
        operand = other if isinstance(other, Scalar) else as_float(other)
        return NotImplemented if operand is None else Truth(self._tracer, self, comparison, operand)

    def __eq__(self, other: object) -> Any:
        return self._equal("==", other)

    def __ne__(self, other: object) -> Any:
        return self._equal("!=", other)

    def _equal(self, comparison: str, other: object) -> Any:
        """Equality with a number, or of one and the same value, which tests for nan."""
        data = self._is_data or getattr(type(other), "_is_data", False)
        if isinstance(other, Scalar) and other is not self and not data:
            raise self._tracer.refusal(
                f"{self!r} == {other!r}: of two Values this asks whether they are one and the same, which a program "
                "does not know: write a is b for that, or a - b == 0 for their numbers"
            )
        return self._compared(comparison, other)

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


STANDS_FOR = vars(Value)["label"]  # the slot of a leaf, which holds the traced value that it stands for


class TracedLeaf(Value):
    """`Value(x)` of a traced number x: a leaf to differentiate by, as tn.grad(output, inputs) wants it.

    It has no number of its own: it is a traced value in all it does, and is a Value so that `Value(x)` may give it.
    """

    __slots__ = ()
    _precedence = Traced._precedence
    _tracer = property(lambda self: STANDS_FOR.__get__(self)._tracer)
    _slot = property(lambda self: STANDS_FOR.__get__(self)._slot)


OF_ALL_LEAVES = {*vars(TracedLeaf), "__init__", "__class__", "__slots__", "__dict__", "__weakref__"}
for kind in (Scalar, Traced):  # what Value has in its own way, and what a traced value has in its own
    for name, entry in vars(kind).items():
        if name not in OF_ALL_LEAVES:
            setattr(TracedLeaf, name, entry)

"""Tracing: a function is run once on traced values, which write down every operation and every branch.

What the function asks of the context that it runs in is answered here: a derivative is more of the program, so that a
transform inside it is compiled with it; what cannot be traced raises. What the function reads beside its arguments is
in the run's surroundings, which are compared before its program is run again.
"""

from __future__ import annotations

from typing import Any, NoReturn

from ...autograd import primitives as table
from ...autograd.packs import CLASS
from ...autograd.recording import Watcher, next_number, watched
from ...autograd.value import Value
from . import adjoint
from .traced import STANDS_FOR, Traced, TracedLeaf, TraceError
from .writer import VALUES, Writer


class Tracer(Writer, Watcher):
    """The watcher of a function that is traced."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.world: Any = None  # the surroundings of the function
        self.changed: list[tuple[Value, str, Any]] = []  # attributes of Values that were set, and what they were

    def variable(self, number: Any) -> Traced:
        """A value of its own for a transform to differentiate by, equal to the number."""
        slot = self._write(table.subtract, (self.slot_of(number), self.slot_of(0.0)), None, "", next_number())
        self.reads[slot] = VALUES  # whatever the number is
        return Traced(self, slot)

    def leaf(self, value: Value, number: Traced, label: str) -> bool:
        """Make a new Value the leaf that stands for a traced number, and so a variable of its own."""
        CLASS.__set__(value, TracedLeaf)
        STANDS_FOR.__set__(value, self.variable(number))
        if label:
            value.label = label
        return True

    grad = adjoint.gradients  # as more instructions
    tangents = adjoint.traced_tangents
    outside = adjoint.given_back

    def backward(self, output: Any) -> NoReturn:
        self.refuse("backward()")

    def call(self, compiled: Any, arguments: Any, named: dict[str, Any]) -> Any:
        """A call of another compiled function, which is the plain one here."""
        return compiled.function(*arguments, **named)

    def gradient(self, compiled: Any, arguments: Any) -> NoReturn:
        self.refuse("the gradient of another compiled function")

    def rows(self, compiled: Any, rows: Any, gradients: bool) -> NoReturn:
        self.refuse("the rows of another compiled function")

    def steps(self) -> NoReturn:
        self.refuse("a training step")

    def updated(self, optimizer: object, numbers: object) -> NoReturn:
        self.refuse("optimizer.step()")


class traced_by(watched):  # noqa: N801
    """A function of the user's runs inside, on the values of a tracer.

    Raises TraceError at its end where one was raised inside and caught there, so that nothing else was traced instead.
    """

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        went_on = error[1] is None or (isinstance(error[1], Exception) and not isinstance(error[1], TraceError))
        if self.by.refused and went_on:
            raise TraceError(f"{self.by.refused}; the error was caught, and what follows from that is not compiled")

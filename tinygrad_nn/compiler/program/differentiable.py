"""What transforms ask of the tracer of the function that they stand in: variables, derivatives, and what comes back.

A derivative is more of the program. So a transform inside a compiled function, or inside a loss, is compiled with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...autograd import primitives as table
from ...autograd.recording import next_number

if TYPE_CHECKING:
    from ...autograd.value import Value
    from .trace import Traced


class Differentiable:
    """The side of a tracer that transforms see."""

    def variable(self: Any, number: Any) -> Traced:
        """A value of its own for a transform to differentiate by, equal to the number."""
        from .trace import VALUES, Traced

        slot = self._write(table.subtract, (self.slot_of(number), self.slot_of(0.0)), None, "", next_number())
        self.reads[slot] = VALUES  # whatever the number is
        return Traced(self, slot)

    def leaf(self, value: Value, number: Traced, label: str) -> bool:
        """Make a new Value of a traced number, and so a variable of its own."""
        from .traced_leaf import become_leaf

        become_leaf(value, self.variable(number), label)
        return True

    def grad(self: Any, output: Any, inputs: Any, create_graph: bool) -> Any:
        """The gradient, as more instructions; without a graph they count as constants."""
        from .adjoint import gradients

        return gradients(self, output, inputs, create_graph)

    def tangents(self: Any, outputs: list[Any], inputs: list[tuple[Any, Any]]) -> list[Any]:
        """The tangents of outputs, of pairs of an input and its tangent, as more instructions."""
        from .adjoint import tangents

        return tangents(self, outputs, inputs)

    def outside(self: Any, read: list[Any], given: list[Any], variables: list[Any]) -> Any:
        """What a transform gives back: plain numbers where it has read nothing else and was given nothing else."""
        from .adjoint import given_back

        return given_back(self, read, given, variables)

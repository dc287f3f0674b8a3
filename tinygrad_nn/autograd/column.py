"""A column: a tuple of operands that operations share, as the neurons of a layer share their inputs.

So one backward pass looks at it once, however many operations read it.
"""

from __future__ import annotations

from math import isfinite
from types import SimpleNamespace

from ..support.annotation import Any


class Column:
    """A tuple of operands that operations share, as a layer's inputs are, and what one backward pass knows of it.

    `data` are the numbers; `values` the Values to add gradients to, with one that nobody reads in place of each
    literal; `differentiable` whether there is any Value, `finite` whether all numbers are. `grad` marks the pass.
    """

    __slots__ = ("data", "differentiable", "finite", "grad", "operands", "values")

    def __init__(self, operands: tuple[Any, ...]) -> None:
        self.operands = operands
        self.grad: float | None = None

    def refresh(self, zero: float) -> None:
        """Look at the operands anew, in the pass that `zero` marks."""
        operands = self.operands
        self.grad = zero
        self.values: Any = operands
        if float not in map(type, operands):
            self.data = [operand.data for operand in operands]
            self.differentiable = True
        else:
            self.data = list(numbers(operands))
            self.differentiable = set(map(type, operands)) != {float}
            if self.differentiable:
                self.values = [SimpleNamespace(grad=0.0) if type(operand) is float else operand for operand in operands]
        self.finite = _all_finite(self.data)


def _all_finite(numbers: list[Any]) -> bool:
    try:
        return isfinite(sum(numbers))
    except TypeError:  # no numbers at all, which whoever visits them says better
        return False


class SharingList(list):  # type: ignore[type-arg]
    """A list that keeps a Column of what it holds now, and drops it with every change."""

    __slots__ = ("column",)
    column: Column | None

    def shared(self) -> Column:
        """The Column of what the list holds now."""
        raise NotImplementedError


def numbers(operand: Any) -> Any:
    """The data of an operand: a Value, a float, or a tuple of them."""
    if type(operand) is tuple:
        return tuple([o if type(o) is float else o.data for o in operand])
    return operand if type(operand) is float else operand.data

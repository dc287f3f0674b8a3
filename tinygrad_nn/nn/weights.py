"""The weights of a neuron: a list of its own, which may be changed like any other.

A forward pass reads weights as one Column that all operations of the neuron share; the list makes it when it is asked
for, and drops it with every change. What cannot be a weight is refused before anything is changed.
"""

from __future__ import annotations

from ..autograd.column import Column, SharingList
from ..autograd.elementary import as_operand, as_operands
from ..autograd.value import Packed, Result, Value
from ..support.annotation import Any


class Weights(SharingList):
    """A list of Values, or of numbers that are to stay as they are, that names its neuron where it is given another."""

    __slots__ = ("owner",)

    def __init__(self, weights: Any, owner: object) -> None:
        self.owner = owner
        super().__init__(self._checked(weights))

    def _checked(self, weights: Any) -> tuple[Any, ...]:
        """The weights that are given. Raises TypeError for what is none, and for an array of numbers."""
        if getattr(getattr(weights, "dtype", None), "kind", "O") != "O":
            raise TypeError(
                f"an array of numbers as the weights of {self.owner} would not learn: give [Value(w) for w in array], "
                "or set the .data of each weight"
            )
        return as_operands(weights, f"the weights of {self.owner}")

    def shared(self) -> Column:
        """The Column of what the list holds now, kept unless traced values are among it, which have no numbers."""
        column = self.column or Column(tuple(self))
        if self.column is not column and column_numbers(column.operands) is not None:
            self._keep(column)
        return column

    def append(self, weight: Any) -> None:
        self.extend([weight])

    def extend(self, weights: Any) -> None:
        self[len(self) :] = weights

    def insert(self, index: Any, weight: Any) -> None:
        self[index:index] = [weight]

    def __setitem__(self, index: Any, weight: Any) -> None:
        if isinstance(index, slice):
            super().__setitem__(index, self._checked(weight))
        else:
            super().__setitem__(index, as_operand(weight, f"each entry of the weights of {self.owner}"))

    def __iadd__(self, weights: Any) -> Any:  # type: ignore[misc]
        self.extend(weights)
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return Weights, (list(self), self.owner)


def column_numbers(operands: tuple[Any, ...]) -> list[float] | None:
    """The data of operands that are all floats or Values, else None."""
    kinds = set(map(type, operands))
    if kinds <= {float, Value, Packed, Result}:
        return [o if type(o) is float else o.data for o in operands]
    return None

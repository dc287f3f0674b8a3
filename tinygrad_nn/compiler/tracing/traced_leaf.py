"""`Value(x)` of a traced number x: a leaf to differentiate by, as tn.grad(output, inputs) wants it.

It has the class of no other Value, since it has no number of its own: it is a traced value in all it does, and is a
Value only so that `Value(x)` may give it.
"""

from __future__ import annotations

from typing import Any

from ...autograd.scalar import Scalar
from ...autograd.value import Value
from .traced import Traced

LABEL = vars(Value)["label"]  # the slot, which holds the traced value that the leaf stands for


class TracedLeaf(Value):
    """A Value that was made of a traced number."""

    __slots__ = ()
    _precedence = Traced._precedence

    @property
    def _tracer(self) -> Any:
        return LABEL.__get__(self)._tracer

    @property
    def _slot(self) -> int:
        return LABEL.__get__(self)._slot  # type: ignore[no-any-return]


OF_ALL_LEAVES = {*vars(TracedLeaf), "__init__", "__class__", "__slots__", "__dict__", "__weakref__"}
for kind in (Scalar, Traced):  # what Value has in its own way, and what a traced value has in its own
    for name, entry in vars(kind).items():
        if name not in OF_ALL_LEAVES:
            setattr(TracedLeaf, name, entry)


def become_leaf(value: Value, traced: Traced, label: str) -> None:
    """Make a new Value the leaf that stands for a traced value."""
    value.__class__ = TracedLeaf
    LABEL.__set__(value, traced)
    if label:
        value.label = label

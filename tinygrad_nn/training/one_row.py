"""Predictions of one row after another: those of a network of the library's own are machine code, once that pays.

Its sums are those of the recorded graph to the bit, and so are its outputs where no function of its units is rounded
otherwise. What is not surely the same is recorded, as which it raises, too.
"""

from __future__ import annotations

from importlib.util import find_spec
from operator import is_
from typing import Any
from weakref import ref

from ..autograd.containers import dict_of
from ..compiler.function import Function
from ..compiler.target import Target
from ..nn.layers import MLP, Layer, Neuron
from ..nn.structure import ATTRIBUTES, BESIDE, structure_of

WORTH_COMPILING = 4000  # rows, whose recording takes as long
NEVER = float("inf")


class OneRow:
    """How a network predicts one row: recorded, until so many were as its code takes to be compiled.

    What is compiled is a twin, which has the parts of the network and does not have this, so that nothing holds itself.
    """

    def __init__(self, model: Any) -> None:
        self.model = ref(model)  # since a shallow copy has what the network has
        self.waiting: float = WORTH_COMPILING if find_spec("llvmlite") is not None else NEVER
        self.width = 0
        self.function: Function | None = None
        self.names = sorted(ATTRIBUTES[type(model)] - BESIDE)
        self.parts: list[Any] = []  # that the twin has by those names

    def output(self, row: Any, attributes: dict[str, Any]) -> Any:
        """The output for a row, by a network of these attributes; None where it is to be recorded."""
        if self.function is not None and not all(map(is_, map(attributes.get, self.names), self.parts)):
            self.function, self.waiting = None, 0
        if self.function is None:
            self.waiting -= 1
            if self.waiting > 0 or (function := self._compiled()) is None:
                return None
            self.function = function
        if type(row) is not list or len(row) != self.width or set(map(type, row)) != {float}:
            return None
        try:
            return self.function(row)
        except Exception:  # of a trace anew, as the network is another one by now
            self.function, self.waiting = None, WORTH_COMPILING
            return None

    def _compiled(self) -> Function | None:
        """The network as a compiled function, whose parameters stand side by side."""
        self.waiting = WORTH_COMPILING
        model: Any = self.model()
        if (structure := structure_of(model)) is None or not structure.packed():
            return None
        self.width, attributes = structure.key[1][0][0][0], dict_of(model)
        self.parts, twin = [attributes[name] for name in self.names], object.__new__(type(model))
        called = {"place", "_Named__place"} & attributes.keys()
        dict_of(twin).update({name: attributes[name] for name in (*self.names, *called)})
        return Function(twin, Target("llvm", exact=True))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(None), ()


def predicted_row(model: Any, row: Any) -> Any:
    """The output for one row; None where the model is to be recorded."""
    if type(model) not in (MLP, Layer, Neuron):
        return None
    attributes = dict_of(model)
    found = attributes.get("_predicting_one")
    if type(found) is not OneRow or found.model() is not model:
        found = attributes["_predicting_one"] = OneRow(model)
    return found.output(row, attributes)

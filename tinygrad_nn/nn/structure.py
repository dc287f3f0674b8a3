"""The structure of a network: what a trace of it follows from, apart from its numbers.

It is known without a trace for an MLP, a Layer or a Neuron that is the library's own in every part. Two networks of one
structure do the same with their parameters, so that what was compiled for one serves the other.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from operator import eq, is_

from ..autograd import primitives as table
from ..autograd.column import Column, SharingList
from ..autograd.containers import PACKAGE, Holder, dict_of, stand_apart
from ..autograd.packs import Cell
from ..autograd.primitives import Primitive
from ..autograd.value import LEAVES, Result, Value
from ..support.annotation import Any
from .activations import of_a_whole_layer
from .layers import MLP, Layer, Neuron
from .module import Module
from .names import Named
from .weights import Weights

Units = tuple[tuple[int, Primitive | None], ...]  # of the neurons of a layer, how many inputs and which activation

KEPT_THERE = ("__slotnames__", "__annotations_cache__")  # what Python itself keeps in a class


def as_classes_are(kinds: Iterable[type]) -> list[dict[str, Any]]:
    """Classes as they are written: one with a method that somebody has put in since is another."""
    found = [dict(vars(kind)) for kind in kinds]
    for entries in found:
        for name in KEPT_THERE:
            entries.pop(name, None)
    return found


def are_as_written(kinds: Sequence[type], written: list[dict[str, Any]]) -> bool:
    """Whether classes are what `as_classes_are` said of them."""
    same = len(kinds) == len(written) and all(map(eq, map(vars, kinds), written))
    return same or as_classes_are(kinds) == written  # where Python keeps something there, too


CLASSES = (Holder, Named, Module, Neuron, Layer, MLP, SharingList, Weights)
CLASSES_WRITTEN = as_classes_are(CLASSES)
# The attributes of each; with one more, which may stand before a method, or one less it is another.
BESIDE = {"place", "_Named__place", "_learned", "_predicting", "_predicting_one"}
ATTRIBUTES: dict[type, set[str]] = {
    MLP: {"layers", "input_names", "output_names"} | BESIDE,
    Layer: {"neurons"} | BESIDE,
    Neuron: {"weights", "bias", "activation", "_activate", "_has_row"} | BESIDE,
}


class Structure:
    """The key of a network's structure, which has the layers and the activation of each neuron, and no numbers or
    names; and the weights and the bias of each neuron, in the order of the key."""

    __slots__ = ("biases", "key", "weights")

    def __init__(self, key: tuple[type, tuple[Units, ...]], weights: list[Column], biases: list[Value]) -> None:
        self.key, self.weights, self.biases = key, weights, biases

    def parameters(self) -> list[Value]:
        """The parameters, those that are shared each time."""
        pairs = zip(self.weights, self.biases, strict=True)
        return list(chain.from_iterable([(*column.operands, bias) for column, bias in pairs]))

    def is_of_leaves(self) -> bool:
        """Whether all parameters are Values of this library's that were not computed from others."""
        apart = [column.operands for column in self.weights if column.in_pack() is None]  # in a pack are leaves alone
        return are_leaves([*chain.from_iterable(apart), *self.biases])

    def numbers(self) -> Any:
        """The data of the parameters, as a buffer of doubles: what they stand in, where they stand side by side.

        None where one was set to no float.
        """
        if (numbers := self._side_by_side()) is not None:
            return numbers
        data: list[Any] = []
        for column, bias in zip(self.weights, self.biases, strict=True):
            data += column.packed() or [weight.data for weight in column.operands]
            data.append(bias.data)
        return array("d", data) if set(map(type, data)) == {float} else None

    def packed(self) -> bool:
        """Let the parameters stand in packs, those that are in none in one of their own; whether they can."""
        if self._side_by_side() is not None:
            return True
        parameters = self.parameters()
        if not {*map(type, parameters)} <= LEAVES or len({*map(id, parameters)}) < len(parameters):
            return False
        if self.numbers() is None:
            return False
        stand_apart(parameters, lambda count: array("d", bytes(8 * count)))
        return True

    def _side_by_side(self) -> Any:
        pack, start = self.weights[0].in_pack(), self.weights[0].place
        end = start
        for column, bias in zip(self.weights, self.biases, strict=True):
            if pack is None or column.in_pack() is not pack or column.place != end:
                return None
            end += len(column.operands) + 1
            cell = getattr(bias, "cell", None)
            if type(cell) is not Cell or cell.pack is not pack or cell.place != end - 1:
                return None
        return None if pack is None else pack.numbers[start:end]


def structure_of(model: object, logits: bool = False) -> Structure | None:
    """The structure of a network, or of what makes the `logits` of one that ends in softmax; None where unknown."""
    if not are_as_written(CLASSES, CLASSES_WRITTEN) or not _is_own(model):
        return None
    layers: Any = model.layers if isinstance(model, MLP) else [model]
    if type(layers) is not list or not all(map(_is_own, layers)):
        return None
    neurons = [layer.neurons if type(layer) is Layer else [layer] for layer in layers]
    every = list(chain.from_iterable(neurons))
    if set(map(type, neurons)) != {list} or set(map(type, every)) != {Neuron}:
        return None
    parts = [dict_of(unit) for unit in every]
    if not all(names | BESIDE == ATTRIBUTES[Neuron] for names in {frozenset(part) for part in parts}):
        return None
    if isinstance(model, MLP) and not (set(map(type, layers)) == {Layer} and _is_named(model, len(neurons[-1]))):
        return None
    weights = [part["weights"] for part in parts]
    activations = _activations(model, parts, len(neurons[-1]), logits)
    if set(map(type, weights)) != {Weights} or not all(map(_is_row, {id(a): a for a in activations}.values())):
        return None
    units = iter(zip(map(len, weights), activations, strict=True))
    shape = tuple([tuple(islice(units, len(layer))) for layer in neurons])
    found = Structure((type(model), shape), [each.shared() for each in weights], [part["bias"] for part in parts])
    return found if found.is_of_leaves() else None


def _activations(model: object, parts: Sequence[dict[str, Any]], last: int, logits: bool) -> list[Any]:
    """What each neuron does to its sum; nothing where it has the softmax of the last layer, and `logits` are meant."""
    found = [part["_activate"] for part in parts]
    if logits and type(model) is not Neuron and set(map(id, found[-last:])) == {id(of_a_whole_layer)}:
        found[-last:] = [None] * last
    return found


def matrices_of(layers: Sequence[Units], numbers: Any, inputs: int) -> list[Any] | None:
    """Of an array of the parameters' numbers, for each layer the weights and then the bias of each unit, in rows.

    None where the layers do not fit one another, or so many inputs.
    """
    found, start = [], 0
    for units in layers:
        if {width for width, _ in units} != {inputs}:
            return None
        count = len(units) * (inputs + 1)
        found.append(numbers[start : start + count].reshape((len(units), inputs + 1)))
        start, inputs = start + count, len(units)
    return found


def outputs_of_layers(
    x: Any, parameters: Sequence[tuple[Any, Any]], layers: Sequence[Units],
    activations: Mapping[str, Callable[[Any], Any]],
) -> Iterator[tuple[Any, Any]]:  # fmt: skip
    """For each layer the sums and the outputs of its units, a row for each row of x; `activations` are of arrays.

    `parameters` are of each layer the weights, a column for each unit, and the biases.
    """
    for (weights, biases), units in zip(parameters, layers, strict=True):
        sums = x @ weights
        sums += biases
        x, used = sums, dict.fromkeys(activation for _, activation in units)
        for activation in used:
            if activation is None:
                continue
            if len(used) == 1:
                x = activations[activation.name](sums)
                continue
            x = sums.copy() if x is sums else x
            mine = [k for k, (_, one) in enumerate(units) if one is activation]
            x[:, mine] = activations[activation.name](sums[:, mine])
        yield sums, x


def are_leaves(values: Sequence[object]) -> bool:
    """Whether all are Values of this library's that were not computed from others."""
    return all(
        issubclass(kind, Value) and not issubclass(kind, Result) and kind.__module__.partition(".")[0] == PACKAGE
        for kind in set(map(type, values))
    )


def places_in(values: Sequence[Value], trained: Sequence[Value]) -> Hashable:
    """Which of the Values are one and the same, and which of the trained ones: None where they are those, in order."""
    if len(values) == len(trained) and all(map(is_, values, trained)):
        return None
    places = {value: k for k, value in enumerate(trained)}
    return tuple([places.setdefault(value, -1 - k) for k, value in enumerate(values)])


def _is_own(part: object) -> bool:
    """Whether it is an object of one of the library's classes, with the attributes that it was made with."""
    attributes = ATTRIBUTES.get(type(part))
    return attributes is not None and dict_of(part).keys() | BESIDE == attributes


def _is_row(activation: object) -> bool:
    """Whether an activation is a row of the table, or there is none."""
    return activation is None or (isinstance(activation, Primitive) and vars(table).get(activation.name) is activation)


def _is_named(model: MLP, outputs: int) -> bool:
    """Whether inputs and outputs have names that a trace takes, or none."""
    names = model.output_names
    listed = {type(model.input_names), type(names)} <= {list, type(None)}
    return listed and (not names or len(names) == outputs)

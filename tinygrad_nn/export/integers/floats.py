"""What is made into 8 bits: the layers of a network in floats, and the rows that say how large its numbers are."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from operator import mul
from typing import Any, NamedTuple

from ...autograd.value import Value
from ...compiler.backends.c.file import check_values
from ...functional import softmax
from ...nn.activations import ACTIVATION_NAMES, ACTIVATIONS, SOFTMAX, activation_name
from ...nn.layers import MLP, Layer, Neuron
from ...nn.module import rows_for
from ...support.checks import checked_finite
from ...support.nested import is_array

IN_8_BITS = (
    f"in 8 bits there are MLPs, Layers and Neurons of {', '.join(ACTIVATION_NAMES)}, one activation for a layer, and "
    f"{SOFTMAX} for the last: export others with dtype='float'"
)
FIRST_ROWS = 10  # that a model is to say the same of as its layers
LARGEST_SUM = 2.0**100  # so that floats hold the outputs
Range = tuple[float, float]  # two ends; where it begins and its step; or mean and deviation


class FloatLayer(NamedTuple):
    """A layer in floats: for each neuron its weights and its bias, and the name of their activation."""

    weights: list[list[float]]
    biases: list[float]
    activation: str

    def totals(self, rows: Sequence[Sequence[float]]) -> list[list[float]]:
        """Of each row the sums of the neurons: by NumPy, where it is installed."""
        if find_spec("numpy") is None:
            return [[sum(map(mul, w, row)) + b for w, b in zip(self.weights, self.biases, strict=True)] for row in rows]
        import numpy

        found = numpy.asarray(rows) @ numpy.asarray(self.weights).T + numpy.asarray(self.biases)
        return found.tolist()  # type: ignore[no-any-return]

    def value(self) -> Callable[[float], float]:
        """The activation of one sum, which softmax leaves as it is."""
        row = ACTIVATIONS.get(self.activation)
        return float if row is None else row.value

    def outputs(self, totals: Sequence[float]) -> list[float]:
        """What a network returns of the sums of its last layer."""
        return softmax(totals) if self.activation == SOFTMAX else [*map(self.value(), totals)]


def float_layers(model: Any) -> list[FloatLayer]:
    """The layers of a network in floats. Raises ValueError for what is none, or for numbers that are none."""
    if not isinstance(model, MLP | Layer | Neuron):
        raise ValueError(f"{type(model).__name__} cannot be exported with dtype='int8': {IN_8_BITS}")
    layers = model.layers if isinstance(model, MLP) else [model]
    found: list[FloatLayer] = []
    for layer in layers:
        neurons = [layer] if isinstance(layer, Neuron) else layer.neurons
        values = [value for neuron in neurons for value in (*neuron.weights, neuron.bias)]
        names = {activation_name(neuron.activation) for neuron in neurons}
        widths = {len(neuron.weights) for neuron in neurons}
        named = all(isinstance(neuron.activation, str) for neuron in neurons)
        if not named or len(names) > 1 or (SOFTMAX in names and layer is not layers[-1]):
            raise ValueError(f"{layer!r} has the activations {', '.join(sorted(names))}: {IN_8_BITS}")
        fits = len(widths) == 1 and (not found or widths == {len(found[-1].biases)})
        if not fits or not all(isinstance(value, Value) for value in values):
            raise ValueError(f"{layer!r} was wired by hand: {IN_8_BITS}")
        check_values(values, [value.data for value in values], False, model)
        weights = [[weight.data for weight in neuron.weights] for neuron in neurons]
        found.append(FloatLayer(weights, [neuron.bias.data for neuron in neurons], names.pop()))
    return found


def rows_to_quantize(rows: Any, model: Any, width: int) -> list[list[float]]:
    """The rows that scales come from. Raises ValueError where there are none, or other numbers of inputs in them."""
    asked = "dtype='int8' takes its scales from rows: give rows=, such as those that the model learned on"
    listed = [] if rows is None else [_listed(row) for row in rows_for(rows, model)[0]]
    if not listed:
        raise ValueError(f"{asked}; {'none were given' if rows is None else 'these are none'}")
    for i, row in enumerate(listed):
        if len(row) != width:
            raise ValueError(f"the model takes {width} inputs, but row {i} has {len(row)}")
    return [_checked(row, f"each entry of row {i}") for i, row in enumerate(listed)]


def _listed(row: Any) -> list[Any]:
    return list(row.tolist() if is_array(row) else row)


def _checked(row: list[Any], what: str) -> list[float]:
    if set(map(type, row)) == {float} and all(map(math.isfinite, row)):  # as most are
        return row
    return [checked_finite(what, x) for x in row]


class Seen(NamedTuple):
    """What rows make of a layer: the least and largest sum of each neuron; mean and deviation of each of its inputs."""

    sums: list[Range]
    moments: list[Range]


def seen_in(model: Any, units: Sequence[FloatLayer], rows: Sequence[Sequence[float]]) -> list[Seen]:
    """What rows make of each layer.

    Raises ValueError where a sum is too large or nan, and where the model does not compute what its layers do.
    """
    found, totals = [], []
    numbers: Sequence[Sequence[float]] = rows
    for layer in units:
        totals = layer.totals(numbers)
        sums = [(min(column), max(column)) for column in zip(*totals, strict=True)]
        if not all(abs(end) < LARGEST_SUM for ends in sums for end in ends):
            raise ValueError(
                "sums of the model are larger than floats hold for these rows: scale its inputs or weights"
            )
        found.append(Seen(sums, [_moments(column) for column in zip(*numbers, strict=True)]))
        if layer is not units[-1]:
            numbers = [[*map(layer.value(), row)] for row in totals]
    _check_same(model, rows, [units[-1].outputs(row) for row in totals[:FIRST_ROWS]])
    return found


def _check_same(model: Any, rows: Sequence[Sequence[float]], found: Sequence[Sequence[float]]) -> None:
    """Raise ValueError where a model's class, or what was put into it, does something else with its layers."""
    for wanted, outputs in zip(model.predict(rows[: len(found)]), found, strict=True):
        wanted = wanted if isinstance(wanted, list) else [wanted]
        room = 1e-6 * max(map(abs, outputs))
        if len(wanted) != len(outputs) or any(abs(a - b) > room for a, b in zip(wanted, outputs, strict=True)):
            what = f"{type(model).__name__} computes {wanted}, but its layers one by one {outputs}"
            raise ValueError(f"{what}: {IN_8_BITS}")


def _moments(numbers: Sequence[float]) -> Range:
    mean = sum(numbers) / len(numbers)
    return mean, math.sqrt(sum((number - mean) * (number - mean) for number in numbers) / len(numbers))

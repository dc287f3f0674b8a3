"""From a model to a network in 8 bits: the scales of inputs, weights and activations, from the rows that are given.

Each input has the range that it has in the rows, and a little more; each neuron's weights have a scale of their own.
What a neuron hands on has its own range where the activation only cuts (relu, linear), and that of its layer where it
is a table. All scales go into whole numbers here: where the sums begin, and what they are multiplied by.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from operator import mul
from typing import Any, NamedTuple

from ...compiler.single_precision import rounded
from ...nn.activations import SOFTMAX
from ...nn.module import thresholds_of
from .floats import FloatLayer, Range, Seen, float_layers, rows_to_quantize, seen_in
from .network import CENTER, MOST_8, MOST_16, Input, IntegerLayer, IntegerNetwork, OutputTable, Softmax

RANGE_MARGIN = 1 / 16  # of a range, left on either side for what the rows lack
HEADROOM = 1.25  # times what a neuron hands on in the rows, for what they lack
WEIGHT = 127  # the largest weight
SUMS_BELOW = 2.0**29  # what sums stay below, before they are rounded
LARGEST_RANGE = 2.0**30  # of what is told apart, in a sum
SPREAD = 64.0  # how many times coarser than in its layer's largest a neuron's sum may count
LEAST_SHARE = 1 / 8  # of the layer's largest range, for neurons that the rows hardly move
ENTRIES = 256  # of a table
CUTS = {"linear": -math.inf, "relu": 0.0}  # activations that only cut a sum, and where
NOTHING_LEFT = 16.0 * math.log(2.0)  # minus the exponent whose exponential is 0 in 16 bits

OfFloat = Callable[[float], float]


class Effects(NamedTuple):
    """A layer by steps of the numbers that it is handed: what each does to the sums, and what these are at 0.

    `sums` are the least and largest that rows have of each neuron, `moments` mean and deviation of the numbers.
    """

    effects: list[list[float]]
    at_zero: list[float]
    sums: list[Range]
    moments: list[Range]
    units: FloatLayer

    @classmethod
    def of(cls, units: FloatLayer, ranges: Sequence[Range], seen: Seen) -> Effects:
        """Those of a layer whose inputs have these ranges."""
        effects = [[w * step for w, (_, step) in zip(row, ranges, strict=True)] for row in units.weights]
        lows = [low for low, _ in ranges]
        at_zero = [sum(map(mul, row, lows), bias) for row, bias in zip(units.weights, units.biases, strict=True)]
        moments = [
            (min(max((mean - low) / step, 0.0), float(MOST_8)), deviation / step)
            for (mean, deviation), (low, step) in zip(seen.moments, ranges, strict=True)
        ]
        return cls(effects, at_zero, seen.sums, moments, units)

    def told(self, lows: Sequence[float]) -> list[float]:
        """The narrowest range over its low that each sum can tell: no less than a step, nor than int32 has room for."""
        every = zip(self.effects, self.at_zero, lows, strict=True)
        return [max(max(map(abs, row)), abs(begin - low) / 4096.0, 1e-30) for row, begin, low in every]

    def fitted(
        self, lows: Sequence[float], steps: Sequence[float], most: int, table: list[int] | None = None
    ) -> IntegerLayer:
        """The layer whose neurons count from `lows` in `steps` up to `most`."""
        offsets = [begin - low for begin, low in zip(self.at_zero, lows, strict=True)]
        scales = [
            max(self._scale(row), (sum(map(abs, row)) * MOST_8 + abs(offset)) / SUMS_BELOW)
            for row, offset in zip(self.effects, offsets, strict=True)
        ]
        least = (most + 1) / LARGEST_RANGE
        largest = max(least, *(scale / step for scale, step in zip(scales, steps, strict=True)))
        shares = [max(scale / step, largest / SPREAD, least) for scale, step in zip(scales, steps, strict=True)]
        before = max(0, math.ceil(math.log2((most + 1) / min(shares))) - 16)
        after = math.floor(16.0 - math.log2(largest)) - before
        after -= math.ceil(largest * 2.0 ** (before + after)) > MOST_16
        whole = 2.0 ** (before + after)
        factors = [math.ceil(share * whole) for share in shares]
        weights, begins = [], []
        for row, offset, step, factor in zip(self.effects, offsets, steps, factors, strict=True):
            scale = step * factor / whole
            weights.append([_weight(effect / scale) for effect in row])
            lost = zip(row, weights[-1], self.moments, strict=True)
            offset += sum((effect - scale * weight) * mean for effect, weight, (mean, _) in lost)
            begins.append(round(offset / scale + whole / (2 * factor) + (2**before - 1) / 2))  # shifts cut: this rounds
        return IntegerLayer(weights, begins, factors, before, after, most, table)

    def variance(self) -> float:
        """How much the sums vary from what they are, as weights have no more bits."""
        return sum(self._variance(row, self._scale(row)) for row in self.effects)

    def _scale(self, row: Sequence[float]) -> float:
        """What a weight counts: where the sum varies least from what it is, the largest weights may be cut for it."""
        largest = best = max(*map(abs, row), 1e-290) / WEIGHT
        least = self._variance(row, best)
        for k in range(1, 9):
            scale = largest * 2.0 ** (-k / 2)
            variance = self._variance(row, scale)
            if variance > 2.0 * least:
                break
            if variance < least:
                best, least = scale, variance
        return best

    def _variance(self, row: Sequence[float], scale: float) -> float:
        """How much a sum varies from what it is, where a weight counts so much."""
        weights = [effect / scale for effect in row]
        lost = [w - round(w) if -WEIGHT <= w <= WEIGHT else abs(w) - WEIGHT for w in weights]
        found = [each * scale * deviation for each, (_, deviation) in zip(lost, self.moments, strict=True)]
        variance: float = sum(map(mul, found, found))
        return variance


def _weight(weight: float) -> int:
    return min(max(round(weight), -WEIGHT), WEIGHT)


def quantized(model: Any, rows: Any, judges: bool = True) -> tuple[IntegerNetwork, list[list[float]]]:
    """A model as a network in 8 bits, and the rows that its scales came from; one that `judges` may tell classes.

    Raises ValueError for a model that is none of the library's networks, and for rows that it does not fit.
    """
    units = float_layers(model)
    rows = rows_to_quantize(rows, model, len(units[0].weights[0]))
    seen = seen_in(model, units, rows)
    inputs = _inputs(rows)
    ranges: list[Range] = [(entry.middle, 1.0 / entry.rate) for entry in inputs]
    gains = _gains(units[0], ranges, seen[0], rows)
    if gains is not None:
        ranges = [(low, step / gain) for (low, step), gain in zip(ranges, gains, strict=True)]
    layers = []
    turning_ranges = _turning_ranges(units[:-1], [each.sums for each in seen])
    for layer, of_layer, turning in zip(units, seen, turning_ranges, strict=False):
        made, ranges = _hidden(Effects.of(layer, ranges, of_layer), turning)
        layers.append(made)
    last = Effects.of(units[-1], ranges, seen[-1])
    threshold, has_class = _threshold(model, len(last.sums), rows[0]) if judges else (None, False)
    return _network(inputs, gains, layers, last, threshold, has_class), rows


def _threshold(model: Any, outputs: int, row: Sequence[float]) -> tuple[float | None, bool]:
    """Over what an output is 1, and whether a row has one class: not where several outputs answer for themselves."""
    try:
        thresholds = thresholds_of(model, outputs, row)
    except ValueError:  # of one output that nobody said a threshold for
        return None, False
    one = thresholds[0] if thresholds is not None and len(set(thresholds)) == 1 else None
    return one, thresholds is None or outputs == 1


def _inputs(rows: list[list[float]]) -> list[Input]:
    """How inputs become numbers: as they are where all are whole numbers of 8 bits, with a sign or without."""
    every = [x for row in rows for x in row]
    least, most = min(every), max(every)
    if most - least <= MOST_8 and all(map(float.is_integer, every)):
        if least >= 0.0 and most <= MOST_8:
            return [Input(-0.5, 1.0)] * len(rows[0])
        if least >= -128.0 and most < 128.0:
            return [Input(-128.5, 1.0)] * len(rows[0])
    return [_input(k, min(column), max(column)) for k, column in enumerate(zip(*rows, strict=True))]


def _input(k: int, least: float, most: float) -> Input:
    low, high = _wider(least, most)
    step = (high - low) / MOST_8
    made = Input(rounded(low - step / 2.0), rounded(1.0 / step))
    if not (math.isfinite(made.low) and 0.0 < made.rate < math.inf):
        raise ValueError(f"input {k} is from {least:g} to {most:g} in the rows, which floats cannot divide: scale it")
    return made


def _gains(units: FloatLayer, ranges: list[Range], seen: Seen, rows: Sequence[Sequence[float]]) -> list[int] | None:
    """What whole numbers are multiplied by, where it makes the first layer twice as exact: None where it does not.

    Else one of 0 and 1 in all rows would take the bits of the weights of others that are up to 255.
    """
    if ranges[0] != (0.0, 1.0) or ranges[0] != ranges[-1]:
        return None
    gains = [max(1, int(MOST_8 / (2.0 * (max(column) or MOST_8)))) for column in zip(*rows, strict=True)]
    finer = [(0.0, 1.0 / gain) for gain in gains]
    ways = [Effects.of(units, each, seen).variance() for each in (ranges, finer)]
    return gains if ways[0] > 4.0 * ways[1] else None


def _wider(low: float, high: float, margin: float = RANGE_MARGIN) -> Range:
    """A range with its margins; of a single number one around it."""
    room = (high - low) * margin or max(abs(high), abs(low)) * margin or 1.0
    return low - room, high + room


def _turning_ranges(units: Sequence[FloatLayer], sums: Sequence[Sequence[Range]]) -> list[Range | None]:
    """The range of each table: of layers that fill half of one range it is one for all, so that there is one table."""
    found: list[Range | None] = []
    for layer, columns in zip(units, sums, strict=False):
        low, high = min(low for low, _ in columns), max(high for _, high in columns)
        found.append(_turning(layer.value(), low, high) if layer.activation not in CUTS else None)
    for k, own in enumerate(found):
        alike = [each for each, layer in zip(found, units, strict=True) if layer.activation == units[k].activation]
        together = [each for each in alike if each is not None]
        if own is not None:
            low, high = min(low for low, _ in together), max(high for _, high in together)
            found[k] = (low, high) if own[1] - own[0] >= (high - low) / 2.0 else own
    return found


def _hidden(layer: Effects, turning: Range | None) -> tuple[IntegerLayer, list[Range]]:
    """A hidden layer in 8 bits, and the ranges of what it hands on."""
    count = len(layer.sums)
    if turning is None:
        cut, beyond = CUTS[layer.units.activation], HEADROOM - 1.0
        lows = [max(low - (high - low) * beyond, cut) for low, high in layer.sums]
        widths = [max(high - low, 0.0) * HEADROOM for (_, high), low in zip(layer.sums, lows, strict=True)]
        share, narrowest = max(widths) * LEAST_SHARE, layer.told(lows)
        steps = [max(width, share, told) / MOST_8 for width, told in zip(widths, narrowest, strict=True)]
        return layer.fitted(lows, steps, MOST_8), list(zip(lows, steps, strict=True))
    value, (low, high) = layer.units.value(), turning
    step = max(high - low, *layer.told([low] * count)) / MOST_8
    found = [value(low + step * k) for k in range(ENTRIES)]
    least = min(found)
    out = (max(found) - least) / MOST_8 or 1.0
    table = [round((number - least) / out) for number in found]
    return layer.fitted([low] * count, [step] * count, MOST_8, table), [(least, out)] * count


def _turning(value: OfFloat, low: float, high: float) -> Range:
    """The part of a range where an activation changes: beyond it, it stays within half a step of its ends."""
    low, high = (low, high) if high > low else _wider(low, high)
    places = [low + (high - low) * k / 1024 for k in range(1025)]
    found = [value(place) for place in places]
    half = (max(found) - min(found)) / MOST_8 / 2
    first = next((k for k, number in enumerate(found) if abs(number - found[0]) > half), 1)
    last = next((k for k, number in enumerate(reversed(found)) if abs(number - found[-1]) > half), 1)
    return places[first - 1], places[1025 - last]


def _network(
    inputs: list[Input], gains: list[int] | None, layers: list[IntegerLayer], last: Effects,
    threshold: float | None, has_class: bool,
) -> IntegerNetwork:  # fmt: skip
    """The network with its last layer, whose outputs count a power of two."""
    activation, value, count = last.units.activation, last.units.value(), len(last.sums)
    low, high = _wider(min(low for low, _ in last.sums), max(high for _, high in last.sums), HEADROOM - 1.0)
    relu, table, softmax, bits = activation == "relu", None, None, 14
    if activation == SOFTMAX:
        told = max(last.told([low] * count))
        width = max(high - low, told)
        unit = max(NOTHING_LEFT / ENTRIES, width / MOST_16)
        shift = min(15, math.floor(math.log2(unit * MOST_16 / width)))
        step = unit / 2.0**shift
        low = high - step * MOST_16
        softmax = Softmax([round(MOST_16 * math.exp(-unit * k)) for k in range(ENTRIES)] + [0], shift)
    elif activation in CUTS:
        told = max(last.told([0.0] * count))
        bits = _bits(max(abs(low), abs(high), told))
        low, step = -CENTER * 2.0**-bits, 2.0**-bits
    else:
        turning = _turning(value, low, high)
        width = max(high - low, *last.told([low] * count))
        unit = max((turning[1] - turning[0]) / ENTRIES, width / MOST_16)
        shift = min(8, math.floor(math.log2(unit * MOST_16 / width)))
        step = unit / 2.0**shift
        first = math.ceil((turning[0] - low) / step)
        low = turning[0] - first * step
        found = [value(turning[0] + unit * (k + 0.5)) for k in range(ENTRIES)]
        bits = _bits(max(map(abs, found)))
        table = OutputTable([round(number * 2.0**bits) for number in found], first, shift)
    by_score = not relu if table is None else table.entries == sorted(table.entries)
    cut = None
    if threshold is not None and (by_score or relu):
        cut = bisect_left(range(MOST_16 + 1), True, key=lambda score: value(low + step * score) > threshold)
    layers = [*layers, last.fitted([low] * count, [step] * count, MOST_16)]
    least, has_class = 0 if relu else -CENTER, has_class and (count > 1 or cut is not None)
    return IntegerNetwork(inputs, gains, layers, bits, least, table, softmax, cut, by_score, has_class)


def _bits(most: float) -> int:
    """How many bits of an int16 are a fraction, where no number is larger."""
    return min(30, -math.ceil(math.log2(most / (CENTER - 1)))) if most > 0.0 else 15

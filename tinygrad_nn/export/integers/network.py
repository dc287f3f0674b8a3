"""A network in 8 bits: weights and activations of 8 bits and sums of 32, exactly as its C file computes them.

A neuron adds up products in an int32 that no inputs can overflow. Its sum counts from the least that it needs to tell,
so that what is negative is 0, and goes by a product and two shifts of a uint32 to the steps of what the neuron hands
on: 8 bits in a hidden layer, 16 in the last one. No product has more than 32 bits, and no negative number is shifted,
which C leaves to the compiler.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import mul
from typing import NamedTuple

from ...compiler.single_precision import rounded

MOST_8, MOST_16 = 255, 65535  # the largest numbers of 8 and of 16 bits
CENTER = 32768  # of 16 bits, which stands for 0 where outputs have both signs
ONE = 16384  # which stands for a probability of 1


class IntegerLayer(NamedTuple):
    """A layer: for each neuron its weights, where its sum begins, and the factor of its sum.

    `before` and `after` are how far the sum is shifted before and after it is multiplied, `most` is the largest number
    of a neuron, and `table` what the activation makes of each of 0 to 255, if it is none that only cuts.
    """

    weights: list[list[int]]
    begins: list[int]
    factors: list[int]
    before: int
    after: int
    most: int
    table: list[int] | None

    def numbers(self, xs: Sequence[int]) -> list[int]:
        """What the neurons make of the numbers of the layer before."""
        found = []
        for weights, begin, factor in zip(self.weights, self.begins, self.factors, strict=True):
            total = sum(map(mul, weights, xs), begin)
            scaled = min(max(total, 0) >> self.before, MOST_16) * factor >> self.after
            found.append(min(scaled, self.most))
        return found if self.table is None else [self.table[number] for number in found]


class Input(NamedTuple):
    """How an input is a number from 0 to 255: so many steps from `low` up; both are floats, `rate` is steps for 1."""

    low: float
    rate: float

    def steps(self, value: float) -> int:
        """The number for an input, by the arithmetic of floats: the last one that is no larger, and 0 for nan."""
        place = rounded(rounded(rounded(value) - self.low) * self.rate)
        return (int(place) if place < MOST_8 else MOST_8) if place > 0.0 else 0

    @property
    def middle(self) -> float:
        """The input that 0 stands for, in the middle of all those that become 0."""
        return self.low + 0.5 / self.rate


class Softmax(NamedTuple):
    """Softmax of scores: exp(-k * 2**shift * the step of a score) for k = 0 ... 256, each in 16 bits."""

    exponentials: list[int]
    shift: int

    def probabilities(self, scores: Sequence[int]) -> list[int]:
        """The probabilities as int16, of which 16384 is 1."""
        top, parts = max(scores), []
        for score in scores:
            place, rest = divmod(top - score, 2**self.shift)
            part, after = self.exponentials[place : place + 2] if place < 256 else (0, 0)
            parts.append(part - ((part - after) * rest >> self.shift))
        total = sum(parts)
        return [(part * ONE + total // 2) // total for part in parts]


class OutputTable(NamedTuple):
    """What the activation makes of scores: entry 0 of those up to `first`, and one for each 2**shift more."""

    entries: list[int]
    first: int
    shift: int

    def output(self, score: int) -> int:
        """The output as int16."""
        return self.entries[min(max(score - self.first, 0) >> self.shift, len(self.entries) - 1)]


class IntegerNetwork(NamedTuple):
    """Layers in 8 bits, the last of them in 16: what the inputs are, and what comes of its scores from 0 to 65535.

    Inputs that are small among whole numbers are multiplied by `gains`, up to 255, where there are any. An output is an
    int16 that counts 2**-bits: the score without its middle and `least` at least, or of a `table`, or of a softmax. The
    class is the first output that is largest; of one output, and of several that answer for themselves, it is 1 where
    the score is `cut` or more. `by_score` says whether a larger score is a larger output, and `has_class` whether a row
    has one class.
    """

    inputs: list[Input]
    gains: list[int] | None
    layers: list[IntegerLayer]
    bits: int
    least: int
    table: OutputTable | None
    softmax: Softmax | None
    cut: int | None
    by_score: bool
    has_class: bool

    def quantized(self, row: Sequence[float]) -> list[int]:
        """The inputs of a row as numbers from 0 to 255."""
        return [entry.steps(value) for entry, value in zip(self.inputs, row, strict=True)]

    def scores(self, xs: Sequence[int]) -> list[int]:
        """The numbers of the last layer, from 0 to 65535."""
        if self.gains is not None:
            xs = [min(x * gain, MOST_8) for x, gain in zip(xs, self.gains, strict=True)]
        for layer in self.layers:
            xs = layer.numbers(xs)
        return list(xs)

    def outputs(self, xs: Sequence[int]) -> list[int]:
        """The outputs, each an int16, in steps of 2**-bits."""
        return self.outputs_of(self.scores(xs))

    def outputs_of(self, scores: Sequence[int]) -> list[int]:
        """The outputs for the numbers of the last layer."""
        if self.softmax is not None:
            return self.softmax.probabilities(scores)
        if self.table is not None:
            return [self.table.output(score) for score in scores]
        return [max(score - CENTER, self.least) for score in scores]

    def judged(self, scores: Sequence[int]) -> list[int]:
        """The class for the numbers of the last layer, the answer of each output, or nothing."""
        if self.cut is not None:
            return [int(score >= self.cut) for score in scores]
        if not self.has_class:
            return []
        outputs = scores if self.by_score else self.outputs_of(scores)
        return [outputs.index(max(outputs))]

    def class_of(self, xs: Sequence[int]) -> int:
        """The class of a row."""
        return self.judged(self.scores(xs))[0]

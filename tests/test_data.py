"""Data sets and batches: their shapes, that they repeat, and every refusal."""

import math
import random

import pytest
from shared import wrong

import tinygrad_nn as tn


def test_data_sets():
    for make, classes in ((tn.data.moons, 2), (tn.data.circles, 2), (tn.data.spirals, 3)):
        X, Y = make(101, rng=random.Random(1))
        assert make(101, rng=random.Random(1)) == (X, Y)
        assert len(X) == len(Y) == 101
        assert all(type(c) is float for x in X for c in x)
        counts = [Y.count(label) for label in range(classes)]
        assert sum(counts) == 101
        assert max(counts) - min(counts) <= 1
        random.seed(5)
        again = make(10)
        random.seed(5)
        assert make(10) == again
    X, Y = tn.data.moons(200, noise=0.0, rng=random.Random(0))
    for (x, y), label in zip(X, Y, strict=True):
        assert math.hypot(x - label, y - 0.5 * label) == pytest.approx(1.0)
    assert tn.data.xor()[1] == [float(a != b) for a, b in tn.data.xor()[0]]
    assert tn.data.half_adder()[1] == [[float(a and b), float(a != b)] for a, b in tn.data.half_adder()[0]]


def test_batches_hand_out_every_row_once():
    X, Y = [[float(i)] for i in range(10)], list(range(10))
    parts = list(tn.data.batches(X, Y, size=4, rng=random.Random(0)))
    assert [len(x) for x, _ in parts] == [4, 4, 2]
    assert sorted(y for _, ys in parts for y in ys) == Y
    assert all(x == [float(y)] for xs, ys in parts for x, y in zip(xs, ys, strict=True))
    assert list(tn.data.batches([], [], size=4)) == []


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: tn.data.batches([[1.0]], [], 1), "1 rows and 0 targets"),
        (lambda: tn.data.batches([[1.0]], [1], 0), "the size of .* must be a whole number of 1 or more, but got 0"),
        (lambda: tn.data.moons(-1), "n must be a whole number of 0 or more, but got -1"),
        (lambda: tn.data.circles(wrong(1.5)), "n must be a whole number of 0 or more, but got 1.5"),
        (lambda: tn.data.spirals(10, classes=0), "classes must be a whole number of 1 or more, but got 0"),
        (lambda: tn.data.moons(10, noise=-1.0), "noise must be a number of 0 or more"),
    ],
)
def test_bad_input_of_data(call, words):
    with pytest.raises((TypeError, ValueError), match=words):
        call()

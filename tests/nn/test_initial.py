"""Weights at the start: their spread, and the order in which they are drawn."""

import math
import random

import pytest

from tinygrad_nn import MLP, Layer, Neuron


def test_initial_weights():
    assert [p.data for p in Neuron(2, rng=random.Random(3)).parameters()][2] == 0.0
    rng = random.Random(3)
    expected = [rng.gauss(0, 1) for _ in range(6)]
    layer = Layer(2, 2, init="normal", rng=random.Random(3))
    assert [p.data for p in layer.parameters()] == expected  # neuron by neuron, weights then bias
    for init, spread in (("uniform", 1 / math.sqrt(3)), ("xavier", math.sqrt(2 / 150)), ("he", math.sqrt(2 / 100))):
        layer = Layer(100, 50, init=init, rng=random.Random(4))
        weights = [w.data for n in layer.neurons for w in n.weights]
        assert abs(sum(weights) / 5000) < 4 * spread / math.sqrt(5000)
        assert math.sqrt(sum(w * w for w in weights) / 5000) == pytest.approx(spread, rel=0.05)
        assert all(n.bias.data == 0 for n in layer.neurons)
    ones = MLP(2, [2, 1], init=lambda rng: 1.0)
    assert {p.data for p in ones.parameters()} == {1.0}


def test_without_rng_the_random_module_draws():
    random.seed(11)
    first = [p.data for p in MLP(2, [3, 1]).parameters()]
    random.seed(11)
    assert [p.data for p in MLP(2, [3, 1]).parameters()] == first

"""Neurons: a dot and its activation, whatever the weights are put to."""

import math
import random
from typing import Any

import pytest

from tinygrad_nn import MLP, Layer, Neuron, Value


def by_hand(neuron, inputs):
    total = neuron.bias.data
    for weight, x in zip(neuron.weights, inputs, strict=True):
        total += weight.data * x
    return total


def test_a_neuron_is_a_dot_and_its_activation():
    neuron = Neuron(3, "tanh", rng=random.Random(1))
    inputs = [0.5, Value(-1.0), 2]
    output = neuron(inputs)
    assert output.data == math.tanh(by_hand(neuron, [0.5, -1.0, 2.0]))
    assert output.op.name == "tanh"
    assert output.operands[0].op.name == "dot"
    assert output.scope is output.operands[0].scope is neuron
    assert Neuron(1, "linear")([1.0]).op.name == "dot"


def test_networks_may_be_changed_by_hand():
    neuron: Any = Neuron(2, "linear", rng=random.Random(0))
    for weights, bias in (([Value(1.0), Value(2.0)], Value(0.5)), ((Value(1.0), 0.0), Value(0.5)), ((1, 2), 0.5)):
        neuron.weights, neuron.bias = weights, bias
        output = neuron([3.0, Value(4.0)])
        numbers = [w.data if isinstance(w, Value) else w for w in weights]
        assert output.data == 0.5 + numbers[0] * 3.0 + numbers[1] * 4.0
        output.backward()
        assert output.scope is neuron
    neuron.weights, neuron.bias = (), Value(0.5)
    assert neuron([]).data == 0.5
    assert neuron([]).data == 0.5  # by the short way, with the new weights
    neuron.w, neuron.b = [Value(5.0), Value(6.0)], Value(7.0)
    assert neuron([1.0, 1.0]).data == 18.0
    layer = Layer(2, 2, "linear", rng=random.Random(0))
    layer.neurons[1] = Neuron(3, "linear", name="the odd one")
    with pytest.raises(ValueError, match="the odd one takes 3 inputs, but was given 2"):
        layer([1.0, 2.0])
    clipped = MLP(2, [3, 1], activation=lambda v: max(v, 0), rng=random.Random(0))
    assert clipped([1.0, -2.0]).data == MLP(2, [3, 1], rng=random.Random(0))([1.0, -2.0]).data
    with pytest.raises(TypeError, match="the activation of layer 1, neuron 1 wants a number or a Value, but got None"):
        MLP(2, [3, 1], activation=lambda v: None)([1.0, 2.0])

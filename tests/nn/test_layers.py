"""Neurons, layers, networks and Modules: what they compute, how they are named, saved and refused."""

import math
import random

import pytest
from shared import wrong

from tinygrad_nn import MLP, Layer, Module, Neuron, Value


def test_layers_compose_by_hand():
    model = MLP(2, [3, 4, 2], "tanh", rng=random.Random(2))
    hidden = model.layers[0]([0.1, 0.2])
    assert [v.data for v in model.layers[2](model.layers[1](hidden))] == model.predict([0.1, 0.2])
    narrow = MLP(2, [1, 2], rng=random.Random(2))  # a hidden layer of one neuron
    assert len(narrow([0.1, 0.2])) == 2


def test_from_weights_takes_lists_and_arrays():
    weights, biases = [[[1, -3, 5], [2, 4, -6]], [[1], [2], [3]]], [[-1, 1, 2], [0.5]]
    model = MLP.from_weights(weights, biases, "sigmoid", "sigmoid", input_names=["a", "b"], output_names=["y"])
    hidden = [1 / (1 + math.exp(-z)) for z in (-1 + 0.1 + 0.4, 1 - 0.3 + 0.8, 2 + 0.5 - 1.2)]
    total = 0.5 + hidden[0] + 2 * hidden[1] + 3 * hidden[2]
    assert model.predict([0.1, 0.2]) == pytest.approx(1 / (1 + math.exp(-total)), rel=1e-14)
    assert repr(model) == "MLP(2, [3, 1], activation='sigmoid', output_activation='sigmoid')"
    numpy = pytest.importorskip("numpy")
    arrays = MLP.from_weights([numpy.array(w) for w in weights], [numpy.array(b) for b in biases], "sigmoid", "sigmoid")
    assert arrays.predict(numpy.array([[0.1, 0.2]])).tolist() == [model.predict([0.1, 0.2])]
    assert all(type(p.data) is float for p in arrays.parameters())


def test_names_of_inputs_and_outputs():
    model = MLP(2, [2, 2], input_names=["a", "b"], output_names=["carry", "sum"], rng=random.Random(0))
    outputs = model([1.0, Value(2.0, label="mine")])
    assert [v.label for v in outputs] == ["carry", "sum"]
    hidden = outputs[0].operands[2]  # of w1, w2, x1, x2, b
    assert [leaf.label for leaf in hidden.operands[0].operands] == ["w1", "w2", "a", "mine", "b"]
    assert model.layers[0].neurons[0].name == "layer 1, neuron 1"


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: Neuron(2)([1.0]), ValueError, "neuron takes 2 inputs, but was given 1"),
        (lambda: Layer(2, 3)([1.0, 2.0, 3.0]), ValueError, "layer, neuron 1 takes 2 inputs, but was given 3"),
        (lambda: MLP(2, [3, 1])([1.0]), ValueError, "layer 1, neuron 1 takes 2 inputs, but was given 1"),
        (lambda: MLP(2, [3, 1]).layers[1]([1.0]), ValueError, "layer 2, neuron 1 takes 3 inputs, but was given 1"),
        (lambda: MLP(2, [3, 1])(1.0), TypeError, "layer 1 wants a list of numbers or Values, but got 1.0"),
        (lambda: MLP(2, [3, 1])(["a", 1]), TypeError, "each entry of layer 1 wants a number or a Value, but got 'a'"),
        (
            lambda: MLP(2, [3, 1]).predict([[1.0, 2.0], [1.0]]),
            ValueError,
            "layer 1, neuron 1 takes 2 inputs, but was given 1",
        ),
        (lambda: MLP(2, [3], activation="rellu"), ValueError, "unknown activation 'rellu': give one of linear"),
        (
            lambda: MLP(2, [1]).predict(3.0),
            TypeError,
            "a list of rows, an array or a frame, but got 3.0",
        ),
        (lambda: MLP(2, [3], output_activation="rellu"), ValueError, "unknown activation 'rellu': give one of linear"),
        (lambda: Neuron(2, "softmax"), ValueError, "all outputs of a layer together"),
        (lambda: MLP(2, [3], init="zeros"), ValueError, "unknown init 'zeros': give one of uniform, normal"),
        (lambda: Neuron(0), ValueError, "n_inputs must be a whole number of 1 or more, but got 0"),
        (lambda: Layer(2, -1), ValueError, "n_outputs must be a whole number of 1 or more, but got -1"),
        (lambda: Neuron(wrong(2.0)), TypeError, "n_inputs must be a whole number of 1 or more, but got 2.0"),
        (lambda: MLP(2, wrong(3)), TypeError, "must be a list of layer sizes such as"),
        (lambda: MLP(2, []), TypeError, "must be a list of layer sizes such as"),
        (lambda: MLP(2, [1], input_names=["a"]), ValueError, "input_names wants 2 names, but got 1"),
        (lambda: MLP(2, [1], output_names="y"), TypeError, "output_names wants a list of strings"),
        (lambda: MLP.from_weights([[[1, 2]], [[1]]], [[0, 0], [0]]), ValueError, "layer 1 has 2 outputs, but the mat"),
        (lambda: MLP.from_weights([[[1, 2], [3]]], [[0, 0]]), ValueError, "row 2 of its matrix has 1 weights"),
        (lambda: MLP.from_weights([[[1, 2]]], [[0]]), ValueError, "layer 1 has 1 biases, but row 1"),
        (lambda: MLP.from_weights([[[1]]], []), ValueError, "1 matrices and 0 lists of biases"),
        (lambda: MLP.from_weights([[["x"]]], [[0]]), TypeError, "must be numbers, but one is 'x'"),
        (lambda: MLP.from_weights([[]], [[0]]), ValueError, "the weight matrix of layer 1 is empty"),
        (lambda: MLP.from_weights([[1, 2]], [[0]]), TypeError, "layer 1 wants a matrix as a list of rows"),
        (lambda: MLP.from_weights(1, [[0]]), TypeError, "from_weights.. wants a list of weights"),
        (lambda: Module()([1.0]), NotImplementedError, "Module has no __call__: define it"),
        (lambda: Neuron(2, "relu", rng=wrong(5)), TypeError, "rng must be a generator such as random.Random"),
    ],
)
def test_bad_input(call, error, words):
    with pytest.raises(error, match=words):
        call()

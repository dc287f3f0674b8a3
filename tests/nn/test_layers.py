"""Neurons, layers, networks and Modules: what they compute, how they are named, saved and refused."""

import copy
import math
import pickle
import random

import pytest

import tinygrad_nn as tn
from tinygrad_nn import MLP, Layer, Module, Neuron, Value
from tinygrad_nn.nn.activations import ACTIVATIONS


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


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_by_name_and_as_functions(name):
    by_name = Neuron(2, name, rng=random.Random(1))
    function = (lambda v: v) if name == "linear" else getattr(tn, name)
    by_function = Neuron(2, function, rng=random.Random(1))
    assert by_name([0.3, -0.8]).data == by_function([0.3, -0.8]).data
    assert by_function([0.3, -0.8]).scope is by_function


def test_networks_may_be_changed_by_hand():
    neuron = Neuron(2, "linear", rng=random.Random(0))
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


def test_layers_compose_by_hand():
    model = MLP(2, [3, 4, 2], "tanh", rng=random.Random(2))
    hidden = model.layers[0]([0.1, 0.2])
    assert [v.data for v in model.layers[2](model.layers[1](hidden))] == model.predict([0.1, 0.2])
    narrow = MLP(2, [1, 2], rng=random.Random(2))  # a hidden layer of one neuron
    assert len(narrow([0.1, 0.2])) == 2


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


def test_from_weights_takes_lists_and_arrays():
    weights, biases = [[[1, -3, 5], [2, 4, -6]], [[1], [2], [3]]], [[-1, 1, 2], [0.5]]
    model = MLP.from_weights(weights, biases, "sigmoid", "sigmoid", input_names=["a", "b"], output_names=["y"])
    hidden = [1 / (1 + math.exp(-z)) for z in (-1 + 0.1 + 0.4, 1 - 0.3 + 0.8, 2 + 0.5 - 1.2)]
    total = 0.5 + hidden[0] + 2 * hidden[1] + 3 * hidden[2]
    assert model.predict([0.1, 0.2]) == pytest.approx(1 / (1 + math.exp(-total)), rel=1e-14)
    assert repr(model) == "MLP(2, [3, 1], activation='sigmoid', output_activation='sigmoid')"
    numpy = pytest.importorskip("numpy")
    arrays = MLP.from_weights([numpy.array(w) for w in weights], [numpy.array(b) for b in biases], "sigmoid", "sigmoid")
    assert arrays.predict(numpy.array([[0.1, 0.2]])) == [model.predict([0.1, 0.2])]
    assert all(type(p.data) is float for p in arrays.parameters())


def test_names_of_inputs_and_outputs():
    model = MLP(2, [2, 2], input_names=["a", "b"], output_names=["carry", "sum"], rng=random.Random(0))
    outputs = model([1.0, Value(2.0, label="mine")])
    assert [v.label for v in outputs] == ["carry", "sum"]
    hidden = outputs[0].operands[2]  # of w1, w2, x1, x2, b
    assert [leaf.label for leaf in hidden.operands[0].operands] == ["w1", "w2", "a", "mine", "b"]
    assert model.layers[0].neurons[0].name == "layer 1, neuron 1"


def test_predict_gives_floats_for_one_row_or_many():
    model = MLP(2, [3, 1], rng=random.Random(0))
    one = model.predict([1.0, 2.0])
    assert type(one) is float
    assert one == model([1.0, 2.0]).data
    assert model.predict([[1.0, 2.0], (3, 4)]) == [one, model([3.0, 4.0]).data]
    assert model.predict([]) == []
    two = MLP(2, [2], output_activation="sigmoid", rng=random.Random(0))
    assert two.predict_classes([[9.0, 9.0], [-9.0, 3.0]], threshold=0.5) == [
        [int(p > 0.5) for p in two.predict(row)] for row in ([9.0, 9.0], [-9.0, 3.0])
    ]
    fixed = MLP.from_weights([[[1.0, 2.0, 3.0]]], [[0.0, 0.0, 0.0]], output_activation="linear")
    assert fixed.predict_classes([1.0]) == 2
    assert fixed.predict_classes([[-1.0]], threshold=None) == [0]
    assert fixed.predict_classes([1.0], threshold=1.5) == [0, 1, 1]
    numpy = pytest.importorskip("numpy")
    assert model.predict(numpy.array([[1.0, 2.0]])) == [one]
    assert model.predict(numpy.array([1.0, 2.0])) == one


class Tied(Module):
    def __init__(self):
        self.shared = Neuron(2, rng=random.Random(0))
        self.again = self.shared
        self.table = {"left": Value(1.0), "right": [Value(2.0), Value(3.0)]}
        self.nested = [[Value(4.0)], [Value(5.0)]]
        self.number, self._hidden = 7, Value(9.0)

    def __call__(self, row):
        return self.again(row) * self.table["left"]


def test_modules_find_their_parameters_once_and_name_them():
    model = Tied()
    names = [name for name, _ in model.named_parameters()]
    assert names == [
        "shared.weights.0", "shared.weights.1", "shared.bias", "table.left", "table.right.0", "table.right.1",
        "nested.0.0", "nested.1.0",
    ]  # fmt: skip
    assert len(set(map(id, model.parameters()))) == len(names)
    assert model.state_dict()["table.right"] == [2.0, 3.0]
    assert model.state_dict()["nested"] == [[4.0], [5.0]]
    model([1.0, 1.0]).backward()
    model.zero_grad()
    assert {p.grad for p in model.parameters()} == {0.0}


def test_shared_values_are_one_parameter_and_results_are_none():
    class Shared(Module):
        def __init__(self):
            self.a = Value(1.0)
            self.pair = [self.a, Value(2.0)]
            self.again = [self.pair[1]]

        def __call__(self, row):
            self.output = self.a * row[0]
            return self.output

    model = Shared()
    model([3.0])
    assert [name for name, _ in model.named_parameters()] == ["a", "pair.1"]
    tn.SGD(model.parameters(), lr=0.1)
    Shared().load_state_dict(model.state_dict())
    with pytest.raises(TypeError, match="wants the dict that state_dict"):
        model.load_state_dict(None)
    model.table = {1: Value(1.0), "1": Value(2.0)}
    with pytest.raises(ValueError, match=r"two parameters of Shared have the path 'table\.1'"):
        model.parameters()


def test_state_dict_round_trips():
    model, other = (MLP(2, [3, 1], rng=random.Random(seed)) for seed in (1, 2))
    state = model.state_dict()
    assert list(state)[:2] == ["layers.0.neurons.0.weights", "layers.0.neurons.0.bias"]
    other.load_state_dict(state)
    assert other.predict([0.1, 0.2]) == model.predict([0.1, 0.2])


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda s: s.pop("layers.0.neurons.1.bias"), ValueError, "missing 'layers.0.neurons.1.bias'"),
        (lambda s: s.update(extra=1.0), ValueError, "unexpected 'extra'"),
        (lambda s: s["layers.1.neurons.0.weights"].pop(), ValueError, "must have 3 numbers, but has 2"),
        (lambda s: s.update({"layers.1.neurons.0.weights": 1.0}), ValueError, "must have 3 numbers, but is 1.0"),
        (lambda s: s.update({"layers.1.neurons.0.bias": [1.0]}), TypeError, "must be a number, but is"),
        (lambda s: s["layers.1.neurons.0.weights"].__setitem__(2, "x"), TypeError, "must be a number, but is 'x'"),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(change, error, words):
    model = MLP(2, [3, 1], rng=random.Random(1))
    before = model.state_dict()
    state = copy.deepcopy(MLP(2, [3, 1], rng=random.Random(2)).state_dict())
    change(state)
    with pytest.raises(error, match=words):
        model.load_state_dict(state)
    assert model.state_dict() == before


def test_models_pickle_and_copy():
    model = MLP(2, [3, 1], "tanh", input_names=["a", "b"], rng=random.Random(1))
    for twin in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert twin.predict([0.1, 0.2]) == model.predict([0.1, 0.2])
        assert twin.parameters()[0] is not model.parameters()[0]
        assert twin.layers[0].neurons[0].weights[0] is twin.parameters()[0]
    shared = copy.deepcopy(Tied())
    assert shared.shared is shared.again


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
        (lambda: Neuron(2, "softmax"), ValueError, "unknown activation 'softmax'"),
        (lambda: MLP(2, [3], init="zeros"), ValueError, "unknown init 'zeros': give one of uniform, normal"),
        (lambda: Neuron(0), ValueError, "n_inputs must be a whole number of 1 or more, but got 0"),
        (lambda: Layer(2, -1), ValueError, "n_outputs must be a whole number of 1 or more, but got -1"),
        (lambda: Neuron(2.0), TypeError, "n_inputs must be a whole number of 1 or more, but got 2.0"),
        (lambda: MLP(2, 3), TypeError, "must be a list of layer sizes such as"),
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
        (lambda: Neuron(2, "relu", rng=5), TypeError, "rng must be a generator such as random.Random"),
    ],
)
def test_bad_input(call, error, words):
    with pytest.raises(error, match=words):
        call()

"""Modules: their parameters, each once and named, their state, and predictions of one row or many."""

import copy
import pickle
import random

import pytest
from shared import wrong

import tinygrad_nn as tn
from tinygrad_nn import MLP, Module, Neuron, Value


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
        model.load_state_dict(wrong(None))
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
    pickled = [pickle.loads(pickle.dumps(model, protocol)) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]
    for twin in (*pickled, copy.deepcopy(model)):
        assert twin.predict([0.1, 0.2]) == model.predict([0.1, 0.2])
        assert str(twin.layers[0].neurons[1].place) == "layer 1, neuron 2"
        assert twin.parameters()[0] is not model.parameters()[0]
        assert twin.layers[0].neurons[0].weights[0] is twin.parameters()[0]
    shared = copy.deepcopy(Tied())
    assert shared.shared is shared.again


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_all_that_a_user_has_of_a_model_pickles(protocol):
    model = MLP(2, [3, 1], "tanh", rng=random.Random(1))
    layer, neuron = model.layers[0], model.layers[0].neurons[0]
    parts = [model, layer, neuron, neuron.weights, neuron.place, Tied(), tn.SGD(model.parameters(), 0.1)]
    parts += [tn.Adam(model.parameters()), tn.compile(model), tn.compile_step(model, "hinge", tn.Adam([Value(1.0)]))]
    for given in (*parts, tn.optim.cosine(0.1, 0.0, 10), tn.losses.hinge, Value(2.0), tn.functional.exp):
        twin = pickle.loads(pickle.dumps(given, protocol))
        assert type(twin) is type(given)
        assert repr(twin) == repr(given) or " at 0x" in repr(given)
    vars(neuron)["mark"] = 3.0
    twin = pickle.loads(pickle.dumps(neuron, protocol))
    assert (twin.mark, twin._given_away) == (3.0, True)


@pytest.mark.parametrize("count", [1, 3, 40])
def test_rows_that_can_be_taken_once_are_predicted_as_a_list_of_them_is(count):
    model = MLP(2, [3, 1], "tanh", "sigmoid", rng=random.Random(1))
    rows = [[0.1 * k, 1.0 - 0.05 * k] for k in range(count)]
    for once in (iter, lambda rows: (row for row in rows), lambda rows: map(list, rows)):
        assert model.predict(once(rows)) == model.predict(rows)
        assert model.predict_classes(once(rows)) == model.predict_classes(rows)
        assert model.predict_classes(once(rows), threshold=0.4) == model.predict_classes(rows, threshold=0.4)

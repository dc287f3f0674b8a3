"""Many rows at once are predicted as one row after another is, within rounding, and never by numbers of before."""

import copy
import itertools
import pickle
import random
import threading

import pytest

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.nn.activations import ACTIVATIONS

np = pytest.importorskip("numpy", reason="numpy is not installed")
prediction = pytest.importorskip("tinygrad_nn.training.prediction")


@pytest.fixture
def at_once(monkeypatch):
    """Whether the latest prediction was of all rows at once."""
    found: list[bool] = []
    real = tn.nn.module.of_many_rows

    def told(*given):
        outputs = real(*given)
        found.append(outputs is not None)
        return outputs

    monkeypatch.setattr("tinygrad_nn.nn.module.of_many_rows", told)
    return lambda: found.pop() if found else False


def rows_of(inputs, count=40, seed=0):
    return np.random.default_rng(seed).normal(size=(count, inputs)) * 2.0


def recorded(model, rows):
    return [model.predict(row) for row in rows.tolist()]


def alike(model, rows):
    wanted = recorded(model, rows)
    found = model.predict(rows)
    assert type(found) is np.ndarray
    assert found.dtype == np.float64
    assert found == pytest.approx(np.array(wanted), rel=1e-12, abs=1e-13, nan_ok=True)
    listed = model.predict(rows.tolist())
    assert repr(listed) == repr(found.tolist())
    assert type(listed[0]) is type(wanted[0])
    assert {type(each) for each in (listed[0] if isinstance(listed[0], list) else listed)} == {float}
    return found


def drawn(rng):
    """A network of the library's own, with surgery in some."""
    inputs, names = rng.choice([1, 2, 5]), list(ACTIVATIONS)
    kind = rng.random()
    if kind < 0.1:
        return inputs, tn.Neuron(inputs, rng.choice(names), rng=rng)
    if kind < 0.3:
        return inputs, tn.Layer(inputs, rng.choice([1, 3]), rng.choice(names), rng=rng)
    sizes = [rng.choice([1, 2, 4]) for _ in range(rng.randrange(1, 4))]
    model = tn.MLP(inputs, sizes, rng.choice(names), rng.choice(names), "normal", rng=rng)
    for layer in model.layers:
        if rng.random() < 0.3:
            rng.choice(layer.neurons).activation = rng.choice([*names, tn.sin, lambda z: z * z + 1.0])
        if rng.random() < 0.2:
            layer.neurons[-1] = layer.neurons[0]
    if rng.random() < 0.2:
        model.layers[0].neurons[0].weights[0] = rng.choice([0.5, Value(0.25), model.layers[-1].neurons[0].bias])
    return inputs, model


@pytest.mark.parametrize("seed", range(60))
def test_many_rows_at_once_are_as_one_after_another(seed):
    rng = random.Random(seed)
    inputs, model = drawn(rng)
    rows = rows_of(inputs, seed=seed)
    before = alike(model, rows)
    for parameter in model.parameters():
        parameter.data += 0.5
    assert alike(model, rows).tolist() != before.tolist()
    for twin in (copy.deepcopy(model), *([] if "lambda" in repr(model) else [pickle.loads(pickle.dumps(model))])):
        assert twin.predict(rows).tolist() == model.predict(rows).tolist()
        twin.load_state_dict({name: _halved(numbers) for name, numbers in model.state_dict().items()})
        alike(twin, rows)


def _halved(numbers):
    return [_halved(each) for each in numbers] if isinstance(numbers, list) else numbers / 2.0


def test_networks_of_the_library_take_all_rows_at_once(at_once):
    model = tn.MLP(3, [4, 2], "tanh", rng=random.Random(1), input_names=["a", "b", "c"], output_names=["d", "e"])
    rows = rows_of(3)
    for given in (rows, rows.tolist(), list(rows), list(map(tuple, rows.tolist())), np.ones((40, 3), dtype=int),
                  rows.astype("float32"), np.asfortranarray(rows), rows[::-1]):  # fmt: skip
        model.predict(given)
        assert at_once()
    assert model.predict(rows[:2]).shape == (2, 2)
    assert model.predict(np.zeros((0, 3))).shape == (0,)
    assert model.predict([]) == []


def test_what_may_do_something_else_is_recorded(at_once, monkeypatch):
    rows = rows_of(2)

    class Own(tn.MLP):
        def __call__(self, inputs):
            return 2.0 * super().__call__(inputs)

    class Branching(tn.Module):
        def __init__(self):
            self.slope, self.calls = Value(2.0), 0

        def __call__(self, row):
            self.calls += 1
            return self.slope * row[0] if row[1] > 0.0 else self.slope - row[0]

    odd = tn.MLP(2, [1])
    odd.layers[0].neurons[0].activation = lambda z: z * z + 1.0
    branching = Branching()
    for model in (Own(2, [3, 1]), branching, odd):
        alike(model, rows)
        assert not at_once()
    assert branching.calls == 3 * len(rows)  # a call for each row
    plain = tn.MLP(2, [3, 1])
    plain.predict(rows)
    assert at_once()
    with tn.detect_anomaly():
        plain.predict(rows)
    assert not at_once()
    plain.predict(rows[:31])
    assert not at_once()
    monkeypatch.setattr(tn.Neuron, "__call__", lambda self, inputs: 0.0)
    plain.predict(rows)
    assert not at_once()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda rows: rows[7].append(1.0),
        lambda rows: rows[7].pop(),
        lambda rows: rows[7].__setitem__(0, "1.0"),
        lambda rows: rows[7].__setitem__(0, None),
        lambda rows: rows[7].__setitem__(0, 1j),
        lambda rows: rows.__setitem__(7, "ab"),
        lambda rows: rows.__setitem__(7, 3.0),
        lambda rows: rows.__setitem__(7, {1.0, 2.0}),
        lambda rows: rows[7].__setitem__(1, [1.0]),
    ],
)
def test_what_is_wrong_is_told_as_of_a_few_rows(spoil):
    model, rows = tn.MLP(2, [3, 1]), rows_of(2).tolist()
    spoil(rows)
    with pytest.raises((TypeError, ValueError)) as many:
        model.predict(rows)
    with pytest.raises((TypeError, ValueError)) as few:
        model.predict(rows[:20])
    assert str(many.value) == str(few.value)
    with pytest.raises(ValueError, match="takes 2 inputs, but was given 3"):
        model.predict(rows_of(3))


def test_numbers_beyond_the_finite_are_those_of_the_graph():
    rows = rows_of(2)
    rows[0], rows[1], rows[2] = [np.inf, 1.0], [np.nan, 1.0], [1e308, -1e308]
    for activation in ACTIVATIONS:
        alike(tn.MLP(2, [3, 2], activation, activation, rng=random.Random(3)), rows)


def test_a_module_of_ones_own_may_call_its_parts_as_it_likes():
    class Own(tn.Module):
        def __init__(self):
            self.slope = Value(2.0)

        def _outputs(self):
            return [self.slope]

        def __call__(self, row):
            return self._outputs()[0] * row[0]

    alike(Own(), rows_of(2))


def test_classes_of_an_array_are_an_array():
    rows = rows_of(2)
    for model in (tn.MLP(2, [3, 3], rng=random.Random(1)), tn.MLP(2, [3, 1], output_activation="sigmoid")):
        found = model.predict_classes(rows)
        assert found.dtype.kind == "i"
        assert found.tolist() == model.predict_classes(rows.tolist()) == list(map(model.predict_classes, rows.tolist()))


def test_threads_predict_while_numbers_change():
    model, rows = tn.MLP(2, [1], rng=random.Random(1)), np.ones((50, 2))
    wrong: list[float] = []

    def predict():
        for _ in range(50):
            found = model.predict(rows)
            wrong.extend(set(found.tolist()) if len(set(found.tolist())) > 1 else ())

    threads = [threading.Thread(target=predict) for _ in range(4)]
    for thread in threads:
        thread.start()
    for k in range(200):
        model.layers[0].neurons[0].bias.data = float(k)
    for thread in threads:
        thread.join()
    assert wrong == []
    assert model.predict(rows)[0] == pytest.approx(model.predict([1.0, 1.0]))


def test_a_last_layer_of_softmax_is_that_of_the_graph():
    for sizes in ([3], [5, 4]):
        for rows in (rows_of(2), np.asfortranarray(rows_of(2)), 1000.0 * rows_of(2)):
            alike(tn.MLP(2, sizes, "tanh", "softmax", "normal", rng=random.Random(1)), rows)
    layer = tn.Layer(2, 3, "softmax", rng=random.Random(1))
    alike(layer, rows_of(2))
    for biases in itertools.product([0.0, np.inf, -np.inf, np.nan, 1e308, -1e308], repeat=3):
        for neuron, bias in zip(layer.neurons, biases, strict=True):
            neuron.bias.data = bias
        alike(layer, np.zeros((32, 2)))
    layer.neurons[2].activation = "relu"
    with pytest.raises(ValueError, match="all neurons of the layer the same"):
        layer.predict(rows_of(2))
    one = tn.Neuron(2)
    one.activation = "softmax"
    with pytest.raises(ValueError, match="of one output take 'sigmoid'"):
        one.predict(rows_of(2))

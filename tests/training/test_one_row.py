"""One row after another is predicted as it is recorded, also once the network is machine code."""

import copy
import gc
import pickle
import random
import weakref
from typing import Any

import pytest
from shared import needed

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.nn import module
from tinygrad_nn.nn.activations import ACTIVATIONS
from tinygrad_nn.training import one_row

ROWS = [[0.5, -0.25], [1.0, 2.0], [-3.0, 0.0], [0.0, 0.0]]


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    """Compiled after three rows, of which none are too few to ask."""
    needed("llvm")
    monkeypatch.setattr(module.of_one_row, "_waiting", 0)
    monkeypatch.setattr(one_row, "WORTH_COMPILING", 3)


def recorded(model, row):
    """The output as the graph has it."""
    found = model(row)
    return [value.data for value in found] if isinstance(found, list) else found.data


def is_compiled(model):
    return vars(model)["_predicting_one"].function is not None


def check(model, rows=ROWS):
    for _ in range(2):
        for row in rows:
            found = model.predict(row)
            assert found == pytest.approx(recorded(model, row), rel=1e-14, abs=1e-15)
            assert type(found) is type(recorded(model, row))


@pytest.mark.parametrize("activation", [*ACTIVATIONS])
@pytest.mark.parametrize("sizes", [[1], [3, 1], [4, 3]])
def test_a_network_predicts_what_is_recorded(sizes, activation):
    model = tn.MLP(2, sizes, activation, rng=random.Random(1))
    check(model)
    assert is_compiled(model)


@pytest.mark.parametrize("make", [lambda: tn.Layer(2, 3, "tanh"), lambda: tn.Layer(2, 1), lambda: tn.Neuron(2, "relu")])
def test_so_do_a_layer_and_a_neuron(make):
    model = make()
    check(model)
    assert is_compiled(model)


def test_sums_and_corners_are_equal_to_the_bit():
    model = tn.MLP(2, [8, 8, 2], "relu", rng=random.Random(1))
    rng = random.Random(2)
    for _ in range(50):
        row = [rng.choice([0.0, -0.0, 1e308, float("inf"), float("nan"), rng.gauss(0.0, 1.0)]) for _ in range(2)]
        assert list(map(float.hex, model.predict(row))) == list(map(float.hex, recorded(model, row)))
    assert is_compiled(model)


def test_nothing_is_compiled_before_it_pays(monkeypatch):
    monkeypatch.setattr(one_row, "WORTH_COMPILING", 5)
    model = tn.MLP(2, [3, 1], rng=random.Random(1))
    before = {id(p): type(p) for p in model.parameters()}
    for _ in range(4):
        model.predict(ROWS[0])
    assert not is_compiled(model)
    assert {id(p): type(p) for p in model.parameters()} == before
    model.predict(ROWS[0])
    assert is_compiled(model)
    monkeypatch.setattr(module.of_one_row, "_waiting", 2)
    other = tn.MLP(2, [3, 1], rng=random.Random(1))
    for asked in (False, False, True):
        other.predict(ROWS[0])
        assert ("_predicting_one" in vars(other)) is asked


CHANGES: dict[str, Any] = {
    "a number": lambda m: setattr(m.parameters()[1], "data", 0.75),
    "an int": lambda m: setattr(m.parameters()[1], "data", 2),
    "an activation": lambda m: setattr(m.layers[0].neurons[1], "activation", "sigmoid"),
    "an activation of one's own": lambda m: setattr(m.layers[0].neurons[1], "activation", lambda v: v * v),
    "a weight": lambda m: m.layers[1].neurons[0].weights.__setitem__(0, Value(0.25)),
    "a weight that is a number": lambda m: m.layers[1].neurons[0].weights.__setitem__(0, 0.25),
    "a bias": lambda m: setattr(m.layers[0].neurons[0], "bias", Value(-1.5)),
    "a neuron": lambda m: m.layers[0].neurons.__setitem__(0, tn.Neuron(2, "tanh", rng=random.Random(4))),
    "a layer": lambda m: m.layers.__setitem__(0, tn.Layer(2, 3, "tanh", rng=random.Random(4))),
    "one more layer": lambda m: m.layers.append(tn.Layer(1, 1, "tanh", rng=random.Random(4))),
    "a step": lambda m: stepped(m, "llvm"),
    "a step on Python": lambda m: stepped(m, "python"),
    "what was saved": lambda m: m.load_state_dict(tn.MLP(2, [3, 1], "relu", rng=random.Random(6)).state_dict()),
    "a weight that draws": lambda m: setattr(m.layers[0].neurons[1], "activation", lambda v: v * random.choice([1.0])),
}


def stepped(model, backend):
    step = tn.compile_step(model, lambda found, _: found * found, tn.SGD(model.parameters(), 0.1), backend=backend)
    step(ROWS, [0.0] * 4)


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_changed_is_seen(change):
    model = tn.MLP(2, [3, 1], "relu", rng=random.Random(1))
    check(model)
    assert is_compiled(model)
    for _ in range(2):
        CHANGES[change](model)
        check(model)


@pytest.mark.parametrize("make", [lambda: tn.MLP(2, [3, 1]), lambda: tn.Layer(2, 3, "tanh"), lambda: tn.Neuron(2)])
def test_a_network_is_gone_when_nobody_has_it(make):
    """Without Python's collector of cycles."""
    model, at_work = make(), gc.isenabled()
    check(model)
    assert is_compiled(model)
    gone = [weakref.ref(model), weakref.ref(vars(model)["_predicting_one"].function)]
    gc.disable()
    try:
        del model
        assert [one() for one in gone] == [None] * len(gone)
    finally:
        if at_work:
            gc.enable()


NEW: dict[type, Any] = {
    tn.MLP: lambda m: setattr(m, "layers", [tn.Layer(2, 2, "tanh"), tn.Layer(2, 1)]),
    tn.Layer: lambda m: setattr(m, "neurons", [tn.Neuron(2, "tanh") for _ in range(2)]),
    tn.Neuron: lambda m: setattr(m, "weights", [Value(0.5), Value(-1.0)]),
}


@pytest.mark.parametrize("make", [lambda: tn.MLP(2, [3, 1]), lambda: tn.Layer(2, 3, "tanh"), lambda: tn.Neuron(2)])
def test_new_parts_count(make):
    model = make()
    changes = [lambda m: setattr(m, "bias", Value(3.0)), lambda m: setattr(m, "activation", "sigmoid")]
    for change in [NEW[type(model)], *(changes if type(model) is tn.Neuron else [NEW[type(model)]])]:
        check(model)
        assert is_compiled(model)
        change(model)
        check(model)
        vars(model).update(vars(make()))
        check(model)


def test_a_method_that_is_put_in_is_called(monkeypatch):
    model = tn.MLP(2, [3, 1], "relu", rng=random.Random(1))
    check(model)
    before = tn.Layer.__call__
    monkeypatch.setattr(tn.Layer, "__call__", lambda layer, xs: before(layer, [2.0 * x for x in xs]))
    check(model)


def test_other_rows_are_recorded_and_raise_as_before():
    model = tn.MLP(2, [3, 1], "relu", rng=random.Random(1))
    check(model)
    assert model.predict([1, 2]) == recorded(model, [1.0, 2.0])
    assert model.predict((1.0, 2.0)) == recorded(model, [1.0, 2.0])
    for wrong, error in (([1.0], ValueError), ([1.0, 2.0, 3.0], ValueError), (["a", 1.0], TypeError), (3.0, TypeError)):
        with pytest.raises(error) as told:
            model.predict(wrong)
        with pytest.raises(error) as fresh:
            tn.MLP(2, [3, 1], "relu", rng=random.Random(1)).predict(wrong)
        assert str(told.value) == str(fresh.value)
    assert is_compiled(model)


def test_it_is_recorded_for_whoever_watches():
    model = tn.MLP(2, [3, 1], "relu", rng=random.Random(1))
    check(model)
    vars(model)["_predicting_one"].function = lambda row: pytest.fail("the code was asked")
    with tn.detect_anomaly():
        check(model)
    del vars(model)["_predicting_one"]
    with tn.no_grad():
        check(model)


def test_a_copy_begins_anew():
    model = tn.MLP(2, [3, 1], "relu", rng=random.Random(1))
    check(model)
    for twin in (copy.copy(model), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        check(twin)
        twin.layers[0].neurons[0].weights[0].data = 5.0
        check(twin)
        check(model)


def test_modules_of_ones_own_and_shared_parameters_are_recorded():
    class Own(tn.MLP):
        """A user's own."""

    model: Any = Own(2, [3, 1], "relu", rng=random.Random(1))
    check(model)
    assert "_predicting_one" not in vars(model)
    model = tn.MLP(2, [3, 1], "relu", rng=random.Random(1))
    model.layers[0].neurons[0].bias = model.layers[1].neurons[0].bias
    check(model)
    assert not is_compiled(model)

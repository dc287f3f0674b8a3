"""A neuron's weights are a list of its own: whatever is done to it counts, in every pass and for every reader."""

import copy
import pickle
import random
from typing import Any

import pytest
from shared import wrong

import tinygrad_nn as tn
from tinygrad_nn import MLP, Layer, Neuron, Value

CHANGES = {
    "setting one": lambda ws, v: ws.__setitem__(0, v),
    "setting from the end": lambda ws, v: ws.__setitem__(-1, v),
    "setting a slice": lambda ws, v: ws.__setitem__(slice(1, 2), [v, v]),
    "setting every other": lambda ws, v: ws.__setitem__(slice(0, None, 2), [v] * len(ws[::2])),
    "append": lambda ws, v: ws.append(v),
    "extend": lambda ws, v: ws.extend([v, 2.0]),
    "extend by a generator": lambda ws, v: ws.extend(v for _ in range(2)),
    "insert": lambda ws, v: ws.insert(1, v),
    "+=": lambda ws, v: ws.__iadd__([v]),
    "*=": lambda ws, v: ws.__imul__(2),
    "del": lambda ws, v: ws.__delitem__(0),
    "del of a slice": lambda ws, v: ws.__delitem__(slice(0, 2)),
    "pop": lambda ws, v: ws.pop(),
    "pop of the first": lambda ws, v: ws.pop(0),
    "remove": lambda ws, v: ws.remove(ws[1]),
    "reverse": lambda ws, v: ws.reverse(),
    "sort": lambda ws, v: ws.sort(key=lambda w: -w.data if isinstance(w, Value) else -w),
    "clear and extend": lambda ws, v: (ws.clear(), ws.extend([v])),
    "shuffle": lambda ws, v: random.Random(0).shuffle(ws),
}


def agrees(neuron, xs):
    """Whether the neuron computes, and learns by, the weights that its list shows."""
    shown, bias = list(neuron.weights), neuron.bias
    total = sum((w.data if isinstance(w, Value) else w) * x for w, x in zip(shown, xs, strict=True)) + bias.data
    for p in neuron.parameters():
        p.grad = 0.0
    output = neuron(xs)
    output.backward()
    found = list(dict.fromkeys(w for w in shown if isinstance(w, Value)))
    slopes = [sum(x for w, x in zip(shown, xs, strict=True) if w is one) for one in found]
    assert output.data == pytest.approx(total, abs=1e-12)
    assert [w.grad for w in found] == pytest.approx(slopes)
    assert neuron.parameters() == [*found, bias]
    assert neuron.w is neuron.weights
    return True


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("called", [False, True])
def test_every_change_of_the_list_counts(name, called):
    kept = list(range(4))
    neuron = Neuron(4, "linear", rng=random.Random(1))
    if called:
        assert agrees(neuron, [1.0, 2.0, 3.0, 4.0])
    plain = list(neuron.weights)
    new = Value(7.0)
    CHANGES[name](neuron.weights, new)
    CHANGES[name](plain, new)
    assert list(neuron.weights) == plain
    assert agrees(neuron, [float(k + 1) for k in range(len(plain))])
    assert kept == [0, 1, 2, 3]


def test_assigned_weights_become_a_list_of_the_neurons_own():
    neuron, other = Neuron(2, "linear"), Neuron(2, "linear")
    for given in ([Value(1.0), Value(2.0)], (Value(1.0), Value(2.0)), other.weights, (Value(k) for k in range(3))):
        neuron.w = given
        assert agrees(neuron, [1.0] * len(neuron.w))
        assert neuron.w is not given
    neuron.weights = other.weights
    assert list(neuron.weights) == list(other.weights)
    neuron.weights.append(Value(5.0))
    assert (len(neuron.weights), len(other.weights)) == (3, 2)
    before = neuron.weights
    neuron.w += [Value(1.0)]
    assert neuron.weights is before
    assert len(before) == 4


def test_what_is_no_weight_is_refused_and_changes_nothing():
    layer = Layer(2, 1, "linear", name="head")
    neuron = layer.neurons[0]
    before = list(neuron.weights)
    taking = ("setting one", "setting a slice", "setting every other", "append", "extend", "insert", "+=")
    for no_weight in ("a", None, [Value(1.0)], 1j):
        for name in taking:
            with pytest.raises(TypeError, match="the weights of head, neuron 1"):
                CHANGES[name](neuron.weights, no_weight)
            assert list(neuron.weights) == before
    for bad in (3.0, "ab", None, {"a": Value(1.0)}, ["a"], Value(1.0)):
        with pytest.raises(TypeError, match="the weights of head, neuron 1"):
            neuron.weights = wrong(bad)
        assert list(neuron.weights) == before
    neuron.w.append(Value(1.0))
    with pytest.raises(ValueError, match="head, neuron 1 takes 3 inputs, but was given 2"):
        neuron([1.0, 2.0])


def test_arrays_of_values_are_weights_and_arrays_of_numbers_are_not():
    np = pytest.importorskip("numpy", reason="numpy is not installed")
    neuron: Any = Neuron(2, "linear", name="gate")
    with pytest.raises(TypeError, match=r"an array of numbers as the weights of gate would not learn: give \[Value"):
        neuron.w = np.array([1.0, 2.0])
    neuron.w = np.array([Value(1.0), Value(2.0)])
    assert agrees(neuron, [1.0, 1.0])
    neuron.w = [np.float64(3.0), Value(2.0)]  # a plain number stays as it is
    assert type(neuron.w[0]) is float
    assert agrees(neuron, [1.0, 1.0])


def test_copies_have_lists_of_their_own(tmp_path):
    model = MLP(2, [3, 1], "tanh", rng=random.Random(0))
    model.layers[0].neurons[1].w[0] = Value(0.25)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert twin.predict([1.0, 2.0]) == model.predict([1.0, 2.0])
        twin.layers[0].neurons[0].w[0] = Value(9.0)
        assert twin.predict([1.0, 2.0]) != model.predict([1.0, 2.0])
        with pytest.raises(TypeError, match="the weights of layer 1, neuron 1"):
            twin.layers[0].neurons[0].w[0] = wrong("x")
    tn.save(model, tmp_path / "model.tgnn")
    assert tn.load(tmp_path / "model.tgnn").predict([1.0, 2.0]) == model.predict([1.0, 2.0])
    state = model.state_dict()
    assert state["layers.0.neurons.1.weights"][0] == 0.25
    model.load_state_dict(state)


def test_a_changed_list_trains():
    model = MLP(2, [3, 1], "tanh", rng=random.Random(0))
    weight = Value(0.5)
    model.layers[0].neurons[0].w[0] = weight
    before = [p.data for p in model.parameters()]
    for backend in ("eager", "python"):
        optimizer = tn.SGD(model.parameters(), lr=0.1)
        rows, targets = [[0.5, 1.0], [1.0, 0.5]], [2.0, 3.0]
        tn.fit(model, rows, targets, tn.losses.squared_error, optimizer, epochs=2, backend=backend, progress=False)
        after = [p.data for p in model.parameters()]
        assert all(a != b for a, b in zip(before, after, strict=True))
        before = after
    assert weight.data != 0.5


FOLLOWED = ("setting one", "del and append", "reverse", "assigning", "a plain number")


def changed(neuron, name):
    {
        "setting one": lambda: neuron.w.__setitem__(0, Value(0.9)),
        "del and append": lambda: (neuron.w.pop(0), neuron.w.append(Value(0.3))),
        "reverse": lambda: neuron.w.reverse(),
        "assigning": lambda: setattr(neuron, "w", (Value(0.1), Value(0.2))),
        "a plain number": lambda: neuron.w.__setitem__(1, 0.7),
    }[name]()


def recorded(model, optimizer):
    """A step on the recorded graph."""

    def step(rows, targets):
        optimizer.zero_grad()
        loss = sum(tn.losses.squared_error(model(x), y) for x, y in zip(rows, targets, strict=True)) / len(rows)
        loss.backward()
        optimizer.step()
        return loss.data

    return step


@pytest.mark.parametrize("backend", ["python", "array", "llvm"])
@pytest.mark.parametrize("name", FOLLOWED)
def test_compiled_code_follows_a_changed_list(name, backend):
    for module in {"array": ["numpy"], "llvm": ["numpy", "llvmlite"]}.get(backend, []):
        pytest.importorskip(module, reason=f"{module} is not installed")
    rows, targets = [[0.5, 1.0], [1.0, 0.5]], [2.0, 3.0]
    found = []
    for compiled in (False, True):
        model = MLP(2, [2, 1], "tanh", rng=random.Random(0))
        f = tn.compile(lambda x, model=model: model(x), backend=backend) if compiled else model.predict
        before = f(rows[0])
        changed(model.layers[0].neurons[0], name)
        losses = []
        if backend != "array":
            model = MLP(2, [2, 1], "tanh", rng=random.Random(0))
            optimizer = tn.SGD(model.parameters(), lr=0.1)
            loss = tn.losses.squared_error
            step = tn.compile_step(model, loss, optimizer, backend=backend) if compiled else recorded(model, optimizer)
            for _ in range(2):
                losses.append(step(rows, targets))
                changed(model.layers[0].neurons[0], name)
        found.append([before, f(rows[0]), *losses, *(p.data for p in model.parameters())])
    assert found[1] == pytest.approx(found[0], rel=1e-12)
    assert found[0][0] != found[0][1]


@pytest.mark.parametrize("backend", ["python", "array", "llvm"])
def test_one_value_in_several_places_is_compiled(backend):
    for module in {"array": ["numpy"], "llvm": ["numpy", "llvmlite"]}.get(backend, []):
        pytest.importorskip(module, reason=f"{module} is not installed")
    shared = Value(0.5)
    neuron, names, here, there = Neuron(2, "tanh", rng=random.Random(0)), {"a": shared, "b": shared}, shared, shared
    neuron.w[:] = [shared, shared]
    functions = (neuron, lambda x: here * x[0] + there * x[1], lambda x: tn.dot([shared, names["a"]], x) * names["b"])
    for function in functions:
        row = [0.25, 2.0]
        assert tn.compile(function, backend=backend)(row) == pytest.approx(function(row).data, rel=1e-12)
    assert type(shared) is Value
    if backend != "array":
        losses = []
        for end in (backend, "eager"):
            model = MLP(2, [2, 1], "tanh", rng=random.Random(0))
            model.layers[0].neurons[0].w[0] = model.layers[0].neurons[1].w[1]
            optimizer = tn.SGD(model.parameters(), lr=0.1)
            rows, targets = [[0.5, 1.0], [1.0, 0.5]], [2.0, 3.0]
            losses.append(
                tn.fit(model, rows, targets, "squared_error", optimizer, 3, shuffle=False, backend=end).losses
            )
        assert losses[0] == pytest.approx(losses[1], rel=1e-12)

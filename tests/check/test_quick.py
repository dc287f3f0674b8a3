"""A quick look is sure only where lint finds nothing, and is sure of networks as most are."""

import random

import pytest

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.check.lint import of_training
from tinygrad_nn.check.quick import surely_clean
from tinygrad_nn.losses import LOSSES
from tinygrad_nn.nn.activations import ACTIVATIONS

pytest.importorskip("numpy", reason="numpy is not installed")


def both(model, loss, rows, targets, ended, trained=None):
    """What the quick look says, and what lint finds."""
    trained = model.parameters() if trained is None else trained
    flat = [
        [*row, *(target if isinstance(target, list) else [target])] for row, target in zip(rows, targets, strict=True)
    ]
    sure = surely_clean(model, loss, trained, flat, len(rows[0]), ended)
    total = tn.mean([loss(model(row), target) for row, target in zip(rows, targets, strict=True)])
    return sure, of_training(trained, model, total, ended, recorded=False)


def drawn(rng):
    """A network, a loss and rows, with something wrong in many of them."""
    activation, last = rng.choice([*ACTIVATIONS, "relu", "tanh", "sigmoid"]), rng.choice(list(ACTIVATIONS))
    loss, outputs = rng.choice(list(LOSSES.values())), rng.choice([1, 2, 3])
    outputs += loss is tn.losses.cross_entropy
    sizes = [rng.choice([1, 2, 3, 8]) for _ in range(rng.choice([0, 1, 2]))]
    model = tn.MLP(2, [*sizes, outputs], activation, last, rng=rng)
    scale, shift = rng.choice([0.01, 1.0, 1.0, 30.0]), rng.choice([0.0, 0.0, 0.0, -3.0, -20.0])
    for layer in model.layers[:-1]:
        equal = rng.random() < 0.1
        for neuron in layer.neurons:
            neuron.bias.data = shift if rng.random() < 0.9 else 0.5
            for weight in neuron.weights:
                weight.data = 0.25 if equal else weight.data * scale
            if rng.random() < 0.1:
                neuron.activation = rng.choice(list(ACTIVATIONS))
    if rng.random() < 0.1:
        for neuron in model.layers[-1].neurons:
            for weight in neuron.weights:
                weight.data = 0.5
    count = rng.choice([1, 3, 4, 9])
    rows = [[rng.gauss(0.0, 1.0), rng.gauss(0.0, 1.0)] for _ in range(count)]
    low, high = rng.choice([(0.0, 1.0), (-1.0, 1.0), (0.0, 3.0)])
    if loss is tn.losses.cross_entropy:
        targets = [rng.randrange(outputs) for _ in rows]
    else:
        kind = rng.random() < 0.5
        numbers = [[rng.choice([low, high]) if kind else rng.uniform(low, high) for _ in range(outputs)] for _ in rows]
        targets = [row[0] for row in numbers] if outputs == 1 else numbers
    trained = model.parameters()
    rng.shuffle(trained)
    trained = [*trained[: rng.randrange(1, len(trained) + 1)], *([Value(1.0)] if rng.random() < 0.1 else [])]
    return model, loss, rows, targets, rng.random() < 0.5, trained


@pytest.mark.parametrize("seed", range(4))
def test_what_is_sure_is_what_lint_finds_nothing_in(seed):
    rng, told = random.Random(seed), {(sure, found): 0 for sure in (True, False) for found in (True, False)}
    for _ in range(150):
        case = drawn(rng)
        sure, found = both(*case)
        assert not (sure and found), (case, found)
        told[sure, bool(found)] += 1
    assert told[True, False] > 30
    assert told[False, True] > 30


def test_the_edges():
    """Half of the units dead, nearly dead ones, and slopes about those that count as none."""
    rows = [[float(k), 1.0] for k in range(1, 7)]
    for seed in range(60):
        rng = random.Random(seed)
        name = rng.choice(["relu", "sigmoid", "tanh"])
        model = tn.MLP(2, [4, 1], name, rng=rng)
        for neuron in model.layers[0].neurons:
            edge = {"relu": 0.0, "sigmoid": 4.6, "tanh": 2.3}[name]
            near = rng.choice([0.0, 1e-13, -1e-13, 1e-7, -1e-7, 0.01, -0.01, 1.0])
            neuron.weights[0].data = neuron.weights[1].data = 0.0
            neuron.bias.data = edge + near
        for ended in (False, True):
            sure, found = both(model, tn.losses.squared_error, rows, [5.0] * 6, ended)
            assert not (sure and found)


@pytest.mark.parametrize("sizes", [[16, 16, 1], [3]])
def test_networks_as_most_are(sizes):
    rng = random.Random(1)
    for activation in ACTIVATIONS:
        model = tn.MLP(5, sizes, activation, init="xavier", rng=rng)
        rows = [[rng.gauss(0.0, 1.0) for _ in range(5)] for _ in range(32)]
        targets = [rng.gauss(0.0, 1.0) if len(sizes) > 1 else [0.5, 0.1, -3.0] for _ in rows]
        for ended in (False, True):
            assert both(model, tn.losses.squared_error, rows, targets, ended) == (True, [])


def test_what_is_not_the_librarys_own_is_not_sure():
    rows, targets = [[0.5, -0.5]] * 4, [0.0] * 4
    own = tn.MLP(2, [3, 1], lambda z: z * z, rng=random.Random(1))
    assert both(own, tn.losses.squared_error, rows, targets, False)[0] is False
    model = tn.MLP(2, [3, 1], "tanh", rng=random.Random(1))
    assert both(model, lambda p, t: tn.losses.squared_error(p, t), rows, targets, False)[0] is False
    assert both(model, lambda p, t: tn.losses.squared_error(p, t), rows, targets, True)[0] is True
    assert both(model, tn.losses.squared_error, rows, targets, False)[0] is True
    model.layers[0].neurons[0].weights[0].data = float("inf")
    assert both(model, tn.losses.squared_error, rows, targets, False)[0] is False
    model.layers[0].neurons[0].weights[0].data = 1
    assert both(model, tn.losses.squared_error, rows, targets, False)[0] is False


def test_units_that_are_all_one():
    rows, targets = [[0.5, -0.5], [1.0, 0.3]], [0.0, 1.0]
    model = tn.MLP.from_weights([[[0.1, 0.1], [0.2, 0.2]], [[0.3], [0.3]]], [[0.0, 0.0], [0.0]], "tanh")
    sure, found = both(model, tn.losses.squared_error, rows, targets, False)
    assert not sure
    assert [finding.kind for finding in found] == ["equal weights"]

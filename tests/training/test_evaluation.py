"""What is watched after an epoch: gradients by layer or attribute, patience and the weights that it gives back."""

import math
import random

import pytest
from training import BACKENDS, l2, moons, trained

import tinygrad_nn as tn


@pytest.mark.parametrize("backend", BACKENDS)
def test_gradients_by_layer_are_those_of_the_graph(backend):
    X, Y = moons()
    history, model, _ = trained(backend, regularizer=l2, metrics=["gradients", "accuracy"], epochs=3)
    losses = [tn.losses.hinge(model(x), y) for x, y in zip(X, Y, strict=True)]
    model.zero_grad()
    (tn.mean(losses) + l2(model)).backward()
    assert list(history.metrics) == ["accuracy", "gradient of layer 1", "gradient of layer 2"]
    for k, layer in enumerate(model.layers, 1):
        size = math.sqrt(math.fsum(p.grad**2 for p in layer.parameters()) / len(layer.parameters()))
        assert history.metrics[f"gradient of layer {k}"][-1] == pytest.approx(size, rel=1e-9)
    without, other, _ = trained(backend, regularizer=l2, epochs=3)
    assert without.losses == history.losses
    assert other.state_dict() == model.state_dict()


class Skip(tn.Module):
    """A model wired by hand, of a layer, a neuron and numbers of its own."""

    def __init__(self):
        rng = random.Random(1)
        self.hidden, self.out = tn.Layer(2, 3, "tanh", rng=rng), tn.Neuron(3, "linear", rng=rng)
        self.slopes, self.offset = [tn.Value(0.5), tn.Value(0.1)], tn.Value(0.0)

    def __call__(self, x):
        return self.out(self.hidden(x)) + tn.dot(self.slopes, x) + self.offset


@pytest.mark.filterwarnings("ignore::tinygrad_nn.LintWarning")  # one parameter is free
def test_gradients_of_other_models_go_by_their_attributes():
    X, Y = moons()
    model, free = Skip(), tn.Value(1.0)
    for parameters, names in (
        (model.parameters(), ["hidden", "out", "slopes", "offset"]),
        (model.out.parameters(), ["out"]),
        ([*model.slopes, free], ["slopes", "parameters"]),
    ):
        optimizer = tn.SGD(parameters, lr=0.1)
        history = tn.fit(model, X, Y, "hinge", optimizer, epochs=2, metrics="gradients", progress=False)
        assert list(history.metrics) == [f"gradient of {name}" for name in names]
    assert history.metrics["gradient of parameters"] == [0.0, 0.0]

    def line(x):
        return tn.dot(model.slopes, x)

    optimizer = tn.SGD(model.slopes, lr=0.1)
    assert list(tn.fit(line, X, Y, "hinge", optimizer, epochs=2, metrics="gradients", progress=False).metrics) == [
        "gradient of parameters"
    ]


@pytest.mark.parametrize("backend", BACKENDS)
def test_patience_ends_the_run_and_gives_the_best_weights_back(backend):
    X, Y = moons(12)
    wrong = X, [-y for y in Y]  # the better it trains, the worse it does there
    seen = []

    def callback(history):
        seen.append((history.metrics["validation loss"][-1], history.epochs[-1]))

    history, model, _ = trained(backend, data=(X, Y), epochs=50, validation=wrong, patience=3, callbacks=callback)
    best = min(range(len(seen)), key=lambda i: seen[i][0])
    assert history.stopped == "patience"
    assert len(seen) == best + 4 == history.epochs[-1]
    losses = [max(0.0, 1 - t * p) for p, t in zip(model.predict(X), wrong[1], strict=True)]
    assert math.fsum(losses) / len(losses) == pytest.approx(seen[best][0])


X, Y = moons(6)


@pytest.mark.parametrize("backend", BACKENDS)
def test_patience_without_validation_gives_back_the_weights_of_the_lowest_loss(backend):
    weight = tn.Value(1.0)
    optimizer = tn.SGD([weight], lr=1.1)
    options = {"patience": 3, "progress": False, "backend": backend}
    history = tn.fit(lambda x: weight * x[0], [[1.0]], [0.0], "squared_error", optimizer, 50, **options)
    assert history.losses == pytest.approx([1.0, 1.2**2, 1.2**4, 1.2**6])
    assert (weight.data, optimizer.velocity, optimizer.steps) == (1.0, [0.0], 0)


@pytest.mark.parametrize("backend", BACKENDS)
def test_patience_gives_state_and_steps_back_with_the_weights(backend, tmp_path):
    X, Y = moons(12)
    states = []
    model = tn.MLP(2, [6, 1], "tanh", rng=random.Random(1))
    optimizer = tn.Adam(model.parameters(), lr=0.05)

    def seen(history):
        loss = history.metrics["validation loss"][-1]
        states.append((loss, model.state_dict(), list(optimizer.state), optimizer.steps))

    options = {"validation": (X, [-y for y in Y]), "callbacks": seen, "progress": False, "backend": backend}
    history = tn.fit(model, X, Y, "hinge", optimizer, 20, patience=3, checkpoint=tmp_path / "m.txt", **options)
    assert history.stopped == "patience"
    best = min(states, key=lambda state: state[0])
    assert (model.state_dict(), optimizer.state, optimizer.steps) == best[1:]
    again, other = tn.load(tmp_path / "m.txt", optimizer=True)
    assert (again.state_dict(), other.state, other.steps) == best[1:]
    options["callbacks"] = lambda history: len(history) == 2
    steps = optimizer.steps
    tn.fit(model, X, Y, "hinge", optimizer, 20, patience=9, **options)
    assert optimizer.steps == steps + 2  # whoever ends a run otherwise has it as it stands


def loss(prediction, target):
    return 100.0


def test_gradients_of_lists_of_lists_and_of_layers_of_one_name():
    class Table(tn.Module):
        def __init__(self):
            self.W = [[tn.Value(0.1), tn.Value(0.2)], [tn.Value(0.3), tn.Value(0.4)]]

        def __call__(self, x):
            return tn.sum([tn.dot(row, x) for row in self.W])

    table, model = Table(), tn.MLP(2, [3, 1], "tanh")
    model.layers = [tn.Layer(n, m, "tanh", name="same") for n, m in ((2, 3), (3, 3), (3, 1))]
    for made, names in ((table, ["W"]), (model, ["layer 1", "layer 2", "layer 3"])):
        optimizer = tn.SGD(made.parameters(), lr=0.1)
        history = tn.fit(made, X, Y, "hinge", optimizer, epochs=1, metrics="gradients", progress=False)
        assert list(history.metrics) == [f"gradient of {name}" for name in names]

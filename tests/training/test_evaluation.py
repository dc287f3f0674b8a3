"""What is measured after an epoch: gradients by layer or attribute."""

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


def test_gradients_of_lists_of_lists_and_of_layers_of_one_name():
    class Table(tn.Module):
        def __init__(self):
            self.W = [[tn.Value(0.1), tn.Value(0.2)], [tn.Value(0.3), tn.Value(0.4)]]

        def __call__(self, x):
            return tn.sum([tn.dot(row, x) for row in self.W])

    (X, Y), table, model = moons(6), Table(), tn.MLP(2, [3, 1], "tanh")
    model.layers = [tn.Layer(n, m, "tanh", name="same") for n, m in ((2, 3), (3, 3), (3, 1))]
    for made, names in ((table, ["W"]), (model, ["layer 1", "layer 2", "layer 3"])):
        optimizer = tn.SGD(made.parameters(), lr=0.1)
        history = tn.fit(made, X, Y, "hinge", optimizer, epochs=1, metrics="gradients", progress=False)
        assert list(history.metrics) == [f"gradient of {name}" for name in names]

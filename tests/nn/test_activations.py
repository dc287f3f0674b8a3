"""Activations: by name and as functions."""

import random
from typing import Any

import pytest

import tinygrad_nn as tn
from tinygrad_nn import Neuron
from tinygrad_nn.nn.activations import ACTIVATIONS


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_by_name_and_as_functions(name):
    by_name = Neuron(2, name, rng=random.Random(1))
    function = (lambda v: v) if name == "linear" else getattr(tn, name)
    by_function = Neuron(2, function, rng=random.Random(1))
    assert by_name([0.3, -0.8]).data == by_function([0.3, -0.8]).data
    assert by_function([0.3, -0.8]).scope is by_function


ROW = [0.3, -0.2, 0.9]
ROWS = [[0.1 * i, 0.7 - 0.2 * j, 0.3 * i * j] for i in range(8) for j in range(8)]


def with_softmax(hidden="tanh"):
    return tn.MLP(3, [5, 4], hidden, "softmax", rng=random.Random(1))


def test_softmax_is_of_the_outputs_of_a_layer_together():
    model, logits = with_softmax(), tn.MLP(3, [5, 4], "tanh", rng=random.Random(1))
    assert model.predict(ROW) == tn.softmax(logits.predict(ROW))
    assert model.predict_classes(ROWS) == logits.predict_classes(ROWS)
    assert [tn.compile(model, backend=backend)(ROW) for backend in ("python", "auto")] == [model.predict(ROW)] * 2
    many = model.predict(ROWS)
    assert many == [pytest.approx(model.predict(row), rel=1e-12) for row in ROWS]
    assert repr(model) == "MLP(3, [5, 4], activation='tanh', output_activation='softmax')"
    assert "5 -> 4  softmax             24" in model.summary()
    layer = tn.Layer(3, 2, tn.softmax)
    assert sum(layer.predict(ROW)) == pytest.approx(1.0, abs=1e-15)
    assert layer.neurons[0].activation == "softmax"


def test_a_hidden_layer_may_have_it_and_its_gradient_is_of_softmax():
    model = with_softmax("softmax")
    hidden, last = model.layers
    sums = [tn.dot(neuron.weights, ROW, neuron.bias) for neuron in hidden.neurons]
    wanted = tn.softmax([tn.dot(neuron.weights, tn.softmax(sums), neuron.bias) for neuron in last.neurons])
    found = model(ROW)
    assert [v.data for v in found] == [v.data for v in wanted]
    assert tn.grad(found[1], model.parameters()) == pytest.approx(tn.grad(wanted[1], model.parameters()), rel=1e-13)


def test_what_was_compiled_follows_an_activation_that_is_set():
    model = with_softmax()
    f, before = tn.compile(model), model.predict(ROW)
    assert f(ROW) == before
    for neuron in model.layers[-1].neurons:
        neuron.activation = "linear"
    assert f(ROW) == model.predict(ROW) != before
    for neuron in model.layers[-1].neurons:
        neuron.activation = "softmax"
    assert f(ROW) == model.predict(ROW) == before


def test_one_number_has_no_softmax():
    for make in (lambda: Neuron(3, "softmax"), lambda: with_softmax().layers[-1].neurons[0]([0.0] * 5)):
        with pytest.raises(ValueError, match=r"all outputs of a layer together.*of one output take 'sigmoid'"):
            make()
    for make in (lambda: tn.Layer(3, 1, "softmax"), lambda: tn.MLP(3, [1, 2], "softmax")):
        with pytest.raises(ValueError, match=r"softmax of one output is always 1: give \w+.* or the activation 'sigm"):
            make()
    for k in (0, 1):
        mixed = with_softmax()
        mixed.layers[-1].neurons[k].activation = "relu"
        for run in (mixed.predict, tn.compile(mixed), lambda row, model=mixed: model.predict([row] * 64)):
            with pytest.raises(ValueError, match="all neurons of the layer the same"):
                run(ROW)


@pytest.mark.parametrize("backend", ["eager", "python", "auto"])
def test_cross_entropy_trains_it_as_it_trains_logits(backend):
    targets = [k % 4 for k in range(len(ROWS))]

    def trained(output):
        model = tn.MLP(3, [5, 4], "tanh", output, rng=random.Random(1))
        options: dict[str, Any] = {"metrics": ["accuracy", tn.losses.cross_entropy], "validation": (ROWS, targets)}
        history = tn.fit(model, ROWS, targets, "cross_entropy", tn.SGD(model.parameters(), 0.5), epochs=3,
                         batch_size=16, shuffle=False, progress=False, backend=backend, **options)  # fmt: skip
        return [parameter.data for parameter in model.parameters()], history

    (weights, history), (wanted, of_logits) = trained("softmax"), trained("linear")
    assert weights == pytest.approx(wanted, rel=1e-12)
    assert history.losses == pytest.approx(of_logits.losses, rel=1e-12)
    for name, numbers in of_logits.metrics.items():  # those of numbers, which are not squashed a second time either
        assert history.metrics[name] == pytest.approx(numbers, rel=1e-12), name

"""Scales of 8 bits: nothing overflows whatever the model is, outputs are near, and hardly a class is lost."""

import random

import pytest
from integer_files import ACTIVATIONS, MODELS, classifier, data_set, drawn, outputs, scores

import tinygrad_nn as tn
from tinygrad_nn.export.integers.quantizing import quantized

np = pytest.importorskip("numpy")


def within_their_types(network):
    """Whether all numbers of a network fit the types of C, and no sum can leave an int32."""
    for layer in network.layers:
        assert max(abs(w) for row in layer.weights for w in row) <= 127
        bounds = [abs(b) + 255 * sum(map(abs, row)) for b, row in zip(layer.begins, layer.weights, strict=True)]
        assert max(bounds) < 2**31
        assert all(1 <= factor <= 65535 for factor in layer.factors)
        assert 0 <= layer.before < 32
        assert 0 <= layer.after < 32
        assert layer.table is None or (len(layer.table) == 256 and 0 <= min(layer.table) <= max(layer.table) <= 255)
    if network.table is not None:
        assert -32768 <= min(network.table.entries) <= max(network.table.entries) <= 32767
        assert 0 <= network.table.first < 65536
        assert 0 <= network.table.shift <= 8


@pytest.mark.parametrize("which", MODELS)
def test_outputs_are_near(which):
    model, rows = MODELS[which]()
    network, _ = quantized(model, rows)
    within_their_types(network)
    wanted = np.array(model.predict(rows)).reshape(len(rows), -1)
    found = outputs(network, scores(network, [network.quantized(row) for row in rows]))
    assert np.abs(found - wanted).max() <= 0.06 * np.ptp(wanted)


def test_no_sum_overflows_whatever_the_numbers_are():
    rng = random.Random(5)
    for trial in range(200):
        sizes = [rng.choice([1, 2, 7]) for _ in range(rng.choice([2, 3, 4]))]
        model, rows = drawn(sizes, rng.choice(ACTIVATIONS), rng.choice(ACTIVATIONS), trial)
        for value in model.parameters():
            value.data *= (
                rng.choice([0.0, 0.0, 1e-9, 1.0, 1.0, 1e3, 1e5]) if trial % 3 else 10.0 ** rng.uniform(-12.0, 5.0)
            )
        for neuron in (neuron for layer in model.layers for neuron in layer.neurons if rng.random() < 0.1):
            for value in neuron.parameters():
                value.data = 0.0
        offset, width = rng.choice([0.0, 1.0, 1e6]), rng.choice([0.0, 1e-6, 1.0, 1e6])
        network, _ = quantized(model, [[offset + width * x for x in row] for row in rows[: rng.choice([1, 2, 40])]])
        within_their_types(network)
        scores(network, [[rng.randrange(256) for _ in rows[0]] for _ in range(10)] + [[255] * sizes[0]])


def test_inputs_that_are_whole_numbers_are_taken_as_they_are():
    model = tn.MLP(2, [3, 1], rng=random.Random(1))
    for rows, xs in (
        ([[0, 255], [7, 3]], [[0, 255], [7, 3]]),
        ([[-128, 127], [0, 1]], [[0, 255], [128, 129]]),
    ):
        network, _ = quantized(model, rows)
        assert [network.quantized(row) for row in rows] == xs
    network, _ = quantized(model, [[0.0, 1000.0], [0.5, 3000.0]])
    assert [network.quantized(row) for row in ([0.0, 1000.0], [0.5, 3000.0], [-9.0, 9e9])] == [
        [14, 14], [241, 241], [0, 255],
    ]  # fmt: skip


def test_small_whole_numbers_are_multiplied_where_that_is_more_exact():
    model, rows = MODELS["uneven inputs"]()
    network, _ = quantized(model, rows)
    assert network.gains == [127, 7, 8, 7, 9, 7]
    assert [network.quantized(row) for row in rows] == rows
    assert quantized(*MODELS["whole inputs"]())[0].gains is None


def test_layers_whose_sums_are_alike_have_one_table():
    tables = [layer.table for layer in quantized(*MODELS["tanh within"]())[0].layers]
    assert tables[0] == tables[1]
    assert tables[2] is None


@pytest.mark.parametrize(("output", "threshold"), [("sigmoid", 0.5), ("tanh", 0.0), ("linear", None)])
def test_a_class_of_one_output_is_over_its_threshold(output, threshold):
    model, rows = drawn((2, 6, 1), "tanh", output)
    network, _ = quantized(model, rows)
    assert network.has_class == (threshold is not None)
    if network.has_class:
        found = [network.class_of(network.quantized(row)) for row in rows]
        same = [a == b or abs(p - threshold) < 0.03 for a, b, p in zip(
            found, model.predict_classes(rows), model.predict(rows), strict=True)]  # fmt: skip
        assert all(same)
        assert {*found} == {0, 1}


@pytest.mark.parametrize("scale", [10.0, 100.0])
def test_classes_of_large_logits_are_kept(scale):
    model, rows = drawn((4, 6, 5), "relu", "softmax", scale=scale)
    network, _ = quantized(model, rows)
    found = [network.class_of(network.quantized(row)) for row in rows]
    assert sum(a != b for a, b in zip(found, model.predict_classes(rows), strict=True)) <= 1
    assert len({*found}) > 2


@pytest.mark.parametrize("output", ["sigmoid", "tanh", "elu"])
@pytest.mark.parametrize("middle", [-12.0, 0.0, 12.0])
def test_classes_of_outputs_that_are_all_large_or_small_are_kept(output, middle):
    model, rows = drawn((4, 6, 5), "tanh", output)
    for neuron in model.layers[-1].neurons:
        neuron.bias.data = middle
    model.layers[-1].neurons[0].weights[0].data = 20.0  # which makes the range wide
    network, _ = quantized(model, rows)
    found = [network.class_of(network.quantized(row)) for row in rows]
    assert sum(a != b for a, b in zip(found, model.predict_classes(rows), strict=True)) <= 2
    assert len({*found}) > 2


def lost(name, hidden, activation, seed):
    """How many rows more than the network in floats the one in 8 bits has wrong, and how many it may."""
    X, X_held, y, y_held = data_set(name, seed)
    model = classifier(X, y, hidden, activation, seed)
    network, _ = quantized(model, X)
    found = scores(network, [network.quantized(row) for row in X_held.tolist()])
    judged = found.argmax(1) if network.cut is None else found[:, 0] >= network.cut
    right = (np.array(model.predict_classes(X_held)) == y_held).sum()
    return right - (judged == y_held).sum(), max(1.0, 0.005 * len(y_held))


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
@pytest.mark.parametrize(
    ("name", "hidden"),
    [("digits", (32,)), ("iris", (16,)), ("wine", (16,)), ("moons", (16, 16)), ("large digits", (128,))],
)
def test_classes_of_data_sets_are_kept(name, hidden, activation):
    pytest.importorskip("sklearn")
    for seed in range(1 if name == "large digits" else 3):
        wrong, most = lost(name, hidden, activation, seed)
        assert wrong <= most, f"{wrong} rows of {name} are lost, seed {seed}"

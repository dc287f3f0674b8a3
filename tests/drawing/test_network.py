"""The picture of a network's layers: its circles, lines and numbers."""

import html
import random
import re
import shutil

import pytest
from shared import half_adder, wrong

import tinygrad_nn as tn
from tinygrad_nn.drawing import colors


def lines(source):
    """The colour and width of each line, by its ends, in the order they are drawn."""
    found = re.findall(r'(n\d+_\d+) -> (n\d+_\d+) \[color="(#\w+)" penwidth=([\d.]+)', source)
    return {(tail, head): (color, float(width)) for tail, head, color, width in found}


def circles(source):
    """The text, the fill and the tooltip of each circle."""
    found = re.findall(r'\t(n\d+_\d+) \[label="?([^"]*?)"? fillcolor="(#\w+)" pos=\S+ tooltip="?([^"\]]*)', source)
    return {name: (text, fill, tooltip) for name, text, fill, tooltip in found}


def words(source):
    return html.unescape(re.sub(r"<[^>]*>", "", re.sub(r"&#160;", " ", source)))


def test_a_line_for_each_weight_coloured_by_sign_and_size_the_strongest_last():
    model = half_adder()
    source = tn.draw_network(model).source
    drawn = lines(source)
    assert len(drawn) == 2 * 3 + 3 * 2
    weights = {}
    for c, layer in enumerate(model.layers):
        for j, neuron in enumerate(layer.neurons):
            for i, weight in enumerate(neuron.weights):
                weights[f"n{c}_{i}", f"n{c + 1}_{j}"] = weight.data
    for ends, (color, _) in drawn.items():
        assert color == (colors.ABOVE if weights[ends] > 0 else colors.BELOW)
    by_size = sorted(weights, key=lambda ends: abs(weights[ends]))
    assert list(drawn) == by_size
    widths = [drawn[ends][1] for ends in by_size]
    assert widths == sorted(widths)
    assert f">{weights['n0_0', 'n1_0']:.3g}<" in source


def test_circles_show_biases_and_activations():
    model = half_adder()
    bare = circles(tn.draw_network(model).source)
    assert [bare[name][0] for name in ("n0_0", "n1_0", "n2_0", "n2_1")] == ["x1", "", "carry", "sum"]
    biases = [neuron.bias.data for layer in model.layers for neuron in layer.neurons]
    largest = max(map(abs, biases))
    fills = [bare[name][1] for name in ("n1_0", "n1_1", "n1_2", "n2_0", "n2_1")]
    assert fills == [colors.fill(bias, largest) for bias in biases]
    assert bare["n1_1"][2] == f"bias {biases[1]:.4g}"
    shown = circles(tn.draw_network(model, [1.0, 0.0]).source)
    hidden = model.layers[0].predict([1.0, 0.0])
    assert [shown[f"n1_{i}"][0] for i in range(3)] == [f"{h:.2g}" for h in hidden]
    outputs = model.predict([1.0, 0.0])
    brightest = max(map(abs, [*hidden, *outputs]))
    assert [shown[f"n1_{i}"][1] for i in range(3)] == [colors.fill(h, brightest) for h in hidden]
    assert shown["n1_1"][2] == f"bias {biases[1]:.4g}"
    assert shown["n0_0"][0] == "1"
    assert [shown[f"n2_{i}"][0] for i in range(2)] == [f"{o:.2g}" for o in model.predict([1.0, 0.0])]


def test_gradients_and_velocities():
    model = half_adder()
    assert "all gradients are 0, as they are before backward()" in tn.draw_network(model, color="grad").source
    optimizer = tn.SGD(model.parameters(), lr=0.1, momentum=0.9)
    tn.losses.squared_error(model([1.0, 1.0]), [1.0, 0.0]).backward()
    optimizer.step()
    gradient = model.layers[0].neurons[0].weights[0].grad
    source = tn.draw_network(model, color="grad").source
    assert lines(source)["n0_0", "n1_0"][0] == (colors.ABOVE if gradient > 0 else colors.BELOW)
    assert "gradients of weights up to" in words(source)
    moved = tn.draw_network(model, color="velocity", optimizer=optimizer).source
    assert "velocities of weights up to" in words(moved)
    assert lines(moved) == lines(source)  # the first velocity is the gradient


def test_wide_layers_show_their_first_and_last():
    model = tn.MLP(30, [16, 1], rng=random.Random(0))
    source = tn.draw_network(model).source
    names = set(circles(source))
    assert {f"n0_{i}" for i in (0, 1, 2, 3, 4, 26, 27, 28, 29)} <= names
    assert "n0_5" not in names
    assert source.count("⋮") == 2
    assert len(lines(source)) == 9 * 9 + 9
    assert len(lines(tn.draw_network(model, max_neurons=30).source)) == 30 * 16 + 16
    assert "30 values" in source
    assert "16 neurons · relu" in source


def test_the_widths_are_those_of_the_legend_whatever_is_drawn():
    model = tn.MLP(2, [20, 1], init=lambda rng: 0.01)
    model.layers[0].neurons[10].weights[0].data = 100.0
    source = tn.draw_network(model, max_neurons=4).source
    assert "weights up to 100" in words(source)
    assert {width for _, width in lines(source).values()} == {0.58}


def test_labels_on_lines_by_choice():
    model = tn.MLP(3, [5, 1], rng=random.Random(0))
    few, many = tn.draw_network(model).source, tn.draw_network(model, edge_labels=True).source
    assert few.count("\tw0_") == 0
    assert many.count("\tw0_") == 15
    assert tn.draw_network(half_adder(), edge_labels=False).source.count("\tw0_") == 0


def test_layers_neurons_and_long_names():
    layer = tn.draw_network(tn.Layer(2, 3, "tanh", rng=random.Random(0)))
    assert len(lines(layer.source)) == 6
    neuron = tn.draw_network(tn.Neuron(4, rng=random.Random(0)), [1, 2, 3, 4])
    assert len(lines(neuron.source)) == 4
    model = tn.MLP(1, [1], input_names=["a name too long for its circle"], rng=random.Random(0))
    assert "a name too long for its circle" in tn.draw_network(model).source


def test_drawing_changes_nothing_and_repeats_to_the_byte():
    model = half_adder()
    before = model.state_dict(), [p.grad for p in model.parameters()]
    assert tn.draw_network(model, [1, 0]).source == tn.draw_network(model, [1, 0]).source
    assert (model.state_dict(), [p.grad for p in model.parameters()]) == before


@pytest.mark.skipif(shutil.which("dot") is None, reason="the system has no `dot`")
def test_circles_stay_where_they_are_put():
    svg = tn.draw_network(half_adder()).pipe(format="svg", encoding="utf-8")
    centres = re.findall(r'<title>(n\d+_\d+)</title>\n(?:<g.*\n)?.*<ellipse[^>]*cx="([-\d.]+)" cy="([-\d.]+)"', svg)
    place = {name: (float(x), float(y)) for name, x, y in centres}
    assert place["n0_0"][0] == place["n0_1"][0]
    assert place["n1_0"][0] - place["n0_0"][0] == pytest.approx(170, abs=0.1)
    assert place["n1_1"][1] - place["n1_0"][1] == pytest.approx(58, abs=0.1)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: tn.draw_network(wrong(tn.Value(1.0))), TypeError, "draws an MLP, a Layer or a Neuron, but got Value"),
        (lambda: tn.draw_network(tn.Module()), TypeError, 'call it on a row, and draw\\(output, view="neurons"\\)'),
        (
            lambda: tn.draw_network(half_adder(), color="red"),
            ValueError,
            "unknown color 'red': give one of weight, grad",
        ),
        (lambda: tn.draw_network(half_adder(), color="velocity"), ValueError, "give the one that trains the model"),
        (
            lambda: tn.draw_network(half_adder(), color="velocity", optimizer=tn.SGD(half_adder().parameters(), lr=1)),
            ValueError,
            "does not update all parameters of this model",
        ),
        (lambda: tn.draw_network(half_adder(), [1.0]), ValueError, "layer 1, neuron 1 takes 2 inputs, but was given 1"),
        (
            lambda: tn.draw_network(half_adder(), 1.0),
            TypeError,
            r"the row x of draw_network\(\) wants a list of numbers",
        ),
        (lambda: tn.draw_network(half_adder(), max_neurons=2), ValueError, "max_neurons must be a whole number of 3"),
        (lambda: tn.draw_network(half_adder(), title=wrong(2)), TypeError, "the title of a drawing is text"),
    ],
)
def test_bad_input(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_a_layer_of_softmax_shows_its_probabilities():
    model = tn.MLP(2, [3, 3], "tanh", "softmax", rng=random.Random(1))
    found = model.predict([0.5, -1.0])
    drawn = tn.draw_network(model, [0.5, -1.0]).source
    assert "3 neurons · softmax" in drawn
    for number in found:
        assert f"{number:.2g}" in drawn

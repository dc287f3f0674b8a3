"""The drawn graph: its text in every view and style, and both renderers."""

import html
import math
import random
import re
import shutil

import graphviz
import pytest
from shared import half_adder_loss

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.drawing import colors, diagram
from tinygrad_nn.drawing.diagram import Diagram, MissingRendererError, RendererError
from tinygrad_nn.drawing.nodes import nodes

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="the system has no `dot`")


def cells(source):
    """For each node the texts of its card, in the order they stand there."""
    cards = re.findall(r"^\t+([vf]\d+) \[label=<(.*)>\]$", source, re.MULTILINE)
    return {
        name: [html.unescape(t) for t in re.sub(r"<[^>]*>", "\n", card).split("\n") if t.strip()]
        for name, card in cards
    }


def edges(source):
    return re.findall(r"^\t+([vf]\d+)(?::out:e)? -> ([vf]\d+(?::p\d+)?)", source, re.MULTILINE)


def attributes(source, tail, head):
    """The attributes of an edge."""
    line = re.search(rf"^\t+{tail} -> {head}(?::\w+)* \[(.*)\]$", source, re.MULTILINE)[1]
    return dict(re.findall(r'(\w+)="?([^" ]+)"?', line))


def learned():
    """The loss of the half adder after backward."""
    loss = half_adder_loss()
    loss.backward()
    return loss


def test_every_value_has_label_data_gradient_and_operation():
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    c = a * b
    c.label = "c"
    c.backward()
    source = tn.draw(c).source
    assert cells(source) == {
        "v0": ["a", "2", "grad", "-3"],
        "v1": ["b", "-3", "grad", "2"],
        "v2": ["×", "c", "-6", "grad", "1"],
    }
    assert edges(source) == [("v0", "v2"), ("v1", "v2")]
    assert isinstance(tn.draw(c), graphviz.Digraph)


def test_neurons_have_names_of_their_own():
    model = tn.MLP(2, [2, 2], rng=random.Random(0))
    labels = [n.label for n in nodes(tn.sum([*model([1.0, 2.0]), *model([3.0, 4.0])])) if n.operands]
    assert labels[:6] == ["z1.1", "h1.1", "z1.2", "h1.2", "h2.1", "h2.2"]
    assert labels[6:8] == ["z1.1 (2)", "h1.1 (2)"]
    assert len(set(labels)) == len(labels)
    assert [n.label for n in nodes(tn.Layer(1, 2, "tanh")([1.0])[1]) if n.operands] == ["z2", "h2"]


def test_long_lines_to_shared_numbers_are_drawn_where_they_are_used():
    a, b, y = Value(0.9, label="a"), Value(0.1, label="b"), Value(1.0)
    for _ in range(80):
        y = y * a + b
    drawn = tn.draw(y)
    assert drawn.source.count("<b>a</b>") == 80
    assert tn.draw(y, max_nodes=170).source.count("<b>a</b>") == 1
    assert len(tn.steps(y).html()) > 100_000


def test_a_repeated_operand_has_two_edges_and_operands_keep_their_order():
    a, b = Value(2.0), Value(3.0)
    assert edges(tn.draw(a + a).source) == [("v0", "v1"), ("v0", "v1")]
    source = tn.draw((b - a) / (a**b)).source
    assert edges(source) == [
        ("v0", "v2:p0"), ("v1", "v2:p1"),
        ("v1", "v3:p0"), ("v0", "v3:p1"),
        ("v2", "v4:p0"), ("v3", "v4:p1"),
    ]  # fmt: skip
    dot = tn.draw(tn.dot([a, b], [b, 0.5], a)).source
    assert edges(dot) == [("v0", "v2:p0"), ("v1", "v2:p1"), ("v1", "v2:p0"), ("v0", "v2:p4")]
    assert cells(dot)["v2"][:3] == ["×", "× 0.5", "+"]
    assert edges(tn.draw(tn.take([a, b], 1)).source) == [("v0", "v2:p0"), ("v1", "v2:p1")]


def test_literals_stand_with_their_operation_in_order():
    a = Value(2.0)
    for result, words in (
        (a * 3, ["× 3"]), (3 * a, ["3 ×"]), (a + 1, ["+ 1"]), (a - 1, ["•", "−", "1"]), (1 - a, ["1", "−", "•"]),
        (a / 4, ["•", "÷", "4"]), (1 / a, ["1", "÷", "•"]), (a**2, ["x²"]), (a**2.5, ["•", "^", "2.5"]),
        (2**a, ["2", "^", "•"]), (-a, ["−"]), (tn.maximum(a, 1), ["max 1"]), (abs(a), ["|x|"]), (a.tanh(), ["tanh"]),
        (tn.losses.binary_cross_entropy(a, 1.0), ["cross-entropy", "p", "t = 1"]),
        (tn.take([a, 5.0], 1), ["take 1", "0", "1 = 5"]),
        (tn.dot([a], [3.0], 2.0), ["× 3", "+ 2"]), (tn.dot([a], [3.0]), ["× 3"]),
        (tn.logsumexp([a, 3.0]), ["logsumexp 3"]), (tn.maximum([a, 0.0, 1.0]), ["max 0, 1"]),
    ):  # fmt: skip
        card = cells(tn.draw(result).source)["v1"]
        assert card[: len(words)] == words


def test_operations_without_a_label_get_a_name():
    a, b = Value(2.0, label="a"), Value(3.0, label="b")
    assert [node.label for node in nodes(Value(1.0) + Value(2.0))] == ["v1", "v2", "v3"]
    clash = Value(1.0, label="v1")
    assert [node.label for node in nodes((clash + 2) * Value(3.0))] == ["v1", "v2", "v3", "v4"]
    names = {node.value.op.name: (node.label, node.given) for node in nodes((a * b + a).exp()) if node.value.op}
    assert names == {"multiply": ("a·b", False), "add": ("v1", False), "exp": ("v2", False)}
    loss = learned()
    labels = [node.label for node in nodes(loss) if node.operands]
    assert labels == [
        *("z1.1", "h1.1", "z1.2", "h1.2", "z1.3", "h1.3", "z2.1", "carry", "z2.2", "sum"),
        *("v1", "v2", "v3", "v4", "v5", "loss"),
    ]
    assert "w1·h1.1" in [node.label for node in nodes(loss, expand=True)]


def test_an_edge_has_the_colour_and_width_of_what_flows_back_along_it():
    a, b, c = Value(2.0), Value(-3.0), Value(4.0)
    y = a * b + c * 0.0
    y.backward()
    source = tn.draw(y).source
    assert attributes(source, "v0", "v2") == {"color": colors.BELOW, "penwidth": "3.5"}  # b = -3, the largest
    assert attributes(source, "v1", "v2")["color"] == colors.ABOVE
    assert float(attributes(source, "v1", "v2")["penwidth"]) == pytest.approx(0.9 + 2.6 * math.sqrt(2 / 3), abs=0.01)
    assert attributes(source, "v3", "v4") == {"color": colors.LINE, "penwidth": "0.8"}  # 0
    assert "lines: what flows back" in source
    unknown = tn.draw(Value(1.0) * 2).source
    assert attributes(unknown, "v0", "v1")["color"] == colors.LINE
    assert "no backward() has reached the result drawn" in unknown


def test_cells_are_coloured_by_their_gradient():
    a, b = Value(2.0), Value(-3.0)
    y = a * b
    y.backward()
    source = tn.draw(y).source
    assert f'bgcolor="{colors.fill(-3.0, 3.0)}">-3<' in source
    assert f'bgcolor="{colors.fill(2.0, 3.0)}">2<' in source
    assert colors.fill(1e-3, 1.0) != colors.fill(0.0, 1.0) != colors.fill(-1e-3, 1.0)


@pytest.mark.parametrize("gradient", [0, 0.1, 0.5, 1, -0.1, -0.5, -1, math.nan])
def test_ink_is_readable_on_every_fill(gradient):
    """The contrast of WCAG 2: at least 4.5 for text of this size."""
    fill = colors.fill(gradient, 1.0)

    def luminance(color):
        parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    assert (luminance(fill) + 0.05) / (luminance(colors.INK) + 0.05) >= 4.5


def test_before_backward_a_dash_and_special_numbers_print():
    a = Value(0.5, label="a")
    assert cells(tn.draw(a * 2).source)["v0"] == ["a", "0.5", "grad", "-"]
    for number, text in (
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (-0.0, "-0"),
        (1e-300, "1e-300"),
        (1 / 3, "0.3333"),
    ):
        assert text in cells(tn.draw(Value(number)).source)["v0"]
    assert "0.333333333" in tn.draw(Value(1 / 3), digits=9).source


def test_gradients_of_another_pass_do_not_show_as_this_ones():
    a, b = Value(2.0, label="a"), Value(3.0)
    (a * a).backward()
    assert cells(tn.draw(a + b).source)["v0"] == ["a", "2", "grad", "-"]


def test_a_root_that_no_backward_reached_shows_no_gradient_of_another_pass():
    x = Value(2.0, label="x")
    h = x * 3
    h.backward()
    source = tn.draw(h * 10).source
    assert [card[-1] for card in cells(source).values()] == ["-", "-", "-"]
    assert "no backward() has reached" in source


def test_data_that_was_set_after_recording_is_told():
    a = Value(2.0, label="a")
    y = a * 3.0 + tn.dot([a], [1.0], 0.5)
    assert "was changed after this was recorded" not in tn.draw(y).source
    a.data = 5.0
    assert "was changed after this was recorded" in tn.draw(y).source
    taken = tn.take([a, 1.0], index := Value(0.0))
    index.data = 7.0
    assert "was changed after this was recorded" in tn.draw(taken).source


def test_the_counts_of_ties_are_no_numbers_of_the_user():
    a, b = Value(1.0, label="a"), Value(2.0, label="b")
    source = tn.draw(tn.maximum(a, b, 0.5, b)).source
    assert list(cells(source).values())[-1][0] == "max 0.5"
    assert len(edges(source)) == 3
    assert "ties" not in source


def test_what_is_not_a_number_is_purple():
    a = Value(math.nan, label="a")
    y = a * Value(2.0)
    y.backward()
    source = tn.draw(y).source
    assert attributes(source, "v1", "v2")["color"] == colors.NOT_A_NUMBER
    assert ">nan<" in source
    model = tn.MLP(50, [2, 1], rng=random.Random(0))
    model.layers[0].neurons[0].weights[1].data = math.nan
    assert colors.NOT_A_NUMBER_FILL in tn.draw(model([0.1] * 50), view="layers").source


def test_very_long_labels_are_cut_where_graphviz_would_give_up():
    drawn = tn.draw(Value(1.0, label="x" * 100_000) * 2, title="y" * 100_000)
    assert len(drawn.source) < 20_000
    if shutil.which("dot"):
        assert "…" in drawn.pipe(format="svg", encoding="utf-8")


def test_drawing_changes_nothing_and_repeats_to_the_byte():
    model = tn.MLP(2, [3, 1], rng=random.Random(0))
    loss = tn.losses.squared_error(model([1.0, 2.0]), 1.0)
    loss.backward()
    before = [(p.data, p.grad, p.label) for p in model.parameters()]
    assert tn.draw(loss).source == tn.draw(loss).source
    assert [(p.data, p.grad, p.label) for p in model.parameters()] == before


def test_neurons_stand_in_their_layers_and_parameters_in_their_neurons():
    loss = learned()
    paths = {node.label: [box.label for box in node.box.path()] if node.box else [] for node in nodes(loss)}
    assert paths["h1.1"] == ["layer 1", "neuron 1"]
    assert paths["carry"] == ["layer 2", "neuron 1"]
    assert paths["loss"] == ["squared_error"]
    assert paths["x1"] == []
    owners = [node.box.label for node in nodes(loss) if node.kind == "parameter"]
    assert owners == ["neuron 1"] * 3 + ["neuron 2"] * 3 + ["neuron 3"] * 3 + ["neuron 1"] * 4 + ["neuron 2"] * 4
    source = tn.draw(loss).source
    assert source.count("subgraph") == 2 + 5 + 1
    names = {node.label: node.name for node in nodes(loss)}
    assert attributes(source, names["h1.1"], names["z2.1"] + ":p0")["minlen"] == "2"
    assert "subgraph" not in tn.draw(loss, clusters=False).source
    h = next(n.value for n in nodes(loss) if n.label == "h1.1")
    assert h.scope.place.name == "neuron 1"
    assert h.scope.weights == list(h.operands[0].operands[:2])


def test_boxes_go_by_identity_and_networks_get_one_where_there_are_two():
    one, two = (tn.MLP(1, [1], rng=random.Random(i)) for i in (1, 2))
    named = tn.MLP(1, [1], rng=random.Random(3), name="critic")
    paths = [[box.label for box in n.box.path()] for n in nodes(one([1.0]) + two([1.0]) + named([1.0])) if n.box]
    assert paths[0] == ["MLP", "layer 1", "neuron 1"]
    assert ["critic", "layer 1", "neuron 1"] in paths
    assert tn.draw(one([1.0]) + two([1.0])).source.count("subgraph") == 6
    assert tn.draw(one([1.0]) + one([2.0])).source.count("subgraph") == 2


def test_repeat_shared_draws_a_leaf_for_each_use():
    loss = learned()
    drawn = nodes(loss, repeat_shared=True)
    assert [node.label for node in drawn].count("x1") == 3
    assert {node.box.label for node in drawn if node.label == "x1"} == {"neuron 1", "neuron 2", "neuron 3"}
    a = Value(2.0, label="a")
    assert edges(tn.draw(a * a, repeat_shared=True).source) == [("v0", "v2"), ("v1", "v2")]
    assert cells(tn.draw(a, repeat_shared=True).source) == {"v0": ["a", "2", "grad", "-"]}


def test_expand_draws_a_dot_as_its_products_and_sum():
    loss = learned()
    drawn = nodes(loss, expand=True)
    plain = {node.label: node for node in nodes(loss)}
    for node in drawn:
        if node.label in plain and plain[node.label].kind != "parameter" and not node.label.startswith("v"):
            same = [n for n in nodes(loss) if n.label == node.label]
            assert (node.data, node.grad) in [(n.data, n.grad) for n in same]
    sums = [node for node in drawn if node.label == "z1.1"]
    assert [operand.label for operand in sums[0].operands if not isinstance(operand, float)] == ["w1·x1", "w2·x2", "b"]
    assert len(drawn) == len(nodes(loss)) + 12
    half = tn.draw(tn.dot([Value(2.0, label="w")], [0.5]), expand=True).source
    assert cells(half)["v1"][0] == "× 0.5"
    no_dot = Value(2.0, label="a") * 3.0
    assert tn.draw(no_dot, expand=True).source == tn.draw(no_dot).source
    assert len(nodes(tn.dot([], [], Value(1.0)), expand=True)) == 2


def test_the_classic_style_has_circles_for_operations():
    a, b = Value(2.0, label="a"), Value(3.0, label="b")
    source = tn.draw(a - b * 2, style="classic").source
    assert re.findall(r"(v\d+o?) -> (v\d+o?)", source) == [
        ("v0", "v1o"), ("v1o", "v1"), ("v2", "v3o"), ("v1", "v3o"), ("v3o", "v3"),
    ]  # fmt: skip
    assert re.findall(r"v\d+o \[label=<([^>]+)> shape", source) == ["× 2", "−"]
    assert re.findall(r'headlabel="(\d)"', source) == ["1", "2"]
    model = tn.MLP(2, [1], rng=random.Random(0), input_names=["x1", "x2"])
    dot = tn.draw(model([1.0, 2.0]), style="classic").source
    assert set(re.findall(r'headlabel="(\w+)"', dot)) == {"w1", "w2", "x1", "x2", "b"}


@pytest.mark.parametrize("rankdir", ["LR", "RL", "TB", "BT"])
@pytest.mark.parametrize("style", ["compact", "classic"])
def test_every_direction(rankdir, style):
    loss = learned()
    drawn = tn.draw(loss, rankdir=rankdir, style=style, expand=True)
    assert f"rankdir={rankdir}" in drawn.source
    if shutil.which("dot"):
        assert drawn.pipe(format="svg", encoding="utf-8").count("<g id=") > 50


def test_the_neurons_view_has_a_table_for_each_neuron_and_edges_to_the_rows_of_weights():
    loss = learned()
    source = tn.draw(loss, view="neurons").source
    tables = cells(source)
    neuron = next(n.value.scope for n in nodes(loss) if n.label == "h1.1")
    first = next(table for table in tables.values() if table[0] == "neuron 1")
    assert first[:4] == ["neuron 1", "sigmoid", "value", "grad"]
    assert first[4:7] == ["w1", f"{neuron.weights[0].data:.4g}", f"{neuron.weights[0].grad:.4g}"]
    assert first[-3] == "h1.1"
    names = {table[0]: name for name, table in tables.items() if table[0] in ("x1", "x2")}
    assert (names["x1"], "f0:p0") in edges(source)  # to the row of w1 of the first neuron
    assert (names["x2"], "f0:p1") in edges(source)
    assert sum(head.startswith("f") and ":p" in head for _, head in edges(source)) == 2 * 3 + 3 * 2 + 3  # and - and /
    literal = tn.draw(tn.MLP(2, [2, 1], rng=random.Random(0))([0.5, -1.0]), view="neurons")
    assert "× 0.5" in literal.source.replace("&#160;", "")


def test_a_batch_merges_into_one_table():
    model = tn.MLP(2, [3, 1], rng=random.Random(0))
    X, Y = tn.data.moons(10, rng=random.Random(0))
    loss = tn.mean([tn.losses.hinge(model(x), 2 * y - 1) for x, y in zip(X, Y, strict=True)])
    source = tn.draw(loss, view="neurons").source
    assert source.count("×10") == 4
    assert "10 values" in source
    assert "hinge" in source
    loss.backward()
    layers = tn.draw(loss, view="layers").source
    assert layers.count("layer ") == 2
    assert "2 numbers ×10" in layers
    assert "gradients" in layers
    assert layers.count('fixedsize="true"') > 2 * (3 * 2 + 3 + 3 + 1)


def test_wide_neurons_and_layers_are_cut_short():
    model = tn.MLP(64, [32, 2], rng=random.Random(0))
    output = model([0.5] * 64)[0]
    neurons = tn.draw(output, view="neurons").source
    assert "... 53 more ..." in neurons
    assert "in blocks of 2 × 3" in tn.draw(output, view="layers").source
    sizes = re.findall(r"f\d+:p(\d+)", neurons)
    assert max(map(int, sizes)) <= 64


def test_a_recurrent_neuron_keeps_its_loop():
    neuron = tn.Neuron(2, "tanh", rng=random.Random(0))
    state = Value(0.0, label="state")
    for x in (1.0, 0.5, -1.0):
        state = neuron([state, x])
    source = tn.draw(state, view="neurons").source
    assert ("f0", "f0:p0") in edges(source)


def test_shared_and_computed_weights():
    x = [Value(1.0, label="x1"), Value(2.0, label="x2")]
    one, two = (tn.Neuron(2, "linear", rng=random.Random(i), name=f"neuron {i}") for i in (1, 2))
    two.weights = one.weights
    loss = one(x) * two(x)
    loss.backward()
    source = tn.draw(loss, view="neurons").source
    neurons = [name for name, table in cells(source).items() if table[0].startswith("neuron")]
    assert not [1 for tail, head in edges(source) if tail in neurons and ":p" in head and head.split(":")[0] in neurons]
    first, second = (table for table in cells(source).values() if table[0].startswith("neuron"))
    assert first[4:10] == second[4:10]  # the weights and their gradients
    slope = Value(2.0, label="slope")
    two.weights = (slope * 2.0, slope * 3.0)
    computed = tn.draw(two(x), view="neurons").source
    assert {head.split(":")[1] for tail, head in edges(computed) if ":p" in head} == {"p0", "p1"}
    assert len([1 for _, head in edges(computed) if ":p" in head]) == 4  # two weights and two inputs


def test_weights_that_are_plain_numbers_and_neurons_changed_since():
    neuron = tn.Neuron(2, "tanh", rng=random.Random(0))
    neuron.weights, neuron.bias = (0.5, 0.25), 0.125
    x = [Value(1.0, label="x1"), 2.0]
    source = tn.draw(neuron(x), view="neurons").source
    assert [cell for cell in ("0.5", "0.25", "0.125") if f">{cell}<" in source] == ["0.5", "0.25", "0.125"]
    assert tn.draw_network(neuron, [1.0, 2.0]).source.count("->") == 2
    changed = tn.Neuron(1, "tanh", rng=random.Random(0))
    output = changed([1.0]) + neuron(x)
    changed.weights = (*changed.weights, Value(1.0))
    assert "tanh" in tn.draw(output, view="neurons").source


def test_an_activation_with_a_dot_of_its_own_is_one_call():
    neuron = tn.Neuron(1, lambda z: tn.dot([z, z], [0.5, 0.25]), rng=random.Random(0))
    source = tn.draw(neuron([Value(1.0)]) * 2.0, view="neurons").source
    assert "×2" not in source
    assert ("f0", "f0:p0") not in edges(source)


def test_the_view_is_chosen_by_size():
    def shown(sizes, rows):
        model = tn.MLP(2, sizes, rng=random.Random(0))
        loss = tn.mean([tn.losses.hinge(model([0.1 * i, 0.2]), [1.0] * sizes[-1]) for i in range(rows)])
        source = tn.draw(loss).source
        return (
            "graph"
            if "<b>w1</b>" in source and ">value<" not in source
            else "neurons"
            if ">value<" in source
            else "layers"
        )

    assert shown([3, 2], 1) == "graph"
    assert shown([4, 4, 1], 8) == "neurons"
    assert shown([16, 16, 1], 1) == "layers"
    a = Value(1.0)
    for _ in range(400):
        a = a + 1.0
    assert tn.draw(a).source.count("->") == 400


def test_a_long_chain_does_not_recurse():
    y = Value(1.0)
    for _ in range(5000):
        y = y + 1.0
    assert tn.draw(y, max_nodes=6000).source.count("->") == 5000


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: tn.draw(3.0), TypeError, "draws the graph behind a Value, but got 3.0 of type float"),
        (lambda: tn.draw([Value(1.0)]), TypeError, "of type list"),
        (lambda: tn.draw(tn.MLP(2, [1])), TypeError, r"call the model on a row first, or use draw_network\(model\)"),
        (lambda: tn.draw(Value(1.0), rankdir="up"), ValueError, "unknown rankdir 'up': give one of LR, RL, TB, BT"),
        (
            lambda: tn.draw(Value(1.0), view="tree"),
            ValueError,
            "unknown view 'tree': give one of auto, graph, neurons, layers",
        ),
        (lambda: tn.draw(Value(1.0), style="fancy"), ValueError, "unknown style 'fancy': give one of compact, classic"),
        (
            lambda: tn.draw(Value(1.0) + 1, view="neurons"),
            ValueError,
            "none took part in this graph: call a model first",
        ),
        (lambda: tn.draw(Value(1.0) + 1, view="layers"), ValueError, 'draw it with view="graph"'),
        (
            lambda: tn.draw(Value(1.0) + Value(2.0), max_nodes=2),
            ValueError,
            "would have 3 nodes, more than max_nodes=2",
        ),
        (lambda: tn.draw(learned(), max_nodes=40, expand=True), ValueError, "would have 47 nodes.*insist"),
        (lambda: tn.draw(learned(), view="neurons", max_nodes=5), ValueError, "would have 13 nodes"),
        (lambda: tn.draw(Value(1.0), digits="four"), TypeError, "digits must be a whole number from 1 to 17"),
        (
            lambda: tn.draw(Value(1.0), max_nodes=None),
            TypeError,
            "max_nodes must be a whole number of 1 or more, but got None",
        ),
        (lambda: tn.draw(Value(1.0), title=3), TypeError, "title of a drawing is text, but got 3"),
        (lambda: tn.draw(Value(1.0)).write("picture"), ValueError, "takes the format from the ending"),
        (lambda: tn.draw(Value(1.0)).write("/no/such/folder/x.gv"), OSError, "there is no folder"),
        (lambda: tn.draw(Value(1.0)).save("graph.svg"), ValueError, r"use write\('graph.svg'\) for the picture"),
    ],
)
def test_bad_input(call, error, words):
    with pytest.raises(error, match=words):
        call()


@needs_dot
def test_the_systems_dot_renders(tmp_path):
    drawn = tn.draw(Value(1.0) + Value(2.0))
    assert drawn.write(tmp_path / "sum.svg") == str(tmp_path / "sum.svg")
    assert (tmp_path / "sum.svg").read_bytes().count(b"<svg") == 1
    assert drawn.write(str(tmp_path / "sum.png")).endswith(".png")
    assert (tmp_path / "sum.png").read_bytes().startswith(b"\x89PNG")
    assert drawn.render(str(tmp_path / "again"), format="png") == str(tmp_path / "again.png")
    assert "image/svg+xml" in drawn._repr_mimebundle_()
    with pytest.raises(FileNotFoundError):
        drawn.write(tmp_path / "missing" / "sum.svg")


def without_dot(monkeypatch):
    monkeypatch.setattr(graphviz.backend.dot_command, "DOT_BINARY", "no-such-dot-here")


def test_pygraphviz_renders_where_there_is_no_dot(tmp_path, monkeypatch):
    pytest.importorskip("pygraphviz", reason="pygraphviz, the extra `render`, is not installed")
    without_dot(monkeypatch)
    drawn = tn.draw(Value(1.0, label="<é>") + Value(2.0))
    assert drawn.write(tmp_path / "sum.svg") == str(tmp_path / "sum.svg")
    assert "&lt;é&gt;" in (tmp_path / "sum.svg").read_text(encoding="utf-8")
    assert drawn.pipe(format="png").startswith(b"\x89PNG")
    assert drawn.render(str(tmp_path / "again"), format="svg", cleanup=True) == str(tmp_path / "again.svg")
    assert not (tmp_path / "again").exists()
    assert "<svg" in drawn._repr_mimebundle_()["image/svg+xml"]
    network = tn.draw_network(tn.MLP(2, [3, 1]))
    network.pipe(format="svg")
    centres = set(re.findall(r'<ellipse[^>]*cx="([-\d.]+)"', network.pipe(format="svg", encoding="utf-8")))
    assert len(centres) == 3  # neato kept the columns
    with pytest.raises(RendererError, match="pygraphviz could not draw this as exr"):
        drawn.pipe(format="exr")


def test_without_a_renderer_the_text_is_written_and_the_line_says_what_to_install(tmp_path, monkeypatch):
    without_dot(monkeypatch)
    monkeypatch.setitem(__import__("sys").modules, "pygraphviz", None)
    drawn = tn.draw(Value(1.0) + Value(2.0))
    line = drawn.write(tmp_path / "sum.svg")
    assert line.startswith(str(tmp_path / "sum.gv"))
    assert diagram.HINT in line
    assert "\n" not in line
    assert (tmp_path / "sum.gv").read_text(encoding="utf-8") == drawn.source
    with pytest.raises(MissingRendererError, match="pip install"):
        drawn.pipe(format="svg")
    with pytest.raises(MissingRendererError, match="The text of the drawing is in"):
        drawn.render(str(tmp_path / "again"), format="svg")
    assert drawn._repr_mimebundle_()["text/plain"].startswith(diagram.HINT)


@needs_dot
def test_a_format_that_dot_lacks(tmp_path):
    with pytest.raises(RendererError, match="Graphviz draws no 'nonsense'"):
        Diagram().write(tmp_path / "x.nonsense")

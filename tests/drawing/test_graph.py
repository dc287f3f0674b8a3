"""The drawn graph: its text in every view and style, and both renderers."""

import random
import re
import shutil
from typing import Any

import graphviz
import pytest
from drawings import attributes, cells, edges, learned

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.drawing import colors
from tinygrad_nn.drawing.nodes import nodes


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


def test_nothing_flows_behind_the_side_of_where_that_is_not_taken():
    x = Value(0.0)
    y = tn.where(Value(0.0), tn.sqrt(x), 2.0 * x)
    y.backward()
    assert colors.NOT_A_NUMBER not in tn.draw(y).source


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
    owners = [node.box and node.box.label for node in nodes(loss) if node.kind == "parameter"]
    assert owners == ["neuron 1"] * 3 + ["neuron 2"] * 3 + ["neuron 3"] * 3 + ["neuron 1"] * 4 + ["neuron 2"] * 4
    source = tn.draw(loss).source
    assert source.count("subgraph") == 2 + 5 + 1
    names = {node.label: node.name for node in nodes(loss)}
    assert attributes(source, names["h1.1"], names["z2.1"] + ":p0")["minlen"] == "2"
    assert "subgraph" not in tn.draw(loss, clusters=False).source
    h: Any = next(n.value for n in nodes(loss) if n.label == "h1.1")
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
    assert {node.box and node.box.label for node in drawn if node.label == "x1"} == {"neuron 1", "neuron 2", "neuron 3"}
    a = Value(2.0, label="a")
    assert edges(tn.draw(a * a, repeat_shared=True).source) == [("v0", "v2"), ("v1", "v2")]
    assert cells(tn.draw(a, repeat_shared=True).source) == {"v0": ["a", "2", "grad", "-"]}


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
    neuron: Any = next(n.value.scope for n in nodes(loss) if n.label == "h1.1")
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
    neuron: Any = tn.Neuron(2, "tanh", rng=random.Random(0))
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

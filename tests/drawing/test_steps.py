"""The steps of backpropagation: their numbers are the engine's, their pictures keep still, their page is whole."""

import math
import random
import re
import xml.etree.ElementTree as ElementTree

import graphviz
import pytest
from drawings import data_of
from hypothesis import given
from hypothesis import strategies as st
from shared import half_adder_loss, same, wrong

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.drawing import diagram
from tinygrad_nn.drawing.film import Film
from tinygrad_nn.drawing.nodes import nodes
from tinygrad_nn.drawing.steps.backprop import steps_of


def last_gradients(page):
    """The gradient of each node at the last step, by its place."""
    return [float(node["gradients"][-1]["exact"]) for node in data_of(page)["nodes"]]


def programs():
    """Graphs of many kinds, each made anew."""
    a, b, c = Value(1.5, label="a"), Value(-0.5, label="b"), Value(2.0, label="c")
    logits = [a * b, b + c, c, a]
    neuron = tn.Neuron(2, "tanh", rng=random.Random(0))
    state = Value(0.3)
    for x in (a, 0.5, b):
        state = neuron([state, x])
    model = tn.MLP(2, [3, 3], activation=lambda x: x.tanh() * x, rng=random.Random(0))
    return {
        "leaf": a,
        "twice": a * a + a,
        "ordered": (a - b) / (c**b) - 2.0 / a,
        "powers": a**2 + b**3 * c**4 + a**0 + c**2.5,
        "dots": tn.dot([a, b, a], [b, 2.0, a], c) + tn.dot([a, b], [a, b]),
        "empty dot": tn.dot([], [], a),
        "cross entropy": tn.losses.cross_entropy(logits, 2),
        "softmax": tn.softmax(logits)[1],
        "ties": tn.maximum([a, c, c * 1.0]) + tn.maximum(a, a) + tn.minimum(c, c),
        "relu": (a * b).relu() + b.relu(),
        "infinite": (b + 0.5).log() + 1.0 / (b + 0.5),
        "where": tn.where(b, a, (b + 0.5).sqrt()) * c,
        "recurrent": state,
        "network": tn.losses.squared_error(model([a, 0.25]), [0.0, 1.0, 2.0]),
        "half adder": half_adder_loss(),
        "constant": tn.Value(3.0) ** 0 * 2.0,
    }


@pytest.mark.parametrize("expand", [False, True])
@pytest.mark.parametrize("name", programs())
def test_the_last_gradients_are_the_engines_to_the_bit(name, expand):
    root = programs()[name]
    before = repr([(node.value.data, node.value.grad) for node in nodes(root)])
    page = tn.steps(root, expand=expand).html()
    assert repr([(node.value.data, node.value.grad) for node in nodes(root)]) == before
    root.backward()
    shown = dict(zip([id(n.value) for n in nodes(root, expand)], last_gradients(page), strict=True))
    leaves = [node.value for node in nodes(root) if node.value.op is None]
    for value in leaves if expand else [node.value for node in nodes(root)]:
        assert same(shown[id(value)] + 0.0, value.grad + 0.0), value


values = st.floats(-3, 3)


@given(st.lists(values, min_size=3, max_size=3), st.data())
def test_random_programs(numbers, data):
    pool = [Value(number) for number in numbers]
    for _ in range(data.draw(st.integers(1, 12))):
        x, y = data.draw(st.sampled_from(pool)), data.draw(st.sampled_from([*pool, 0.5, -2.0]))
        kind = data.draw(st.sampled_from(["+", "-", "*", "/", "tanh", "relu", "exp", "max", "dot", "neg"]))
        pool.append({
            "+": lambda x, y: x + y, "-": lambda x, y: y - x, "*": lambda x, y: x * y, "/": lambda x, y: x / y,
            "tanh": lambda x, y: x.tanh(), "relu": lambda x, y: x.relu(), "exp": lambda x, y: (0.1 * x).exp(),
            "max": lambda x, y: tn.maximum(x, y), "dot": lambda x, y: tn.dot([x, y], [y, x], x), "neg": lambda x, y: -x,
        }[kind](x, y))  # fmt: skip
    root = pool[-1]
    drawn = nodes(root)
    gradients = {i: g for step in steps_of(drawn, 4) for i, g in step.gradients.items()}
    root.backward()
    for i, node in enumerate(drawn):
        assert same(gradients[i] + 0.0, node.value.grad + 0.0)


def test_there_is_a_step_for_each_operation_forward_and_backward():
    loss = half_adder_loss()
    steps = tn.steps(loss)
    operations = sum(node.value.op is not None for node in nodes(loss))
    assert len(steps) == 2 + 2 * operations
    assert "34 steps of 'Backpropagation from loss'" in repr(steps)
    told = data_of(steps.html())["steps"]
    assert [step["phase"] for step in told] == ["Start"] + ["Forward"] * 16 + ["Backward"] * 17
    assert told[1]["where"] == ["layer 1", "neuron 1"]


def test_what_a_step_says():
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    y = (a * b).tanh() + a
    y.label = "y"
    told = data_of(tn.steps(y).html())["steps"]
    assert told[1]["text"] == "a·b = a × b = 2 × (−3) = −6"
    assert told[2]["text"] == "v1 = tanh(a·b) = tanh(−6) = −1"
    backward = told[-1]
    assert backward["text"].startswith("a·b = a × b has gradient 2.458e−05.")
    assert backward["passes"][0] == {
        "to": "a", "rule": "a.grad += (a·b).grad * b", "derivative": "∂(a·b) / ∂a = ", "local": "−3",
        "chain": "(−3) × 2.458e−05 = ", "flow": "−7.373e−05", "sum": "a.grad = ", "before": "1 + (−7.373e−05) = ",
        "after": "0.9999", "signs": [-1, -1, 1],
    }  # fmt: skip
    assert told[-2]["passes"][0]["rule"] == "(a·b).grad += v1.grad * (1.0 - v1 * v1)"


def test_rules_of_columns_name_the_right_element():
    w, v, x = Value(2.0, label="w"), Value(5.0, label="v"), Value(3.0, label="x")
    told = data_of(tn.steps(tn.dot([w, v], [x, 0.5], 1.0)).html())["steps"][-1]
    assert [(p["to"], p["rule"]) for p in told["passes"]] == [
        ("w", "w.grad += v1.grad * x"),
        ("v", "v.grad += v1.grad * 0.5"),
        ("x", "x.grad += v1.grad * w"),
    ]
    taken = data_of(tn.steps(tn.take([w, x], 1)).html())["steps"][-1]
    assert taken["passes"][0]["rule"] == "w.grad += where_equal(v1.grad, float(0), 1)"


def test_expressions_read_as_what_was_computed():
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    odd, f = Value(1.0, label="x2-x1"), Value(-2.0, label="f(x)")

    def said(root):
        return data_of(tn.steps(root).html())["steps"][-1]["text"].split(" has gradient")[0].split(" = ", 1)[1]

    assert data_of(tn.steps((a * b) ** 2).html())["steps"][2]["text"] == "v1 = (a·b)² = (−6)² = 36"
    assert data_of(tn.steps(odd / (a * b)).html())["steps"][2]["text"].startswith("v1 = (x2-x1) ÷ (a·b) = 1 ÷ (−6)")
    assert said(abs(f)) == "|f(x)|"
    assert said(a * odd) == "a × (x2-x1)"
    assert said(tn.maximum(a, b, 0.5)) == "max(a, b, 0.5)"
    assert said(a * a) == "a × a"
    twice = data_of(tn.steps(a * a).html())["steps"][-1]["passes"]
    assert [p["derivative"] for p in twice] == [f"∂(a·a) / ∂a at place {i} of 2 = " for i in (1, 2)]


def test_the_last_step_says_so():
    told = data_of(tn.steps(Value(2.0, label="a") * 3.0).html())["steps"]
    assert told[-1]["text"].endswith("times its local derivative, and every gradient is known:")


def test_a_sum_that_cancels_is_the_engines_when_expanded():
    a = Value(1.0, label="a")
    z = tn.dot([a, a, a], [1.0, 1e20, -1e20])
    page = tn.steps(z, expand=True).html()
    z.backward()
    assert last_gradients(page)[0] == a.grad == 0.0


def test_a_chain_through_an_infinite_gradient_is_no_false_product():
    a = Value(0.0, label="a")
    taken = data_of(tn.steps((tn.take([a, Value(1.0)], 0) + 0.0).log()).html())["steps"]
    chains = [p["chain"] for step in taken for p in step["passes"]]
    assert chains[-1] == "by the rule: "


def test_data_that_was_set_after_recording_is_told():
    a = Value(2.0, label="a")
    y = a * 3.0
    assert "Beware" not in tn.steps(y).html()
    a.data = 5.0
    assert "Beware: data was changed after this was recorded" in tn.steps(y).html()


def test_many_nodes_take_seconds():
    layer = tn.Layer(7, 6, "tanh", rng=random.Random(0))
    state = [Value(0.0) for _ in range(6)]
    for k in range(12):
        state = layer([*state, Value(0.1 * k)])
    steps = tn.steps(tn.sum(state))
    assert len(steps.html()) < 1_500_000
    assert len(steps.frames()) == len(steps)


def test_the_page_holds_the_numbers_of_when_it_was_made():
    a = Value(2.0, label="a")
    y = a * 3.0
    steps = tn.steps(y)
    before = steps.html()
    a.data = 7.0
    y.backward()
    assert steps.html() == before


def test_the_same_graph_gives_the_same_bytes():
    assert tn.steps(half_adder_loss()).html() == tn.steps(half_adder_loss()).html()


def shape(svg):
    """Everything of a picture but its colours, strokes and numbers."""
    kept = []
    for element in ElementTree.fromstring(svg).iter():
        places = {
            k: v for k, v in element.attrib.items() if k not in ("fill", "stroke", "stroke-width", "stroke-dasharray")
        }
        kept.append((element.tag, places))
    return kept


def test_nothing_moves_from_frame_to_frame():
    frames = tn.steps(half_adder_loss(), expand=True).frames()
    assert len(frames) == 58
    shapes = [shape(frame) for frame in frames]
    assert all(other == shapes[0] for other in shapes)
    assert len(set(frames)) == 58


def test_frames_show_what_is_known_so_far():
    a = Value(2.0, label="a")
    y = a * a
    first, computed, seeded, last = (
        re.findall(r'class="(?:data|grad)"[^>]*>([^<]*)<', f) for f in tn.steps(y).frames()
    )
    assert first == ["2", "–", "&#8203;", "–"]
    assert computed == ["2", "–", "4", "–"]
    assert seeded == ["2", "–", "4", "1"]
    assert last == ["2", "4", "4", "1"]


def test_nothing_overlaps_without_a_renderer(monkeypatch):
    monkeypatch.setattr(graphviz.backend.dot_command, "DOT_BINARY", "no-such-dot-here")
    monkeypatch.setitem(__import__("sys").modules, "pygraphviz", None)
    page = data_of(tn.steps(half_adder_loss(), expand=True).html())
    boxes = [node["box"] for node in page["nodes"]]
    for i, (x, y, w, h) in enumerate(boxes):
        for u, v, s, t in boxes[:i]:
            assert x + w <= u or u + s <= x or y + h <= v or v + t <= y
    assert all(line["step"] is not None for line in page["lines"])
    with pytest.raises(diagram.MissingRendererError):
        tn.draw(half_adder_loss()).pipe(format="svg")


def test_special_numbers_are_told():
    for number, told in ((math.nan, "nan"), (math.inf, "inf"), (-math.inf, "−inf"), (-0.0, "−0"), (1e-300, "1e−300")):
        page = data_of(tn.steps(Value(number, label="a") * 1.0).html())
        assert page["nodes"][0]["data"] == told


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: tn.steps(wrong(3.0)), TypeError, r"steps\(\) goes through the graph behind a Value, but got 3.0"),
        (lambda: tn.steps(wrong(None)), TypeError, r"backward\(\) gives nothing back: draw the value itself"),
        (lambda: tn.steps(wrong([Value(1.0)])), TypeError, "draw one of them, or a loss made of them"),
        (lambda: tn.steps(wrong(tn.MLP(1, [1]))), TypeError, "call the model on a row first"),
        (lambda: tn.steps(half_adder_loss(), max_nodes=40, expand=True), ValueError, "would have 47 nodes"),
        (lambda: tn.steps(Value(1.0), digits=0), ValueError, "digits must be a whole number"),
        (lambda: tn.steps(Value(1.0), title=wrong(1)), TypeError, "the title of a drawing is text"),
        (lambda: tn.steps(Value(1.0)).save("steps.pdf"), ValueError, "a name such as steps.html, but got 'steps.pdf'"),
        (lambda: tn.steps(Value(1.0)).save("/no/such/folder/steps.html"), OSError, "there is no folder"),
        (lambda: Film(wrong(3)), TypeError, "the title of a drawing is text, but got 3"),
        (lambda: Film("f").add("words"), ValueError, "at least one picture"),
        (lambda: Film("f").add("words", wrong(3)), TypeError, "a Diagram or the text of an SVG file, but got 3"),
    ],
)
def test_bad_input(call, error, words):
    with pytest.raises(error, match=words):
        call()

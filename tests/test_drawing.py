"""The drawn graph: its text, its labels that nothing breaks out of, and both renderers."""

import html
import random
import re
import shutil
import xml.etree.ElementTree as ElementTree

import graphviz
import pytest

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.drawing import diagram, labels
from tinygrad_nn.drawing.diagram import Diagram, MissingRendererError, RendererError

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="the system has no `dot`")


def cells(source):
    """For each node the texts of its card, in the order they stand there."""
    cards = re.findall(r"^\t+(v\d+) \[label=<(.*)>\]$", source, re.MULTILINE)
    return {
        name: [html.unescape(t) for t in re.sub(r"<[^>]*>", "\n", card).split("\n") if t.strip()]
        for name, card in cards
    }


def edges(source):
    return re.findall(r"^\t+(v\d+) -> (v\d+(?::p\d+:w)?)", source, re.MULTILINE)


def test_every_value_has_label_data_gradient_and_operation():
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    c = a * b
    c.label = "c"
    c.backward()
    source = tn.draw(c).source
    assert cells(source) == {
        "v0": ["a", "2", "grad", "-3"],
        "v1": ["b", "-3", "grad", "2"],
        "v2": ["*", "c", "-6", "grad", "1"],
    }
    assert edges(source) == [("v0", "v2"), ("v1", "v2")]
    assert isinstance(tn.draw(c), graphviz.Digraph)


def test_a_repeated_operand_has_two_edges_and_operands_keep_their_order():
    a, b = Value(2.0), Value(3.0)
    assert edges(tn.draw(a + a).source) == [("v0", "v1"), ("v0", "v1")]
    source = tn.draw((b - a) / (a**b)).source
    assert edges(source) == [
        ("v0", "v2:p0:w"), ("v1", "v2:p1:w"),
        ("v1", "v3:p0:w"), ("v0", "v3:p1:w"),
        ("v2", "v4:p0:w"), ("v3", "v4:p1:w"),
    ]  # fmt: skip
    dot = tn.draw(tn.dot([a, b], [b, 0.5], a)).source
    assert edges(dot) == [("v0", "v2:p0:w"), ("v1", "v2:p1:w"), ("v1", "v2:p2:w"), ("v0", "v2:p4:w")]
    assert cells(dot)["v2"][:6] == ["dot", "w1", "w2", "x1", "x2 0.5", "b"]


def test_literals_stand_with_their_operation_in_order():
    a = Value(2.0)
    for result, words in (
        (a * 3, ["* 3"]), (3 * a, ["3 *"]), (a - 1, ["+", "- 1"]), (1 - a, ["1", "-"]), (a / 4, ["*", "/ 4"]),
        (1 / a, ["1", "/"]), (a**2, ["**2"]), (a**2.5, ["base", "** 2.5"]), (2**a, ["2", "**"]), (-a, ["neg"]),
        (tn.maximum(a, 1), ["max 1"]),
    ):  # fmt: skip
        card = cells(tn.draw(result).source)["v1"]
        assert card[: len(words)] == words


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


def test_drawing_changes_nothing_and_repeats_to_the_byte():
    model = tn.MLP(2, [3, 1], rng=random.Random(0))
    loss = tn.losses.squared_error(model([1.0, 2.0]), 1.0)
    loss.backward()
    before = [(p.data, p.grad, p.label) for p in model.parameters()]
    assert tn.draw(loss).source == tn.draw(loss).source
    assert [(p.data, p.grad, p.label) for p in model.parameters()] == before


def test_neurons_and_losses_are_boxes_with_their_parameters():
    model = tn.MLP(2, [2, 1], rng=random.Random(0), input_names=["x1", "x2"])
    source = tn.draw(tn.losses.squared_error(model([1.0, 2.0]), 1.0)).source
    boxes = re.findall(r'label="?([\w, ]+)"? style', source)
    assert boxes == ["layer 1, neuron 1", "layer 1, neuron 2", "layer 2, neuron 1", "squared_error"]
    inside = source.split("subgraph")[1]
    assert [label for label in ("w1", "w2", ">b<", "x1") if f"<b>{label}" in inside or label in inside][:3] == [
        "w1",
        "w2",
        ">b<",
    ]
    assert "<b>x1</b>" not in inside.split("}")[0]


def test_a_long_chain_does_not_recurse():
    y = Value(1.0)
    for _ in range(5000):
        y = y + 1.0
    assert tn.draw(y, max_nodes=6000).source.count("->") == 5000


HOSTILE = [
    "<b>bold</b>", '<a>] v0 [URL="javascript:alert(1)" label=<b>', "<script>alert(1)</script>", "</td></tr></table>>",
    '"];v9 [label="x', "a\\nb", "\\", "\\\\", "\\N\\G\\L", 'quote"quote', "it's", "&amp;", "&#60;", "&lt;b&gt;", "a&b",
    "two\nlines", "tab\there", "\x00null", "\x1b[31m", "\x7f", "\x85", "\u2028", "\ud800", "\ufffe", "\uffff", "{a|b}",
    "<<b>>", "<", ">", "<>", "]]>", "<!--", "-->", "<![CDATA[", "%s%n", "${x}", "; rm -rf", "//comment", "/* c */", "#",
    "digraph{", "->", "מימין לשמאל", "مرحبا", "👩‍🔬", "é́́", "x" * 3000, " ", "",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_labels_stay_text(text, monkeypatch):
    a = Value(1.0, label=text)
    root = a * 2
    drawn = tn.draw(root, title=text)
    source = drawn.source
    assert set(cells(source)) == {"v0", "v1"}
    assert edges(source) == [("v0", "v1")]
    assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]", source)
    if shutil.which("dot"):
        svg = ElementTree.fromstring(drawn.pipe(format="svg", encoding="utf-8"))
        tags = {element.tag.rsplit("}")[-1] for element in svg.iter()}
        assert tags <= {"svg", "g", "title", "polygon", "text", "path"}
        shown = " ".join("".join(element.itertext()) for element in svg.iter() if element.tag.endswith("text"))
        expected = "".join(labels.clean(text).split())
        assert "".join(shown.split()).count(expected) >= 2  # in the card and in the title


def test_hostile_labels_are_fifty():
    assert len(HOSTILE) >= 48


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: tn.draw(3.0), TypeError, "draws the graph behind a Value, but got 3.0 of type float"),
        (lambda: tn.draw([Value(1.0)]), TypeError, "of type list"),
        (lambda: tn.draw(Value(1.0), rankdir="up"), ValueError, "unknown rankdir 'up': give LR, TB, RL or BT"),
        (lambda: tn.draw(Value(1.0) + Value(2.0), max_nodes=2), ValueError, "has 3 values, more than anybody can read"),
        (lambda: tn.draw(Value(1.0), digits="four"), TypeError, "digits must be a whole number of 1 or more"),
        (lambda: tn.draw(Value(1.0)).write("picture"), ValueError, "takes the format from the ending"),
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

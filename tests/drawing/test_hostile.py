"""Text from strangers, in every place where a drawing or a page shows text: nothing is injected, malformed or lost."""

import json
import random
import re
import shutil
import xml.etree.ElementTree as ElementTree

import pytest
from strangers import FORBIDDEN, HOSTILE, Page, every, squeezed

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.autograd.recording import scope
from tinygrad_nn.drawing import labels

SHAPES = {"svg", "g", "title", "polygon", "text", "path", "ellipse", "polyline", "rect", "a"}


def test_there_are_enough():
    assert len(HOSTILE) >= 48


def drawn_text(svg):
    """All text of an SVG picture, whose elements draw and do nothing else."""
    tree = ElementTree.fromstring(svg)
    assert {element.tag.rsplit("}")[-1] for element in tree.iter()} <= SHAPES
    for element in tree.iter():
        assert not any(name.lower().startswith("on") or name.endswith("href") for name in element.attrib), (
            element.attrib
        )
    tooltips = [element.attrib.get("{http://www.w3.org/1999/xlink}title", "") for element in tree.iter()]
    return squeezed("".join([*tree.itertext(), *tooltips]))


def model_of(text):
    def activation(x):
        return x.tanh()

    activation.__name__ = text
    return tn.MLP(
        2, [2, 1], activation=activation, rng=random.Random(0), input_names=[text, "x2"], output_names=[text], name=text
    )


def skeleton(source):
    """The statements of a DOT text, with every quoted string, HTML-like string and value of an attribute as X."""
    kept, depth, quoted, i = [], 0, False, 0
    while i < len(source):
        character = source[i]
        if quoted:
            i += character == "\\"
            quoted = character != '"'
        elif depth or (character == "<" and source[i - 1] == "="):
            kept.append("" if depth else "X")
            depth += (character == "<") - (character == ">")
        elif character == '"':
            quoted = True
            kept.append("X")
        else:
            kept.append(character)
        i += 1
    return re.sub(r"=[\w.#,!+-]*", "=X", "".join(kept)) + "unclosed" * (quoted or depth > 0)


def check(draw, text, times):
    """The drawing has the statements that it has with a harmless text, and its picture shows the text so often."""
    diagram = draw(text)
    assert not FORBIDDEN.search(diagram.source)
    assert skeleton(diagram.source) == skeleton(draw("harmless" if text else "").source)
    if shutil.which("dot"):
        assert drawn_text(diagram.pipe(format="svg", encoding="utf-8")).count(squeezed(labels.clean(text))) >= times


def test_the_check_catches_an_injection():
    for quoting, text in (("label=%s", HOSTILE[1]), ('label="%s"', HOSTILE[4]), ("label=<%s>", HOSTILE[3])):
        naive = f"digraph {{ v0 [{quoting}] }}"
        assert skeleton(naive % text) != skeleton(naive % "harmless")


@every
def test_in_a_graph(text):
    for style in ("compact", "classic"):
        check(lambda t, style=style: tn.draw(Value(1.0, label=t) * 2, title=t, style=style), text, 2)


@every
@pytest.mark.parametrize("view", ["graph", "neurons", "layers"])
def test_in_the_views_of_a_network(text, view):
    def draw(t):
        return tn.draw(tn.losses.squared_error(model_of(t)([1.0, 2.0]), 1.0), view=view)

    check(draw, text, 2 if view == "neurons" else 1)


@every
def test_in_a_network(text):
    def draw(t):
        return tn.draw_network(model_of(t), [1.0, 2.0], title=t)

    check(draw, text, 3 if text.strip() else 0)  # in the picture, or in the tooltip where it is long


@every
def test_on_the_page_of_the_steps(text):
    a = Value(2.0, label=text)
    with scope(type("Owner", (), {"name": text})()):
        root = a * Value(3.0, label="w")
    page = tn.steps(root, title=text).html()
    plain = Page(tn.steps(Value(2.0, label="a") * Value(3.0, label="w"), title="t").html())
    read = Page(page)
    assert not FORBIDDEN.search(page)
    added = sorted(set(read.tags) - set(plain.tags))
    assert added == []
    assert read.tags.count("script") == 2
    assert not [name for name, _ in read.attributes if name.startswith("on") or name in ("href", "src", "srcdoc")]
    cleaned = labels.clean(text)
    assert read.texts["title"][0] == cleaned or not cleaned.strip()
    data = json.loads(next(t for t in read.texts["script"] if t.startswith("{")))
    assert data["nodes"][0]["name"] == (cleaned if text else "v1")
    assert squeezed(cleaned) in squeezed("".join(data["nodes"][2]["where"]))

"""Text from strangers, in every place where a drawing or a page shows text: nothing is injected, malformed or lost."""

import html
import html.parser
import json
import random
import re
import shutil
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.autograd.recording import scope
from tinygrad_nn.drawing import labels
from tinygrad_nn.drawing.film import Film

HOSTILE = [
    "<b>bold</b>", '<a>] v0 [URL="javascript:alert(1)" label=<b>', "<script>alert(1)</script>", "</td></tr></table>>",
    '"];v9 [label="x', "a\\nb", "\\", "\\\\", "\\N\\G\\L", 'quote"quote', "it's", "&amp;", "&#60;", "&lt;b&gt;", "a&b",
    "two\nlines", "tab\there", "\x00null", "\x1b[31m", "\x7f", "\x85", "\u2028", "\ud800", "\ufffe", "\uffff", "{a|b}",
    "<<b>>", "<", ">", "<>", "]]>", "<!--", "-->", "<![CDATA[", "%s%n", "${x}", "; rm -rf", "//comment", "/* c */", "#",
    "digraph{", "->", "מימין לשמאל", "مرحبا", "👩‍🔬", "é́́", "x" * 3000, " ", "",
]  # fmt: skip


FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
SHAPES = {"svg", "g", "title", "polygon", "text", "path", "ellipse", "polyline", "rect", "a"}
every = pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))


def test_there_are_enough():
    assert len(HOSTILE) >= 48


def squeezed(text):
    return "".join(text.split())


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


class Page(html.parser.HTMLParser):
    """The elements of a page, the texts of its parts, and its scripts."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.texts, self.open = [], [], {}, []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes
        self.open.append(tag)

    def handle_data(self, data):
        self.texts.setdefault(self.open[-1] if self.open else "", []).append(data)


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


@every
def test_on_the_page_of_a_film(text):
    film = Film(text)
    film.add(text, '<svg xmlns="http://www.w3.org/2000/svg"/>')
    page = film.html()
    read = Page(page)
    assert not FORBIDDEN.search(page)
    assert read.tags.count("script") == 2
    assert not [name for name, _ in read.attributes if name.startswith("on") or name in ("href", "src", "srcdoc")]
    data = json.loads(next(t for t in read.texts["script"] if t.startswith("{")))
    assert data["frames"][0]["text"] == labels.clean(text)


@every
def test_in_the_frame_of_a_notebook(text):
    steps = tn.steps(Value(1.0, label=text) * 2, title=text)
    read = Page(steps._repr_html_())
    assert read.tags == ["iframe"]
    assert dict(read.attributes)["srcdoc"] == steps.html()
    assert dict(read.attributes)["sandbox"] == "allow-scripts"


@every
def test_in_the_name_of_a_file(text, tmp_path):
    """The file is written under that name or the system refuses it; nothing else appears."""
    name = f"x{text}.gv"
    try:
        Path(tmp_path / name).write_text("", encoding="utf-8")
        Path(tmp_path / name).unlink()
    except (OSError, ValueError):
        with pytest.raises((OSError, ValueError)):
            tn.draw(Value(1.0)).write(tmp_path / name)
        return
    assert tn.draw(Value(1.0)).write(tmp_path / name) == str(tmp_path / name)
    page = tmp_path / f"x{text}.html"
    assert tn.steps(Value(1.0) * 2).save(page) == str(page)
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {Path(name).name, page.name}

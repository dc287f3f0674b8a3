"""A diagram: rendered by dot or by pygraphviz; without either, its text and a line that says what to install."""

import re
import shutil

import graphviz
import pytest

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.drawing import diagram
from tinygrad_nn.drawing.diagram import Diagram, MissingRendererError, RendererError

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="the system has no `dot`")


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

"""Pages for the browser: saved whole, shown in a frame that can do nothing, under any name."""

from pathlib import Path

import pytest
from strangers import Page, every

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.drawing.film import Film


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


def test_pages_are_saved(tmp_path):
    steps, film = tn.steps(Value(1.0) * 2), Film("f")
    film.add("one", "<svg/>")
    for page in (steps, film):
        path = tmp_path / "page.html"
        assert page.save(path) == str(path)
        assert path.read_text(encoding="utf-8") == page.html()

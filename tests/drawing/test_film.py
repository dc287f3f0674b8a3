"""A film: its frames, and text from strangers in them."""

import json

import pytest
from drawings import data_of
from strangers import FORBIDDEN, Page, every

from tinygrad_nn.drawing import labels
from tinygrad_nn.drawing.film import Film


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


def test_a_film():
    film = Film("training")
    with pytest.raises(ValueError, match="this film has no frames: add some"):
        film.html()
    film.add("step 0", "<svg/>", "<svg/>")
    film.add("step 1", "<svg/>")
    assert len(film) == 2
    assert [len(frame["pictures"]) for frame in data_of(film.html())["frames"]] == [2, 1]
    assert "img-src data:" in film.html()
    assert film._repr_html_().startswith("<iframe srcdoc=")


@pytest.mark.parametrize("title", [None, 3])
def test_a_film_has_a_title(title):
    with pytest.raises(TypeError, match="the title of a drawing is text, but got"):
        Film(title)

"""Film: pictures of a training run as a page to play, step through and scrub."""

from __future__ import annotations

import base64
from typing import Any

from ..support.checks import checked_text
from .browser import Page, document
from .diagram import Diagram
from .labels import clean
from .steps.picture import svg_text

FRAME_PACE = 400  # milliseconds a frame when playing


class Film(Page):
    """Frames, each a line of text with one or more pictures side by side.

    A picture is a Diagram, which needs a renderer, or the text of an SVG file. Pages show them as images, so nothing in
    them can run. `len` counts the frames, `save` writes the page, and a notebook shows it in place.

    >>> film = Film("growing")
    >>> for radius in (1, 2, 3):
    ...     film.add(f"radius {radius}", f'<svg xmlns="http://www.w3.org/2000/svg"><circle r="{radius}"/></svg>')
    >>> len(film)
    3
    """

    def __init__(self, title: str) -> None:
        self.title = clean(checked_text("the title of a drawing", title))
        self._frames: list[dict[str, Any]] = []

    def __len__(self) -> int:
        return len(self._frames)

    def add(self, words: str, *pictures: str | Diagram) -> None:
        """Add a frame. Raises TypeError for a picture that is neither a Diagram nor text, ValueError for none."""
        if not pictures:
            raise ValueError("a frame of a film wants at least one picture: a Diagram, or the text of an SVG file")
        for picture in pictures:
            if not isinstance(picture, str | Diagram):
                raise TypeError(f"a picture of a film is a Diagram or the text of an SVG file, but got {picture!r}")
        texts = [p.pipe(format="svg", encoding="utf-8") if isinstance(p, Diagram) else p for p in pictures]
        coded = [base64.b64encode(picture.encode("utf-8", "replace")).decode() for picture in texts]
        self._frames.append({"text": clean(str(words)), "pictures": coded})

    def html(self) -> str:
        """The text of the page. Raises ValueError for no frames."""
        if not self._frames:
            raise ValueError("this film has no frames: add some with film.add(words, picture)")
        data = {"frames": self._frames, "pace": FRAME_PACE}
        return document("film", svg_text(self.title), "frame", len(self) - 1, data)

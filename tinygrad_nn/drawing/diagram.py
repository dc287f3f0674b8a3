"""Diagram: a graphviz.Digraph that is also rendered where the system has no `dot`.

The renderers are tried in turn: the system's `dot`, then pygraphviz, whose wheels carry Graphviz (the extra `render`).
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import graphviz

from ..support.files import path_of, write_all

HINT = (
    "no renderer for Graphviz was found: install Graphviz so that `dot` is on the PATH (apt install graphviz, brew "
    'install graphviz, winget install graphviz), or run: pip install "pygraphviz>=2"'
)
# What is raised where there is no `dot`; in a browser no process can be started at all.
NO_DOT = (graphviz.ExecutableNotFound, OSError) if sys.platform == "emscripten" else (graphviz.ExecutableNotFound,)


class RendererError(RuntimeError):
    """Nothing on this machine can turn the text of a drawing into this picture."""


class Diagram(graphviz.Digraph):  # type: ignore[misc]
    """A drawing: the text of a graph in `.source`, and the pictures made from it.

    It is a graphviz.Digraph in every way; `.attr`, `.save`, `.render` and `.pipe` are its own.
    """

    def pipe(self, format: str | None = None, **options: Any) -> Any:
        """The picture as bytes, or as a str with `encoding=`.

        Raises RendererError where there is no renderer, or it lacks the format.
        """
        wanted = format or self.format
        if wanted.lower() not in graphviz.FORMATS:
            page = "; a page for the browser is steps(loss).save(...)" if wanted.lower() in ("html", "htm") else ""
            raise RendererError(f"Graphviz draws no {wanted!r}: take svg, png, pdf, or another of its formats{page}")
        try:
            return super().pipe(format=format, **options)
        except NO_DOT:
            picture = _by_pygraphviz(self.source, wanted, options.get("engine") or self.engine)
            encoding = options.get("encoding")
            return picture.decode(encoding) if encoding else picture
        except graphviz.CalledProcessError as error:
            said = error.stderr.decode(errors="replace") if isinstance(error.stderr, bytes) else error.stderr
            raise RendererError(f"dot could not draw this as {wanted}: {said}") from error

    def write(self, path: str | Path) -> str:
        """Write the picture, its format named by the ending of `path`, and say in one line what was written.

        Without a renderer the text of the graph is written instead, beside it with the ending .gv, and the line says
        what to install. An existing file is replaced. Raises ValueError for a path without an ending, OSError for one
        that cannot be written, RendererError for a format that the renderer lacks.

        >>> import tempfile, tinygrad_nn as tn
        >>> folder = tempfile.mkdtemp()
        >>> tn.draw(tn.Value(1.0) + tn.Value(2.0)).write(f"{folder}/sum.gv") == f"{folder}/sum.gv"
        True
        """
        path = Path(path_of(path))
        if not path.suffix:
            raise ValueError(f"write({str(path)!r}) takes the format from the ending: give a name such as {path}.svg")
        if path.suffix in (".gv", ".dot"):
            write_all([(path, self.source)])
            return str(path)
        try:
            picture = self.pipe(format=path.suffix[1:].lower())
        except MissingRendererError as error:
            text = path.with_suffix(".gv")
            write_all([(text, self.source)])
            return f"{text} (the text of the drawing, since {error})"
        write_all([(path, picture)])
        return str(path)

    def save(self, filename: Any = None, *arguments: Any, **options: Any) -> Any:
        """Save the text as graphviz.Digraph.save does. Raises ValueError for the name of a picture."""
        if filename is not None and Path(filename).suffix.lower() in (".svg", ".png", ".pdf", ".jpg"):
            raise ValueError(f"save() saves the text of a drawing: use write({str(filename)!r}) for the picture")
        return super().save(filename, *arguments, **options)

    def render(self, *arguments: Any, **options: Any) -> Any:
        """Write text and picture as graphviz.Digraph.render does, by either renderer; the picture's path."""
        try:
            return super().render(*arguments, **options)
        except NO_DOT:
            text = Path(self.filepath)  # saved by the try above
            format = options.get("format") or self.format
            picture = Path(options.get("outfile") or f"{text}.{format}")
            try:
                write_all([(picture, self.pipe(format, engine=options.get("engine")))])
            except MissingRendererError as error:
                raise MissingRendererError(f"{error}. The text of the drawing is in {text}") from None
            if options.get("cleanup"):
                text.unlink()
            return str(picture)

    def __repr__(self) -> str:
        return f"<Diagram, {self.source.count(chr(10))} lines of DOT text: .write('graph.svg') makes the picture>"

    def _repr_mimebundle_(self, *arguments: Any, **options: Any) -> dict[str, str]:
        """The SVG for a notebook; without a renderer the hint and the text, not a traceback."""
        try:
            return {"image/svg+xml": self.pipe(format="svg", encoding="utf-8")}
        except RendererError as error:
            return {"text/plain": f"{error}\n\n{self.source}"}


class MissingRendererError(RendererError):
    """There is neither a `dot` on the PATH nor pygraphviz."""


def _by_pygraphviz(source: str, format: str, engine: str) -> bytes:
    try:
        import pygraphviz
    except ImportError:
        raise MissingRendererError(HINT) from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about fonts, which is no news to the reader
            return pygraphviz.AGraph(string=source).draw(format=format, prog=engine)  # type: ignore[no-any-return]
    except (OSError, ValueError, RuntimeError, TypeError) as error:
        raise RendererError(f"pygraphviz could not draw this as {format}: {error}") from error

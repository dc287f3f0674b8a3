"""Pages for the browser: one HTML file each, with its style, script and data inside, that asks no network for anything.

A Content-Security-Policy lets nothing run but the page's own script. Templates, style and scripts are files in assets.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from pathlib import Path
from string import Template
from typing import Any

from ..support.files import path_of, write_all

ASSETS = Path(__file__).parent / "assets"


def document(kind: str, title: str, word: str, last: int, data: dict[str, Any], **texts: str) -> str:
    """The text of a page of steps or frames (its `word`), numbered 0 to `last`; `kind` names its template and script.

    The title and the texts are markup, so what is in them has been escaped before.
    """
    assets = {"style": _read("page.css"), "script": _read("player.js") + _read(f"{kind}.js")}
    hashes = {f"{name}_hash": _hash(source) for name, source in assets.items()}
    main = Template(_read(f"{kind}.html")).substitute(texts)
    told = json.dumps(data, separators=(",", ":"))  # and no character of markup in it, so that a script can hold it
    told = told.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return Template(_read("page.html")).substitute(
        assets | hashes, title=title, word=word, last=last, main=main, data=told
    )


class Page:
    """What is a page for the browser: its text, the file that it is saved as, and its frame in a notebook."""

    title: str

    def html(self) -> str:
        """The text of the page."""
        raise NotImplementedError

    def save(self, path: str | Path) -> str:
        """Write the page and give back its path. An existing file is replaced.

        Raises ValueError for a path that does not end in .html, OSError for one that cannot be written.
        """
        page, path = self.html(), path_of(path)
        if Path(path).suffix.lower() not in (".html", ".htm"):
            raise ValueError(f"a page for the browser is saved under a name such as steps.html, but got {str(path)!r}")
        write_all([(path, page)])
        return path

    def _repr_html_(self) -> str:
        """The page in a frame of a notebook, which it can neither read nor change."""
        return (
            f'<iframe srcdoc="{html.escape(self.html())}" sandbox="allow-scripts" width="100%" height="560" '
            f'title="{html.escape(self.title)}" frameborder="0"></iframe>'
        )


def _read(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")


def _hash(source: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()

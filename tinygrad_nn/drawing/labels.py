"""Text that goes into a drawing: numbers as people write them, and labels that no character can break out of.

Graphviz reads `<...>` as markup and a backslash as an escape, and passes control characters on to the SVG, where no
reader takes them; so every text passes through here once. Their markup is written by `cell`, `table` and `font`.
"""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Iterable, Mapping

FONT = "Helvetica,Arial,sans-serif"
LONGEST_LABEL = 4000  # letters of a label: Graphviz takes no more than some 16,000


def in_digits(value: float, digits: int = 4) -> str:
    """The number to so many significant digits, in ASCII, so that it pastes back into Python.

    >>> in_digits(24.704081632653063), in_digits(-0.0), in_digits(1e-300), in_digits(float("nan"))
    ('24.7', '-0', '1e-300', 'nan')
    """
    return f"{value:.{digits}g}"


def readable(value: float, digits: int) -> str:
    """The number for reading, with a true minus."""
    return in_digits(value, digits).replace("-", "−")


def clean(text: str) -> str:
    """The text on one line: white space as spaces, other control characters and lone surrogates as U+FFFD.

    >>> clean("two\\nlines\\x00")
    'two lines\\ufffd'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(" " if c in "\t\n\r\x0b\x0c\x85\u2028\u2029" else "\ufffd" if _breaks_xml(c) else c for c in text)


def _breaks_xml(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cs") or character in "\ufffe\uffff"


def escaped(text: str, longest: int = LONGEST_LABEL) -> str:
    r"""The text for a label, HTML-like or plain, shortened: no markup, no entity, and no escape such as `\N`.

    >>> escaped("<b>"), escaped(r"a\nb & c") == r"a\\nb &amp; c"
    ('&lt;b&gt;', True)
    """
    return html.escape(shortened(text, longest)).replace("\\", "\\\\")


def shortened(text: str, longest: int) -> str:
    """The text, clean, cut with three dots after so many letters.

    >>> shortened("a very long name", 8)
    'a very …'
    """
    text = clean(text)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def text_width(text: str, size: float) -> float:
    """About how wide a text is in a sans-serif font: 0.58 em a letter, 0.75 a capital, 1 a wide character."""

    def width(c: str) -> float:
        if c in "WM@%" or unicodedata.east_asian_width(c) in "WF":
            return 1.0
        return 0.3 if c in "il.,'|" else 0.75 if c.isupper() else 0.58

    return size * sum(map(width, text))


def cell(content: str = "", **attributes: object) -> str:
    """A cell of a table; its content is markup, so text has been escaped before.

    >>> cell("a", bgcolor="white", port=None)
    '<td bgcolor="white">a</td>'
    """
    return f"<td{as_attributes(attributes)}>{content}</td>"


def table(rows: Iterable[str], **attributes: object) -> str:
    """A table of rows, each the text of its cells, without borders but those asked for."""
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f"<table{as_attributes({'border': 0, 'cellborder': 0, 'cellspacing': 0} | attributes)}>{body}</table>"


def font(content: str, size: float = 9, color: str | None = None) -> str:
    """Content in letters of so many points; a space where there is none, since Graphviz takes no empty font."""
    return f"<font{as_attributes({'point-size': f'{size:g}', 'color': color})}>{content or ' '}</font>"


def as_attributes(attributes: Mapping[str, object]) -> str:
    """Attributes as they stand in a tag or in a statement of Graphviz's, those that are None left out."""
    return "".join([f' {name}="{entry}"' for name, entry in attributes.items() if entry is not None])

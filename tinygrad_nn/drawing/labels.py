"""Text that goes into a drawing: numbers as people write them, and labels that no character can break out of.

Graphviz reads `<...>` as markup and a backslash as an escape, and passes control characters on to the SVG, where no
reader takes them; so every text passes through here once.
"""

from __future__ import annotations

import html
import unicodedata


def number(value: float, digits: int = 4) -> str:
    """The number to so many significant digits, in ASCII, so that it pastes back into Python.

    >>> number(24.704081632653063), number(-0.0), number(1e-300), number(float("nan"))
    ('24.7', '-0', '1e-300', 'nan')
    """
    return f"{value:.{digits}g}"


def clean(text: str) -> str:
    """The text on one line: white space as spaces, other control characters and lone surrogates as U+FFFD.

    >>> clean("two\\nlines\\x00")
    'two lines\\ufffd'
    """
    return "".join(" " if c in "\t\n\r\x0b\x0c\x85\u2028\u2029" else "\ufffd" if _breaks_xml(c) else c for c in text)


def _breaks_xml(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cs") or character in "\ufffe\uffff"


def escaped(text: str) -> str:
    r"""The text for a label, HTML-like or plain: no markup, no entity, and no escape such as `\N`.

    >>> escaped("<b>"), escaped(r"a\nb & c") == r"a\\nb &amp; c"
    ('&lt;b&gt;', True)
    """
    return html.escape(clean(text)).replace("\\", "\\\\")

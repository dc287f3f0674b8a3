"""Texts of steps and of looks on disk, so that a second process need not trace what another one has.

A text is kept by the words of the structure that it was written for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ....autograd.primitives import Primitive
from ....compiler.arguments import ArrayShape
from ....compiler.kept_text import kept_text
from ....support.as_loaded import PACKAGE, AsLoaded
from ..state import NUMBER

PLAIN = {type(None), bool, int, float, str, type(Ellipsis)}  # which are written as they are


def text_of_structure(
    kind: str, key: object, beside: Callable[[], str], loaded: AsLoaded, write: Callable[[], str]
) -> str:
    """What `write` writes of a kind, for a structure and a text beside it: by an earlier process, or now."""

    def words() -> list[str] | None:
        found = in_words(key)
        return None if found is None else [found, beside()]

    return kept_text(kind, words, loaded, write)


def in_words(key: object) -> str | None:
    """A key in words that say the same in every process; None for one of which not all can be said."""
    found: list[str] = []
    waiting: list[Any] = [key]
    while waiting:
        part = waiting.pop()
        if type(part) in PLAIN:
            found.append(repr(part))
        elif type(part) is tuple or type(part) is ArrayShape:
            parts = part.sides if type(part) is ArrayShape else part
            found.append(f"{type(part).__name__} of {len(parts)}")
            waiting += reversed(parts)
        elif part is NUMBER:
            found.append("a number")
        elif type(part) is Primitive:
            found.append(f"the primitive {part.name}")
        elif getattr(part, "__module__", "").partition(".")[0] == PACKAGE and "<" not in part.__qualname__:
            found.append(f"{part.__module__}.{part.__qualname__}")
        else:
            return None
    return " ".join(found)

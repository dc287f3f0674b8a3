"""The names in generated Python, for calls, loops and arrays alike: none hides another.

What a text calls, and the words of its own that stand around the program, keep their names. The user's give way to
them, in this order: primitives of one's own, the function itself, then its arguments, labels and results.
"""

from __future__ import annotations

import builtins
import keyword
import re
import unicodedata
from collections.abc import Iterable

from ...autograd.primitives import TABLE, Primitive
from ...support.names import Names, free, underscored

# The words of the loops and of the functions of arrays, beside those of their programs.
WORDS = (
    "passes", "put", "ended", "error", "threshold", "exactly", "rates", "settled", "carried", "rows", "found", "_",
    "tables", "dtype", "on_path", "returned", "xp", "full_like", "is_index", "OffPath", "inf", "nan", "e",
)  # fmt: skip
RESERVED = frozenset((*WORDS, *TABLE, *dir(builtins), *keyword.kwlist))


def identifier(name: str) -> str:
    """The name with an underscore for what Python's names cannot hold, and none at either end."""
    name = re.sub(r"\W+", "_", unicodedata.normalize("NFKC", name)).strip("_") or "v"
    if not f"v{name}".isidentifier():
        name = re.sub(r"[^0-9A-Za-z]+", "_", name).strip("_") or "v"
    return name if name.isidentifier() and not keyword.iskeyword(name) else f"v_{name}"


def of_primitive(primitive: Primitive) -> str:
    """What a primitive is called: its name; one of one's own has an underscore more after a reserved one.

    So no two are called the same, nor one like a slot, which no underscore ends.
    """
    own = primitive.spellings is not None
    return f"{primitive.name}_" if own and primitive.name.rstrip("_") in RESERVED else primitive.name


def of_function(name: str, primitives: Iterable[Primitive]) -> str:
    """What the function itself is called beside the primitives of one's own that it calls."""
    return free(identifier(name), {*RESERVED, *map(of_primitive, primitives)}.__contains__, underscored)


class SlotNames(Names):
    """The names of slots and arrays, beside the primitives of one's own that are called."""

    def __init__(self, primitives: Iterable[Primitive]) -> None:
        super().__init__((*RESERVED, *map(of_primitive, primitives)))

    def __call__(self, wanted: str) -> str:
        return super().__call__(identifier(wanted))

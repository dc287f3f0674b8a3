"""The names in generated Python, for calls, loops and arrays alike: none hides another.

What a text calls, and the words of its own that stand around the program, keep their names. The user's give way to
them, in this order: primitives of one's own, the function itself, then its arguments, labels and results.
"""

from __future__ import annotations

import builtins
import keyword
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable

from ...autograd.primitives import TABLE, Primitive

# The words of the loops and of the functions of arrays, beside those of their programs.
WORDS = (
    "passes", "put", "ended", "error", "threshold", "exactly", "rates", "settled", "carried", "rows", "found", "_",
    "tables", "dtype", "on_path", "returned", "xp", "is_index", "OffPath", "inf", "nan", "e",
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
    called = {*RESERVED, *map(of_primitive, primitives)}
    found = identifier(name)
    while found in called:
        found += "_"
    return found


def distinct(taken: Iterable[str], spelled: Callable[[str], str] = identifier) -> Callable[[str], str]:
    """A function that gives each name that it is asked for a spelling that is not taken yet: x, x_2, x_3 ..."""
    used, numbered = set(taken), dict[str, int]()

    def named(name: str) -> str:
        wanted = unique = spelled(name)
        while unique in used:
            numbered[wanted] = numbered.get(wanted, 1) + 1
            unique = f"{wanted}_{numbered[wanted]}"
        used.add(unique)
        return unique

    return named


def of_slots(primitives: Collection[Primitive]) -> Callable[[str], str]:
    """The names of slots and arrays, beside the primitives of one's own that are called."""
    return distinct((*RESERVED, *map(of_primitive, primitives)))

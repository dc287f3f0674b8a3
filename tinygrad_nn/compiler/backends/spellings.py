"""How back ends write what is no row of the table of their own: by its text, or by a spelling that came with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ...autograd.primitives import TABLE, Primitive
from ...autograd.rules import words
from ..program.program import Instruction
from .identifiers import of_primitive
from .texts import Language, UnwritableError, translated

# The functions of C's library, and how many numbers they take.
_OF_ONE = """
acos acosh asin asinh atan atanh cbrt ceil cos cosh erf erfc exp exp2 expm1 fabs floor lgamma log log10 log1p log2 logb
nearbyint rint round sin sinh sqrt tan tanh tgamma trunc
"""
_OF_TWO = "atan2 copysign fdim fmax fmin fmod hypot pow remainder"
LIBRARY = {**dict.fromkeys(_OF_ONE.split(), 1), **dict.fromkeys(_OF_TWO.split(), 2), "fma": 3}


class UnspelledError(ValueError):
    """A back end has no spelling for a primitive."""


def owned(instructions: Iterable[Instruction]) -> dict[str, Primitive]:
    """The primitives of one's own among those of a program, by name. Raises ValueError for two of one name."""
    found: dict[str, Primitive] = {}
    for entry in instructions:
        primitive = entry.primitive
        if primitive.spellings is not None and found.setdefault(primitive.name, primitive) is not primitive:
            raise ValueError(f"two primitives are called {primitive.name}: give them names of their own")
    return found


def rows_called(instructions: Iterable[Instruction], backend: str) -> set[Primitive]:
    """The rows of the table that a program calls, by itself or in texts and spellings of one's own."""
    rows = {entry.primitive for entry in instructions}
    own = {row for row in rows if row.spellings is not None}
    texts = " ".join([f"{row.text} {row.spellings.get(backend)}" for row in own])
    return rows - own | {TABLE[word] for word in words(texts) if word in TABLE}


def spelling(primitive: Primitive, backend: str) -> Any:
    """The spelling of a primitive of one's own. Raises UnspelledError where there is none."""
    found = (primitive.spellings or {}).get(backend)
    if found is None:
        raise UnspelledError(
            f"the primitive {primitive.name} has no spelling for the back end {backend!r}: give it one by "
            f"tn.primitive(..., spellings={{{backend!r}: ...}}), or take {_others(backend)}"
        )
    return found


def _others(backend: str) -> str:
    return "the back end 'python', which calls its value" if backend != "c" else "another back end"


def own_functions(
    primitives: Mapping[str, Primitive],
    backend: str,
    names: Mapping[str, Any],
    otherwise: Callable[[Primitive], Callable[..., Any]],
) -> dict[str, Callable[..., Any]]:
    """A Python function for each primitive: its spelling, in which those names are known, or what there is without."""
    found: dict[str, Callable[..., Any]] = {}
    for primitive in primitives.values():
        text = (primitive.spellings or {}).get(backend) or otherwise(primitive)
        if isinstance(text, str):
            text = eval(f"lambda {', '.join(primitive.operands)}: {text}", dict(names))
        found[of_primitive(primitive)] = text
    return found


def in_language(
    primitive: Primitive, backend: str, operands: Mapping[str, Any], language: Callable[[Mapping[str, int]], Language]
) -> Any:
    """The value in the language of a back end, which is told the functions of C's library that it may call.

    It is a primitive's spelling for that back end, or else its text, which calls primitives of the table alone. Raises
    UnspelledError and ValueError that say what the language has no words for.
    """
    text = "" if backend in (primitive.spellings or {}) else primitive.text
    try:
        return translated(text or spelling(primitive, backend), operands, language({} if text else LIBRARY))
    except UnwritableError as part:
        if not text:
            raise ValueError(
                f"the spelling of {primitive.name} for {backend!r} cannot have {str(part)!r}: it is of + - * /, "
                "`... if a < b else ...`, numbers, operands, primitives of the table and functions of C's library"
            ) from None
        raise UnspelledError(
            f"the value of {primitive.name} has {part} in it, which the back end {backend!r} cannot write: say how by "
            f"tn.primitive(..., spellings={{{backend!r}: ...}}), or take {_others(backend)}"
        ) from None

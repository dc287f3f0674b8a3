"""Texts on disk by what they were written from, so that a second process need not derive what another one has.

A text holds for the code that wrote it: that of the sources as they are, with nothing put in. Else it is written anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..autograd import primitives as table
from ..support.as_loaded import AsLoaded
from ..version import __version__
from .object_cache import folder_in_use, from_cache
from .program.program import Guard, Program


def kept_text(kind: str, words: Callable[[], Sequence[str | None]], loaded: AsLoaded, write: Callable[[], str]) -> str:
    """What `write` writes of a kind, by an earlier process or now.

    The words say all that it follows from; None is among them where there are none for something.
    """
    if folder_in_use() is None or (sources := loaded.sources()) is None or None in (said := words()):
        return write()
    key = [f"text of {kind}", __version__, sources, *said]
    return from_cache(key, lambda: write().encode()).decode()  # type: ignore[arg-type]


def program_in_words(program: Program, entries: int, results: Sequence[int]) -> str | None:
    """The first entries of a program and its results, all but names; None with a primitive of somebody's own."""
    lines = [f"{program.inputs} {list(program.parameters)} {list(results)}"]
    lines += [f"{slot} {number.hex()}" for slot, number in program.literals.items()]
    own = set[object]()
    for entry in program.entries[:entries]:
        if isinstance(entry, Guard):
            lines.append(repr(entry))
        else:
            own.add(entry.primitive)
            lines.append(f"{entry.slot} {entry.primitive.name} {entry.operands} {entry[3:]}")
    return "\n".join(lines) if own <= THEIRS else None


THEIRS = frozenset(table.TABLE.values())

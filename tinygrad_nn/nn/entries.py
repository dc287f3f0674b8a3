"""Entries of a model file, each checked for its kind before anything is made of it: nothing is believed."""

from __future__ import annotations

import math
import struct
from contextlib import suppress
from typing import Any


class StorageError(ValueError):
    """A file is no model of this library's, or a model cannot be saved: the message says what is wrong, and where."""


def number(entry: Any, where: str) -> float:
    """A number, or one that is not finite by its bits."""
    if type(entry) is float:
        return entry
    if isinstance(entry, str) and len(entry) == 16:
        with suppress(ValueError, struct.error):
            found: float = struct.unpack(">d", bytes.fromhex(entry))[0]
            if not math.isfinite(found):
                return found
    raise StorageError(f"has {entry!r:.40} for a number of {where}")


def count(entry: Any, what: str) -> int:
    """A whole number of 0 or more."""
    if type(entry) is not float or not (0 <= entry <= 2.0**63 and entry == math.floor(entry)):
        raise StorageError(f"has {entry!r:.40} {what}, which is no count")
    return int(entry)


def keys(entry: Any, where: str, wanted: tuple[str, ...], also: tuple[str, ...]) -> None:
    """Raise unless an entry is an object with these keys."""
    if not isinstance(entry, dict):
        raise StorageError(f"has {entry!r:.40} for {where}")
    if missing := [key for key in wanted if key not in entry]:
        raise StorageError(f"has no {missing[0]!r} in {where}")
    if extra := [key for key in entry if key not in wanted + also]:
        raise StorageError(f"has the unknown {extra[0]!r:.40} in {where}")


def items(entry: Any, where: str, count: int | None = None) -> list[Any]:
    """A list, of so many entries if a count is given."""
    if not isinstance(entry, list) or (count is not None and len(entry) != count):
        raise StorageError(f"has {entry!r:.40} for {where}" + (f", which are {count}" if count is not None else ""))
    return entry


def number_list(entry: Any, where: str, count: int | None = None) -> list[float]:
    """A list of numbers."""
    return [number(inner, where) for inner in items(entry, where, count)]


def text(entry: Any, where: str) -> str:
    if not isinstance(entry, str):
        raise StorageError(f"has {entry!r:.40} for {where}")
    return entry

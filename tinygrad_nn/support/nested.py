"""Numbers in nested lists: what stands in them, in order, and the same lists with other things in their place."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any


def leaves(found: Any) -> Iterator[Any]:
    """What stands in nested lists, in order."""
    if isinstance(found, list | tuple):
        for entry in found:
            yield from leaves(entry)
    else:
        yield found


def mapped(found: Any, function: Callable[[Any], Any]) -> Any:
    """Nested lists, also of tuples and arrays, with the function of each entry in its place."""
    if isinstance(found, list | tuple) or getattr(found, "ndim", 0) > 0:
        return [mapped(entry, function) for entry in found]
    return function(found)


def entries_in(found: Any, function: Callable[[Any], Any]) -> Any:
    """The same lists, tuples and dicts with the function of each entry in its place."""
    if type(found) is dict:
        return {key: entries_in(entry, function) for key, entry in found.items()}
    if type(found) is list or type(found) is tuple:
        return type(found)([entries_in(entry, function) for entry in found])
    return function(found)

"""Numbers in nested lists and arrays: what stands in them, in order, and the same lists of other things.

Whether something is an array is asked of its class, since a traced value answers no such question.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .annotation import Any


def is_array(given: Any) -> bool:
    """Whether it is an array of NumPy's itself, of one axis or more, and not one of its kind with masks or names."""
    kind = type(given)
    return kind.__name__ == "ndarray" and kind.__module__ == "numpy" and given.ndim > 0


def leaves(found: Any) -> Iterator[Any]:
    """What stands in nested lists and arrays, in order."""
    if isinstance(found, list | tuple):
        for entry in found:
            yield from leaves(entry)
    elif is_array(found):
        yield from found.ravel().tolist()
    elif hasattr(type(found), "ndim") and found.ndim == 0:  # an array of one thing, as np.asarray(v) is
        yield found.item()
    else:
        yield found


def mapped(found: Any, function: Callable[[Any], Any]) -> Any:
    """Nested lists, also of tuples and arrays, with the function of each entry in its place."""
    if isinstance(found, list | tuple) or (hasattr(type(found), "ndim") and found.ndim > 0):
        return [mapped(entry, function) for entry in found]
    return function(found)


def entries_in(found: Any, function: Callable[[Any], Any]) -> Any:
    """The same lists, tuples and dicts with the function of each entry in its place."""
    if type(found) is dict:
        return {key: entries_in(entry, function) for key, entry in found.items()}
    if isinstance(found, list) or type(found) is tuple:
        made = [entries_in(entry, function) for entry in found]
        return tuple(made) if type(found) is tuple else made
    return function(found)

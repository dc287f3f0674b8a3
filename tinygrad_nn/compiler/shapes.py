"""Arguments as a compiled program takes them: nested lists of numbers as their shape and the flat numbers in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any

from ..operators import Scalar, as_float
from ..tabular import is_frame, plain
from ..value import Value

Shape = Any  # None for a number, a tuple of shapes for a list


class RecordedError(TypeError):
    """An argument is a Value or a traced value."""


def flat(arguments: Sequence[Any], name: str, arrays: bool = False) -> tuple[Shape, Sequence[float]]:
    """The shape of the arguments, and their numbers in order; with `arrays`, those of a lone array as one.

    Raises RecordedError for a Value among them, TypeError for anything else that is no number.
    """
    if set(map(type, arguments)) == {float}:
        return (None,) * len(arguments), arguments
    array: Any = arguments[0] if len(arguments) == 1 and not is_frame(arguments[0]) else None
    if getattr(getattr(array, "dtype", None), "char", "") == "d" and array.ndim:
        numbers = array.ravel()
        return (shape_of_sides(array.shape),), numbers if arrays else numbers.tolist()
    found: list[float] = []
    return tuple([_flatten(argument, found, name) for argument in arguments]), found


def _flatten(argument: Any, numbers: list[float], name: str) -> Shape:
    """The shape of one argument, its numbers added to the list."""
    if type(argument) is float:
        numbers.append(argument)
        return None
    if isinstance(argument, list | tuple) or getattr(argument, "ndim", 0) > 0:
        if is_frame(argument):
            argument = plain(argument, f"an argument of {name}()")
        if set(map(type, argument)) == {float}:
            numbers.extend(argument)
            return (None,) * len(argument)
        return tuple([_flatten(entry, numbers, name) for entry in argument])
    if isinstance(argument, Scalar):
        raise RecordedError(
            f"{name} is compiled for numbers, but got {argument!r}: give v.data for its number, or call "
            f"{name}(...) itself, which Values record as they do any function"
        )
    number = as_float(argument)
    if number is None:
        raise TypeError(f"{name}() is compiled for numbers and nested lists of them, but got {argument!r}")
    numbers.append(number)
    return None


@lru_cache(maxsize=64)
def shape_of_sides(sides: tuple[int, ...]) -> Shape:
    """The shape of nested lists that have as many entries along each axis."""
    return (shape_of_sides(sides[1:]),) * sides[0] if sides else None


def data_of(parameters: Sequence[Value]) -> list[float]:
    """The numbers of Values. Raises TypeError for one whose data was set to something else."""
    numbers = [parameter.data for parameter in parameters]
    if set(map(type, numbers)) <= {float}:
        return numbers
    for i, number in enumerate(numbers):
        found = as_float(number)
        if found is None:
            raise TypeError(
                f"the .data of a Value was set to {number!r}, which is no number; write p.data = p.data - lr * p.grad, "
                "with .data and .grad on the right, too"
            )
        numbers[i] = found
    return numbers


def shaped(shape: Shape, numbers: Iterator[Any]) -> Any:
    """Nested lists of a shape, filled with the next numbers."""
    if shape is None:
        return next(numbers)
    if shape.count(None) == len(shape):
        return list(islice(numbers, len(shape)))
    return [shaped(entry, numbers) for entry in shape]


def shape_of(result: Any) -> Shape:
    """The shape of nested lists of anything."""
    return tuple([shape_of(entry) for entry in result]) if isinstance(result, list | tuple) else None


def leaves_of(result: Any) -> Iterator[Any]:
    """What stands in nested lists, in order."""
    if isinstance(result, list | tuple):
        for entry in result:
            yield from leaves_of(entry)
    else:
        yield result

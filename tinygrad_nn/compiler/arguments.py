"""Arguments as a compiled program takes them: numbers, nested lists and arrays as their shape and flat numbers.

A shape says of lists and arrays which they are, so that a function is traced on what it is called with: NumPy's own
operators work on an array of traced values as on one of numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice
from math import prod
from typing import Any

from ..autograd.column import SharingList
from ..autograd.scalar import Scalar
from ..autograd.value import Packed, Value
from ..support.nested import is_array
from ..support.numbers import as_float
from ..support.tabular import is_frame, plain

Shape = Any  # None for a number, a tuple of shapes for a list, an ArrayShape for an array of NumPy's


class ArrayShape(tuple[Any, ...]):
    """The shape of an array: nested as those of lists are, and equal to that of an array alone."""

    sides: tuple[int, ...]

    def __eq__(self, other: object) -> bool:
        return type(other) is ArrayShape and self.sides == other.sides

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((ArrayShape, self.sides))


class RecordedError(TypeError):
    """An argument is a Value or a traced value."""


def flat(arguments: Sequence[Any], name: str, arrays: bool = False) -> tuple[Shape, Sequence[float]]:
    """The shape of the arguments, and their numbers in order; with `arrays`, those of a lone array as one.

    Raises RecordedError for a Value among them, TypeError for anything else that is no number.
    """
    if set(map(type, arguments)) == {float}:
        return (None,) * len(arguments), arguments
    if len(arguments) == 1 and is_array(arguments[0]) and arguments[0].dtype.char == "d":
        (array,) = arguments
        numbers = array.ravel()
        return (array_shape(array.shape),), numbers if arrays else numbers.tolist()
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
        if is_array(argument):
            if argument.dtype.kind in "fiu":
                numbers.extend(argument.astype("float64").ravel().tolist())
            else:
                for entry in argument.ravel().tolist():
                    _flatten(entry, numbers, name)
            return array_shape(argument.shape)
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
def array_shape(sides: tuple[int, ...]) -> Shape:
    """The shape of an array with these sides; that of a number for one without any."""
    if not sides:
        return None
    nested: Shape = None
    for side in reversed(sides):
        nested = (nested,) * side
    shape = ArrayShape(nested)
    shape.sides = sides
    return shape


def data_of(parameters: Sequence[Value]) -> list[float]:
    """The numbers of Values. Raises TypeError for one whose data was set to something else."""
    if isinstance(parameters, SharingList) and parameters and type(parameters[0]) is Packed:
        column = parameters.shared()
        if (known := column.packed()) is not None:
            return known.copy()
        if (copies := column.spread()) is not None:
            copies.refresh()
            return copies.numbers.tolist()  # type: ignore[no-any-return]
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
    """Nested lists and arrays of a shape, filled with the next numbers."""
    if shape is None:
        return next(numbers)
    if type(shape) is ArrayShape:
        return _array_of(list(islice(numbers, prod(shape.sides))), shape.sides)
    if shape.count(None) == len(shape):
        return list(islice(numbers, len(shape)))
    return [shaped(entry, numbers) for entry in shape]


def _array_of(entries: list[Any], sides: tuple[int, ...]) -> Any:
    """An array of numbers, or of objects where they are values."""
    import numpy  # which is there, as somebody gave an array

    if set(map(type, entries)) <= {float}:
        return numpy.array(entries, dtype="float64").reshape(sides)
    array = numpy.empty(len(entries), dtype=object)
    array[:] = entries
    return array.reshape(sides)


def size_of(shape: Shape) -> int:
    """How many numbers a shape holds."""
    return 1 if shape is None else sum(map(size_of, shape))


def in_lists(shape: Shape) -> Shape:
    """The shape with lists in place of arrays."""
    return None if shape is None else tuple(map(in_lists, shape))


def has_arrays(shape: Shape) -> bool:
    """Whether there is an array in it."""
    return type(shape) is ArrayShape or (shape is not None and any(map(has_arrays, shape)))


def shape_of(result: Any) -> Shape:
    """The shape of nested lists and arrays of anything."""
    if is_array(result):
        return array_shape(result.shape)
    return tuple([shape_of(entry) for entry in result]) if isinstance(result, list | tuple) else None

"""The rows X and targets Y of a call as numbers in one shape: lists, arrays or frames, checked once.

An error says which row it is of, and what all the others have.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from math import prod
from typing import Any

from ...compiler.arguments import ArrayShape, RecordedError, Shape, array_shape, flat
from ...compiler.single_precision import TooLargeError
from ...compiler.target import Target
from ...support.nested import is_array
from ...support.tabular import TARGETS, check_columns, plain, short

Row = Sequence[float]  # the numbers of a row, and then those of its target
Rows = tuple[Shape, list[Row]]  # the shapes of a row and of its target, and the rows
NUMBERS, LISTS = {float, int}, {list, tuple}


class RowError(ValueError):
    """What is wrong with a row: `place` is which of those that a step was given."""

    def __init__(self, place: int, error: Exception) -> None:
        super().__init__(place, error)  # which make it again where it was pickled
        self.place, self.error = place, error

    def __str__(self) -> str:
        return f"row {self.place} of X and Y: {self.error}"


def rows_of(X: Any, Y: Any, model: Any = None) -> Rows:
    """The shapes of a row and of its target, and for each row the numbers of both."""
    if (found := _plain_rows(X, Y)) is not None:
        return found
    check_columns(X, model, "X")
    X, Y = plain(X, "X"), plain(Y, "Y", TARGETS)
    if len(X) != len(Y):
        raise ValueError(f"X has {len(X)} rows and Y {len(Y)}: give one target for each row")
    if not len(X):
        raise ValueError("X and Y are empty: a step is on one row or more")
    if all(is_array(given) and given.dtype.kind in "fiu" for given in (X, Y)):
        sides = tuple([array_shape(given.shape[1:]) for given in (X, Y)])
        both = [given.reshape((len(X), prod(given.shape[1:]))).astype("float64").tolist() for given in (X, Y)]
        return sides, [(*x, *y) for x, y in zip(*both, strict=True)]
    X, Y = (list(given if is_array(given) and given.ndim > 1 else _in_lists(given)) for given in (X, Y))
    rows: list[Row] = []
    first: Shape = None
    for i, (x, y) in enumerate(zip(X, Y, strict=True)):
        try:
            shape, numbers = flat((x, y), "the step")
        except RecordedError as error:
            raise TypeError(f"row {i} of X and Y, {short(x)} and {short(y)}: {error}") from None
        except TypeError:
            wrong = f"row {i} of X and Y, {short(x)} and {short(y)}"
            advice = "; number classes 0, 1, 2 ..." if isinstance(y, str) else ""
            raise TypeError(f"{wrong}, must hold numbers or lists of them{advice}") from None
        if i == 0:
            first = shape
        elif shape != first:
            which, k = ("X", 0) if shape[0] != first[0] else ("Y", 1)
            raise ValueError(
                f"all rows must have one shape, but row {i} of {which} has {_in_words(shape[k])} and row 0 has "
                f"{_in_words(first[k])}"
            )
        rows.append(tuple(numbers))
    return first, rows


def _plain_rows(X: Any, Y: Any) -> Rows | None:
    """The rows where they are lists of as many numbers, and the targets numbers or such lists, as most are."""
    if type(X) is not list or type(Y) is not list or not 0 < len(X) == len(Y):
        return None
    shapes: list[Shape] = []
    sides: list[list[Any]] = []
    for given in (X, Y):
        listed = set(map(type, given)) <= LISTS
        kinds = set(map(type, chain.from_iterable(given) if listed else given))
        if not kinds <= NUMBERS or (listed and len(set(map(len, given))) > 1):
            return None
        shapes.append((None,) * len(given[0]) if listed else None)
        if kinds == {float}:
            sides.append(given)
            continue
        try:
            sides.append([list(map(float, row)) for row in given] if listed else list(map(float, given)))
        except OverflowError:
            return None
    x, y = (
        [(number,) for number in side] if shape is None else side for side, shape in zip(sides, shapes, strict=True)
    )
    return tuple(shapes), [(*a, *b) for a, b in zip(x, y, strict=True)]


def _in_words(shape: Shape) -> str:
    """A shape in words: one number in no list, 3 numbers, or 2 entries, the first of which has 3 numbers."""
    if shape is None:
        return "one number in no list"
    if type(shape) is ArrayShape:
        return f"an array of {' x '.join(map(str, shape.sides))} number{'s' * (shape.sides != (1,))}"
    if any(entry is not None for entry in shape):
        return f"{len(shape)} entries, the first of which has {_in_words(shape[0])}"
    return f"{len(shape)} number{'s' * (len(shape) != 1)}"


def _in_lists(given: Any) -> Any:
    """What an array holds, as lists."""
    return given.tolist() if hasattr(given, "tolist") else given


def matrix(rows: Sequence[Row], target: Target) -> Any:
    """The rows as one array, a row after the other. Raises RowError for one with a number that no float32 holds."""
    if target.dtype == "float64":
        return target.namespace.array(rows)
    try:
        return target.namespace.ascontiguousarray(target.array(rows))
    except TooLargeError as error:
        raise RowError(error.place, error) from None

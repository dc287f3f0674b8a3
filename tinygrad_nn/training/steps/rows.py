"""The rows X and targets Y of a call as numbers, checked once, and the orders in which epochs take them.

An error says which row it is of, and what all the others have. An order is drawn when it is first asked for and kept
until then: a stretch of steps that is made again, or a run that goes on from a file, takes the rows as it would have
without.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain
from math import isfinite, prod
from typing import Any

from ...compiler.arguments import RecordedError, Shape, array_shape, flat, size_of
from ...compiler.single_precision import TooLargeError
from ...compiler.surroundings.surroundings import steady
from ...compiler.target import Target
from ...support.nested import is_array
from ...support.tabular import TARGETS, check_columns, plain, short
from .interrupt import Uninterrupted
from .several import are_several, rows_of_several, size_of_target

Row = Sequence[float]  # the numbers of a row, and then those of its target
Rows = tuple[Shape, Sequence[Row]]  # the shapes of a row and of its target, and the rows
NUMBERS, LISTS = {float, int}, {list, tuple}


class RowError(ValueError):
    """What is wrong with a row: `place` is which of those that a step was given."""

    def __init__(self, place: int, error: Exception) -> None:
        super().__init__(place, error)  # which make it again where it was pickled
        self.place, self.error = place, error

    def __str__(self) -> str:
        return f"row {self.place} of X and Y: {self.error}"


class ArrayRows(Sequence[Row]):
    """Rows that came in arrays, in one of their own, which machine code takes as it is."""

    def __init__(self, array: Any) -> None:
        self.array = array

    def __len__(self) -> int:
        return len(self.array)

    def __getitem__(self, index: Any) -> Any:
        found = self.array[index].tolist()
        return list(map(tuple, found)) if isinstance(index, slice) else tuple(found)

    def __iter__(self) -> Iterator[Row]:
        return iter(self[:])


def rows_of(X: Any, Y: Any, model: Any = None) -> Rows:
    """The shapes of a row and of its target, and for each row the numbers of both.

    Of rows of several shapes they are SEVERAL, and each row has its own.
    """
    if (found := _plain_rows(X, Y)) is not None:
        return found
    check_columns(X, model, "X")
    X, Y = plain(X, "X"), plain(Y, "Y", TARGETS)
    if len(X) != len(Y):
        raise ValueError(f"X has {len(X)} rows and Y {len(Y)}: give one target for each row")
    if not len(X):
        raise ValueError("X and Y are empty: a step is on one row or more")
    if (found := _plain_rows(X, Y)) is not None:
        return found
    X, Y = (
        list(given.tolist() if hasattr(given, "tolist") and not (is_array(given) and given.ndim > 1) else given)
        for given in (X, Y)
    )
    rows: list[Row] = []
    shapes: list[Any] = []
    for i, (x, y) in enumerate(zip(X, Y, strict=True)):
        try:
            shape, numbers = flat((x, y), "the step")
        except RecordedError as error:
            raise TypeError(f"row {i} of X and Y, {short(x)} and {short(y)}: {error}") from None
        except TypeError:
            wrong = f"row {i} of X and Y, {short(x)} and {short(y)}"
            advice = "; number classes 0, 1, 2 ..." if isinstance(y, str) else ""
            raise TypeError(f"{wrong}, must hold numbers or lists of them{advice}") from None
        shapes.append(shape)
        rows.append(tuple(numbers))
    if any(shape != shapes[0] for shape in shapes):
        return rows_of_several(shapes, rows)  # type: ignore[no-any-return]
    return shapes[0], rows


def _plain_rows(X: Any, Y: Any) -> Rows | None:
    """The rows where X and Y are arrays, or lists of numbers or of lists of as many numbers, as most are."""
    x_listed, y_listed = type(X) is list, type(Y) is list
    if not ((x_listed or is_array(X)) and (y_listed or is_array(Y)) and 0 < len(X) == len(Y)):
        return None
    if not (x_listed or y_listed):
        return _array_rows(X, Y)
    sides = [_listed(given) if type(given) is list else (Ellipsis, given) for given in (X, Y)]
    if None in sides:
        return None
    (x_shape, x), (y_shape, y) = sides  # type: ignore[misc]
    if x_listed and y_listed:
        return (x_shape, y_shape), [(*a, *b) for a, b in zip(x, y, strict=True)]
    array_of = sys.modules["numpy"].asarray  # which is there, as somebody gave an array
    return _array_rows(array_of(x), array_of(y), x_shape, y_shape)


def _listed(given: list[Any]) -> tuple[Shape, list[Any]] | None:
    """The shape of an entry, and for each entry its numbers; None where they are no plain numbers."""
    listed = set(map(type, given)) <= LISTS
    kinds = set(map(type, chain.from_iterable(given) if listed else given))
    if not kinds <= NUMBERS or (listed and len(set(map(len, given))) > 1):
        return None
    try:
        if kinds != {float}:
            given = [list(map(float, row)) for row in given] if listed else list(map(float, given))
    except OverflowError:
        return None
    return ((None,) * len(given[0]), given) if listed else (None, [(number,) for number in given])


def _array_rows(X: Any, Y: Any, *given: Shape) -> Rows | None:
    """The rows of two arrays, which are copied, as whoever gave them may change them.

    Of shapes that are given, Ellipsis is that of the array.
    """
    if X.dtype.kind not in "fiu" or Y.dtype.kind not in "fiu":
        return None
    n, (shapes, width, more) = len(X), _array_shapes(X.shape[1:], Y.shape[1:])
    both = sys.modules["numpy"].empty((n, width + more))
    both[:, :width] = X if X.ndim == 2 else X.reshape((n, width))
    both[:, width:] = Y if Y.ndim == 2 else Y.reshape((n, more))
    if given:
        shapes = tuple([own if shape is Ellipsis else shape for shape, own in zip(given, shapes, strict=True)])
    return shapes, ArrayRows(both)


@lru_cache(maxsize=64)
def _array_shapes(x: tuple[int, ...], y: tuple[int, ...]) -> tuple[tuple[Shape, Shape], int, int]:
    """The shapes of a row and of its target that have these sides, and how many numbers each has."""
    return (array_shape(x), array_shape(y)), prod(x), prod(y)


def flat_targets(rows: Rows | None) -> list[Sequence[float]]:
    """The numbers of the target of each row, where there are any rows."""
    if rows is None:
        return []
    shapes, numbers = rows
    if isinstance(numbers, ArrayRows) and (count := size_of(shapes[1])):
        return list(zip(*numbers.array[:, numbers.array.shape[1] - count :].T.tolist(), strict=True))
    if are_several(shapes):
        return [row[len(row) - size_of_target(shapes, row) :] for row in numbers]
    start = len(numbers[0]) - size_of(shapes[1])
    return [row[start:] for row in numbers]


def not_finite(rows: Sequence[Row]) -> tuple[int, float] | None:
    """The place of the first row with a number that is not finite, and that number."""
    places: Sequence[int] = range(len(rows))
    if isinstance(rows, ArrayRows):
        from numpy import isfinite as each_finite  # which is there, as somebody gave an array

        finite = each_finite(rows.array).all(axis=1)
        places = [] if finite.all() else [int(finite.argmin())]
    elif isfinite(sum(map(sum, rows))):
        return None
    for i in places:
        if not isfinite(sum(rows[i])) and (wrong := [number for number in rows[i] if not isfinite(number)]):
            return i, wrong[0]
    return None


def matrix(rows: Sequence[Row], target: Target) -> Any:
    """The rows as one array, a row after the other. Raises RowError for one with a number that no float32 holds."""
    found: Any = rows.array if isinstance(rows, ArrayRows) else None
    if found is None:
        width = len(rows[0])
        found = target.namespace.fromiter(chain.from_iterable(rows), "float64", len(rows) * width)
        found = found.reshape((len(rows), width))
    if target.dtype == "float64":
        return found
    try:
        return target.namespace.ascontiguousarray(target.array(found))
    except TooLargeError as error:
        raise RowError(error.place, error) from None


class OrdersAsArrays(random.Random):
    """A generator of NumPy's, for estimators: it draws a whole order, which machine code takes as it is."""

    def order(self, count: int) -> Any:
        """The places of so many rows in an order that is drawn, as an array."""
        raise NotImplementedError


class Orders:
    """The rows in the orders that a generator draws, an order for each epoch; without one, as they were given."""

    def __init__(self, rows: Sequence[Row], generator: Any) -> None:
        self.rows, self.generator = rows, generator
        self.places: Sequence[int] = range(len(rows))  # where the rows of the order that is followed were given
        self.waiting: list[list[int]] = []  # of this epoch and of later ones, as far as they were drawn
        self._all: list[list[int]] = []  # those that were waiting at the last `start`, and those drawn since
        self._begun = 0  # how many were waiting then
        self._state: Any = None  # of the generator then, and after the latest draw since
        self._drawn: Any = None
        self._taken: Sequence[Row] | None = rows
        self._array: Any = None  # the rows as they were given
        self.by_shape: Any = None  # the same in several arrays, where they have several shapes
        self._laid: tuple[list[int], Any] | None = None  # an order, and the array that begins with it

    @property
    def rewinds(self) -> bool:
        """Whether orders that were drawn can be as if they had not been."""
        return self.generator is None or self.generator is random or type(self.generator) is random.Random

    def start(self, ending: bool = False) -> None:
        """`back` will come back to here, and so will `give_back` where the run may be `ending` early."""
        self._all, self._begun = list(self.waiting), len(self.waiting)
        self._state = self.generator.getstate() if ending and self.rewinds and self.generator is not None else None
        self._drawn = self._state

    def follow(self, ahead: int = 0) -> None:
        """Take the rows in the order of this epoch, or of one so many later."""
        if self.generator is not None:
            self.draw(ahead + 1)
            if self.places is not self.waiting[ahead]:
                self.places, self._taken = self.waiting[ahead], None

    def draw(self, epochs: int) -> None:
        """Have the orders of so many epochs."""
        if len(self.waiting) >= epochs:
            return
        with steady, Uninterrupted():  # so that none is drawn and lost, nor taken for a draw of what another traces
            while len(self.waiting) < epochs:
                if isinstance(self.generator, OrdersAsArrays):
                    places = self.generator.order(len(self.rows))
                else:
                    places = list(range(len(self.rows)))
                    self.generator.shuffle(places)
                self.waiting.append(places)
                self._all.append(places)
            if self.generator is random and self._state is not None:
                self._drawn = random.getstate()

    @property
    def taken(self) -> Sequence[Row]:
        """The rows in the order that is followed."""
        if self._taken is None:
            self._taken = [self.rows[i] for i in self.places]
        return self._taken

    def laid(self, epochs: int, target: Target) -> Any:
        """The rows of this epoch and those that follow as one array, each in its order; once where there is one."""
        if self._array is None:
            self._array = matrix(self.rows, target)
        if self.generator is None:
            return self._array
        self.draw(epochs)
        if epochs > 1 or self._laid is None or self._laid[0] is not self.waiting[0]:
            orders, xp = self.waiting[:epochs], target.namespace
            if isinstance(self.generator, OrdersAsArrays):
                chosen = xp.concatenate(orders)
            else:
                chosen = xp.fromiter(chain.from_iterable(orders), int, epochs * len(self.rows))
            self._laid = self.waiting[0], self._array.take(chosen, axis=0)  # in half the time of an index
        return self._laid[1]

    def as_given(self, wrong: RowError, start: int) -> RowError:
        """The error of a row of this epoch, counted from `start`, that says where it was given."""
        return RowError(self.places[(start + wrong.place) % len(self.rows)], wrong.error)

    def back(self) -> None:
        """The epochs whose orders were taken from `waiting` since `start` are to come again."""
        self.waiting = list(self._all)

    def give_back(self, epochs: int) -> None:
        """No order after those of so many epochs was drawn since `start`, if that can be.

        The `random` module is everybody's: where somebody has drawn since, it goes on from there.
        """
        own = self.generator is not random or random.getstate() == self._drawn
        if own and self._state is not None and len(self._all) > max(epochs, self._begun):
            self.waiting = self._all[: self._begun]
            self.generator.setstate(self._state)
            self.draw(epochs)
            del self.waiting[:epochs]

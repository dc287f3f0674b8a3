"""The orders in which the epochs of a run take its rows: each drawn when it is first asked for, and kept until then.

A stretch of steps that is made again, or a run that goes on from a file, takes the rows as it would have without.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

from ...compiler.surroundings.surroundings import steady
from ...compiler.target import Target
from .interrupt import Uninterrupted
from .rows import Row, RowError, matrix


class Orders:
    """The rows in the orders that a generator draws, an order for each epoch; without one, as they were given."""

    def __init__(self, rows: Sequence[Row], generator: Any) -> None:
        self.rows, self.generator = rows, generator
        self.places: Sequence[int] = range(len(rows))  # where the rows of the order that is followed were given
        self.waiting: list[list[int]] = []  # of this epoch and of later ones, as far as they were drawn
        self._all: list[list[int]] = []  # those that were waiting at the last `start`, and those drawn since
        self._taken: Sequence[Row] | None = rows
        self._array: Any = None  # the rows as they were given
        self._laid: tuple[list[int], Any] | None = None  # an order, and the array that begins with it

    def start(self) -> None:
        """`back` will come back to here."""
        self._all = list(self.waiting)

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
                places = list(range(len(self.rows)))
                self.generator.shuffle(places)
                self.waiting.append(places)
                self._all.append(places)

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
            places = chain.from_iterable(self.waiting[:epochs])
            chosen = target.namespace.fromiter(places, int, epochs * len(self.rows))
            self._laid = self.waiting[0], self._array[chosen]
        return self._laid[1]

    def as_given(self, wrong: RowError, start: int) -> RowError:
        """The error of a row of this epoch, counted from `start`, that says where it was given."""
        return RowError(self.places[(start + wrong.place) % len(self.rows)], wrong.error)

    def over(self, epochs: int) -> None:
        """So many epochs are over."""
        del self.waiting[:epochs]

    def back(self) -> None:
        """The epochs that are over since `start` are to come again."""
        self.waiting = list(self._all)

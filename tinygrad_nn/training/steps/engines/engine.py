"""What makes training steps, as a single step and a run ask it, whatever the numbers are computed by.

A run owns the order of the rows, the pace, the history and what ends it; an engine owns the numbers, and how a stretch
of steps is made. Python, machine code and the recorded graph are engines, and `checked` is one around another.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import reduce
from math import isfinite
from operator import add
from typing import Any, NamedTuple, Protocol

from ....autograd.ieee.floats import NoSuchIndexError
from ....compiler.arguments import Shape
from ....compiler.backends.spellings import UnspelledError
from ....compiler.loops.rolled import Rolled
from ....compiler.program.program import Program
from ....compiler.surroundings.traced_in import SurroundingsError
from ....compiler.target import Target
from ..recipe import Recipe
from ..rows import Orders, Row, RowError
from ..several import ShapedRow, are_several, shape_in_words
from ..state import Kept, kept_of, put_back, state_of


class UnsupportedError(TypeError):
    """A step that machine code cannot make yet."""


CANNOT = (SurroundingsError, UnspelledError, UnsupportedError)  # raised by an engine that cannot make a recipe's steps


class Look(Protocol):
    """Rows, of which somebody wants to know losses and predictions after each epoch."""

    shapes: Shape
    rows: Sequence[Row]

    def traced(self) -> tuple[Program, Shape]:
        """The program of the loss of a row and of the numbers of its prediction, and the prediction's shape."""

    def suits(self, shape: Shape) -> bool:
        """Whether the losses and predictions of this shape are all that it takes."""


class Stretch(NamedTuple):
    """The steps that a run asks for: from a place in an epoch on, as many as fill some twenty milliseconds."""

    orders: Orders
    batch_size: int
    losses: Sequence[float]  # of the steps of this epoch, so far
    error: float  # the metric summed over this epoch, so far
    steps: int  # as many as fill the stretch
    epochs: int  # where it begins with one, at most so many to their end
    threshold: float  # of the metric, below which the stretch ends with the epoch
    looking: bool = False  # whether the engine is to look, as it said that it can
    keeping: bool = False  # whether what the numbers are after each epoch may be wanted

    @property
    def start(self) -> int:
        """How many rows of this epoch are through."""
        return len(self.losses) * self.batch_size

    @property
    def batches(self) -> int:
        """How many steps an epoch has."""
        return -(-len(self.orders.rows) // self.batch_size)


class Made(NamedTuple):
    """What a stretch made: the mean loss and the metric of each epoch that ended in it, and where the next one is."""

    means: list[float]
    errors: list[float]
    losses: Sequence[float]  # of the steps of the next epoch, so far
    error: float


def left_sum(numbers: Sequence[float]) -> float:
    """The sum from the left, each sum rounded once; builtins.sum compensates from Python 3.12 on."""
    return reduce(add, numbers)


def made(stretch: Stretch, losses: list[float], errors: list[float], error: float) -> Made:
    """What a stretch made whose steps had these losses."""
    rows, size, n = len(stretch.orders.rows), stretch.batch_size, stretch.batches
    losses = [*stretch.losses, *losses]
    count = len(losses) // n * n
    epochs = [losses[i : i + n] for i in range(0, count, n)]
    if size > 1:  # the loss of a batch is that of each of its rows
        sizes = [min(size, rows - start) for start in range(0, rows, size)]
        epochs = [[loss for loss, size in zip(epoch, sizes, strict=True) for _ in range(size)] for epoch in epochs]
    return Made([left_sum(epoch) / rows for epoch in epochs], errors, losses[count:], error)


class Engine:
    """Makes the steps of a recipe on rows of one shape, or on rows each of which has its own.

    Here the numbers always are where the user sees them. An engine that has them elsewhere takes them from there when
    it is told to, and puts them back. What raises in a single step, or in a stretch before a step was made, has changed
    nothing; a RowError says which row is wrong, of those that were given.
    """

    records = False  # whether operations are recorded, so that whoever watches those sees them

    def __init__(self, recipe: Recipe, shapes: Shape, target: Target) -> None:
        self.recipe, self.shapes, self.target, self.optimizer = recipe, shapes, target, recipe.optimizer
        self.several = are_several(shapes)

    def shapes_of(self, row: Row) -> Shape:
        """The shapes of a row and of its target."""
        return row.shapes if self.several and isinstance(row, ShapedRow) else self.shapes

    @contextmanager
    def naming(self, place: int, row: Row) -> Iterator[None]:
        """What goes wrong inside says of which row, of those that were given, where it may not be that of all."""
        try:
            yield
        except (RowError, *CANNOT):
            raise
        except NoSuchIndexError as error:
            raise RowError(place, error) from None
        except Exception as error:
            if not self.several:
                raise
            if isinstance(error, ValueError):
                raise RowError(place, error) from error
            x, y = map(shape_in_words, self.shapes_of(row))
            error.add_note(f"It was raised of a row whose X has {x}, and whose Y has {y}.")
            raise

    def step(self, rows: Sequence[Row]) -> float:
        """One step on the mean over the rows, from where the user sees the numbers and back; the loss before it."""
        raise NotImplementedError

    def at_first(self, batch_size: int) -> int:
        """How many steps on such batches may be made before it is known how long they take."""
        return 1

    def stretch(self, stretch: Stretch) -> Made:
        """Some steps of a run, at least one."""
        raise NotImplementedError

    def can_look(self, looks: Sequence[Look], rows: Sequence[Row], batch_size: int) -> bool:
        """Whether stretches on such batches can look after each epoch themselves, as the model is now."""
        return False

    def found(self, epochs: int) -> Sequence[Any]:
        """What it found after each epoch of the latest stretch: for each look an array of shape (epochs, rows, numbers)
        of the loss and the prediction of a row."""
        raise NotImplementedError

    def now(self, later: int = 0) -> Kept:
        """What the numbers are now, as the user would see them, or were so many epochs before the latest stretch ended,
        whose epochs were kept."""
        return kept_of(self.optimizer)

    def end(self, later: int) -> None:
        """Let the latest stretch have ended so many epochs before."""
        raise NotImplementedError

    def take(self) -> None:
        """The numbers are those that the user sees, who may have set them."""

    def put(self) -> None:
        """Let the user see the numbers."""

    def kept(self, now: Kept | None = None) -> Any:
        """What `back` needs to let the numbers be what they are now, as the user sees them where that is known."""
        return now or kept_of(self.optimizer)

    def back(self, kept: Any) -> None:
        """Let the numbers be what they were."""
        put_back(self.optimizer, kept)

    def finite(self, unbounded: Collection[int] = ()) -> bool:
        """Whether all numbers are finite, but for those at these places."""
        return all_finite(state_of(self.optimizer), unbounded)

    @property
    def program(self) -> Rolled:
        """The program of the latest step, rolled. Raises ValueError where there is none."""
        raise ValueError("this step is made on the recorded graph, as a warning said: it has no program")

    @property
    def source(self) -> str:
        """The source of what the latest step ran. Raises ValueError where there is none."""
        raise ValueError("this step is made on the recorded graph, as a warning said: it has no program")


def all_finite(numbers: Sequence[float], unbounded: Collection[int] = ()) -> bool:
    """Whether all numbers are finite, but for those at these places."""
    return isfinite(sum(numbers)) or all(isfinite(x) or i in unbounded for i, x in enumerate(numbers))

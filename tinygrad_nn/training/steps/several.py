"""Rows of several shapes: what may stand together in one call, and what is a mistake.

Sequences are lists, at any depth, or arrays of one rank, that differ in how long they are. A number where others have a
list, or a list where others have an array, is an error that names the row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ...compiler.arguments import ArrayShape, Shape, size_of
from ...support.latest import Latest


class Several:
    """Stands for the shape of rows, or of their targets, that have several."""

    def __repr__(self) -> str:
        return "several shapes"


SEVERAL: Shape = Several()


class ShapedRow(tuple[float, ...]):
    """The numbers of a row among others of several shapes: its own shape and its target's, and which of all it is."""

    shapes: tuple[Shape, Shape]
    kind: int


class SeveralRows(list[ShapedRow]):
    """Rows of several shapes; `shapes` are those that there are, in the order of the first row of each, and `firsts`
    where that is."""

    shapes: list[tuple[Shape, Shape]]
    firsts: list[int]


Content = TypeVar("Content")
MOST_SHAPES = 64  # that something is kept for, or as many as the rows of a call have


class ByShape(Latest[Content]):
    """What is made for each shape of rows: kept for those of a call at least, however many it has."""

    def __init__(self, make: Callable[[], Content]) -> None:
        super().__init__(MOST_SHAPES)
        self.make = make
        self._latest: tuple[Shape, Content] | None = None

    def make_room(self, rows: Sequence[Any]) -> None:
        """Keep what was made for these rows, if there are several shapes of them."""
        if isinstance(rows, SeveralRows):
            self.keep(max(MOST_SHAPES, len(rows.shapes)))

    def of(self, shapes: Shape) -> Content:
        """What was made for these shapes, which are the latest from now on."""
        if self._latest is None or self._latest[0] is not shapes:
            if (found := self.get(shapes)) is None:
                self.put(shapes, found := self.make())
            self._latest = shapes, found
        return self._latest[1]


def most_alike(rows: Sequence[Any]) -> int:
    """How many of the rows have one shape, where they are as many of each."""
    return len(rows) // len(rows.shapes) if isinstance(rows, SeveralRows) else len(rows)


def alike(rows: Sequence[Any]) -> Sequence[Any]:
    """The first rows, as far as they have one shape."""
    first = rows[0]
    if not isinstance(first, ShapedRow):
        return rows
    return rows[: next((k for k, row in enumerate(rows) if row.kind != first.kind), len(rows))]


def are_several(shapes: Any) -> bool:
    """Whether these are the shapes of rows of several."""
    return any(shape is SEVERAL for shape in shapes)


def rows_of_several(shapes: Sequence[tuple[Shape, Shape]], numbers: Sequence[Sequence[float]]) -> Any:
    """The rows that have these shapes, as `rows_of` gives them. Raises ValueError for what may not stand together."""
    known: dict[Any, int] = {}
    rows = SeveralRows()
    rows.shapes, rows.firsts = [], []
    forms: list[Any] = [EMPTY, EMPTY]
    said = [0, 0]  # which rows they are of
    for i, shape in enumerate(shapes):
        kind = known.setdefault(shape, len(known))
        if kind == len(rows.shapes):
            rows.shapes.append(shape)
            rows.firsts.append(i)
            for k, side in enumerate(shape):
                if (joined := _joined(forms[k], _form(side))) is None:
                    first = said[k]
                    raise ValueError(
                        f"rows may differ in how long their lists are, and in nothing else, but row {i} of {'XY'[k]} "
                        f"has {shape_in_words(side)} and row {first} has {shape_in_words(shapes[first][k])}"
                    )
                if joined != forms[k]:
                    forms[k], said[k] = joined, i
        row = ShapedRow(numbers[i])
        row.shapes, row.kind = rows.shapes[kind], kind
        rows.append(row)
    sides = zip(*rows.shapes, strict=True)
    return tuple([side[0] if len(set(side)) == 1 else SEVERAL for side in sides]), rows


def as_several(rows: Sequence[Any]) -> SeveralRows:
    """Some of such rows, as rows of their own."""
    if isinstance(rows, SeveralRows):
        return rows
    return rows_of_several([row.shapes for row in rows], rows)[1]  # type: ignore[no-any-return]


A_NUMBER, EMPTY = "a number", "what an empty list may hold"


def _form(shape: Shape) -> Any:
    """A shape without how long its lists are."""
    if shape is None:
        return A_NUMBER
    if type(shape) is ArrayShape:
        return "array", len(shape.sides)
    each, entries = EMPTY, [_form(entry) for entry in dict.fromkeys(shape)]
    for entry in entries:
        if (each := _joined(each, entry)) is None:  # such as [number, sequence]
            return "parts", *map(_form, shape)
    return "list", each


def _joined(a: Any, b: Any) -> Any:
    """The form of what has either; None for forms that may not stand together."""
    if a == b or b is EMPTY:
        return a
    if a is EMPTY:
        return b
    if type(a) is type(b) is tuple and a[0] == b[0] != "array" and len(a) == len(b):
        parts = [_joined(x, y) for x, y in zip(a[1:], b[1:], strict=True)]
        return None if None in parts else (a[0], *parts)
    return None


def shape_in_words(shape: Shape) -> str:
    """A shape in words: one number in no list, 3 numbers, or 2 entries, the first of which has 3 numbers."""
    if shape is None:
        return "one number in no list"
    if type(shape) is ArrayShape:
        return f"an array of {' x '.join(map(str, shape.sides))} number{'s' * (shape.sides != (1,))}"
    if any(entry is not None for entry in shape):
        return f"{len(shape)} entries, the first of which has {shape_in_words(shape[0])}"
    return f"{len(shape)} number{'s' * (len(shape) != 1)}"


def size_of_target(shapes: Any, row: Sequence[float]) -> int:
    """How many numbers the target of a row has."""
    return size_of(row.shapes[1] if isinstance(row, ShapedRow) else shapes[1])

"""What a group reads of an array as text: slices, with an axis of length 1 where nothing changes, or by a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ...loops.groups import Access
from ...loops.rolled import Rolled
from ...program.program import LITERALS
from ..identifiers import SlotNames
from ..spellings import owned
from .intervals import from_place, iteration_of


class InLoop(NamedTuple):
    """The body of a loop over time: the arrays that differ in each, and by their texts what is the same in all."""

    arrays: set[int]
    settled: dict[str, str]


class Reading:
    """Writes what is read. `tables` are those of indices that the source refers to."""

    def __init__(self, roll: Rolled, kept: dict[int, int]) -> None:
        self.roll, self.kept = roll, kept  # of what is kept of iterations, the length of one
        self.by_time: dict[int, str] = {}
        self.called: dict[str, str] = {}  # what scans call
        self.of_iterations: dict[tuple[int, int], int] = {}
        self.named = SlotNames(owned(roll.flat.instructions).values())
        self.tables: list[tuple[int, ...]] = []
        self.names = list[str]()
        self.literals = list(roll.flat.literals.values())
        self.iterations = list[InLoop]()  # in which what is read stands, the outermost first
        self.times, self.at_once = 0, dict[int, str]()  # iterations at once, and names of what is of all of them

    def literal(self, access: Access) -> str:
        """The number, where an operand is one literal for the whole group."""
        if access.array != LITERALS or access.width is not None or access.table is not None or any(access.strides):
            return ""
        return repr(self.literals[access.base])

    def read(self, access: Access, extents: tuple[int, ...], transposed: bool = False) -> str:
        """What a group reads, with the axes (rows,) loops, column; an axis along which nothing changes has length 1."""
        if (literal := self.literal(access)) and len(literal) < 25:
            return f"({literal})" if literal.startswith("-") else literal
        of, access = access.array, self.of_iteration(access, extents)
        column = () if access.width is None else (access.width,)
        if access.table is not None:
            taken = self._taken(access.array, access.table)
            text = (
                self.shaped(taken, access.array, (*extents, *column)) if extents[1:] or (column and extents) else taken
            )
        else:
            strides = (*access.strides, *(() if access.width is None else (access.step,)))
            text = self.in_full(self.view(access, (*extents, *column), strides), access)
        return self.settled(_swapped(text) if transposed else text, of)

    def of_iteration(self, access: Access, extents: tuple[int, ...]) -> Access:
        """The same, read from the one iteration in which it is, of what is kept of all."""
        t = iteration_of(access, extents, self.kept)
        if t is None:
            return access
        array, length = access.array, self.kept[access.array]
        if (array, t) not in self.of_iterations:
            self.of_iterations[array, t] = len(self.names)
            self.names.append(f"{self.by_time[array]}[{t}]")
            self.roll.sizes.append(length)
            self.roll.by_row.append(self.roll.by_row[array])
        return from_place(access, self.of_iterations[array, t], t * length)

    def settled(self, text: str, array: int) -> str:
        """What is read, by a name where it is the same in all iterations, before which it is read once."""
        if not self.iterations or text in self.names:
            return text
        depth = max([k for k, each in enumerate(self.iterations, 1) if array in each.arrays], default=0)
        if depth == len(self.iterations):
            return text
        once = self.iterations[depth].settled
        if text not in once:
            once[text] = self.named("fixed")
        return once[text]

    def in_full(self, text: str, access: Access) -> str:
        """A column of one number over and over has its full length all the same."""
        again = access.width is not None and access.width > 1 and not access.step
        return f"xp.repeat({text}, {access.width}, axis=-1)" if again else text

    def view(self, access: Access, extents: tuple[int, ...], strides: tuple[int, ...]) -> str:
        """A strided view of an array, in slices and one reshape; by a table where it is none."""
        moving = [k for k, stride in enumerate(strides) if stride and extents[k] > 1]
        if len(moving) < 2:
            return self._slice(access, extents, strides, moving[0] if moving else None)
        if len(moving) == 2 and (text := self._blocks(access, extents, strides, moving)):
            return text
        indices = [access.base]
        for k in moving:
            indices = [start + strides[k] * i for start in indices for i in range(extents[k])]
        text = self._taken(access.array, tuple(indices))
        shape = tuple(extents[k] if k in moving else 1 for k in range(len(extents)))
        return self.shaped(text, access.array, shape)

    def _slice(self, access: Access, extents: tuple[int, ...], strides: tuple[int, ...], moving: int | None) -> str:
        """A view in which one axis moves, or none: a slice, with an axis of length 1 for each of the others."""
        stride, length = (1, 1) if moving is None else (strides[moving], extents[moving])
        text = sliced(self.names[access.array], access.base, stride, length, self.roll.sizes[access.array])
        if len(extents) < 2:
            return text
        axis = len(extents) - 1 if moving is None else moving
        return f"{text}[..., {_axes(extents, [axis])}]"

    def _blocks(self, access: Access, extents: tuple[int, ...], strides: tuple[int, ...], moving: list[int]) -> str:
        """A view in which two axes move, one by blocks and the other inside them; nothing where it is not so."""
        outer, inner = sorted(moving, key=lambda k: -abs(strides[k]))
        block, size = strides[outer], self.roll.sizes[access.array]
        reach, end = (extents[inner] - 1) * strides[inner] + 1, access.base + extents[outer] * block
        if strides[inner] < 0 or reach > block or end > size:
            return ""
        whole = sliced(self.names[access.array], access.base, 1, end - access.base, size)
        text = self.shaped(whole, access.array, (extents[outer], block))
        if reach < block or strides[inner] > 1:
            text = f"{text}[..., 0:{reach}:{strides[inner]}]"
        if outer > inner:
            text = _swapped(text)
        return text if len(extents) == 2 else f"{text}[..., {_axes(extents, moving)}]"

    def _taken(self, array: int, table: tuple[int, ...]) -> str:
        if not self.iterations or table not in self.tables:
            self.tables.append(table)
        number = self.tables.index(table) if self.iterations else len(self.tables) - 1
        return f"xp.take({self.names[array]}, xp.asarray(tables[{number}]), axis=-1)"

    def shaped(self, text: str, array: int, shape: tuple[int, ...]) -> str:
        axes = self.axes(self.roll.by_row[array], self.times if array in self.at_once else 0)
        return f"xp.reshape({text}, ({axes}{', '.join(map(str, shape))},))"

    def axes(self, by_row: bool, times: int) -> str:
        """The first axes of an array: time, where it is of so many iterations at once, and the rows."""
        rows = "rows, " if by_row else "1, " if times else ""
        return f"{times}, {rows}" if times else rows

    def iterations_of(self, array: int, places: slice) -> str:
        """Some iterations of what is kept."""
        end, step = "" if places.stop is None else places.stop, "" if places.step == 1 else f":{places.step}"
        return f"{self.by_time[array]}[{places.start}:{end}{step}]"


def _axes(extents: Sequence[int], moving: list[int]) -> str:
    """The index that gives a view an axis of length 1 for each that does not move."""
    return ", ".join(":" if k in moving else "None" for k in range(len(extents)))


def _swapped(text: str) -> str:
    """A matrix with rows for columns."""
    if text.startswith("xp.swapaxes(") and text.endswith(", -1, -2)"):
        return text[len("xp.swapaxes(") : -len(", -1, -2)")]
    return f"xp.swapaxes({text}, -1, -2)"


def sliced(name: str, base: int, stride: int, length: int, size: int) -> str:
    """A slice of the last axis; the array itself where that is all of it."""
    if stride == 1 and base == 0 and length == size:
        return name
    stop = base + stride * length if stride > 0 else base + stride * (length - 1) - 1
    step = "" if stride == 1 else f":{stride}"
    return f"{name}[..., {base}:{stop if stop >= 0 else ''}{step}]"

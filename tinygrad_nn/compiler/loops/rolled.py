"""A rolled program: its groups in order, each a loop or two over arrays, and where its outputs lie.

It runs itself, slowly and plainly, as the flat program does, and prints itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import starmap
from typing import Any

from ..program.program import COMPARISONS, INPUTS, LITERALS, PARAMETERS, OffPath, Program
from .groups import Access, Group, Repeated, Spot, Spots
from .listing import listing


@dataclass
class Rolled:
    """The groups of a program in order, what each array is called and how long it is, and where each output lies."""

    flat: Program
    groups: list[Group] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    by_row: list[bool] = field(default_factory=list)
    slots: list[list[int]] = field(default_factory=list)  # what stands in each array
    outputs: Sequence[Spot] = field(default_factory=Spots)

    def __str__(self) -> str:
        """The program as a person reads it: a line for each loop."""
        return listing(self.flat, self.groups, self.slots, self.outputs)

    @property
    def groups_written(self) -> int:
        """How many groups there are, those of repeats once."""
        waiting, count = list(self.groups), 0
        while waiting:
            group = waiting.pop()
            count += 1
            if isinstance(group, Repeated):
                waiting += (*group.firsts, *group.groups, *group.nexts)
        return count

    def run(self, inputs: Sequence[float], parameters: Sequence[float]) -> list[float]:
        """The outputs, as `Program.run` gives them. Raises OffPath where a comparison comes out otherwise."""
        memory = RolledMemory(self.sizes)
        literals = list(self.flat.literals.values())
        for array, numbers in ((INPUTS, inputs), (PARAMETERS, parameters), (LITERALS, literals)):
            memory.write(array, list(numbers))
        for group in self.groups:
            _run(group, memory)
        return [memory.read(array, [index])[0] for array, index in self.outputs]


class RolledMemory:
    """The numbers of arrays, as long as these sizes. A view stands for another array, from a place on."""

    def __init__(self, sizes: Sequence[int]) -> None:
        self.sizes = sizes
        self._numbers: dict[int, list[float]] = {}
        self._views: dict[int, Spot] = {}

    def read(self, array: int, indices: Sequence[int]) -> list[float]:
        array, start = self._place(array)
        numbers = self._numbers[array]
        return [numbers[start + index] for index in indices]

    def write(self, array: int, numbers: list[float]) -> None:
        array, start = self._place(array)
        held = self._numbers.setdefault(array, [0.0] * self.sizes[array])
        held[start : start + len(numbers)] = numbers

    def view(self, view: int, array: int, start: int) -> None:
        """From now on a view stands for an array from that place on."""
        array, before = self._place(array)
        self._views[view] = array, before + start

    def _place(self, array: int) -> Spot:
        return self._views.get(array, (array, 0))


def _run(group: Group, memory: RolledMemory) -> None:
    if isinstance(group, Repeated):
        for t in range(group.times):
            for view, (array, stride) in group.views.items():
                memory.view(view, array, stride * t)
            for each in (*([] if t else group.firsts), *group.groups, *group.nexts):
                _run(each, memory)
        return
    columns = [memory.read(o.array, o.indices(group.extents)) for o in group.operands]
    if group.gathers:
        memory.write(group.array, [number for column in columns for number in column])
        return
    read = [_members(o, column, group.size) for o, column in zip(group.operands, columns, strict=True)]
    operands = zip(*read, strict=True)
    if group.primitive is not None:
        memory.write(group.array, list(starmap(group.primitive.value, operands)))
    elif group.guard is not None:
        comparison, expected, where = group.guard
        for (left, right), line in zip(operands, where, strict=True):
            if COMPARISONS[comparison](left, right) is not expected:
                raise OffPath(line)


def _members(access: Access, numbers: list[float], size: int) -> list[Any]:
    """What was read for each member of a group: a number, or a tuple of them for a column."""
    width = access.width
    return numbers if width is None else [tuple(numbers[k * width : (k + 1) * width]) for k in range(size)]

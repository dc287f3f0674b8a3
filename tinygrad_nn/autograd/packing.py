"""Values are packed: each is given its place in an array, where its number is from then on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..support.annotation import Any
from ..support.decorators import uncollected
from .packs import Cell, Pack
from .value import Packed, Value


@uncollected
def pack_of(array: Any, members: Iterable[tuple[int, Sequence[Value]]]) -> Pack:
    """The pack of an array of doubles, of which the Values are members from the places on that they are given with.

    Each brings its number. Between the look at it and the change of what the Value is nothing is called, so that no
    other thread of Python's sets it meanwhile. Raises TypeError for a number that is none, and some are packed then.
    """
    pack = Pack(array)
    pack.broken, numbers = True, pack.numbers  # until all are there
    for first, values in members:
        for place, value in enumerate(values, first):
            cell = Cell(pack, place)
            if isinstance(value, Packed):
                value.cell.pack.leave()
                before = value.cell
                numbers[place] = before.pack.numbers[before.place]
            else:
                numbers[place] = value.data
                value.__class__ = Packed  # which reads a number from the slot as well
            value.cell = cell  # type: ignore[attr-defined]
    pack.broken = False
    return pack

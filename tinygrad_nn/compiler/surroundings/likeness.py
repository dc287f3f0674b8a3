"""What surroundings are but for which Values are in them: those of two objects of one class are alike.

A program that was traced in the one is that of the other, with the Values of the other in its places.
"""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Sequence
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any, NamedTuple

from ...autograd.primitives import Primitive
from ...autograd.scalar import Scalar
from ...autograd.value import LEAVES, Value
from .effects import acting
from .surroundings import Surroundings

LASTING = (FunctionType, BuiltinFunctionType, MethodType, ModuleType, Primitive, type)  # which objects of a class share


class Likeness(NamedTuple):
    """The key of alike surroundings, and the Values of these, those that are trained first."""

    key: Hashable
    values: list[Value]
    kept: Any  # what the key knows by its id alone, so that nothing else has that id as long as there is the key


def likeness_of(world: Surroundings, trained: Sequence[Value]) -> Likeness | None:
    """The likeness of surroundings, as they were looked at; None where there is more to them than their Values.

    That is what acts, answers anew each time, draws, or fills in what it was asked for, an object of a class that is
    not looked into, and a Value that was computed.
    """
    walk = world.walk
    if walk.sources or walk.leaked or walk.generators or walk.unfilled or walk.context or acting(walk):
        return None
    if not all(isinstance(found, LASTING) for found in walk.others):
        return None
    places: dict[int, int] = {}
    values: list[Value] = []
    for value in (*trained, *walk.values):
        if places.setdefault(id(value), len(values)) == len(values):
            values.append(value)
    if not set(map(type, values)) <= LEAVES:
        return None
    entries: list[Any] = [len(places), len(trained)]
    for path, found in walk.snapshot.items():
        if found[0] is Scalar:
            found = Scalar, places.get(found[1])
        elif found[1:2] == ("Values",):
            found = *found[:2], *(places[number] for number in array("Q", found[2]))
        entries.append((path, found))
    codes = [found for _, name, found in walk.attributes if name == "__code__"]
    classes = [content for holder, content in walk.contents if isinstance(holder, type)]
    return Likeness(tuple(entries), values, (walk.others, codes, classes))

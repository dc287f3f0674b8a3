"""The surroundings of a traced function: all that it may read beside its arguments, as data that can be compared.

A program holds for the surroundings that it was traced in: while they are the same it is run, and where they are not
the function is traced anew. The numbers of Values are not among them, since a program reads them at each call.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from operator import is_
from threading import RLock
from typing import Any, Generic, TypeVar

from ...autograd.containers import ABSENT, Holder
from ...autograd.value import Value
from .findings import bytes_of
from .random_state import States
from .walk import Moving, Walk, name_of

MOST_KNOWN = 8
steady = RLock()  # whose thread alone looks at surroundings, since a trace has their Values of another class meanwhile
Content = TypeVar("Content")


class Surroundings:
    """What some functions may read, as it was when this was made.

    `reads` are numbers of Values that were read as plain numbers while a program was traced, which then depends on
    them. `moving` is the optimizer of a step, whose parameters each step changes.
    """

    def __init__(self, roots: Sequence[Any], moving: Moving | None = None) -> None:
        self.roots, self.moving = roots, moving
        self.reads: dict[tuple[int, str], tuple[Value, str, Any]] = {}
        holders = [found for found in (*roots, moving) if isinstance(found, Holder)]
        names = {name for holder in holders for name in holder._read_by_library}  # so that one walk is enough for most
        known = -1
        with steady:
            while known < len(names):  # what was found may name more
                known = len(names)
                self.walk = walk = Walk([(name_of(root), root) for root in roots], names, moving)
        walk.sizes = list(map(len, walk.views))
        walk.entries = list(chain.from_iterable(walk.views))
        walk.methods = list(chain.from_iterable(walk.written))

    def again(self) -> Surroundings:
        """The surroundings as they are now."""
        return Surroundings(self.roots, self.moving)

    def unchanged(self) -> bool:
        """Whether every variable, attribute and entry still is the very same object. A False may be a false alarm."""
        walk = self.walk
        try:
            # columns and methods, which are equal where they are the same
            if [shared.column for shared in walk.shared] != walk.columns or [*chain(*walk.written)] != walk.methods:
                return False
            for names, name, was in walk.variables:
                if names.get(name, ABSENT) is not was:
                    return False
            for holder, name, was in walk.attributes:
                if getattr(holder, name) is not was:
                    return False
            if (walk.empty and any(walk.empty)) or list(map(len, walk.views)) != walk.sizes:
                return False
            if not all(map(is_, chain.from_iterable(walk.views), walk.entries)):
                return False
        except (AttributeError, RuntimeError, ValueError):  # gone, or another thread is changing it
            return False
        if (walk.arrays or walk.context) and not _same_content(walk):
            return False
        return not self.reads or self.read_alike()

    def read_alike(self) -> bool:
        """Whether the numbers of Values that were read as such are still those."""
        return all(_alike(getattr(value, name), was) for value, name, was in self.reads.values())

    def filled(self, now: Surroundings) -> bool:
        """Whether those of now differ by nothing but cached properties that were asked for since."""
        before, after, unfilled = self.walk.snapshot, now.walk.snapshot, self.walk.unfilled
        inside = tuple(path + mark for path in unfilled for mark in ".['")  # the last of one that has two names
        holders = {f"{path.rpartition('.')[0]}.__dict__" for path in unfilled}
        for path in self._changed(now):
            if path in holders:
                names = {name for name in after[path] if f"{path.removesuffix('__dict__')}{name}" not in unfilled}
                if path in before and names == set(before[path]):
                    continue
            elif path in unfilled or path.startswith(inside):
                continue
            return False
        return True

    def _changed(self, now: Surroundings) -> list[str]:
        before, after = self.walk.snapshot, now.walk.snapshot
        return [path for path in {*before, *after} if before.get(path, ABSENT) != after.get(path, ABSENT)]

    def difference(self, now: Surroundings) -> str:
        """Where those of now differ, as a path."""
        return min(self._changed(now), key=lambda path: (len(path), path), default="").removesuffix(".__dict__")

    def restore(self) -> None:
        """Put back all that can be changed in place."""
        walk = self.walk
        for names, name, was in walk.variables:
            if was is ABSENT:
                names.pop(name, None)
            elif names.get(name, ABSENT) is not was:
                names[name] = was
        for holder, name, was in walk.attributes:
            if _attribute(holder, name) is not was:
                if was is ABSENT:
                    object.__delattr__(holder, name)
                else:
                    object.__setattr__(holder, name, was)
        for names in walk.empty:
            names.clear()
        for holder, content in walk.contents:
            _put_back(holder, content)
        for found, was, objects in walk.arrays:
            if bytes_of(found) != was:
                _fill(found, was, objects)
        for shared, column in zip(walk.shared, walk.columns, strict=True):
            shared.column = column


class Known(Generic[Content]):
    """What was made for the latest surroundings, so that what changes back and forth is made once."""

    def __init__(self, look: Callable[[], Surroundings], make: Callable[[Surroundings], Content]) -> None:
        self._look, self._make = look, make
        self._found: list[tuple[Surroundings, Content]] = []

    @property
    def latest(self) -> Content | None:
        """What was asked for last."""
        return self._found[0][1] if self._found else None

    def now(self) -> Content:
        """What belongs to the surroundings as they are."""
        if self._found and self._found[0][0].unchanged():
            return self._found[0][1]
        now = self._look()
        for found in self._found:
            if found[0].walk.snapshot == now.walk.snapshot and found[0].read_alike():
                found[0].walk = now.walk  # whose objects are looked at from here on, and say the same
                break
        else:
            found = now, self._make(now)
        self._found = [found, *(each for each in self._found if each is not found)][:MOST_KNOWN]
        return found[1]


def _same_content(walk: Walk) -> bool:
    """Whether arrays and context variables hold what they did."""
    arrays = all(bytes_of(found) == content for found, content, _ in walk.arrays)
    return arrays and all(variable.get(ABSENT) is content for variable, content in walk.context)


def _attribute(holder: Any, name: str) -> Any:
    """What stands there, or ABSENT, as in an empty cell of a captured variable."""
    try:
        return getattr(holder, name)
    except (AttributeError, ValueError):
        return ABSENT


def _put_back(holder: Any, content: Any) -> None:
    """Let a container, or the attributes of a class, be what they were."""
    if isinstance(holder, type):
        for name in {*vars(holder), *content}:
            if vars(holder).get(name, ABSENT) is not (was := content.get(name, ABSENT)):
                if was is ABSENT:
                    delattr(holder, name)
                else:
                    setattr(holder, name, was)
        return
    now, then = (list(chain(*each.items()) if isinstance(each, dict) else each) for each in (holder, content))
    same = len(now) == len(then) and all(map(is_, now, then))
    if not same and hasattr(holder, "clear"):
        holder.clear()
        (holder.extend if isinstance(holder, list | deque) else holder.update)(content)


def _fill(found: Any, was: bytes, objects: list[Any] | None) -> None:
    """Let an array hold the numbers, or the objects, that it held."""
    if objects is not None:
        found.flat[:] = objects
    elif isinstance(found, bytearray):
        found[:] = was
    else:
        memoryview(found).cast("B")[:] = was


def _alike(number: Any, was: Any) -> bool:
    """Whether two entries are one, or floats of the same bits, or equal texts."""
    if type(number) is type(was) is float:
        return number.hex() == was.hex()
    return number is was or (type(number) is type(was) is str and number == was)


@contextmanager
def undone(world: Surroundings) -> Iterator[None]:
    """What is done inside to the surroundings of some functions, and drawn from generators, is undone after it."""
    states = States(world.walk.generators)
    try:
        yield
    finally:
        with steady:  # and not while another thread's trace looks at what changes
            if not world.unchanged():
                world.restore()
            states.restore()

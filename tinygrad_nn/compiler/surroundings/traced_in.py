"""Tracing in given surroundings: what the function reads of captured Values is told, and what it changes is put back.

While a function is traced, the Values around it are of a class that computes as traced values do. A number that is read
from one (`.data`, `.grad`) is a number that the program depends on, and is compared at each call from then on.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ...autograd.packs import CLASS
from ...autograd.primitives import Primitive
from ...autograd.recording import FOLDER, watcher
from ...autograd.scalar import Scalar
from ...autograd.value import Packed, Result, Value
from ..tracing.traced import Traced, TraceError
from ..tracing.tracer import Tracer, traced_by
from .random_state import States
from .surroundings import Surroundings, steady

MOVING = ("data", "grad")  # what steps change of a Value
TELLING = frozenset({"__reduce__", "__format__", "__repr__", "_numbers"})  # who reads a number here to give it away


class SurroundingsError(TraceError):
    """The function reads what no program can hold, or changes something beside its result."""


def _reported(name: str, kind: type = Value) -> property:
    """The attribute of a Value, which tells the tracer who reads it and who sets it."""
    slot: Any = getattr(kind, name)

    def read(self: Any) -> Any:
        found, tracing = slot.__get__(self), watcher()
        if isinstance(tracing, Tracer) and tracing.world is not None and _by_user():
            tracing.world.reads.setdefault((id(self), name), (self, name, found))
        return found

    def put(self: Any, new: Any) -> None:
        tracing = watcher()
        if isinstance(tracing, Tracer) and tracing.world is not None and name in MOVING:
            tracing.changed.append((self, name, slot.__get__(self)))
        slot.__set__(self, new)

    return property(read, put)


def _by_user() -> bool:
    """Whether it is not this library that reads a number, as it does to compute and to draw."""
    code = sys._getframe(2).f_code
    return not code.co_filename.startswith(FOLDER) or code.co_name in TELLING


class Captured(Value):
    """A Value around a function that is traced: it computes as a traced value does."""

    __slots__ = ()
    _precedence = Traced._precedence
    data = _reported("data")
    grad = _reported("grad")
    label = _reported("label")
    _binary = Scalar._binary
    __add__ = Scalar.__add__
    __mul__ = Scalar.__mul__

    def _record(self, primitive: Primitive, operands: tuple[Any, ...]) -> Any:
        if isinstance(tracer := watcher(), Tracer):
            return tracer.record(primitive, operands)
        return super()._record(primitive, operands)


class CapturedResult(Captured, Result):
    """A recorded result around a function that is traced."""

    __slots__ = ()


class CapturedPacked(Captured, Packed):
    """A leaf in a pack, around a function that is traced."""

    __slots__ = ()
    data = _reported("data", Packed)


CAPTURED: dict[type, type] = {Value: Captured, Result: CapturedResult, Packed: CapturedPacked}
OUTSIDE = {around: kind for kind, around in CAPTURED.items()}


@contextmanager
def traced_in(tracer: Tracer, world: Surroundings) -> Iterator[None]:
    """Operations inside are written down by a tracer, whose function stands in the surroundings.

    Raises SurroundingsError for what no program can hold, TraceError where a traced value was kept; then, and where the
    function raised, all is as it was.
    """
    name = tracer.program.name
    if world.walk.sources:
        raise _refused(name, f"reads {world.walk.sources[0]}, which answers anew each time")
    with steady:
        states, reads = States(world.walk.generators), dict(world.reads)
        tracer.world, tracer.changed = world, []
        values = [value for value in world.walk.values if type(value) in CAPTURED]
        try:
            try:
                _change_class(values, CAPTURED)
                with traced_by(tracer):
                    yield
            finally:
                _change_class(values, OUTSIDE)
            _check(name, tracer, world, states)
        except BaseException:
            for value, attribute, was in reversed(tracer.changed):
                setattr(value, attribute, was)
            if not world.unchanged():
                world.restore()
            states.restore()
            world.reads = reads
            raise
        if not world.unchanged():
            world.walk = world.again().walk


def _change_class(values: Sequence[Value], classes: dict[type, type]) -> None:
    """Give the Values, of which one may be there several times, the class that stands for theirs, if there is one."""
    kinds, again = map(type, values), map(type, values)
    deque(map(CLASS.__set__, values, map(classes.get, kinds, again)), maxlen=0)


def _check(name: str, tracer: Tracer, world: Surroundings, states: States) -> None:
    """Raise for what the trace has done or read that a program would not."""
    if not world.unchanged():
        now = world.again()
        if now.walk.leaked:
            raise TraceError(
                f"{name} keeps a traced value in {now.walk.leaked[0]}: what one call leaves for the next "
                "cannot be compiled; return it, or train with backend='eager'"
            )
        if not world.filled(now):
            raise _refused(name, f"changes {world.difference(now)}")
    if drawn := states.drawn():
        raise _refused(name, f"draws random numbers from {drawn[0]}")
    if tracer.changed:
        raise _refused(name, f"sets .{tracer.changed[0][1]} of a Value")
    moving = world.moving.parameters if world.moving is not None and world.reads else ()
    trained = set(map(id, moving))
    for value, attribute, _ in world.reads.values():
        if id(value) in trained and attribute in MOVING:
            raise _refused(name, f"reads .{attribute} of {value.label or 'a parameter'}, which each step changes")


def _refused(name: str, what: str) -> SurroundingsError:
    return SurroundingsError(
        f"{name} {what}, so code that is written once would not be that function: leave it outside, give the "
        "number as an argument, or, to train, give backend='eager'"
    )

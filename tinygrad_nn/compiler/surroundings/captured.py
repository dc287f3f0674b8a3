"""Tracing in given surroundings: what the function reads of captured Values is told, and what it changes is put back.

While a function is traced, the Values around it are of a class that computes as traced values do. A number that is read
from one (`.data`, `.grad`) is a number that the program depends on, and is compared at each call from then on.
"""

from __future__ import annotations

import sys
from typing import Any

from ...autograd.primitives import Primitive
from ...autograd.recording import FOLDER, watcher
from ...autograd.scalar import Scalar
from ...autograd.value import Result, Value
from ..tracing.traced import Traced, TraceError
from ..tracing.tracer import Tracer, traced_by
from .random_state import States
from .surroundings import Surroundings, steady

MOVING = ("data", "grad")  # what steps change of a Value
TELLING = frozenset({"__reduce__", "__format__", "__repr__", "_numbers"})  # who reads a number here to give it away


class SurroundingsError(TraceError):
    """The function reads what no program can hold, or changes something beside its result."""


def _reported(name: str) -> property:
    """The attribute of a Value, which tells the tracer who reads it and who sets it."""
    slot = vars(Value)[name]

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
        tracer = watcher()
        return (
            tracer.record(primitive, operands) if isinstance(tracer, Tracer) else super()._record(primitive, operands)
        )


class CapturedResult(Captured, Result):
    """A recorded result around a function that is traced."""

    __slots__ = ()


CAPTURED: dict[type, type] = {Value: Captured, Result: CapturedResult}
OUTSIDE = {around: kind for kind, around in CAPTURED.items()}


class traced_in:  # noqa: N801
    """Operations inside are written down by a tracer, whose function stands in the surroundings.

    Raises SurroundingsError for what no program can hold, TraceError where a traced value was kept; then, and where the
    function raised, all is as it was.
    """

    def __init__(self, tracer: Tracer, world: Surroundings) -> None:
        self.tracer, self.world, self.name = tracer, world, tracer.program.name

    def __enter__(self) -> None:
        if self.world.walk.sources:
            raise self._refused(f"reads {self.world.walk.sources[0]}, which answers anew each time")
        steady.acquire()
        try:
            self._enter()
        except BaseException:
            steady.release()
            raise

    def _enter(self) -> None:
        self.states = States(self.world.walk.generators)
        self.reads = dict(self.world.reads)
        self.tracer.world, self.tracer.changed = self.world, []
        once = {id(value): value for value in self.world.walk.values}  # one may be found in several places
        self.values = [value for value in once.values() if type(value) in CAPTURED]
        for value in self.values:
            value.__class__ = CAPTURED[type(value)]
        self.within = traced_by(self.tracer)
        self.within.__enter__()

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        refused: TraceError | None = None
        try:
            try:
                self.within.__exit__(kind, *error)
            except TraceError as caught:
                refused = caught
            for value in self.values:
                value.__class__ = OUTSIDE.get(type(value), type(value))
            wrong = refused or self._wrong()
            if wrong is not None or kind is not None:
                self._restore()
            elif not self.world.unchanged():
                self.world.renew(self.world.again())
        finally:
            steady.release()
        if wrong is not None and (kind is None or refused is not None):
            raise wrong

    def _wrong(self) -> TraceError | None:
        """What the trace has done or read that a program would not."""
        if not self.world.unchanged():
            now = self.world.again()
            if now.walk.leaked:
                return TraceError(
                    f"{self.name} keeps a traced value in {now.walk.leaked[0]}: what one call leaves for the next "
                    "cannot be compiled; return it, or train with backend='eager'"
                )
            if not self.world.filled(now):
                return self._refused(f"changes {self.world.difference(now)}")
        if drawn := self.states.drawn():
            return self._refused(f"draws random numbers from {drawn[0]}")
        if self.tracer.changed:
            return self._refused(f"sets .{self.tracer.changed[0][1]} of a Value")
        moving = self.world.moving
        trained = set(map(id, moving.parameters)) if moving is not None else set()
        for value, name, _ in self.world.reads.values():
            if id(value) in trained and name in MOVING:
                return self._refused(f"reads .{name} of {value.label or 'a parameter'}, which each step changes")
        return None

    def _refused(self, what: str) -> SurroundingsError:
        return SurroundingsError(
            f"{self.name} {what}, so code that is written once would not be that function: leave it outside, give the "
            "number as an argument, or, to train, give backend='eager'"
        )

    def _restore(self) -> None:
        for value, name, was in reversed(self.tracer.changed):
            setattr(value, name, was)
        if not self.world.unchanged():
            self.world.restore()
        self.states.restore()
        self.world.reads = self.reads


class undone:  # noqa: N801
    """What is done inside to the surroundings of some functions, and drawn from generators, is undone after it."""

    def __init__(self, world: Surroundings) -> None:
        self.world = world

    def __enter__(self) -> None:
        self.states = States(self.world.walk.generators)

    def __exit__(self, *error: object) -> None:
        with steady:  # and not while another thread's trace looks at what changes
            if not self.world.unchanged():
                self.world.restore()
            self.states.restore()

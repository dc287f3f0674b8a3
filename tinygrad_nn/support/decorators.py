"""Decorators: functions that run one thread at a time, without Python's collector, or inside a context, as `no_grad`.

The body of a generator runs in pieces, between which its caller goes on: each piece runs inside the context by itself.
"""

from __future__ import annotations

import gc
import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from functools import wraps
from types import coroutine
from typing import Any, Concatenate, ParamSpec, TypeVar

from .tabular import short

Context = Callable[[], Any]
Decorated = Callable[..., Any]
This = TypeVar("This")
Given = ParamSpec("Given")
Returned = TypeVar("Returned")


def locked(method: Callable[Concatenate[This, Given], Returned]) -> Callable[Concatenate[This, Given], Returned]:
    """The method, for one thread at a time: the one that holds the object's `lock`, a threading.RLock.

    The same thread may come in again, since a callback may call what it was called from.
    """

    @wraps(method)
    def alone(this: This, /, *arguments: Given.args, **named: Given.kwargs) -> Returned:
        with this.lock:  # type: ignore[attr-defined]
            return method(this, *arguments, **named)

    return alone


def uncollected(function: Callable[Given, Returned]) -> Callable[Given, Returned]:
    """The function with Python's cyclic garbage collector at rest while it runs, if it was at work.

    Tracing and rolling make a million small tuples and no cycle among them: the collector need not walk them all.
    """

    @wraps(function)
    def resting(*arguments: Given.args, **named: Given.kwargs) -> Returned:
        at_work = gc.isenabled()
        gc.disable()
        try:
            return function(*arguments, **named)
        finally:
            if at_work:
                gc.enable()

    return resting


def within(context: Context, function: Decorated) -> Decorated:
    """A function of the same kind whose body runs inside the context. Raises TypeError for what is no function."""
    if isinstance(function, classmethod | staticmethod):
        return type(function)(within(context, function.__func__))
    if not callable(function):
        raise TypeError(f"a function is decorated, but got {short(function)}")
    kinds = {
        _generator: inspect.isgeneratorfunction,
        _coroutine: inspect.iscoroutinefunction,
        _asynchronous_generator: inspect.isasyncgenfunction,
    }
    bodies: Any = (function, getattr(function, "__call__", None))  # noqa: B004  of an object, its method
    made = next((kind for kind, of_kind in kinds.items() if of_kind(bodies[0]) or of_kind(bodies[1])), _function)
    return wraps(function)(made(context, function))


def _function(context: Context, function: Decorated) -> Decorated:
    def called(*arguments: Any, **options: Any) -> Any:
        with context():
            return function(*arguments, **options)

    return called


def _generator(context: Context, function: Decorated) -> Decorated:
    def called(*arguments: Any, **options: Any) -> Generator[Any, Any, Any]:
        return (yield from _in_pieces(context, function(*arguments, **options)))

    return called


def _coroutine(context: Context, function: Decorated) -> Decorated:
    async def called(*arguments: Any, **options: Any) -> Any:
        return await _awaited(context, function(*arguments, **options))

    return called


def _asynchronous_generator(context: Context, function: Decorated) -> Decorated:
    async def called(*arguments: Any, **options: Any) -> AsyncGenerator[Any, Any]:
        generator = function(*arguments, **options)
        piece = generator.asend(None)
        while True:
            try:
                entry = await _awaited(context, piece)
            except StopAsyncIteration:
                return
            try:
                piece = generator.asend((yield entry))
            except GeneratorExit:
                await _awaited(context, generator.aclose())
                raise
            except BaseException as error:
                piece = generator.athrow(error)

    return called


def _in_pieces(context: Context, body: Any) -> Generator[Any, Any, Any]:
    """Run what has `send` and `throw` to its end, each piece inside the context; what it waits for, outside."""
    go_on, given = body.send, None
    while True:
        try:
            with context():
                entry = go_on(given)
        except StopIteration as end:
            return end.value
        try:
            go_on, given = body.send, (yield entry)
        except GeneratorExit:
            with context():
                body.close()
            raise
        except BaseException as error:
            go_on, given = body.throw, error


_awaited = coroutine(_in_pieces)

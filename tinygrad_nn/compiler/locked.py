"""Threads, one at a time: a compiled step changes a model, and a path of a function is compiled once for all."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

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

"""Tracing and rolling make a million small tuples and no cycle among them: the collector need not walk them all."""

from __future__ import annotations

import gc
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

Given = ParamSpec("Given")
Returned = TypeVar("Returned")


def uncollected(function: Callable[Given, Returned]) -> Callable[Given, Returned]:
    """The function with Python's cyclic garbage collector at rest while it runs, if it was at work."""

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

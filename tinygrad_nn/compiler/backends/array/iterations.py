"""What scans call: an iteration, again and again, and the parts of a series that they read.

An iteration is a function of what is carried and of its place in each series, which NumPy calls in a loop and JAX
compiles once, in `jax.lax.scan`.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any


def scan(xp: Any) -> Callable[..., tuple[Any, Any]]:
    """scan(step, carried, series, times): what is carried in the end, and what each iteration gives, stacked.

    An iteration is step(carried, those of the series) -> carried, results.
    """
    if xp.__name__.startswith("jax"):
        return import_module("jax").lax.scan  # type: ignore[no-any-return]

    def in_turn(step: Any, carried: Any, series: Any, times: int) -> tuple[Any, Any]:
        kept = []
        for t in range(times):
            carried, results = step(carried, [each[t] for each in series])
            kept.append(results)
        return carried, [xp.stack(each) for each in zip(*kept, strict=True)]

    return in_turn


def windows(xp: Any) -> Callable[..., Any]:
    """windows(array, start, stride, times, length): so many parts of an array, the first axis those of `times`."""

    def cut(array: Any, start: int, stride: int, times: int, length: int) -> Any:
        apart, size = abs(stride), array.shape[-1]
        low = start + min(0, stride * (times - 1))
        begin = max(0, min(low, size - apart * times))
        if low - begin + length <= apart and begin + apart * times <= size:
            whole = xp.reshape(array[..., begin : begin + apart * times], (*array.shape[:-1], times, apart))
            parts = whole[..., :: 1 if stride > 0 else -1, low - begin : low - begin + length]
        else:
            places = [start + stride * t + k for t in range(times) for k in range(length)]
            parts = xp.reshape(xp.take(array, xp.asarray(places), axis=-1), (*array.shape[:-1], times, length))
        return xp.moveaxis(parts, -2, 0).copy()  # in the order in which it is read

    return cut


IN_SCANS = scan, windows  # what scans call, in a namespace

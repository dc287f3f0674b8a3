"""gradcheck: the engine's derivatives held against differences of the function itself."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from ..autograd.recording import recording
from ..autograd.transforms.derivation import float_of, numbers_in, one_number, slopes
from ..autograd.value import Value
from ..support.checks import checked_count, checked_function, checked_number
from ..support.nested import mapped


class GradientError(ValueError):
    """A derivative that differs from what differences of the function say."""


def gradcheck(f: Callable[..., Any], inputs: Any, order: int = 2, tolerance: float = 1e-6) -> bool:
    """Compare the derivatives of f(*inputs) with central differences; True, or an error that says what differs.

    `inputs` is a list of arguments, each a number or nested lists of numbers; f returns one number. Order 1 checks
    the gradient, order 2 the derivatives of the gradient as well. A derivative passes within `tolerance` times
    max(1, its size). At a kink differences say something else than any rule, so choose inputs away from it.

    Raises GradientError naming the input, both numbers and their difference; TypeError when f does not return one
    number; ValueError when the function is not finite at the inputs.

    >>> gradcheck(lambda x, y: x.sin() * y, [0.5, 2.0])
    True
    """
    checked_function("gradcheck()", f, "of numbers")
    tolerance = checked_number("tolerance", tolerance, least=0.0)
    if checked_count("order", order) > 2:
        raise ValueError(f"gradcheck() checks order 1 or 2, but got order={order!r}")
    if not isinstance(inputs, list | tuple):
        raise TypeError(f"gradcheck(f, inputs) calls f(*inputs): give a list of arguments, not {inputs!r}")
    point = mapped(numbers_in(inputs, "gradcheck()"), lambda given: Value(float_of(given)))
    with recording():
        return _checked(f, point, order, tolerance)


def _checked(f: Callable[..., Any], point: list[Any], order: int, tolerance: float) -> bool:
    leaves = _flat(point, "input")

    def value() -> float:
        return float_of(one_number(f(*point), "gradcheck()"))

    if not math.isfinite(value()):
        raise ValueError(f"gradcheck() needs a finite result, but f{tuple(mapped(point, float_of))!r} is {value()!r}")
    first = _first_derivatives(f, point, leaves)
    for (name, leaf), derivative in zip(leaves, first, strict=True):
        _compare(f"df/d({name})", derivative.data, _difference(value, leaf), tolerance)
    if order == 1:
        return True
    for row, derivative in enumerate(first):

        def slope(row: int = row) -> float:
            return _first_derivatives(f, point, leaves)[row].data

        second = slopes(derivative, [leaf for _, leaf in leaves], create_graph=False)
        for (name, leaf), found in zip(leaves, second, strict=True):
            _compare(f"d2f/d({leaves[row][0]})d({name})", found, _difference(slope, leaf), tolerance)
    return True


def _first_derivatives(f: Callable[..., Any], point: Any, leaves: list[tuple[str, Value]]) -> list[Value]:
    half = one_number(f(*point), "gradcheck()") * 0.5  # else a rule that leaves g out would be right, since g were 1
    return [slope * 2.0 for slope in slopes(half, [leaf for _, leaf in leaves], create_graph=True)]


def _difference(value: Callable[[], float], leaf: Value) -> float:
    """The slope of `value` along the leaf, by central differences of ever smaller steps, two by two extrapolated.

    Large steps suffer from curvature and kinks nearby, small ones from rounding: of neighbours in the row, those that
    agree best are taken (after Ridders, Accurate computation of F'(x) and F'(x)F''(x), 1982).
    """
    centre = leaf.data
    steps = [0.1 * max(1.0, abs(centre)) / 8**k for k in range(9)]
    slopes = []
    for h in steps:
        leaf.data = centre + h
        above = value()
        leaf.data = centre - h
        slopes.append((above - value()) / (2 * h))
    leaf.data = centre
    row = [(64 * finer - coarser) / 63 for coarser, finer in pairwise(slopes)]
    gaps = [(abs(b - a), b) for a, b in pairwise(row) if math.isfinite(b - a)]
    return min(gaps)[1] if gaps else math.nan


def _compare(name: str, derivative: float, difference: float, tolerance: float) -> None:
    error = abs(derivative - difference)
    if not error <= tolerance * max(1.0, abs(derivative), abs(difference)):
        raise GradientError(
            f"{name} is {derivative!r} by the engine but {difference!r} by central differences: they differ by "
            f"{error:.3g}, more than {tolerance:g} of their size; is a derivative rule wrong, or is there a kink here?"
        )


def _flat(point: Any, name: str) -> list[tuple[str, Value]]:
    """The Values of nested lists, each with the path to it: `input 0`, `input 1[2]`."""
    if isinstance(point, Value):
        return [(name, point)]
    joined = (f"{name} {i}" if name == "input" else f"{name}[{i}]" for i in range(len(point)))
    return [pair for path, entry in zip(joined, point, strict=True) for pair in _flat(entry, path)]

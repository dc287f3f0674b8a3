"""Small data sets to learn from, as plain lists: the rows X and their targets Y; and batches of them.

The generators of points draw from `rng`, a random.Random; with none the `random` module draws. Classes are ints from 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from .support.annotation import Any, Random
from .support.checks import checked_count, checked_finite, checked_rng, checked_switch
from .support.tabular import TARGETS, plain

__all__ = ["batches", "circles", "half_adder", "moons", "spirals", "xor"]
__dir__ = __all__.copy  # so that dir() shows what is a user's

Points = list[list[float]]


def half_adder() -> tuple[Points, Points]:
    """The half adder: inputs 00, 01, 10, 11 and for each the targets (carry, sum).

    >>> X, Y = half_adder()
    >>> X[3], Y[3]
    ([1.0, 1.0], [1.0, 0.0])
    """
    return [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [[0.0, 0.0], [0.0, 1.0], [0.0, 1.0], [1.0, 0.0]]


def xor() -> tuple[Points, list[float]]:
    """Exclusive or: inputs 00, 01, 10, 11 and the targets 0, 1, 1, 0.

    >>> xor()[1]
    [0.0, 1.0, 1.0, 0.0]
    """
    return half_adder()[0], [0.0, 1.0, 1.0, 0.0]


def moons(n: int = 100, noise: float = 0.1, rng: Random | None = None) -> tuple[Points, list[int]]:
    """n points of two interleaved half circles, in random order: class 0 the upper moon, class 1 the lower.

    `noise` is the standard deviation of the normal noise added to both coordinates.

    >>> import random
    >>> X, Y = moons(4, noise=0.0, rng=random.Random(0))
    >>> len(X), sorted(Y)
    (4, [0, 0, 1, 1])
    """
    n, noise, rng = checked_count("n", n, least=0), checked_finite("noise", noise, least=0.0), checked_rng(rng)
    upper = [[math.cos(angle), math.sin(angle)] for angle in _angles(n - n // 2, math.pi)]
    lower = [[1.0 - math.cos(angle), 0.5 - math.sin(angle)] for angle in _angles(n // 2, math.pi)]
    return _shuffled([upper, lower], noise, rng)


def circles(
    n: int = 100, noise: float = 0.05, factor: float = 0.5, rng: Random | None = None
) -> tuple[Points, list[int]]:
    """n points of two circles, in random order: class 0 of radius 1, class 1 of radius `factor`.

    >>> import random
    >>> X, Y = circles(6, noise=0.0, rng=random.Random(0))
    >>> sorted(round(math.hypot(*x), 6) for x in X)
    [0.5, 0.5, 0.5, 1.0, 1.0, 1.0]
    """
    n, noise, rng = checked_count("n", n, least=0), checked_finite("noise", noise, least=0.0), checked_rng(rng)
    factor = checked_finite("factor", factor)
    turn = 2.0 * math.pi
    outer = [[math.cos(a), math.sin(a)] for a in (turn * i / (n - n // 2) for i in range(n - n // 2))]
    inner = [[factor * math.cos(a), factor * math.sin(a)] for a in (turn * i / (n // 2) for i in range(n // 2))]
    return _shuffled([outer, inner], noise, rng)


def spirals(
    n: int = 150, classes: int = 3, turns: float = 0.65, noise: float = 0.02, rng: Random | None = None
) -> tuple[Points, list[int]]:
    """n points of spiral arms from the origin to radius 1, in random order: one class for each arm.

    >>> import random
    >>> X, Y = spirals(9, classes=3, rng=random.Random(0))
    >>> sorted(Y)
    [0, 0, 0, 1, 1, 1, 2, 2, 2]
    """
    n, noise, rng = checked_count("n", n, least=0), checked_finite("noise", noise, least=0.0), checked_rng(rng)
    classes, turns = checked_count("classes", classes), checked_finite("turns", turns)
    arms = []
    for arm in range(classes):
        size = (n - arm + classes - 1) // classes
        radii = [(i + 1) / size for i in range(size)]
        angles = [2.0 * math.pi * (turns * radius + arm / classes) for radius in radii]
        arms.append([[r * math.cos(a), r * math.sin(a)] for r, a in zip(radii, angles, strict=True)])
    return _shuffled(arms, noise, rng)


def batches(
    X: Sequence[Any], Y: Sequence[Any], size: int, shuffle: bool = True, rng: Random | None = None
) -> Iterator[tuple[list[Any], list[Any]]]:
    """Every row once, in pairs (rows, targets) of `size` rows; the last may have fewer.

    Raises ValueError for X and Y of different lengths, or a size below 1.

    >>> list(batches([[1.0], [2.0], [3.0]], [1, 2, 3], size=2, shuffle=False))
    [([[1.0], [2.0]], [1, 2]), ([[3.0]], [3])]
    """
    X, Y = plain(X, "X"), plain(Y, "Y", TARGETS)
    if len(X) != len(Y):
        raise ValueError(f"batches() wants a target for each row, but got {len(X)} rows and {len(Y)} targets")
    size = checked_count("the size of batches()", size)
    generator = checked_rng(rng)
    order = list(range(len(X)))
    if checked_switch("shuffle", shuffle):
        generator.shuffle(order)
    chunks = (order[start : start + size] for start in range(0, len(order), size))
    return (([X[i] for i in chunk], [Y[i] for i in chunk]) for chunk in chunks)


def _angles(count: int, end: float) -> list[float]:
    """`count` angles from 0 to `end`, both included."""
    return [end * i / (count - 1) if count > 1 else 0.0 for i in range(count)]


def _shuffled(groups: list[Points], noise: float, generator: Any) -> tuple[Points, list[int]]:
    """The points of all classes in random order, each coordinate with normal noise."""
    points = [(point, label) for label, group in enumerate(groups) for point in group]
    generator.shuffle(points)
    X = [[c + generator.gauss(0.0, noise) if noise else c for c in point] for point, _ in points]
    return X, [label for _, label in points]

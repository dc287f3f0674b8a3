"""Checks of what a public function is given, one for each kind: a number, a count, a switch, a function, a generator.

Each returns what it checked, in the type that it has from there on, or raises an error that names the argument, says
what came and what was wanted.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from .annotation import Any
from .numbers import as_float
from .tabular import short

MOST = 2**63 - 1  # that a machine counts to
LARGEST = 1.7976931348623157e308


def checked_number(what: str, given: Any, least: float = -math.inf, most: float = math.inf) -> float:
    """A number that is not nan, as a float. Raises TypeError for what is none, ValueError outside least and most."""
    number = as_float(given)
    if number is None or isinstance(given, bool):
        raise TypeError(f"{what} must be a number, but got {short(given)}")
    if not least <= number <= most:
        below = f" of {least:g} or more" if least > -LARGEST else ""
        raise ValueError(f"{what} must be a number{below}{', and finite' * (most == LARGEST)}, but got {short(given)}")
    return number


def checked_finite(what: str, given: Any, least: float = -math.inf) -> float:
    """A finite number as a float. Raises as checked_number does."""
    return checked_number(what, given, max(least, -LARGEST), LARGEST)


def checked_count(what: str, given: Any, least: int = 1, most: int = MOST) -> int:
    """A whole number as an int, of NumPy's too. Raises TypeError for what is none, ValueError outside these bounds."""
    bounds = f"of {least} or more" if most == MOST else f"from {least} to {most}"
    wanted = f"{what} must be a whole number {bounds}, but got {short(given)}"
    if isinstance(given, bool) or not hasattr(given, "__index__") or getattr(given, "ndim", 0) != 0:
        raise TypeError(wanted)
    try:
        count = given.__index__()
    except TypeError:  # an array's, which has the method all the same; or that of a class
        raise TypeError(wanted) from None
    if not least <= count <= most:
        raise ValueError(wanted)
    return int(count)


def checked_switch(what: str, given: Any) -> bool:
    """True or False, NumPy's too, or 1 or 0. Raises TypeError for anything else."""
    numpy = type(given).__name__ in ("bool", "bool_") and type(given).__module__ == "numpy"
    if not (numpy or (isinstance(given, int) and given in (0, 1))):
        raise TypeError(f"{what} is True or False, but got {short(given)}")
    return bool(given)


def checked_text(what: str, given: Any) -> str:
    """Text. Raises TypeError for anything else."""
    if not isinstance(given, str):
        raise TypeError(f"{what} is text, but got {short(given)}")
    return given


def checked_function(what: str, given: Any, of: str) -> Any:
    """What can be called. Raises TypeError for what cannot."""
    if not callable(given):
        raise TypeError(f"{what} wants a function {of}, but got {short(given)}")
    return given


def checked_choice(what: str, given: Any, choices: Iterable[str], otherwise: str = "") -> str:
    """One of some names. Raises ValueError for another name, TypeError for what is no name."""
    names = [*choices]
    if isinstance(given, str) and given in names:
        return given
    kind = ValueError if isinstance(given, str) else TypeError
    raise kind(f"unknown {what} {short(given)}: give one of {', '.join(names)}{otherwise}")


def checked_rng(rng: Any, draws: Iterable[str] = ("gauss", "uniform", "shuffle")) -> Any:
    """The generator to draw from: the `random` module where none is given. Raises TypeError for what lacks a draw."""
    if rng is None:
        import random  # here, since importing the package should not pay for it

        return random
    if isinstance(rng, type) or not all(callable(getattr(rng, name, None)) for name in draws):
        numpy = " (one of NumPy's draws in other ways: make random.Random(seed))" * hasattr(rng, "standard_normal")
        raise TypeError(f"rng must be a generator such as random.Random(0), but got {short(rng)}{numpy}")
    return rng

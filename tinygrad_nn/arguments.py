"""Checks of what a public function is given, one for each kind: a number, a count, a switch, a function, a generator.

Each returns what it checked, in the type that it has from there on, or raises an error that names the argument, says
what came and what was wanted.
"""

from __future__ import annotations

import math

from .operators import as_float
from .tabular import short

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any


def checked_number(what: str, given: Any, least: float = -math.inf, most: float = math.inf) -> float:
    """A number that is not nan, as a float. Raises TypeError for what is none, ValueError outside least and most."""
    number = as_float(given)
    if number is None or isinstance(given, bool):
        raise TypeError(f"{what} must be a number, but got {short(given)}")
    if not least <= number <= most:
        bounds = f" of {least:g} or more" if most == math.inf and least > -math.inf else f" from {least:g} to {most:g}"
        raise ValueError(f"{what} must be a number{bounds if least > -math.inf else ''}, but got {short(given)}")
    return number


def checked_count(what: str, given: Any, least: int = 1) -> int:
    """A whole number as an int, of NumPy's too. Raises TypeError for what is none, ValueError for a smaller one."""
    wanted = f"{what} must be a whole number of {least} or more, but got {short(given)}"
    if isinstance(given, bool) or not hasattr(given, "__index__") or getattr(given, "ndim", 0) != 0:
        raise (ValueError if isinstance(given, float) else TypeError)(wanted)
    try:
        count = given.__index__()
    except TypeError:  # an array's, which has the method all the same; or that of a class
        raise TypeError(wanted) from None
    if count < least:
        raise ValueError(wanted)
    return int(count)


def checked_switch(what: str, given: Any) -> bool:
    """True or False, NumPy's too. Raises TypeError for anything else."""
    if given is not True and given is not False and type(given).__name__ not in ("bool", "bool_"):
        raise TypeError(f"{what} is True or False, but got {short(given)}")
    return bool(given)


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


def checked_rng(rng: Any) -> Any:
    """The generator to draw from: the `random` module where none is given. Raises TypeError for one of another kind."""
    if rng is None:
        import random  # here, since importing the package should not pay for it

        return random
    if isinstance(rng, type) or not all(callable(getattr(rng, name, None)) for name in ("gauss", "uniform", "shuffle")):
        numpy = " (one of NumPy's draws in other ways: make random.Random(seed))" * hasattr(rng, "standard_normal")
        raise TypeError(f"rng must be a generator such as random.Random(0), but got {short(rng)}{numpy}")
    return rng

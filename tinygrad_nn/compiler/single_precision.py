"""Single precision: a finite number that no float32 holds is an error where it comes in, and never turns into inf."""

from __future__ import annotations

import struct
import sys
from math import copysign, inf, isinf
from typing import Any

from .program.program import Program

TOO_LARGE = (2.0 - 2.0**-24) * 2.0**127  # from here on doubles round to inf


class TooLargeError(ValueError):
    """A finite number that is larger than any float32: `place` is which of those that were given together."""

    def __init__(self, number: Any, place: int = 0) -> None:
        super().__init__(number, place)
        self.number, self.place = number, place

    def __str__(self) -> str:
        return f"{self.number!r} is larger than any float32: scale it, or give dtype='float64'"


def in_range(numbers: Any, dtype: str) -> Any:
    """Numbers that are to be of that dtype, or rows of them; plain ones as an array.

    Raises TooLargeError for one that would be inf. Of arrays, those of NumPy are looked at.
    """
    numpy: Any = sys.modules.get("numpy")
    if dtype != "float32" or numpy is None or not isinstance(numbers, float | list | tuple | numpy.ndarray):
        return numbers
    if getattr(numbers, "dtype", None) == dtype:
        return numbers
    doubles = numpy.asarray(numbers, dtype="float64")
    sizes = numpy.abs(doubles)
    if (sizes >= TOO_LARGE).any():
        for place in map(tuple, numpy.argwhere(sizes >= TOO_LARGE).tolist()):
            if not isinf(doubles[place]):
                raise TooLargeError(float(doubles[place]), *place[:1])
    return doubles


def checked_literals(program: Program, single: bool) -> list[float]:
    """The numbers in a function's text. Raises TooLargeError for one that is larger than any that it computes in."""
    literals = list(program.literals.values())
    for number in literals if single else ():
        if abs(number) >= TOO_LARGE and not isinf(number):
            raise TooLargeError(number)
    return literals


def rounded(value: float) -> float:
    """The float nearest to a double."""
    try:
        return struct.unpack("f", struct.pack("f", value))[0]  # type: ignore[no-any-return]
    except OverflowError:
        return copysign(inf, value)

"""The truth of a comparison of traced values: asked for, it is a branch; handed to `where`, it is a number, 1 or 0.

A branch is a guard, so that rows of the other answer are on a path of their own; a number is an operation like any
other, and all rows share its path. What Python does to a bool asks for the truth, but for `&` and `|` of two of these.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from ...autograd import primitives as table


class Truth:
    """`left comparison right` of two traced numbers, or of two truths for & and |."""

    __slots__ = ("_answer", "_comparison", "_left", "_right", "_tracer")
    __class__ = property(lambda self: bool)

    def __init__(self, tracer: Any, left: Any, comparison: str, right: Any) -> None:
        self._tracer, self._left, self._comparison, self._right = tracer, left, comparison, right
        self._answer: bool | None = None

    def as_number(self) -> Any:
        """1 where it holds and 0 where it does not, as operations of the program."""
        left, right = (s.as_number() if type(s) is Truth else s for s in (self._left, self._right))
        if self._comparison in (">", ">="):
            left, right = right, left
        found = AS_NUMBERS[self._comparison](left, right)
        return 1.0 - found if self._comparison == "!=" else found

    def __bool__(self) -> bool:
        if self._answer is None:
            if self._comparison in LOGIC:
                self._answer = LOGIC[self._comparison](bool(self._left), bool(self._right))
            else:
                self._answer = self._tracer.guard(self._left, self._comparison, self._right)
        return self._answer

    def __and__(self, other: object) -> Any:
        return self._with("&", other)

    def __or__(self, other: object) -> Any:
        return self._with("|", other)

    def _with(self, sign: str, other: Any) -> Any:
        if type(other) is Truth:
            return Truth(self._tracer, self, sign, other)
        return LOGIC[sign](bool(self), other)


AS_NUMBERS: dict[str, Callable[[Any, Any], Any]] = {
    "<": table.less, "<=": table.less_equal, ">": table.less, ">=": table.less_equal, "==": table.equal,
    "!=": table.equal, "&": table.minimum, "|": table.maximum,
}  # fmt: skip
LOGIC: dict[str, Callable[[Any, Any], Any]] = {"&": operator.and_, "|": operator.or_}


def _of_bool(name: str) -> Callable[..., Any]:
    """What a bool does by that name, done by the answer."""
    forward = name.replace("__r", "__", 1)
    reflected = OF_BOOLS.get(forward) if forward != name else None
    operation = reflected or OF_BOOLS.get(name)

    def method(truth: Truth, *others: Any) -> Any:
        given = [bool(truth), *[bool(other) if type(other) is Truth else other for other in others]]
        if operation is None:
            return getattr(given[0], name)(*given[1:])
        return operation(*(reversed(given) if reflected else given))

    return method


OF_BOOLS: dict[str, Callable[..., Any]] = {"__divmod__": divmod, "__pow__": pow, **vars(operator)}
COMPARING = ("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__hash__")
WRITTEN = ("__repr__", "__str__", "__format__", "__reduce_ex__")
for _name in {*dir(bool), *COMPARING, *WRITTEN} - ({*dir(object), *vars(Truth)} - {*COMPARING, *WRITTEN}):
    if callable(getattr(bool, _name)):
        setattr(Truth, _name, _of_bool(_name))

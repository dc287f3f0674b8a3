"""A primitive: one function of numbers that the engine can differentiate, and its call.

It holds texts: its value and, for each operand, a derivative rule. What runs on numbers is written out of them when it
is first asked for, since most programs need few. The primitives themselves are the rows of `primitives.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from ..support.annotation import Any
from .ieee.floats import FLOOR, SINGLE_FLOOR, IeeeFloat
from .rules import Rule, is_column, pull_function, rule_functions, value_function, words

# What texts may name beside operands and primitives.
NAMED_NUMBERS = {
    "inf": math.inf,
    "nan": math.nan,
    "PI": math.pi,
    "LOG_2": math.log(2.0),
    "LOG_10": math.log(10.0),
    "SQRT_HALF": math.sqrt(0.5),
    "SQRT_PI_OVER_TWO": math.sqrt(math.pi) / 2.0,
    "TWO_OVER_SQRT_PI": 2.0 / math.sqrt(math.pi),
    "ONE_OVER_SQRT_TWO_PI": math.sqrt(0.5 / math.pi),
    "FLOOR": FLOOR,
}
IN_SINGLE_PRECISION = {"FLOOR": SINGLE_FLOOR}  # constants that are others in single precision
TABLE: dict[str, Primitive] = {}  # the rows by their names, which primitives.py enters


class Unwritten:
    """The `value` or `pull` of a row until its first call; the slot holds it, so that the row is read without a hook.

    A `__getattr__` would slow down every look at a row, of which each operation makes several.
    """

    __slots__ = ("field", "row")

    def __init__(self, row: Primitive, field: str) -> None:
        self.row, self.field = row, field

    def __call__(self, *operands: Any) -> Any:
        return self.row.written(self.field)(*operands)


class Primitive:
    """One scalar function that the engine can differentiate: a row of the table.

    Calling it with floats gives a float; with a recorded scalar among the operands (a Value, a traced value) that
    scalar records the operation. An operand named in the plural (`xs`) is a tuple of scalars, and its rule speaks of
    the element `x`, or of its position `i`. A rule of None says that the result does not depend on that operand. A
    primitive is an identity: it is frozen, compared by `is`, and pickles and copies to itself by its name.

    >>> from tinygrad_nn.autograd.primitives import multiply
    >>> multiply(2.0, 3.0), multiply.formulas, multiply.rules[0](1.0, 6.0, 2.0, 3.0)
    (6.0, ('g * b', 'g * a'), 3.0)
    """

    __slots__ = (
        "_rules", "doc", "example", "folds", "formulas", "name", "operands", "partial", "pull", "symbol", "text",
        "value",
    )  # fmt: skip
    name: str
    symbol: str
    operands: tuple[str, ...]
    text: str  # its value, as every language writes it; "" where each has a spelling of its own
    value: Callable[..., float]  # of floats
    formulas: tuple[Rule, ...]
    pull: Callable[[Any], None]  # all rules as one: adds to the gradients of the operands of a Result
    partial: bool  # whether the result does not depend on some operand
    folds: bool  # whether some operand is a column
    doc: str  # of a function of the library; "" where the row is for other rows alone
    example: str
    _rules: tuple[Callable[..., Any] | None, ...] | None
    spellings: Any = None  # of a primitive of one's own, for the back ends

    def __init__(
        self, name: str, symbol: str, operands: str, value: str | Callable[..., float], *formulas: Rule,
        doc: str = "", example: str = "",
    ) -> None:  # fmt: skip
        text = value if isinstance(value, str) else ""
        for field, content in (
            ("name", name), ("symbol", symbol), ("operands", tuple(operands.split())), ("doc", doc),
            ("text", text), ("formulas", formulas), ("partial", None in formulas), ("example", example),
            ("folds", any(map(is_column, operands.split()))), ("value", Unwritten(self, "value") if text else value),
            ("pull", Unwritten(self, "pull")), ("_rules", None),
        ):  # fmt: skip
            object.__setattr__(self, field, content)

    @property
    def rules(self) -> tuple[Callable[..., Any] | None, ...]:
        """For each operand a function of (g, y, *operands), or None."""
        if (made := self._rules) is None:
            made = rule_functions(self.name, self.operands, self.formulas, self._rows())
            object.__setattr__(self, "_rules", made)
        return made

    def written(self, field: str) -> Any:
        """`value` or `pull`, written out of the texts where it has not been called yet."""
        if type(getattr(self, field)) is Unwritten:
            if field == "value":
                made = value_function(self.name, self.operands, self.text, self._numbers)
            else:
                made = pull_function(self.name, self.operands, self.formulas, self._numbers)
            object.__setattr__(self, field, made)
        return getattr(self, field)

    def _rows(self) -> dict[str, Any]:
        """What the text of a rule may name."""
        return {**NAMED_NUMBERS, **TABLE, "float": float, "tuple": tuple}

    def _numbers(self, text: str) -> dict[str, Any]:
        """What a text names, where all is of floats: the values of rows."""
        rows = self._rows()
        named = {word: rows[word] for word in words(text) if word in rows}
        return {word: row.written("value") if isinstance(row, Primitive) else row for word, row in named.items()}

    def __call__(self, first: Any, *others: Any) -> Any:
        if type(first) is not float:
            if not others and hasattr(first, "_record"):
                return first._record(self, (first,))
            return self._recorded((first, *others))
        for operand in others:
            if type(operand) is not float:
                return self._recorded((first, *others))
        return self.value(first, *others)

    def _recorded(self, operands: tuple[Any, ...]) -> Any:
        """The call where an operand is no plain float: the scalar of the highest precedence records it."""
        scalars = [s for operand in operands for s in (operand if isinstance(operand, tuple) else (operand,))]
        kinds = scalars
        if len(scalars) > 8:  # the first of each class
            firsts = dict(zip(map(type, reversed(scalars)), reversed(scalars), strict=True))
            kinds = [firsts[kind] for kind in dict.fromkeys(map(type, scalars))]
        recorder = max((s for s in kinds if hasattr(s, "_record")), key=lambda s: s._precedence, default=None)
        if recorder is not None:
            return recorder._record(self, tuple(map(_plain, operands)))
        result = self.value(*operands)
        return IeeeFloat(result) if any(type(s) is IeeeFloat for s in scalars) else result

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"the primitive {self.name} is a row of the table and cannot be changed")

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"

    def __reduce__(self) -> tuple[Callable[[str], Primitive], tuple[str]]:
        return named, (self.name,)

    def __copy__(self, memo: object = None) -> Primitive:
        return self

    __deepcopy__ = __copy__


def _plain(operand: Any) -> Any:
    """An operand without IeeeFloats: what is recorded holds plain floats."""
    if isinstance(operand, tuple):
        return operand if IeeeFloat not in map(type, operand) else tuple(map(_plain, operand))
    return float(operand) if type(operand) is IeeeFloat else operand


def named(name: str) -> Primitive:
    """The row of that name. Raises KeyError where there is none.

    >>> from tinygrad_nn.autograd.primitives import tanh
    >>> named("tanh") is tanh
    True
    """
    return TABLE[name]

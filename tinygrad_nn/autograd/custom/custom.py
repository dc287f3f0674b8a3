"""Primitives of one's own: a row beside those of the table, with its value, its derivative rules and its spellings.

Such a row is a Primitive like any other, so all that walks a graph takes it: backward, derivatives of derivatives, the
compiler, gradcheck, drawings. What the library cannot know is how other languages write it: that is a spelling.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence

from ...support.annotation import Any
from ...support.numbers import as_float
from ..elementary import as_operand
from ..ieee.floats import on_ieee_floats
from ..primitives import Primitive
from ..rules import Rule
from .checks import check_name, check_rule, checked_spellings, operands_of_function, operands_of_text, rules_of


class OwnPrimitive(Primitive):
    """A primitive that `tinygrad_nn.primitive` made: `spellings` by the name of a back end."""

    __slots__ = ("foreign", "module", "spellings")
    foreign: dict[str, Any]  # what the text of its value calls that is no primitive, by name
    module: str  # where it was made: copies in other processes are found there by its name
    spellings: Mapping[str, Any]

    def __call__(self, *operands: Any) -> Any:
        """The result: a float of numbers, a recorded Value where a Value is among them."""
        if len(operands) != len(self.operands):
            raise TypeError(
                f"{self.name}({', '.join(self.operands)}) takes {len(self.operands)} numbers or Values, but got "
                f"{len(operands)}"
            )
        return super().__call__(*[as_operand(operand, self.name) for operand in operands])

    @property
    def __name__(self) -> str:
        return self.name

    def _rows(self) -> dict[str, Any]:
        return {**self.foreign, **super()._rows(), self.name: self}

    def __reduce__(self) -> tuple[Any, ...]:
        return _found, (self.module, self.name)


def primitive(
    name: str,
    value: str | Callable[..., float],
    rules: Rule | Sequence[Rule] | Mapping[str, Rule],
    symbol: str | None = None,
    spellings: Mapping[str, Any] | None = None,
    operands: str = "",
) -> OwnPrimitive:
    """A function of one to three numbers that the library differentiates by `rules`, as it does those of its table.

    `value` is a text, which every back end writes in its language: an expression of operands, numbers, + - * /,
    primitives of the table and `a if claim else b`, where a claim is a comparison, or several with `not`, `and` and
    `or`; "small = exp(-abs(x)); small / (1.0 + small)" names what is needed twice. It may call functions of the module,
    too, as in "math.lgamma(x)", but only Python can do that. Or `value` is a function of floats, which only Python can
    call. `operands`, as in "a b", names those of a text that has several; the parameters name those of a function.

    For each operand there is a rule, which gives g * dy/d(operand), where g is the gradient of the result y: a text in
    g, y and the operands, with + - * / and the primitives of the table, or a function (g, y, *operands) of the
    functions of tn, or None where the result does not depend on the operand. A list has the rules in order, a dict by
    name; one alone may stand for itself. Since rules run on Values and traced numbers too, derivatives of all orders,
    and compiled ones, follow. `symbol` is what drawings show; the name, if there is none.

    `spellings` says, by the name of a back end, how its language writes what a text cannot say:

    - "python" and "array": an expression of the operands in Python, in which "array" knows the namespace as xp and the
      table's primitives by name; or a function of the operands. Without one, "python" calls the value.
    - "llvm": a text as above, which may also call functions of C's library.
    - "c": an expression in C99, of doubles.

    A back end that cannot write the value says so; calls and steps with backend="auto" choose one that can. Spellings
    are taken as they are: `gradcheck` is of rules, so compare the function on each back end as well.

    Keep the primitive under its name where its module is imported, and it can be pickled. Raises ValueError and
    TypeError that say what is wrong with a name, a value, a rule or a spelling.

    >>> from tinygrad_nn import Value, grad, gradcheck
    >>> soft_sign = primitive("soft_sign", "x / (1.0 + abs(x))", "g * square(1.0 - abs(y))")
    >>> x = Value(1.0)
    >>> slope = grad(soft_sign(x), x, create_graph=True)
    >>> soft_sign(1.0), slope.data, grad(slope, x)
    (0.5, 0.25, -0.25)
    >>> gradcheck(soft_sign, [Value(-0.7)])
    True
    """
    check_name(name)
    scope = sys._getframe(1).f_globals
    foreign: dict[str, Any] = {}
    given: str | Callable[..., float]
    if not isinstance(operands, str):
        raise TypeError(f"`operands` of {name} is a text such as 'a b', but got {operands!r}")
    if isinstance(value, str):
        try:
            given, listed, foreign = operands_of_text(name, value, operands, scope)
        except RecursionError:
            raise ValueError(
                f"the value of {name} is nested too deep: name parts of it, as in 'a = ...; ...'"
            ) from None
    elif operands:
        raise ValueError(f"`operands` names those of a text; the value of {name} is a function, whose parameters do")
    elif callable(value):
        given, listed = _guarded(name, value), operands_of_function(name, value)
    else:
        raise TypeError(f"the value of {name} must be a text or a function of floats, but got {value!r}")
    found = rules_of(name, listed, rules)
    for operand, rule in zip(listed, found, strict=True):
        check_rule(name, listed, operand, rule)
    if symbol is not None and not isinstance(symbol, str):
        raise TypeError(f"the symbol of {name} must be a string for drawings, but got {symbol!r}")
    made = OwnPrimitive(name, name if symbol is None else symbol, " ".join(listed), given, *found)
    for field, content in (
        ("spellings", checked_spellings(name, listed, {} if spellings is None else spellings)),
        ("module", scope.get("__name__", "__main__")),
        ("foreign", foreign),
    ):
        object.__setattr__(made, field, content)
    if foreign:  # which may raise, or give what is no number
        object.__setattr__(made, "value", _guarded(name, made.written("value")))
    return made


def _guarded(name: str, value: Callable[..., Any]) -> Callable[..., float]:
    """The value as the engine calls it: a float of floats, by IEEE 754 where it divides by 0."""

    def guarded(*numbers: float) -> float:
        try:
            try:
                found = value(*numbers)
            except (ZeroDivisionError, OverflowError, ValueError):
                found = on_ieee_floats(value, *numbers)
        except (ZeroDivisionError, OverflowError, ValueError) as error:
            given = ", ".join(map(repr, map(float, numbers)))
            raise ValueError(
                f"the value of {name} raised {type(error).__name__} ({error}) at {given}: write it with tn.exp, tn.log "
                "and so on, which give inf or nan there"
            ) from None
        number = as_float(found)
        if number is None:
            given = ", ".join(map(repr, map(float, numbers)))
            raise TypeError(f"the value of {name} must be a number, but {name}({given}) gave {found!r}")
        return float(number)

    return guarded


def _found(module: str, name: str) -> Any:
    """The primitive that a module holds by its name."""
    from importlib import import_module

    found = getattr(import_module(module), name, None)
    if not isinstance(found, OwnPrimitive):
        raise ValueError(f"{module}.{name} is no primitive: keep it under its name in the module that makes it")
    return found

"""Primitives of one's own: a row beside those of the table, with its value, its derivative rules and its spellings.

Such a row is a Primitive like any other, so all that walks a graph takes it: backward, derivatives of derivatives, the
compiler, gradcheck, drawings. What the library cannot know is how other languages write it: that is a spelling.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import keyword
import sys
from typing import TYPE_CHECKING

from ..support.numbers import as_float
from ..support.tabular import short
from . import primitives as table
from .elementary import as_operand
from .ieee.floats import on_ieee_floats
from .primitives import Primitive
from .rules import is_column

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from .rules import Rule

LANGUAGES = ("python", "array", "llvm", "c")
MOST_OPERANDS = 3  # that an operation records
MEANT = ("g", "y", "e", "xp", "inf", "nan", *table.TABLE, *dir(builtins))  # names with a meaning in rules and spellings
IN_RULES = (
    ast.Expression, ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.UnaryOp, ast.USub, ast.UAdd, ast.Call,
    ast.Name, ast.Load, ast.Constant,
)  # fmt: skip


class OwnPrimitive(Primitive):
    """A primitive that `tinygrad_nn.primitive` made: `spellings` by the name of a back end."""

    __slots__ = ("module", "spellings")
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
        return {**super()._rows(), self.name: self}

    def __reduce__(self) -> tuple[Any, ...]:
        return _found, (self.module, self.name)


def primitive(
    name: str,
    value: Callable[..., float],
    rules: Rule | Sequence[Rule] | Mapping[str, Rule],
    symbol: str | None = None,
    spellings: Mapping[str, Any] | None = None,
) -> OwnPrimitive:
    """A function of one to three numbers that the library differentiates by `rules`, as it does those of its table.

    `value` is a function of floats; its parameters name the operands. For each operand there is a rule, which gives
    g * dy/d(operand), where g is the gradient of the result y: a text in g, y and the operands, with + - * / and the
    primitives of the table, or a function (g, y, *operands) of the functions of tn, or None where the result does not
    depend on the operand. A list has the rules in order, a dict by name; one alone may stand for itself. Since rules
    run on Values and traced numbers too, derivatives of all orders, and compiled ones, follow. `symbol` is what
    drawings show; the name, if there is none.

    `spellings` says, by the name of a back end, how its language writes the value:

    - "python" and "array": an expression of the operands in Python, in which "array" knows the namespace as xp and the
      table's primitives by name; or a function of the operands. Without one, "python" calls the value.
    - "llvm": an expression in + - * /, `... if a < b else ...`, the table's primitives and functions of C's library.
    - "c": an expression in C99, of doubles.

    A back end without a spelling says so; calls and steps with backend="auto" choose one that has what it needs.
    Spellings are taken as they are: `gradcheck` is of rules, so compare the function on each back end as well.

    Keep the primitive under its name where its module is imported, and it can be pickled. Raises ValueError and
    TypeError that say what is wrong with a name, a value, a rule or a spelling.

    >>> from tinygrad_nn import Value, grad, gradcheck
    >>> soft_sign = primitive("soft_sign", lambda x: x / (1.0 + abs(x)), "g * square(1.0 - abs(y))")
    >>> x = Value(1.0)
    >>> slope = grad(soft_sign(x), x, create_graph=True)
    >>> soft_sign(1.0), slope.data, grad(slope, x)
    (0.5, 0.25, -0.25)
    >>> gradcheck(soft_sign, [Value(-0.7)])
    True
    """
    _check_name(name)
    if not callable(value):
        raise TypeError(f"the value of {name} must be a function of floats, but got {value!r}")
    operands = _operands_of(name, value)
    found = _rules_of(name, operands, rules)
    for operand, rule in zip(operands, found, strict=True):
        _check_rule(name, operands, operand, rule)
    if spellings is not None and not isinstance(spellings, dict):
        raise TypeError(f"the spellings of {name} are a dict by back end, but got {short(spellings)}")
    if symbol is not None and not isinstance(symbol, str):
        raise TypeError(f"the symbol of {name} must be a string for drawings, but got {symbol!r}")
    made = OwnPrimitive(name, name if symbol is None else symbol, " ".join(operands), _guarded(name, value), *found)
    object.__setattr__(made, "spellings", _checked(name, operands, spellings or {}))
    object.__setattr__(made, "module", sys._getframe(1).f_globals.get("__name__", "__main__"))
    return made


def _check_name(name: Any) -> None:
    if not isinstance(name, str):
        raise TypeError(f"the name of a primitive is a string, but got {name!r}")
    if not name.isidentifier() or not name.isascii() or keyword.iskeyword(name):
        raise ValueError(f"the name of a primitive is a word such as soft_sign, but got {name!r}")
    if name in MEANT:
        raise ValueError(f"{name!r} has a meaning in the table of primitives or in Python: choose another name")


def _operands_of(name: str, value: Callable[..., Any]) -> list[str]:
    """The names of the value's parameters."""
    try:
        parameters = list(inspect.signature(value).parameters.values())
    except (TypeError, ValueError):
        raise TypeError(f"the value of {name} does not tell its parameters: put it into a def or a lambda") from None
    plain = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [p.name for p in parameters if p.default is inspect.Parameter.empty]
    if any(p.kind not in plain for p in parameters) or not 1 <= len(names) <= MOST_OPERANDS:
        raise TypeError(
            f"the value of {name} takes one to {MOST_OPERANDS} floats, each by a name and without a default, but its "
            f"parameters are ({', '.join(map(str, parameters))}): put it into a lambda, or compose several primitives"
        )
    for operand in names:
        if operand in MEANT or is_column(operand) or not operand.isascii() or operand.startswith("_"):
            raise ValueError(
                f"an operand of {name} is called {operand!r}; in rules g is the gradient of the result, y the result, "
                "a name that ends in s a list, and others have a meaning in Python or in the table of primitives: call "
                "it x, a, b or the like"
            )
    return names


def _rules_of(name: str, operands: list[str], rules: Any) -> list[Any]:
    """A rule for each operand."""
    if rules is None or isinstance(rules, str) or callable(rules):
        rules = [rules]
    elif isinstance(rules, dict):
        if set(rules) != set(operands):
            raise ValueError(f"{name} wants a rule for each of {', '.join(operands)}, but got {', '.join(rules)}")
        rules = [rules[operand] for operand in operands]
    if not isinstance(rules, list | tuple):
        raise TypeError(f"the rules of {name} are one, a list or a dict of them, but got {rules!r}")
    found = [rule.strip() if isinstance(rule, str) else rule for rule in rules]
    if len(found) != len(operands):
        raise ValueError(f"{name} takes {', '.join(operands)} and wants a rule for each, but got {len(found)}")
    return found


def _check_rule(name: str, operands: list[str], operand: str, rule: Any) -> None:
    what = f"the rule of {name} for {operand}, {rule!r},"
    if isinstance(rule, str):
        try:
            tree = ast.parse(rule.strip(), mode="eval")
        except SyntaxError as error:
            raise ValueError(f"{what} is no expression: {error.msg}") from None
        known = {"g", "y", *operands, name, "abs", *table.TABLE}
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                _check_call(what, node, {name: len(operands), "abs": 1})
            if isinstance(node, ast.Constant) and type(node.value) not in (int, float):
                raise ValueError(f"{what} has {node.value!r} in it, which is no number")
            if isinstance(node, ast.Name) and node.id not in known:
                raise ValueError(
                    f"{what} speaks of {node.id}, which is no operand and no primitive of the table: give a function "
                    "(g, y, operands) where it is something else"
                )
            if not isinstance(node, IN_RULES):
                raise ValueError(
                    f"{what} has more than + - * / and calls of primitives in it: write x * x or square(x) for x**2, "
                    "and give a function where that is not enough"
                )
        if not any(isinstance(node, ast.Name) and node.id == "g" for node in ast.walk(tree)):
            raise ValueError(f"{what} leaves g out: a rule is the gradient of the result, g, times dy/d{operand}")
    elif callable(rule):
        try:
            inspect.signature(rule).bind("g", "y", *operands)
        except (TypeError, ValueError):
            raise TypeError(f"{what} must be a function of (g, y, {', '.join(operands)})") from None
    elif rule is not None:
        raise TypeError(f"{what} must be a text such as 'g * y', a function of (g, y, {', '.join(operands)}) or None")


def _check_call(what: str, call: ast.Call, own: dict[str, int]) -> None:
    """Raise ValueError for a call that is none of a primitive on as many numbers as it takes."""
    called = call.func.id if isinstance(call.func, ast.Name) else ""
    row = table.TABLE.get(called)
    count = own.get(called, len(row.operands) if row and not row.folds else -1)
    if call.keywords or count != len(call.args):
        wants = f", which takes {count}" if count >= 0 else ", which is no primitive of numbers"
        raise ValueError(f"{what} calls {ast.unparse(call.func)} on {len(call.args)} numbers{wants}")


def _checked(name: str, operands: list[str], spellings: Any) -> dict[str, Any]:
    if not isinstance(spellings, dict):
        raise TypeError(f"the spellings of {name} are a dict of texts by back end, but got {spellings!r}")
    for language, spelling in spellings.items():
        if language not in LANGUAGES:
            raise ValueError(f"a spelling of {name} is for {language!r}: the back ends are {', '.join(LANGUAGES)}")
        if callable(spelling) and language in ("python", "array"):
            continue
        if not isinstance(spelling, str) or not spelling.strip():
            raise TypeError(f"the spelling of {name} for {language!r} must be a text, but got {spelling!r}")
        if language != "c":
            try:
                ast.parse(spelling.strip(), mode="eval")
            except SyntaxError as error:
                raise ValueError(
                    f"the spelling of {name} for {language!r}, {spelling!r}, is no expression of "
                    f"{', '.join(operands)}: {error.msg}"
                ) from None
    return dict(spellings)


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

"""The text of a value in any language: one walk over it, and what a language must be able to say.

A back end that writes programs in a language of its own gives a `Language`, or an `Infix` one with three templates, and
spells by hand only the rows of the table that have no text.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Protocol

from ...autograd.primitive import IN_SINGLE_PRECISION, NAMED_NUMBERS
from ...autograd.primitives import TABLE, Primitive

OPERATIONS: dict[type[ast.operator], str] = {
    ast.Add: "add", ast.Sub: "subtract", ast.Mult: "multiply", ast.Div: "divide",
}  # fmt: skip
COMPARED: dict[type[ast.cmpop], str] = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
}  # fmt: skip
SAME = {"abs": "absolute", "fabs": "absolute"}


class UnwritableError(ValueError):
    """Part of a text, for which a language has no words."""


class Language(Protocol):
    """What a language makes of the parts of a text: numbers (of any kind: a text, the name of a register) and claims.

    Claims are what `compare`, `both`, `either` and `inverse` give; both sides of a choice are computed.
    """

    @property
    def single(self) -> bool:
        """Whether it is of floats, and not of doubles."""

    def number(self, x: float, /) -> Any: ...

    def operation(self, name: str, a: Any, b: Any, /) -> Any:
        """add, subtract, multiply or divide."""

    def negative(self, a: Any, /) -> Any: ...

    def compare(self, comparison: str, a: Any, b: Any, /) -> Any: ...

    def both(self, a: Any, b: Any, /) -> Any: ...

    def either(self, a: Any, b: Any, /) -> Any: ...

    def inverse(self, a: Any, /) -> Any: ...

    def choose(self, claim: Any, a: Any, b: Any, /) -> Any:
        """a where the claim holds, else b."""

    def call(self, row: Primitive, given: Sequence[Any], /) -> Any:
        """A primitive of the table."""

    def foreign(self, name: str, given: Sequence[Any], /) -> Any:
        """A function that is none of the table, or None where there is none of that name that takes as many numbers."""

    def let(self, name: str, value: Any, /) -> Any:
        """What is read under a name from here on."""


def translated(text: str, operands: Mapping[str, Any], language: Language) -> Any:
    """A text in a language, of the operands as they are there. Raises UnwritableError for what it cannot say."""
    names = dict(operands)

    def visit(node: ast.expr) -> Any:
        match node:
            case ast.Name(name) if name in names:
                return names[name]
            case ast.Call(ast.Name(name), given, keywords=[]):
                row, operands = TABLE.get(SAME.get(name, name)), [visit(operand) for operand in given]
                if row is not None and not row.folds and len(row.operands) == len(given):
                    return language.call(row, operands)
                if row is None and (found := language.foreign(name, operands)) is not None:
                    return found
            case ast.UnaryOp(ast.USub(), operand):
                number = constant(operand)
                return language.negative(visit(operand)) if number is None else language.number(-number)
            case ast.BinOp(left, operator, right) if type(operator) in OPERATIONS:
                return language.operation(OPERATIONS[type(operator)], visit(left), visit(right))
            case ast.IfExp(test, body, orelse):
                return language.choose(claim(test), visit(body), visit(orelse))
        number = constant(node)
        if number is None:
            raise UnwritableError(ast.unparse(node))
        return language.number(number)

    def constant(node: ast.expr) -> float | None:
        match node:
            case ast.Constant(number) if type(number) in (int, float):
                return float(number)  # type: ignore[arg-type]
            case ast.Name(name) if name in NAMED_NUMBERS and name not in names:
                return (IN_SINGLE_PRECISION if language.single and name in IN_SINGLE_PRECISION else NAMED_NUMBERS)[name]
        return None

    def claim(node: ast.expr) -> Any:
        match node:
            case ast.Compare(left, [comparison], [right]) if type(comparison) in COMPARED:
                return language.compare(COMPARED[type(comparison)], visit(left), visit(right))
            case ast.UnaryOp(ast.Not(), operand):
                return language.inverse(claim(operand))
            case ast.BoolOp(operator, [first, *others]):
                joined = language.both if isinstance(operator, ast.And) else language.either
                found = claim(first)
                for other in others:
                    found = joined(found, claim(other))
                return found
        raise UnwritableError(ast.unparse(node))

    *first, result = parsed(text)
    for statement in first:
        match statement:
            case ast.Assign([ast.Name(name)], value):
                names[name] = language.let(name, visit(value))
            case _:
                raise UnwritableError(ast.unparse(statement))
    if not isinstance(result, ast.Expr):
        raise UnwritableError(ast.unparse(result))
    return visit(result.value)


@cache
def parsed(text: str) -> tuple[ast.stmt, ...]:
    """The statements of a text: what it names, and its result."""
    return tuple(ast.parse("\n".join(part.strip() for part in text.split(";"))).body)


CHOICE, EITHER, BOTH, NOT, CLAIM, SUM, PRODUCT, UNARY, ATOM, NAME = range(10)  # how tightly a text holds together


class Written:
    """A text, and how tightly it holds together."""

    __slots__ = ("text", "tightness")

    def __init__(self, text: str, tightness: int) -> None:
        self.text, self.tightness = text, tightness

    def held(self, least: int) -> str:
        """In parentheses where it must hold together more tightly than it does."""
        return self.text if self.tightness >= least else f"({self.text})"


SIGNS = {"add": ("+", SUM), "subtract": ("-", SUM), "multiply": ("*", PRODUCT), "divide": ("/", PRODUCT)}
OPERATORS = {name: f"{{a}} {sign} {{b}}" for name, (sign, _) in SIGNS.items()} | {"negative": "-{x}"}


class Infix:
    """A language in which texts stand between their operands, as in C and Python. Numbers and claims are `Written`."""

    single = False
    choice = "{claim} ? {a} : {b}"
    conjunction, disjunction, negation = "&&", "||", "!"

    def call(self, row: Primitive, given: Sequence[Written]) -> Written:
        raise NotImplementedError

    def foreign(self, name: str, given: Sequence[Written]) -> Written | None:
        return None

    def let(self, name: str, value: Written) -> Written:
        raise NotImplementedError

    def number(self, x: float) -> Written:
        return Written(self.literal(x), ATOM if math.copysign(1.0, x) > 0 or x != x else UNARY)

    def literal(self, x: float) -> str:
        """The text of a number."""
        return repr(x)

    def operation(self, name: str, a: Written, b: Written) -> Written:
        sign, tightness = SIGNS[name]
        return Written(f"{a.held(tightness)} {sign} {b.held(tightness + 1)}", tightness)

    def negative(self, a: Written) -> Written:
        return Written(f"-{a.held(ATOM)}", UNARY)

    def compare(self, comparison: str, a: Written, b: Written) -> Written:
        return Written(f"{a.held(SUM)} {comparison} {b.held(SUM)}", CLAIM)

    def both(self, a: Written, b: Written) -> Written:
        return _joined(a, self.conjunction, b, BOTH)

    def either(self, a: Written, b: Written) -> Written:
        return _joined(a, self.disjunction, b, EITHER)

    def inverse(self, a: Written) -> Written:
        return Written(f"{self.negation}{a.held(ATOM)}", NOT)

    def choose(self, claim: Written, a: Written, b: Written) -> Written:
        texts = {"claim": claim.held(EITHER), "a": a.held(EITHER), "b": b.held(CHOICE)}
        return Written(self.choice.format(**texts), CHOICE)


def _joined(a: Written, word: str, b: Written, tightness: int) -> Written:
    """Several claims; compilers of C want those of another kind in parentheses."""
    sides = [claim.text if claim.tightness == tightness else claim.held(CLAIM) for claim in (a, b)]
    return Written(f"{sides[0]} {word} {sides[1]}", tightness)


def names_as_they_are(names: Sequence[str]) -> dict[str, Written]:
    """The operands of a text, under their own names."""
    return {name: Written(name, NAME) for name in names}

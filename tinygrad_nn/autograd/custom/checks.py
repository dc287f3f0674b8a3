"""What is wrong with a primitive of one's own, in words: with its name, operands, value, rules and spellings."""

from __future__ import annotations

import ast
import builtins
import inspect
import keyword
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...support.tabular import short
from .. import primitives as table
from ..primitive import NAMED_NUMBERS
from ..rules import is_column

LANGUAGES = ("python", "array", "llvm", "c")
MOST_OPERANDS = 3  # that an operation records
# Names with a meaning in rules, values and spellings.
MEANT = ("g", "y", "e", "xp", *NAMED_NUMBERS, *table.TABLE, *dir(builtins))
OF_THE_TABLE = {"abs", *table.TABLE}
IN_RULES = (
    ast.Module, ast.Expr, ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.UnaryOp, ast.USub, ast.UAdd, ast.Call,
    ast.Name, ast.Load, ast.Constant,
)  # fmt: skip
IN_VALUES = (
    *(kind for kind in IN_RULES if kind is not ast.UAdd), ast.Assign, ast.Store, ast.IfExp,
    ast.Compare, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq, ast.BoolOp, ast.And, ast.Or, ast.Not,
)  # fmt: skip


def check_name(name: Any) -> None:
    if not isinstance(name, str):
        raise TypeError(f"the name of a primitive is a string, but got {name!r}")
    if not name.isidentifier() or not name.isascii() or keyword.iskeyword(name):
        raise ValueError(f"the name of a primitive is a word such as soft_sign, but got {name!r}")
    if name in MEANT:
        raise ValueError(f"{name!r} has a meaning in the table of primitives or in Python: choose another name")


def operands_of_function(name: str, value: Callable[..., Any]) -> list[str]:
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
    return _checked_operands(name, names)


def _checked_operands(name: str, operands: list[str]) -> list[str]:
    for operand in operands:
        if operands.count(operand) > 1:
            raise ValueError(f"{operand} is twice among the operands of {name}: name each of them once")
        if not _may_name(operand) or is_column(operand):
            raise ValueError(
                f"an operand of {name} is called {operand!r}; in rules g is the gradient of the result, y the result, "
                "a name that ends in s a list, and others have a meaning in Python or in the table of primitives: call "
                "it x, a, b or the like"
            )
    return operands


def _may_name(word: str) -> bool:
    """Whether a word can stand for a number in a text."""
    plain = word.isidentifier() and word.isascii() and not word.startswith("_")
    return plain and not keyword.iskeyword(word) and word not in MEANT


def operands_of_text(
    name: str, text: str, operands: str, scope: Mapping[str, Any]
) -> tuple[str, list[str], dict[str, Any]]:
    """The text of a value as the engine takes it, its operands, and what it calls of the module that is no primitive.

    The text has its parts behind each other and all its numbers as floats.
    """
    what = f"the value of {name}, {text!r},"
    tree = _parsed(what, text)
    nodes = list(ast.walk(tree))
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    functions = {part for call in calls for part in ast.walk(call.func)}
    python = {*functions, *filter(_calls_python, calls)}
    parts = "+ - * /, comparisons, `a if claim else b` and calls of primitives"
    _check_parts(what, [node for node in nodes if node not in python], IN_VALUES, parts, {"abs": 1})
    _check_claims(what, nodes)
    names = [node for node in nodes if isinstance(node, ast.Name)]
    called = {node.id for node in names if node in functions}
    foreign = _found_in(scope, what, called - OF_THE_TABLE, [call.func for call in calls])
    read = _read(what, tree, functions, {name, *operands.split(), *called})
    if name in read:
        raise ValueError(f"{what} has an operand that is called as the primitive is: choose another name for it")
    listed = operands.split() or sorted(read)
    if not operands and len(read) != 1:
        raise ValueError(
            f"{what} speaks of {', '.join(listed) or 'nothing'}: say which are its operands, in their order, by "
            f'tn.primitive(..., operands="{" ".join(listed) or "x"}")'
        )
    if not read.issubset(listed) or len(listed) > MOST_OPERANDS:
        raise ValueError(
            f"{what} speaks of {', '.join(sorted(read))}, but its operands are {', '.join(listed)}: name all of them, "
            f"and {MOST_OPERANDS} at most"
        )
    text = "; ".join(ast.unparse(_Floats().visit(statement)) for statement in tree.body)
    return text, _checked_operands(name, listed), foreign


def _read(what: str, tree: ast.Module, functions: set[ast.AST], taken: set[str]) -> set[str]:
    """The operands that a value's text reads. Raises ValueError where it names a part as something else is called."""
    read: set[str] = set()
    named: set[str] = set()
    for statement in tree.body:
        names = [node for node in ast.walk(statement) if isinstance(node, ast.Name) and node not in functions]
        read |= {node.id for node in names if isinstance(node.ctx, ast.Load)} - named - NAMED_NUMBERS.keys()
        for word in [node.id for node in names if isinstance(node.ctx, ast.Store)]:
            if word in taken | read | named or not _may_name(word):
                raise ValueError(f"{what} names {word}, which has a meaning already: call each part by a new name")
            named.add(word)
    return read


class _Floats(ast.NodeTransformer):
    """The numbers of a text as floats, so that its result is one; functions of the module are called on its own."""

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return ast.Constant(float(node.value))  # type: ignore[arg-type]

    def visit_Call(self, node: ast.Call) -> ast.AST:
        return node if _calls_python(node) else self.generic_visit(node)


def _found_in(scope: Mapping[str, Any], what: str, words: set[str], called: Sequence[ast.expr]) -> dict[str, Any]:
    """What these words mean in a module. Raises ValueError for a word, or a function called, that it does not know."""
    known = {**vars(builtins), **scope}
    unknown = sorted(words - known.keys())
    for function in called:
        parts = ast.unparse(function).split(".")
        if parts[0] in words and all(part.isidentifier() for part in parts):
            found: Any = known.get(parts[0])
            for part in parts[1:]:
                found = getattr(found, part, None)
            unknown += [ast.unparse(function)] * (found is None)
    if unknown:
        raise ValueError(f"{what} calls {unknown[0]}, which is no primitive of the table, nor known in its module")
    return {word: known[word] for word in words}


def _parsed(what: str, text: str) -> ast.Module:
    """The statements of a value's text. Raises ValueError where they are no names and an expression."""
    try:
        tree = ast.parse("\n".join(part.strip() for part in text.split(";")))
    except SyntaxError as error:
        raise ValueError(f"{what} is no expression: {error.msg}") from None
    named = [s for s in tree.body[:-1] if isinstance(s, ast.Assign) and [*map(type, s.targets)] == [ast.Name]]
    if not tree.body or not isinstance(tree.body[-1], ast.Expr) or len(named) < len(tree.body) - 1:
        raise ValueError(f'{what} must be an expression, before which parts of it may be named: "size = ...; ..."')
    return tree


def _check_parts(
    what: str, nodes: Sequence[ast.AST], kinds: tuple[type[ast.AST], ...], parts: str, own: dict[str, int]
) -> None:
    """Raise ValueError for what a text cannot have."""
    for node in nodes:
        if isinstance(node, ast.Call):
            _check_call(what, node, own)
        if isinstance(node, ast.Constant) and type(node.value) not in (int, float):
            raise ValueError(f"{what} has {node.value!r} in it, which is no number")
        if isinstance(node, ast.Constant) and isinstance(node.value, int) and node.value >= 2**1023:
            raise ValueError(f"{what} has a whole number in it that is too large for a float")
        if not isinstance(node, kinds):
            raise ValueError(
                f"{what} has more than {parts} in it: write x * x or square(x) for x**2, and power(x, n) for x**n, and "
                "give a function where that is not enough"
            )


def _check_claims(what: str, nodes: Sequence[ast.AST]) -> None:
    """Raise ValueError for a number where a comparison is wanted, and for a comparison where a number is."""
    wanted = [node.test for node in nodes if isinstance(node, ast.IfExp)]
    wanted += [claim for node in nodes if isinstance(node, ast.BoolOp) for claim in node.values]
    wanted += [node.operand for node in nodes if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)]
    kinds = ast.Compare | ast.And | ast.Or | ast.Not
    claims = [n for n in nodes if isinstance(n, ast.expr) and isinstance(getattr(n, "op", n), kinds)]
    for node in nodes:
        if node in wanted and node not in claims:
            raise ValueError(f"{what} asks for the truth of {ast.unparse(node)}: write a comparison, as in x != 0.0")
        if node in claims and node not in wanted:
            raise ValueError(f"{what} takes {ast.unparse(node)} for a number: write 1.0 if ... else 0.0")
        if isinstance(node, ast.Compare) and len(node.ops) > 1:
            raise ValueError(f"{what} compares several numbers at once: write a < b and b < c for a < b < c")


def _calls_python(call: ast.Call) -> bool:
    """Whether it is a call of something else than a primitive."""
    return not (isinstance(call.func, ast.Name) and call.func.id in OF_THE_TABLE)


def rules_of(name: str, operands: list[str], rules: Any) -> list[Any]:
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


def check_rule(name: str, operands: list[str], operand: str, rule: Any) -> None:
    what = f"the rule of {name} for {operand}, {rule!r},"
    if isinstance(rule, str):
        nodes = list(ast.walk(_parsed(what, rule)))
        parts = "+ - * / and calls of primitives"
        _check_parts(what, nodes, IN_RULES, parts, {name: len(operands), "abs": 1})
        known = {"g", "y", *operands, name, *OF_THE_TABLE, *NAMED_NUMBERS}
        read = [node.id for node in nodes if isinstance(node, ast.Name)]
        if unknown := [word for word in read if word not in known]:
            raise ValueError(
                f"{what} speaks of {unknown[0]}, which is no operand and no primitive of the table: give a function "
                "(g, y, operands) where it is something else"
            )
        if "g" not in read:
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


def checked_spellings(name: str, operands: list[str], spellings: Any) -> dict[str, Any]:
    if not isinstance(spellings, dict):
        raise TypeError(f"the spellings of {name} are a dict by back end, but got {short(spellings)}")
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

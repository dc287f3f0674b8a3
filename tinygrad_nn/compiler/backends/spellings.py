"""How back ends write primitives of one's own: by the spellings that came with them, each in its own language."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

from ...autograd import primitives as table
from ...autograd.primitives import Primitive
from ..program.program import Instruction
from .identifiers import of_primitive

OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "add", ast.Sub: "subtract", ast.Mult: "multiply", ast.Div: "divide",
}  # fmt: skip
COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
}  # fmt: skip
SAME = {"abs": "absolute", "fabs": "absolute"}
# Functions of C's library, beside those of the table, and how many numbers they take.
LIBRARY = {
    **dict.fromkeys(
        ("fabs", "erfc", "floor", "ceil", "round", "trunc", "rint", "nearbyint", "cbrt", "exp2", "log2"), 1
    ),
    **dict.fromkeys(("log10", "logb", "asinh", "acosh", "atanh", "lgamma", "tgamma"), 1),
    **dict.fromkeys(("pow", "fmin", "fmax", "fmod", "hypot", "atan2", "copysign", "fdim", "remainder"), 2),
    "fma": 3,
}


class UnspelledError(ValueError):
    """A back end has no spelling for a primitive."""


def owned(instructions: Iterable[Instruction]) -> dict[str, Primitive]:
    """The primitives of one's own among those of a program, by name. Raises ValueError for two of one name."""
    found: dict[str, Primitive] = {}
    for entry in instructions:
        primitive = entry.primitive
        if primitive.spellings is not None and found.setdefault(primitive.name, primitive) is not primitive:
            raise ValueError(f"two primitives are called {primitive.name}: give them names of their own")
    return found


def spelling(primitive: Primitive, backend: str) -> Any:
    """The spelling of a primitive of one's own. Raises UnspelledError where there is none."""
    found = (primitive.spellings or {}).get(backend)
    if found is None:
        others = "the back end 'python', which calls its value" if backend != "c" else "another back end"
        raise UnspelledError(
            f"the primitive {primitive.name} has no spelling for the back end {backend!r}: give it one by "
            f"tn.primitive(..., spellings={{{backend!r}: ...}}), or take {others}"
        )
    return found


def functions(primitives: dict[str, Primitive], backend: str, names: dict[str, Any]) -> dict[str, Callable[..., Any]]:
    """A Python function for each primitive, by its spelling in which those names are known; "python" has the value."""
    found: dict[str, Callable[..., Any]] = {}
    for primitive in primitives.values():
        by_value = backend == "python" and not (primitive.spellings or {}).get(backend)
        text = primitive.value if by_value else spelling(primitive, backend)
        if isinstance(text, str):
            text = eval(f"lambda {', '.join(primitive.operands)}: {text}", dict(names))
        found[of_primitive(primitive)] = text
    return found


def in_vectors(primitive: Primitive, rows: dict[str, Callable[..., str]]) -> Callable[..., str]:
    """A primitive of one's own as an operation on vectors, of the `rows` that are spelled already."""
    text = spelling(primitive, "llvm")
    tree = ast.parse(text.strip(), mode="eval").body

    def refused(node: ast.AST) -> NoReturn:
        raise ValueError(
            f"the spelling of {primitive.name} for 'llvm' cannot have {ast.unparse(node)!r}: it is of + - * /, "
            "`... if a < b else ...`, numbers, operands, primitives of the table and functions of C's library"
        )

    def written(b: Any, *operands: str) -> Any:
        known = dict(zip(primitive.operands, operands, strict=True))

        def visit(node: ast.expr) -> Any:
            if isinstance(node, ast.Name) and node.id in known:
                return known[node.id]
            if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
                return b.number(float(node.value))
            if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
                return rows[OPERATORS[type(node.op)]](b, visit(node.left), visit(node.right))
            if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
                return b.negative(visit(node.operand))
            if isinstance(node, ast.IfExp) and isinstance(node.test, ast.Compare) and len(node.test.ops) == 1:
                sides = visit(node.test.left), visit(node.test.comparators[0])
                comparison = COMPARISONS.get(type(node.test.ops[0])) or refused(node)
                return b.choose(b.compare(comparison, *sides), visit(node.body), visit(node.orelse))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
                name = SAME.get(node.func.id, node.func.id)
                given = [visit(operand) for operand in node.args]
                row = table.TABLE.get(name)
                if name in rows and row is not None and len(row.operands) == len(given):
                    return rows[name](b, *given)
                if name not in rows and LIBRARY.get(name) == len(given):
                    return b.each_lane(name, *given)
            return refused(node)

        return visit(tree)

    return written


def in_c(primitive: Primitive, taken: Callable[[str], object], single: bool) -> tuple[str, str]:
    """The parameters and the body of the function in C. An operand whose name is `taken` gets an underscore or more."""
    names: dict[str, str] = {}
    for operand in primitive.operands:
        name = operand
        while taken(name) or name in names.values() or (name != operand and name in primitive.operands):
            name += "_"
        names[operand] = name
    text = spelling(primitive, "c").strip()
    operands = rf"\b({'|'.join(names)})\b(?!\s*\()"  # and what is called by such a name is a function
    read = set(re.findall(operands, text))
    text = re.sub(operands, lambda found: names[found[1]], text)
    silent = "".join(f"(void){name};\n    " for operand, name in names.items() if operand not in read)
    return " ".join(names.values()), f"{silent}return {f'(real)({text})' if single else text};"

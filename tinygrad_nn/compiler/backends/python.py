"""The `python` back end: a program as the source of a plain function of numbers, with nothing to install.

The reference for the others, and equal to the engine in bits. Where Python's floats raise and IEEE 754 does not, the
call is run again by the program itself, which never raises.
"""

from __future__ import annotations

import keyword
import linecache
import math
import re
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from ... import ieee
from ...rules import is_column
from ..program import Guard, Instruction, OffPath, Program

# How each primitive is written; what is not here is called by its name. Operands are names or literals.
SPELLINGS = {
    "add": "{a} + {b}", "subtract": "{a} - {b}", "multiply": "{a} * {b}", "divide": "{a} / {b}", "negative": "-{x}",
    "absolute": "abs({x})", "zeroth_power": "1.0", "square": "{x} * {x}", "cube": "{x} * {x} * {x}",
    "fourth_power": "({x} * {x}) * ({x} * {x})", "detached": "{x}", "power": "pow({x}, {n})",
    "relu": "0.0 if {x} <= 0.0 else {x}", "leaky_relu": "0.01 * {x} if {x} < 0.0 else {x}",
    "step": "1.0 if {x} > 0.0 else 0.0 if {x} <= 0.0 else {x}",
    "sigmoid": "1.0 / (1.0 + exp(-{x})) if {x} >= 0.0 else (e := exp({x})) / (1.0 + e)",
}  # fmt: skip
MATHS = (
    "exp",
    "expm1",
    "log",
    "log1p",
    "sqrt",
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "sinh",
    "cosh",
    "tanh",
    "erf",
)
NAMESPACE = (
    {name: getattr(math, name) for name in MATHS}
    | {name: getattr(ieee, name) for name in (
        "silu", "gelu", "softplus", "elu", "sign", "maximum", "minimum", "tie", "equal", "where_equal", "monomial",
        "xlogy", "normal_cdf", "normal_pdf", "binary_cross_entropy", "take", "largest", "ties", "logsumexp",
    )}
    | {"pow": math.pow, "inf": math.inf, "nan": math.nan, "OffPath": OffPath}
)  # fmt: skip
WIDEST = 100  # products in one line: Python's parser has a limit
_numbers = count(1)


def source(program: Program) -> str:
    """The source of the program as a function of its inputs and then its parameters."""
    names = _identifiers(program)
    arguments = ", ".join(names[slot] for slot in [*program.inputs, *program.parameters])
    lines = [f"def {_identifier(program.name)}({arguments}):"]
    block: object = None
    for entry in program.body:
        if isinstance(entry, Guard):
            claim = f"{names[entry.left]} {entry.comparison} {names[entry.right]}"
            test = f"not ({claim})" if entry.expected else claim
            lines.append(f"    if {test}: raise OffPath({entry.where!r})")
            continue
        scope = program.scopes.get(entry.slot)
        if scope is not block:
            block = scope
            if scope is not None:
                lines.append(f"    # {_scope_name(scope)}")
        lines += [f"    {line}" for line in _statement(entry, names)]
    outputs = ", ".join(names[slot] for slot in program.outputs)
    return "\n".join([*lines, f"    return {outputs}{',' * (len(program.outputs) == 1)}"]) + "\n"


def compiled(program: Program) -> Callable[[Sequence[float]], Sequence[float]]:
    """A function of the inputs that gives the outputs, with the parameters as they are at each call.

    It raises OffPath where a comparison comes out otherwise than when the program was traced.
    """
    text, file = source(program), f"<compiled {program.name} {next(_numbers)}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    namespace: dict[str, Any] = dict(NAMESPACE)
    exec(compile(text, file, "exec"), namespace)
    function, parameters = namespace[_identifier(program.name)], list(program.parameters.values())

    def run(inputs: Sequence[float]) -> Sequence[float]:
        try:
            return function(*inputs, *[p.data for p in parameters])  # type: ignore[no-any-return]
        except (ZeroDivisionError, OverflowError, ValueError):
            return program.run(inputs)

    def run_alone(inputs: Sequence[float]) -> Sequence[float]:
        try:
            return function(*inputs)  # type: ignore[no-any-return]
        except (ZeroDivisionError, OverflowError, ValueError):
            return program.run(inputs)

    return run if parameters else run_alone


def _statement(entry: Instruction, names: dict[int, str]) -> list[str]:
    """The lines that compute one slot."""
    target, op = names[entry.slot], entry.primitive
    operands = [tuple([names[s] for s in o]) if isinstance(o, tuple) else names[o] for o in entry.operands]
    if op.name == "dot":
        ws, xs, bias = operands
        products = [f"{w} * {x}" for w, x in zip(ws, xs, strict=True)]
        lines = [f"{target} = {' + '.join([str(bias), *products[:WIDEST]])}"]
        for start in range(WIDEST, len(products), WIDEST):
            lines.append(f"{target} = {' + '.join([target, *products[start : start + WIDEST]])}")
        return lines
    if op.name in SPELLINGS:
        return [f"{target} = {SPELLINGS[op.name].format(**dict(zip(op.operands, operands, strict=True)))}"]
    told = [f"({', '.join(o)},)" if is_column(n) else o for n, o in zip(op.operands, operands, strict=True)]
    return [f"{target} = {op.name}({', '.join(map(str, told))})"]


def _identifiers(program: Program) -> dict[int, str]:
    """A Python name for each slot, each once; a literal is its number."""
    names, taken = {}, {*NAMESPACE, "e"}
    told = program.told()
    for slot, name in told.items():
        if slot in program.literals:
            number = program.literals[slot]
            names[slot] = repr(number) if number >= 0.0 or number != number else f"({number!r})"
            if math.copysign(1.0, number) < 0 and number == 0.0:
                names[slot] = "(-0.0)"
            continue
        wanted = unique = _identifier(name)
        for k in count(2):
            if unique not in taken:
                break
            unique = f"{wanted}_{k}"
        taken.add(unique)
        names[slot] = unique
    return names


def _identifier(name: str) -> str:
    name = re.sub(r"\W+", "_", name).strip("_") or "v"
    return f"v_{name}" if name[0].isdigit() or keyword.iskeyword(name) else name


def _scope_name(scope: object) -> str:
    name = getattr(scope, "name", None) or getattr(scope, "__name__", None)
    return re.sub(r"\s+", " ", str(name or (scope if isinstance(scope, str) else type(scope).__name__)))

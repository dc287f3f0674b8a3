"""A back end for JavaScript, as the page of compiler/backends says: a program is a function, which Node runs.

Saved as javascript/function.py there, and named in the registry, it is one; test_backend.py does so.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from typing import Any

from tinygrad_nn.autograd import primitives as table
from tinygrad_nn.autograd.primitives import Primitive
from tinygrad_nn.compiler.arguments import data_of
from tinygrad_nn.compiler.backends.backend import Backend, Runner
from tinygrad_nn.compiler.backends.identifiers import SlotNames, of_function, of_primitive
from tinygrad_nn.compiler.backends.spellings import UnspelledError, in_language, owned
from tinygrad_nn.compiler.backends.texts import ATOM, NAME, SIGNS, SUM, Infix, Written, names_as_they_are
from tinygrad_nn.compiler.program.names import told
from tinygrad_nn.compiler.program.program import Guard, OffPath, Program

WORDS = "const default delete enum export function let new null switch this throw typeof var void NaN Infinity Math"
SAME = "exp expm1 log log1p sqrt sin cos tan asin acos atan sinh cosh tanh"  # in JavaScript's Math
MATH = {"absolute": "abs", "power": "pow"} | {name: name for name in SAME.split()}


class JavaScript(Infix):
    """What JavaScript makes of the parts of texts. Each row with a text becomes one of the `functions`."""

    def __init__(self) -> None:
        self.functions: dict[str, str] = {}
        self.lines: list[str] = []  # of the function that is being written

    def literal(self, x: float) -> str:
        return repr(x).replace("inf", "Infinity").replace("nan", "NaN")

    def let(self, name: str, value: Written) -> Written:
        self.lines.append(f"const {name} = {value.text};")
        return Written(name, NAME)

    def call(self, row: Primitive, given: Sequence[Any]) -> Written:
        name, listed = of_primitive(row), ", ".join(each.text for each in given)
        if name in SIGNS:
            return self.operation(name, *given)
        if row is table.negative:
            return self.negative(*given)
        if name in MATH:
            return Written(f"Math.{MATH[name]}({listed})", ATOM)
        if row.folds or not (row.text or "javascript" in (row.spellings or {})):
            raise UnspelledError(f"{row.name} is not in JavaScript yet")
        if name not in self.functions:
            self.functions[name] = self.function(name, row)
        return Written(f"{name}({listed})", ATOM)

    def function(self, name: str, row: Primitive) -> str:
        before, self.lines = self.lines, []
        result = in_language(row, "javascript", names_as_they_are(row.operands), lambda library: self)
        body, self.lines = [*self.lines, f"return {result.text};"], before
        return f"function {name}({', '.join(row.operands)}) {{ {' '.join(body)} }}"

    def dot(self, ws: Any, xs: Any, total: Any) -> Any:
        for w, x in zip(ws, xs, strict=True):
            total = self.operation("add", total, self.operation("multiply", w, x))
        return total


def source(program: Program) -> str:
    language, named = JavaScript(), SlotNames(owned(program.instructions).values())
    named.taken.update(WORDS.split())
    known = {slot: language.number(number) for slot, number in program.literals.items()}
    known |= {slot: Written(named(name), NAME) for slot, name in told(program).items() if slot not in known}
    lines = []
    for entry in program.body:
        if isinstance(entry, Guard):
            claim = f"{known[entry.left].held(SUM)} {entry.comparison} {known[entry.right].held(SUM)}"
            lines.append(f"if ({'!' * entry.expected}({claim})) return null;")
        else:
            row, operands = entry.primitive, list[Any]()
            for o in entry.operands:
                operands.append([known[s] for s in o] if isinstance(o, tuple) else known[o])
            value = language.dot(*operands) if row is table.dot else language.call(row, operands)
            lines.append(f"const {known[entry.slot].text} = {value.text};")
    given = ", ".join(known[slot].text for slot in (*program.inputs, *program.parameters))
    lines.append(f"return [{', '.join(known[slot].text for slot in program.outputs)}];")
    body = "".join(f"  {line}\n" for line in lines)
    return "\n".join([*language.functions.values(), f"function {name_of(program)}({given}) {{\n{body}}}\n"])


def name_of(program: Program) -> str:
    name = of_function(program.name, owned(program.instructions).values())
    return f"{name}_" if name in WORDS.split() else name


def call(program: Program, target: Any) -> Runner:
    text, name, parameters = source(program), name_of(program), list(program.parameters.values())

    def run(inputs: Sequence[float]) -> Sequence[float]:
        given = json.dumps([*inputs, *data_of(parameters)])  # NaN and Infinity are words of JavaScript's
        script = f"{text}const found = {name}(...{given}); console.log(found && `[${{found}}]`)"
        printed = subprocess.run(["node", "-e", script], check=True, capture_output=True, text=True).stdout
        found = json.loads(printed)
        if found is None:
            raise OffPath
        return [float(number) for number in found]

    return run


BACKEND = Backend(source=lambda program, function: source(program), call=call)

r'''The back ends, each a printer of programs and how it spells the primitives. This is how to write one.

A back end is a folder with a module in it that has an object `BACKEND`, and a line in `backend.BACKENDS` that says
where that is. `Backend` (backend.py) says what it may do; all but `source` may be left out:

- `source(program, function)`, the text that `f.source("javascript")` gives;
- `call(program, target)`, a function of the inputs of one call that gives the outputs, for `f(x)`;
- `rows(program, target)`, a function of a matrix of inputs, a row for each call, for `f.batch(rows)`;
- `dtypes` and `needs`, which numbers it computes in, and the package without which it cannot.

With `source` alone it is for people and other programs to read, as "c" is. Where it has `call` or `rows`, too,
`tn.compile(f, backend="javascript")` runs on it; the errors for what it cannot do are there already. Training steps
run on engines of their own (training/steps/engines).

A program (program/program.py) is straight-line code over numbered slots. `program.inputs`, `.parameters` (Values, read
anew at each call: `data_of(program.parameters.values())`) and `.literals` are known at the start; each instruction of
`program.body` sets a slot, each guard is a comparison that must come out as it is `expected` to, or the inputs are on
another path, which `OffPath` says; `program.outputs` are the results. An operand is a slot, or for a column such as
the `xs` of a `dot` a tuple of them. `print(tn.compile(f).program.flat)` shows one. For loops in place of straight-line
code, print `rolled(program)`, whose groups (loops/groups.py) are loops over alike instructions: so do array, llvm, c.

The value of a row of the table is a text, such as "0.0 if x <= 0.0 else x", and `texts.translated` says it in your
language: from an `Infix`, of which JavaScript needs nothing but how it writes a number and calls a function. Rows
without a text, such as exp and dot, each back end spells by hand, and raises `UnspelledError` for one that it cannot.
The order of sums is part of the meaning: a dot is added up from its bias, from left to right.

This is all of a back end for JavaScript, to be saved as `javascript/function.py` in this folder:

    """The javascript back end: a program as a plain function, which Node runs where it is asked to."""

    from __future__ import annotations

    import json
    import subprocess
    from collections.abc import Sequence
    from typing import Any

    from ....autograd import primitives as table
    from ....autograd.primitives import Primitive
    from ...arguments import data_of
    from ...program.names import told
    from ...program.program import Guard, OffPath, Program
    from ..backend import Backend, Runner
    from ..identifiers import SlotNames, of_function, of_primitive
    from ..spellings import UnspelledError, in_language, owned
    from ..texts import ATOM, NAME, SIGNS, SUM, Infix, Written, names_as_they_are

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

And this is the line for it:

    "javascript": ".javascript.function",

Then say in one line of this folder's guide, below, what the new folder is, and in another one in LANGUAGES of
autograd/custom.py that primitives of one's own may be spelled in it. Let the tests look at its corners beside those of
the table (Math.pow(1, NaN) is NaN, say), at texts, and at a program of each kind that tests/compiler/backends has.

From the ground up: `identifiers` names things in generated code, `texts` writes the value of a primitive in any
language, `spellings` are of primitives of one's own, `backend` is what a back end is, and which there are; `python`,
`array`, `llvm` and `c` are those.
'''

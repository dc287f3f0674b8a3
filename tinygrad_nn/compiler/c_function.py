"""A compiled function as a C99 file: its value, and its derivatives where it returns one number."""

from __future__ import annotations

import inspect
import os
from typing import Any

from .backends.c_places import Region
from .c_file import C_PLUS_PLUS, File, c_name, comment, laid, operations
from .program import Program
from .shapes import Shape, leaves_of


def source_of(function: Any, name: str = "", dtype: str = "") -> tuple[str, str]:
    """The C file of the paths that a compiled function has taken with arguments of its latest shapes; and a header."""
    found = FunctionFile(function, name, dtype)
    guard = f"{found.name.upper()}_H"
    header = f"{found.comment}\n#ifndef {guard}\n#define {guard}\n\n{found.declarations}\n#endif\n"
    text = f"{found.comment}\n#include <math.h>\n\n{found.declarations}\n{found.file.definitions}"
    return text, header


class FunctionFile:
    """The C file of a compiled function. Where it has branches, each path is a function that says whether it holds."""

    def __init__(self, function: Any, name: str, dtype: str) -> None:
        self.paths = function.latest_paths()
        first = self.paths[0]
        self.name = name or c_name(function.__name__, set())
        self.file = File(self.name, dtype or {"float32": "float"}.get(function.target.dtype, "double"))
        taken = {self.name}
        self.arguments = _arguments(function.function, first.taken, taken)
        self.inputs, start = [], 0
        for argument, size in self.arguments:
            self.inputs.append(Region(argument, start, size or 1, alone=size is None))
            start += size or 1
        self.gradients = [c_name(f"d_{argument}", taken) for argument, _ in self.arguments]
        self.scalar = first.shape is None
        self.y = c_name("result", taken)
        self._add(self.name, [path.value for path in self.paths], gradient=False)
        if self.scalar:
            self._add(f"{self.name}_grad", [path.gradient for path in self.paths], gradient=True)

    def _add(self, name: str, programs: list[Program], gradient: bool) -> None:
        """The function of these programs, the first whose comparisons hold."""
        given = ", ".join(f"const real {a}[{n}]" if n is not None else f"real {a}" for a, n in self.arguments)
        outputs, extra = [], []
        if gradient:
            start = 1
            for flow, (_, size) in zip(self.gradients, self.arguments, strict=True):
                outputs.append(Region(flow, start, size or 1))
                extra.append(f"real {flow}[{size or 1}]")
                start += size or 1
        elif not self.scalar:
            outputs = [Region(self.y, 0, len(programs[0].outputs))]
            extra = [f"real {self.y}[{len(programs[0].outputs)}]"]
        head = f"{', '.join(filter(None, [given, *extra])) or 'void'}"
        kind = "real" if self.scalar else "void"
        nan = "".join(f" for (int k = 0; k < {r.size}; ++k) {{ {r.name}[k] = NAN; }}" for r in outputs)
        fails = f"{nan} return{' NAN' * self.scalar};".strip()
        unused = [argument for argument, _ in self.arguments]
        if not any(program.guards for program in programs):
            self.file.function(f"{kind} {name}({head})", self._body(programs[0], outputs, fails), unused)
            return
        value = ", real *value" if self.scalar else ""
        calls = []
        arguments = [argument for argument, _ in self.arguments] + [region.name for region in outputs]
        for k, program in enumerate(programs):
            lines = self._body(program, outputs, "return 0;", "*value")
            self.file.function(f"int {name}_path{k + 1}({head}{value})", lines, unused, static=True)
            calls.append(f"{name}_path{k + 1}({', '.join([*arguments, *(['&value'] if self.scalar else [])])})")
        tried = " || ".join(calls)
        declared = "    real value = NAN;\n" if self.scalar else ""
        result = "    return value;\n" if self.scalar else ""
        lines = f"{declared}    if (!({tried})) {{\n        {fails}\n    }}\n{result}"
        self.file.function(f"{kind} {name}({head})", self.file.spelled(lines))

    def _body(self, program: Program, outputs: list[Region], off: str, into: str = "") -> str:
        values = list(program.parameters.values())
        parameters = []
        if values:
            table = self.file.numbers([value.data for value in values], "values")
            parameters = [Region(table, 0, len(values))]
        printer = self.file.printed(laid(program, values), self.inputs, parameters, outputs, self.scalar, off, "slots")
        scratch = f"    real slots[{printer.slots}];\n" if printer.slots else ""
        if into:
            end = f"    {into} = {printer.returned};\n    return 1;\n" if self.scalar else "    return 1;\n"
        else:
            end = f"    return {printer.returned};\n" if self.scalar else ""
        return self.file.spelled(f"{scratch}{printer.text}{end}")

    @property
    def declarations(self) -> str:
        return "".join([C_PLUS_PLUS[0], "\n", *self.file.declarations, "\n", C_PLUS_PLUS[1]])

    @property
    def comment(self) -> str:
        program = self.paths[0].value
        lines = [f"{self.name}: a function of {', '.join(a for a, _ in self.arguments) or 'nothing'}, as C99."]
        if self.scalar:
            lines.append(f"{self.name}_grad gives its value too, and fills in its derivatives.")
        where = [os.path.basename(guard.where) for path in self.paths for guard in path.value.guards]
        if where:
            lines.append(
                f"It has branches ({', '.join(dict.fromkeys(where))}): on a path that Python did not take it is NAN."
            )
        values = len(program.parameters)
        held = f"flash: {self.file.size * values:,} bytes of values that it captures; " if values else ""
        lines.append(f"{held}{operations(program):,} operations a call")
        return comment(lines)


def _arguments(function: Any, shape: Shape, taken: set[str]) -> list[tuple[str, int | None]]:
    """A C name for each argument, and how many numbers it has; None for one that is a number."""
    try:
        names = [p.name for p in inspect.signature(function).parameters.values() if p.kind not in (p.VAR_POSITIONAL,)]
    except (TypeError, ValueError):
        names = []
    if len(names) < len(shape):
        names = [f"x{k + 1}" for k in range(len(shape))] if len(shape) > 1 else ["x"] * len(shape)
    counts = [None if entry is None else len(list(leaves_of(_filled(entry)))) for entry in shape]
    return [(_argument(name, taken), count) for name, count in zip(names, counts, strict=False)]


def _argument(name: str, taken: set[str]) -> str:
    """The name itself where C can have it: x and y are no others' names here."""
    if name in ("x", "y") and name not in taken:
        taken.add(name)
        return name
    return c_name(name, taken)


def _filled(shape: Shape) -> Any:
    return 0.0 if shape is None else [_filled(entry) for entry in shape]

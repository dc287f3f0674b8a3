"""A compiled function as a C99 file: its value, and its derivatives where it returns one number."""

from __future__ import annotations

import inspect
import os
from typing import Any

from ...arguments import Shape, size_of
from ...loops.roll import rolled
from ...program.program import Program
from ..backend import Backend
from .file import File, check_values, free_name, operations
from .functions import LocalNames
from .over_time.sums import with_sums
from .printer import Printer
from .regions import Region


class FunctionFile:
    """The C file of the paths that a compiled function has taken with arguments of its latest shapes.

    Where it has branches, each path is a function that says whether it holds. Raises ValueError where the results of
    its paths have different shapes.
    """

    def __init__(self, function: Any, name: str = "", dtype: str = "") -> None:
        self.paths = function.latest_paths()
        first = self.paths[0]
        if any(path.shape != first.shape for path in self.paths):
            raise ValueError(f"{function.__name__} returns other numbers of results on other paths: C wants one number")
        self.name = name or free_name(function.__name__)
        self.file = File(self.name, dtype or {"float32": "float"}.get(function.target.dtype, "double"))
        given = _argument_names(function.function, first.taken)
        self.inputs = _arguments(given, first.taken, self.name)
        self.arguments = [region.name for region in self.inputs]
        in_c_and_python = zip([self.name, *self.arguments], [name or function.__name__, *given], strict=True)
        self.renamed = [f"{mine} is {theirs}" for mine, theirs in in_c_and_python if mine != theirs]
        named = LocalNames(self.name, self.arguments)
        self.gradients = [named(f"d_{argument}") for argument in self.arguments]
        self.scalar = first.shape is None
        self.y = named("result")
        programs = [*(path.value for path in self.paths), *(path.gradient for path in self.paths if self.scalar)]
        self.values = list({id(v): v for p in programs for v in p.parameters.values()}.values())
        numbers = [value.data for value in self.values]
        check_values(self.values, numbers, self.file.single, function.function)
        self.parameters = [Region(self.file.numbers(numbers, "values"), 0, len(numbers))] if numbers else []
        self._add(self.name, [path.value for path in self.paths], gradient=False)
        if self.scalar:
            self._add(f"{self.name}_grad", [path.gradient for path in self.paths], gradient=True)

    def _add(self, name: str, programs: list[Program], gradient: bool) -> None:
        """The function of these programs, the first whose comparisons hold."""
        given = [f"real {r.name}" if r.alone else f"const real {r.name}{_length(r.size)}" for r in self.inputs]
        outputs: list[Region] = []
        if gradient:
            flows = zip(self.gradients, self.inputs, strict=True)
            outputs = [Region(flow, 1 + region.start, region.size) for flow, region in flows]
        elif not self.scalar:
            outputs = [Region(self.y, 0, len(programs[0].outputs))]
        given += [f"real {region.name}{_length(region.size)}" for region in outputs]
        kind = "real" if self.scalar else "void"
        nan = "".join(f" for (int k = 0; k < {r.size}; ++k) {{ {r.name}[k] = NAN; }}" for r in outputs)
        fails = f"{nan} return{' NAN' * self.scalar};".strip()
        arguments = [*self.arguments, *(region.name for region in outputs)]
        head = f"{kind} {name}({', '.join(given) or 'void'})"
        if not any(program.guards for program in programs):
            self.file.function(head, self._body(programs[0], outputs, fails), arguments)
            return
        taken = ", ".join([*given, *(["real *value"] if self.scalar else [])]) or "void"
        passed = ", ".join([*arguments, *(["&value"] if self.scalar else [])])
        for k, program in enumerate(programs, 1):
            lines = self._body(program, outputs, "return 0;", "*value")
            self.file.function(f"int {name}_path{k}({taken})", lines, arguments, static=True)
        tried = " || ".join(f"{name}_path{k}({passed})" for k in range(1, len(programs) + 1))
        declared, result = ("    real value = NAN;\n", "    return value;\n") if self.scalar else ("", "")
        lines = f"{declared}    if (!({tried})) {{\n        {fails}\n    }}\n{result}"
        self.file.function(head, lines)

    def _body(self, program: Program, outputs: list[Region], off: str, into: str = "") -> str:
        program, constants = program.reading(self.values), self.file.constants
        roll = rolled(*with_sums(program))
        printer = Printer(roll, self.inputs, self.parameters, outputs, self.scalar, off, "slots", constants)
        scratch = f"    real slots[{printer.slots}];\n" if printer.slots else ""
        given = f"    {into} = {printer.returned};\n    return 1;\n" if into else f"    return {printer.returned};\n"
        end = given if self.scalar else "    return 1;\n" if into else ""
        return f"{scratch}{printer.text}{end}"

    def call(self, given: str, out: str, gradient: bool = False) -> str:
        """A call in C, of the numbers that lie one after the other at `given`; others than a value go to `out`."""
        arguments = [f"{given}[{r.start}]" if r.alone else f"{given} + {r.start}" for r in self.inputs]
        if gradient:
            arguments += [f"{out} + {region.start}" for region in self.inputs]
        elif not self.scalar:
            arguments.append(out)
        return f"{self.name}{'_grad' * gradient}({', '.join(arguments)})"

    def texts(self, test: str = "", include: str = "", source: str = "") -> tuple[str, str]:
        """The file, which is called `source`, with a self test, and a header."""
        lines = [f"{self.name}: a function of {', '.join(self.arguments) or 'nothing'}, as C99."]
        if self.scalar:
            lines.append(f"{self.name}_grad gives its value too, and fills in its derivatives.")
        if self.renamed:
            lines.append(f"Of names that C has already, or cannot have: {', '.join(self.renamed)} in Python.")
        where = [os.path.basename(guard.where) for path in self.paths for guard in path.value.guards]
        if where:
            lines.append(
                f"It has branches ({', '.join(dict.fromkeys(where))}): on a path that Python did not take it is NAN."
            )
        size = self.file.constants.size
        held = f"flash: {size:,} bytes of constants; " if size else ""
        held += f"RAM: {self.file.on_stack[2:]}; " if self.file.on_stack else ""
        lines.append(f"{held}{max(operations(path.value) for path in self.paths):,} operations a call")
        lines += self.file.commands(source) if test else []
        return self.file.texts([*lines, *self.file.on_avr], include=include, test=test)


def _argument_names(function: Any, shape: Shape) -> list[str]:
    """What each argument is called in Python."""
    try:
        parameters = inspect.signature(function).parameters.values()
        names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    except (TypeError, ValueError):
        names = []
    if len(names) < len(shape):
        names = [f"x{k + 1}" for k in range(len(shape))] if len(shape) > 1 else ["x"] * len(shape)
    return names[: len(shape)]


def _arguments(names: list[str], shape: Shape, name: str) -> list[Region]:
    """A C name for each argument, and its place among the inputs of the programs."""
    found, start, named = list[Region](), 0, LocalNames(name)
    for given, entry in zip(names, shape, strict=True):
        plain = given in ("x", "y") and given not in named.taken  # which are names of a model's arguments alone
        found.append(Region(given if plain else named(given), start, size_of(entry), alone=entry is None))
        named.taken.add(found[-1].name)
        start += found[-1].size
    return found


def _length(size: int) -> str:
    """How long an array is, in its declaration; an empty one is a pointer to nothing in particular."""
    return f"[{size or 1}]"


BACKEND = Backend(source=lambda program, function, dtype="": FunctionFile(function, dtype=dtype).texts()[0])

"""What C files of models and of functions have in common: names, comments, the bodies of functions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import isfinite
from shlex import quote
from typing import Any

from ....autograd import primitives as table
from ....autograd.value import Value
from ....support.names import free
from ...program.program import Program
from ...single_precision import rounded
from .avr import lacking, words_of_avr
from .constants import Constants
from .functions import c_number, definitions, in_precision, plain_name
from .reserved_names import meaning_when_linked

COMMENT_WIDTH = 112  # of the lines of a comment
C_PLUS_PLUS = '#ifdef __cplusplus\nextern "C" {\n#endif\n', "#ifdef __cplusplus\n}\n#endif\n"
# What is added to the name of an export for the names of its functions and types.
EXPORTED = (
    *("", "_grad", "_predict", "_predict_in", "_train", "_init", "_update", "_state", "_scratch"),
    *("_class", "_quantize", "_predict_floats", "_accumulate", "_update_at"),
)


class File:
    """The text of a C file as it grows: constants, functions and declarations, of numbers of one dtype."""

    def __init__(self, name: str, dtype: str) -> None:
        if not isinstance(dtype, str) or dtype not in ("float", "double"):
            raise ValueError(f"numbers in C are of dtype 'float' or 'double', but got {dtype!r}")
        self.name, self.dtype, self.single = name, dtype, dtype == "float"
        self.size = 4 if self.single else 8  # bytes of a number
        self.constants = Constants(name, self.single)
        self.locals = 0  # the most numbers that a function has in arrays of its own, on the stack
        self.bodies: list[str] = []
        self.declarations: list[str] = []
        self.includes = {"<math.h>"}

    def numbers(self, values: Sequence[float], name: str) -> str:
        """The name of a constant table of numbers. Raises ValueError for one that is finite, and no float is."""
        return self.constants.table([c_number(value, self.single) for value in values], "real", name)

    def function(
        self, head: str, lines: str, unused: Sequence[str] = (), static: bool = False, literal: bool = False
    ) -> None:
        """Add a function, of its head without a semicolon, and of the lines of its body, which may be `literal` C."""
        arrays = [(len(a), int(b)) for a, b in re.findall(r"^( *)real \w+\[(\d+)\](?:;| = )", lines, re.M)]
        inside = max([size for depth, size in arrays if depth > 4], default=0)  # of loops, one after the other
        self.locals = max(self.locals, sum(size for depth, size in arrays if depth <= 4) + inside)
        head, lines = (head, lines) if literal else (self.spelled(head), self.spelled(lines))
        silent = "".join(f"    (void){name};\n" for name in unused if not re.search(rf"\b{name}\b", lines))
        self.bodies.append(f"{'static ' * static}{head}\n{{\n{silent}{lines}}}\n\n")
        if not static:
            self.declarations.append(f"{head};\n")

    def spelled(self, text: str) -> str:
        return in_precision(text, self.single)

    @property
    def on_stack(self) -> str:
        """What arrays on the stack take, in words for the line of RAM; "" where there are none."""
        return f", {self.size * self.locals:,} bytes of stack" if self.locals else ""

    @property
    def on_avr(self) -> list[str]:
        """What the comment says of AVR."""
        return words_of_avr(bool(self.constants.tables), self.single)

    def commands(self, source: str) -> list[str]:
        """How the file, of that name, is built and tested, in a shell."""
        named = quote(source or f"{self.name}.c")
        return [
            f"build: cc -std=gnu99 -O2 -c {named}, and link with -lm",
            f"test:  cc -std=gnu99 -O2 -D{self.name.upper()}_SELF_TEST {named} -lm && ./a.out",
            "bits:  with -ffp-contract=off, and by GCC with -std=c99, each product and sum is rounded by itself, as in "
            "Python; else they are fused where the processor can: a prediction on a Cortex-M4 takes a quarter less, "
            "and last digits differ",
        ]

    def texts(self, about: Sequence[str], structs: str = "", include: str = "", test: str = "") -> tuple[str, str]:
        """The file, and a header for it, which it includes under a name that is given, and else declares for itself.

        Names that differ in case have guards that differ.
        """
        head, guard = comment(about), f"TINYGRAD_NN_{self.name}_H"
        declared = "".join([C_PLUS_PLUS[0], "\n", self.spelled(structs), *self.declarations, "\n", C_PLUS_PLUS[1]])
        given = f'#include "{include}"\n' if include else declared
        called = definitions(self.constants.wanted, self.name, self.single)
        bodies = "".join([*self.bodies, self.spelled(test)])
        called = self.spelled(lacking(called + bodies, self.name, self.single)) + called
        included = "".join(f"#include {name}\n" for name in sorted(self.includes))
        text = f"{head}\n{included}\n{given}\n{self.constants.text}{called}{bodies}"
        return text, f"{head}\n#ifndef {guard}\n#define {guard}\n\n{declared}\n#endif\n"


def check_values(values: Sequence[Value], numbers: Sequence[float], single: bool, model: Any, what: str = "") -> None:
    """Raise ValueError that names a parameter of a model whose number, or that of `what`, a file could not use."""
    named = model.named_parameters() if hasattr(model, "named_parameters") else ()
    for place, (value, found) in enumerate(zip(values, numbers, strict=True)):
        if isfinite(rounded(found) if single else found):
            continue
        path = next((path for path, parameter in named if parameter is value), value.label or f"number {place}")
        which = f"{what}the parameter {path} is {found!r}"
        if isfinite(found):
            raise ValueError(f"{which}, which is larger than any float: export with dtype='double'")
        raise ValueError(
            f"{which}, and a file with it would predict no numbers: load the weights of a run that did not diverge, "
            "or train again; a number that is meant to be infinite is written as such, and is no parameter"
        )


def without_branches(program: Program, name: str) -> Program:
    """The program itself. Raises ValueError where it holds on one path of several: a C file cannot trace another."""
    if program.guards:
        raise ValueError(
            f"{name} takes one of several paths at {program.guards[0].where}, and a C file can follow but one: use "
            "tn.relu, tn.maximum and the like in place of `if`"
        )
    return program


def operations(program: Program) -> int:
    """How many products, sums, comparisons and functions a program computes."""
    counts = 0
    for entry in program.instructions:
        columns = [len(operand) for operand in entry.operands if isinstance(operand, tuple)]
        counts += sum(columns) if columns and entry.primitive is not table.take else 1
    return counts


def checked_name(name: object) -> str:
    """A name for what is exported. Raises ValueError where C could not have it."""
    if not isinstance(name, str):
        raise TypeError(f"the name of an export is text such as 'model', but got {name!r}")
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
        raise ValueError(f"{name!r} is no name in C: give letters, digits and underscores, and a letter first")
    if clash := clash_of(name):
        raise ValueError(f"{clash}: give another name")
    return name


def clash_of(name: str) -> str:
    """What else a name means to a program that has an export of this name in it, in words; "" if nothing."""
    if ending := next((ending for ending in EXPORTED[1:] if name.endswith(ending)), ""):
        return f"{name!r} is a function or a type beside an export {name.removesuffix(ending)!r}"
    for ending in EXPORTED:
        if means := meaning_when_linked(f"{name}{ending}"):
            return f"{name!r} is {means}" if not ending else f"{name!r} has a {name}{ending}, which is {means}"
    return ""


def free_name(name: str) -> str:
    """The nearest name to that of a function that C can have for an export: with a number where it means something."""
    base = plain_name(name)
    if clash_of(base) and clash_of(f"{base}_2"):  # of a family, such as posix_
        base = f"v_{base}"
    return free(base, clash_of)


def comment(lines: Sequence[str]) -> str:
    """A comment that nothing in it can end, in ASCII, in lines of a page's width."""
    lines = ["".join(letter if letter.isprintable() else " " for letter in line) for line in lines]
    lines = [line.encode("ascii", "backslashreplace").decode() for line in lines]
    text = "\n   ".join(part for line in lines for part in _in_lines(line))
    text = re.sub(r"\n +\n", "\n\n", text.replace("*/", "* /").replace("/*", "/ *").replace("??", "? ?"))
    return f"/* {text}\n*/\n"


def _in_lines(line: str) -> list[str]:
    """A line in several where it is long, those after the first indented."""
    if len(line) <= COMMENT_WIDTH:
        return [line]
    from textwrap import wrap  # here, as few lines are long

    return wrap(line, COMMENT_WIDTH, subsequent_indent="    ", break_on_hyphens=False)

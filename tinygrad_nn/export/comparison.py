"""check_c: how far the C file of a model or of a compiled function is from Python, by building and running it."""

from __future__ import annotations

import math
import os
import random
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import count
from typing import Any

from ..autograd.ieee.floats import NoSuchIndexError
from ..autograd.value import Value
from ..compiler.arguments import flat, shaped
from ..compiler.backends.c.file import File
from ..compiler.backends.c.function import FunctionFile
from ..compiler.batch import listed_rows
from ..compiler.function import Function
from ..nn.module import rows_for
from ..support.checks import checked_number, checked_text
from ..support.files import write_all
from ..support.nested import leaves
from ..support.tabular import plain, short
from ..training.steps.engines.recorded import number_of
from .export import exported_model
from .integers.file import integer_file, is_int8
from .model import said_inputs

# The text of a program, the numbers that it is given for each row, and what Python makes of all.
Compared = tuple[str, Sequence[Sequence[float]], Iterable[float]]

ROWS_TO_CHECK = 100  # that are drawn where none are given
FLAGGED = 'a list of options of the compiler, such as ["-O3"]'
NO_ROWS = "check_c() compares results of rows, but there are none"
FLAGS = ("-std=c99", "-O2", "-ffp-contract=off")


def check_c(
    model: Any,
    rows: Any = None,
    *,
    dtype: str = "float",
    compiler: str | None = None,
    flags: Sequence[str] = (),
    inputs: Any = None,
    scale_rows: Any = None,
) -> float:
    """The largest difference between the predictions of a model's C file and those of Python, over some rows.

    Of a compiled function it is that of its value and of its derivatives, and a row is the list of its arguments. The
    file is built with the `compiler`, by default the system's cc, gcc or clang, with -O2 and any `flags`. Without
    rows it is a hundred of numbers from -1 to 1. With dtype="int8" they must be given, and so may be the `scale_rows`
    that `export_c` is to have, if they are others: the whole numbers of the file are those of Python for all rows, and
    the difference is that to the predictions of the model itself.

    Raises FileNotFoundError where there is no compiler, RuntimeError with its words where it fails, or where a whole
    number differs, and as `export_c`.
    """
    command = _command(compiler, flags)
    answered = partial(_answers, command)
    if isinstance(model, Function):
        if inputs is not None or scale_rows is not None:
            raise ValueError("a compiled function is compared as it is: inputs and scale_rows are for models")
        text, given, wanted = _of_function(model, rows, dtype)
    else:
        rows = None if rows is None else rows_for(rows)[0]
        scale_rows = rows if scale_rows is None and is_int8(dtype) else scale_rows
        in_integers = integer_file(model, "model", dtype, scale_rows, {"inputs": inputs})
        if in_integers is not None:
            return in_integers.difference(rows, answered)
        text, given, wanted = _of_model(model, rows, dtype, inputs)
    answers = iter(map(float, answered(text, "".join(f"{float(x)!r}\n" for row in given for x in row)).split()))
    return max((_difference(number, next(answers)) for number in wanted), default=0.0)


def _of_model(model: Any, rows: Any, dtype: str, inputs: Any) -> Compared:
    if inputs is None and rows and hasattr(rows[0], "__len__") and said_inputs(model) is None:
        inputs = len(rows[0])
    exported = exported_model(model, "model", None, None, dtype, inputs, None)
    if rows is None:
        rng = random.Random(0)
        rows = [exported.row(rng) for _ in range(ROWS_TO_CHECK)]
    if not rows:
        raise ValueError(NO_ROWS)
    for i, row in enumerate(rows):
        if len(row) != len(exported.inputs):
            raise ValueError(f"the model takes {len(exported.inputs)} inputs, but row {i} has {len(row)}")
        for x in row:
            checked_number(f"each entry of row {i}", x)
    main = _main(exported.file, rows, exported.n_outputs, ["model_predict(x, y)"])
    outputs = (leaf for row in rows for leaf in leaves(exported.model([Value(x) for x in row])))
    return exported.texts(main)[0], rows, map(number_of, outputs)


def _of_function(function: Function, rows: Any, dtype: str) -> Compared:
    """As of a model; rows that are drawn are of arguments of the latest call's shapes."""
    if drawn := rows is None:
        taken, rng = function.latest_paths()[0].taken, random.Random(0)
        numbers = (rng.uniform(-1.0, 1.0) for _ in count())
        rows = [shaped(taken, numbers) for _ in range(ROWS_TO_CHECK)]
    given, wanted = list[list[float]](), list[float]()
    shapes = set()
    for row in listed_rows(plain(rows, "rows", "a list with the arguments of each row")):
        shape, found = flat(list(row), function.__name__)
        try:
            path = function.run(shape, found, gradients=False)[0]
        except NoSuchIndexError:
            if not drawn:
                raise
            continue
        shapes.add(shape)
        given.append(list(found))
        wanted += (path.gradient if path.shape is None else path.value).run(given[-1])
    if not given:
        raise ValueError(NO_ROWS)
    if len(shapes) > 1:
        raise ValueError("a C file is of arguments of one shape, but those of the rows have several")
    file = FunctionFile(function, "model", dtype)
    calls = [f"y[0] = {file.call('x', '(y + 1)', gradient=True)}", f"y[0] = {file.call('x', '')}"]
    main = _main(file.file, given, len(wanted) // len(given), calls if file.scalar else [file.call("x", "y")])
    return file.texts(main)[0], given, wanted


def _answers(command: Sequence[str], text: str, given: str) -> str:
    """What the program of a text prints for what it is given."""
    with tempfile.TemporaryDirectory() as folder:
        source, program = os.path.join(folder, "model.c"), os.path.join(folder, "model.exe")
        write_all([(source, text)])
        _run([*command, source, "-o", program, "-lm"])
        return _run([program], given)


def _difference(wanted: float, found: float) -> float:
    """How far apart two numbers are: inf where only one of them is nan."""
    if found == wanted or (found != found and wanted != wanted):
        return 0.0
    difference = abs(found - wanted)
    return difference if difference == difference else math.inf


def _main(file: File, rows: Sequence[Sequence[float]], outputs: int, calls: Sequence[str]) -> str:
    """A program that reads rows and prints results: a process of its own, whatever its flags do to arithmetic."""
    n, wide = len(rows[0]), "" if file.single else "l"
    called = "\n        ".join(f"{call};" for call in calls)
    return f"""
#include <stdio.h>
int main(void)
{{
    real x[{n + 1}], y[{outputs + 1}];
    for (int row = 0; row < {len(rows)}; ++row) {{
        for (int k = 0; k < {n}; ++k) {{
            if (scanf("%{wide}f", &x[k]) != 1) {{ return 1; }}
        }}
        {called}
        for (int j = 0; j < {outputs}; ++j) {{
            printf("%.17g\\n", (double)y[j]);
        }}
    }}
    return 0;
}}
"""


def _run(command: Sequence[str], given: str = "") -> str:
    """What a command prints. Raises RuntimeError with its words where it fails."""
    run = subprocess.run(command, input=given, capture_output=True, text=True)
    if run.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{run.stderr}")
    return run.stdout


def _command(compiler: str | None, flags: Sequence[str]) -> list[str]:
    """The compiler that builds the file, and its options. Raises FileNotFoundError where there is none."""
    if isinstance(flags, str | bytes) or not all(isinstance(flag, str) for flag in plain(flags, "flags", FLAGGED)):
        raise TypeError(f"flags must be {FLAGGED}, but got {short(flags)}")
    if compiler is not None:
        checked_text("compiler", compiler)
    command = compiler or next(filter(shutil.which, ("cc", "gcc", "clang")), None)
    if command is None or shutil.which(command) is None:
        raise FileNotFoundError(
            f"check_c() builds C, but there is no compiler {compiler or 'cc, gcc or clang'} here: install one (on "
            "Debian and Ubuntu: apt install gcc), or name yours by compiler="
        )
    return [command, *FLAGS, *flags]

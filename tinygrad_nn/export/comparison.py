"""check_c: how far the C file of a model is from Python, by building and running it."""

from __future__ import annotations

import math
import os
import random
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from functools import partial
from typing import Any

from ..autograd.value import Value
from ..nn.module import rows_for
from ..support.checks import checked_number, checked_text
from ..support.files import write_all
from ..support.nested import leaves
from ..support.tabular import plain, short
from ..training.steps.engines.recorded import number_of
from .export import exported_model
from .integers.file import integer_file, is_int8
from .model import ModelFile, said_inputs

ROWS_TO_CHECK = 100  # that are drawn where none are given
FLAGGED = 'a list of options of the compiler, such as ["-O3"]'
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

    The file is built with the `compiler`, by default the system's cc, gcc or clang, with -O2 and any `flags`. Without
    rows it is a hundred of numbers from -1 to 1. With dtype="int8" they must be given, and so may be the `scale_rows`
    that `export_c` is to have, if they are others: the whole numbers of the file are those of Python for all rows, and
    the difference is that to the predictions of the model itself.

    Raises FileNotFoundError where there is no compiler, RuntimeError with its words where it fails, or where a whole
    number differs, and as `export_c`.
    """
    command = _command(compiler, flags)
    rows = None if rows is None else rows_for(rows)[0]
    scale_rows = rows if scale_rows is None and is_int8(dtype) else scale_rows
    in_integers = integer_file(model, "model", dtype, scale_rows, {"inputs": inputs})
    if in_integers is not None:
        return in_integers.difference(rows, partial(_answers, command))
    if inputs is None and rows and hasattr(rows[0], "__len__") and said_inputs(model) is None:
        inputs = len(rows[0])
    exported = exported_model(model, "model", None, None, dtype, inputs, None)
    if rows is None:
        rng = random.Random(0)
        rows = [exported.row(rng) for _ in range(ROWS_TO_CHECK)]
    if not rows:
        raise ValueError("check_c() compares predictions of rows, but there are none")
    for i, row in enumerate(rows):
        if len(row) != len(exported.inputs):
            raise ValueError(f"the model takes {len(exported.inputs)} inputs, but row {i} has {len(row)}")
        for x in row:
            checked_number(f"each entry of row {i}", x)
    given = "".join(f"{float(x)!r}\n" for row in rows for x in row)
    answers = iter(map(float, _answers(command, exported.texts(_main(exported))[0], given).split()))
    outputs = (leaf for row in rows for leaf in leaves(exported.model([Value(x) for x in row])))
    return max((_difference(number_of(output), next(answers)) for output in outputs), default=0.0)


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


def _main(exported: ModelFile) -> str:
    """A program that reads rows and prints predictions: a process of its own, whatever its flags do to arithmetic."""
    n, m, wide = len(exported.inputs), exported.n_outputs, "" if exported.file.single else "l"
    return f"""
#include <stdio.h>
int main(void)
{{
    real x[{n}], y[{m}];
    for (int k = 0; scanf("%{wide}f", &x[k]) == 1; k = (k + 1) % {n}) {{
        if (k == {n - 1}) {{
            model_predict(x, y);
            for (int j = 0; j < {m}; ++j) {{
                printf("%.17g\\n", (double)y[j]);
            }}
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

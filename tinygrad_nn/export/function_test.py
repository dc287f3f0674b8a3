"""The self test of a compiled function's C file: its value and its derivatives where it was traced, and near there."""

from __future__ import annotations

import random
from collections.abc import Sequence
from math import isfinite

from ..autograd.ieee.floats import NoSuchIndexError
from ..compiler.backends.c.function import FunctionFile
from ..compiler.program.program import OffPath, Program
from ..compiler.single_precision import rounded
from .self_test import TEST_ROWS, TOLERANCE, main_of, table_in_main

STEADY_WITHIN = {
    "float": 2.0**-20,
    "double": 2.0**-44,
}  # how far apart, relatively, the arguments of a steady result are


def function_test(file: FunctionFile) -> str:
    """The text of the main, behind an #ifdef of the function's name; "" where no result is steady enough to compare."""
    rng, dtype, single = random.Random(0), file.file.dtype, file.file.single
    rows, expected = list[list[float]](), list[list[float]]()
    for path in file.paths:
        program = path.gradient if file.scalar else path.value
        traced = [float(path.tracer.numbers[slot]) for slot in program.inputs]
        drawn = [[x + rng.uniform(-0.25, 0.25) for x in traced] for _ in range(TEST_ROWS - 1 if traced else 0)]
        for row in [traced, *drawn]:
            row = list(map(rounded, row)) if single else row
            found = _steady(program, row, dtype)
            if found is not None:
                rows.append(row)
                expected.append(found)
    if not rows or not expected[0]:
        return ""
    n, m = len(rows[0]), len(expected[0])
    lines = [
        table_in_main("inputs", [x for row in rows for x in row], single) if n else "",
        table_in_main("expected", [x for found in expected for x in found], single),
        f"    for (int row = 0; row < {len(rows)}; ++row) {{\n        real out[{m + 1}];\n",
        f"        const real *const given = inputs + {n} * row;\n" if n else "",
    ]
    if file.scalar:
        lines.append(
            f"        out[0] = {file.call('given', '')};\n"
            f'        wrong += differs("the value of row", row, out[0], expected[{m} * row]);\n'
            f"        out[0] = {file.call('given', '(out + 1)', gradient=True)};\n"
        )
    else:
        lines.append(f"        {file.call('given', 'out')};\n")
    lines.append(
        f"        for (int k = 0; k < {m}; ++k) {{\n"
        f'            wrong += differs("a result of row", row, out[k], expected[{m} * row + k]);\n        }}\n    }}\n'
    )
    return main_of(file.name, dtype, "".join(lines))


def _steady(program: Program, row: Sequence[float], dtype: str) -> list[float] | None:
    """The results for a row; None where it is on another path, or where rounding alone would change them too much."""
    try:
        found = program.run(row)
        try:
            near = program.run([x * (1.0 + STEADY_WITHIN[dtype]) for x in row])
        except NoSuchIndexError:  # an argument is an index: then whole numbers stay
            near = program.run([x if x % 1.0 == 0.0 else x * (1.0 + STEADY_WITHIN[dtype]) for x in row])
    except (OffPath, NoSuchIndexError):
        return None
    small = TOLERANCE[dtype] / 8.0
    steady = all(isfinite(a) and abs(a - b) <= small * (1.0 + abs(a)) for a, b in zip(found, near, strict=True))
    return found if steady else None

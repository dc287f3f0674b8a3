"""The self test of an exported model: a main that compares it with what Python predicts, and loses in ten steps."""

from __future__ import annotations

import random
from collections.abc import Sequence

from ..autograd.ieee.floats import NoSuchIndexError
from ..compiler.backends.c.constants import wrapped
from ..compiler.backends.c.functions import c_number
from ..compiler.single_precision import rounded
from .model import ModelFile
from .state_bytes import HEAD, c_state
from .update import StateColumns

TEST_ROWS, STEPS = 4, 10
TOLERANCE = {"float": 1e-4, "double": 1e-9}  # times 1 and the size of what is expected

APART = """    static real weights[{n}];
    wrong += {name}_load(weights, bytes) != 1;
    wrong += {name}_weights(bytes) != 0 && memcmp({name}_weights(bytes), weights, sizeof weights) != 0;
"""


def self_test(model: ModelFile) -> str:
    """The text of the main, behind an #ifdef of the model's name."""
    rng = random.Random(0)
    rows = [_row(model, rng) for _ in range(TEST_ROWS)]
    predictions = [model.prediction.run(row, model.values()) for row in rows]
    targets = [_target(model, prediction) for prediction in predictions]
    single, name = model.file.single, model.name
    state, call = (
        ("&state, ", f"    static {name}_state state;\n    {name}_init(&state);\n") if model.optimizer else ("", "")
    )
    if model.apart:
        state, call = "weights, ", APART.format(name=name, n=len(model.weights))
    parts = [
        table_in_main("inputs", [n for row in rows for n in row], single),
        table_in_main("expected", [n for prediction in predictions for n in prediction], single),
    ]
    if model.apart:
        block = wrapped([str(byte) for byte in c_state(model.model, dtype=model.file.dtype)])
        parts.append(f"    static const unsigned char bytes[] = {{\n{block}    }};\n")
    if model.optimizer is not None:
        parts.append(table_in_main("targets", [n for target in targets for n in target], single))
        parts.append(table_in_main("losses", _losses(model, rows, targets), single))
    n, m = len(model.inputs), model.n_outputs
    parts += [
        call,
        f"    for (int row = 0; row < {TEST_ROWS}; ++row) {{\n        real y[{m}];\n"
        f"        {name}_predict({state}inputs + {n} * row, y);\n        for (int k = 0; k < {m}; ++k) {{\n"
        f'            wrong += differs("the prediction of row", row, y[k], expected[{m} * row + k]);\n'
        "        }\n    }\n",
    ]
    if model.optimizer is not None:
        parts.append(
            f"    for (int step = 0; step < {STEPS}; ++step) {{\n        const int row = step % {TEST_ROWS};\n"
            f"        const real loss = {name}_train(&state, inputs + {n} * row, targets + {model.n_targets} * row);\n"
            '        wrong += differs("the loss of step", step, loss, losses[step]);\n    }\n'
        )
    if model.save:
        parts.append(
            f"    static unsigned char bytes[{name.upper()}_STATE_BYTES];\n    {name}_save(&state, bytes);\n"
            f"    {name}_init(&state);\n    bytes[{HEAD}] ^= 1;\n    wrong += {name}_load(&state, bytes) != 0;\n"
            f"    bytes[{HEAD}] ^= 1;\n    wrong += {name}_load(&state, bytes) != 1;\n"
        )
    if model.optimizer is not None and model.update.batches:
        parts.append(
            f"    for (int row = 0; row < {TEST_ROWS}; ++row) {{\n"
            f"        const real *const target = targets + {model.n_targets} * row;\n"
            f"        const real loss = {name}_accumulate(&state, inputs + {n} * row, target);\n"
            f'        wrong += differs("the loss of row", row, loss, losses[{STEPS} + row]);\n    }}\n'
            f"    {name}_update(&state);\n    {name}_update(&state);\n"
            f'    wrong += differs("the loss of step", {STEPS + 1}, {name}_train(&state, inputs, targets),\n'
            f"                     losses[{STEPS + TEST_ROWS}]);\n"
        )
    return main_of(name, model.file.dtype, "".join(parts))


def main_of(name: str, dtype: str, lines: str) -> str:
    """A main of these lines, which count in `wrong` what `differs`, behind an #ifdef of the export's name."""
    return (
        f"\n#ifdef {name.upper()}_SELF_TEST\n#include <stdio.h>\n\n"
        "static int differs(const char *what, int row, real found, real expected)\n{\n"
        "    const int same = found == expected || (found != found && expected != expected);\n"
        f"    if (same || fabs(found - expected) <= {TOLERANCE[dtype]!r} * (1.0 + fabs(expected))) {{\n"
        "        return 0;\n    }\n"
        '    printf("%s %d is %.9g, but in Python %.9g\\n", what, row, (double)found, (double)expected);\n'
        "    return 1;\n}\n\n"
        f"int main(void)\n{{\n    int wrong = 0;\n{lines}"
        '    printf(wrong ? "%d differ\\n" : "ok\\n", wrong);\n    return wrong != 0;\n}\n#endif\n'
    )


def table_in_main(name: str, numbers: Sequence[float], single: bool) -> str:
    held = map(rounded, numbers) if single else numbers
    entries = wrapped([c_number(n, single).strip("()") for n in held]).replace("    ", "        ")
    return f"    static const real {name}[{len(numbers)}] = {{\n{entries}    }};\n"


def _row(model: ModelFile, rng: random.Random) -> list[float]:
    """Inputs that the model takes: where one is an index, those that it was traced with."""
    row = model.row(rng)
    try:
        model.prediction.run(row, model.values())
    except NoSuchIndexError:
        return [model.sample] * len(row)
    return row


def _target(model: ModelFile, prediction: Sequence[float]) -> list[float]:
    """What the model nearly says: of the loss of a sure and wrong answer, floats have few digits right."""
    if model.n_targets == len(prediction):
        return [_near(number) for number in prediction]
    return [float(max(range(len(prediction)), key=prediction.__getitem__))] + [0.0] * (model.n_targets - 1)


def _near(number: float) -> float:
    """0 or 1, as classifiers and gates want it; of larger numbers one that is off by a quarter."""
    return 1.25 * number if abs(number) > 2.0 else 1.0 if number > 0.5 else 0.0


def _losses(model: ModelFile, rows: Sequence[Sequence[float]], targets: Sequence[Sequence[float]]) -> list[float]:
    """The losses of ten steps, those of all rows then and that of the first row after a step on all, by the programs.

    Nobody's numbers are touched.
    """
    assert model.gradient is not None
    assert model.optimizer is not None
    numbers = model.values()
    states: StateColumns = list(zip(*model.optimizer.held_state, strict=True))
    trained, losses = len(model.optimizer.parameters), []
    batches = [[step % TEST_ROWS] for step in range(STEPS)]
    for step, batch in enumerate([*batches, range(TEST_ROWS), [0]] if model.update.batches else batches):
        found = [model.gradient.run([*rows[row], *targets[row]], numbers) for row in batch]
        losses += [loss for loss, *_ in found]
        gradient = found[0][1:]
        if len(batch) > 1:
            gradient = [sum(slopes) / len(batch) for slopes in zip(*[each[1:] for each in found], strict=True)]
        numbers[:trained], *states = model.update.run(model.optimizer.steps + step, numbers[:trained], gradient, states)
    return losses

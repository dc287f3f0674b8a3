"""The self test of an exported model: a main that compares it with what Python predicts, and loses in ten steps."""

from __future__ import annotations

import copy
import random
from collections.abc import Sequence

from .backends.c_functions import number
from .backends.c_places import wrapped
from .c_model import ModelFile
from .recorded import number_of
from .shapes import leaves_of

ROWS, STEPS = 4, 10
TOLERANCE = {"float": 1e-4, "double": 1e-9}  # times 1 and the size of what is expected


def self_test(model: ModelFile) -> str:
    """The text of the main, behind an #ifdef of the model's name."""
    rng = random.Random(0)
    rows = [[rng.uniform(-1.0, 1.0) for _ in model.inputs] for _ in range(ROWS)]
    predictions = [_predicted(model, row) for row in rows]
    targets = [_target(model, prediction) for prediction in predictions]
    single, name = model.file.single, model.name
    state, call = (
        ("&state, ", f"    static {name}_state state;\n    {name}_init(&state);\n") if model.optimizer else ("", "")
    )
    parts = [
        f"\n#ifdef {name.upper()}_SELF_TEST\n#include <stdio.h>\n\n",
        "static int differs(const char *what, int row, real found, real expected)\n{\n"
        f"    if (fabs(found - expected) <= {TOLERANCE[model.file.dtype]!r} * (1.0 + fabs(expected))) {{\n"
        "        return 0;\n    }\n"
        '    printf("%s %d is %.9g, but in Python %.9g\\n", what, row, (double)found, (double)expected);\n'
        "    return 1;\n}\n\n",
        "int main(void)\n{\n    int wrong = 0;\n",
        _table("inputs", [n for row in rows for n in row], single),
        _table("expected", [n for prediction in predictions for n in prediction], single),
    ]
    if model.optimizer is not None:
        parts += [_table("targets", [n for target in targets for n in target], single)]
        parts.append(_table("losses", _losses(model, rows, targets), single))
    n, m = len(model.inputs), model.n_outputs
    parts += [
        call,
        f"    for (int row = 0; row < {ROWS}; ++row) {{\n        real y[{m}];\n"
        f"        {name}_predict({state}inputs + {n} * row, y);\n        for (int k = 0; k < {m}; ++k) {{\n"
        f'            wrong += differs("the prediction of row", row, y[k], expected[{m} * row + k]);\n'
        "        }\n    }\n",
    ]
    if model.optimizer is not None:
        parts.append(
            f"    for (int step = 0; step < {STEPS}; ++step) {{\n        const int row = step % {ROWS};\n"
            f"        const real loss = {name}_train(&state, inputs + {n} * row, targets + {model.n_targets} * row);\n"
            '        wrong += differs("the loss of step", step, loss, losses[step]);\n    }\n'
        )
    parts.append('    printf(wrong ? "%d differ\\n" : "ok\\n", wrong);\n    return wrong != 0;\n}\n#endif\n')
    return model.file.spelled("".join(parts))


def _table(name: str, numbers: Sequence[float], single: bool) -> str:
    entries = wrapped([number(n, single).strip("()") for n in numbers]).replace("    ", "        ")
    return f"    static const real {name}[{len(numbers)}] = {{\n{entries}    }};\n"


def _predicted(model: ModelFile, row: Sequence[float]) -> list[float]:
    return [number_of(leaf) for leaf in leaves_of(model.model(row))]


def _target(model: ModelFile, prediction: Sequence[float]) -> list[float]:
    """What the model nearly says: of the loss of a sure and wrong answer, floats have few digits right."""
    if model.n_targets == len(prediction):
        return [1.0 if number > 0.5 else 0.0 for number in prediction]
    return [float(max(range(len(prediction)), key=prediction.__getitem__))] + [0.0] * (model.n_targets - 1)


def _losses(model: ModelFile, rows: Sequence[Sequence[float]], targets: Sequence[Sequence[float]]) -> list[float]:
    """The losses of steps on the recorded graph, of copies that nobody else sees."""
    assert model.recipe is not None
    trained, optimizer = copy.deepcopy((model.model, model.optimizer))
    assert optimizer is not None
    losses = []
    for step in range(STEPS):
        loss = model.recipe.loss(trained(rows[step % ROWS]), model.target(targets[step % ROWS]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(number_of(loss))
    return losses

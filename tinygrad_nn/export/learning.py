"""The functions of a C file that learn: a step on one row, and mini-batches, whose gradients are added up in one array.

Then their mean updates all parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import indent

from ..compiler.backends.c.file import File
from ..compiler.backends.c.regions import Region
from ..compiler.loops.rolled import Rolled
from .in_place import Accumulated, InPlace, Updated
from .update import UpdateLoop

UPDATE = """    if (state->rows > 0.0) {{
        const real share = 1.0 / state->rows;
{before}        for (int i = 0; i < {count}; ++i) {{
            {name}_update_at(state, i, state->gradient[i] * share{given});
            state->gradient[i] = 0.0;
        }}
        state->rows = 0.0;
{counted}    }}
"""


def add_learning(
    file: File, update: UpdateLoop, roll: Rolled, reads: Sequence[Region], parameters: Sequence[Region], scratch: str
) -> int:
    """Add the functions, by a program of the loss and the gradient; how many slots of the scratch they take."""
    name, count = file.name, update.count
    state, given = f"{name}_state *state", "".join(f", {each}" for each in update.given)
    x, target = (f"const real {region.name}[{region.size}]" for region in reads)
    step = InPlace(
        roll, reads, parameters, Updated(f"{name}_update_at", 1, count, more=given), update.names, scratch,
        file.constants,
    )  # fmt: skip
    more = "".join(f", const real {each}" for each in update.given)
    head = f"inline void {name}_update_at({state}, const int i, const real gradient{more})"
    file.function(head, update.lines, ["state", "i", "gradient"], static=True)
    lines = f"{update.before}{step.text}{update.counted}    return {step.returned};\n"
    file.function(f"real {name}_train({state}, {x}, {target})", lines, ["x", "target"])
    if not update.batches:
        return step.slots
    added = InPlace(roll, reads, parameters, Accumulated("state->gradient", 1, count), [], scratch, file.constants)
    lines = f"{added.text}    state->rows += 1.0;\n    return {added.returned};\n"
    file.function(f"real {name}_accumulate({state}, {x}, {target})", lines, ["x", "target"])
    before, counted = (indent(lines, "    ") for lines in (update.before, update.counted))
    file.function(
        f"void {name}_update({state})",
        UPDATE.format(before=before, counted=counted, count=count, name=name, given=given),
    )
    return max(step.slots, added.slots)


def batch_calls(name: str, batches: bool) -> list[str]:
    """What the comment says of mini-batches, where there are such."""
    return [
        f"{name}_accumulate(&state, x, target)    the same loss; the gradient is added to those of the rows before",
        f"{name}_update(&state)    one step down the mean gradient of the rows since the last one",
    ] if batches else []  # fmt: skip

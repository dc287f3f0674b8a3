"""The gradient of a program, as more of the program: the rules of the table, run on traced values in reverse.

The order is that of `backward`: operations from the last recorded to the first, operands from left to right, each sum
from the left; so the numbers are the engine's, to the bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..recording import scope_name
from .program import Instruction
from .trace import Traced, Tracer


def adjoints(
    tracer: Tracer, output: int, inputs: list[int], seed: Any = 1.0, sums: Sequence[Any] | None = None
) -> list[Any]:
    """d output / d input for the slots of the inputs: traced values, or floats where they depend on nothing.

    `seed` is the adjoint of the output. `sums`, one for each input, are what its contributions are added to.
    """
    found: dict[int, Any] = dict(zip(inputs, sums, strict=True)) if sums else {}
    found[output] = found[output] + seed if output in found else seed
    instructions = sorted(tracer.program.instructions, key=lambda entry: tracer.order[entry.slot])
    forward = {*tracer.program.inputs, *tracer.program.parameters, *(entry.slot for entry in instructions)}
    between = set(inputs)
    for entry in instructions:
        if any(slot in between for slot in entry.slots()):
            between.add(entry.slot)
    for entry in reversed(instructions):
        if entry.slot in found and entry.slot in between:
            name = scope_name(tracer.program.scopes.get(entry.slot)).removeprefix("backward: ")
            tracer.block = f"backward: {name}" if name else "backward"
            _pull(tracer, entry, found, between)
    tracer.block = ""
    for slot, flow in found.items():
        if isinstance(flow, Traced) and flow._slot not in forward:
            tracer.program.derived.setdefault(flow._slot, ("d_", slot))
    return [found.get(slot, 0.0) for slot in inputs]


def _pull(tracer: Tracer, entry: Instruction, found: dict[int, Any], between: set[int]) -> None:
    """Add what one instruction passes on to the adjoints of its operands."""
    operands = [
        tuple([Traced(tracer, slot) for slot in o]) if isinstance(o, tuple) else Traced(tracer, o)
        for o in entry.operands
    ]
    adjoint, result = found[entry.slot], Traced(tracer, entry.slot)
    for slots, rule in zip(entry.operands, entry.primitive.rules, strict=True):
        column = slots if isinstance(slots, tuple) else (slots,)
        if rule is None or not any(slot in between for slot in column):
            continue
        passed = rule(adjoint, result, *operands)
        for slot, flow in zip(column, passed if isinstance(slots, tuple) else (passed,), strict=True):
            if slot in between:
                found[slot] = found[slot] + flow if slot in found else flow

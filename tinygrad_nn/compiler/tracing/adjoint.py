"""The derivatives of a program, as more of the program: the rules of the table, run on traced values.

The order is that of `backward`: operations from the last recorded to the first, operands from left to right, each sum
from the left; so the numbers are the engine's, to the bit, but for the sign of a derivative that is 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from ...autograd import primitives as table
from ...autograd.primitives import Primitive
from ...autograd.reverse import pulled
from ...autograd.rules import is_column
from ...autograd.scope import scope_name
from ...autograd.transforms.forward import pushed
from ...support.nested import leaves, mapped
from ..program.program import Family, Guard, Instruction, of_operands, one_by_one
from .sides import Sides
from .sums import Adjoints, Scaled
from .traced import Traced
from .traced_number import TracedNumber
from .writer import DATA, FIXED, VALUES, Writer


def traced_adjoints(
    tracer: Writer, output: int, inputs: list[int], seed: Any = 1.0, sums: Sequence[Any] | None = None,
    derived_again: bool = False,
) -> list[Any]:  # fmt: skip
    """d output / d input for the slots of the inputs: traced values, or floats where they depend on nothing.

    `seed` is the adjoint of the output. `sums`, one for each input, are what its contributions are added to. What may
    be `derived_again` is written operation by operation, as the engine would record it.
    """
    between = set(inputs)
    found = Adjoints(tracer, between)
    found.update(zip(inputs, sums, strict=True) if sums else ())
    found[output] = found[output] + seed if output in found else seed
    instructions = sorted(_behind(tracer, inputs), key=lambda entry: tracer.order[entry.slot] or 0)
    made = len(tracer.numbers)
    sides = Sides(tracer)
    for entry in instructions:
        if any(slot in between for slot in entry.slots()):
            between.add(entry.slot)
    for entry in reversed(instructions):
        if entry.slot in found and entry.slot in between:
            name = scope_name(tracer.program.scopes.get(entry.slot)).removeprefix("backward: ")
            tracer.block = f"backward: {name}" if name else "backward"
            kept = not derived_again and entry.slot not in sides.masks
            operands, apply = _keyed(tracer, entry, Scaled if kept else tracer.products)
            apply = sides.masked(entry.slot, apply)
            sides.pass_on(entry, found, between)
            pulled(entry.primitive.rules, operands, apply, found[entry.slot], found, between, found.put)
    tracer.block = ""
    flows = [found[slot] for slot in inputs]
    named = [slot for slot, flow in found.items() if isinstance(flow, Traced) and flow._slot >= made]
    tracer.program.derived.add("d_", [found[slot]._slot for slot in named], named)
    return flows


def gradients(tracer: Writer, output: Any, inputs: Any, create_graph: bool) -> Any:
    """d output / d inputs in the shape of the inputs; without a graph, as the plain numbers that they are outside."""
    slots = list(map(tracer.slot_of, leaves(inputs)))
    each = iter(traced_adjoints(tracer, tracer.slot_of(output), slots, derived_again=True))

    def gradient(entry: Any) -> Traced:
        flow = Traced(tracer, tracer.slot_of(next(each)))
        return flow if create_graph else _plain_number(tracer, table.detached(flow)._slot)

    return mapped(inputs, gradient)


def traced_tangents(tracer: Writer, outputs: list[Any], inputs: list[tuple[Any, Any]]) -> list[Any]:
    """The tangent of each output, of pairs of an input and its tangent; None where it depends on no input."""
    found = {tracer.slot_of(entry): along for entry, along in inputs}
    slots = list(map(tracer.slot_of, outputs))
    for entry in _behind(tracer, list(found)):
        if entry.slot in found or not any(slot in found for slot in entry.slots()):
            continue
        tangent = pushed(entry.primitive, *_keyed(tracer, entry, tracer.products), found)
        if tangent is not None:
            found[entry.slot] = tangent
    return [found.get(slot) for slot in slots]


def given_back(tracer: Writer, read: list[Any], given: list[Any], variables: list[Any]) -> Callable[[Any], Any]:
    """What a transform gives back as what, by what its function has read, beside its variables, and it was given.

    Values where there is a Value among it; else numbers of the data, as the traced function knows them, or floats.
    """
    own, behind = set(map(tracer.slot_of, variables)), set(map(tracer.slot_of, read))
    for entry in reversed(_behind(tracer, list(own))):
        if entry.slot in behind and entry.slot not in own:
            behind.remove(entry.slot)
            behind.update(entry.slots())
    kinds = [DATA if type(entry) is TracedNumber else VALUES for entry in given]
    reads = max([*kinds, *(tracer.reads[slot] for slot in behind - own)], default=FIXED)
    if reads == VALUES:
        return lambda found: Traced(tracer, tracer.slot_of(found))
    if reads == DATA:
        return lambda found: _plain_number(tracer, tracer.slot_of(found))
    return lambda found: float(tracer.numbers[tracer.slot_of(found)])


def _plain_number(tracer: Writer, slot: int) -> TracedNumber:
    """A slot as what is a plain number when the function is not compiled."""
    tracer.reads[slot] = min(tracer.reads[slot], DATA)
    return TracedNumber(tracer, slot)


def _behind(tracer: Writer, inputs: list[int]) -> list[Instruction]:
    """The instructions that may read one of the inputs, or what was computed from it: those written after the first."""
    found: list[Instruction | Family] = []
    first = min(inputs, default=len(tracer.numbers))
    for entry in reversed(tracer.entries):
        if not isinstance(entry, Guard):
            if entry.slot <= first:
                break
            found.append(entry)
    return one_by_one(found[::-1])  # type: ignore[return-value]


def _keyed(
    tracer: Writer, entry: Instruction, products: Callable[[Any, Any], Any]
) -> tuple[Sequence[Any], Callable[[Any, Any], Any]]:
    """The slots of the operands of an instruction, and what evaluates a rule of it for a g on traced values.

    `products` gives those of g and some slots.
    """
    result, factors, operands = Traced(tracer, entry.slot), _factors(entry.primitive), list[Any]()
    as_it_is = _as_it_is(entry.primitive)

    def apply(rule: Any, flow: Any) -> Any:
        if rule in as_it_is:
            return flow
        if rule in factors and isinstance(flow, Traced):
            return products(flow, entry.operands[factors[rule]])
        if not operands:
            operands.extend(of_operands(lambda slot: Traced(tracer, slot), entry.operands))
        return rule(flow, result, *operands)

    return entry.operands, apply


@lru_cache(maxsize=256)
def _factors(primitive: Primitive) -> dict[Any, int]:
    """For each rule that is g times the entry of a column, for the one at its place in another, which column."""
    columns = {f"g * {name[:-1]}": k for k, name in enumerate(primitive.operands) if is_column(name)}
    each = zip(primitive.operands, primitive.formulas, primitive.rules, strict=True)
    return {rule: columns[formula] for name, formula, rule in each if is_column(name) and formula in columns}


@lru_cache(maxsize=256)
def _as_it_is(primitive: Primitive) -> frozenset[Any]:
    """The rules that give g itself, which that of a column gives for each of its entries."""
    each = zip(primitive.operands, primitive.formulas, primitive.rules, strict=True)
    return frozenset([rule for name, formula, rule in each if formula == "g" and not is_column(name)])

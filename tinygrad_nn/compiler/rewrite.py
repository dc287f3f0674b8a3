"""Rewrites that change no result: the same instructions once, literals computed, x * 1 left out, dead code dropped.

Each is exact in IEEE 754, signs of zeros and infinities included; nothing is re-associated. Literals are compared by
their bits.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

from .. import primitives as table
from ..primitives import Primitive
from .program import Guard, Instruction, Operand, Program


def simplified(program: Program) -> Program:
    """An equal program that is shorter, or the same."""
    return without_dead_code(with_dots(without_repeats(program))).verify()


def without_repeats(program: Program) -> Program:
    """Equal instructions computed once, those of literals now, and those that give back an operand left out."""
    same: dict[int, int] = {}
    known: dict[tuple[object, tuple[Operand, ...]], int] = {}
    literals = dict(program.literals)
    by_bits = {_bits(number): slot for slot, number in literals.items()}
    checked: set[tuple[int, str, int]] = set()
    made: set[int] = set()
    derived = dict(program.derived)  # what is left out leaves its name behind
    body: list[Instruction | Guard] = []

    def now(operand: Operand) -> Operand:
        return tuple([same.get(s, s) for s in operand]) if isinstance(operand, tuple) else same.get(operand, operand)

    for entry in program.body:
        if isinstance(entry, Guard):
            left, right = same.get(entry.left, entry.left), same.get(entry.right, entry.right)
            guard = Guard(left, entry.comparison, right, entry.expected, entry.where)
            claim = (left, entry.comparison, right)
            if claim not in checked and not (left in literals and right in literals):
                checked.add(claim)
                body.append(guard)
            continue
        operands = tuple(map(now, entry.operands))
        moved = Instruction(entry.slot, entry.primitive, operands)
        if (operand := _given_back(moved, literals)) is not None:
            same[entry.slot] = operand
            if entry.slot in derived and operand in made:
                derived.setdefault(operand, derived[entry.slot])
        elif all(slot in literals for slot in moved.slots()) and entry.primitive is not table.take:
            numbers = [tuple([literals[s] for s in o]) if isinstance(o, tuple) else literals[o] for o in operands]
            number = entry.primitive.value(*numbers)
            slot = by_bits.setdefault(_bits(number), entry.slot)
            literals[slot] = number
            same[entry.slot] = slot
        elif (key := (entry.primitive, _ordered(entry.primitive, operands))) in known:
            same[entry.slot] = known[key]
        else:
            known[key] = entry.slot
            made.add(entry.slot)
            body.append(moved)
    outputs = [same.get(slot, slot) for slot in program.outputs]
    return replace(program, body=body, outputs=outputs, literals=literals, derived=derived)


def _ordered(primitive: Primitive, operands: tuple[Operand, ...]) -> tuple[Operand, ...]:
    """The operands in one order where it does not matter: a + b is b + a, and a b is b a."""
    if primitive in (table.add, table.multiply):
        return tuple(sorted(operands, key=str))
    return operands


def _bits(number: float) -> str:
    return number.hex() if number == number else "nan"


def _given_back(entry: Instruction, literals: dict[int, float]) -> int | None:
    """The operand that an instruction gives back as it is: x * 1, 1 * x, x / 1, x - 0, x + -0."""
    if len(entry.operands) != 2:
        return None
    a, b = entry.operands
    if isinstance(a, tuple) or isinstance(b, tuple):
        return None
    first, second = literals.get(a), literals.get(b)
    if entry.primitive is table.multiply and first == 1.0:
        return b
    if entry.primitive in (table.multiply, table.divide) and second == 1.0:
        return a
    zero = second == 0.0 and second is not None
    positive = zero and math.copysign(1.0, second or 0.0) > 0
    if (entry.primitive is table.subtract and zero and positive) or (
        entry.primitive is table.add and zero and not positive
    ):
        return a
    return None


def with_dots(program: Program) -> Program:
    """Sums of products, ((s + a b) + c d) + ..., as one dot each: the same products and sums in the same order."""
    uses = Counter(slot for entry in program.body for slot in entry.slots())
    uses.update(program.outputs)
    made = {entry.slot: entry for entry in program.instructions}
    absorbed: set[int] = set()
    dots: dict[int, Instruction] = {}
    literals = dict(program.literals)
    nothing = next((s for s, n in literals.items() if _bits(n) == _bits(-0.0)), 1 + max([*made, *literals], default=0))
    for entry in reversed(program.instructions):
        if entry.slot in absorbed:
            continue
        pairs, taken, base = [], [], entry.slot
        while (link := _product_added(made.get(base), made, uses)) is not None and (
            base == entry.slot or uses[base] == 1
        ):
            before, product = link
            if base != entry.slot:
                taken.append(base)
            taken.append(product)
            pairs.append(made[product].operands)
            base = before
        if pairs and base in made and made[base].primitive is table.multiply and uses[base] == 1:
            taken.append(base)
            pairs.append(made[base].operands)
            base = nothing  # -0.0, to which a product adds itself whatever its sign
            literals[nothing] = -0.0
        if len(pairs) < 2:
            continue
        absorbed.update(taken)
        ws, xs = (tuple([pair[k] for pair in reversed(pairs)]) for k in (0, 1))
        dots[entry.slot] = Instruction(entry.slot, table.dot, (ws, xs, base))  # type: ignore[arg-type]
    body = [
        dots.get(entry.slot, entry) if isinstance(entry, Instruction) else entry
        for entry in program.body
        if not (isinstance(entry, Instruction) and entry.slot in absorbed)
    ]
    return replace(program, body=body, literals=literals)


def _product_added(
    entry: Instruction | None, made: dict[int, Instruction], uses: Counter[int]
) -> tuple[int, int] | None:
    """Of a sum with a product that nothing else reads: the slots of the other summand and of the product."""
    if entry is None or entry.primitive is not table.add:
        return None
    a, b = entry.operands
    for before, product in ((a, b), (b, a)):
        inner = made.get(product)  # type: ignore[arg-type]
        if inner is not None and inner.primitive is table.multiply and uses[product] == 1:  # type: ignore[index]
            return before, product  # type: ignore[return-value]
    return None


def without_dead_code(program: Program) -> Program:
    """Only what the outputs and the guards need."""
    needed = set(program.outputs)
    body: list[Instruction | Guard] = []
    for entry in reversed(program.body):
        if isinstance(entry, Guard) or entry.slot in needed:
            needed.update(entry.slots())
            body.append(entry)
    literals = {slot: number for slot, number in program.literals.items() if slot in needed}
    parameters = {slot: value for slot, value in program.parameters.items() if slot in needed}
    return replace(program, body=body[::-1], literals=literals, parameters=parameters)

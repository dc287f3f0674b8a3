"""Rewrites that change no result: the same instructions once, literals computed, x * 1 left out, dead code dropped.

Each is exact in IEEE 754, signs of zeros and infinities included; nothing is re-associated. Literals are compared by
their bits.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from ...autograd import primitives as table
from .dots import with_dots
from .known import Computed
from .notes import SlotSet
from .program import Body, Family, Guard, Instruction, Operand, Program, ProgramEntry, newly_read, of_operands

AnyInstruction = TypeVar("AnyInstruction", Instruction, Family)


def simplified(program: Program) -> Program:
    """An equal program that is shorter, or the same."""
    return without_dead_code(with_dots(without_repeats(program))).verify()


def without_repeats(program: Program) -> Program:
    """Equal instructions computed once, those of literals now, and those that give back an operand left out."""
    same: dict[int, int] = {}
    known = Computed()
    literals = dict(program.literals)
    by_bits = {number.hex(): slot for slot, number in literals.items()}
    checked: set[tuple[int, str, int]] = set()
    derived = program.derived.copy()  # what is left out leaves its name to another derivative
    columns: dict[Operand, tuple[Operand, bool]] = {}
    body: list[ProgramEntry] = []
    waiting = list(reversed(program.entries))

    while waiting:
        entry = waiting.pop()
        if isinstance(entry, Family):
            family = _moved(entry, same)
            before = known.family_of(family) if literals.keys().isdisjoint(family.slots()) else None
            if before is None:
                waiting += reversed(entry.members())
            elif before is family:
                body.append(family)
            else:
                same.update(zip(family.results, before.results, strict=True))
            continue
        if isinstance(entry, Guard):
            body += _guards(entry, same, literals, checked)
            continue
        moved, with_literals = _read(entry, same, literals, columns)
        operands = moved.operands
        if with_literals and (operand := _given_back(moved, literals)) is not None:
            same[entry.slot] = operand
            if str(program.scopes.get(operand)).startswith("backward"):
                derived.pass_on(operand, entry.slot)
        elif with_literals and literals.keys() >= set(moved.slots()) and entry.primitive is not table.take:
            number = entry.primitive.value(*of_operands(literals.__getitem__, operands))
            slot = by_bits.setdefault(number.hex(), entry.slot)
            literals[slot] = number
            same[entry.slot] = slot
        else:
            slot = known.slot_of(moved)
            if slot == entry.slot:
                body.append(moved)
            else:
                same[entry.slot] = slot
    outputs = list(map(same.get, program.outputs, program.outputs))
    return replace(program, body=Body(body), outputs=outputs, literals=literals, derived=derived)


def _guards(
    entry: Guard, same: dict[int, int], literals: dict[int, float], checked: set[tuple[int, str, int]]
) -> list[Guard]:
    """A guard of what is the same, if it was not checked before and is none of literals."""
    guard = replace(entry, left=same.get(entry.left, entry.left), right=same.get(entry.right, entry.right))
    claim = (guard.left, guard.comparison, guard.right)
    if claim in checked or literals.keys() >= set(guard.slots()):
        return []
    checked.add(claim)
    return [guard]


def _read(
    entry: Instruction, same: dict[int, int], literals: dict[int, float], columns: dict[Operand, tuple[Operand, bool]]
) -> tuple[Instruction, bool]:
    """An instruction that reads what is the same, and whether that may be literals; columns are noted, as many read
    the same one."""
    if not entry.primitive.folds:
        moved = _moved(entry, same)
        return moved, len(moved.operands) < 2 or not literals.keys().isdisjoint(moved.operands)
    found = []
    for operand in entry.operands:
        if operand not in columns:
            (read,) = _moved(Instruction(0, entry.primitive, (operand,)), same).operands
            slots = read if isinstance(read, tuple) else (read,)
            columns[operand] = read, not literals.keys().isdisjoint(slots)
        found.append(columns[operand])
    moved = Instruction(entry.slot, entry.primitive, tuple([operand for operand, _ in found]))
    return moved, not all(moved.operands[:1]) or any(some for _, some in found)


def _moved(entry: AnyInstruction, same: dict[int, int]) -> AnyInstruction:
    """An instruction that reads, in place of a slot, that which is the same; or a family of them."""
    if same.keys().isdisjoint(entry.slots()):
        return entry
    moved = same.get
    operands = tuple([tuple(map(moved, o, o)) if isinstance(o, tuple) else moved(o, o) for o in entry.operands])
    if isinstance(entry, Family):
        return Family(entry.slot, entry.primitive, operands, entry.size)
    return Instruction(entry.slot, entry.primitive, operands)


# What changes nothing as the second operand; of the zeros the one that leaves -0.0 as it is.
NEUTRAL = {table.multiply: 1.0, table.divide: 1.0, table.subtract: 0.0, table.add: -0.0}


def _given_back(entry: Instruction, literals: dict[int, float]) -> int | None:
    """The operand that an instruction gives back as it is: x * 1, 1 * x, x / 1, x - 0, x + -0, x detached ..."""
    if entry.primitive is table.dot and not entry.operands[0]:
        return entry.operands[2]  # type: ignore[return-value]
    if entry.primitive is table.detached:  # derivatives have been taken
        return entry.operands[0]  # type: ignore[return-value]
    if entry.primitive not in NEUTRAL:
        return None
    a, b = entry.operands
    if entry.primitive is table.multiply and literals.get(a) == 1.0:  # type: ignore[arg-type]
        return b  # type: ignore[return-value]
    second = literals.get(b)  # type: ignore[arg-type]
    neutral = second is not None and second.hex() == NEUTRAL[entry.primitive].hex()
    return a if neutral else None  # type: ignore[return-value]


def without_dead_code(program: Program) -> Program:
    """Only what the outputs and the guards need."""
    needed = SlotSet(program.outputs)
    columns: set[Operand] = set()  # as many read the same one
    body: list[ProgramEntry] = []
    waiting = list(program.entries)
    while waiting:
        entry = waiting.pop()
        if isinstance(entry, Family):
            if not needed.has_all(entry.results):
                waiting += entry.members()
                continue
        elif not isinstance(entry, Guard) and entry.slot not in needed:
            continue
        needed.update(newly_read(entry, columns))
        body.append(entry)
    used = [(slot, number) for slot, number in program.literals.items() if slot in needed]
    literals = dict(sorted(used, key=lambda pair: (pair[1] != pair[1], pair[1])))  # so that counts lie side by side
    parameters = program.parameters
    if needed.missing(parameters) is not None:
        parameters = {slot: value for slot, value in parameters.items() if slot in needed}
    return replace(program, body=Body(body[::-1]), literals=literals, parameters=parameters)

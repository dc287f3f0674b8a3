"""Rewrites that change no result: the same instructions once, literals computed, x * 1 left out, dead code dropped.

Each is exact in IEEE 754, signs of zeros and infinities included; nothing is re-associated. Literals are compared by
their bits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from typing import Any, TypeVar

from ...autograd import primitives as table
from ...autograd.primitives import Primitive
from .known import Computed
from .notes import SlotSet
from .program import Body, Family, Guard, Instruction, Program, ProgramEntry, of_operands

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
        moved = _moved(entry, same)
        slots, operands = moved.slots(), moved.operands
        with_literals = len(slots) < 2 or not literals.keys().isdisjoint(slots)
        if with_literals and (operand := _given_back(moved, literals)) is not None:
            same[entry.slot] = operand
            if str(program.scopes.get(operand)).startswith("backward"):
                derived.pass_on(operand, entry.slot)
        elif with_literals and literals.keys() >= set(slots) and entry.primitive is not table.take:
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
    outputs = [same.get(slot, slot) for slot in program.outputs]
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
    """The operand that an instruction gives back as it is: x * 1, 1 * x, x / 1, x - 0, x + -0, x and no products."""
    if entry.primitive is table.dot and not entry.operands[0]:
        return entry.operands[2]  # type: ignore[return-value]
    if entry.primitive not in NEUTRAL:
        return None
    a, b = entry.operands
    if entry.primitive is table.multiply and literals.get(a) == 1.0:  # type: ignore[arg-type]
        return b  # type: ignore[return-value]
    second = literals.get(b)  # type: ignore[arg-type]
    neutral = second is not None and second.hex() == NEUTRAL[entry.primitive].hex()
    return a if neutral else None  # type: ignore[return-value]


OF_DOTS = {table.add, table.multiply, table.negative}  # what dots are made of
MANY = 8  # summands of a sum that is a dot, although not all of them are products


def with_dots(program: Program) -> Program:
    """Sums of products, ((s + a b) + c d) + ..., as one dot each: the same products and sums in the same order.

    In a sum of many, what is no product is 1 times itself; in one of negatives alone, each is -1 times what it is of.
    """
    uses = _uses(program)
    entries, results = _apart(program.entries, uses)
    instructions = [entry for entry in entries if isinstance(entry, Instruction)]
    made = {entry.slot: entry for entry in instructions}
    absorbed: set[int] = set()
    dots: dict[int, Instruction] = {}
    literals = dict(program.literals)
    unused = 1 + max([results, *literals, *program.inputs, *program.parameters], default=0)
    by_bits = {number.hex(): slot for slot, number in literals.items()}
    numbers = -0.0, 1.0, -1.0
    nothing, one, minus = (by_bits.get(x.hex(), unused + k) for k, x in enumerate(numbers))
    for entry in reversed(instructions):
        if entry.slot in absorbed or entry.primitive is not table.add:
            continue
        base, taken, pairs = _negatives(entry, made, uses, minus, nothing)
        if not pairs:
            base, taken, pairs = _products(entry, made, uses, one, nothing)
        if len(pairs) < 2:
            continue
        absorbed.update(taken)
        ws, xs = (tuple([pair[k] for pair in reversed(pairs)]) for k in (0, 1))
        dots[entry.slot] = Instruction(entry.slot, table.dot, (ws, xs, base))
        literals |= {
            slot: number for slot, number in zip((nothing, one, minus), numbers, strict=True) if slot in (base, *ws)
        }
    body = [
        dots.get(entry.slot, entry) if isinstance(entry, Instruction) else entry
        for entry in entries
        if not (isinstance(entry, Instruction) and entry.slot in absorbed)
    ]
    return replace(program, body=Body(body), literals=literals)


def _uses(program: Program) -> Counter[int]:
    """How often each slot that an instruction sets is read, if at all."""
    first = min([entry.slot for entry in program.entries if not isinstance(entry, Guard)], default=0)
    operands = chain.from_iterable([entry.operands for entry in program.entries])
    columns = [o for o in operands if type(o) is tuple and o and max(o) >= first]
    alone = [o for entry in program.entries for o in entry.operands * (1 + isinstance(entry, Family)) if type(o) is int]
    uses = Counter(chain(alone, *columns))  # what all members of a family read, more than once
    uses.update([slot for slot in program.outputs if slot in uses])
    return uses


def _apart(entries: Sequence[ProgramEntry], uses: Counter[int]) -> tuple[Sequence[ProgramEntry], int]:
    """Entries with those families one by one of which a dot may be made, and the last slot that they set."""
    computed = [entry for entry in entries if not isinstance(entry, Guard)]
    last = max([entry.results[-1] if isinstance(entry, Family) else entry.slot for entry in computed], default=0)
    families = [entry for entry in computed if isinstance(entry, Family)]
    summed = {slot for entry in computed if entry.primitive is table.add for slot in entry.slots()}
    if not families or not summed:
        return entries, last
    made = {entry.slot for entry in computed if entry.primitive in OF_DOTS}
    if any(family.primitive is table.add for family in families):
        made = made.union(*(entry.results for entry in families))

    def is_of_dots(family: Family) -> bool:
        """Whether a sum reads a result of it that a dot may take over, or it is of sums that do."""
        read = summed.intersection(family.results)
        if family.primitive is not table.add:
            return any(uses[slot] == 1 for slot in read)
        return bool(read) or any(uses[slot] == 1 for slot in made.intersection(family.slots()))

    apart = {entry.slot for entry in families if is_of_dots(entry)}
    if not apart:
        return entries, last
    found: list[ProgramEntry] = []
    for entry in entries:
        found += entry.members() if isinstance(entry, Family) and entry.slot in apart else (entry,)
    return found, last


def _products(
    entry: Instruction, made: dict[int, Instruction], uses: Counter[int], one: int, nothing: int
) -> tuple[int, list[int], list[tuple[int, int]]]:
    """A sum as that of a dot: its bias, the slots that nothing else reads, and the factors, the last ones first.

    `one` and `nothing` are the slots of 1.0 and -0.0, to which a product adds itself whatever its sign.
    """
    base, taken, pairs = _summands(entry, made, uses, None)
    if base in made and made[base].primitive is table.add:
        longer = _summands(entry, made, uses, one)
        if len(longer[2]) >= max(MANY, 2 * len(pairs)):
            base, taken, pairs = longer
    if pairs and _is_alone(base, table.multiply, made, uses):
        return nothing, [*taken, base], [*pairs, made[base].operands]  # type: ignore[list-item]
    return base, taken, pairs


def _negatives(
    entry: Instruction, made: dict[int, Instruction], uses: Counter[int], minus: int, nothing: int
) -> tuple[int, list[int], list[tuple[int, int]]]:
    """The same of a sum of negatives alone; `minus` is the slot of -1.0."""
    slot, taken = entry.slot, list[int]()
    pairs: list[tuple[int, int]] = []
    while slot == entry.slot or _is_alone(slot, table.add, made, uses):
        rest, last = made[slot].operands
        if not _is_alone(last, table.negative, made, uses):  # type: ignore[arg-type]
            return slot, [], []
        taken += [slot, last] if slot != entry.slot else [last]  # type: ignore[list-item]
        pairs.append((minus, made[last].operands[0]))  # type: ignore[index, arg-type]
        slot = rest  # type: ignore[assignment]
    if not _is_alone(slot, table.negative, made, uses):
        return slot, [], []
    return nothing, [*taken, slot], [*pairs, (minus, made[slot].operands[0])]  # type: ignore[list-item]


def _summands(
    entry: Instruction, made: dict[int, Instruction], uses: Counter[int], one: int | None
) -> tuple[int, list[int], list[tuple[int, int]]]:
    """A sum from its last summand on, as far as they are products, or any where `one` is the slot of 1.0.

    The slot of what is left at its beginning, those that nothing else reads, and the factors.
    """
    base, taken = entry.slot, []
    pairs: list[Any] = []
    while base == entry.slot or uses[base] == 1:
        before = made.get(base)
        if before is None or before.primitive is not table.add:
            break
        a, b = before.operands
        both: list[tuple[Any, Any]] = [(a, b), (b, a)]
        product = next((pair for pair in both if _is_alone(pair[1], table.multiply, made, uses)), None)
        if product is None and one is None:
            break
        rest, summand = product or next((p for p in both if _is_alone(p[0], table.add, made, uses)), both[0])
        if base != entry.slot:
            taken.append(base)
        if product is not None:
            taken.append(summand)
        pairs.append(made[summand].operands if product is not None else (one, summand))
        base = rest
    return base, taken, pairs


def _is_alone(slot: int, primitive: Primitive, made: dict[int, Instruction], uses: Counter[int]) -> bool:
    """Whether a slot is the result of a primitive that is read once."""
    return slot in made and made[slot].primitive is primitive and uses[slot] == 1


def without_dead_code(program: Program) -> Program:
    """Only what the outputs and the guards need."""
    needed = SlotSet(program.outputs)
    column: object = None
    body: list[ProgramEntry] = []
    waiting = list(program.entries)
    while waiting:
        entry = waiting.pop()
        if isinstance(entry, Family):
            if not needed.has_all(entry.results):
                waiting += entry.members()
                continue
            needed.update([o for o in entry.operands if isinstance(o, int)])
            for each in entry.columns():  # which families in a row have in common
                if each is not column:
                    needed.update(column := each)
            body.append(entry)
        elif isinstance(entry, Guard) or entry.slot in needed:
            needed.update(entry.slots())
            body.append(entry)
    used = [(slot, number) for slot, number in program.literals.items() if slot in needed]
    literals = dict(sorted(used, key=lambda pair: (pair[1] != pair[1], pair[1])))  # so that counts lie side by side
    parameters = program.parameters
    if not all(map(needed.__contains__, parameters)):
        parameters = {slot: value for slot, value in parameters.items() if slot in needed}
    return replace(program, body=Body(body[::-1]), literals=literals, parameters=parameters)

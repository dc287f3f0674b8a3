"""Sums of products found in a program, each as one dot: the same products and sums in the same order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

from ...autograd import primitives as table
from ...autograd.primitives import Primitive
from .program import Body, Family, Guard, Instruction, Program, ProgramEntry

OF_DOTS = {table.add, table.multiply, table.negative}  # what dots are made of
MANY = 8  # summands of a sum that is a dot, although not all of them are products


def with_dots(program: Program) -> Program:
    """Sums of products, ((s + a b) + c d) + ..., as one dot each: the same products and sums in the same order.

    In a sum of many, what is no product is 1 times itself; in one of negatives alone, each is -1 times what it is of.
    A dot of a gradient is the sum of its products, which another such sum may go on with.
    """
    sums = _dots_of_gradients(program)
    uses = _uses(program)
    entries, results = _apart(program.entries, uses, sums)
    instructions = [entry for entry in entries if isinstance(entry, Instruction)]
    made = {entry.slot: entry for entry in instructions}
    sums.update([entry.slot for entry in instructions if entry.primitive is table.add])
    absorbed: set[int] = set()
    dots: dict[int, Instruction] = {}
    literals = dict(program.literals)
    unused = 1 + max([results, *literals, *program.inputs, *program.parameters], default=0)
    by_bits = {number.hex(): slot for slot, number in literals.items()}
    numbers = -0.0, 1.0, -1.0
    nothing, one, minus = (by_bits.get(x.hex(), unused + k) for k, x in enumerate(numbers))
    for entry in reversed(instructions):
        if entry.slot not in sums or entry.slot in absorbed:
            continue
        if entry.primitive is table.dot and entry.operands[2] not in made:
            continue
        base, taken, pairs = _negatives(entry, made, uses, minus, nothing)
        if not pairs:
            base, taken, pairs = _products(entry, made, sums, uses, one, nothing)
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


def _dots_of_gradients(program: Program) -> set[int]:
    return {
        entry.slot
        for entry in program.entries
        if isinstance(entry, Instruction) and entry.primitive is table.dot
        if str(program.scopes.get(entry.slot)).startswith("backward")
    }


def _apart(entries: Sequence[ProgramEntry], uses: Counter[int], dots: set[int]) -> tuple[Sequence[ProgramEntry], int]:
    """Entries with those families one by one of which a dot may be made, or go on, and the last slot that they set."""
    computed = [entry for entry in entries if not isinstance(entry, Guard)]
    last = max([entry.results[-1] if isinstance(entry, Family) else entry.slot for entry in computed], default=0)
    families = [entry for entry in computed if isinstance(entry, Family)]
    summed = {slot for entry in computed if entry.primitive is table.add for slot in entry.slots()}
    summed.update([entry.operands[2] for entry in computed if entry.slot in dots])  # type: ignore[misc]
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
    entry: Instruction, made: dict[int, Instruction], sums: set[int], uses: Counter[int], one: int, nothing: int
) -> tuple[int, list[int], list[tuple[int, int]]]:
    """A sum as that of a dot: its bias, the slots that nothing else reads, and the factors, the last ones first.

    `one` and `nothing` are the slots of 1.0 and -0.0, to which a product adds itself whatever its sign.
    """
    base, taken, pairs = _summands(entry, made, sums, uses, None)
    if base in sums:
        longer = _summands(entry, made, sums, uses, one)
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
    if entry.primitive is not table.add:
        return slot, [], []
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
    entry: Instruction, made: dict[int, Instruction], sums: set[int], uses: Counter[int], one: int | None
) -> tuple[int, list[int], list[tuple[int, int]]]:
    """A sum from its last summand on, as far as they are products, or any where `one` is the slot of 1.0.

    The slot of what is left at its beginning, those that nothing else reads, and the factors.
    """
    base, taken = entry.slot, []
    pairs: list[Any] = []
    while base in sums and (base == entry.slot or uses[base] == 1):
        before = made[base]
        if before.primitive is table.dot:
            taken += [base] if base != entry.slot else []
            pairs += reversed(list(zip(*before.operands[:2], strict=True)))
            base = before.operands[2]  # type: ignore[assignment]
            continue
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

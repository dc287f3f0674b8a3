"""What instructions have computed already, found again by what they are: one by one, and families of them at once.

Of a family that shares no number with what is known nothing is looked at but its operands, as a gradient has many.
"""

from __future__ import annotations

from ...autograd import primitives as table
from ...autograd.primitives import Primitive
from .program import Family, Instruction, Operand

COMMUTATIVE = {table.add, table.multiply}  # where a + b is b + a
What = tuple[Primitive, tuple[Operand, ...]]


class Computed:
    """The slots of results, by primitive and operands."""

    def __init__(self) -> None:
        self._slots: dict[What, int] = {}  # of instructions alone, and of members of families that share no operand
        self._families: dict[What, Family] = {}
        self._by_shared: dict[tuple[Primitive, Operand], Family] = {}  # by the operand that all members read
        self._in_columns: dict[Primitive, set[int]] = {}  # what the columns of those families hold
        self._read_alone: set[tuple[Primitive, Operand]] = set()  # operands of commutative instructions alone

    def slot_of(self, entry: Instruction) -> int:
        """The slot that has the result of an instruction: its own where no other one has."""
        if entry.primitive in COMMUTATIVE:
            one, other = entry.operands
            for shared, operand in ((one, other), (other, one)):
                family = self._by_shared.get((entry.primitive, shared))
                if family is not None and operand in (column := family.columns()[0]):
                    return family.slot + column.index(operand)
                self._read_alone.add((entry.primitive, shared))
        return self._slots.setdefault(_what(entry), entry.slot)

    def family_of(self, family: Family) -> Family | None:
        """The family that has the results of another: itself where none of them is known; else None where only some
        are, or may be, and its members are to be looked at one by one."""
        what = family.primitive, family.operands
        if (before := self._families.get(what)) is not None:
            return before
        shared, column = family.operands
        is_new = self._is_new_pairs(family) if isinstance(shared, tuple) else self._is_new(family, shared, column)
        if is_new:
            self._families[what] = family
        return family if is_new else None

    def _is_new(self, family: Family, shared: int, column: Operand) -> bool:
        """Whether no result of an operand with each of a column may be known; then it is from now on."""
        primitive, key = family.primitive, (family.primitive, shared)
        seen = self._in_columns.setdefault(primitive, set())
        distinct = frozenset(column)  # type: ignore[arg-type]
        if key in self._by_shared or shared in seen or len(distinct) < family.size:
            return False
        if key in self._read_alone and not self._slots.keys().isdisjoint(_members(family)):
            return False
        seen |= distinct
        self._by_shared[key] = family
        return True

    def _is_new_pairs(self, family: Family) -> bool:
        """Whether no result of the pairs of two columns is known; then they are from now on."""
        members = _members(family)
        if len(set(members)) < family.size or not self._slots.keys().isdisjoint(members):
            return False
        if family.primitive in self._in_columns:
            return False
        self._read_alone.update((family.primitive, slot) for slot in family.slots())
        self._slots.update(zip(members, family.results, strict=True))
        return True


def _members(family: Family) -> list[What]:
    """What the members of a family are."""
    row, columns = family.primitive, [o if isinstance(o, tuple) else (o,) * family.size for o in family.operands]
    return [(row, (one, other) if one <= other else (other, one)) for one, other in zip(*columns, strict=True)]


def _what(entry: Instruction) -> What:
    """What equal instructions have in common."""
    ordered = entry.primitive not in COMMUTATIVE
    return entry.primitive, entry.operands if ordered else tuple(sorted(entry.operands))

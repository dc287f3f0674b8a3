"""Where operands lie and what a tile of members computes, as LLVM text: members that follow each other are one vector.

A formula is written once for as many of them as a power of two; the processor's registers are what LLVM cuts that into.
"""

from __future__ import annotations

from collections.abc import Callable

from ....autograd import primitives as table
from ...loops.clusters import strides
from ...loops.groups import Access, Group
from ...loops.rolled import Rolled
from ...program.program import LITERALS
from ...single_precision import checked_literals
from .functions import FOLDS, is_lanewise, spelled
from .ir import Block, Kind, number_constant
from .transpose import joined, part

Span = tuple[int, int]  # of a tile of members: the first one, and how many
LONGEST_VECTOR = 512  # bytes: beyond, a formula's numbers have no room in registers, and are stored between its steps


def pieces(count: int, most: int) -> list[Span]:
    """A tile cut into as few pieces of powers of two, of at most so many, as there are.

    >>> pieces(7, 8), pieces(7, 2)
    ([(0, 4), (4, 2), (6, 1)], [(0, 2), (2, 2), (4, 2), (6, 1)])
    """
    found, first = list[Span](), 0
    while first < count:
        found.append((first, min(1 << (count - first).bit_length() - 1, most)))
        first += found[-1][1]
    return found


class Memory:
    """Where numbers lie, and how they are loaded into `block`; array k of the program lies at `pointers[k]`."""

    def __init__(self, roll: Rolled, kind: Kind, full: int, exact: bool, name: str) -> None:
        self.roll, self.exact, self.name = roll, exact, name
        self.kind, self.one, self.full = kind, Kind(1, kind.single), Kind(full, kind.single)
        self.along = self.columns = False  # whether a vector holds members of a loop, or columns, of a lone row
        self.block, self.in_rows = Block(kind), False
        self.stored: set[int] = set()  # the arrays that are read beyond the loop that computes them
        self.held: dict[int, dict[Span, str]] = {}  # what is in registers of a tile, by array
        self.pointers = ["", "%parameters", f"@{name}.literals"]
        self.literals = checked_literals(roll.flat, kind.single)
        numbers = ", ".join(f"{kind.scalar} {number_constant(x, kind.single)}" for x in self.literals or [0.0])
        length = max(1, len(self.literals))
        self.globals = [f"@{name}.literals = private constant [{length} x {kind.scalar}] [{numbers}]"]
        self.tables: dict[tuple[int, ...], str] = {}

    def _load(
        self, access: Access, counters: list[str], kind: Kind, group: Group | None = None, column: str = "0"
    ) -> str:
        """What an operand is at the counters, as a vector of a kind, or alike in all lanes of the block's."""
        b = self.block
        if access.array == LITERALS and access.table is None and not any(access.strides) and not access.step:
            return b.number(self.literals[access.base])
        where = self._where(access, counters, group.extents if group is not None else (), column)
        pointer, follows, entry = self.pointers[access.array], self.roll.by_row[access.array], kind.numbers
        if self.along:
            follows = bool(access.step if self.columns else access.strides and access.strides[-1])
            entry = kind.scalar
        if follows:
            return b.load(self._pointer(pointer, entry, where))
        return b.everywhere(b.let(f"load {kind.scalar}, ptr {self._pointer(pointer, kind.scalar, where)}"))

    def _where(self, access: Access, counters: list[str], extents: tuple[int, ...], column: str = "0") -> str:
        """The index in its array of what is read at the counters of loops, from a table where it has one."""
        b = self.block
        if access.table is None:
            return b.index(access.base, *zip(access.strides, counters, strict=True), (access.step, column))
        width = access.width if access.width is not None else 1
        flat = b.index(0, *((width * s, c) for s, c in zip(strides(extents), counters, strict=True)), (1, column))
        return b.let(f"load i64, ptr {self._pointer(self._table(access.table), 'i64', flat)}")

    def _pointer(self, base: str, entry: str, where: str) -> str:
        return self.block.let(f"getelementptr {entry}, ptr {base}, i64 {where}")

    def _copy_run(self, target: str, source: str, count: int, kind: Kind) -> None:
        """Copy so many entries that follow each other, at once."""
        copy, size = "void @llvm.memcpy.p0.p0.i64", count * kind.lanes * kind.bits // 8
        self.block.declared.add(f"declare {copy}(ptr, ptr, i64, i1)")
        self.block.lines.append(f"call {copy}(ptr {target}, ptr {source}, i64 {size}, i1 false)")

    def _table(self, table: tuple[int, ...]) -> str:
        """A table among the constants, each once."""
        if table not in self.tables:
            name = self.tables[table] = f"@{self.name}.table{len(self.tables) + 1}"
            entries = ", ".join(f"i64 {index}" for index in table or (0,))
            self.globals.append(f"{name} = private constant [{max(1, len(table))} x i64] [{entries}]")
        return self.tables[table]


class Members(Memory):
    """Prints what tiles of members compute."""

    def _computed_by(self, group: Group, members: list[list[str]], kind: Kind) -> None:
        """Put what a group's members are into registers."""
        b, row, held = self.block, group.primitive, dict[Span, str]()
        assert row is not None
        if row.folds:
            for k, counters in enumerate(members):
                held[k, 1] = self._folded(group, k, counters, kind)
        else:
            for first, count in pieces(len(members), kind.times_in(LONGEST_VECTOR) if is_lanewise(row) else 1):
                some, b.kind = members[first : first + count], kind.times(count)
                given = [self._operand(operand, first, some, kind, group) for operand in group.operands]
                held[first, count] = spelled(row)(b, *given)
            b.kind = kind
        self.held[group.array] = held

    def _folded(self, group: Group, k: int, counters: list[str], kind: Kind) -> str:
        """What member k of a tile makes of a column."""
        b, (column, *others) = self.block, group.operands
        assert group.primitive is not None

        def each(visit: Callable[[str], None]) -> None:
            b.loop(column.width or 0, lambda j: visit(self._load(column, counters, kind, group, j)))

        operands = [self._operand(operand, k, [counters], kind, group) for operand in others]
        result = FOLDS[group.primitive.name](b, each, *operands)
        if group.primitive is table.take:
            self._keep(self._is_index(operands[0], column.width or 0), kind)
        return result

    def _operand(self, operand: Access, first: int, members: list[list[str]], kind: Kind, group: Group) -> str:
        """An operand of some members of a tile, from that number on: from registers, else from memory."""
        if operand.array in self.held:
            return self._in_registers(operand.array, (first, len(members)), kind)
        if len(members) == 1:
            return self._load(operand, members[0], kind, group)
        b, straight, by_row = self.block, operand.table is None, self.roll.by_row[operand.array]
        step = operand.strides[-1] if operand.strides else 0
        if straight and step == 1 and (by_row or self.along or kind.lanes == 1):
            entry, where = self._entry(kind), self._where(operand, members[0], group.extents)
            return b.load(self._pointer(self.pointers[operand.array], entry, where))
        if straight and step == 0 and (self.along or not by_row):
            return self._load(operand, members[0], kind, group)
        wide, b.kind = b.kind, kind
        given = members[:1] if straight and step == 0 else members
        found = joined(
            b, [self._load(operand, counters, kind, group) for counters in given] * (len(members) // len(given))
        )
        b.kind = wide
        return found

    def _in_registers(self, array: int, piece: Span, kind: Kind) -> str:
        """A piece of what is in registers: put together from lone members, or taken from a longer one."""
        b, held, (first, count) = self.block, self.held[array], piece
        if piece not in held:
            wide, b.kind = b.kind, kind
            if count > 1:
                held[piece] = joined(b, [self._in_registers(array, (first + k, 1), kind) for k in range(count)])
            else:
                start, size = next((k, n) for k, n in held if k <= first < k + n)
                held[piece] = part(b, held[start, size], kind.times(size), (first - start) * kind.lanes)
            b.kind = wide
        return held[piece]

    def _put(self, group: Group, members: list[list[str]], kind: Kind) -> None:
        """Store what members compute, if it is read beyond this loop."""
        if group.array not in self.stored:
            return
        b, held = self.block, self.held[group.array]
        together = pieces(len(members), kind.times_in(LONGEST_VECTOR))
        for first, count in list(held) if kind.lanes == 1 else together:
            b.kind = kind.times(count)
            where = b.index(0, *zip(strides(group.extents), members[first], strict=True))
            place = self._pointer(self.pointers[group.array], self._entry(kind), where)
            b.store(place, self._in_registers(group.array, (first, count), kind))
        b.kind = kind

    def _entry(self, kind: Kind) -> str:
        """The type of an array's entries."""
        return kind.scalar if self.along else kind.numbers

    def _is_index(self, index: str, width: int) -> str:
        b = self.block
        inside = b.both(b.compare(">=", index, b.number(0.0)), b.compare("<", index, b.number(float(width))))
        return b.both(inside, b.compare("==", index, b.intrinsic("floor", index)))

    def _keep(self, flags: str, kind: Kind) -> None:
        """Rows stay on this path only where the flags are set."""
        b = self.block
        where = "%on" if self.in_rows else "%settled"
        on = b.let(f"load {kind.flags}, ptr {where}")
        b.lines.append(f"store {kind.flags} {b.both(on, flags)}, ptr {where}")

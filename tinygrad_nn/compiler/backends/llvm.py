"""The `llvm` back end's printer: a rolled program as a function over blocks of rows, a row in each lane of a vector.

    run(inputs, parameters, outputs, flags, scratch, blocks)

reads the inputs of blocks x lanes rows, one row after the other, and writes their outputs in the same way; a row whose
comparisons are not those of this path has the flag 0. Arrays of the program are vectors in `scratch`, small ones are
registers. What does not depend on the row is computed once, before the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..program import INPUTS, LITERALS
from ..rolled import Access, Group, Rolled
from .ir import Block, Kind, constant
from .llvm_functions import FOLDS, SPELLINGS, fold
from .vector_math import definition


def module(printers: Sequence[Any], *more: str) -> str:
    """The text of a module: the functions of the printers, then others, before them what they call and declare."""
    definitions: dict[str, None] = {}
    declared: set[str] = set()
    for printer in printers:
        declared |= printer.block.declared
        for kind in sorted({printer.kind, printer.one}, key=lambda kind: kind.lanes):
            for name in sorted(printer.block.wanted):
                text, also = definition(name, kind)
                definitions[text] = None
                declared |= also
    globals_ = [text for printer in printers for text in printer.globals]
    bodies = [printer.body for printer in printers]
    return "\n\n".join(["\n".join([*globals_, *sorted(declared)]), *definitions, *bodies, *more]) + "\n"


SMALL = 16  # entries of an array that is kept in registers


class Printer:
    """Prints the function of one rolled program: `text`, and the bytes of scratch that it wants."""

    arguments: tuple[str, ...] = ("inputs", "parameters", "outputs", "flags", "scratch")
    count = "blocks"

    def __init__(self, roll: Rolled, lanes: int, single: bool = False, exact: bool = False, name: str = "run") -> None:
        self.roll, self.exact, self.name = roll, exact, name
        self.kind, self.one = Kind(lanes, single), Kind(1, single)
        self.block = Block(self.kind)
        self.pointers = ["%x", "%parameters", f"@{name}.literals"]
        self.globals = [self._constants(f"@{name}.literals", list(roll.flat.literals.values()))]
        self.tables = 0
        self.in_rows = False
        self.scratch = 0
        for array in range(3, len(roll.sizes)):
            self.pointers.append(self._place(array))
        self.body = self._body()

    @property
    def text(self) -> str:
        """The whole module."""
        return module([self])

    def _body(self) -> str:
        """The definition of the function."""
        b, roll = self.block, self.roll
        entries = max(1, roll.sizes[INPUTS])
        b.entry.append(f"%x = alloca [{entries} x {self.kind.numbers}], align 64")
        b.entry += [f"%on = alloca {self.kind.flags}", "%settled = alloca i1"]
        b.lines.append("store i1 true, ptr %settled")
        for group in roll.groups:
            if not group.by_row:
                self._at(self.one, group)
        self.in_rows = True
        self._all_rows()
        arguments = ", ".join([*(f"ptr noalias %{name}" for name in self.arguments), f"i64 %{self.count}"])
        lines = [*b.entry, *b.lines, "ret void"]
        body = "\n".join(line if line.endswith(":") else f"  {line}" for line in lines)
        return f"define void @{self.name}({arguments}) {{\n{body}\n}}"

    def _all_rows(self) -> None:
        self.block.loop("%blocks", self._rows, most_written_out=0)

    def _rows(self, i: str) -> None:
        b, roll, lanes = self.block, self.roll, self.kind.lanes
        on = b.let("load i1, ptr %settled")
        if lanes > 1:
            first_flag = b.let(f"insertelement {self.kind.flags} poison, i1 {on}, i32 0")
            zeros = f"<{lanes} x i32> zeroinitializer"
            on = b.let(f"shufflevector {self.kind.flags} {first_flag}, {self.kind.flags} poison, {zeros}")
        b.lines.append(f"store {self.kind.flags} {on}, ptr %on")
        first = b.index(0, (lanes, i))
        self._load_rows(first)
        for group in roll.groups:
            if group.by_row:
                self._at(self.kind, group)
        self._store_rows(first)

    def _load_rows(self, first: str) -> None:
        """The inputs of the block's rows, turned so that each is a vector over the rows."""
        b, n, kind = self.block, self.roll.sizes[INPUTS], self.kind

        def one(j: str) -> None:
            vector = "poison"
            for lane in range(kind.lanes):
                where = b.index(n * lane, (n, first), (1, j))
                number = b.let(f"load {kind.scalar}, ptr {self._pointer('%inputs', kind.scalar, where)}")
                if kind.lanes == 1:
                    vector = number
                else:
                    vector = b.let(f"insertelement {kind.numbers} {vector}, {kind.scalar} {number}, i32 {lane}")
            b.store(self._pointer("%x", kind.numbers, j), vector)

        b.loop(n, one)

    def _store_rows(self, first: str) -> None:
        b, kind, outputs = self.block, self.kind, self.roll.outputs
        runs: list[tuple[int, int, int, int]] = []  # array, base, place among the outputs, length
        for k, (array, index) in enumerate(outputs):
            if runs and runs[-1][0] == array and runs[-1][1] + runs[-1][3] == index:
                runs[-1] = (*runs[-1][:3], runs[-1][3] + 1)
            else:
                runs.append((array, index, k, 1))
        for array, base, place, length in runs:

            def one(j: str, array: int = array, base: int = base, place: int = place) -> None:
                vector = self._load(Access(array, base, (1,)), [j], kind)
                for lane in range(kind.lanes):
                    where = b.index(len(outputs) * lane + place, (len(outputs), first), (1, j))
                    number = vector
                    if kind.lanes > 1:
                        number = b.let(f"extractelement {kind.numbers} {vector}, i32 {lane}")
                    target = self._pointer("%outputs", kind.scalar, where)
                    b.lines.append(f"store {kind.scalar} {number}, ptr {target}")

            b.loop(length, one)
        on = b.let(f"load {kind.flags}, ptr %on")
        wide = "i8" if kind.lanes == 1 else f"<{kind.lanes} x i8>"
        told = b.let(f"zext {kind.flags} {on} to {wide}")
        b.lines.append(f"store {wide} {told}, ptr {self._pointer('%flags', 'i8', first)}, align 1")

    def _at(self, kind: Kind, group: Group) -> None:
        """A group's loops, on vectors of a kind."""
        b = self.block
        b.kind = kind
        if group.primitive is None and group.guard is None:
            self._gather(group, kind)
        else:
            self._loops(group.extents, [], lambda counters: self._member(group, counters, kind))
        b.kind = self.kind

    def _loops(self, extents: tuple[int, ...], counters: list[str], body: Callable[[list[str]], None]) -> None:
        if not extents:
            body(counters)
            return
        self.block.loop(extents[0], lambda i: self._loops(extents[1:], [*counters, i], body))

    def _put(self, group: Group, counters: list[str], kind: Kind, result: str) -> None:
        """Store what a member computes."""
        where = self.block.index(0, *zip(self._flat(group.extents), counters, strict=True))
        self.block.store(self._pointer(self.pointers[group.array], kind.numbers, where), result)

    def _member(self, group: Group, counters: list[str], kind: Kind) -> None:
        b = self.block
        if group.guard is not None:
            comparison, expected, _ = group.guard
            left, right = (self._load(operand, counters, kind, group) for operand in group.operands)
            flags = b.compare(comparison, left, right)
            self._keep(flags if expected else self._not(flags, kind), kind)
            return
        assert group.primitive is not None
        name = group.primitive.name
        if name == "dot":
            result = self._dot(group, counters, kind)
        elif name in FOLDS:
            column, *others = group.operands

            def each(visit: Callable[[str], None]) -> None:
                b.loop(column.width or 0, lambda j: visit(self._load(column, counters, kind, group, j)))

            operands = [self._load(operand, counters, kind, group) for operand in others]
            result = fold(name, b, each, operands)
            if name == "take":
                valid = self._is_index(operands[0], column.width or 0)
                self._keep(valid, kind)
        else:
            operands = [self._load(operand, counters, kind, group) for operand in group.operands]
            result = SPELLINGS[name](b, *operands)
        self._put(group, counters, kind, result)

    def _dot(self, group: Group, counters: list[str], kind: Kind) -> str:
        b = self.block
        ws, xs, bias = group.operands
        total = b.variable(self._load(bias, counters, kind, group))

        def product(j: str) -> None:
            w, x = (self._load(operand, counters, kind, group, j) for operand in (ws, xs))
            sofar = b.load(total)
            b.store(total, b.add(sofar, b.multiply(w, x)) if self.exact else b.fused(w, x, sofar))

        b.loop(ws.width or 0, product)
        return b.load(total)

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

    def _not(self, flags: str, kind: Kind) -> str:
        ones = "true" if kind.lanes == 1 else f"<{', '.join(['i1 true'] * kind.lanes)}>"
        return self.block.let(f"xor {kind.flags} {flags}, {ones}")

    def _gather(self, group: Group, kind: Kind) -> None:
        b, place = self.block, 0
        for piece in group.operands:

            def one(j: str, piece: Access = piece, place: int = place) -> None:
                target = self._pointer(self.pointers[group.array], kind.numbers, b.index(place, (1, j)))
                b.store(target, self._load(piece, [], kind, group, j))

            b.loop(piece.width or 0, one)
            place += piece.width or 0

    def _load(
        self, access: Access, counters: list[str], kind: Kind, group: Group | None = None, column: str = "0"
    ) -> str:
        """What an operand is at the counters, as a vector of a kind."""
        b = self.block
        if access.array == LITERALS and access.table is None and not any(access.strides) and not access.step:
            return kind.number(list(self.roll.flat.literals.values())[access.base])
        if access.table is not None:
            extents = group.extents if group is not None else ()
            width = access.width if access.width is not None else 1
            flat = b.index(
                0, *((width * s, c) for s, c in zip(self._flat(extents), counters, strict=True)), (1, column)
            )
            where = b.let(f"load i64, ptr {self._pointer(self._table(access.table), 'i64', flat)}")
        else:
            where = b.index(access.base, *zip(access.strides, counters, strict=True), (access.step, column))
        pointer = self.pointers[access.array]
        if self.roll.by_row[access.array]:
            return b.load(self._pointer(pointer, kind.numbers, where))
        scalar = b.let(f"load {kind.scalar}, ptr {self._pointer(pointer, kind.scalar, where)}")
        if kind.lanes == 1:
            return scalar
        first = b.let(f"insertelement {kind.numbers} poison, {kind.scalar} {scalar}, i32 0")
        zeros = f"<{kind.lanes} x i32> zeroinitializer"
        return b.let(f"shufflevector {kind.numbers} {first}, {kind.numbers} poison, {zeros}")

    def _flat(self, extents: tuple[int, ...]) -> tuple[int, ...]:
        """The strides of counters in a group's own array."""
        strides = [1]
        for extent in extents[:0:-1]:
            strides.insert(0, strides[0] * extent)
        return tuple(strides[: len(extents)])

    def _pointer(self, base: str, entry: str, where: str) -> str:
        return self.block.let(f"getelementptr {entry}, ptr {base}, i64 {where}")

    def _place(self, array: int) -> str:
        """Where an array's numbers are: in registers if they are few, else in the scratch."""
        kind = self.kind if self.roll.by_row[array] else self.one
        size = max(1, self.roll.sizes[array])
        if size <= SMALL:
            self.block.entry.append(f"%a{array} = alloca [{size} x {kind.numbers}], align 64")
        else:
            self.block.entry.append(f"%a{array} = getelementptr i8, ptr %scratch, i64 {self.scratch}")
            self.scratch += -(-size * kind.lanes * kind.bits // 8 // 64) * 64
        return f"%a{array}"

    def _constants(self, name: str, numbers: list[float]) -> str:
        kind = self.one
        entries = ", ".join(f"{kind.scalar} {constant(number, kind.single)}" for number in numbers or [0.0])
        return f"{name} = private constant [{max(1, len(numbers))} x {kind.scalar}] [{entries}]"

    def _table(self, table: tuple[int, ...]) -> str:
        self.tables += 1
        entries = ", ".join(f"i64 {index}" for index in table or (0,))
        self.globals.append(
            f"@{self.name}.table{self.tables} = private constant [{max(1, len(table))} x i64] [{entries}]"
        )
        return f"@{self.name}.table{self.tables}"

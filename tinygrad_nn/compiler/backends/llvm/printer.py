"""The `llvm` back end's printer: a rolled program as a function over blocks of rows, a row in each lane of a vector.

    run(inputs, parameters, outputs, flags, scratch, blocks)

reads the inputs of blocks x lanes rows, one row after the other, and writes their outputs in the same way; a row whose
comparisons are not those of this path has the flag 0. Arrays of the program are vectors in `scratch`, small ones are
registers. What does not depend on the row is computed once, before the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from ...loops.clusters import clusters, stored
from ...loops.groups import Access, Group
from ...loops.rolled import Rolled
from ...loops.scatters import scatters
from ...program.program import INPUTS
from .ir import Block, Kind, indented
from .long_functions import cut, mark
from .loops import DEAR_IN_LLVM, Loops
from .transpose import columns_at_once, turned
from .vector_math import definition, vector_name

SMALL = 16  # entries of an array that is kept in registers
MOST_INLINE = 64  # calls of a function that are each put in its place: beyond, compiling takes longer than it saves


class FunctionText(NamedTuple):
    """A function's text: what its block calls and declares, its constants."""

    body: str
    block: Block
    constants: Sequence[str] = ()


def module(functions: Sequence[FunctionText], *more: str) -> str:
    """The text of a module: functions, then others, before them what they call and declare."""
    definitions: dict[str, None] = {}
    declared: set[str] = set()
    for function in functions:
        declared |= function.block.declared
        for name, kind in sorted(function.block.wanted, key=lambda wanted: (wanted[1].lanes, wanted[0])):
            calls = function.body.count(f"{vector_name(name, kind)}(")
            text, also = definition(name, kind, inline=calls <= MOST_INLINE)
            definitions[text] = None
            declared |= also
    constants = [text for function in functions for text in function.constants]
    bodies = [function.body for function in functions]
    return "\n\n".join(["\n".join([*constants, *sorted(declared)]), *definitions, *bodies, *more]) + "\n"


class Printer(Loops):
    """Prints the function of one rolled program: `text`, and the bytes of scratch that it wants."""

    arguments: tuple[str, ...] = ("inputs", "parameters", "outputs", "flags", "scratch")
    count = "blocks"

    def __init__(
        self, roll: Rolled, lanes: int, single: bool = False, exact: bool = False, name: str = "run", full: int = 1
    ) -> None:
        super().__init__(roll, Kind(lanes, single), full, exact, name)
        self.before, self.each = (
            clusters([group for group in self._computed() if group.by_row is by_row], self._read(), DEAR_IN_LLVM)
            for by_row in (False, True)
        )
        self.stored = stored(self.before + self.each, self._read()) | {INPUTS}
        self.scratch = 0
        self.parts: list[str] = []  # functions that the body was cut into
        self.pointers[INPUTS] = self._place(INPUTS)
        for array in range(3, len(roll.sizes)):
            self.pointers.append(self._place(array))
        self.body = self._body()

    @property
    def text(self) -> str:
        """The whole module."""
        return module([self.written])

    @property
    def written(self) -> FunctionText:
        """The function alone."""
        return FunctionText(self.body, self.block, self.globals)

    def _computed(self) -> list[Group]:
        """The groups that the function computes."""
        return self.roll.groups

    def _read(self) -> set[int]:
        """The arrays that are read when the groups are computed."""
        return {array for array, _ in self.roll.outputs}

    def _body(self) -> str:
        b = self.block
        b.entry += [f"%on = alloca {self.kind.flags}", "%settled = alloca i1"]
        b.lines.append("store i1 true, ptr %settled")
        self._in_parts([partial(self._at, self.one, cluster) for cluster in self.before])
        self.in_rows = True
        self._all_rows()
        arguments = ", ".join([*(f"ptr noalias %{name}" for name in self.arguments), f"i64 %{self.count}"])
        body = indented([*b.entry, *b.lines, "ret void"])
        return "\n\n".join([*self.parts, f"define void @{self.name}({arguments}) {{\n{body}\n}}"])

    def _in_parts(self, bodies: Sequence[Callable[[], None]], kinds: Mapping[str, str] | None = None) -> None:
        """Bodies that hand nothing on but through memory, in functions of their own where they are long together."""
        marks = [mark(self.block)]
        for body in bodies:
            body()
            marks.append(mark(self.block))
        self.parts += cut(self.block, f"{self.name}.part{len(self.parts)}.", marks, kinds or {})

    def _all_rows(self) -> None:
        self.block.loop("%blocks", self._rows, most_written_out=0)

    def _rows(self, i: str) -> None:
        b = self.block
        on = b.spread("i1", b.let("load i1, ptr %settled"))
        b.lines.append(f"store {self.kind.flags} {on}, ptr %on")
        first = b.index(0, (self.kind.lanes, i))
        self._load_rows(first)
        self._in_parts([partial(self._at, self.kind, cluster) for cluster in self.each])
        self._store_rows(first)

    def _load_rows(self, first: str) -> None:
        """The inputs of the block's rows, turned so that each is a vector over the rows."""
        n, kind = self.roll.sizes[INPUTS], self.kind
        self._turn([self.block.index(n * lane, (n, first)) for lane in range(kind.lanes)])

    def _turn(self, starts: list[str]) -> None:
        """The inputs of the rows that start at these places, turned so that each is a vector over the rows."""
        b, n, kind, at_once = self.block, self.roll.sizes[INPUTS], self.kind, columns_at_once(self.kind)
        whole, rest = divmod(n, at_once)

        def columns(i: str, count: int = at_once) -> None:
            first = b.index(0, (at_once, i))
            places = [self._pointer("%inputs", kind.scalar, b.index(0, (1, x), (1, first))) for x in starts]
            b.kind = Kind(at_once, kind.single)
            rows = [b.partly_loaded(place, count) for place in places]
            b.kind = kind
            for j, vector in enumerate(turned(b, rows)[:count]):
                b.store(self._pointer(self.pointers[INPUTS], kind.numbers, b.index(j, (1, first))), vector)

        b.loop(whole, columns, most_written_out=1)
        if rest:
            columns(str(whole), rest)

    def _store_rows(self, first: str) -> None:
        b, kind = self.block, self.kind
        copies = scatters(self.roll.outputs, {})
        self._in_parts([partial(self._copy, *copy, first) for copy in copies], {first: "i64"})
        on, wide = b.let(f"load {kind.flags}, ptr %on"), kind.of("i8")
        told = b.let(f"zext {kind.flags} {on} to {wide}")
        b.lines.append(f"store {wide} {told}, ptr {self._pointer('%flags', 'i8', first)}, align 1")

    def _copy(self, source: Access, target: Access, extents: tuple[int, ...], first: str) -> None:
        """Put outputs of the block's rows in their places."""
        b, kind, size = self.block, self.kind, len(self.roll.outputs)
        loops = Group(-1, None, extents, (), by_row=True)
        if kind.lanes == 1 and extents and source.follows() and target.follows():

            def run(members: list[list[str]]) -> None:
                found, place = (self._where(each, [*members[0], "0"], extents) for each in (source, target))
                start = self._pointer("%outputs", kind.scalar, b.index(0, (size, first), (1, place)))
                self._copy_run(start, self._pointer(self.pointers[source.array], kind.scalar, found), extents[-1], kind)

            self._loops(extents[:-1], [], 1, run)
            return

        def one(members: list[list[str]]) -> None:
            vector = self._load(source, members[0], kind, loops)
            place = self._where(target, members[0], extents)
            for lane in range(kind.lanes):
                where = b.index(size * lane, (size, first), (1, place))
                number = b.extracted(vector, lane)
                b.lines.append(f"store {kind.scalar} {number}, ptr {self._pointer('%outputs', kind.scalar, where)}")

        self._loops(extents, [], 1, one)

    def _place(self, array: int) -> str:
        """Where an array's numbers are: in registers if they are few, else in the scratch; nowhere if nobody reads."""
        kind = self.kind if self.roll.by_row[array] else self.one
        size = max(1, self.roll.sizes[array])
        if array not in self.stored:
            return ""
        if size <= SMALL:
            self.block.entry.append(f"%a{array} = alloca [{size} x {kind.numbers}], align 64")
        else:
            self._scratch(f"%a{array}", size * kind.lanes * kind.bits // 8)
        return f"%a{array}"

    def _scratch(self, name: str, size: int) -> None:
        """So many bytes of the scratch, from a multiple of 64 on."""
        self.block.entry.append(f"{name} = getelementptr i8, ptr %scratch, i64 {self.scratch}")
        self.scratch += -(-size // 64) * 64

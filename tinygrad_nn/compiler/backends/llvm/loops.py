"""What the members of a group compute, as LLVM text: the loops of groups, side by side, and where operands lie."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

from ....autograd import primitives as table
from ...loops.clusters import Cluster, strides, tiles
from ...loops.groups import Access, Group
from ...loops.rolled import Rolled
from ...program.program import LITERALS
from ...single_precision import checked_literals
from .functions import FOLDS, spelled
from .ir import Block, Kind, number_constant
from .transpose import lane_sums
from .vector_math import FUNCTIONS

# Primitives that take longer than a load and a store.
DEAR_IN_LLVM = {row for row in table.TABLE.values() if row.folds or row.name in FUNCTIONS}


def side_by_side(cluster: Cluster) -> int:
    """How many members of a loop are computed at once: as many sums as hide how long a product takes."""
    rows = {group.primitive for group in cluster}
    return 8 if table.dot in rows else 1 if rows & DEAR_IN_LLVM else 4


class Loops:
    """Prints the loops of groups into `block`; array k of the program lies at `pointers[k]`."""

    def __init__(self, roll: Rolled, kind: Kind, full: int, exact: bool, name: str) -> None:
        self.roll, self.exact, self.name = roll, exact, name
        self.kind, self.one, self.full = kind, Kind(1, kind.single), Kind(full, kind.single)
        self.along = self.columns = False  # whether a vector holds members of a loop, or columns, of a lone row
        self.block = Block(kind)
        self.pointers = ["", "%parameters", f"@{name}.literals"]
        self.literals = checked_literals(roll.flat, kind.single)
        self.globals = [self._constants(f"@{name}.literals", self.literals)]
        self.tables: dict[tuple[int, ...], str] = {}
        self.in_rows = False
        self.stored: set[int] = set()  # the arrays that are read beyond the loop that computes them
        self.registers: dict[int, list[str]] = {}  # of a tile of members, by array

    def _at(self, kind: Kind, cluster: Cluster) -> None:
        """The loops of groups that share them, on vectors of a kind."""
        b, lead = self.block, cluster[0]
        b.kind = kind
        if lead.guard is not None:
            self._loops(lead.extents, [], 1, lambda members: self._guard(lead, members[0], kind))
        elif lead.primitive is None:
            self._gather(lead, kind)
        elif kind.lanes == 1 and self._is_even(cluster):
            self._along(cluster, lead.extents, [])
        else:
            most = side_by_side(cluster)
            self._loops(lead.extents, [], most, lambda members: self._members(cluster, members, kind))
        b.kind = self.kind

    def _is_even(self, cluster: Cluster) -> bool:
        """Whether members of a loop that follow each other read numbers that do, or the same, and fill a vector."""
        extents = cluster[0].extents
        if self.full.lanes == 1 or not extents or extents[-1] < self.full.lanes:
            return False
        held, rows = {group.array for group in cluster}, [group.primitive for group in cluster]
        read = [o for group in cluster for o in group.operands if o.array not in held]
        if any(row is not None and row.folds and row is not table.dot for row in rows):
            return False
        return all(o.table is None and o.strides[-1] in (0, 1) for o in read)

    def _along(self, cluster: Cluster, extents: tuple[int, ...], counters: list[str]) -> None:
        """The loops of a cluster of a lone row, a member in each lane; the last ones, that fill no vector, alone."""
        b, lanes = self.block, self.full.lanes
        if len(extents) > 1:
            b.loop(extents[0], lambda i: self._along(cluster, extents[1:], [*counters, i]))
            return
        self.along, b.kind = True, self.full

        def tile(starts: list[str]) -> None:
            self._members(cluster, [[*counters, start] for start in starts], self.full)

        self._tiles(extents[0] // lanes, 4, tile, apart=lanes)
        self.along, b.kind = False, self.one
        if left := extents[0] % lanes:
            members = [[*counters, str(extents[0] - left + k)] for k in range(left)]
            self._members(cluster, members, self.one)

    def _loops(
        self, extents: tuple[int, ...], counters: list[str], most: int, body: Callable[[list[list[str]]], None]
    ) -> None:
        """body(members) for every tile of at most `most` members of the last loop: for each the counters of all."""
        b = self.block
        if not extents:
            body([counters])
        elif len(extents) > 1:
            b.loop(extents[0], lambda i: self._loops(extents[1:], [*counters, i], most, body))
        else:
            self._tiles(extents[0], most, lambda members: body([[*counters, i] for i in members]), single=4)

    def _tiles(self, count: int, most: int, body: Callable[[list[str]], None], single: int = 1, apart: int = 1) -> None:
        """body(places) for tiles of at most `most` of so many members that lie apart; `single` ones are written out."""
        for first, size, times in tiles(count, most):

            def tile(i: str, first: int = first, size: int = size) -> None:
                body([self.block.index((first + k) * apart, (size * apart, i)) for k in range(size)])

            self.block.loop(times, tile, most_written_out=single if size == 1 else 1)

    def _members(self, cluster: Cluster, members: list[list[str]], kind: Kind) -> None:
        """A tile of members, for each group of the cluster; what they hand on stays in registers."""
        self.registers = {}
        for group in cluster:
            assert group.primitive is not None
            if group.primitive is table.dot:
                results = self._dots(group, members, kind)
            else:
                results = [self._member(group, k, counters, kind) for k, counters in enumerate(members)]
            self.registers[group.array] = results
            for counters, result in zip(members, results, strict=True):
                self._put(group, counters, kind, result)
        self.registers = {}

    def _put(self, group: Group, counters: list[str], kind: Kind, result: str) -> None:
        """Store what a member computes, if it is read beyond this loop."""
        if group.array in self.stored:
            where = self.block.index(0, *zip(strides(group.extents), counters, strict=True))
            entry = kind.scalar if self.along else kind.numbers
            self.block.store(self._pointer(self.pointers[group.array], entry, where), result)

    def _guard(self, group: Group, counters: list[str], kind: Kind) -> None:
        assert group.guard is not None
        comparison, expected, _ = group.guard
        left, right = (self._load(operand, counters, kind, group) for operand in group.operands)
        flags = self.block.compare(comparison, left, right)
        self._keep(flags if expected else self.block.inverse(flags), kind)

    def _member(self, group: Group, k: int, counters: list[str], kind: Kind) -> str:
        """What member k of a tile computes."""
        b = self.block
        assert group.primitive is not None
        if not group.primitive.folds:
            given = [self._operand(operand, k, counters, kind, group) for operand in group.operands]
            return spelled(group.primitive)(b, *given)
        column, *others = group.operands

        def each(visit: Callable[[str], None]) -> None:
            b.loop(column.width or 0, lambda j: visit(self._load(column, counters, kind, group, j)))

        operands = [self._operand(operand, k, counters, kind, group) for operand in others]
        result = FOLDS[group.primitive.name](b, each, *operands)
        if group.primitive is table.take:
            self._keep(self._is_index(operands[0], column.width or 0), kind)
        return result

    def _operand(self, operand: Access, k: int, counters: list[str], kind: Kind, group: Group) -> str:
        """An operand of member k of a tile, from the register that holds it, else from memory."""
        held = self.registers.get(operand.array)
        return held[k] if held is not None else self._load(operand, counters, kind, group)

    def _dots(self, group: Group, members: list[list[str]], kind: Kind) -> list[str]:
        """The dots of a tile of members side by side, so that what they share is loaded once and no sum waits.

        The sums of a small tile are split into several chains, unless every rounding is to be the engine's.
        """
        b, (ws, xs, bias) = self.block, group.operands
        width = ws.width or 0
        wide = kind.lanes == 1 and width >= 2 * self.full.lanes > 2 and ws.step == xs.step == 1
        if wide and not self.exact and ws.table is None and xs.table is None:
            return self._dots_in_lanes(group, members)
        chains = 1 if self.exact else max(1, min(-(-4 // len(members)), width // 4))
        biases = [self._operand(bias, k, counters, kind, group) for k, counters in enumerate(members)]
        totals = [[b.variable(x), *(b.variable(b.number(0.0)) for _ in range(chains - 1))] for x in biases]

        def products(j: str, chain: int) -> None:
            shared: dict[Access, str] = {}
            for counters, sums in zip(members, totals, strict=True):
                factors = []
                for operand in (ws, xs):
                    factor = shared.get(operand) or self._load(operand, counters, kind, group, j)
                    if operand.table is None and not (operand.strides and operand.strides[-1]):
                        shared[operand] = factor
                    factors.append(factor)
                sofar = b.load(sums[chain])
                w, x = factors
                b.store(sums[chain], b.add(sofar, b.multiply(w, x)) if self.exact else b.fused(w, x, sofar))

        def round_of_chains(i: str) -> None:
            for chain in range(chains):
                products(b.index(chain, (chains, i)), chain)

        b.loop(width // chains, round_of_chains, most_written_out=4 if len(members) == 1 else 2)
        for j in range(width // chains * chains, width):
            products(str(j), 0)
        return [reduce(b.add, [b.load(chain) for chain in chained]) for chained in totals]

    def _dots_in_lanes(self, group: Group, members: list[list[str]]) -> list[str]:
        """The dots of some members of a lone row, with a column in each lane; what fills no vector is added alone."""
        b, full, (ws, xs, bias) = self.block, self.full, group.operands
        whole, left = divmod(ws.width or 0, full.lanes)
        biases = [self._operand(bias, k, counters, self.one, group) for k, counters in enumerate(members)]
        self.along, b.kind = True, full
        totals = [b.variable(b.number(0.0)) for _ in members]

        def chunk(i: str) -> None:
            column, shared = b.index(0, (full.lanes, i)), ""
            for counters, total in zip(members, totals, strict=True):
                w = self._load(ws, counters, full, group, column)
                shared = self._load(xs, counters, full, group, column) if any(xs.strides) or not shared else shared
                b.store(total, b.fused(w, shared, b.load(total)))

        self.columns = True
        b.loop(whole, chunk, most_written_out=1)
        self.columns = self.along = False
        sums: list[str] = []
        for k in range(0, len(totals), full.lanes):
            vectors = [b.load(total) for total in totals[k : k + full.lanes]]
            summed = lane_sums(b, vectors + [b.number(0.0)] * (full.lanes - len(vectors)))
            sums += [b.extracted(summed, lane) for lane in range(len(vectors))]
        b.kind = self.one
        found = []
        for counters, sofar, total in zip(members, biases, sums, strict=True):
            for j in range(whole * full.lanes, whole * full.lanes + left):
                factors = [self._load(operand, counters, self.one, group, str(j)) for operand in (ws, xs)]
                sofar = b.fused(factors[0], factors[1], sofar)
            found.append(b.add(sofar, total))
        return found

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
            return kind.number(self.literals[access.base])
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

    def _constants(self, name: str, numbers: list[float]) -> str:
        kind = self.one
        entries = ", ".join(f"{kind.scalar} {number_constant(number, kind.single)}" for number in numbers or [0.0])
        return f"{name} = private constant [{max(1, len(numbers))} x {kind.scalar}] [{entries}]"

    def _table(self, table: tuple[int, ...]) -> str:
        """A table among the constants, each once."""
        if table not in self.tables:
            name = self.tables[table] = f"@{self.name}.table{len(self.tables) + 1}"
            entries = ", ".join(f"i64 {index}" for index in table or (0,))
            self.globals.append(f"{name} = private constant [{max(1, len(table))} x i64] [{entries}]")
        return self.tables[table]

"""The loops of groups as LLVM text: tiles of members, side by side, and sums of products."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial, reduce

from ....autograd import primitives as table
from ...loops.clusters import Cluster, arrays_made, clusters, handed_on, stored, tiles
from ...loops.groups import Access, Group, Repeated
from .ir import Kind
from .members import Members
from .transpose import lane_sums
from .vector_math import FUNCTIONS

# Primitives that take longer than a load and a store.
DEAR_IN_LLVM = {row for row in table.TABLE.values() if row.folds or row.name in FUNCTIONS}


def side_by_side(cluster: Cluster) -> int:
    """How many members of a loop are computed at once: as many sums as hide how long a product takes."""
    rows = {group.primitive for group in cluster}
    return 8 if table.dot in rows else 1 if rows & DEAR_IN_LLVM else 4


class Loops(Members):
    """Prints the loops of groups."""

    def _place(self, array: int) -> str:
        """Where an array's numbers are, for a printer to say."""
        raise NotImplementedError

    def _in_parts(self, bodies: Sequence[Callable[[], None]], kinds: Mapping[str, str] | None = None) -> None:
        """Bodies that hand nothing on but through memory."""
        raise NotImplementedError

    def _at(self, kind: Kind, cluster: Cluster) -> None:
        """The loops of groups that share them, on vectors of a kind."""
        b, lead = self.block, cluster[0]
        b.kind, outside = kind, b.kind
        if isinstance(lead, Repeated):
            self._repeat(lead, kind)
        elif lead.guard is not None:
            self._loops(lead.extents, [], 1, lambda members: self._guard(lead, members[0], kind))
        elif lead.primitive is None:
            self._gather(lead, kind)
        elif kind.lanes == 1 and self._is_even(cluster):
            self._along(cluster, lead.extents, [])
        else:
            most = side_by_side(cluster)
            self._loops(lead.extents, [], most, lambda members: self._members(cluster, members, kind))
        b.kind = outside

    def _repeat(self, group: Repeated, kind: Kind) -> None:
        """The loop over iterations: views move on, and what is carried is put where the next iteration reads it."""
        b, read = self.block, handed_on(group)
        inside = clusters(list(group.groups), read, DEAR_IN_LLVM)
        carried = {each.array for each in group.firsts}
        self.stored |= stored(inside, read) | carried
        for array in sorted(carried.union(*(arrays_made(each) for each in group.groups)) - {-1, *group.views}):
            self.pointers[array] = self.pointers[array] or self._place(array)
        for first in group.firsts:
            self._gather(first, kind)

        def iteration(t: str) -> None:
            for view, (array, stride) in group.views.items():
                entry = kind if self.roll.by_row[array] else self.one
                self.pointers[view] = self._pointer(self.pointers[array], entry.numbers, b.index(0, (stride, t)))
            bodies = [partial(self._at, kind if each[0].by_row else self.one, each) for each in inside]
            self._in_parts([*bodies, *(partial(self._gather, each, kind) for each in group.nexts)], {t: "i64"})

        b.loop(group.times, iteration, most_written_out=0)

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
        self.held = {}
        for group in cluster:
            if group.primitive is table.dot:
                self.held[group.array] = {(k, 1): total for k, total in enumerate(self._dots(group, members, kind))}
            else:
                self._computed_by(group, members, kind)
            self._put(group, members, kind)
        self.held = {}

    def _guard(self, group: Group, counters: list[str], kind: Kind) -> None:
        assert group.guard is not None
        comparison, expected, _ = group.guard
        left, right = (self._load(operand, counters, kind, group) for operand in group.operands)
        flags = self.block.compare(comparison, left, right)
        self._keep(flags if expected else self.block.inverse(flags), kind)

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
        biases = [self._operand(bias, k, [counters], kind, group) for k, counters in enumerate(members)]
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
        biases = [self._operand(bias, k, [counters], self.one, group) for k, counters in enumerate(members)]
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

    def _gather(self, group: Group, kind: Kind) -> None:
        b, place = self.block, 0
        for piece in group.operands:

            def one(j: str, piece: Access = piece, place: int = place) -> None:
                target = self._pointer(self.pointers[group.array], kind.numbers, b.index(place, (1, j)))
                b.store(target, self._load(piece, [], kind, group, j))

            b.loop(piece.width or 0, one)
            place += piece.width or 0

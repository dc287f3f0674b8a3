"""Where the numbers of a rolled program lie in C: in what the caller gives, in tables, in slots of a scratch.

Arrays that outlive the loop that computes them lie in the scratch, in slots that others use again when they are read no
more; single numbers, and what one loop alone reads, are local variables. Results go straight to where the caller wants
them, if they come in an order that a loop can follow.
"""

from __future__ import annotations

from collections.abc import Sequence

from ....autograd import primitives as table
from ....autograd.primitives import TABLE
from ...loops.clusters import strides
from ...loops.grouping import affine
from ...loops.groups import Access, Repeated
from ...loops.listing import TIMES, array_names
from ...loops.rolled import Rolled
from ...program.names import told
from ...program.program import INPUTS, LITERALS, PARAMETERS
from .blocks import Lifetimes, View, everything, in_blocks, needed, packed
from .constants import Constants
from .functions import LocalNames, c_number, calls_another
from .over_time.carried import apart, begun, replaced
from .over_time.pieces import in_pieces
from .regions import SHORT, Region, plus, row_entry, strided
from .side_by_side import in_tiles

# Primitives that are not worth computing later.
DEAR_IN_C = set(filter(calls_another, TABLE.values())) | {table.power, table.divide}


class Places:
    """Where each array is: the roll's entries, names, direct outputs, and places in the scratch.

    `inputs`, `parameters` and `outputs` say where the caller has them; with `returns` the first output is returned.
    """

    def __init__(
        self, roll: Rolled, inputs: Sequence[Region], parameters: Sequence[Region], outputs: Sequence[Region],
        returns: bool, constants: Constants,
    ) -> None:  # fmt: skip
        self.roll = roll = apart(in_pieces(roll))
        self.single, self.constants, self.outputs = constants.single, constants, list(outputs)
        self.regions = {INPUTS: list(inputs), PARAMETERS: list(parameters), LITERALS: list[Region]()}
        self.literals = list(roll.flat.literals.values())
        self.repeats = [(depth, g) for depth, g in everything(roll.groups) if isinstance(g, Repeated)]
        self.groups = [g for _, g in everything(roll.groups) if not isinstance(g, Repeated)]
        self.handed = [each for _, repeat in self.repeats for each in (*repeat.firsts, *repeat.nexts)]
        self.views = {v: View(*place, r.times, depth) for depth, r in self.repeats for v, place in r.views.items()}
        self.kept_now = self.views.keys() & {group.array for group in self.groups}  # views through which results go
        self.inlined = self._inlined()
        self.tables = self._tables()
        self.direct = self._direct(1 if returns else 0)
        ends = {array for k, (array, _) in enumerate(roll.outputs) if (array not in self.direct) or (returns and not k)}
        self.entries = in_blocks(roll.groups, ends, DEAR_IN_C)
        self._order()
        self.needed = needed(self.entries, ends)
        elsewhere = [*self.views, *ends, *self.direct]
        self.begun = begun(self.entries, elsewhere, roll.sizes)
        self.same = self.begun | replaced(self.entries, self.views, self.inlined, roll.sizes)
        self.views |= {array: View(before, 0, 1, 0) for array, before in self.same.items()}
        self._name(LocalNames(constants.name, [region.name for region in [*inputs, *parameters, *outputs]]))
        self.stored = {self.base(array) for array in self.needed if not self.is_variable(array)}
        self.places, self.slots = self._allocated(ends)
        self.letters = ""  # the counters of the loops that are open
        self.held: dict[int, str] = {}  # arrays whose member is a local variable of the loop, and what it is called
        self.first, self.whole = 0, 0  # in a tile, its first member and how many there are in all tiles

    def _order(self) -> None:
        """Give the entries another order."""

    def _name(self, named: LocalNames) -> None:
        """Name the counters of repeats, and all arrays: of one that is kept in all iterations h, that of now is h_t.

        What is carried is h_before.
        """
        depths = 1 + max([depth for depth, _ in self.repeats], default=-1)
        self.times = [named(TIMES[min(depth, len(TIMES) - 1)]) for depth in range(depths)]
        slots, names = list(self.roll.slots), told(self.roll.flat)
        for known in [[slot for slot in each if slot >= 0] for each in slots]:
            for slot in (*known[:1], *known[-1:]):  # which an array is named after
                names.setdefault(slot, f"v{slot}")
        nexts = [each for _, repeat in self.repeats for each in repeat.nexts]
        before = 1 + max(names, default=0)
        for array in [each.array for each in nexts] + [array for array, named_by in enumerate(slots) if not named_by]:
            slots[array] = [before]
        bases = array_names(slots, names, self.roll.groups)
        for each in reversed(nexts):
            source = each.operands[0].array
            bases[each.array] = bases[source] + "_before" * (source not in self.same)
        for array in self.same:
            bases[array] += "_first" if array in self.begun else "_next"
        for view in self.kept_now:
            bases[view] += f"_{self.times[self.views[view].depth]}"
        local = self.kept_now | self.same.keys() | {*range(len(bases))} - self.views.keys()
        self.names = [named(base) if array in local else base for array, base in enumerate(bases)]

    def _inlined(self) -> dict[int, list[tuple[int, int]]]:
        """What is laid side by side for short dots alone, which read it where it is: the array and index of each."""
        gathered = {group.array: group.spots for group in self.groups if group.gathers}
        kept = {array for array, _ in self.roll.outputs}
        for group in [*self.groups, *self.handed, *(repeat for _, repeat in self.repeats)]:
            short = group.size == 1 and group.primitive is table.dot
            kept |= {
                o.array for o in group.operands if not short or o.table is not None or (o.width or SHORT + 1) > SHORT
            }
        return {array: spots for array, spots in gathered.items() if array not in kept}

    def _tables(self) -> dict[int, str]:
        """The names of tables of series of literals."""
        return {
            group.array: self.constants.table([c_number(self.literals[i], self.single) for _, i in group.spots], "real")
            for group in self.groups
            if group.gathers and {o.array for o in group.operands} == {LITERALS}
        }

    def _direct(self, first: int) -> dict[int, tuple[Region, tuple[int, ...], int]]:
        """Arrays whose every entry is one output: the region, the strides of the loops and the first place."""
        positions: dict[int, dict[int, list[int]]] = {}
        for k, (array, index) in enumerate(self.roll.outputs):
            if k >= first:
                positions.setdefault(array, {}).setdefault(index, []).append(k)
        found = {}
        extents = {group.array: group.extents for group in self.roll.groups if group.primitive is not None}
        extents |= {
            view.array: (view.times, view.stride)
            for v, view in self.views.items()
            if v in self.kept_now and not view.depth
        }
        for array, at in positions.items():
            if array not in extents or len(at) < self.roll.sizes[array] or any(len(ks) > 1 for ks in at.values()):
                continue
            order = [at[index][0] for index in range(self.roll.sizes[array])]
            spaced = affine(order, extents[array])
            region = next((r for r in self.outputs if r.holds(min(order), max(order))), None)
            if spaced is not None and region is not None:
                found[array] = region, spaced, order[0]
        return found

    def _allocated(self, ends: set[int]) -> tuple[dict[int, int], int]:
        """A place in the scratch for each stored array, from its cluster to the last that reads it; and their size."""
        times = Lifetimes(self.entries, self.base, self.inlined)
        first, last = times.first, times.last | dict.fromkeys(map(self.base, ends), times.end)
        elsewhere = {*self.inlined, *self.tables}
        spans = [
            (first[a], last.get(a, first[a]), a)
            for a in first
            if a in self.stored and self.is_array(a) and a not in elsewhere
        ]
        across = {  # read across regions: laid side by side before all else
            array
            for group in [*self.groups, *self.handed]
            for o in group.operands
            if (array := self.base(o.array)) in (INPUTS, PARAMETERS)
            if self._region(o, group.extents) is None and group.array not in self.inlined
        }
        spans += [(-1, times.end, array) for array in across]
        return packed(spans, self.roll.sizes)

    def is_array(self, array: int) -> bool:
        return self.roll.sizes[array] > 1

    def is_variable(self, view: int) -> bool:
        """Whether what a view stands for is a single number, which an iteration computes and has in a variable."""
        return view in self.kept_now and not self.is_array(view)

    def base(self, array: int) -> int:
        """What a view stands for."""
        while array in self.views:
            array = self.views[array].array
        return array

    def moves(self, array: int) -> tuple[int, list[View]]:
        """Where an array is, and how it moves, with the outermost repeat first."""
        found = []
        while array in self.views and not self.is_variable(array):
            found.append(self.views[array])
            array = self.views[array].array
        return array, found[::-1]

    def target(self, array: int) -> tuple[int, list[View]]:
        """Where what a group computes is kept, and how that moves."""
        (base, views), view = self.moves(array), self.views.get(array)
        if view is not None and not views:  # a variable, which is kept
            base, views = self.moves(view.array)
            views.append(view)
        return base, views

    def is_put_alone(self, array: int) -> bool:
        """Whether what a group computes goes to the caller, and nowhere else, and is made of no parameters."""
        group = next(group for group in self.groups if group.array == array)
        read = {self.moves(operand.array)[0] for operand in group.operands}
        return array in self.direct and array not in self.stored | {*self.views} and PARAMETERS not in read

    def _region(self, access: Access, extents: tuple[int, ...]) -> Region | None:
        array, views = self.moves(access.array)
        indices = access.indices(extents)
        if not indices:
            return Region("", 0, 0)
        ends = [(0, view.stride * (view.times - 1)) for view in views]
        first, last = min(indices) + sum(map(min, ends)), max(indices) + sum(map(max, ends))
        return next((r for r in self.regions[array] if r.holds(first, last)), None)

    def count(self, extents: tuple[int, ...]) -> str:
        """Which member of the group it is."""
        return plus(strided(self.steps(extents), extents), self.first)

    def steps(self, extents: tuple[int, ...]) -> tuple[int, ...]:
        """The strides of the loop counters in a group's own array."""
        return in_tiles(strides((*extents[:-2], self.whole)), extents[-1]) if self.whole else strides(extents)

    def element(self, array: int, index: int) -> str:
        """One entry of an array, outside of any loop."""
        return self.read(Access(array, index, ()), (), "", None)

    def read(self, access: Access, extents: tuple[int, ...], index: str, k: str | None) -> str:
        """What an operand reads: `index` are the strided counters, and `k` counts the entries of a column."""
        if access.array in self.inlined:
            return self.element(*self.inlined[access.array][access.base + access.step * int(k or 0)])
        if access.array in self.held:
            return self.held[access.array]
        array, views = self.moves(access.array)
        if array == LITERALS:
            places = set(access.indices(extents))
            for view in views:
                places = {place + view.stride * t for place in places for t in range(view.times)}
            same = {c_number(self.literals[i], self.single) for i in places}
            if len(same) == 1:
                return same.pop()
        region = self._lying(access, extents)
        if region is None:
            return self.names[array]
        moves = [(view.stride, self.times[view.depth]) for view in views]
        if access.table is not None:
            where = self.count(extents) if access.width is None else row_entry(self.count(extents), access.width, k)
            table = self.constants.table([str(i - region.start) for i in access.table], "index")
            return region.at(region.start, f"{table}[{where}]", moves)
        if k is None or not access.step:
            return region.at(access.base, index, moves)
        if k.isdigit():
            return region.at(access.base + access.step * int(k), index, moves)
        if access.step < 0:
            return region.at(access.base, index, [*moves, (access.step, k)])
        term = k if access.step == 1 else f"{access.step} * {k}"
        return region.at(access.base, " + ".join(filter(None, [index, term])), moves)

    def local(self, array: int) -> str:
        """The variable that holds an entry of an array in the loops that are open."""
        return f"{self.names[array]}_{self.letters}" if self.letters else self.names[array]

    def _lying(self, access: Access, extents: tuple[int, ...]) -> Region | None:
        """Where what an operand reads lies; None for a single number, which is a variable."""
        array = self.moves(access.array)[0]
        if array == LITERALS:
            return Region(self.constants.table([c_number(n, self.single) for n in self.literals], "real"), 0, 0)
        if array in self.tables:
            return Region(self.tables[array], 0, 0)
        if array in self.places:
            return Region(self.names[array], 0, 0)
        if array in (INPUTS, PARAMETERS):
            return self._region(access, extents)
        assert not self.is_array(array), f"the array {self.names[array]} is nowhere"
        return None

"""Where the numbers of a rolled program lie in C: in what the caller gives, in tables, in slots of a scratch.

Arrays that outlive the loop that computes them lie in the scratch, in slots that others use again when they are read no
more; single numbers, and what one loop alone reads, are local variables. Results go straight to where the caller wants
them, if they come in an order that a loop can follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ....autograd import primitives as table
from ....autograd.primitives import TABLE, Primitive
from ....support.names import free
from ...loops.clusters import clusters, stored, strides
from ...loops.grouping import affine
from ...loops.groups import Access
from ...loops.listing import array_names
from ...loops.rolled import Rolled
from ...program.names import told
from ...program.program import INPUTS, LITERALS, PARAMETERS
from .functions import LocalNames, c_number, in_place, in_precision

# Primitives that are not worth computing later.
DEAR_IN_C = {row for row in TABLE.values() if not in_place(row)} | {table.power, table.divide}
COUNTERS = "ij"
SHORT = 4  # products of a dot that is written out
INDEX_TYPES = {"unsigned char": 1, "unsigned short": 2, "int": 4}  # and how many bytes they take


@dataclass(frozen=True)
class Region:
    """Entries of an array of the program, or of its outputs, that lie together in C: a name, from `start` on.

    `alone` are those that are a variable and not an element.
    """

    name: str
    start: int
    size: int
    alone: bool = False

    def holds(self, first: int, last: int) -> bool:
        return self.start <= first and last < self.start + self.size

    def at(self, base: int, index: str) -> str:
        """The entry at base + index, of a text of which the base is no part."""
        if self.alone:
            return self.name
        return f"{self.name}[{plus(index, base - self.start)}]"


def plus(index: str, base: int) -> str:
    if not index:
        return str(base)
    return f"{index} {'+' if base > 0 else '-'} {abs(base)}" if base else index


class Constants:
    """The constant tables of a file, each once, and the functions that it wants."""

    def __init__(self, name: str, single: bool) -> None:
        self.name, self.single = name, single
        self.tables: dict[tuple[str, tuple[str, ...]], str] = {}
        self.wanted: set[Primitive] = set()

    def table(self, entries: Sequence[str], kind: str, name: str = "") -> str:
        """The name of a table of these entries; of kind "index" for small numbers, else "real"."""
        entries = [entry.strip("()") for entry in entries]  # which negative numbers stand in
        if kind == "index":
            most = max(map(int, entries), default=0)
            kind = next(name for name, width in INDEX_TYPES.items() if most < 256**width)
        key = kind, tuple(entries)
        if key not in self.tables:
            wanted, taken = f"{self.name}_{name or 'table1'}", {*self.tables.values()}.__contains__
            stem, count = wanted.rstrip("0123456789"), len(self.tables)
            self.tables[key] = free(wanted, taken, lambda _, k: f"{stem}{count + k - 1}")
        return self.tables[key]

    @property
    def size(self) -> int:
        """The bytes of the tables."""
        real = 4 if self.single else 8
        return sum(len(entries) * INDEX_TYPES.get(kind, real) for kind, entries in self.tables)

    @property
    def text(self) -> str:
        """Their definitions."""
        tables = (
            f"static const {kind} {name}[{len(entries)}] = {{\n{wrapped(entries)}}};\n\n"
            for (kind, entries), name in self.tables.items()
        )
        return in_precision("".join(tables), self.single)


class Places:
    """Where each array is: the roll's clusters, names, direct outputs, and places in the scratch.

    `inputs`, `parameters` and `outputs` say where the caller has them; with `returns` the first output is returned.
    """

    def __init__(
        self, roll: Rolled, inputs: Sequence[Region], parameters: Sequence[Region], outputs: Sequence[Region],
        returns: bool, constants: Constants,
    ) -> None:  # fmt: skip
        self.roll, self.single, self.constants, self.outputs = roll, constants.single, constants, list(outputs)
        self.regions = {INPUTS: list(inputs), PARAMETERS: list(parameters), LITERALS: list[Region]()}
        self.literals = list(roll.flat.literals.values())
        named = LocalNames(constants.name, [region.name for region in [*inputs, *parameters, *outputs]])
        self.names = list(map(named, array_names(roll.slots, told(roll.flat))))
        self.inlined = self._inlined()
        self.direct = self._direct(1 if returns else 0)
        ends = {array for k, (array, _) in enumerate(roll.outputs) if (array not in self.direct) or (returns and not k)}
        self.clusters = clusters(roll.groups, ends, DEAR_IN_C)
        self.stored = stored(self.clusters, ends)
        self.places, self.slots = self._allocated(ends)
        self.letters = ""  # the counters of the loops that are open
        self.held: set[int] = set()  # arrays whose member is a local variable of the loop

    def _inlined(self) -> dict[int, list[tuple[int, int]]]:
        """What is laid side by side for short dots alone, which read it where it is: the array and index of each."""
        gathered = {
            group.array: [(o.array, i) for o in group.operands for i in o.indices(())]
            for group in self.roll.groups
            if group.primitive is None and group.guard is None
        }
        kept = {array for array, _ in self.roll.outputs}
        for group in self.roll.groups:
            short = group.size == 1 and group.primitive is table.dot
            kept |= {
                o.array for o in group.operands if not short or o.table is not None or (o.width or SHORT + 1) > SHORT
            }
        return {array: entries for array, entries in gathered.items() if array not in kept}

    def _direct(self, first: int) -> dict[int, tuple[Region, tuple[int, ...], int]]:
        """Arrays whose every entry is one output: the region, the strides of the loops and the first place."""
        positions: dict[int, dict[int, list[int]]] = {}
        for k, (array, index) in enumerate(self.roll.outputs):
            if k >= first:
                positions.setdefault(array, {}).setdefault(index, []).append(k)
        found = {}
        extents = {group.array: group.extents for group in self.roll.groups if group.primitive is not None}
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
        first: dict[int, int] = {}
        last: dict[int, int] = {}
        for k, cluster in enumerate(self.clusters):
            for group in cluster:
                if group.array >= 0:
                    first[group.array] = k
                for operand in group.operands:
                    last[operand.array] = k
                    last |= {array: k for array, _ in self.inlined.get(operand.array, ())}
        last |= dict.fromkeys(ends, len(self.clusters))
        spans = [
            (first[a], last.get(a, first[a]), a)
            for a in first
            if a in self.stored and self.is_array(a) and a not in self.inlined
        ]
        for array in (INPUTS, PARAMETERS):  # read across regions: laid side by side before all else
            if any(self._region(o, group.extents) is None for group in self.roll.groups for o in group.operands
                   if o.array == array and group.array not in self.inlined):  # fmt: skip
                spans.append((-1, len(self.clusters), array))
        return _packed(spans, self.roll.sizes)

    def is_array(self, array: int) -> bool:
        return self.roll.sizes[array] > 1

    def _region(self, access: Access, extents: tuple[int, ...]) -> Region | None:
        indices = access.indices(extents)
        if not indices:
            return Region("", 0, 0)
        return next((r for r in self.regions[access.array] if r.holds(min(indices), max(indices))), None)

    def count(self, extents: tuple[int, ...]) -> str:
        """Which member of the group it is."""
        return strided(strides(extents), extents) or "0"

    def element(self, array: int, index: int) -> str:
        """One entry of an array, outside of any loop."""
        return self.read(Access(array, index, ()), (), "", None)

    def read(self, access: Access, extents: tuple[int, ...], index: str, k: str | None) -> str:
        """What an operand reads: `index` are the strided counters, and `k` counts the entries of a column."""
        array = access.array
        if array in self.inlined:
            return self.element(*self.inlined[array][access.base + access.step * int(k or 0)])
        if array in self.held:
            return self.local(array)
        if array == LITERALS:
            same = {c_number(self.literals[i], self.single) for i in access.indices(extents)}
            if len(same) == 1:
                return same.pop()
        region = self._lying(access, extents)
        if region is None:
            return self.names[array]
        if access.table is not None:
            where = self.count(extents) if access.width is None else row_entry(self.count(extents), access.width, k)
            table = self.constants.table([str(i - region.start) for i in access.table], "index")
            return f"{region.name}[{table}[{where}]]"
        if k is None or not access.step:
            return region.at(access.base, index)
        if k.isdigit():
            return region.at(access.base + access.step * int(k), index)
        term = k if access.step == 1 else f"{access.step} * {k}"
        return region.at(access.base, " + ".join(filter(None, [index, term])))

    def local(self, array: int) -> str:
        """The variable that holds an entry of an array in the loops that are open."""
        return f"{self.names[array]}_{self.letters}" if self.letters else self.names[array]

    def _lying(self, access: Access, extents: tuple[int, ...]) -> Region | None:
        """Where what an operand reads lies; None for a single number, which is a variable."""
        array = access.array
        if array == LITERALS:
            return Region(self.constants.table([c_number(n, self.single) for n in self.literals], "real"), 0, 0)
        if array in self.places:
            return Region(self.names[array], 0, 0)
        if array in (INPUTS, PARAMETERS):
            return self._region(access, extents)
        assert not self.is_array(array), f"the array {self.names[array]} is nowhere"
        return None


def _packed(spans: Sequence[tuple[int, int, int]], sizes: Sequence[int]) -> tuple[dict[int, int], int]:
    """A place for each array, none over another that is in use at the same time; and how much they take together.

    A span is the first and the last cluster that an array is there for, and the array.
    """
    places: dict[int, int] = {}
    taken: list[tuple[int, int, int]] = []  # place, size, last cluster
    for begins, finishes, array in sorted(spans):
        place = 0
        for other, length in sorted((p, s) for p, s, until in taken if until >= begins):
            if place + sizes[array] <= other:
                break
            place = max(place, other + length)
        places[array] = place
        taken.append((place, sizes[array], finishes))
    return places, max((place + size for place, size, _ in taken), default=0)


def wrapped(entries: Sequence[str], width: int = 100) -> str:
    """Entries of a table, in lines."""
    lines = [""]
    for entry in entries:
        if len(lines[-1]) + len(entry) > width:
            lines.append("")
        lines[-1] += f" {entry}," if lines[-1] else f"    {entry},"
    return "".join(f"{line}\n" for line in lines)


def strided(steps: Sequence[int], extents: tuple[int, ...]) -> str:
    """The counters of the loops times their strides: 3 * i + j, say; loops of one member have no counter."""
    terms = []
    for counter, step, extent in zip(COUNTERS, steps, extents, strict=False):
        if step and extent > 1:
            terms.append(counter if step == 1 else f"{step} * {counter}")
    return " + ".join(terms)


def row_entry(count: str, width: int, k: str | None) -> str:
    """Entry k of row `count` of a table that is `width` wide."""
    row = "" if count == "0" else f"{width} * ({count})" if " " in count else f"{width} * {count}"
    return " + ".join(part for part in (row, k or "") if part and part != "0") or "0"

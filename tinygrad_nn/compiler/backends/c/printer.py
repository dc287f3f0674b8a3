"""The `c` back end's printer: a rolled program as the body of a C99 function, a loop for each group of instructions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from ....autograd import primitives as table
from ...loops.clusters import Cluster
from ...loops.groups import Access, Group
from ...loops.rolled import Rolled
from ...program.program import LITERALS
from .blocks import Iteration, Printed
from .constants import Constants
from .folds import Folds
from .functions import called, named_after
from .regions import COUNTERS, SHORT, Region, plus, strided
from .side_by_side import Tile, in_tiles, rows_beside, sums_beside, tiles_beside

EXPLAINED = "/* Sums are made side by side, each in its own order, so that none waits for the one before. */"


class Printer(Folds):
    """The lines of a function's body, the slots that it wants, and `returned`, what it gives back.

    `off` is what is done where a comparison comes out otherwise or an index is none.
    """

    def __init__(
        self, roll: Rolled, inputs: Sequence[Region], parameters: Sequence[Region], outputs: Sequence[Region],
        returns: bool, off: str, scratch: str, constants: Constants,
    ) -> None:  # fmt: skip
        super().__init__(roll, inputs, parameters, outputs, returns, constants)
        self.off, self.wanted = off, constants.wanted
        self.lines: list[str] = []
        self.depth = self.open = 0  # how far the lines are indented, and how many repeats are open
        for array, place in sorted(self.places.items()):
            self._line(f"real *const {self.names[array]} = {scratch} + {place};")
        for array in self.regions.keys() & self.places:
            self._copy(array)
        self.declared: set[int] = set()  # single results of repeats, which their iterations set
        self._settle()
        self._print(self.entries)
        self._put(returns)
        self.returned = self.element(*roll.outputs[0]) if returns else ""

    @property
    def text(self) -> str:
        """The lines, indented."""
        text = "".join(f"    {line}\n" for line in self.lines)
        return named_after(text, self.constants.name)

    def _settle(self) -> None:
        """What is to be said of outputs before the first line that puts one."""

    def _print(self, entries: Sequence[Printed]) -> None:
        for entry in entries:
            if isinstance(entry, Iteration):
                self._block(entry)
            else:
                self._cluster(entry)

    def _block(self, block: Iteration) -> None:
        """The loop of a repeat: what is carried comes before it, and at the end of an iteration that of the next."""
        repeat = block.repeat
        single = {a for a in repeat.results if not self.is_array(a) and a in self.needed and a not in self.same}
        for array in sorted(single - self.declared):
            self._line(f"real {self.names[array]} = 0.0;")
        self.declared |= single
        for first in repeat.firsts:
            if self.same.get(first.operands[0].array) != first.array:
                self._gather(first, "real ")
            self.declared |= {first.array}
        t = self.times[self.open]
        self._line(f"for (int {t} = 0; {t} < {repeat.times}; ++{t}) {{")
        self.depth, self.open = self.depth + 1, self.open + 1
        self._print(block.entries)
        for each in repeat.nexts:
            if self.same.get(each.operands[0].array) != each.array:
                self._gather(each)
        self.depth, self.open = self.depth - 1, self.open - 1
        self._line("}")

    def _put(self, first: int) -> None:
        """Put outputs where the caller wants them that are not there, those of repeats and literals in loops."""
        in_loops = {LITERALS, *[array for _, repeat in self.repeats for array in repeat.results]}
        outputs = self.roll.outputs
        k = first
        while k < len(outputs):
            array, index = outputs[k]
            count, step = self._run(k) if array in in_loops else (1, 0)
            region = next(r for r in self.outputs if r.holds(k, k))
            if array in self.direct:
                pass
            elif count > SHORT:
                column = self.read(Access(array, index, (), count, step), (), "", "k")
                self._each(0, count, region.put(column, k, "k"))
            else:
                self._line(region.put(self.element(array, index), k, ""))
                count = 1
            k += count

    def _run(self, k: int) -> tuple[int, int]:
        """How many outputs from k on lie evenly spaced in one array, and how far apart."""
        outputs, region = self.roll.outputs, next(r for r in self.outputs if r.holds(k, k))
        array, index = outputs[k]
        step, count = (outputs[k + 1][1] - index if k + 1 < len(outputs) else 0), 1
        while region.holds(k, k + count) and outputs[k + count] == (array, index + step * count):
            count += 1
        return count, step

    def _cluster(self, cluster: Cluster) -> None:
        lead = cluster[0]
        if lead.gathers:
            if lead.array not in self.inlined and lead.array not in self.tables:
                self._gather(lead)
            return
        sums = sums_beside(cluster)
        for tile in tiles_beside(sums):
            self._tile(cluster, sums, tile)
        rows = rows_beside(cluster)
        if rows and self.is_put_alone(lead.array):
            self._rows_beside(lead, Tile(0, rows, lead.extents[0] // rows))
        elif not sums:
            self._members(cluster, lead.extents)

    def _tile(self, cluster: Cluster, sums: Cluster, tile: Tile) -> None:
        """Members of a tile: what they sum, side by side, and then one after the other what is made of it."""
        cut = list(map(tile.group, cluster))
        *outer, size = cut[0].extents
        if EXPLAINED not in map(str.strip, self.lines):
            self._line(EXPLAINED)
        opened = self._open(tuple(outer))
        if not opened:
            self._line("{")
            self.depth += 1
        for group in sums:
            self._beside(group, tile)
        inner = (*[1] * len(outer), size)
        counter = COUNTERS[len(outer)]
        self.held = {array: f"{name}[{counter}]" for array, name in self.held.items()}
        self.first, self.whole = tile.first, cluster[0].extents[-1]
        self._members(cut, inner)
        self.first = self.whole = 0
        self._close(opened or 1)

    def _rows_beside(self, group: Group, tile: Tile) -> None:
        """All products of two columns, several rows at a time."""
        rows, columns = tile.times, group.extents[1]
        region, (down, along), first = self.direct[group.array]
        where = strided((down * tile.size, along), (rows, columns))
        opened = self._open((rows,))
        texts = [list[str](), list[str]()]
        for place in (1, 0):  # the column of the rows, which is read first, has no stride along a row
            operand = next(o for o in group.operands if o.strides[place] == 0)
            name = f"{self.names[operand.array]}_{COUNTERS[1 - place]}"
            if place:
                held = replace(operand, strides=operand.strides[:1])
                read = [self._operand(tile.member(held, k), (rows,)) for k in range(tile.size)]
                self._line(f"const real {name}[{tile.size}] = {{{', '.join(read)}}};")
                opened += self._open((columns,), first=1)
            else:
                self._line(f"const real {name} = {self._operand(operand, (rows, columns))};")
            texts[group.operands.index(operand)] = [f"{name}[{k}]" if place else name for k in range(tile.size)]
        assert group.primitive is not None
        for k, pair in enumerate(zip(*texts, strict=True)):
            self._line(region.put(called(group.primitive, [*pair], self.wanted), first + k * down, where))
        self._close(opened)

    def _members(self, cluster: Cluster, loops: tuple[int, ...]) -> None:
        """The members of a cluster one after the other, in loops that are not open yet."""
        opened = self._open(loops[:1])
        if opened and len(loops) > 1:
            self._hold(cluster)
        opened += self._open(loops[1:], first=1)
        self.letters = "".join(c for c, e in zip("ij", cluster[0].extents, strict=False) if e > 1)
        for group in cluster:
            if group.guard is not None:
                self._guard(group)
            else:
                self._member(group, cluster)
        self._close(opened)
        self.held, self.letters = {}, ""

    def _hold(self, cluster: Cluster) -> None:
        """Hold what is the same for all members of the inner loop, which what they store might have changed."""
        read: dict[int, set[Access]] = {}
        for operand in [operand for group in cluster for operand in group.operands]:
            read.setdefault(operand.array, set()).add(operand)
        for array, (access, *others) in read.items():
            same = not others and access.width is None and access.table is None and access.strides[1:] == (0,)
            if same and array in self.places and all(group.array != array for group in cluster):
                name = f"{self.names[array]}_{COUNTERS[0]}"
                self._line(f"const real {name} = {self._operand(access, cluster[0].extents)};")
                self.held[array] = name

    def _open(self, extents: tuple[int, ...], first: int = 0) -> int:
        """Begin loops, each with a counter; how many there are."""
        loops = [(c, e) for c, e in zip(COUNTERS[first:], extents, strict=False) if e > 1]
        for counter, extent in loops:
            self._line(f"for (int {counter} = 0; {counter} < {extent}; ++{counter}) {{")
            self.depth += 1
        return len(loops)

    def _close(self, opened: int) -> None:
        for _ in range(opened):
            self.depth -= 1
            self._line("}")

    def _guard(self, group: Group) -> None:
        assert group.guard is not None
        comparison, expected, _ = group.guard
        left, right = (self._operand(o, group.extents) for o in group.operands)
        claim = f"{left} {comparison} {right}"
        self._line(f"if ({f'!({claim})' if expected else claim}) {{ {self.off} }}")

    def _member(self, group: Group, cluster: Cluster) -> None:
        """One member: a local variable where its loop reads it, and stored where others do."""
        assert group.primitive is not None
        array, extents = group.array, group.extents
        targets = self._targets(array, extents)
        if array in self.held:  # a sum that is made already
            for put in targets:
                self._line(put(self.held[array]))
            return
        over = array in self.same and not self.is_array(array)  # a variable that has it from now on
        here = not over and any(o.array == array for other in cluster for o in other.operands)
        local = here or not targets or (not self.is_array(array) and array in self.needed and not over)
        name = self.local(array)
        new = "" if array in self.declared else "real "
        if (text := self._expression(group)) is None:
            self._fold(group, name, new)
        elif local or len(targets) > 1:
            self._line(f"{new and 'const '}{new}{name} = {text};")
        else:
            self._line(targets[0](text))
            return
        for put in targets:
            self._line(put(name))
        if here:
            self.held[array] = name

    def _expression(self, group: Group) -> str | None:
        """What a member of a group is, if one expression says it."""
        assert group.primitive is not None
        if group.primitive is table.dot and (group.operands[0].width or 0) <= SHORT:
            return self._sum(group)
        if group.primitive.folds:
            return None
        return called(group.primitive, [self._operand(o, group.extents) for o in group.operands], self.wanted)

    def _targets(self, array: int, extents: tuple[int, ...]) -> list[Callable[[str], str]]:
        """The statements that store a member of a group, for others or for the caller."""
        targets = list[Callable[[str], str]]()
        base, views = self.target(array)
        count = self.count(extents)
        if base in self.places:
            moves = [(each.stride, self.times[each.depth]) for each in views]
            index = "" if moves and count == "0" else count
            targets.append(partial(Region(self.names[base], 0, 0).put, base=0, index=index, moves=moves))
        elif base in self.declared and base != array:
            targets.append(partial(Region(self.names[base], 0, 1, alone=True).put, base=0, index=""))
        if base in self.direct:
            region, spaced, first = self.direct[base]
            if (view := self.views.get(array)) is None:
                steps = in_tiles(spaced, extents[-1]) if self.whole else spaced
                begin = first + self.first * sum(steps[-1:])
                targets.append(partial(region.put, base=begin, index=strided(steps, extents)))
            else:
                by_time, apart = spaced
                inside = strided([apart * stride for stride in self.steps(extents)], extents)
                moves = [(by_time, self.times[view.depth])]
                targets.append(partial(region.put, base=first + self.first * apart, index=inside, moves=moves))
        return targets

    def _gather(self, group: Group, new: str = "") -> None:
        """Columns of several arrays, laid side by side; a single number, which is new or not, is a variable."""
        place, name = 0, self.names[group.array]
        if not self.is_array(group.array):
            self._line(f"{new}{name} = {self._operand(group.operands[0], (), '0')};")
            return
        for column in group.operands:
            width = column.width or 0
            if width == 1:
                self._line(f"{name}[{place}] = {self._operand(column, (), '0')};")
            elif width:
                target = plus("k", place)
                self._each(0, width, f"{name}[{target}] = {self._operand(column, (), 'k')};")
            place += width

    def _copy(self, array: int) -> None:
        """Lay side by side what the caller has in several places, where an operand reads across them."""
        for region in self.regions[array]:
            if region.alone:
                self._line(f"{self.names[array]}[{region.start}] = {region.name};")
            else:
                target = plus("k", region.start)
                self._each(0, region.size, f"{self.names[array]}[{target}] = {region.name}[k];")

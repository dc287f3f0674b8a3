"""How a rolled program prints: a line for each loop, columns as Python's slices, single operations by their names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import takewhile

from ...autograd import primitives as table
from ...support.names import Names
from ..program.names import told
from ..program.program import INPUTS, LITERALS, PARAMETERS, Program
from .clusters import strides
from .groups import Access, Group, Repeated, Spot

WORTH_IT = 4  # operations that are worth a loop on paper
LETTERS = "ij"
TIMES = "tuvw"  # the counters of repeats, the outermost first


def listing(
    program: Program, groups: Sequence[Group], slots_of: Sequence[Sequence[int]], outputs: Sequence[Spot]
) -> str:
    """The program as a person reads it."""
    told_ = _Listing(told(program), groups, slots_of)
    loops = any(_in_a_loop(each) and each.guard is None for each in told_.shown(list(_everything(groups))))
    arrays, names = told_.bases, told_.names
    lines = [f"{program.name}({', '.join(_with_dots([names[slot] for slot in program.inputs]))})"]
    if loops and len(program.inputs) > 1:
        lines[0] += f"    # {arrays[INPUTS]}[0 : {len(program.inputs)}]"
    if program.parameters:
        reads = f"    reads {', '.join(_with_dots([names[slot] for slot in program.parameters]))}"
        lines.append(reads + (f"    # {arrays[PARAMETERS]}[0 : {len(program.parameters)}]" if loops else ""))
    lines += [f"    {line}" for line in told_.lines(groups)]
    returned = ", ".join(_with_dots([told_.alone(array, index) for array, index in outputs]))
    return "\n".join([*lines, f"    return {returned}"])


class _Listing:
    """The lines of groups; those of a repeat stand below it."""

    def __init__(self, names: dict[int, str], groups: Sequence[Group], slots_of: Sequence[Sequence[int]]) -> None:
        self.names = names
        self.slots = [list(each) for each in slots_of]
        self.views: dict[int, tuple[int, int, str]] = {}  # what each stands for, its stride, the counter
        self.laid: dict[int, list[Spot]] = {}  # what is laid side by side
        self.before: dict[
            int, list[Spot]
        ] = {}  # of what is carried, what it is of the iteration before: it has a prime
        self._enter(groups, 0)
        for slot in {slot for slots in slots_of for slot in slots} - names.keys():
            names[slot] = f"v{slot}"
        everything = list(_everything(groups))
        self.bases = array_names([[] if k in self.before else slots for k, slots in enumerate(slots_of)], names, groups)
        for array, spots in self.before.items():
            sources = {source for source, _ in spots}
            self.bases[array] = (self.bases[sources.pop()] if len(sources) == 1 else "carried") + "'"
        self.by_name = {
            o.array for g in everything for o in g.operands if _in_a_loop(g) or (o.width or 0) > WORTH_IT
        }  # fmt: skip
        for group in everything:
            self._name_elements(group)

    def _enter(self, groups: Sequence[Group], depth: int) -> None:
        for group in groups:
            if isinstance(group, Repeated):
                letter = TIMES[min(depth, len(TIMES) - 1)]
                self.views |= {view: (*place, letter) for view, place in group.views.items()}
                self.before |= {n.array: n.spots for n in group.nexts}
                self._enter(group.groups, depth + 1)
            elif group.gathers:
                self.laid[group.array] = group.spots

    def _name_elements(self, group: Group) -> None:
        """Name what a loop computes by its place in the array, where its name does not say where it stands."""
        if isinstance(group, Repeated):
            for array in group.results:
                self._name_places(array, (len(self.slots[array]),) if array in group.kept else ())
        elif group.size >= WORTH_IT and group.primitive is not None and group.array not in self.views:
            self._name_places(group.array, group.extents)

    def _name_places(self, array: int, extents: tuple[int, ...]) -> None:
        base = self.bases[array]
        for k, slot in enumerate(self.slots[array]) if extents else ():
            if not self.names.get(slot, "").startswith(f"{base}."):
                place = divmod(k, extents[1]) if len(extents) == 2 else (k,)
                self.names[slot] = f"{base}[{', '.join(map(str, place))}]"

    def shown(self, groups: Sequence[Group]) -> list[Group]:
        return [group for group in groups if not group.gathers or group.array in self.by_name]

    def lines(self, groups: Sequence[Group]) -> list[str]:
        """The lines of groups, one after the other."""
        found = list[str]()
        for group in self.shown(groups):
            if isinstance(group, Repeated):
                found += self._repeat(group)
            else:
                found += [self._loop(group)] if _in_a_loop(group) else self._one_by_one(group)
        return found

    def _repeat(self, group: Repeated) -> list[str]:
        """A loop over time: what is carried at first, the groups of an iteration, and what the next one finds."""
        inside = [*self.lines(group.groups), *self._carry(group.nexts)]
        letter = next(letter for _, _, letter in map(self.views.__getitem__, group.views)) if group.views else TIMES[0]
        return [*self._carry(group.firsts), f"for {letter} in 0..{group.times - 1}:", *(f"    {x}" for x in inside)]

    def _carry(self, groups: Sequence[Group]) -> list[str]:
        """What carried arrays are filled with."""
        found = list[str]()
        for group in groups:
            if len(self.slots[group.array]) >= WORTH_IT:
                found.append(self._loop(group))
                continue
            read = [self.alone(*spot) for spot in group.spots]
            found += [f"{self.alone(group.array, k)} = {text}" for k, text in enumerate(read)]
        return found

    def alone(self, array: int, index: int) -> str:
        """A single element."""
        while array in self.laid:
            array, index = self.laid[array][index]
        if array in self.views:
            return self._element(Access(array, index, ()), "")
        if array in self.before:
            source, place = self.before[array][index]
            if source not in self.views:
                return f"{self.alone(source, place)}'"
            return f"{self.bases[source]}'" + (f"[{place}]" if len(self.slots[source]) > 1 else "")
        return self.names.get(self.slots[array][index], "")

    def _one_by_one(self, group: Group) -> list[str]:
        """A line for each operation of a small group."""
        read = [o.indices(group.extents) for o in group.operands]
        lines = []
        for k in range(group.size):
            operands = []
            for operand, indices in zip(group.operands, read, strict=True):
                width = operand.width
                if width is not None and width > WORTH_IT and operand.table is None:
                    operands.append(self._element(operand.at(k, group.extents), ""))
                    continue
                column = indices[k * width : (k + 1) * width] if width is not None else [indices[k]]
                told_ = [self.alone(operand.array, index) for index in column]
                operands.append(told_[0] if width is None else f"[{', '.join(_with_dots(told_))}]")
            if group.guard is not None:
                comparison, expected, where = group.guard
                claim = f"{operands[0]} {comparison} {operands[1]}"
                lines.append(f"if {'not ' * expected}({claim}): another path    # {where[k]}")
            elif group.primitive is not None:
                lines.append(f"{self.alone(group.array, k)} = {group.primitive.name} {_joined(group, operands)}")
        return lines

    def _loop(self, group: Group) -> str:
        """One line for a group: what it computes at i, or at i and j."""
        letters = LETTERS[: len(group.extents)]
        loops = ", ".join(f"{letter} < {extent}" for letter, extent in zip(letters, group.extents, strict=True))
        read = [self._element(operand, letters) for operand in group.operands]
        operands = _joined(group, read)
        if group.guard is not None:
            comparison, expected, where = group.guard
            left, right = (self._element(operand, letters) for operand in group.operands)
            return f"if {'not ' * expected}({left} {comparison} {right}): another path    for {loops}    # {where[0]}"
        name = self.bases[group.array]
        if group.primitive is None:
            return f"{name} = {' '.join(_with_dots(read))}"
        if group.array in self.views:
            whole = self._element(Access(group.array, 0, strides(group.extents)), letters)
            return f"{whole} = {group.primitive.name} {operands}    for {loops}"
        return f"{name}[{', '.join(letters)}] = {group.primitive.name} {operands}    for {loops}"

    def _element(self, access: Access, letters: str) -> str:
        """What is read: an element, a slice, or by a table."""
        terms = list(zip(access.strides, letters, strict=True))
        array, moves = access.array, list[tuple[int, str]]()
        while array in self.views:
            array, stride, letter = self.views[array]
            moves.append((stride, letter))
        terms = [*reversed(moves), *terms]
        elements, name = self.slots[array], self.bases[array]
        alone = not moves and (
            len(elements) == 1 or (array == LITERALS and not any(access.strides) and not access.step)
        )
        if alone and access.table is None:
            only = self.alone(array, access.base)
            return only if access.width in (None, 1) else f"[{only}] * {access.width}"
        if access.table is not None:
            return f"{name}[table]"
        start = _index(access.base, terms)
        if access.width in (None, 1):
            return f"{name}[{start}]"
        end = _index(access.base + access.width * (access.step or 1), terms)
        step = "" if access.step == 1 else f" : {access.step}"
        return f"{name}[{start} : {'' if end == '-1' else end}{step}]"  # before 0 there is no place to end at


def _everything(groups: Sequence[Group]) -> Iterator[Group]:
    """The groups and those of repeats; a repeat after what it repeats."""
    for group in groups:
        if isinstance(group, Repeated):
            yield from _everything(group.groups)
        yield group


def _with_dots(names: list[str], most: int = 24) -> list[str]:
    """The names, or the first and the last of very many."""
    return names if len(names) <= most else [*names[:3], "...", *names[-2:]]


def array_names(slots_of: Sequence[Sequence[int]], names: dict[int, str], groups: Sequence[Group] = ()) -> list[str]:
    """A name for each array, each once: what the names of its slots have in common. A view is called as its array."""
    views = {view: array for group in _everything(groups) if isinstance(group, Repeated)
             for view, (array, _) in group.views.items()}  # fmt: skip
    found, named = [], Names()
    for array, slots in enumerate(slots_of):
        if array in (INPUTS, PARAMETERS, LITERALS):
            base = ("inputs", "parameters", "literals")[array]
        elif not (known := [slot for slot in slots if slot >= 0]):
            base = "gathered"
        else:
            base = _common([names.get(slot, "series") for slot in (known[0], known[-1])])
        found.append("" if array in views or not slots else named(base))
    for view in reversed(views):  # of repeats within repeats, those within come first
        found[view] = found[views[view]]
    return found


def _common(names: list[str]) -> str:
    """z1 for z1.1 and z1.16; the first name where they have no such part in common."""
    if names[0] == names[1]:
        return names[0]
    both = zip(*[name.split(".") for name in names], strict=False)
    if shared := [left for left, _ in takewhile(lambda parts: parts[0] == parts[1], both)]:
        return ".".join(shared)
    ends = [re.fullmatch(r"(.*[a-zA-Z_])\d+", name) for name in names]  # d_xs for d_xs0 and d_xs9
    same = ends[0] and ends[1] and ends[0][1] == ends[1][1] and ends[0][1] not in ("v", "d_v")
    return ends[0][1] if same and ends[0] else names[0]


def _in_a_loop(group: Group) -> bool:
    """Whether a group is told in one line; what lays columns side by side is, too."""
    return group.size >= WORTH_IT or group.gathers or isinstance(group, Repeated)


def _joined(group: Group, operands: list[str]) -> str:
    """The operands of an operation; a dot that starts from -0.0, which changes no sum, does not say so."""
    from_nothing = group.primitive is table.dot and operands[-1] == "-0.0"
    return " ".join(operands[:-1] if from_nothing else operands)


def _index(base: int, moves: Sequence[tuple[int, str]]) -> str:
    """3i + j + 2, say."""
    terms = [
        f"{'-' if stride < 0 else ''}{abs(stride) if abs(stride) != 1 else ''}{letter}"
        for stride, letter in moves
        if stride
    ]
    if base or not terms:
        terms.append(str(base))
    return " + ".join(terms).replace("+ -", "- ")

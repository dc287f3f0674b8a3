"""How a rolled program prints: a line for each loop, columns as Python's slices, single operations by their names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import takewhile

from ...autograd import primitives as table
from ...support.names import Names
from ..program.names import told
from ..program.program import INPUTS, LITERALS, PARAMETERS, Program
from .groups import Access, Group

WORTH_IT = 4  # operations that are worth a loop on paper
LETTERS = "ij"

Arrays = Sequence[tuple[str, list[str]]]  # a name, and those of what stands in it


def listing(program: Program, groups: Sequence[Group], slots_of: Sequence[Sequence[int]]) -> str:
    """The program as a person reads it."""
    names = told(program)
    bases = array_names(slots_of, names)
    _name_elements(names, bases, groups, slots_of)
    slots = [list(each) for each in slots_of]
    for group in groups:
        if _gathers(group):
            slots[group.array] = [slots[o.array][i] for o in group.operands for i in o.indices(())]
    by_name = {o.array for group in groups for o in group.operands if _in_a_loop(group) or (o.width or 0) > WORTH_IT}
    shown = [group for group in groups if not _gathers(group) or group.array in by_name]
    elements = [[names.get(slot, "") for slot in each] for each in slots]
    arrays = list(zip(bases, elements, strict=True))
    loops = any(_in_a_loop(group) and group.guard is None for group in shown)
    lines = [f"{program.name}({_with_dots([names[slot] for slot in program.inputs])})"]
    if loops and len(program.inputs) > 1:
        lines[0] += f"    # {arrays[INPUTS][0]}[0 : {len(program.inputs)}]"
    if program.parameters:
        reads = f"    reads {_with_dots([names[slot] for slot in program.parameters])}"
        lines.append(reads + (f"    # {arrays[PARAMETERS][0]}[0 : {len(program.parameters)}]" if loops else ""))
    for group in shown:
        told_ = [_loop(group, arrays)] if _in_a_loop(group) else _one_by_one(slots, group, names, arrays)
        lines += [f"    {line}" for line in told_]
    returned = _with_dots([names[program_slot] for program_slot in program.outputs])
    return "\n".join([*lines, f"    return {returned}"])


def _name_elements(
    names: dict[int, str], bases: Sequence[str], groups: Sequence[Group], slots_of: Sequence[Sequence[int]]
) -> None:
    """Name what a loop computes by its place in the array, where its name does not say where it stands."""
    for group in groups:
        if group.size < WORTH_IT or group.primitive is None:
            continue
        for k, slot in enumerate(slots_of[group.array]):
            if not names[slot].startswith(f"{bases[group.array]}."):
                place = divmod(k, group.extents[1]) if len(group.extents) == 2 else (k,)
                names[slot] = f"{bases[group.array]}[{', '.join(map(str, place))}]"


def _gathers(group: Group) -> bool:
    """Whether a group lays columns side by side."""
    return group.primitive is None and group.guard is None


def _with_dots(names: list[str], most: int = 24) -> str:
    """The names, or the first and the last of very many."""
    return ", ".join(names if len(names) <= most else [*names[:3], "...", *names[-2:]])


def array_names(slots_of: Sequence[Sequence[int]], names: dict[int, str]) -> list[str]:
    """A name for each array, each once: what the names of its slots have in common."""
    found, named = [], Names()
    for array, slots in enumerate(slots_of):
        if array in (INPUTS, PARAMETERS, LITERALS):
            base = ("inputs", "parameters", "literals")[array]
        elif slots[:1] == [-1]:
            base = "gathered"
        else:
            base = _common([names[slot] for slot in (slots[0], slots[-1])])
        found.append(named(base))
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
    return group.size >= WORTH_IT or _gathers(group)


def _one_by_one(slots_of: Sequence[Sequence[int]], group: Group, names: dict[int, str], arrays: Arrays) -> list[str]:
    """A line for each operation of a small group."""
    read = [[slots_of[o.array][i] for i in o.indices(group.extents)] for o in group.operands]
    lines = []
    for k in range(group.size):
        operands = []
        for operand, slots in zip(group.operands, read, strict=True):
            width = operand.width
            if width is not None and width > WORTH_IT and operand.table is None:
                operands.append(_element(operand.at(k, group.extents), arrays, ""))
                continue
            column = slots[k * width : (k + 1) * width] if width is not None else [slots[k]]
            told_ = [names[slot] for slot in column]
            operands.append(told_[0] if width is None else f"[{', '.join(told_)}]")
        if group.guard is not None:
            comparison, expected, where = group.guard
            claim = f"{operands[0]} {comparison} {operands[1]}"
            lines.append(f"if {'not ' * expected}({claim}): another path    # {where[k]}")
        elif group.primitive is not None:
            lines.append(f"{names[slots_of[group.array][k]]} = {group.primitive.name} {_joined(group, operands)}")
    return lines


def _loop(group: Group, arrays: Arrays) -> str:
    """One line for a group: what it computes at i, or at i and j."""
    letters = LETTERS[: len(group.extents)]
    loops = ", ".join(f"{letter} < {extent}" for letter, extent in zip(letters, group.extents, strict=True))
    operands = _joined(group, [_element(operand, arrays, letters) for operand in group.operands])
    if group.guard is not None:
        comparison, expected, where = group.guard
        left, right = (_element(operand, arrays, letters) for operand in group.operands)
        return f"if {'not ' * expected}({left} {comparison} {right}): another path    for {loops}    # {where[0]}"
    if group.primitive is None:
        return f"{arrays[group.array][0]} = {operands}"
    return f"{arrays[group.array][0]}[{', '.join(letters)}] = {group.primitive.name} {operands}    for {loops}"


def _joined(group: Group, operands: list[str]) -> str:
    """The operands of an operation; a dot that starts from -0.0, which changes no sum, does not say so."""
    from_nothing = group.primitive is table.dot and operands[-1] == "-0.0"
    return " ".join(operands[:-1] if from_nothing else operands)


def _element(access: Access, arrays: Arrays, letters: str) -> str:
    """What is read: an element, a slice, or by a table."""
    name, elements = arrays[access.array]
    alone = len(elements) == 1 or (access.array == LITERALS and not any(access.strides) and not access.step)
    if alone and access.table is None:
        return elements[access.base] if access.width in (None, 1) else f"[{elements[access.base]}] * {access.width}"
    if access.table is not None:
        return f"{name}[table]"
    if access.width in (None, 1):
        return f"{name}[{_index(access.base, access.strides, letters)}]"
    start = _index(access.base, access.strides, letters)
    end = _index(access.base + access.width * (access.step or 1), access.strides, letters)
    step = "" if access.step == 1 else f" : {access.step}"
    return f"{name}[{start} : {'' if end == '-1' else end}{step}]"  # before 0 there is no place to end at


def _index(base: int, strides: tuple[int, ...], letters: str) -> str:
    """3i + j + 2, say."""
    terms = [
        f"{'-' if stride < 0 else ''}{abs(stride) if abs(stride) != 1 else ''}{letter}"
        for stride, letter in zip(strides, letters, strict=True)
        if stride
    ]
    if base or not terms:
        terms.append(str(base))
    return " + ".join(terms).replace("+ -", "- ")

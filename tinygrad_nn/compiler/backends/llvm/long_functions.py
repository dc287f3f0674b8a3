"""A long function as LLVM text, cut into functions of bounded size.

LLVM's passes take four times as long for a function of twice the length. The loops of a program hand on their numbers
through memory alone, so that a run of them can be a function of the pointers that it reads.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise

from .ir import Block, indented

LONGEST_FUNCTION = 4000  # lines that stay in one function
PART = 800  # lines of a part, or one loop that has more

Mark = tuple[int, int]  # how many lines there are, and how many variables


def mark(block: Block) -> Mark:
    """A place between two loops, where a function may be cut."""
    return len(block.lines), len(block.entry)


def cut(block: Block, name: str, marks: list[Mark], kinds: Mapping[str, str]) -> list[str]:
    """The functions that take the place of what lies between the first mark and the last, if that is long.

    `kinds` are the types of what a part may read from outside, where it is no pointer.
    """
    if marks[-1][0] - marks[0][0] <= LONGEST_FUNCTION:
        return []
    ends = [marks[0]]
    for each in marks[1:-1]:
        if each[0] - ends[-1][0] >= PART:
            ends.append(each)
    ends.append(marks[-1])
    found, calls, lines, entry = [], [], block.lines, block.entry
    for k, (start, end) in enumerate(pairwise(ends)):
        inside, variables = lines[start[0] : end[0]], entry[start[1] : end[1]]
        given = ", ".join(f"{kinds.get(each, 'ptr')} {each}" for each in _read_from_outside([*variables, *inside]))
        body = indented([*variables, *inside, "ret void"])
        found.append(f"define internal void @{name}{k}({given}) noinline {{\n{body}\n}}")
        calls.append(f"call void @{name}{k}({given})")
    (first, variable), (last, later) = marks[0], marks[-1]
    lines[first:last], entry[variable:later] = calls, []
    return found


def _read_from_outside(lines: list[str]) -> list[str]:
    """The names that some lines use and do not define, in the order of their use."""
    defined = {line.partition(" = ")[0] for line in lines} | {f"%{line[:-1]}" for line in lines if line.endswith(":")}
    used = dict.fromkeys(name for line in lines for name in re.findall(r"%[\w.]+", line))
    return [name for name in used if name not in defined]

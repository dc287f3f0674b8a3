"""Lines of Python: statements of a function's body, tuples that are broken after a comma, and literals."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable

from .expressions import Statement

WIDTH = 116  # letters of a line


def lines_of(
    body: Iterable[Statement], names: dict[int, str], indent: str, leave: Callable[[Statement], str]
) -> list[str]:
    """The statements as lines, with a comment where another block begins; `leave` says what a guard does."""
    lines, block = [], ""
    for statement in body:
        if statement.slot is None:
            lines.append(f"{indent}if {statement.text}: {leave(statement)}")
            continue
        if statement.block and statement.block != block:
            block = statement.block
            lines.append(f"{indent}# {block}")
        target = names[statement.slot]
        lines.append(f"{indent}{target} = {statement.text}")
        lines += [f"{indent}{target} = {target} + {products}" for products in statement.further]
    return lines


def inside_tuple(slots: Iterable[int], names: dict[int, str]) -> str:
    """The names of the slots as the inside of a tuple."""
    listed = [names[slot] for slot in slots]
    return f"{', '.join(listed)}{',' * (len(listed) == 1)}"


def in_lines(line: str, indent: str) -> list[str]:
    """A long line with tuples in it, broken after their commas."""
    lines = [indent]
    for part in re.split(r"(?<=,) ", line):
        if len(lines[-1]) + len(part) > WIDTH and lines[-1].strip():
            lines.append(indent + "    ")
        lines[-1] += part if not lines[-1].strip() else f" {part}"
    return lines


def literal_text(number: float) -> str:
    """A literal, which holds together as a name does."""
    return f"({number!r})" if math.copysign(1.0, number) < 0 and number == number else repr(number)

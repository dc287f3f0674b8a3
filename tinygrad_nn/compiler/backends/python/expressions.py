"""How Python writes each primitive, and a program as the statements of a function's body.

A result that is read once, and that nobody named, is written where it is read; so the code is that of a person, and
faster. Nothing is re-ordered within a sum: where the order of operations needs parentheses, they are there.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache

from ....autograd import primitives as table
from ....autograd.primitives import TABLE, Primitive
from ....autograd.rules import is_column
from ....autograd.scope import scope_name
from ...program.program import Guard, Instruction, Program
from ..identifiers import of_primitive
from ..texts import ATOM, CHOICE, NAME, PRODUCT, SUM, UNARY, Infix, Written, translated

ANY = CHOICE  # of an operand: however loosely it holds together
# How a primitive is written, how tightly that holds together, and how tightly its operands must. Other rows are written
# by their text where that calls nothing and divides by nothing, and the rest is called by its name.
SPELLINGS: dict[str, tuple[str, int, tuple[int, ...]]] = {
    "add": ("{a} + {b}", SUM, (SUM, PRODUCT)),
    "subtract": ("{a} - {b}", SUM, (SUM, PRODUCT)),
    "multiply": ("{a} * {b}", PRODUCT, (PRODUCT, UNARY)),
    "divide": ("{a} / {b}", PRODUCT, (PRODUCT, UNARY)),
    "negative": ("-{x}", UNARY, (UNARY,)),
    "absolute": ("abs({x})", ATOM, (ANY,)),
    "sigmoid": ("1.0 / (1.0 + exp(-{x})) if {x} >= 0.0 else (e := exp({x})) / (1.0 + e)", ANY, (NAME,)),
    "power": ("pow({x}, {n})", ATOM, (ANY, ANY)),
}
GUARDED = {row for row in TABLE.values() if not row.text and hasattr(row.value, "__wrapped__")}
RAISING = {table.divide, table.take, *GUARDED}
WIDEST = 100  # products in one line: Python's parser has a limit
LONGEST, DEEPEST = 8, 20  # operands, and calls in calls, of a result that is written where it is read


@dataclass
class Statement:
    """slot = text, or a guard where slot is None: what must not be true."""

    slot: int | None
    text: str
    reads: set[int]
    raises: bool = False  # whether Python may raise where IEEE 754 has a result
    block: str = ""
    where: str = ""
    further: list[str] = field(default_factory=list)  # more products of a dot that is too wide for a line


@dataclass
class _Expression:
    text: str
    tightness: int
    reads: set[int]
    raises: bool
    size: int = 1  # operands
    depth: int = 0
    further: list[str] = field(default_factory=list)


_Operand = Callable[[int, int], _Expression]  # of a slot, and how tightly its text must hold together


def statements(program: Program, names: dict[int, str], settled: Iterable[int] = ()) -> list[Statement]:
    """The body of the program. What is computed from the `settled` slots alone is kept apart from the rest."""
    constant = _constant(program, settled)
    alone = _read_in_place(program, constant)
    waiting: dict[int, _Expression] = {}

    def operand(slot: int, tightness: int) -> _Expression:
        found = waiting.pop(slot, None)
        if found is None:
            return _Expression(names[slot], NAME, {slot}, False)
        if found.tightness < tightness:
            found.text = f"({found.text})"
        return found

    body: list[Statement] = []
    for entry in program.body:
        if isinstance(entry, Guard):
            left, right = operand(entry.left, SUM), operand(entry.right, SUM)
            claim = f"{left.text} {entry.comparison} {right.text}"
            claim = f"not ({claim})" if entry.expected else claim
            reads, raises = left.reads | right.reads, left.raises or right.raises
            body.append(Statement(None, claim, reads, raises, where=entry.where))
            continue
        written = (
            _dot(entry, operand, program.literals)
            if entry.primitive is table.dot
            else _called(entry, operand, program.literals)
        )
        if entry.slot in alone and written.size <= LONGEST and written.depth <= DEEPEST:
            waiting[entry.slot] = written
            continue
        name = scope_name(program.scopes.get(entry.slot))
        block = "".join([letter if letter.isprintable() else " " for letter in name])  # a comment ends with its line
        body.append(Statement(entry.slot, written.text, written.reads, written.raises, block, further=written.further))
    return body


def _constant(program: Program, settled: Iterable[int]) -> set[int]:
    """The settled slots, the literals, and what is computed from them alone."""
    constant = {*settled, *program.literals}
    for entry in program.instructions:
        if constant.issuperset(entry.slots()):
            constant.add(entry.slot)
    return constant


def _read_in_place(program: Program, constant: set[int]) -> set[int]:
    """The slots that are written where they are read: unnamed, read once, and by what may hold any text."""
    uses = Counter(slot for entry in program.body for slot in entry.slots())
    uses.update(program.outputs)
    refused = {*program.outputs, *program.names}
    for entry in program.body:
        if isinstance(entry, Guard):
            continue
        _, _, wanted = _spelling(entry.primitive)
        for slots, tightness in zip(entry.operands, wanted, strict=False):
            column = slots if isinstance(slots, tuple) else (slots,)
            refused.update(s for s in column if tightness == NAME or (s in constant and entry.slot not in constant))
    return {slot for slot, times in uses.items() if times == 1 and slot not in refused}


def _called(entry: Instruction, operand: _Operand, literals: dict[int, float]) -> _Expression:
    template, tightness, wanted = _spelling(entry.primitive)
    parts, texts = [], {}
    for each, slots, least in zip(entry.primitive.operands, entry.operands, wanted, strict=True):
        column = [operand(slot, least) for slot in (slots if isinstance(slots, tuple) else (slots,))]
        texts[each] = f"({', '.join(part.text for part in column)},)" if is_column(each) else column[0].text
        parts += column
    raises = entry.primitive.spellings is not None or (
        entry.primitive in RAISING and not (entry.primitive is table.divide and literals.get(entry.operands[1]))  # type: ignore[arg-type]
    )
    reads = {slot for part in parts for slot in part.reads}
    raises = raises or any(part.raises for part in parts)
    size, depth = sum(part.size for part in parts), 1 + max(part.depth for part in parts)
    return _Expression(template.format(**texts), tightness, reads, raises, size, depth)


class _Python(Infix):
    choice = "{a} if {claim} else {b}"
    conjunction, disjunction, negation = "and", "or", "not "


def _spelling(primitive: Primitive) -> tuple[str, int, tuple[int, ...]]:
    """How a primitive is written, how tightly that holds together, and how tightly its operands must."""
    own = primitive.spellings is not None
    return _by_text(primitive) if own or primitive.name not in SPELLINGS else SPELLINGS[primitive.name]


@cache
def _by_text(primitive: Primitive) -> tuple[str, int, tuple[int, ...]]:
    """As _spelling has it, of what is not there."""
    braced = {operand: "{" + operand + "}" for operand in primitive.operands}
    if primitive.spellings is not None or not primitive.text or re.search(r"\w\(|/|;", primitive.text):
        return f"{of_primitive(primitive)}({', '.join(braced.values())})", ATOM, (ANY,) * len(braced)
    found = translated(primitive.text, {o: Written(text, NAME) for o, text in braced.items()}, _Python())
    return found.text, found.tightness, (NAME,) * len(braced)


def _dot(entry: Instruction, operand: _Operand, literals: dict[int, float]) -> _Expression:
    ws, xs, bias = entry.operands
    from_nothing = ws and literals.get(bias) == 0.0 and math.copysign(1.0, literals[bias]) < 0  # type: ignore
    parts = [] if from_nothing else [operand(bias, SUM)]  # type: ignore[arg-type]
    products = []
    for w, x in zip(ws, xs, strict=True):  # type: ignore[arg-type]
        one = literals.get(w) == 1.0  # a summand that is no product
        pair = (operand(x, PRODUCT),) if one else (operand(w, PRODUCT), operand(x, UNARY))
        products.append(" * ".join(part.text for part in pair))
        parts += pair
    lines = [" + ".join(products[start : start + WIDEST]) for start in range(0, len(products), WIDEST)] or ["0.0"]
    reads = {slot for part in parts for slot in part.reads}
    raises, size = any(part.raises for part in parts), sum(part.size for part in parts)
    depth = 1 + max((part.depth for part in parts), default=0)
    text = " + ".join(([] if from_nothing else [parts[0].text]) + lines[:1] * bool(products))
    return _Expression(text, SUM if products else parts[0].tightness, reads, raises, size, depth, lines[1:])

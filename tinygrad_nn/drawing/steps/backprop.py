"""The steps of backpropagation through a graph, one operation at a time: first its values, then its gradients.

The sweep here is `backward` seen slowly: the same order, the same rules of the table, the same sums from 0, so its last
gradients are the engine's to the bit (but for a Value in both columns of a dot that is drawn expanded, whose sums may
round otherwise). It keeps them aside; the Values stay as they are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from ...autograd import primitives as table
from ...autograd.graph import taken
from ...autograd.primitives import Primitive
from ...autograd.reverse import contributions
from ...autograd.rules import is_column
from ...autograd.value import Result
from ..graph.cards import INFIX, symbol
from ..graph.sheet import CHANGED
from ..labels import in_digits, readable
from ..nodes import Node, changed, is_sum

SEED = "Backward: how much does {} change with each number?"
TIMES_LOCAL = " It passes it on, times its local derivative:"
NOTHING = " It has no operand that it depends on smoothly, and passes nothing on."
RAISED = (table.zeroth_power, table.square, table.cube, table.fourth_power)
TEMPLATES: dict[Primitive | None, str] = {  # the last operand of `largest` counts the ties
    table.negative: "−{part}", table.absolute: "|{names}|", table.largest: "max({but_last})",
    table.take: "[{but_last}][{last}]",
}  # fmt: skip


@dataclass
class Pass:
    """What an operation passes on to one operand: local derivative times its own gradient, and the sum so far."""

    operand: int  # the number of the operand's node
    place: int  # which of the operands it is
    rule: str
    local: float
    flow: float
    before: float | None
    after: float


@dataclass
class PassStep:
    """One step: the node it is about, what it says, and what it passes to the operands."""

    phase: str  # "start", "forward", "seed" or "backward"
    node: int
    text: str
    passes: list[Pass] = field(default_factory=list)
    gradients: dict[int, float] = field(default_factory=dict)  # by the number of the node
    gradient: float = 1.0  # of the node itself, in a backward step


def steps_of(drawn: list[Node], digits: int) -> list[PassStep]:
    """All steps for the nodes of a graph, in the order of recording, whose last is the root."""
    root, name = len(drawn) - 1, drawn[-1].label
    leaves = sum(node.value.op is None for node in drawn)
    begin = f"{leaves} number{'s are' if leaves != 1 else ' is'} given. Forward: each operation computes its value."
    begin += f" Beware: {CHANGED}." if changed(drawn) else ""
    steps = [PassStep("start", root, begin)]
    forward = [(i, node) for i, node in enumerate(drawn) if node.value.op is not None]
    steps += [PassStep("forward", i, forward_text(node, digits)) for i, node in forward]
    gradients: dict[int, float] = {root: 1.0}
    steps.append(PassStep("seed", root, f"{SEED.format(name)} With itself, by 1.", gradients={root: 1.0}))
    results = [i for i in range(root, -1, -1) if isinstance(drawn[i].value, Result)]
    for i in sorted(results, key=lambda i: drawn[i].turn, reverse=True):
        if i in gradients:
            steps.append(_backward(drawn[i], gradients, digits))
    steps[-1].text = steps[-1].text.replace(TIMES_LOCAL, TIMES_LOCAL[:-1] + ", and every gradient is known:")
    unreached = {i: 0.0 for i in range(len(drawn)) if i not in gradients}
    steps[-1].gradients = unreached | steps[-1].gradients
    return steps


def _backward(node: Node, gradients: dict[int, float], digits: int) -> PassStep:
    """The step in which a node passes its gradient on to its operands."""
    result: Any = node.value
    gradient = gradients[node.number]
    step = PassStep("backward", node.number, "", gradient=gradient)
    locals_, flows, rules = contributions(result, 1.0), contributions(result, gradient), _rule_texts(node, digits)
    for place, operand in enumerate(node.operands):
        if isinstance(operand, float) or (rule := rules[place]) is None:
            continue
        k, flow = operand.number, float(flows[place])
        before = gradients.get(k)
        step.gradients[k] = gradients[k] = (before or 0.0) + flow
        step.passes.append(Pass(k, place, rule, float(locals_[place]), flow, before, gradients[k]))
    step.text = f"{node.label} = {expression(node, digits)} has gradient {readable(gradient, digits)}."
    step.text += TIMES_LOCAL if step.passes else NOTHING
    return step


def _rule_texts(node: Node, digits: int) -> list[str | None]:
    """For each operand its rule in the table, told with the names of this graph; None where it has no rule."""
    result: Any = node.value
    own = in_one_piece(node.label)
    names = iter(in_one_piece(o.label) if isinstance(o, Node) else in_digits(o, digits) for o in node.operands)
    groups = {
        operand: [next(names) for _ in (group if is_column(operand) else (group,))]
        for operand, group in zip(result.op.operands, result.groups, strict=True)
    }
    known = {"y": own, "g": f"{own}.grad"} | {o: group[0] for o, group in groups.items() if not is_column(o)}
    texts = []
    for group, formula in zip(groups.values(), taken(result, result.op.formulas), strict=True):
        for i in range(len(group)):
            elements = {o[:-1]: other[i] for o, other in groups.items() if is_column(o) and i < len(other)}
            texts.append(_told_rule(formula, known | elements | {"i": str(i)}))
    return texts


def _told_rule(formula: Any, names: dict[str, str]) -> str | None:
    if not isinstance(formula, str):
        named = getattr(formula, "__name__", "")
        return None if formula is None else named if named.isidentifier() else "a function of g, y and the operands"
    return re.sub(r"[A-Za-z_]\w*", lambda word: names.get(word[0], word[0]), formula)


def in_one_piece(name: str) -> str:
    """A name that stands in an expression: in brackets unless it is one word."""
    return name if re.fullmatch(r"[\w.]+", name) else f"({name})"


def bracketed(number: str) -> str:
    return f"({number})" if number.startswith("−") else number


def forward_text(node: Node, digits: int) -> str:
    """The operation with names, then with numbers where that is another text, then its value."""
    told = dict.fromkeys([expression(node, digits), expression(node, digits, numbers=True)])
    return " = ".join([node.label, *told, readable(node.data, digits)])


def expression(node: Node, digits: int, numbers: bool = False) -> str:
    """The operation as a textbook writes it, with the names of its operands or with their numbers."""
    bare, parts = [], []
    for operand in node.operands:
        if isinstance(operand, Node) and not numbers:
            bare.append(operand.label)
            parts.append(in_one_piece(bare[-1]))
        else:
            bare.append(readable(operand if isinstance(operand, float) else operand.data, digits))
            parts.append(bracketed(bare[-1]))
    op = node.value.op
    if op is table.dot:
        n = len(parts) // 2
        products = [f"{w} × {x}" for w, x in zip(parts[:n], parts[n:], strict=False)]
        terms = _summands(bare[n:-1], parts[n:-1]) if is_sum(node.value) else products
        return " + ".join(terms if node.operands[-1] == 0.0 and terms else [*terms, parts[-1]])
    if op is table.add:
        return " + ".join(_summands(bare, parts))
    if op is table.multiply or op in INFIX:
        return f"{parts[0]} {symbol(node)} {parts[1]}"
    if op in RAISED:
        return parts[0] + symbol(node)[1:]
    names, but_last = ", ".join(bare), ", ".join(bare[:-1])
    if op in TEMPLATES:
        return TEMPLATES[op].format(part=parts[0], names=names, but_last=but_last, last=bare[-1])
    return f"{symbol(node)}({names})"


def _summands(bare: list[str], parts: list[str]) -> list[str]:
    """Products need no brackets in a sum."""
    return [name if "·" in name else part for name, part in zip(bare, parts, strict=True)]

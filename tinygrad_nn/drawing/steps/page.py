"""The page of the steps: the picture of the last, and what the others show and ask, as data for the page's script."""

from __future__ import annotations

import math
from typing import Any

from .. import colors
from ..browser import document
from ..labels import clean, in_digits, readable
from ..nodes import Node
from .backprop import SEED, Pass, PassStep, bracketed, expression, in_one_piece
from .picture import PASSING, Pictures

STEP_PACE = 1200  # milliseconds a step when playing
PHASES = {"start": "Start", "forward": "Forward", "seed": "Backward", "backward": "Backward"}
LEAF_WORDS = {"input": "a given number", "parameter": "a parameter"}


def page(pictures: Pictures) -> str:
    *_, last = pictures.states()
    return document("steps", pictures.title, "step", len(pictures.steps) - 1, _data(pictures), svg=pictures.of(last))


def _data(pictures: Pictures) -> dict[str, Any]:
    """Everything the script shows: what each step says, and when each number and line comes to light."""
    drawn, steps = pictures.drawn, pictures.steps
    flows = {(step.node, p.place): (k, p.flow) for k, step in enumerate(steps) for p in step.passes}
    lines = []
    for line in pictures.layout.lines:
        k, flow = flows.get((line.head, line.place), (None, None))
        color, width = colors.line(flow, pictures.flow_scale)
        lines.append({"head": line.head, "step": k, "color": color, "width": width})
    return {
        "nodes": _nodes(pictures),
        "lines": lines,
        "steps": [_step(step, drawn, pictures.digits) for step in steps],
        "root": drawn[-1].label,
        "pace": STEP_PACE,
        "passing": PASSING,
    }


def _nodes(pictures: Pictures) -> list[dict[str, Any]]:
    """What the script knows of each node: texts, where its card is, and its gradient by the step that sets it."""
    drawn, steps, digits = pictures.drawn, pictures.steps, pictures.digits
    computed = {step.node: k for k, step in enumerate(steps) if step.phase == "forward"}
    gradients: list[list[dict[str, Any]]] = [[] for _ in drawn]
    for k, step in enumerate(steps):
        for i, gradient in step.gradients.items():
            fill = colors.fill(gradient, pictures.scale)
            gradients[i].append({"step": k, "text": readable(gradient, digits), "fill": fill, "exact": repr(gradient)})
    return [
        {
            "name": node.label,
            "data": readable(node.data, digits),
            "about": expression(node, digits) if node.operands else LEAF_WORDS.get(node.kind, ""),
            "where": _where(node),
            "root": node.kind == "root",
            "step": computed.get(node.number, 0),
            "gradients": gradients[node.number],
            "complete": gradients[node.number][-1]["step"],
            "box": [round(place, 1) for place in (card.x, card.y, card.width, card.height)],
            "operands": [operand.number for operand in node.operands if isinstance(operand, Node)],
        }
        for node, card in zip(drawn, pictures.layout.cards, strict=True)
    ]


def _step(step: PassStep, drawn: list[Node], digits: int) -> dict[str, Any]:
    """What the page says at a step, and what it asks there when the reader wants to predict."""
    node, root = drawn[step.node], drawn[-1].label
    name, before, question, answer = node.label, step.text, "", node.data
    if step.phase == "forward":
        before, question = f"{name} = {expression(node, digits)}", f"What is {name}?"
    elif step.phase == "seed":
        before, question, answer = SEED.format(root), f"What is the gradient of {root} with respect to itself?", 1.0
    elif step.phase == "backward":
        before = f"{name} = {expression(node, digits)} has gradient {readable(step.gradient, digits)}."
        question, answer = f"What does {name} pass on?", 0.0
        if step.passes:
            question = f"What does {name} pass on to {drawn[step.passes[0].operand].label}?"
            answer = step.passes[0].flow
    sizes = [abs(o if isinstance(o, float) else o.data) for o in node.operands]
    return {
        "phase": PHASES[step.phase],
        "node": step.node,
        "where": [] if step.phase == "start" else _where(node),
        "text": step.text,
        "before": before,
        "question": question,
        "answer": _javascript(answer),
        "shown": _javascript(float(in_digits(answer, digits))),
        "rounding": _javascript(1e-12 * max((size for size in sizes if size < math.inf), default=0.0)),
        "passes": [_pass(passed, step.gradient, node, drawn[passed.operand], digits) for passed in step.passes],
    }


def _pass(passed: Pass, gradient: float, node: Node, to: Node, digits: int) -> dict[str, Any]:
    """The card of what goes to one operand: rule, local derivative, product, sum."""
    local, own, flow, after = (readable(n, digits) for n in (passed.local, gradient, passed.flow, passed.after))
    name, target = in_one_piece(node.label), in_one_piece(to.label)
    places = [i for i, operand in enumerate(node.operands) if operand is to]
    place = f" at place {places.index(passed.place) + 1} of {len(places)}" if len(places) > 1 else ""
    product = passed.local * gradient
    multiplied = str(product) == str(passed.flow) or abs(product - passed.flow) <= 1e-9 * abs(passed.flow)
    return {
        "to": to.label,
        "rule": f"{target}.grad += {passed.rule}",
        "derivative": f"∂{name} / ∂{target}{place} = ",
        "local": local,
        "chain": f"{bracketed(local)} × {bracketed(own)} = " if multiplied else "by the rule: ",
        "flow": flow,
        "sum": f"{target}.grad = ",
        "before": "" if passed.before is None else f"{readable(passed.before, digits)} + {bracketed(flow)} = ",
        "after": after,
        "signs": [(n > 0) - (n < 0) for n in (passed.local, passed.flow, passed.after)],
    }


def _where(node: Node) -> list[str]:
    return [clean(box.label) for box in node.box.path()] if node.box else []


def _javascript(value: float) -> str:
    """The number as JavaScript's Number() reads it."""
    return repr(float(value)).replace("inf", "Infinity").replace("nan", "NaN")

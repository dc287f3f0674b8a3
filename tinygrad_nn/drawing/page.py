"""The page of the steps: the picture of the last, and all that the others show, as data for the page's script.

Every text is made here; the script only chooses what to show when.
"""

from __future__ import annotations

from typing import Any

from . import colors
from .browser import document
from .labels import clean
from .layout import Layout
from .picture import scales, svg, text
from .plan import Node
from .sweep import SEED, Pass, Step, expression, name_of, plain

PACE = 1200  # milliseconds a step when playing
PHASES = {"start": "start", "forward": "forward", "seed": "backward", "backward": "backward"}
KINDS = {"input": "a given number", "parameter": "a parameter"}


def page(drawn: list[Node], steps: list[Step], layout: Layout, digits: int, title: str) -> str:
    """The text of the page."""
    last = len(steps) - 1
    picture = svg(layout, drawn, steps, last, digits, title)
    data = _data(drawn, steps, layout, digits)
    return document("steps", text(title), "step", last, data, svg=picture)


def _data(drawn: list[Node], steps: list[Step], layout: Layout, digits: int) -> dict[str, Any]:
    """Everything the script shows: what each step says, and when each number and line comes to light."""
    flow_scale = scales(steps)[1]
    flows = {(step.node, p.place): (k, p.flow) for k, step in enumerate(steps) for p in step.passes}
    lines = []
    for line in layout.lines:
        k, flow = flows.get((line.head, line.place), (None, None))
        color, width = colors.line(flow, flow_scale)
        lines.append({"head": line.head, "step": k, "color": color, "width": width})
    return {
        "nodes": _nodes(drawn, steps, layout, digits),
        "lines": lines,
        "steps": [_step(step, drawn, digits) for step in steps],
        "root": name_of(drawn[-1]),
        "pace": PACE,
    }


def _nodes(drawn: list[Node], steps: list[Step], layout: Layout, digits: int) -> list[dict[str, Any]]:
    """What the script knows of each node: texts, where its card is, and its gradient by the step that sets it."""
    scale = scales(steps)[0]
    computed = {step.node: k for k, step in enumerate(steps) if step.phase == "forward"}
    gradients: list[list[dict[str, Any]]] = [[] for _ in drawn]
    for k, step in enumerate(steps):
        for i, gradient in step.gradients.items():
            told = {"text": plain(gradient, digits), "fill": colors.fill(gradient, scale), "number": repr(gradient)}
            gradients[i].append({"step": k, **told})
    order = {node.name: i for i, node in enumerate(drawn)}
    told_nodes = []
    for i, (node, card) in enumerate(zip(drawn, layout.cards, strict=True)):
        told_nodes.append(
            {
                "name": name_of(node),
                "data": plain(node.data, digits),
                "about": expression(node, digits) if node.operands else KINDS.get(node.kind, ""),
                "where": _where(node),
                "root": node.kind == "root",
                "step": computed.get(i, 0),
                "gradients": gradients[i],
                "complete": gradients[i][-1]["step"],
                "box": [round(number, 1) for number in (card.x, card.y, card.width, card.height)],
                "operands": [order[operand.name] for operand in node.operands if isinstance(operand, Node)],
            }
        )
    return told_nodes


def _step(step: Step, drawn: list[Node], digits: int) -> dict[str, Any]:
    """What the page says at a step, and what it asks there when the reader wants to predict."""
    node, root = drawn[step.node], name_of(drawn[-1])
    name, before, question, answer = name_of(node), step.text, "", node.data
    if step.phase == "forward":
        before, question = f"{name} = {expression(node, digits)}", f"What is {name}?"
    elif step.phase == "seed":
        before, question, answer = SEED.format(root), f"What is the gradient of {root} with respect to itself?", 1.0
    elif step.passes:
        first = step.passes[0]
        question, answer = f"What does {name} pass on to {name_of(drawn[first.operand])}?", first.flow
    elif step.phase == "backward":
        question, answer = f"What does {name} pass on?", 0.0
    return {
        "phase": PHASES[step.phase],
        "node": step.node,
        "where": [] if step.phase == "start" else _where(node),
        "text": step.text,
        "before": before,
        "question": question,
        "answer": repr(float(answer)),
        "passes": [_pass(passed, name, name_of(drawn[passed.operand]), digits) for passed in step.passes],
    }


def _pass(passed: Pass, name: str, to: str, digits: int) -> dict[str, str]:
    """The card of what goes to one operand: rule, local derivative, product, sum."""
    local, gradient, flow, after = (
        plain(n, digits) for n in (passed.local, passed.gradient, passed.flow, passed.after)
    )
    so_far = "" if passed.before is None else f"{plain(passed.before, digits)} + {_bracketed(flow)} = "
    return {
        "to": to,
        "rule": passed.rule,
        "local": f"∂{_whole(name)} / ∂{_whole(to)} = {local}",
        "chain": f"{local} × {_bracketed(gradient)} = ",
        "flow": flow,
        "sum": f"{_whole(to)}.grad = {so_far}",
        "after": after,
    }


def _where(node: Node) -> list[str]:
    return [clean(box.label) for box in node.box.path()] if node.box else []


def _bracketed(number: str) -> str:
    return f"({number})" if number.startswith("−") else number


def _whole(name: str) -> str:
    return name if name.isalnum() else f"({name})"

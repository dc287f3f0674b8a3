"""The SVG picture of one step: cards, lines and boxes of one layout, coloured by how far the sweep has come.

All markup is written here, from numbers and escaped text, so a label can neither break nor add to it. The elements and
their sizes are the same for every step.
"""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from .. import colors
from ..labels import FONT, as_attributes, clean, readable, shortened
from ..nodes import Node
from .backprop import PassStep
from .layout import ON_CARD, Card, Layout, Line

PASSING = 2.0  # the width of a line along which a value goes forward


@dataclass
class Shown:
    """What has come to light: which values, which gradients, what flowed along which lines; and where the step is.

    A line is told by the numbers of the node it ends at and of the operand it is there.
    """

    values: set[int]
    gradients: dict[int, float] = field(default_factory=dict)
    flows: dict[tuple[int, int], float] = field(default_factory=dict)
    active: int | None = None
    passing: set[tuple[int, int]] = field(default_factory=set)


class Pictures:
    """The pictures of the steps of one graph; what a step leaves as it was is not written anew.

    `scale` is the gradient of the deepest colour, over all steps, and `flow_scale` the flow of the widest line.
    """

    def __init__(self, layout: Layout, drawn: list[Node], steps: list[PassStep], digits: int, title: str) -> None:
        self.layout, self.drawn, self.steps, self.digits, self.title = layout, drawn, steps, digits, svg_text(title)
        gradients = {i: gradient for step in steps for i, gradient in step.gradients.items()}
        self.scale = scale = colors.extent(gradients.values())
        self.flow_scale = flow_scale = colors.extent(p.flow for step in steps for p in step.passes)
        self.boxes = "".join([_box(*box) for box in layout.boxes])
        self.line = cache(lambda k, flow, passing: _line(k, layout.lines[k], flow, passing, flow_scale))
        self.card = cache(lambda i, *known: _card(i, drawn[i], layout.cards[i], scale, digits, *known))

    def states(self) -> Iterator[Shown]:
        """What has come to light after each step: one state, which goes on."""
        state = Shown({i for i, node in enumerate(self.drawn) if not node.operands})
        for step in self.steps:
            flows = {(step.node, p.place): p.flow for p in step.passes}
            state.active, state.passing = None if step.phase == "start" else step.node, set(flows)
            if step.phase == "forward":
                state.values.add(step.node)
                state.passing = {(step.node, place) for place in range(len(self.drawn[step.node].operands))}
            state.gradients.update(step.gradients)
            state.flows.update(flows)
            yield state

    def of(self, state: Shown) -> str:
        ends = enumerate((line.head, line.place) for line in self.layout.lines)
        parts = [self.boxes, *(self.line(k, state.flows.get(end), end in state.passing) for k, end in ends)]
        for i in range(len(self.drawn)):
            parts.append(self.card(i, i in state.values, state.gradients.get(i), i == state.active))
        width, height = round(self.layout.width + 16), round(self.layout.height + 16)
        return tag(
            "svg", "".join(parts), xmlns="http://www.w3.org/2000/svg", viewBox=f"-8 -8 {width} {height}",
            width=width, height=height, font_family=FONT, role="group", aria_label=self.title,
        )  # fmt: skip


def svg_text(anything: str) -> str:
    """Text for markup, in an attribute or between tags."""
    return html.escape(clean(anything))


def tag(name: str, content: str = "", **attributes: object) -> str:
    """An element; an underscore in the name of an attribute stands for a hyphen, and None leaves it out.

    >>> tag("rect", x=1.25, stroke_width=2, fill=None)
    '<rect x="1.2" stroke-width="2"/>'
    """
    entries = {key: f"{entry:.1f}" if isinstance(entry, float) else entry for key, entry in attributes.items()}
    start = name + as_attributes({key.rstrip("_").replace("_", "-"): entry for key, entry in entries.items()})
    return f"<{start}>{content}</{name}>" if content else f"<{start}/>"


def _box(label: str, x: float, y: float, width: float, height: float) -> str:
    frame = tag(
        "rect", x=x, y=y, width=width, height=height, rx=9, fill="#5b6573", fill_opacity=".05", stroke="#d5dae1"
    )
    return frame + _text(x + width - 8, y + 13, 11, colors.FAINT, svg_text(label), text_anchor="end")


def _text(x: float, y: float, size: int, color: str, content: str, **attributes: str | None) -> str:
    content = content or "&#8203;"  # an element for the script to fill
    return tag("text", content, x=x, y=y, font_size=size, fill=color, **attributes)


def _line(k: int, line: Line, flow: float | None, passing: bool, scale: float) -> str:
    """A spline with the tip of its arrow, dashed while a value or a gradient passes along it."""
    color, width = colors.line(flow, scale)
    if passing and flow is None:
        width = PASSING
    (x0, y0), *rest, (tip_x, tip_y) = line.points
    end_x, end_y = rest[-1]
    dx, dy = (tip_y - end_y) * 0.45, (end_x - tip_x) * 0.45
    corners = [(tip_x, tip_y), (end_x + dx, end_y + dy), (end_x - dx, end_y - dy)]
    tip, spline = (" ".join(f"{x:.1f},{y:.1f}" for x, y in points) for points in (corners, rest))
    path = tag("path", d=f"M{x0:.1f},{y0:.1f} C{spline}", fill="none")
    dashes = "6 4" if passing else None
    return tag(
        "g", path + tag("polygon", points=tip, stroke="none"), id=f"line{k}", stroke=color, fill=color,
        stroke_width=f"{width:g}", stroke_dasharray=dashes,
    )  # fmt: skip


def _card(
    i: int, node: Node, card: Card, scale: float, digits: int, known: bool, gradient: float | None, active: bool
) -> str:
    """The operation on the left, then `label | data` over `grad | number`."""
    x, y, bar, half = card.x, card.y, card.bar, card.height / 2
    left, right, upper, lower = x + bar + 6, x + card.width - 6, y + half / 2 + 4.6, y + 1.5 * half + 4.6
    data = readable(node.data, digits) if known else ""
    grad = "–" if gradient is None else readable(gradient, digits)
    ink, weight = (colors.INK, "bold") if node.given else (colors.FAINT, None)
    body: dict[str, Any] = {"x": x + bar, "width": card.width - bar, "height": half}
    parts = [
        tag("title", svg_text(node.label)),
        *_operation(card),
        tag("rect", y=y, fill=colors.KIND_FILLS[node.kind], **body),
        tag("rect", y=y + half, fill=colors.fill(gradient, scale), class_="shade", **body),
        _text(left, upper, 13, ink, svg_text(shortened(node.label, ON_CARD)), font_weight=weight),
        _text(right, upper, 13, colors.INK, data, text_anchor="end", class_="data"),
        _text(left, lower, 11, colors.INK, "grad"),
        _text(right, lower, 13, colors.INK, grad, text_anchor="end", class_="grad"),
        tag(
            "rect", x=x, y=y, width=card.width, height=card.height, rx=2, fill="none", class_="frame",
            stroke=colors.INK if active or node.kind == "root" else colors.LINE,
            stroke_width="3" if active else "1.8" if node.kind == "root" else "1",
        ),
    ]  # fmt: skip
    return tag("g", "".join(parts), id=f"node{i}")


def _operation(card: Card) -> list[str]:
    """The dark cell, with the rows of the operation."""
    if not card.rows:
        return []
    parts = [tag("rect", x=card.x, y=card.y, width=card.bar, height=card.height, fill=colors.DARK)]
    for k, row in enumerate(card.rows):
        size = 15 if len(row) == 1 and not row.isalnum() else 11
        middle = card.y + (k + 0.5) * card.height / len(card.rows) + size * 0.36
        parts.append(_text(card.x + card.bar / 2, middle, size, "#fff", svg_text(row or "·"), text_anchor="middle"))
    return parts

"""The SVG picture of one step: cards, lines and boxes of one layout, coloured by how far the sweep has come.

All markup is written here, from numbers and escaped text; so a label can neither break nor add to it.
"""

from __future__ import annotations

import html
from dataclasses import dataclass

from . import colors
from .labels import clean
from .layout import Card, Layout, Line, shortened
from .plan import Node
from .sweep import Step, name_of, plain

FONT = "Helvetica, Arial, sans-serif"


@dataclass
class Shown:
    """What a step shows: which values, which gradients, what flowed along which lines, and where it is."""

    values: set[int]
    gradients: dict[int, float]
    flows: dict[tuple[int, int], float]  # by the numbers of the head and of the operand's place
    active: int | None
    passing: set[tuple[int, int]]


def shown(drawn: list[Node], steps: list[Step], upto: int) -> Shown:
    """What has come to light after the steps 0 to `upto`."""
    state = Shown({i for i, node in enumerate(drawn) if node.value.op is None}, {}, {}, None, set())
    for step in steps[: upto + 1]:
        if step.phase == "forward":
            state.values.add(step.node)
        state.gradients.update(step.gradients)
        state.flows.update({(step.node, p.place): p.flow for p in step.passes})
    last = steps[upto]
    state.active = None if last.phase == "start" else last.node
    state.passing = {(last.node, p.place) for p in last.passes}
    if last.phase == "forward":
        state.passing = {(last.node, place) for place in range(len(drawn[last.node].operands))}
    return state


def svg(layout: Layout, drawn: list[Node], steps: list[Step], upto: int, digits: int, title: str) -> str:
    """The picture after the steps 0 to `upto`; its elements and their sizes are the same for every step."""
    state = shown(drawn, steps, upto)
    scale, flow_scale = scales(steps)
    width, height = layout.width + 16, layout.height + 16
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-8 -8 {width:.1f} {height:.1f}" width="{width:.1f}" '
        f'height="{height:.1f}" font-family="{FONT}" role="group" aria-label="{text(title)}">'
    ]
    for label, x, y, box_width, box_height in layout.boxes:
        parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{box_width:.1f}" height="{box_height:.1f}" rx="9" '
            f'fill="#5b6573" fill-opacity=".05" stroke="#d5dae1"/>'
            f'<text x="{x + box_width - 8:.1f}" y="{y + 13:.1f}" font-size="10.5" fill="{colors.FAINT}" '
            f'text-anchor="end">{text(label)}</text>'
        )
    parts += [_line(k, line, state, flow_scale) for k, line in enumerate(layout.lines)]
    parts += [_card(i, node, layout.cards[i], state, scale, digits) for i, node in enumerate(drawn)]
    return "".join(parts) + "</svg>"


def scales(steps: list[Step]) -> tuple[float, float]:
    """The gradient of the deepest colour, and the flow of the widest line, over all steps."""
    gradients = {i: g for step in steps for i, g in step.gradients.items()}
    return colors.largest(gradients.values()), colors.largest(p.flow for step in steps for p in step.passes)


def text(anything: str) -> str:
    """Text for markup, in an attribute or between tags."""
    return html.escape(clean(anything))


def _line(k: int, line: Line, state: Shown, scale: float) -> str:
    key = (line.head, line.place)
    color, width = colors.line(state.flows.get(key), scale)
    if not line.points:
        return ""
    (x0, y0), *rest, (tx, ty) = line.points
    spline = " ".join(f"{x:.1f},{y:.1f}" for x, y in rest)
    bx, by = rest[-1]
    dx, dy = (ty - by) * 0.45, (bx - tx) * 0.45
    dashes = ' stroke-dasharray="6 4"' if key in state.passing else ""
    return (
        f'<g id="line{k}" stroke="{color}" fill="{color}" stroke-width="{width:g}"{dashes}>'
        f'<path d="M{x0:.1f},{y0:.1f} C{spline}" fill="none"/>'
        f'<polygon points="{tx:.1f},{ty:.1f} {bx + dx:.1f},{by + dy:.1f} {bx - dx:.1f},{by - dy:.1f}" stroke="none"/></g>'
    )


def _card(i: int, node: Node, card: Card, state: Shown, scale: float, digits: int) -> str:
    x, y, bar, wide = card.x, card.y, card.bar, card.width - card.bar
    half = card.height / 2
    data = plain(node.value.data, digits) if i in state.values else ""
    gradient = state.gradients.get(i)
    grad = "–" if gradient is None else plain(gradient, digits)
    strong = i == state.active
    ink = colors.INK if node.given else colors.FAINT
    weight = ' font-weight="bold"' if node.given else ""
    parts = [f'<g id="node{i}"><title>{text(name_of(node))}</title>']
    if bar:
        parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{bar:.1f}" height="{card.height:.1f}" fill="{colors.DARK}"/>'
        )
        step = card.height / len(card.rows)
        for k, row in enumerate(card.rows):
            size = 15 if len(row) == 1 and not row.isalnum() else 11
            middle = y + (k + 0.5) * step + size * 0.36
            parts.append(
                f'<text x="{x + bar / 2:.1f}" y="{middle:.1f}" font-size="{size}" fill="#fff" '
                f'text-anchor="middle">{text(row or "·")}</text>'
            )
    left, right = x + bar + 6, x + card.width - 6
    parts += [
        f'<rect x="{x + bar:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{half:.1f}" fill="{colors.KINDS[node.kind]}"/>',
        f'<rect class="shade" x="{x + bar:.1f}" y="{y + half:.1f}" width="{wide:.1f}" height="{half:.1f}" '
        f'fill="{colors.fill(gradient, scale)}"/>',
        f'<text x="{left:.1f}" y="{y + half / 2 + 4.6:.1f}" font-size="13" fill="{ink}"{weight}>'
        f"{text(shortened(node.label))}</text>",
        f'<text class="data" x="{right:.1f}" y="{y + half / 2 + 4.6:.1f}" font-size="13" fill="{colors.INK}" '
        f'text-anchor="end">{data}</text>',
        f'<text x="{left:.1f}" y="{y + 1.5 * half + 4:.1f}" font-size="11" fill="{colors.INK}">grad</text>',
        f'<text class="grad" x="{right:.1f}" y="{y + 1.5 * half + 4.6:.1f}" font-size="13" fill="{colors.INK}" '
        f'text-anchor="end">{grad}</text>',
        f'<rect class="frame" x="{x:.1f}" y="{y:.1f}" width="{card.width:.1f}" height="{card.height:.1f}" rx="2" '
        f'fill="none" stroke="{colors.INK if strong or node.kind == "root" else colors.LINE}" '
        f'stroke-width="{3 if strong else 1.8 if node.kind == "root" else 1}"/></g>',
    ]
    return "".join(parts)

"""Where the cards, lines and boxes of a step-through picture stand: Graphviz lays out cards of fixed size.

The sizes depend on the texts alone and never on the step, so that nothing moves from step to step. Where no renderer is
installed, or lines are so long that it would take minutes, a plain layout in columns takes its place.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ..diagram import MissingRendererError
from ..graph.cards import heads, operation, port_name
from ..graph.sheet import bound_the_search, edge_line, node_line, put_in_boxes, sheet
from ..labels import cell, readable, shortened, table, text_width
from ..nodes import Node, span

ROW, BAR = 21.0, 17.0  # heights in points of a row of a card, and of a row of an operation of several
LONGEST_SPAN = 4_000  # ranks that all lines together pass; Graphviz takes from half a minute to minutes for more
ON_CARD = 16  # letters of a label on a card; the whole of it is in the page's text

Point = tuple[float, float]


@dataclass
class Card:
    """A card: its upper left corner, its size, and the rows of its operation with the width they take."""

    width: float
    height: float
    rows: list[str]
    bar: float
    x: float = 0.0
    y: float = 0.0


@dataclass
class Line:
    """A line from the operand `tail` to the node `head`, of which it is the operand at `place`: a Bezier spline."""

    tail: int
    head: int
    place: int
    points: list[Point] = field(default_factory=list)


@dataclass
class Layout:
    """Cards by the number of their node, lines, boxes as (label, left, top, width, height), and the whole size."""

    width: float
    height: float
    cards: list[Card]
    lines: list[Line]
    boxes: list[tuple[str, float, float, float, float]]


def laid_out(drawn: list[Node], digits: int) -> Layout:
    cards = [_card(node, digits) for node in drawn]
    lines = [
        Line(operand.number, node.number, place)
        for node in drawn
        for place, operand in enumerate(node.operands)
        if isinstance(operand, Node)
    ]
    if span(drawn) <= LONGEST_SPAN:
        with suppress(MissingRendererError):
            return _by_graphviz(drawn, cards, lines, digits)
    return _in_columns(cards, lines)


def _card(node: Node, digits: int) -> Card:
    rows = [text for text, _ in operation(node, digits)]
    bar = max([20.0, *(text_width(text, 15 if len(text) == 1 else 11) + 10 for text in rows)]) if rows else 0.0
    label, data = (text_width(text, 13) for text in (shortened(node.label, ON_CARD), readable(node.data, digits)))
    wide = max(label * 1.06 + data + 26, 32 + 0.58 * 13 * (digits + 6))  # labels are bold
    return Card(bar + wide, max(2 * ROW, BAR * len(rows)), rows, bar)


def _by_graphviz(drawn: list[Node], cards: list[Card], lines: list[Line], digits: int) -> Layout:
    diagram = sheet("LR", None, "")
    diagram.attr(label="", pad="0", ranksep=".45", nodesep=".2")
    bound_the_search(diagram, drawn)
    tables = [_empty_table(node, card, digits) for node, card in zip(drawn, cards, strict=True)]
    put_in_boxes(diagram, [(node.box, node_line(node.name, t)) for node, t in zip(drawn, tables, strict=True)])
    ends = [heads(node, digits, "LR") for node in drawn]
    for i, line in enumerate(lines):
        head, tail = drawn[line.head], drawn[line.tail]
        minlen = "2" if tail.box is not head.box and tail.value.op is not None else "1"
        diagram.body.append(edge_line(tail.name, ends[line.head][line.place], comment=f"{i}", minlen=minlen))
    return _read(json.loads(diagram.pipe(format="json0", encoding="utf-8")), drawn, cards, lines)


def _empty_table(node: Node, card: Card, digits: int) -> str:
    """A table of the card's size, with the ports at which lines end."""
    entries = operation(node, digits)
    fixed: dict[str, Any] = {"fixedsize": "true"}
    rows = [
        cell(width=card.bar, height=card.height / len(entries), port=port_name(i), **fixed) for _, i in entries
    ] or [""]
    rows[0] += cell(width=card.width - card.bar, height=card.height, rowspan=max(len(entries), 1), **fixed)
    return table(rows, cellpadding=0)


def _read(found: Any, drawn: list[Node], cards: list[Card], lines: list[Line]) -> Layout:
    """The positions that Graphviz found; its y grows upwards, ours downwards."""
    left, bottom, right, top = map(float, found["bb"].split(","))
    by_name = {entry["name"]: entry for entry in found["objects"]}
    for node, card in zip(drawn, cards, strict=True):
        x, y = map(float, by_name[node.name]["pos"].split(","))
        card.x, card.y = x - left - card.width / 2, top - y - card.height / 2
    for edge in found.get("edges", []):
        tip, *points = edge["pos"].split()  # the tip of the arrow comes first, as e,x,y
        pairs = [p.split(",")[-2:] for p in (*points, tip)]
        lines[int(edge["comment"])].points = [(float(x) - left, top - float(y)) for x, y in pairs]
    boxes = []
    for name, label in {box.name: box.label for node in drawn if node.box for box in node.box.path()}.items():
        x0, y0, x1, y1 = map(float, by_name[name]["bb"].split(","))
        boxes.append((label, x0 - left, top - y1, x1 - x0, y1 - y0))
    return Layout(right - left, top - bottom, cards, lines, boxes)


def _in_columns(cards: list[Card], lines: list[Line]) -> Layout:
    """Cards in columns from the leaves to the root, each column centred, with straight lines as splines."""
    column = [0] * len(cards)
    for line in lines:  # in the order of recording, so that operands come first
        column[line.head] = max(column[line.head], column[line.tail] + 1)
    for line in reversed(lines):
        if not cards[line.tail].rows:  # a leaf stands just before its first use
            users = [column[other.head] for other in lines if other.tail == line.tail]
            column[line.tail] = min(users) - 1
    columns = [[i for i in range(len(cards)) if column[i] == c] for c in range(max(column) + 1)]
    tallest, x = max(sum(cards[i].height + 14 for i in entries) for entries in columns), 8.0
    for entries in columns:
        y = 8 + (tallest - sum(cards[i].height + 14 for i in entries)) / 2
        for i in entries:
            cards[i].x, cards[i].y = x, y
            y += cards[i].height + 14
        x += max((cards[i].width for i in entries), default=0.0) + 48
    for line in lines:
        tail, head = cards[line.tail], cards[line.head]
        x0, y0 = tail.x + tail.width, tail.y + tail.height / 2
        x1, y1 = head.x - 8, head.y + head.height / 2
        line.points = [(x0, y0), (x0 + 24, y0), (x1 - 24, y1), (x1, y1), (head.x, y1)]
    return Layout(x - 40, tallest + 16, cards, lines, [])

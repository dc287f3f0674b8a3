"""An empty drawing, its legend and its boxes: what all views of a recorded graph share."""

from __future__ import annotations

from typing import Any

from .. import colors
from ..diagram import Diagram
from ..labels import FONT, as_attributes, cell, escaped, font, in_digits, table
from ..nodes import Box, Node, changed

TAILS = {"LR": "e", "RL": "w", "TB": "s", "BT": "n"}  # where edges leave, by rankdir
KIND_WORDS = {"input": "given number", "parameter": "parameter", "root": "the result drawn"}
CHANGED = "data was changed after this was recorded (optimizer.step()?): run the model and backward() again"

Placed = list[tuple[Box | None, str]]  # lines of DOT text, each with the box that it stands in


def node_line(name: str, label: str, **attributes: str) -> str:
    """The statement of a node with an HTML-like label.

    Names and attributes are made up here and hold no character to quote, and labels are escaped, so this goes without
    the quoting of graphviz, which takes half of the time of a drawing.
    """
    return f"\t{name} [label=<{label}>{as_attributes(attributes)}]\n"


def edge_line(tail: str, head: str, **attributes: str) -> str:
    """The statement of an edge; its ends may name a port."""
    return f"\t{tail} -> {head} [{as_attributes(attributes).lstrip()}]\n"


def sheet(rankdir: str, title: str | None, legend: str) -> Diagram:
    """An empty drawing with the fonts and the spacing of all of them, and its title and legend."""
    diagram = Diagram(
        graph_attr={
            "rankdir": rankdir, "bgcolor": "white", "nodesep": ".18", "ranksep": ".38", "outputorder": "edgesfirst",
            "fontname": FONT, "fontsize": "11", "fontcolor": colors.INK, "pad": ".1",
        },
        node_attr={"shape": "plain", "fontname": FONT, "fontsize": "11", "fontcolor": colors.INK},
        edge_attr={
            "color": colors.LINE, "arrowsize": ".6", "fontname": FONT, "fontsize": "8", "fontcolor": colors.FAINT,
            "tailport": TAILS[rankdir],
        },
    )  # fmt: skip
    rows = [cell(legend)] if title is None else [cell(font(escaped(title), 14)), cell(legend)]
    diagram.attr(label=f"<{table(rows, cellpadding=2)}>", labelloc="b" if title is None else "t")
    return diagram


def bound_the_search(diagram: Diagram, drawn: list[Node]) -> None:
    """Ends the search for the best layout of a large graph early: it may else take minutes."""
    if len(drawn) > 250:
        diagram.attr(nslimit=".5", nslimit1=".5", mclimit=".1")
    if sum(len(node.operands) for node in drawn) > 1500:
        diagram.attr(splines="line")


def legend(drawn: list[Node], digits: int, kinds: set[str], lines: bool = True) -> str:
    """What the colours mean, of the kinds of Values, of gradients and of lines, and whether the numbers are of now."""
    known = drawn[-1].grad is not None
    scale = colors.extent(node.grad for node in drawn)
    swatches = [(colors.KIND_FILLS[kind], words) for kind, words in KIND_WORDS.items() if kind in kinds]
    if known:
        lowest, highest = (in_digits(-scale, digits), in_digits(scale, digits)) if lines else ("< 0", "> 0")
        swatches += [(colors.fill(-1.0, 1.0), f"gradient {lowest}"), ("#ffffff", "0"), (colors.fill(1.0, 1.0), highest)]
    if any(node.grad != node.grad for node in drawn):
        swatches.append((colors.NOT_A_NUMBER_FILL, "nan"))
    square: dict[str, Any] = {"border": 1, "color": colors.LINE, "width": 9, "height": 9, "fixedsize": "true"}
    cells = [cell(bgcolor=color, **square) + cell(_grey(words), align="left") for color, words in swatches]
    told = "lines: what flows back, by sign and size (square-root scale)"
    if not known:
        told = "grad -: no backward() has reached the result drawn"
    elif not lines:
        told = "each map up to the largest number below it; a row is a neuron"
    cells += [cell(_grey(words)) for words in (told, *([CHANGED] if changed(drawn) else []))]
    room = cell(cellpadding=0) * 20  # takes up what a wider title leaves over, which would else pull the cells apart
    return table([room + "".join(cells) + room], cellspacing=0, cellpadding=3)


def _grey(text: str) -> str:
    return font(escaped(text), 9, colors.FAINT)


def put_in_boxes(diagram: Diagram, placed: Placed) -> None:
    """The nodes in their boxes, which are nested in each other."""
    statements: dict[str | None, list[str]] = {}
    children: dict[str | None, dict[str, Box]] = {}
    for box, statement in placed:
        statements.setdefault(box.name if box else None, []).append(statement)
        for outer in box.path() if box else ():
            children.setdefault(outer.within.name if outer.within else None, {})[outer.name] = outer

    def fill(parent: Any, name: str | None) -> None:
        parent.body += statements.get(name, [])
        for box in children.get(name, {}).values():
            with parent.subgraph(name=box.name) as cluster:
                shade = "#eef1f5" if box.within else "#f6f8fa"
                cluster.attr(label=escaped(box.label), labelloc="t", labeljust="r", fontsize="10")
                cluster.attr(style="rounded", color="#d5dae1", bgcolor=shade, fontcolor=colors.FAINT)
                fill(cluster, box.name)

    fill(diagram, None)

"""An empty drawing, its legend, its boxes and its edges: what all views of a recorded graph share."""

from __future__ import annotations

from typing import Any

from . import colors
from .diagram import Diagram
from .labels import escaped, number
from .plan import Box

FONT = "Helvetica,Arial,sans-serif"
TAILS = {"LR": "e", "RL": "w", "TB": "s", "BT": "n"}  # where edges leave


def sheet(rankdir: str, title: str | None, legend: str) -> Diagram:
    """An empty drawing with the fonts and the spacing of all of them, and its title and legend."""
    diagram = Diagram(
        graph_attr={
            "rankdir": rankdir, "bgcolor": "white", "nodesep": ".18", "ranksep": ".38", "outputorder": "edgesfirst",
            "fontname": FONT, "fontsize": "11", "fontcolor": colors.INK, "pad": ".1",
        },
        node_attr={"shape": "plain", "fontname": FONT, "fontsize": "11", "fontcolor": colors.INK},
        edge_attr={"color": colors.LINE, "arrowsize": ".6", "fontname": FONT, "fontsize": "8", "tailport": TAILS[rankdir],
                   "fontcolor": colors.FAINT},
    )  # fmt: skip
    head = "" if title is None else f'<tr><td><font point-size="14">{escaped(title) or " "}</font></td></tr>'
    diagram.attr(
        label=f'<<table border="0" cellborder="0" cellspacing="0" cellpadding="2">{head}<tr><td>{legend}</td></tr></table>>',
        labelloc="b" if title is None else "t",
    )
    return diagram


def legend(scale: float, known: bool, digits: int, kinds: list[str]) -> str:
    """What the colours mean: of the gradients up to `scale` where they are `known`, and of the kinds of Values."""
    names = {"input": "given number", "parameter": "parameter", "operation": "computed", "root": "the result drawn"}
    swatches = [(colors.KINDS[kind], names[kind]) for kind in kinds if kind != "operation"]
    if known:
        lowest, highest = (number(sign * scale, digits) for sign in (-1.0, 1.0))
        swatches += [(colors.fill(-1.0, 1.0), f"gradient {lowest}"), ("#ffffff", "0"), (colors.fill(1.0, 1.0), highest)]
    cells = "".join(
        f'<td border="1" color="{colors.LINE}" width="9" height="9" fixedsize="true" bgcolor="{color}"></td>'
        f'<td align="left">{_grey(text)}</td>'
        for color, text in swatches
    )
    end = "lines: what flows back, by sign and size" if known else "grad -: backward() was not called yet"
    return f'<table border="0" cellborder="0" cellspacing="3" cellpadding="1"><tr>{cells}<td>{_grey(end)}</td></tr></table>'


def _grey(text: str) -> str:
    return f'<font point-size="9" color="{colors.FAINT}">{escaped(text)}</font>'


def put_boxes(
    diagram: Diagram, boxes: list[Box], statements: dict[str | None, list[tuple[str, dict[str, str]]]]
) -> None:
    """The nodes, by the name of their box, in boxes nested in each other."""
    ordered: dict[str, Box] = {}
    for box in boxes:
        for outer in box.path():
            ordered.setdefault(outer.name, outer)
    children: dict[str | None, list[Box]] = {}
    for box in ordered.values():
        children.setdefault(box.within.name if box.within else None, []).append(box)

    def fill(parent: Any, name: str | None) -> None:
        for node, attributes in statements.get(name, []):
            parent.node(node, **attributes)
        for box in children.get(name, []):
            with parent.subgraph(name=box.name) as cluster:
                cluster.attr(label=escaped(box.label), style="rounded", color="#d5dae1", fontsize="10", labeljust="r")
                cluster.attr(labelloc="t", bgcolor="#eef1f5" if box.within else "#f6f8fa", fontcolor=colors.FAINT)
                fill(cluster, box.name)

    fill(diagram, None)

"""draw: the graph that a Value was computed by, as a card for each number and an edge for each operand.

Small graphs show every Value; larger ones fold each neuron, or each layer, into one table (`folded.py`). Only text is
made here, so no renderer is needed; nothing is computed but what flows back along each edge, by the table's rules.
"""

from __future__ import annotations

from ...autograd.value import Value
from ...nn.neuron import Neuron
from ...support.checks import checked_choice, checked_switch
from .. import colors
from ..diagram import Diagram
from ..labels import escaped
from ..nodes import Node, flows, nodes, recorded_values, span
from ..options import check_root, check_size, check_texts
from . import folded
from .cards import HEADS, card, circle, heads, role, row_card
from .sheet import Placed, bound_the_search, edge_line, legend, node_line, put_in_boxes, sheet

VIEWS = ("auto", "graph", "neurons", "layers")
STYLES = ("compact", "classic")
READABLE = 150  # Values on one screen
TANGLED = 5000  # ranks that all edges together pass
FOLD = ', fold it with view="neurons" or view="layers" if a model recorded it'


def draw(
    root: Value,
    *,
    view: str = "auto",
    style: str = "compact",
    expand: bool = False,
    rankdir: str = "LR",
    digits: int = 4,
    title: str | None = None,
    max_nodes: int = 500,
    clusters: bool = True,
    repeat_shared: bool = False,
) -> Diagram:
    """The graph that `root`, a Value, was computed by, as a graphviz.Digraph; `.write("graph.svg")` makes the picture.

    - view: "graph" shows each Value as a card, its label and data over its gradient, with the operation that made it on
      the left; "neurons" folds each Neuron into a table of its weights, "layers" each Layer into heat maps; "auto" is
      the most detailed of them that can be read;
    - style: "compact", or "classic" with operations as circles; expand: a neuron's dot as its products and their sum;
    - rankdir: graphviz's direction (LR, TB, RL or BT); digits: significant digits; title: a line above;
    - max_nodes: the most nodes drawn; clusters: boxes around what a neuron, layer or loss recorded;
    - repeat_shared: a leaf drawn once for each of its uses, for fewer lines that cross.

    style, expand and repeat_shared are of the graph view.

    Colour is the gradient, and a line's what flows back along it (local derivative times gradient): blue above 0,
    orange below. Nothing is changed, and no renderer is needed before a picture is asked for.

    Raises TypeError where root is no Value, ValueError for an unknown option, for a folded view of a graph without
    Neurons, or for more than `max_nodes` nodes.

    >>> from tinygrad_nn import Value
    >>> a, b = Value(2.0, label="a"), Value(3.0, label="b")
    >>> draw(a * b).source.count("->")
    2
    """
    check_root("draw() draws", root)
    for what, given, known in (("view", view, VIEWS), ("style", style, STYLES), ("rankdir", rankdir, tuple(HEADS))):
        checked_choice(what, given, known)
    for what, switch in (("expand", expand), ("clusters", clusters), ("repeat_shared", repeat_shared)):
        checked_switch(what, switch)
    check_texts(title, digits)
    values = recorded_values(root)
    if view == "auto":
        view = _readable_view(values)
    if view == "graph":
        check_size(len(values), max_nodes, FOLD)
        drawn = nodes(root, expand, clusters, repeat_shared)
        check_size(len(drawn), max_nodes, FOLD)
        if span(drawn) > TANGLED and len(apart := nodes(root, expand, clusters, repeat_shared=True)) <= max_nodes:
            drawn = apart  # the layout of long lines takes minutes, and nobody can follow them
        return _graph(drawn, style == "compact", rankdir, digits, title)
    if not any(isinstance(value.scope, Neuron) for value in values):
        raise ValueError(
            f'view="{view}" folds what Neurons recorded, and none took part in this graph: call a model first, or '
            'draw it with view="graph"'
        )
    return folded.drawing(nodes(root, clusters=clusters), view == "layers", rankdir, digits, title, max_nodes)


def _readable_view(values: list[Value]) -> str:
    """The view for this many Values: all of them, or folded by neuron, or by layer."""
    if len(values) <= READABLE:
        return "graph"
    layers: dict[int, set[int]] = {}
    for value in values:
        if isinstance(value.scope, Neuron):
            layers.setdefault(id(value.scope.place.within), set()).add(id(value.scope))
    if not layers:
        return "graph"
    sizes = [len(neurons) for neurons in layers.values()]
    return "neurons" if sum(sizes) <= 24 and max(sizes) <= 8 else "layers"


def _graph(drawn: list[Node], compact: bool, rankdir: str, digits: int, title: str | None) -> Diagram:
    scale = colors.extent(node.grad for node in drawn)
    diagram = sheet(rankdir, title, legend(drawn, digits, {node.kind for node in drawn}))
    bound_the_search(diagram, drawn)
    placed: Placed = []
    for node in drawn:
        label = card(node, digits, scale, rankdir) if compact else row_card(node, digits, scale)
        placed.append((node.box, node_line(node.name, label)))
        if node.operands and not compact:
            text = circle(node, digits)
            shape = {"shape": "circle" if len(text) < 4 else "ellipse", "width": ".35", "height": ".35", "margin": "0"}
            placed.append((node.box, node_line(f"{node.name}o", escaped(text), **shape)))
    put_in_boxes(diagram, placed)
    _put_edges(diagram, drawn, compact, digits, rankdir)
    return diagram


def _put_edges(diagram: Diagram, drawn: list[Node], compact: bool, digits: int, rankdir: str) -> None:
    """An edge for each operand, coloured by the sign and as wide as the size of what flows back through it."""
    flowing = [flows(node) for node in drawn]
    scale = colors.extent(flow for entries in flowing for flow in entries)
    for node, entries in zip(drawn, flowing, strict=True):
        ends = heads(node, digits, rankdir) if compact else [f"{node.name}o"] * len(node.operands)
        for i, (operand, flow, end) in enumerate(zip(node.operands, entries, ends, strict=True)):
            if isinstance(operand, float):
                continue
            color, width = colors.line(flow, scale)
            attributes = {"color": color, "penwidth": f"{width:g}"}
            if operand.box is not node.box and operand.operands:
                attributes["minlen"] = "2"  # room between boxes
            if not compact and (told := role(node, i)):
                attributes["headlabel"] = told
            diagram.body.append(edge_line(operand.name, end, **attributes))
        if node.operands and not compact:
            diagram.body.append(edge_line(f"{node.name}o", node.name))

"""draw: the graph that a Value was computed by, as a card for each number and an edge for each operand.

Small graphs show every Value; larger ones fold each neuron, or each layer, into one table (`folded.py`). Only text is
made here, so no renderer is needed; nothing is computed but what flows back along each edge, by the table's rules.
"""

from __future__ import annotations

from ..module import Module
from ..neuron import Neuron
from ..reverse import contributions
from ..value import Result, Value
from . import colors, folded
from .cards import SIDES, card, circle_text, edge_role, operation, oval_card, ports
from .diagram import Diagram
from .plan import Node, nodes, recorded_values
from .sheet import legend, put_boxes, sheet

VIEWS = ("auto", "graph", "neurons", "layers")
STYLES = ("compact", "classic")
READABLE = 150  # Values on one screen


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
    """The drawing; `tinygrad_nn.draw` says what the options are.

    >>> a = Value(2.0, label="a")
    >>> draw(a + a).source.count("->")
    2
    """
    if not isinstance(root, Value):
        hint = "; call the model on a row first, or use draw_network(model)" if isinstance(root, Module) else ""
        raise TypeError(f"draw() draws the graph behind a Value, but got {root!r} of type {type(root).__name__}{hint}")
    for what, given, known in (("view", view, VIEWS), ("style", style, STYLES), ("rankdir", rankdir, tuple(SIDES))):
        if given not in known:
            raise ValueError(f"unknown {what} {given!r}: give {', '.join(known[:-1])} or {known[-1]}")
    check_digits(digits)
    if title is not None and not isinstance(title, str):
        raise TypeError(f"the title of a drawing is a string, but got {title!r}")
    values = recorded_values(root)
    if view == "auto":
        view = _readable_view(values)
    if view == "graph":
        check_size(len(values), max_nodes)
        drawn = nodes(root, expand, clusters, repeat_shared)
        check_size(len(drawn), max_nodes)
        return _graph(drawn, style, rankdir, digits, title)
    if not any(isinstance(value.scope, Neuron) for value in values):
        raise ValueError(
            f'view="{view}" folds what Neurons recorded, and none took part in this graph: call a model first, or '
            'draw it with view="graph"'
        )
    folds = folded.folds(nodes(root, clusters=clusters), by_layer=view == "layers")
    check_size(len(folds), max_nodes)
    return folded.drawing(folds, rankdir, digits, title)


def check_digits(digits: int) -> None:
    if isinstance(digits, bool) or not isinstance(digits, int) or not 1 <= digits <= 17:
        raise TypeError(f"digits must be a whole number from 1 to 17, but got {digits!r}")


def check_size(count: int, max_nodes: int) -> None:
    """Raises ValueError for more nodes than anybody can read, and than the layout may ever finish."""
    if count > max_nodes:
        raise ValueError(
            f"this drawing would have {count} nodes, more than max_nodes={max_nodes}, and nobody can read that: draw a "
            f'smaller example or an inner Value, fold it with view="neurons" or view="layers" if a model recorded it, '
            f"or insist with max_nodes={count}"
        )


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


def _graph(drawn: list[Node], style: str, rankdir: str, digits: int, title: str | None) -> Diagram:
    scale = colors.largest(node.grad for node in drawn)
    kinds = [kind for kind in colors.KINDS if any(node.kind == kind for node in drawn)]
    diagram = sheet(rankdir, title, legend(scale, drawn[-1].grad is not None, digits, kinds))
    if len(drawn) > 250:
        diagram.attr(nslimit="2", nslimit1="2")  # a bound on the layout's search, which may else take minutes
    statements: dict[str | None, list[tuple[str, dict[str, str]]]] = {}
    for node in drawn:
        cards = statements.setdefault(node.box.name if node.box else None, [])
        if style == "compact":
            cards.append((node.name, {"label": card(node, digits, scale, rankdir)}))
            continue
        cards.append((node.name, {"label": oval_card(node, digits, scale)}))
        if node.operands:
            text = circle_text(node, digits)
            shape = "circle" if len(text) < 4 else "ellipse"
            cards.append(
                (f"{node.name}o", {"label": text, "shape": shape, "margin": "0", "width": ".35", "height": ".35"})
            )
    put_boxes(diagram, [node.box for node in drawn if node.box], statements)
    _put_edges(diagram, drawn, style, digits, rankdir)
    return diagram


def _put_edges(diagram: Diagram, drawn: list[Node], style: str, digits: int, rankdir: str) -> None:
    """An edge for each operand, coloured by the sign and as wide as the size of what flows back through it."""
    flows = {node.name: node_flows(node) for node in drawn}
    scale = colors.largest(flow for entries in flows.values() for flow in entries)
    for node in drawn:
        arrivals = ports(node, operation(node, digits)) if style == "compact" else {}
        for i, operand in enumerate(node.operands):
            if isinstance(operand, float):
                continue
            color, width = colors.line(flows[node.name][i], scale)
            attributes = {"color": color, "penwidth": f"{width:g}"}
            if operand.box is not node.box and operand.value.op is not None:
                attributes["minlen"] = "2"
            head = node.name if style == "compact" else f"{node.name}o"
            if i in arrivals:
                head += f":{arrivals[i]}:{SIDES[rankdir]}"
            elif style == "compact" and len(node.operands) == 1:
                head += f":{SIDES[rankdir]}"
            elif style == "classic" and (role := edge_role(node, i)):
                attributes["headlabel"] = role
            diagram.edge(operand.name, head, **attributes)
        if style == "classic" and node.operands:
            diagram.edge(f"{node.name}o", node.name)


def node_flows(node: Node) -> list[float | None]:
    """What the Value adds to the gradient of each of its operands; None before any backward."""
    if node.grad is None or not isinstance(node.value, Result):
        return [None] * len(node.operands)
    return list(contributions(node.value, node.grad))

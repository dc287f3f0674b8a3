"""draw: the recorded graph of a Value, a card for each number and an edge for each operand.

A card shows the label and the data over the gradient; on its left is the operation that made the number. Operations
recorded by the same neuron or loss stand in one box, with the neuron's parameters.
"""

from __future__ import annotations

from typing import Any

from .. import reverse
from ..module import Module
from ..rules import is_column
from ..value import Result, Value
from .diagram import Diagram
from .labels import escaped, number

ORDERED = {"subtract": ("", "-"), "divide": ("", "/"), "power": ("", "**")}  # the second operand's sign
FONT = "Helvetica,Arial,sans-serif"


def draw(
    root: Value, *, rankdir: str = "LR", digits: int = 4, title: str | None = None, max_nodes: int = 500
) -> Diagram:
    """The graph that `root` was computed by, as a graphviz.Digraph with a node for every Value behind it.

    `rankdir` is graphviz's direction (LR, TB, RL or BT), `digits` the significant digits of the numbers. Literals are
    no nodes and stand with their operation. Gradients show as a dash before the first `backward`. Nothing is changed,
    and no renderer is needed before a picture is asked for.

    Raises TypeError where root is no Value, ValueError for an unknown rankdir or a graph of over `max_nodes` Values.

    >>> a = Value(2.0, label="a")
    >>> draw(a + a).source.count("->")
    2
    """
    if not isinstance(root, Value):
        raise TypeError(f"draw() draws the graph behind a Value, but got {root!r} of type {type(root).__name__}")
    if rankdir not in ("LR", "TB", "RL", "BT"):
        raise ValueError(f"unknown rankdir {rankdir!r}: give LR, TB, RL or BT")
    if not isinstance(digits, int) or digits < 1:
        raise TypeError(f"digits must be a whole number of 1 or more, but got {digits!r}")
    values = _values(root)
    if len(values) > max_nodes:
        raise ValueError(
            f"this graph has {len(values)} values, more than anybody can read: draw a part of it, "
            f"or all of it with draw(..., max_nodes={len(values)})"
        )
    names = {id(value): f"v{i}" for i, value in enumerate(values)}
    diagram = Diagram(
        graph_attr={"rankdir": rankdir, "bgcolor": "white", "nodesep": ".18", "ranksep": ".38", "fontname": FONT},
        node_attr={"shape": "plain", "fontname": FONT, "fontsize": "11"},
        edge_attr={"color": "#6b7280", "arrowsize": ".6"},
    )
    if title is not None:
        if not isinstance(title, str):
            raise TypeError(f"the title of a drawing is a string, but got {title!r}")
        diagram.attr(label=escaped(title), labelloc="t")
    after = any(value.grad != 0.0 for value in values if value.op is not None or value is root)
    for box, members in _boxes(values).items():
        cards = [(names[id(v)], _card(v, digits, after, v is root)) for v in members]
        if box is None:
            for name, card in cards:
                diagram.node(name, card)
            continue
        with diagram.subgraph(name=f"cluster_{box}") as cluster:
            cluster.attr(
                label=escaped(_scope_name(next(v.scope for v in members if v.scope is not None))), style="rounded"
            )
            cluster.attr(color="#d1d5db", bgcolor="#f9fafb", fontsize="11")
            for name, card in cards:
                cluster.node(name, card)
    for value in values:
        for i, operand in enumerate(value.operands):
            if isinstance(operand, Value):
                head = f"{names[id(value)]}:p{i}:w" if _ported(value) else names[id(value)]
                crosses = operand.op is not None and operand.scope is not value.scope
                diagram.edge(names[id(operand)], head, **({"minlen": "2"} if crosses else {}))
    return diagram


def _values(root: Value) -> list[Value]:
    """Every Value behind `root` and itself, operands first, in the order of recording."""
    results = reversed(reverse.history(root)) if isinstance(root, Result) else [root]
    values: dict[int, Value] = {}
    for result in results:
        for value in (*result.operands, result):
            if isinstance(value, Value):
                values.setdefault(id(value), value)
    return list(values.values())


def _boxes(values: list[Value]) -> dict[int | None, list[Value]]:
    """The Values by the number of their box, in the order of recording; None for those in no box."""
    owners: dict[int, Any] = {id(value): value.scope for value in values if value.scope is not None}
    scopes = {id(scope): scope for scope in owners.values()}
    for scope in scopes.values():
        for parameter in scope.parameters() if isinstance(scope, Module) else ():
            owners.setdefault(id(parameter), scope)
    numbers = {scope: i for i, scope in enumerate(scopes)}
    boxes: dict[int | None, list[Value]] = {}
    for value in values:
        owner = owners.get(id(value))
        boxes.setdefault(None if owner is None else numbers[id(owner)], []).append(value)
    return boxes


def _scope_name(scope: Any) -> str:
    return str(getattr(scope, "name", None) or getattr(scope, "__name__", None) or scope)


def _ported(value: Value) -> bool:
    """Whether the order of the operands shows by where their edges end."""
    return value.op is not None and (value.op.name in ORDERED or len(value.op.operands) > 2 or _wide(value))


def _wide(value: Value) -> bool:
    return value.op is not None and any(map(is_column, value.op.operands))


def _card(value: Value, digits: int, after_backward: bool, is_root: bool) -> str:
    """The HTML-like label of a Value: the operation, then `label | data` over `grad | number`."""
    grad = number(value.grad, digits) if after_backward else "-"
    fill = "#fff7cc" if is_root else "#eef4ee" if value.op is None else "white"
    rows = ((f"<b>{escaped(str(value.label)) or ' '}</b>", number(value.data, digits)), ("grad", grad))
    operation = _operation(value, digits)
    body = "".join(f'<tr><td align="left">{left}</td><td align="right">{right}</td></tr>' for left, right in rows)
    table = f'<table border="0" cellborder="0" cellspacing="0" cellpadding="3">{body}</table>'
    return (
        f'<<table border="1" cellborder="0" cellspacing="0" cellpadding="0" color="#6b7280" bgcolor="{fill}">'
        f"<tr>{operation}<td>{table}</td></tr></table>>"
    )


def _operation(value: Value, digits: int) -> str:
    """The dark cell of an operation: its symbol with any literal, or a row for each operand in order."""
    if value.op is None:
        return ""
    symbol = escaped(value.op.symbol)
    operands = [number(o, digits) if type(o) is float else "" for o in value.operands]
    if _wide(value) or len(operands) > 2:
        rows = [symbol, *(f"{role} {operand}".strip() for role, operand in zip(_roles(value), operands, strict=True))]
    elif value.op.name in ORDERED:
        rows = [
            f"{sign} {operand}".strip() or " " for sign, operand in zip(ORDERED[value.op.name], operands, strict=True)
        ]
        if not operands[0]:
            rows[0] = {"-": "+", "/": "*"}.get(value.op.symbol, "base")
    else:
        rows = [" ".join(filter(None, [*operands[:1], symbol, *operands[1:]])) if len(operands) == 2 else symbol]
    first = 1 if len(rows) > len(operands) else 0
    ports = [f' port="p{i - first}"' if i >= first and _ported(value) else "" for i in range(len(rows))]
    cells = "".join(
        f'<tr><td{port} bgcolor="#374151" cellpadding="4"><font color="white">{row}</font></td></tr>'
        for port, row in zip(ports, rows, strict=True)
    )
    return f'<td bgcolor="#374151"><table border="0" cellborder="0" cellspacing="0">{cells}</table></td>'


def _roles(value: Value) -> list[str]:
    """A name for each operand: w1, w2, ... of a column, or the name of the operand itself."""
    op = value.op
    if not isinstance(value, Result) or op is None:
        return []
    return [
        f"{name[:-1]}{i + 1}" if is_column(name) else name
        for name, group in zip(op.operands, value.groups, strict=True)
        for i in range(len(group) if is_column(name) else 1)
    ]

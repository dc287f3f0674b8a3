"""The folded views: one table for each neuron, or one heat map for each layer, with what it computed and learns.

Nodes are gathered into folds: a neuron or a layer with its parameters, a loss, a given number that several examples
share by its label, and what stands between them. Several calls, as for a batch, are one fold and say so (x100).
"""

from __future__ import annotations

import math

from .. import primitives as table
from ..choices import activation_name
from ..neuron import Neuron
from . import colors
from .cards import SIDES, card, framed, small
from .diagram import Diagram
from .labels import escaped, number
from .plan import Box, Node
from .sheet import legend, put_boxes, sheet

FEW = 24  # operations beside the neurons that are drawn one by one
MOST_ROWS, MOST_CELLS = 12, 24


class Fold:
    """Nodes drawn as one: the members, and the neurons whose tables they are (none for a loss, an input and the like)."""

    __slots__ = ("box", "members", "name", "neurons", "title")

    def __init__(self, name: str, title: str, box: Box | None, neurons: list[Neuron]) -> None:
        self.name, self.title, self.box, self.neurons = name, title, box, neurons
        self.members: list[Node] = []


def folds(drawn: list[Node], by_layer: bool) -> list[Fold]:
    """The folds of a graph's nodes, in the order of recording."""
    results = [n for n in drawn if n.value.op and not isinstance(n.value.scope, Neuron)]
    crowded = len(results) > (FEW // 4 if by_layer else FEW)
    inputs = [n for n in drawn if n.kind == "input"]
    owners = {id(p): n.value.scope for n in drawn if isinstance(n.value.scope, Neuron)
              for p in (*n.value.scope.weights, n.value.scope.bias)}  # fmt: skip
    found: dict[object, Fold] = {}
    for node in drawn:
        owner = node.value.scope if node.value.op else owners.get(id(node.value))
        neurons: list[Neuron] = []
        if isinstance(owner, Neuron):
            place = owner.place.within
            key: object = id(place) if by_layer and place else id(owner)
            title, neurons = (place.name if by_layer and place else owner.place.name), [owner]
        elif node.kind == "root" or (node.value.op and not crowded) or (not node.value.op and len(inputs) <= FEW // 2):
            key, title = node.name, node.label
        elif node.value.op is None:
            key, title = ("input", node.label), node.label or "inputs"
        else:
            key = ("scope", id(owner))
            title = node.box.label if node.box else "other operations"
        fold = found.get(key)
        if fold is None:
            box = node.box.within if node.box and by_layer and neurons else node.box
            box = box.within if box and by_layer and neurons else box
            fold = found[key] = Fold(f"f{len(found)}", title, None if crowded and not neurons else box, [])
        fold.members.append(node)
        fold.neurons += [n for n in neurons if not any(n is known for known in fold.neurons)]
    ordered = list(found.values())
    for fold in ordered:
        if by_layer and len(fold.neurons) > 1:
            fold.box = None
    return ordered


def drawing(found: list[Fold], rankdir: str, digits: int, title: str | None) -> Diagram:
    """The text of a folded view."""
    members = [node for fold in found for node in fold.members]
    scale = colors.largest(node.grad for node in members)
    kinds = [kind for kind in ("input", "root") if any(node.kind == kind for node in members)]
    diagram = sheet(rankdir, title, legend(scale, members[0].grad is not None, digits, kinds))
    diagram.attr(ranksep=".7")
    by_layer = any(len({id(n) for n in fold.neurons}) > 1 for fold in found)
    statements: dict[str | None, list[tuple[str, dict[str, str]]]] = {}
    for fold in found:
        if len(fold.neurons) > 1 or (fold.neurons and by_layer):
            label = _layer_table(fold, digits)
        elif fold.neurons:
            label = _neuron_table(fold, digits, scale)
        elif len(fold.members) == 1:
            label = card(fold.members[0], digits, scale, rankdir)
        else:
            label = _summary_table(fold)
        place = fold.box.name if fold.box and not (fold.neurons and by_layer) else None
        if fold.neurons and not by_layer and fold.box is not None:  # the table stands for the neuron's own box
            place = fold.box.within.name if fold.box.within else None
        statements.setdefault(place, []).append((fold.name, {"label": label}))
    boxes = [(f.box.within if f.neurons and not by_layer else f.box) for f in found if f.box is not None]
    put_boxes(diagram, [box for box in boxes if box is not None], statements)
    _put_edges(diagram, found, rankdir, by_layer)
    return diagram


def _put_edges(diagram: Diagram, found: list[Fold], rankdir: str, by_layer: bool) -> None:
    """One edge from fold to fold, or from a neuron's output to the row of the weight that multiplies it."""
    from .graph import node_flows

    fold_of = {node.name: fold for fold in found for node in fold.members}
    totals: dict[tuple[str, str], float] = {}
    known = False
    for fold in found:
        for node in fold.members:
            for i, (operand, flow) in enumerate(zip(node.operands, node_flows(node), strict=True)):
                if isinstance(operand, float):
                    continue
                source = fold_of[operand.name]
                if source is fold and not (node.value.op is table.dot and operand.value.op):
                    continue
                head = fold.name
                if fold.neurons and not by_layer and node.value.op is table.dot:
                    head += f":p{_row(i - len(node.operands) // 2, len(node.operands) // 2)}:{SIDES[rankdir]}"
                tail = f"{source.name}:out:e" if source.neurons and not by_layer and rankdir == "LR" else source.name
                known = known or flow is not None
                totals[tail, head] = totals.get((tail, head), 0.0) + (flow or 0.0)
    scale = colors.largest(totals.values())
    for (tail, head), flow in totals.items():
        color, width = colors.line(flow if known and not by_layer else None, scale)
        diagram.edge(tail, head, color=color, penwidth=f"{1.5 if by_layer else width:g}")


def _row(i: int, n: int) -> int:
    """The row of the i-th of n weights; those that are left out share the row of the dots."""
    return i if n <= MOST_ROWS or i < MOST_ROWS - 4 else MOST_ROWS - 4 if i < n - 3 else i


def _calls(fold: Fold) -> int:
    return sum(node.value.op is table.dot for node in fold.members) // max(len(fold.neurons), 1)


def _header(title: str, right: str, span: int) -> str:
    left = f'<td align="left" bgcolor="{colors.DARK}" colspan="{span - 1}"><font color="white"><b>{escaped(title)}</b></font></td>'
    return (
        left
        + f'<td align="right" bgcolor="{colors.DARK}"><font color="#d5dae1" point-size="9">{escaped(right)}</font></td>'
    )


def _neuron_table(fold: Fold, digits: int, scale: float) -> str:
    """A neuron: each weight with its value and gradient, the bias, and the output."""
    (neuron,), calls, output = fold.neurons, _calls(fold), fold.members[-1]
    grads = {id(node.value): node.grad for node in fold.members}
    violet, n = colors.KINDS["parameter"], len(neuron.weights)

    def row(port: str, label: str, data: float, grad: float | None, kind: str) -> str:
        shown = "-" if grad is None else number(grad, digits)
        left, right = ("", f' port="{port}"') if port == "out" else (f' port="{port}"', "")
        return (
            f'<td align="left" bgcolor="{kind}"{left}>{label}</td>'
            f'<td align="right" bgcolor="{kind}">{number(data, digits)}</td>'
            f'<td align="right" bgcolor="{colors.fill(grad, scale)}"{right}>{shown}</td>'
        )

    head = _header(fold.title, activation_name(neuron.activation) + (f" ×{calls}" if calls > 1 else ""), 3)
    rows = [head, f'<td></td><td align="right">{small("value")}</td><td align="right">{small("grad")}</td>']
    literals = _literal_inputs(fold) if calls == 1 else [None] * n
    for i, (weight, literal) in enumerate(zip(neuron.weights, literals, strict=True)):
        if _row(i, n) != i:
            continue
        if n > MOST_ROWS and i == MOST_ROWS - 4:
            rows.append(f'<td colspan="3" port="p{i}">{small(f"... {n - 3 - i} more ...")}</td>')
            continue
        name = f"<b>{escaped(str(weight.label)) or f'w{i + 1}'}</b>"
        name += (
            "" if literal is None else f' <font color="{colors.FAINT}">{small(f"× {number(literal, digits)}")}</font>'
        )
        rows.append(row(f"p{i}", name, weight.data, grads.get(id(weight)), violet))
    rows.append(row(f"p{n}", "<b>b</b>", neuron.bias.data, grads.get(id(neuron.bias)), violet))
    if calls > 1:
        what = small(f"{calls} values")
        rows.append(f'<td align="left">{small("out")}</td><td align="right" colspan="2" port="out">{what}</td>')
    else:
        label, kind = escaped(output.label), "root" if output.kind == "root" else "operation"
        label = f"<b>{label}</b>" if output.given else label
        rows.append(row("out", label, output.value.data, output.grad, colors.KINDS[kind]))
    return framed(rows, output.kind == "root")


def _literal_inputs(fold: Fold) -> list[float | None]:
    """The inputs of a neuron's first call that are plain numbers; None for Values."""
    operands = next(node.operands for node in fold.members if node.value.op is table.dot)
    return [o if isinstance(o, float) else None for o in operands[len(operands) // 2 : -1]]


def _layer_table(fold: Fold, digits: int) -> str:
    """A layer: heat maps of its weights and of their gradients, a row for each neuron, the biases at the end."""
    neurons, calls, known = fold.neurons, _calls(fold), fold.members[0].grad is not None
    weights = [[p.data for p in (*n.weights, n.bias)] for n in neurons]
    gradients = [[p.grad for p in (*n.weights, n.bias)] for n in neurons]
    shape = f"{len(neurons[0].weights)} → {len(neurons)} · {activation_name(neurons[0].activation)}"
    high, wide = _blocks(weights)
    blocks = f", in blocks of {high} × {wide}" if high * wide > 1 else ""
    maps = [(f"weights | bias{blocks}", "weight", weights)]
    if known:
        maps.append(("gradients", "gradient", gradients))
    head = _header(fold.title, shape + (f" ×{calls}" if calls > 1 else ""), max(len(maps), 2))
    span = "" if known else ' colspan="2"'
    titles = "".join(f"<td{span}>{small(title)}</td>" for title, _, _ in maps)
    cells = "".join(f"<td{span}>{_heat_map(entries)}</td>" for _, _, entries in maps)
    feet = "".join(f"<td{span}>{small(f'largest |{what}| {number(_largest(e), digits)}')}</td>" for _, what, e in maps)
    return framed([head, titles, cells, feet], any(node.kind == "root" for node in fold.members))


def _largest(entries: list[list[float]]) -> float:
    return colors.largest(entry for row in entries for entry in row)


def _blocks(entries: list[list[float]]) -> tuple[int, int]:
    """How many rows and columns of a matrix share a cell of its heat map."""
    return math.ceil(len(entries) / MOST_CELLS), math.ceil((len(entries[0]) - 1) / MOST_CELLS)


def _heat_map(entries: list[list[float]]) -> str:
    """A table of coloured cells; of a large matrix each cell is the entry of largest magnitude in its block."""
    (high, wide), scale, n = _blocks(entries), _largest(entries), len(entries[0]) - 1
    size = 11 if max(len(entries) / high, n / wide) <= 16 else 8
    rows = []
    for top in range(0, len(entries), high):
        block = entries[top : top + high]
        cells = [
            max((e for row in block for e in row[left : min(left + wide, n)]), key=abs) for left in range(0, n, wide)
        ]
        bias = _heat_cell(max((row[-1] for row in block), key=abs), scale, size)
        rows.append(f'<tr>{"".join(_heat_cell(e, scale, size) for e in cells)}<td width="4"></td>{bias}</tr>')
    width, height = (size + 1) * (math.ceil(n / wide) + 1) + 6, (size + 1) * len(rows) + 1
    return (
        f'<table border="0" cellborder="0" cellspacing="1" cellpadding="0" fixedsize="true" width="{width}" '
        f'height="{height}">{"".join(rows)}</table>'
    )


def _heat_cell(entry: float, scale: float, size: int) -> str:
    return f'<td width="{size}" height="{size}" fixedsize="true" bgcolor="{colors.fill(entry, scale)}"></td>'


def _summary_table(fold: Fold) -> str:
    """Many operations, or many given numbers, in one line each: what they are and how many."""
    results = [node for node in fold.members if node.value.op]
    what = f"{len(results)} operations" if results else f"{len(fold.members)} numbers"
    return framed([f"<td><b>{escaped(fold.title)}</b></td>", f"<td>{small(what)}</td>"])

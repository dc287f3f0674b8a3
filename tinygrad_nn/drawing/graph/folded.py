"""The folded views: one table for each neuron, or one heat map for each layer, with what it computed and learns.

Nodes are gathered into folds: a neuron or a layer with its parameters, the operations of a loss, the given numbers, and
what stands between them. Several calls, as for a batch, are one fold and say so (×100).
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from ...autograd.column import numbers
from ...nn.activations import activation_name
from ...nn.neuron import Neuron
from .. import colors
from ..diagram import Diagram
from ..labels import cell, escaped, font, in_digits, table
from ..nodes import Box, Node, flows, weighs
from ..options import check_size
from .cards import HEADS, card, framed, ports
from .sheet import TAILS, Placed, edge_line, legend, node_line, put_in_boxes, sheet

ONE_BY_ONE = 24  # operations beside the neurons that are drawn one by one; a fourth of it beside layers
MOST_ROWS = 12  # weights in the table of a neuron
MOST_CELLS = 24  # rows and columns of a heat map


@dataclass
class Fold:
    """Nodes drawn as one, and the neurons whose weights they are (none for a loss, given numbers and the like)."""

    name: str
    title: str
    box: Box | None
    members: list[Node] = field(default_factory=list)
    neurons: list[Neuron] = field(default_factory=list)

    @property
    def calls(self) -> int:
        """How often its neurons were called, or the busiest of them."""
        return max(Counter(id(node.value.scope) for node in self.members if weighs(node)).values(), default=0)


def drawing(drawn: list[Node], by_layer: bool, rankdir: str, digits: int, title: str | None, most: int) -> Diagram:
    """The text of a folded view. Raises ValueError for more than `most` folds."""
    found = _folds(drawn, by_layer)
    check_size(len(found), most)
    scale = colors.extent(node.grad for node in drawn)
    kinds = {fold.members[0].kind for fold in found if not fold.neurons and len(fold.members) == 1}
    diagram = sheet(rankdir, title, legend(drawn, digits, kinds, lines=not by_layer))
    diagram.attr(ranksep=".7")
    grads = {id(node.value): node.grad for node in drawn}
    placed: Placed = []
    for fold in found:
        if fold.neurons:
            label = _layer_table(fold, digits) if by_layer else _neuron_table(fold, grads, digits, scale)
        elif len(fold.members) == 1:
            label = card(fold.members[0], digits, scale, rankdir)
        else:
            results = sum(bool(node.operands) for node in fold.members)
            detail = f"{results} operations" if results else f"{len(fold.members)} numbers"
            label = _two_lines(escaped(fold.title), detail)
        placed.append((fold.box, node_line(fold.name, label)))
        literals = sum(isinstance(o, float) for o in _inputs(fold)) if fold.neurons and by_layer else 0
        if literals:
            what = f"{literals} number{'s' * (literals > 1)}" + (f" ×{fold.calls}" if fold.calls > 1 else "")
            placed.append((None, node_line(f"{fold.name}x", _two_lines("given", what))))
            diagram.body.append(edge_line(f"{fold.name}x", fold.name, penwidth="1.5"))
    put_in_boxes(diagram, placed)
    _put_edges(diagram, found, rankdir, by_layer)
    return diagram


def _folds(drawn: list[Node], by_layer: bool) -> list[Fold]:
    """The folds of the nodes of a graph, in the order of recording."""
    neurons: dict[int, Any] = {id(node.value.scope): node.value.scope for node in drawn if weighs(node)}
    others = [node for node in drawn if node.operands and id(node.value.scope) not in neurons]
    crowded = len(others) > (ONE_BY_ONE // 4 if by_layer else ONE_BY_ONE)
    many_given = sum(node.kind == "input" for node in drawn) > ONE_BY_ONE // 2
    owners = {id(p): neuron for neuron in neurons.values() for p in (*neuron.weights, neuron.bias)}
    found: dict[object, Fold] = {}
    for node in drawn:
        owner = node.value.scope if node.operands else owners.get(id(node.value))
        neuron = neurons.get(id(owner))
        if neuron is None:
            key, title, box = _of_other(node, crowded, many_given)
        else:
            key, title, box = _of_neuron(neuron, node.box, by_layer)
        fold = found.setdefault(key, Fold(f"f{len(found)}", title, box))
        fold.members.append(node)
        if neuron is not None and neuron not in fold.neurons:
            fold.neurons.append(neuron)
    return list(found.values())


def _of_neuron(neuron: Neuron, box: Box | None, by_layer: bool) -> tuple[object, str, Box | None]:
    """What is one for the nodes of a fold, its title and box: the table of the neuron or layer stands for its own."""
    place = neuron.place.layer if by_layer else neuron.place
    outer = box.within if box else None
    return id(place), place.name, outer.within if outer and place is not neuron.place else outer


def _of_other(node: Node, crowded: bool, many_given: bool) -> tuple[object, str, Box | None]:
    """The same of a node that is no neuron's: of many, those of one loss, or of one label, go together."""
    if node.operands and crowded:
        key = object() if node.kind == "root" else ("operations", id(node.value.scope))
        return key, node.box.label if node.box else "other operations", None
    if node.kind == "input" and many_given:
        return ("input", node.label), node.label or "given", node.box
    return object(), node.label, node.box


def _put_edges(diagram: Diagram, found: list[Fold], rankdir: str, by_layer: bool) -> None:
    """One edge from fold to fold; or, from a neuron's output to the row of the weight that multiplies it."""
    fold_of = {node.name: fold for fold in found for node in fold.members}
    totals: dict[tuple[str, str], float] = {}
    for node in (node for fold in found for node in fold.members):
        target = fold_of[node.name]
        for i, (operand, flow) in enumerate(zip(node.operands, flows(node), strict=True)):
            if isinstance(operand, float) or _stays_inside(node, i, operand, fold_of[operand.name] is target):
                continue
            source, port = fold_of[operand.name], _port(node, i, len(target.members) == 1, by_layer)
            row = f":{port}:{HEADS[rankdir]}" if port else ""
            out = f":out:{TAILS[rankdir]}" if source.neurons and not by_layer else ""
            ends = source.name + out, target.name + row
            totals[ends] = totals.get(ends, 0.0) + (flow or 0.0)
    scale = colors.extent(totals.values())
    for (tail, head), flow in totals.items():
        color, width = (colors.LINE, 1.5) if by_layer else colors.line(flow, scale)
        diagram.body.append(edge_line(tail, head, color=color, penwidth=f"{width:g}"))


def _stays_inside(node: Node, i: int, operand: Node, one_fold: bool) -> bool:
    """Whether the table of a fold shows the operand, so that no edge is drawn; a recurrent neuron keeps its loop."""
    if not weighs(node):
        return one_fold
    n = len(node.operands) // 2
    return not operand.operands and (one_fold or not n <= i < 2 * n)


def _port(node: Node, i: int, alone: bool, by_layer: bool) -> str | None:
    """Where in the drawing of its fold the edge of an operand ends."""
    if alone:
        return ports(node, 1).get(i)
    n = len(node.operands) // 2
    return f"p{_row(i % n if i < 2 * n else n, n)}" if weighs(node) and not by_layer else None


def _row(i: int, n: int) -> int:
    """The row of the i-th of n weights; those that are left out share the row of the dots."""
    first, last = MOST_ROWS - 4, n - 3
    return i if n <= MOST_ROWS or i < first or i >= last else first


def _inputs(fold: Fold) -> list[Node | float]:
    """The inputs of the first call of a neuron or layer."""
    operands = next(node.operands for node in fold.members if weighs(node))
    return list(operands[len(operands) // 2 : -1])


def _header(title: str, detail: str, calls: int, span: int) -> str:
    dark = {"bgcolor": colors.DARK}
    detail += f" ×{calls}" if calls > 1 else ""
    left = cell(font(f"<b>{escaped(title)}</b>", 11, "white"), align="left", colspan=span - 1, **dark)
    return left + cell(font(escaped(detail), 9, "#d5dae1"), align="right", **dark)


def _neuron_table(fold: Fold, grads: dict[int, float | None], digits: int, scale: float) -> str:
    """A neuron: each weight with its value and gradient, the bias, and the output."""
    (neuron,), output = fold.neurons, fold.members[-1]
    n = len(neuron.weights)

    def row(label: str, data: float, grad: float | None, kind: str, port: str | None, out: str | None = None) -> str:
        told, shade = "-" if grad is None else in_digits(grad, digits), colors.KIND_FILLS[kind]
        row = cell(label, align="left", bgcolor=shade, port=port)
        row += cell(in_digits(data, digits), align="right", bgcolor=shade)
        return row + cell(told, align="right", bgcolor=colors.fill(grad, scale), port=out)

    rows = [_header(fold.title, activation_name(neuron.activation), fold.calls, 3)]
    rows.append(cell() + cell(font("value"), align="right") + cell(font("grad"), align="right"))
    for i, (weight, x) in enumerate(zip(neuron.weights, _inputs(fold), strict=True)):
        if n > MOST_ROWS and i == MOST_ROWS - 4:
            rows.append(cell(font(f"... {n - 3 - i} more ..."), colspan=3, port=f"p{i}"))
        elif _row(i, n) == i:
            label = f"<b>{escaped(str(getattr(weight, 'label', '') or f'w{i + 1}'))}</b>"
            if isinstance(x, float) and fold.calls == 1:
                label += font(f"&#160;× {in_digits(x, digits)}", 9, colors.FAINT)
            rows.append(row(label, numbers(weight), grads.get(id(weight)), "parameter", f"p{i}"))
    rows.append(row("<b>b</b>", numbers(neuron.bias), grads.get(id(neuron.bias)), "parameter", f"p{n}"))
    if fold.calls > 1:
        what = cell(font(f"{fold.calls} values"), align="right", colspan=2, port="out")
        rows.append(cell("out", align="left") + what)
    else:
        label = escaped(output.label)
        label = f"<b>{label}</b>" if output.given else label
        rows.append(row(label, output.data, output.grad, output.kind, None, "out"))
    return framed(rows, output.kind == "root")


def _layer_table(fold: Fold, digits: int) -> str:
    """A layer: heat maps of its weights and of their gradients, a row for each neuron, the biases at the end."""
    neurons = fold.neurons
    n = len(neurons[0].weights)
    weights = [[numbers(p) for p in (*neuron.weights, neuron.bias)] for neuron in neurons]
    gradients = [[getattr(p, "grad", 0.0) for p in (*neuron.weights, neuron.bias)] for neuron in neurons]
    high, wide = _block(weights)
    blocks = f", in blocks of {high} × {wide}" if high * wide > 1 else ""
    maps = [(f"weights | bias{blocks}", "weight", weights)]
    maps += [("gradients", "gradient", gradients)] if fold.members[0].grad is not None else []
    span = None if len(maps) > 1 else 2
    head = _header(fold.title, f"{n} → {len(neurons)} · {activation_name(neurons[0].activation)}", fold.calls, 2)
    titles = "".join(cell(font(title), colspan=span) for title, _, _ in maps)
    cells = "".join(cell(_heat_map(entries), colspan=span) for _, _, entries in maps)
    feet = "".join(
        cell(font(f"largest |{what}| {in_digits(_largest(entries), digits)}"), colspan=span)
        for _, what, entries in maps
    )
    return framed([head, titles, cells, feet], any(node.kind == "root" for node in fold.members))


def _largest(entries: list[list[float]]) -> float:
    return colors.extent(entry for row in entries for entry in row)


def _block(entries: list[list[float]]) -> tuple[int, int]:
    """How many rows and columns of a matrix share a cell of its heat map."""
    return math.ceil(len(entries) / MOST_CELLS), max(math.ceil((len(entries[0]) - 1) / MOST_CELLS), 1)


def _heat_map(entries: list[list[float]]) -> str:
    """A table of coloured cells; of a large matrix each cell is the entry of largest magnitude in its block."""
    (high, wide), scale, n = _block(entries), _largest(entries), len(entries[0]) - 1
    size = 11 if max(len(entries) / high, n / wide) <= 16 else 8

    def shade(block: list[float]) -> str:
        entry = max(block, key=lambda e: math.inf if e != e else abs(e))  # what is not a number is not hidden
        return cell(width=size, height=size, fixedsize="true", bgcolor=colors.fill(entry, scale))

    rows = []
    for top in range(0, len(entries), high):
        band = entries[top : top + high]
        blocks = [[entry for row in band for entry in row[left : min(left + wide, n)]] for left in range(0, n, wide)]
        rows.append("".join(map(shade, blocks)) + cell(width=4) + shade([row[-1] for row in band]))
    width, height = (size + 1) * (math.ceil(n / wide) + 1) + 6, (size + 1) * len(rows) + 1
    return table(rows, cellspacing=1, cellpadding=0, fixedsize="true", width=width, height=height)


def _two_lines(title: str, detail: str) -> str:
    return framed([cell(f"<b>{title}</b>"), cell(font(detail))])

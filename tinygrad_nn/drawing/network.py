"""draw_network: the picture of layers that every textbook has, with this network's own numbers.

A circle is an input or a neuron, a line the weight from one to the next; colour is the sign and width or depth the size
of the weights, of their gradients or of their velocities. Of a wide layer the first and the last neurons are drawn.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ..autograd.column import numbers
from ..autograd.elementary import as_operands
from ..autograd.recording import no_grad
from ..autograd.value import Value
from ..nn.activations import activation_name
from ..nn.layers import MLP, Layer
from ..nn.module import Module
from ..nn.neuron import Neuron, layer_outputs
from ..support.checks import checked_choice, checked_count, checked_switch
from . import colors
from .diagram import Diagram
from .labels import FONT, cell, clean, escaped, font, in_digits, shortened, table, text_width
from .options import check_texts

COLORS = {"weight": "weights", "grad": "gradients", "velocity": "velocities"}
ROW_HEIGHT, COLUMN, RADIUS = 58.0, 170.0, 21.0  # points
LONGEST_NAME = 40  # letters of a name in the picture; the whole of it is in the tooltip
SPOTS = tuple(0.27 + 0.03 * k for k in range(17))  # where on a line its number may stand

GridPoint = tuple[float, float]  # in columns and rows


def draw_network(
    model: Module,
    x: Any = None,
    *,
    color: str = "weight",
    max_neurons: int = 10,
    edge_labels: bool | None = None,
    title: str | None = None,
    optimizer: Any = None,
) -> Diagram:
    """The layers of an MLP, Layer or Neuron as circles and lines: a graphviz.Digraph to `.write("network.svg")`.

    - x: one row of inputs; the circles then show what each neuron answers, asked layer by layer;
    - color: what the lines and the circles (of the biases) show: "weight", "grad", or "velocity", which lives in the
      `optimizer`; blue above 0, orange below, wider or deeper the larger;
    - max_neurons: of a wider layer the first and the last are drawn; edge_labels: the number on each line, by default
      on up to 12 lines; title: a line above.

    Raises TypeError for another kind of model, ValueError for an unknown color, a velocity without its optimizer, or a
    row of the wrong length.

    >>> from tinygrad_nn import MLP
    >>> draw_network(MLP(2, [3, 1])).source.count("->")
    9
    """
    layers = _layers(model)
    checked_choice("color", color, COLORS)
    max_neurons = checked_count("max_neurons", max_neurons, least=3)
    edge_labels = None if edge_labels is None else checked_switch("edge_labels", edge_labels)
    check_texts(title)
    columns = _columns(model, layers, _numbers(layers, color, optimizer), x, max_neurons)
    drawing = _empty()
    _put_circles(drawing, columns, color)
    _put_lines(drawing, columns, edge_labels)
    _put_words(drawing, columns, color, title)
    return drawing


@dataclass
class Circles:
    """The inputs or a layer: which of its entries are drawn (None for the dots between them), and their numbers.

    `weights` lists those of each neuron, `biases` one for each; both are empty for the inputs.
    """

    heading: str
    detail: str
    shown: list[int | None]
    names: list[str]
    activations: list[float] | None
    weights: list[list[float]]
    biases: list[float]

    def row(self, i: int | None) -> float:
        """Where an entry stands, in rows from the middle."""
        return self.shown.index(i) - (len(self.shown) - 1) / 2


def _layers(model: Module) -> list[list[Neuron]]:
    """The neurons of each layer. Raises TypeError for a model that is not made of layers."""
    if isinstance(model, Neuron):
        return [[model]]
    layers = model.layers if isinstance(model, MLP) else [model]
    neurons = [layer.neurons for layer in layers if isinstance(layer, Layer)]
    if len(neurons) < len(layers):
        raise TypeError(
            f"draw_network() draws an MLP, a Layer or a Neuron, but got {model!r} of type {type(model).__name__}; "
            'for a network wired by hand call it on a row, and draw(output, view="neurons")'
        )
    return neurons


def _numbers(layers: list[list[Neuron]], color: str, optimizer: Any) -> dict[int, float]:
    """The number that colours each parameter, by the id of the parameter."""
    parameters = [p for layer in layers for neuron in layer for p in (*neuron.weights, neuron.bias)]
    if color == "weight":
        return {id(p): float(getattr(p, "data", p)) for p in parameters}
    if color == "grad":
        return {id(p): getattr(p, "grad", 0.0) for p in parameters}
    if not hasattr(optimizer, "velocity"):
        raise ValueError(
            'color="velocity" shows what the optimiser remembers of each parameter: give the one that trains the '
            f'model, as in draw_network(model, color="velocity", optimizer=optimizer); got optimizer={optimizer!r}'
        )
    velocities = {id(p): v for p, v in zip(optimizer.parameters, optimizer.velocity, strict=True)}
    if any(isinstance(p, Value) and id(p) not in velocities for p in parameters):
        raise ValueError("this optimiser does not update all parameters of this model: give the one that trains it")
    return dict.fromkeys(map(id, parameters), 0.0) | velocities


def _columns(model: Module, layers: list[list[Neuron]], numbers: dict[int, float], x: Any, most: int) -> list[Circles]:
    """The columns of the picture, the inputs first."""
    n, last = len(layers[0][0].weights), len(layers) - 1
    activations = [None] * (len(layers) + 1) if x is None else _activations(layers, x)
    inputs = getattr(model, "input_names", None) or [f"x{i + 1}" for i in range(n)]
    detail = f"{n} value{'s' * (n > 1)}"
    columns = [
        Circles(f"input{'s' * (n > 1)}", detail, _shown(n, most), list(map(clean, inputs)), activations[0], [], [])
    ]
    for k, layer in enumerate(layers):
        heading = "output" if k == last else "hidden" if last == 1 else f"hidden {k + 1}"
        kind = shortened(activation_name(layer[0].activation), LONGEST_NAME)
        detail = f"{len(layer)} neuron{'s' * (len(layer) > 1)} · {kind}"
        names = (getattr(model, "output_names", None) if k == last else None) or [""] * len(layer)
        weights = [[numbers[id(w)] for w in neuron.weights] for neuron in layer]
        biases = [numbers[id(neuron.bias)] for neuron in layer]
        shown = _shown(len(layer), most)
        columns.append(Circles(heading, detail, shown, list(map(clean, names)), activations[k + 1], weights, biases))
    return columns


def _activations(layers: list[list[Neuron]], x: Any) -> list[list[float] | None]:
    """The inputs and each layer's outputs as numbers, for one row: the layers in turn, and nothing is recorded."""
    row = [numbers(entry) for entry in as_operands(x, "the row x of draw_network()")]
    found: list[list[float] | None] = [row]
    with no_grad():
        for layer in layers:
            row = [*map(numbers, layer_outputs(layer, tuple(row)))]
            found.append(row)
    return found


def _shown(n: int, most: int) -> list[int | None]:
    """All entries of a column, or the first and the last of a long one."""
    if n <= most:
        return list(range(n))
    last = (most - 1) // 2
    return [*range(most - 1 - last), None, *range(n - last, n)]


def _empty() -> Diagram:
    """A drawing whose nodes stay where they are put; positions are in points."""
    return Diagram(
        engine="neato",
        graph_attr={
            "bgcolor": "white", "outputorder": "edgesfirst", "splines": "line", "pad": ".15", "fontname": FONT,
            "inputscale": "72",
        },
        node_attr={
            "shape": "circle", "fixedsize": "true", "width": f"{2 * RADIUS / 72:.3f}", "fontname": FONT,
            "fontsize": "10", "fontcolor": colors.INK, "style": "filled", "color": colors.LINE,
        },
        edge_attr={"arrowhead": "none"},
    )  # fmt: skip


def _put_circles(drawing: Diagram, columns: list[Circles], color: str) -> None:
    """A circle for each input and neuron, with its activation or its name; names that do not fit stand beside."""
    scale = colors.extent(bias for column in columns for bias in column.biases)
    brightest = colors.extent(a for column in columns[1:] for a in column.activations or ())
    for c, column in enumerate(columns):
        room = max(text_width(shortened(name, LONGEST_NAME), 10) for name in column.names)
        side = -1 if c == 0 else 1
        for i in column.shown:
            position = _position(c, column.row(i))
            if i is None:
                drawing.node(f"dots{c}", "⋮", pos=position, shape="plaintext", style="", fontsize="20")
                continue
            name, inside = column.names[i], column.activations is None and len(column.names[i]) <= 5
            text = escaped(name) if inside else in_digits(column.activations[i], 2) if column.activations else ""
            shade, tip = _shade_and_tip(column, i, color, scale, brightest)
            small = {"fontsize": "8"} if len(text) > 6 else {}
            drawing.node(f"n{c}_{i}", text, pos=position, fillcolor=shade, tooltip=escaped(tip.strip()), **small)
            if name and not inside:
                told = font(escaped(name, LONGEST_NAME), 10)
                told = cell(told, align="left" if side > 0 else "right", width=round(room))
                shift = side * (RADIUS + 8 + room / 2)
                _put_text(drawing, f"name{c}_{i}", c, column.row(i), table([told], cellpadding=0), shift)


def _shade_and_tip(column: Circles, i: int, color: str, scale: float, brightest: float) -> tuple[str, str]:
    """The colour of a circle, by its activation or its bias, and what is told of it."""
    if not column.biases:
        return colors.KIND_FILLS["input"], column.names[i]
    numbers, most = (column.activations, brightest) if column.activations else (column.biases, scale)
    kind = "" if color == "weight" else f"{color} of the "
    return colors.fill(numbers[i], most), f"{column.names[i]} {kind}bias {in_digits(column.biases[i], 4)}"


def _put_lines(drawing: Diagram, columns: list[Circles], edge_labels: bool | None) -> None:
    """The weights as lines, the strongest last and so on top."""
    lines = [
        (column.weights[j][i], c, i, j)
        for c, (before, column) in enumerate(pairwise(columns))
        for j in column.shown
        for i in before.shown
        if i is not None and j is not None
    ]
    scale, strength = _largest_weight(columns), 1.4 if len(lines) <= 60 else 0.8
    for entry, c, i, j in sorted(lines, key=lambda line: abs(line[0]) if math.isfinite(line[0]) else math.inf):
        color, width = colors.line(entry, scale)
        drawing.edge(f"n{c}_{i}", f"n{c + 1}_{j}", color=color, penwidth=f"{0.4 + strength * (width - 0.8):.2f}")
    if len(lines) <= 12 if edge_labels is None else edge_labels:
        _label_lines(drawing, columns, lines)


def _largest_weight(columns: list[Circles]) -> float:
    return colors.extent(weight for column in columns for row in column.weights for weight in row)


def _label_lines(drawing: Diagram, columns: list[Circles], lines: list[tuple[float, int, int, int]]) -> None:
    """The number of each line on it, in its colour, where no other number is near and no other line crosses."""
    taken: list[GridPoint] = []
    ends = [((c, columns[c].row(i)), (c + 1, columns[c + 1].row(j))) for _, c, i, j in lines]
    for k, (entry, c, i, j) in enumerate(lines):
        (x0, y0), (x1, y1) = ends[k]
        others = [other for m, other in enumerate(ends) if m != k and other[0][0] == c]
        spots = [(x0 + t * (x1 - x0), y0 + t * (y1 - y0)) for t in SPOTS]
        spot = max(spots, key=lambda spot, others=others: _room(spot, taken, others))  # type: ignore[misc]
        taken.append(spot)
        told = font(in_digits(entry, 3), 8, colors.line(entry, 1.0)[0])
        _put_text(drawing, f"w{c}_{i}_{j}", *spot, table([cell(told)], cellpadding=0, bgcolor="white"))


def _room(spot: GridPoint, numbers: list[GridPoint], lines: list[tuple[GridPoint, GridPoint]]) -> float:
    """The distance to the nearest number, and to the nearest line, in their sizes, up to what is enough."""
    x, y = spot
    distances = [math.hypot((x - a) * COLUMN / 32, (y - b) * ROW_HEIGHT / 13) for a, b in numbers]
    for (x0, y0), (x1, y1) in lines:
        distances.append(abs(y - y0 - (x - x0) / (x1 - x0) * (y1 - y0)) * ROW_HEIGHT / 9)
    return min([1.2, *distances])


def _put_words(drawing: Diagram, columns: list[Circles], color: str, title: str | None) -> None:
    """What each column is above it, what the colours mean below, and the title."""
    half = max(len(column.shown) for column in columns) / 2
    for c, column in enumerate(columns):
        heading = f"<b>{column.heading}</b><br/>" + font(escaped(column.detail), 9, colors.FAINT)
        _put_text(drawing, f"head{c}", c, -half - 0.45, heading)
    weights = in_digits(_largest_weight(columns), 3)
    biases = in_digits(colors.extent(bias for column in columns for bias in column.biases), 3)
    if color == "grad" and weights == biases == "0":
        words = "all gradients are 0, as they are before backward()"
    else:
        of = "" if color == "weight" else f"{COLORS[color]} of "
        below, above = (font(f"<b>{w}</b>", 9, c) for w, c in (("below 0", colors.BELOW), ("above 0", colors.ABOVE)))
        words = f"{below}, {above}; lines: {of}weights up to {weights}; circles: "
        words += "activations" if columns[0].activations else f"{of}biases up to {biases}"
    middle = (len(columns) - 1) / 2
    _put_text(drawing, "legend", middle, half + 0.35, font(words, 9, colors.FAINT))
    if title is not None:
        _put_text(drawing, "title", middle, -half - 1.1, font(escaped(title), 14))


def _put_text(drawing: Diagram, name: str, column: float, row: float, label: str, shift: float = 0.0) -> None:
    """A text at a place, or so many points to the right of it."""
    plain = {"shape": "plaintext", "style": "", "fixedsize": "false", "width": "0", "margin": "0"}
    drawing.node(name, f"<{label}>", pos=_position(column, row, shift), **plain)


def _position(column: float, row: float, shift: float = 0.0) -> str:
    return f"{column * COLUMN + shift:.1f},{-row * ROW_HEIGHT:.1f}!"

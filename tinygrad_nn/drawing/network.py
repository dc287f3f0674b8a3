"""draw_network: the picture of layers that every textbook has, with this network's own numbers.

A circle is an input or a neuron, a line the weight from one to the next; colour is the sign and depth or width the size
of the weights, of their gradients or of their velocities. Of a wide layer the first and the last neurons are drawn.
"""

from __future__ import annotations

import math
from typing import Any

from ..choices import activation_name
from ..module import Module
from ..neuron import Neuron
from ..nn import MLP, Layer
from ..recording import no_grad
from . import colors
from .diagram import Diagram
from .graph import check_digits
from .labels import clean, escaped, number
from .sheet import FONT

COLORS = {"weight": "weights", "grad": "gradients", "velocity": "velocities"}
ROW, COLUMN, RADIUS = 58.0, 170.0, 21.0  # points

Shown = list[int | None]  # the numbers of the neurons that are drawn, None for the dots between them


def draw_network(
    model: Module,
    x: Any = None,
    *,
    color: str = "weight",
    max_neurons: int = 10,
    edge_labels: bool | None = None,
    title: str | None = None,
    optimizer: Any = None,
    digits: int = 2,
) -> Diagram:
    """The drawing; `tinygrad_nn.draw_network` says what the options are."""
    layers = _layers(model)
    if not isinstance(color, str) or color not in COLORS:
        raise ValueError(f"unknown color {color!r}: give {', '.join(map(repr, COLORS))}")
    if isinstance(max_neurons, bool) or not isinstance(max_neurons, int) or max_neurons < 3:
        raise ValueError(f"max_neurons must be a whole number of 3 or more, but got {max_neurons!r}")
    if title is not None and not isinstance(title, str):
        raise TypeError(f"the title of a drawing is a string, but got {title!r}")
    check_digits(digits)
    numbers = _coloured_numbers(layers, color, optimizer)
    activations = None if x is None else _activations(layers, x)
    return _picture(model, layers, numbers, activations, color, max_neurons, edge_labels, title, digits)


def _layers(model: Module) -> list[list[Neuron]]:
    """The neurons of each layer."""
    layers = model.layers if isinstance(model, MLP) else [model]
    if isinstance(model, Neuron):
        return [[model]]
    if not all(isinstance(layer, Layer) for layer in layers):
        raise TypeError(
            f"draw_network() draws an MLP, a Layer or a Neuron, but got {model!r} of type {type(model).__name__}; for a "
            'network wired by hand call it on a row, and draw(output, view="neurons")'
        )
    return [layer.neurons for layer in layers]


def _coloured_numbers(layers: list[list[Neuron]], color: str, optimizer: Any) -> dict[int, float]:
    """The number that colours each parameter, by the id of the parameter."""
    parameters = [p for layer in layers for neuron in layer for p in (*neuron.weights, neuron.bias)]
    if color != "velocity":
        return {id(p): p.data if color == "weight" else p.grad for p in parameters}
    if not hasattr(optimizer, "velocity"):
        raise ValueError(
            'color="velocity" shows what the optimiser remembers of each parameter: give the optimiser too, as in '
            'draw_network(model, color="velocity", optimizer=tn.SGD(model.parameters(), lr=0.1, momentum=0.9)), '
            f"but got optimizer={optimizer!r}"
        )
    velocities = {id(p): v for p, v in zip(optimizer.parameters, optimizer.velocity, strict=True)}
    if any(id(p) not in velocities for p in parameters):
        raise ValueError("this optimiser does not update all parameters of this model: give the one that trains it")
    return velocities


def _activations(layers: list[list[Neuron]], x: Any) -> list[list[float]]:
    """The inputs and each layer's outputs as numbers, for one row; nothing is recorded."""
    with no_grad():
        row = [getattr(entry, "data", entry) if hasattr(entry, "grad") else entry for entry in x]
        found = [[float(entry) for entry in row]]
        for layer in layers:
            found.append([neuron(found[-1]).data for neuron in layer])
    return found


def _picture(
    model: Module,
    layers: list[list[Neuron]],
    numbers: dict[int, float],
    activations: list[list[float]] | None,
    color: str,
    max_neurons: int,
    edge_labels: bool | None,
    title: str | None,
    digits: int,
) -> Diagram:
    shown = [_shown(n, max_neurons) for n in (len(layers[0][0].weights), *map(len, layers))]
    tallest = max(map(len, shown))
    weights = [numbers[id(w)] for layer in layers for neuron in layer for w in neuron.weights]
    scales = colors.largest(weights), colors.largest(numbers[id(n.bias)] for layer in layers for n in layer)
    diagram = Diagram(
        engine="neato",
        graph_attr={"bgcolor": "white", "outputorder": "edgesfirst", "splines": "line", "pad": ".15", "fontname": FONT,
                    "inputscale": "72"},
        node_attr={"shape": "circle", "fixedsize": "true", "width": f"{2 * RADIUS / 72:.3f}", "fontname": FONT,
                   "fontsize": "10", "fontcolor": colors.INK, "style": "filled", "color": colors.LINE, "pin": "true"},
        edge_attr={"fontname": FONT, "fontsize": "8", "fontcolor": colors.INK, "arrowhead": "none"},
    )  # fmt: skip
    names = _names(model, layers)
    for column, entries in enumerate(shown):
        for place, i in enumerate(entries):
            position = _position(column, place - (len(entries) - 1) / 2)
            if i is None:
                diagram.node(f"dots{column}", "⋮", pos=position, shape="plaintext", style="", fontsize="20")
                continue
            bias = numbers[id(layers[column - 1][i].bias)] if column else None
            shade = colors.fill(bias, scales[1]) if column else colors.KINDS["input"]
            text = number(activations[column][i], digits) if activations else _short(names[column][i])
            tip = names[column][i] + ("" if bias is None else f", {_bias_word(color)} {number(bias, 4)}")
            diagram.node(f"n{column}_{i}", text, pos=position, fillcolor=shade, tooltip=escaped(tip))
        below = len(entries) / 2 - 0.5
        for place, i in enumerate(entries):  # the names of inputs and outputs stand outside their circles
            if i is None or column not in (0, len(shown) - 1) or not (activations or len(names[column][i]) > 5):
                continue
            side = -1 if column == 0 else 1
            _caption(diagram, f"name{column}_{i}", _position(column + side * 0.21, place - below, side * len(names[column][i]) * 2.8),
                     f'<<font point-size="10">{escaped(names[column][i][:60])}</font>>' if names[column][i] else "")  # fmt: skip
    _put_heads(diagram, layers, shown, tallest)
    _put_lines(diagram, layers, numbers, shown, scales[0], edge_labels)
    _put_legend(diagram, color, activations is not None, scales, len(shown), tallest, title)
    return diagram


def _shown(n: int, most: int) -> Shown:
    """All neurons of a layer, or the first and the last of a wide one."""
    if n <= most:
        return list(range(n))
    last = (most - 1) // 2
    return [*range(most - 1 - last), None, *range(n - last, n)]


def _position(column: float, row: float, shift: float = 0.0) -> str:
    return f"{column * COLUMN + shift:.1f},{-row * ROW:.1f}!"


def _names(model: Module, layers: list[list[Neuron]]) -> list[list[str]]:
    """What the inputs and the neurons of each layer are called."""
    inputs = getattr(model, "input_names", None) or [f"x{i + 1}" for i in range(len(layers[0][0].weights))]
    outputs = getattr(model, "output_names", None) or [""] * len(layers[-1])
    hidden = [[""] * len(layer) for layer in layers[:-1]]
    return [list(map(clean, names)) for names in (inputs, *hidden, outputs)]


def _short(name: str) -> str:
    return escaped(name) if len(name) <= 5 else ""


def _bias_word(color: str) -> str:
    return {"weight": "bias", "grad": "gradient of the bias", "velocity": "velocity of the bias"}[color]


def _caption(diagram: Diagram, name: str, position: str, label: str) -> None:
    diagram.node(name, label, pos=position, shape="plaintext", style="", fixedsize="false", width="0", margin="0")


def _put_heads(diagram: Diagram, layers: list[list[Neuron]], shown: list[Shown], tallest: int) -> None:
    """Above each column what it is."""
    n = len(layers[0][0].weights)
    heads = [("inputs" if n > 1 else "input", f"{n} value{'s' * (n > 1)}")]
    for i, layer in enumerate(layers):
        title = "output" if i == len(layers) - 1 else f"hidden {i + 1}" if len(layers) > 2 else "hidden"
        count = f"{len(layer)} neuron{'s' * (len(layer) > 1)}"
        heads.append((title, f"{count} · {escaped(clean(activation_name(layer[0].activation)))[:40]}"))
    for column, (title, detail) in enumerate(heads):
        text = f'<<b>{title}</b><br/><font point-size="9" color="{colors.FAINT}">{detail}</font>>'
        _caption(diagram, f"head{column}", _position(column, -(tallest - 1) / 2 - 0.95), text)


def _put_lines(
    diagram: Diagram,
    layers: list[list[Neuron]],
    numbers: dict[int, float],
    shown: list[Shown],
    scale: float,
    edge_labels: bool | None,
) -> None:
    """The weights as lines, the strongest last and so on top."""
    lines = []
    for column, layer in enumerate(layers):
        for j, i in ((j, i) for j in shown[column + 1] for i in shown[column] if i is not None and j is not None):
            lines.append((numbers[id(layer[j].weights[i])], column, i, j))
    strength = 1.4 if len(lines) <= 60 else 0.8
    for entry, column, i, j in sorted(lines, key=lambda line: abs(line[0]) if math.isfinite(line[0]) else math.inf):
        color, width = colors.line(entry, scale)
        diagram.edge(
            f"n{column}_{i}", f"n{column + 1}_{j}", color=color, penwidth=f"{0.4 + strength * (width - 0.8):.2f}"
        )
    if len(lines) <= 12 if edge_labels is None else edge_labels:
        _label_lines(diagram, lines, shown)


def _label_lines(diagram: Diagram, lines: list[tuple[float, int, int, int]], shown: list[Shown]) -> None:
    """The number of each line on the line, where it is farthest from the numbers beside it."""
    taken: list[tuple[float, float]] = []
    for entry, column, i, j in lines:
        ends = [(c, shown[c].index(k) - (len(shown[c]) - 1) / 2) for c, k in ((column, i), (column + 1, j))]
        spots = [tuple(a + t * (b - a) for a, b in zip(*ends, strict=True)) for t in (0.3, 0.38, 0.46, 0.54, 0.62, 0.7)]

        def room(spot: tuple[float, ...]) -> float:
            return min(
                (math.hypot((spot[0] - x) * COLUMN / 32, (spot[1] - y) * ROW / 13) for x, y in taken), default=9.0
            )

        best = max(spots, key=lambda spot: min(room(spot), 1.2))
        taken.append((best[0], best[1]))
        label = f'<<table border="0" cellborder="0" cellpadding="0" bgcolor="white"><tr><td><font point-size="8">{number(entry, 3)}</font></td></tr></table>>'
        _caption(diagram, f"w{column}_{i}_{j}", _position(*best), label)


def _put_legend(
    diagram: Diagram,
    color: str,
    activated: bool,
    scales: tuple[float, float],
    columns: int,
    tallest: int,
    title: str | None,
) -> None:
    middle = (columns - 1) / 2
    lines, biases = (number(scale, 3) for scale in scales)
    of = "" if color == "weight" else COLORS[color] + " of "
    text = (
        f'<font color="{colors.BELOW}"><b>below 0</b></font>, <font color="{colors.ABOVE}"><b>above 0</b></font>; lines: '
        f"{of}weights up to {lines}; circles: {of}biases up to {biases}" + ("; numbers: activations" * activated)
    )
    if color == "grad" and scales == (0.0, 0.0):
        text = "all gradients are 0: backward() was not called yet"
    label = f'<<font point-size="9" color="{colors.FAINT}">{text}</font>>'
    _caption(diagram, "legend", _position(middle, (tallest - 1) / 2 + 0.85), label)
    if title is not None:
        label = f'<<font point-size="14">{escaped(title) or " "}</font>>'
        _caption(diagram, "title", _position(middle, -(tallest - 1) / 2 - 1.6), label)

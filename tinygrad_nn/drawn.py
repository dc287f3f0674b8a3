"""The public functions that draw, whose package is imported when they are called.

So importing the library stays fast, and the core does not import it.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def draw(
    root: Any,
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
) -> Any:
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
    from .drawing.graph.draw import draw

    return draw(
        root,
        view=view,
        style=style,
        expand=expand,
        rankdir=rankdir,
        digits=digits,
        title=title,
        max_nodes=max_nodes,
        clusters=clusters,
        repeat_shared=repeat_shared,
    )


def draw_network(
    model: Any,
    x: Any = None,
    *,
    color: str = "weight",
    max_neurons: int = 10,
    edge_labels: bool | None = None,
    title: str | None = None,
    optimizer: Any = None,
) -> Any:
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
    from .drawing.network import draw_network

    return draw_network(
        model, x, color=color, max_neurons=max_neurons, edge_labels=edge_labels, title=title, optimizer=optimizer
    )


def steps(root: Any, *, expand: bool = False, digits: int = 4, title: str | None = None, max_nodes: int = 500) -> Any:
    """Backpropagation to `root`, a Value, one operation at a time: forward, then backward.

    `.save("steps.html")` writes a page that any browser shows without a network; a notebook shows it in place;
    `.frames()` are the pictures, as the text of SVG files; `len` is the number of steps. With `expand` a neuron's dot
    is its products and their sum, as on a blackboard; `digits` are the significant digits, `max_nodes` the most nodes.

    The gradients on the page are those of one `backward` from 0 (with `expand`, up to the rounding of sums where a
    Value is in both columns of a dot); the Values are not touched. Raises TypeError where root is no Value, ValueError
    for more than `max_nodes` nodes.

    >>> from tinygrad_nn import Value
    >>> a = Value(3.0, label="a")
    >>> len(steps(a * a))
    4
    """
    from .drawing.steps.steps import steps

    return steps(root, expand=expand, digits=digits, title=title, max_nodes=max_nodes)

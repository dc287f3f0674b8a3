"""tinygrad_nn: scalar code you can see through.

A `Value` is one number that remembers how it was computed; `backward` fills in the derivative of a result with respect
to every Value behind it. On it stand neurons, networks, losses and momentum SGD, and `draw` draws what was recorded.

    import tinygrad_nn as tn

    a, b = tn.Value(-4.0, label="a"), tn.Value(2.0, label="b")
    c = a * b + b**3
    c.backward()
    a.grad, b.grad                          # (2.0, 8.0)
    tn.draw(c).write("graph.svg")           # a picture of the graph, with its numbers

    X, Y = tn.data.xor()
    model = tn.MLP(2, [4, 1], activation="tanh", output_activation="sigmoid")
    optimizer = tn.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for epoch in range(300):
        for x, y in zip(X, Y):
            optimizer.zero_grad()
            loss = tn.losses.binary_cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
    model.predict_classes(X)                # [0, 1, 1, 0]

Where to look
- numbers and derivatives: Value, grad, no_grad; derivative, gradient, jacobian, hessian, hvp of plain functions
- functions of numbers and Values: exp, log, tanh ... dot, take, sum, mean, maximum, softmax, logsumexp
- networks: Neuron, Layer, MLP, and Module for your own
- training: losses, SGD, Adam, optim (schedules), data
- checking: gradcheck
- speed: compile (a plain function as straight-line code)
- drawing: draw, draw_network, steps (a page that steps through backpropagation)

Numbers are IEEE 754 doubles with one meaning everywhere: 1/0 is inf, log(-1) is nan, and nothing raises a math error.
"""

from __future__ import annotations

from . import data, functional, losses, optim
from .check import GradientError, gradcheck
from .functional import (
    acos,
    asin,
    atan,
    clip,
    cos,
    cosh,
    dot,
    elu,
    erf,
    exp,
    expm1,
    gelu,
    leaky_relu,
    log,
    log1p,
    log_softmax,
    logsumexp,
    maximum,
    mean,
    minimum,
    relu,
    sigmoid,
    silu,
    sin,
    sinh,
    softmax,
    softplus,
    sqrt,
    sum,
    take,
    tan,
    tanh,
)
from .module import Module
from .nn import MLP, Layer, Neuron
from .optim import SGD, Adam
from .recording import no_grad
from .transforms import derivative, grad, gradient, hessian, hvp, jacobian
from .value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__version__ = "0.1.0"

__all__ = [
    "MLP",
    "SGD",
    "Adam",
    "GradientError",
    "Layer",
    "Module",
    "Neuron",
    "Value",
    "acos",
    "asin",
    "atan",
    "clip",
    "compile",
    "cos",
    "cosh",
    "data",
    "derivative",
    "dot",
    "draw",
    "draw_network",
    "elu",
    "erf",
    "exp",
    "expm1",
    "functional",
    "gelu",
    "grad",
    "gradcheck",
    "gradient",
    "hessian",
    "hvp",
    "jacobian",
    "leaky_relu",
    "log",
    "log1p",
    "log_softmax",
    "logsumexp",
    "losses",
    "maximum",
    "mean",
    "minimum",
    "no_grad",
    "optim",
    "relu",
    "sigmoid",
    "silu",
    "sin",
    "sinh",
    "softmax",
    "softplus",
    "sqrt",
    "steps",
    "sum",
    "take",
    "tan",
    "tanh",
]


def compile(function: Callable[..., Any], *, backend: str = "auto") -> Any:
    """A plain function of numbers as straight-line code, with its derivatives.

    f = compile(function) is called like the function: f(x, y) is its value, f.grad(x, y) its derivatives
    [df/dx, df/dy], f.value_and_grad(x, y) both, f.batch(rows, gradients=False) one of them for many rows. Arguments and
    results are numbers or nested lists of numbers. `print(f.program)` and `print(f.source())` show what runs.

    The function is traced at its first call, and again where the shape of an argument differs or a branch goes the
    other way. Values that it captures, such as a model's weights, are read at every call; gradients go to the arguments
    alone. Called with Values, f records as the plain function does. What else the function reads (plain numbers, the
    wiring of a model, random draws) is as it was when it was traced.

    `backend` is "python" (generated Python, equal to the engine in bits) or "auto".

    Raises TypeError where something cannot be traced (.data, float(), range() of a value), ValueError for an unknown
    back end, and at a call RuntimeError past 16 paths through the branches.

    >>> f = compile(lambda x, y: x * y + x**2)
    >>> f(3.0, 2.0), f.grad(3.0, 2.0)
    (15.0, [8.0, 3.0])
    """
    from .compiler.function import compile

    return compile(function, backend=backend)


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

    >>> a, b = Value(2.0, label="a"), Value(3.0, label="b")
    >>> draw(a * b).source.count("->")
    2
    """
    from .drawing.graph import draw

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

    >>> a = Value(3.0, label="a")
    >>> len(steps(a * a))
    4
    """
    from .drawing.steps import steps

    return steps(root, expand=expand, digits=digits, title=title, max_nodes=max_nodes)

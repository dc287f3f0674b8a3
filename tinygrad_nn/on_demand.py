"""The public functions whose packages are imported when they are called: compiling, training, drawing.

So importing the library stays fast, and the core imports neither package.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def compile(
    function: Callable[..., Any],
    *,
    backend: str = "auto",
    dtype: str = "float64",
    exact: bool = False,
    namespace: Any = None,
) -> Any:
    """A plain function of numbers as straight-line code, with its derivatives.

    f = compile(function) is called like the function: f(x, y) is its value, f.grad(x, y) its derivatives
    [df/dx, df/dy], f.value_and_grad(x, y) both, f.batch(rows, gradients=False) one of them for many rows. Arguments and
    results are numbers or nested lists of numbers; the derivatives for an array are an array. `print(f.program)` and
    `print(f.source())` show what runs.

    The function is traced at its first call, and again where the shape of an argument differs or a branch goes the
    other way. Values that it captures, such as a model's weights, are read at every call; gradients go to the arguments
    alone. Called with Values, f records as the plain function does. What else the function reads (plain numbers, the
    wiring of a model, random draws) is as it was when it was traced.

    `backend` is one of

    - "python": generated Python, equal to the engine in bits, with nothing to install;
    - "array": the loops rolled back into operations on whole arrays, all rows of a batch at once, equal within
      rounding; in NumPy, or by `namespace=jax.numpy` in JAX (extra `fast`, or JAX itself);
    - "llvm": machine code, a row of the batch in each lane of a vector; `exact` keeps every product and sum rounded by
      itself, so that arithmetic is equal in bits (extra `fast`);
    - "auto": Python for calls; for batches arrays from 32 rows on and LLVM from 4,096, where they are installed and
      `exact` does not ask for the engine's bits.

    f.backend says which one calls run on. `dtype` is "float64" or, but in Python, "float32".

    Raises TypeError where something cannot be traced (.data, float(), range() of a value), ValueError for an unknown
    back end, and at a call RuntimeError past 16 paths through the branches.

    >>> f = compile(lambda x, y: x * y + x**2)
    >>> f(3.0, 2.0), f.grad(3.0, 2.0)
    (15.0, [8.0, 3.0])
    """
    from .compiler.function import compile as compiled

    return compiled(function, backend=backend, dtype=dtype, exact=exact, namespace=namespace)


def compile_step(
    model: Any, loss: Any, optimizer: Any, regularizer: Any = None, backend: str = "auto", dtype: str = "float64"
) -> Any:
    """A training step as straight-line code: the loss of the rows, its gradient and the optimiser's update.

    `loss` is one of `losses`, its name, or a function (prediction, target) of one row; `regularizer`, a function of the
    model, is added to the mean loss. step(X, Y) makes one update on the mean over the rows X, with targets Y, and
    returns the loss before it. step.run(X, Y, epochs, batch_size=1, shuffle=False, rng=None, until=None, progress=None)
    is the whole loop, and returns a History with `epochs`, `losses`, `metrics` and `times`; until=(metric, threshold)
    ends it when the metric(prediction, target), summed over an epoch, is below the threshold.

    Parameters, velocities and the count of steps are where they always are, read before and true after each call, so
    compiled and eager steps may alternate; lr and momentum may change between them. The `.grad` of parameters is not
    touched. What the model is made of (which Values, which activations, plain numbers such as the `.data` of a Value)
    is as it was at the first step; what was recorded outside is computed anew. An optimiser of your own is compiled
    from its `update`.

    `backend` is "python" (a step on one row equals the eager one in bits, `print(step.source())` shows it), "llvm"
    (machine code, equal within rounding, in `dtype` "float64" or "float32"; extra `fast`) or "auto", LLVM where it is
    installed; step.backend says which. `print(step.program)` shows what is computed.

    Raises TypeError and ValueError for what is no model, loss or optimizer, and as `compile` does.

    >>> import tinygrad_nn as tn
    >>> X, Y = tn.data.half_adder()
    >>> model = tn.MLP.from_weights([[[0.1, -0.2], [0.3, 0.4]]], [[0.0, 0.0]], output_activation="sigmoid")
    >>> step = compile_step(model, tn.losses.squared_error, tn.SGD(model.parameters(), lr=0.5))
    >>> round(step(X, Y), 6)
    0.254041
    >>> step.run(X, Y, epochs=1000).stopped
    'epochs'
    """
    from .compiler.step import compile_step as compiled_step

    return compiled_step(model, loss, optimizer, regularizer, backend, dtype)


def fit(
    model: Any,
    X: Any,
    Y: Any,
    loss: Any,
    optimizer: Any,
    epochs: int = 100,
    batch_size: int = 32,
    shuffle: bool = True,
    rng: Any = None,
    regularizer: Any = None,
    metrics: Any = (),
    validation: Any = None,
    patience: int | None = None,
    until: Any = None,
    checkpoint: Any = None,
    callbacks: Any = (),
    progress: bool = True,
    backend: str = "auto",
    dtype: str = "float64",
) -> Any:
    """Train a model on rows X with targets Y; returns the History of its losses, metrics and times.

    Epochs of steps on `batch_size` rows each, in an order drawn from `rng` for every epoch unless shuffle=False, down
    the gradient of the mean `loss` plus `regularizer(model)`, by `optimizer`. Loss, optimizer and regularizer are as
    `compile_step` takes them, and so is `backend`; backend="eager" trains on the recorded graph. The same rng gives the
    same losses on each, within rounding.

    `metrics` are names ("accuracy", "mae", "rmse") or functions (prediction, target) of a row, of which the mean is
    taken; they look at all rows at the end of each epoch. "gradients" adds the size of the gradient of each layer, for
    `plots.plot_gradients`. `validation=(X, Y)` are rows to look at and not to train on:
    the history has their "validation loss" and their metrics. `patience` ends the run after so many epochs without a
    lower validation loss (or loss, without validation) and then gives the best weights back. until=(metric, threshold)
    is that of a step's run. A callback(history) is called after each epoch; the run ends where it returns True.

    `checkpoint` is a file that `save` writes the model to, every second at most and at the end; `load` reads it.
    `progress` shows a bar on a terminal where tqdm is installed, else a line on stderr after 1, 2, 4 ... seconds and at
    the end. Ctrl-C ends the run with the model as it stands. `history.stopped` says why a run ended.

    Raises ValueError and TypeError as `compile_step` does, and for a row that holds nan; nothing has changed then.

    >>> import random
    >>> import tinygrad_nn as tn
    >>> X, Y = tn.data.xor()
    >>> model = tn.MLP(2, [4, 1], "tanh", "sigmoid", rng=random.Random(1))
    >>> optimizer = tn.SGD(model.parameters(), lr=0.5, momentum=0.9)
    >>> history = fit(model, X, Y, "binary_cross_entropy", optimizer, epochs=200, batch_size=4, metrics="accuracy",
    ...               rng=random.Random(2), progress=False)
    >>> history.stopped, history.metrics["accuracy"][-1]
    ('epochs', 1.0)
    """
    from .training import fit as fitted

    return fitted(
        model, X, Y, loss, optimizer, epochs, batch_size, shuffle, rng, regularizer, metrics, validation, patience,
        until, checkpoint, callbacks, progress, backend, dtype,
    )  # fmt: skip


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
    from .drawing.steps import steps

    return steps(root, expand=expand, digits=digits, title=title, max_nodes=max_nodes)

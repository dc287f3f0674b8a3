"""Plots with matplotlib (extra `plot`): losses of a run, its gradients by layer, and the plane as a network sees it.

Each function draws into the Axes that it is given, or into new ones, and returns them.
"""

from __future__ import annotations

from .metrics import GRADIENT, VALIDATION
from .module import _rows
from .tabular import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .history import History

__all__ = ["plot_boundary", "plot_gradients", "plot_history"]

STYLES = ("#1b66a8", "#c2500a", "#2a7f3f", "#7a3e9d", "#8a6d00", "#b0306a")


def plot_history(history: History, ax: Any = None) -> Any:
    """The losses of a run by its epochs, and metrics on an axis of their own at the right; returns the Axes of losses.

    The metrics of rows that were not trained on are dashed, in the colour of those that were. Raises ImportError where
    matplotlib is not installed, ValueError for a history without epochs.
    """
    if not history.epochs:
        raise ValueError("this history has no epochs to plot: train first")
    axes = _axes(ax)
    columns = {"loss": history.losses, **history.metrics}
    of_losses = {name: numbers for name, numbers in columns.items() if name.removeprefix(VALIDATION) == "loss"}
    lines = _lines(axes, history, of_losses, 0)
    axes.set_xlabel("epoch")
    axes.set_ylabel("loss")
    others = {name: columns[name] for name in columns if name not in of_losses and not name.startswith(GRADIENT)}
    if others:
        right = axes.twinx()
        right.set_ylabel("metrics")
        lines += _lines(right, history, others, 1)
    if len(lines) > 1:
        axes.legend(handles=lines, frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return axes


def plot_gradients(history: History, ax: Any = None) -> Any:
    """How large the gradient of each layer was in a run of `fit` with metrics="gradients"; returns the Axes.

    The size is the root of the mean square of the derivatives of the mean loss with respect to the layer's parameters,
    at the end of the epoch, on a scale of powers of ten; the darkest line is the first layer. Lines far apart are
    gradients that vanish, or grow, from layer to layer (Glorot & Bengio, 2010). Raises ImportError where matplotlib is
    not installed, ValueError for a history without gradients.
    """
    found = {name: numbers for name, numbers in history.metrics.items() if name.startswith(GRADIENT)}
    if not found:
        raise ValueError('this history has no gradients to plot: train by fit(..., metrics="gradients")')
    axes = _axes(ax)
    from matplotlib import colormaps

    shades = colormaps["viridis"]
    for k, (name, numbers) in enumerate(found.items()):
        shade = shades(0.85 * k / max(1, len(found) - 1))
        axes.plot(history.epochs, numbers, color=shade, label=name.removeprefix(GRADIENT), linewidth=1.5)
    if any(number > 0.0 for numbers in found.values() for number in numbers):
        axes.set_yscale("log")
    axes.set_xlabel("epoch")
    axes.set_ylabel("size of the gradient")
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return axes


def plot_boundary(model: Any, X: Any, Y: Any, ax: Any = None, threshold: float = 0.0, resolution: int = 60) -> Any:
    """The plane coloured by the output of a model of two inputs and one output, with the rows on it; returns the Axes.

    Blue is above the threshold, orange below, paler near it; `resolution` is the points along each side. The line is
    where the output is the threshold: 0 for hinge and logits, 0.5 for probabilities. Rows are coloured by whether their
    target is a class above 0. Raises ValueError for rows that are not two numbers.
    """
    rows = [list(map(float, row)) for row in _rows(X, model)[0]]
    if not rows or any(len(row) != 2 for row in rows):
        raise ValueError("plot_boundary draws a plane: give rows of two numbers")
    if resolution < 2:
        raise ValueError(f"resolution is the points along each side, 2 or more, but got {resolution}")
    if not hasattr(model, "predict"):
        raise TypeError(f"plot_boundary draws what a Module predicts, but got {model!r}")
    targets = [target[0] if hasattr(target, "__len__") else target for target in plain(Y, "Y")]
    axes = _axes(ax)
    xs, ys = ([row[k] for row in rows] for k in (0, 1))
    across, up = (_spread(numbers, resolution) for numbers in (xs, ys))
    outputs = model.predict([[x, y] for y in up for x in across])
    outputs = [output[0] if isinstance(output, list) and len(output) == 1 else output for output in outputs]
    if isinstance(outputs[0], list):
        raise ValueError(f"plot_boundary draws one output, but the model has {len(outputs[0])}")
    grid = [outputs[k * len(across) : (k + 1) * len(across)] for k in range(len(up))]
    farthest = max(abs(output - threshold) for output in outputs) or 1.0
    from matplotlib.colors import LinearSegmentedColormap

    colors = LinearSegmentedColormap.from_list("classes", ["#f8a568", "#ffffff", "#7fb6dc"])
    bounds = {"vmin": threshold - farthest, "vmax": threshold + farthest}
    axes.pcolormesh(across, up, grid, cmap=colors, shading="gouraud", rasterized=True, **bounds)
    if min(outputs) < threshold < max(outputs):
        axes.contour(across, up, grid, levels=[threshold], colors="#333333", linewidths=1.2)
    classes = [STYLES[0] if target > 0 else STYLES[1] for target in targets]
    axes.scatter(xs, ys, c=classes, edgecolors="white", linewidths=0.6, s=28)
    names = getattr(model, "input_names", None) or ["x1", "x2"]
    axes.set_xlabel(names[0])
    axes.set_ylabel(names[1])
    return axes


def _axes(ax: Any) -> Any:
    """The Axes to draw into."""
    if ax is not None:
        return ax
    try:
        from matplotlib import pyplot
    except ImportError:
        raise ImportError("plots need matplotlib, which is not installed: pip install 'tinygrad_nn[plot]'") from None
    return pyplot.subplots(layout="constrained")[1]


def _lines(axes: Any, history: History, columns: dict[str, list[float]], first: int) -> list[Any]:
    """A line for each column; those of validation dashed, in the colour of what they validate."""
    colors: dict[str, str] = {}
    lines = []
    for name, numbers in columns.items():
        base = name.removeprefix(VALIDATION)
        color = colors.setdefault(base, STYLES[(first + len(colors)) % len(STYLES)])
        style = "-" if base == name else "--"
        lines += axes.plot(history.epochs, numbers, style, color=color, label=name, linewidth=1.5)
    return lines


def _spread(numbers: list[float], count: int) -> list[float]:
    """Evenly spaced numbers over the range of others, and a tenth more on either side."""
    low, high = min(numbers), max(numbers)
    margin = 0.1 * (high - low) or 1.0
    return [low - margin + (high - low + 2 * margin) * k / (count - 1) for k in range(count)]

"""Plots with matplotlib (extra `plot`): losses of a run, its gradients by layer, and the plane as a network sees it.

Each function draws into the Axes that it is given, or into new ones, and returns them.
"""

from __future__ import annotations

from .metrics import GRADIENT, VALIDATION
from .nn.module import Module, rows_for, thresholds_of
from .support.annotation import Any, Protocol
from .support.checks import checked_count, checked_number
from .support.tabular import TARGETS, plain, short


class Curves(Protocol):
    """What of a History is drawn."""

    epochs: list[int]
    losses: list[float]
    metrics: dict[str, list[float]]


__all__ = ["plot_boundary", "plot_gradients", "plot_history"]
__dir__ = __all__.copy  # so that dir() shows what is a user's

PALETTE = ("#1b66a8", "#c2500a", "#2a7f3f", "#7a3e9d", "#8a6d00", "#b0306a")


def plot_history(history: Curves, ax: Any = None) -> Any:
    """The losses of a run by its epochs, and metrics on an axis of their own at the right; returns the Axes of losses.

    The metrics of rows that were not trained on are dashed, in the colour of those that were. Raises ImportError where
    matplotlib is not installed, ValueError for a history without epochs.
    """
    _check_history("plot_history", history)
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


def plot_gradients(history: Curves, ax: Any = None) -> Any:
    """How large the gradient of each layer was in a run of `fit` with metrics="gradients"; returns the Axes.

    The size is the root of the mean square of the derivatives of the mean loss with respect to the layer's parameters,
    at the end of the epoch, on a scale of powers of ten; the darkest line is the first layer. Lines far apart are
    gradients that vanish, or grow, from layer to layer (Glorot & Bengio, 2010). Raises ImportError where matplotlib is
    not installed, ValueError for a history without gradients.
    """
    _check_history("plot_gradients", history)
    found = {name: numbers for name, numbers in history.metrics.items() if name.startswith(GRADIENT)}
    if not found:
        raise ValueError('this history has no gradients to plot: train by fit(..., metrics="gradients")')
    axes = _axes(ax)
    from matplotlib import colormaps

    shades = colormaps["viridis"]
    for k, (name, numbers) in enumerate(found.items()):
        shade = shades(0.85 * k / max(1, len(found) - 1))
        axes.plot(history.epochs, numbers, color=shade, label=_text(name.removeprefix(GRADIENT)), linewidth=1.5)
    if any(number > 0.0 for numbers in found.values() for number in numbers):
        axes.set_yscale("log")
    axes.set_xlabel("epoch")
    axes.set_ylabel("size of the gradient")
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return axes


def plot_boundary(
    model: Any, X: Any, Y: Any, ax: Any = None, threshold: float | None = None, resolution: int = 60
) -> Any:
    """The plane coloured by what a model of two inputs predicts, with the rows on it; returns the Axes.

    Of one output, blue is above the threshold, orange below, paler near it, and the line is where the output is the
    threshold: without one that of `Module.predict_classes`. Of several outputs each class, the index of the largest,
    has a colour. Rows have the colour of their targets: of one output, blue for those above the middle. `resolution` is
    the points along each side. Raises ValueError for rows that are not two numbers, and where there is no threshold.
    """
    if not hasattr(model, "predict"):
        raise TypeError(f"plot_boundary draws what a Module predicts, but got {model!r}")
    resolution = checked_count("resolution", resolution, least=2)
    rows = [row if hasattr(row, "__len__") else [row] for row in rows_for(X, model)[0]]
    points = [[checked_number(f"row {i} of X", entry) for entry in row] for i, row in enumerate(rows)]
    if not points or any(len(row) != 2 for row in points):
        raise ValueError("plot_boundary draws a plane: give rows of two numbers")
    targets = _targets(Y, len(points))
    xs, ys = ([row[k] for row in points] for k in (0, 1))
    across, up = (_spread(numbers, resolution) for numbers in (xs, ys))
    outputs = model.predict([[x, y] for y in up for x in across])
    outputs = [output[0] if isinstance(output, list) and len(output) == 1 else output for output in outputs]
    several = isinstance(outputs[0], list)
    cut = 0.0 if several else _threshold(model, threshold, points[0])
    axes = _axes(ax)
    if several:
        outputs = [max(range(len(output)), key=output.__getitem__) for output in outputs]
    grid = [outputs[k * len(across) : (k + 1) * len(across)] for k in range(len(up))]
    if several:
        _regions(axes, across, up, grid)
        colors = [PALETTE[int(target) % len(PALETTE)] for target in targets]
    else:
        _halves(axes, across, up, grid, cut)
        middle = (min(targets) + max(targets)) / 2.0 if min(targets) < max(targets) else 0.0
        colors = [PALETTE[0] if target > middle else PALETTE[1] for target in targets]
    axes.scatter(xs, ys, c=colors, edgecolors="white", linewidths=0.6, s=28)
    names = getattr(model, "input_names", None) or ["x1", "x2"]
    axes.set_xlabel(_text(names[0]))
    axes.set_ylabel(_text(names[1]))
    return axes


def _targets(Y: Any, count: int) -> list[float]:
    """One number for each row."""
    listed = [
        target[0] if hasattr(target, "__len__") and len(target) == 1 else target for target in plain(Y, "Y", TARGETS)
    ]
    if len(listed) != count:
        raise ValueError(f"X has {count} rows and Y {len(listed)}: give one target for each row")
    return [checked_number(f"row {i} of Y", target) for i, target in enumerate(listed)]


def _threshold(model: Any, threshold: float | None, row: list[float]) -> float:
    if threshold is not None:
        return checked_number("threshold", threshold)
    if not isinstance(model, Module):
        raise ValueError("plot_boundary wants threshold=, the output between two classes, of what is no Module")
    return (thresholds_of(model, 1, row) or [0.0])[0]


def _halves(axes: Any, across: list[float], up: list[float], grid: list[list[float]], cut: float) -> None:
    """The plane on both sides of where an output is the threshold."""
    from matplotlib.colors import LinearSegmentedColormap

    outputs = [output for row in grid for output in row]
    farthest = max(abs(output - cut) for output in outputs) or 1.0
    colors = LinearSegmentedColormap.from_list("classes", ["#f8a568", "#ffffff", "#7fb6dc"])
    bounds = {"vmin": cut - farthest, "vmax": cut + farthest}
    axes.pcolormesh(across, up, grid, cmap=colors, shading="gouraud", rasterized=True, **bounds)
    if min(outputs) < cut < max(outputs):
        axes.contour(across, up, grid, levels=[cut], colors="#333333", linewidths=1.2)


def _regions(axes: Any, across: list[float], up: list[float], grid: list[list[int]]) -> None:
    """The plane by classes."""
    from matplotlib.colors import ListedColormap, to_rgb

    count = max(map(max, grid)) + 1
    pale = [[1.0 - 0.4 * (1.0 - part) for part in to_rgb(PALETTE[k % len(PALETTE)])] for k in range(count)]
    bounds = {"vmin": -0.5, "vmax": count - 0.5}
    axes.pcolormesh(across, up, grid, cmap=ListedColormap(pale), shading="nearest", rasterized=True, **bounds)


def _check_history(what: str, given: Any) -> None:
    if not (isinstance(getattr(given, "metrics", None), dict) and isinstance(getattr(given, "epochs", None), list)):
        raise TypeError(f"{what} draws the History of a run, but got {short(given)}")


def _axes(ax: Any) -> Any:
    """The Axes to draw into."""
    if ax is not None:
        if not hasattr(ax, "pcolormesh"):
            raise TypeError(f"ax is the Axes of matplotlib to draw into, but got {short(ax)}")
        return ax
    try:
        from matplotlib import pyplot
    except ImportError:
        raise ImportError("plots need matplotlib, which is not installed: pip install 'tinygrad_nn[plot]'") from None
    return pyplot.subplots(layout="constrained")[1]


def _text(name: str) -> str:
    """A name as matplotlib shows it: a $ begins no formula, and a line whose name begins with _ has its label, too."""
    return " " * name.startswith("_") + name.replace("$", r"\$")


def _lines(axes: Any, history: Curves, columns: dict[str, list[float]], first: int) -> list[Any]:
    """A line for each column; those of validation dashed, in the colour of what they validate."""
    colors: dict[str, str] = {}
    lines = []
    for name, numbers in columns.items():
        base = name.removeprefix(VALIDATION)
        color = colors.setdefault(base, PALETTE[(first + len(colors)) % len(PALETTE)])
        style = "-" if base == name else "--"
        lines += axes.plot(history.epochs, numbers, style, color=color, label=_text(name), linewidth=1.5)
    return lines


def _spread(numbers: list[float], count: int) -> list[float]:
    """Evenly spaced numbers over the range of others, and a tenth more on either side."""
    low, high = min(numbers), max(numbers)
    margin = 0.1 * (high - low) or 1.0
    return [low - margin + (high - low + 2 * margin) * k / (count - 1) for k in range(count)]

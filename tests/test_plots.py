"""Plots: what is in the Axes that come back, and what is said where there is nothing to draw."""

import random
import sys

import pytest

import tinygrad_nn as tn
from tinygrad_nn import plots


@pytest.fixture
def pyplot():
    matplotlib = pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    yield pyplot
    pyplot.close("all")


def history(metrics=True):
    found = tn.History()
    for epoch in range(1, 6):
        more = {"accuracy": 0.1 * epoch, "validation loss": 2 / epoch, "validation accuracy": 0.05 * epoch}
        found.record(epoch, 1 / epoch, 0.1 * epoch, more if metrics else None)
    return found


def test_a_history_is_lines_of_losses_and_metrics(pyplot):
    found = history()
    axes = found.plot()
    assert [line.get_label() for line in axes.lines] == ["loss", "validation loss"]
    assert axes.lines[0].get_ydata().tolist() == found.losses
    assert axes.lines[1].get_xdata().tolist() == found.epochs
    right = next(other for other in axes.figure.axes if other is not axes)
    assert [(line.get_label(), line.get_linestyle()) for line in right.lines] == [
        ("accuracy", "-"), ("validation accuracy", "--"),
    ]  # fmt: skip
    assert right.lines[0].get_color() == right.lines[1].get_color() != axes.lines[0].get_color()
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "loss", "validation loss", "accuracy", "validation accuracy",
    ]  # fmt: skip
    given = pyplot.figure().add_subplot()
    assert history(metrics=False).plot(ax=given) is given
    assert given.get_legend() is None


def test_gradients_are_a_line_for_each_layer(pyplot):
    found = history()
    for epoch in found.epochs:
        for layer in (1, 2):
            found.metrics.setdefault(f"gradient of layer {layer}", []).append(10.0 ** (-layer * epoch))
    axes = plots.plot_gradients(found)
    assert [(line.get_label(), line.get_ydata().tolist()) for line in axes.lines] == [
        (f"layer {layer}", [10.0 ** (-layer * epoch) for epoch in found.epochs]) for layer in (1, 2)
    ]
    assert axes.get_yscale() == "log"
    given = pyplot.figure().add_subplot()
    assert plots.plot_gradients(found, given) is given
    labels = [line.get_label() for other in found.plot().figure.axes for line in other.lines]
    assert labels == ["loss", "validation loss", "accuracy", "validation accuracy"]


def test_a_boundary_is_the_plane_and_its_rows(pyplot):
    X, Y = tn.data.moons(20, rng=random.Random(1))
    model = tn.MLP.from_weights([[[1.0], [0.0]]], [[-0.5]], input_names=["a", "b"])
    axes = plots.plot_boundary(model, X, Y, threshold=0.0, resolution=30)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("a", "b")
    mesh, line, points = axes.collections[0], axes.collections[1], axes.collections[-1]
    assert mesh.get_array().size == 900
    assert points.get_offsets().tolist() == [list(row) for row in X]
    corners = [x for path in line.get_paths() for x, _ in path.vertices]
    assert corners == pytest.approx([0.5] * len(corners))
    with pytest.raises(ValueError, match="the one output of this MLP needs a threshold"):
        plots.plot_boundary(model, X, Y)
    model._learned = [0.25]  # as fit leaves it
    line = plots.plot_boundary(model, X, [2 * y - 1 for y in Y], resolution=30).collections[1]
    corners = [x for path in line.get_paths() for x, _ in path.vertices]
    assert corners == pytest.approx([0.75] * len(corners))


def test_a_boundary_of_several_outputs_is_of_the_largest(pyplot):
    X, Y = tn.data.spirals(12, rng=random.Random(1))
    model = tn.MLP(2, [4, 3], "tanh", rng=random.Random(2))
    axes = plots.plot_boundary(model, X, Y, resolution=7)
    xs, ys = ([row[k] for row in X] for k in (0, 1))
    across, up = (plots._spread(numbers, 7) for numbers in (xs, ys))
    assert axes.collections[0].get_array().ravel().tolist() == model.predict_classes(
        [[x, y] for y in up for x in across]
    )
    colors = axes.collections[-1].get_facecolors()
    assert [[tuple(colors[i]) == tuple(colors[k]) for k in range(12)] for i in range(12)] == [
        [a == b for b in Y] for a in Y
    ]


def test_what_cannot_be_plotted_is_said(monkeypatch):
    with pytest.raises(ValueError, match="this history has no epochs to plot"):
        tn.History().plot()
    with pytest.raises(ValueError, match=r'train by fit\(\.\.\., metrics="gradients"\)'):
        plots.plot_gradients(history())
    with pytest.raises(ValueError, match="give rows of two numbers"):
        plots.plot_boundary(tn.MLP(3, [1]), [[1.0, 2.0, 3.0]], [1])
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"plots need matplotlib, .*pip install 'tinygrad_nn\[plot\]'"):
        history().plot()


@pytest.mark.parametrize("name", ["price in $", "from $1 to $2", "$\\frac{$", "a\\$b$", "_hidden", "$", "$$"])
def test_names_are_text_and_no_formulas(name, pyplot, tmp_path):
    import html

    model = tn.MLP(2, [1], rng=random.Random(0), input_names=[name, name + "2"])
    found = tn.History()
    found.record(1, 1.0, 0.1, {name: 0.5, "gradient of " + name: 0.5})
    pictures = [
        found.plot(),
        plots.plot_gradients(found),
        plots.plot_boundary(model, [[0.0, 1.0], [1.0, 0.0]], [0, 1], threshold=0.0),
    ]
    for axes in pictures:
        with pyplot.rc_context({"svg.fonttype": "none"}):
            axes.figure.savefig(tmp_path / "plot.svg")
        assert html.escape(name, quote=False) in (tmp_path / "plot.svg").read_text(encoding="utf-8")

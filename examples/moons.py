"""Two moons, told apart by a network of 16 and 16 hidden neurons: one call of fit, and pictures of what it did.

    python examples/moons.py

The pictures want matplotlib: .venv/bin/pip install ".[plot]"
"""

import io
import random
from pathlib import Path

import tinygrad_nn as tn
from tinygrad_nn.drawing.film import Film

try:
    from matplotlib.figure import Figure
except ImportError:  # then it trains, and says what the pictures want
    Figure = None

PICTURES = Path(__file__).parent / "pictures"
EPOCHS = 100


def make_data(rng):
    """100 noisy points of the two moons, and for each the target -1 or +1, as the hinge loss wants it."""
    X, Y = tn.data.moons(100, noise=0.1, rng=rng)
    return X, [2 * y - 1 for y in Y]


def weight_decay(model):
    """Large weights cost a little, which keeps the boundary simple."""
    return 1e-4 * tn.dot(model.parameters(), model.parameters())


def train(X, Y, rng, film=None, progress=True):
    """The network after 100 steps down the gradient of the mean over all points, and the history of the run."""
    model = tn.MLP(2, [16, 16, 1], activation="relu", rng=rng, input_names=["x1", "x2"])
    optimizer = tn.SGD(model.parameters(), lr=tn.optim.linear(1.0, 0.1, steps=EPOCHS))

    def take_picture(history):
        epoch = history.epochs[-1]
        if film is not None and (epoch <= 12 or epoch % 8 == 0):
            share = history.metrics["accuracy"][-1]
            film.add(f"epoch {epoch}: loss {history.losses[-1]:.4f}, {share:.0%} right", boundary(model, X, Y))

    history = tn.fit(
        model, X, Y, "hinge", optimizer, epochs=EPOCHS, batch_size=len(X), regularizer=weight_decay,
        metrics=["accuracy", "gradients"], validation=make_data(rng), callbacks=take_picture, progress=progress,
    )  # fmt: skip
    return model, history


def boundary(model, X, Y):
    """The plane as the network sees it: blue where it says +1, orange where it says -1, paler where it is less sure."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    tn.plots.plot_boundary(model, X, Y, figure.subplots())
    return svg(figure)


def outcome(model, X, Y, history):
    """The boundary at the end, how loss and accuracy came there, and how large the gradient of each layer was."""
    figure = Figure(figsize=(14, 4), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    tn.plots.plot_boundary(model, X, Y, left)
    tn.plots.plot_history(history, middle)
    tn.plots.plot_gradients(history, right)
    return svg(figure)


def svg(figure):
    """A figure as the text of an SVG picture."""
    file = io.StringIO()
    figure.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()


def main():
    rng = random.Random(37)
    X, Y = make_data(rng)
    film = Film("Two moons, as the network sees the plane") if Figure else None
    model, history = train(X, Y, rng, film)
    print(model.summary())
    right, held_out = (100 * history.metrics[name][-1] for name in ("accuracy", "validation accuracy"))
    print(f"\nAfter {history.epochs[-1]} epochs the loss is {history.losses[-1]:.4f}; {right:.0f} % of the points are")
    print(f"right, and {held_out:.0f} % of 100 others that it was not trained on.")
    if film is None:
        print('\nFor its pictures: .venv/bin/pip install ".[plot]"')
        return
    PICTURES.mkdir(exist_ok=True)
    (PICTURES / "moons.svg").write_text(outcome(model, X, Y, history), encoding="utf-8")
    print(f"\nWhat it learned, and how, is in {PICTURES / 'moons.svg'}")
    print(f"How the boundary came about is in {film.save(PICTURES / 'moons.html')}: open it in a browser")


if __name__ == "__main__":
    main()

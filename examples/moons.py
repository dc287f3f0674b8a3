"""Two moons, told apart by a network of 16 and 16 hidden neurons: hinge loss, a little L2, full-batch gradient descent.

    python examples/moons.py

It writes a page to play: the decision boundary and the weights of the network as they train.
"""

import random
from itertools import groupby
from pathlib import Path

import tinygrad_nn as tn
from tinygrad_nn.drawing.diagram import RendererError
from tinygrad_nn.drawing.film import Film

PICTURES = Path(__file__).parent / "pictures"
STEPS = 100
LEFT, RIGHT, BOTTOM, TOP = -1.6, 2.6, -1.1, 1.6  # the part of the plane that is drawn
SHADES = ("#fde5d4", "#fbcfb0", "#fab98b", "#f8a568"), ("#dcebf5", "#c2dcee", "#a8cde6", "#8ebfdf")  # paler: less sure


def make_data(rng):
    """100 noisy points of two moons, and for each the target -1 or +1."""
    X, Y = tn.data.moons(100, noise=0.1, rng=rng)
    return X, [2 * y - 1 for y in Y]


def train(model, X, Y, report=print, film=None):
    """100 steps down the gradient of the mean hinge loss. Returns the last loss and share of right answers."""
    parameters = model.parameters()
    optimizer = tn.SGD(parameters, lr=tn.optim.linear(1.0, 0.1, steps=STEPS))
    for step in range(STEPS):
        scores = [model(x) for x in X]
        margins = [tn.losses.hinge(score, y) for score, y in zip(scores, Y, strict=True)]
        loss = tn.mean(margins) + 1e-4 * tn.dot(parameters, parameters)
        optimizer.zero_grad()
        loss.backward()
        right = sum((score > 0) == (y > 0) for score, y in zip(scores, Y, strict=True)) / len(Y)
        if film is not None and (step < 12 or step % 8 == 0 or step == STEPS - 1):
            film.add(f"step {step}: loss {loss.data:.4f}, {right:.0%} right", *pictures(model, X, Y))
        optimizer.step()
        if step % 10 == 0 or step == STEPS - 1:
            report(f"step {step:3}   loss {loss.data:.4f}   {right:4.0%} right")
    return loss.data, right


def pictures(model, X, Y):
    """The boundary, and the network's weights where a renderer is installed."""
    yield boundary(model, X, Y)
    try:
        yield tn.draw_network(model, max_neurons=7).pipe(format="svg", encoding="utf-8")
    except RendererError:
        return


def boundary(model, X, Y, columns=56, rows=36):
    """The plane as an SVG picture: blue where the network says +1, orange where it says -1, paler near the boundary."""
    wide, high = (RIGHT - LEFT) / columns, (TOP - BOTTOM) / rows
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {columns} {rows}" width="560" height="360">']
    for j in range(rows):
        scores = model.predict([(LEFT + (i + 0.5) * wide, TOP - (j + 0.5) * high) for i in range(columns)])
        i = 0
        for (sure, positive), run in groupby((min(int(4 * abs(score)), 3), score > 0) for score in scores):
            width = len(list(run))
            parts.append(f'<path d="M{i} {j}h{width}v1.1h-{width}" fill="{SHADES[positive][sure]}"/>')
            i += width
    for (x, y), target in zip(X, Y, strict=True):
        color = "#1b66a8" if target > 0 else "#c2500a"
        place = f'cx="{(x - LEFT) / wide:.2f}" cy="{(TOP - y) / high:.2f}"'
        parts.append(f'<circle {place} r=".55" fill="{color}" stroke="#fff" stroke-width=".15"/>')
    return "".join(parts) + "</svg>"


def main():
    rng = random.Random(37)
    X, Y = make_data(rng)
    model = tn.MLP(2, [16, 16, 1], rng=rng, input_names=["x1", "x2"])
    print(model.summary(), "\n")
    film = Film("Two moons: what the network says, and its weights")
    train(model, X, Y, film=film)
    PICTURES.mkdir(exist_ok=True)
    (PICTURES / "moons.svg").write_text(boundary(model, X, Y), encoding="utf-8")
    print(f"\nThe decision boundary is in {PICTURES / 'moons.svg'}")
    print(f"How it came about is in {film.save(PICTURES / 'moons.html')}: open it in a browser")


if __name__ == "__main__":
    main()

"""Two moons, told apart by a network of 16 and 16 hidden neurons: hinge loss, a little L2, full-batch gradient descent.

python examples/moons.py
"""

import random
from pathlib import Path

import tinygrad_nn as tn

PICTURES = Path(__file__).parent / "pictures"
STEPS = 100


def make_data(rng):
    """100 noisy points of two moons, and for each the target -1 or +1."""
    X, Y = tn.data.moons(100, noise=0.1, rng=rng)
    return X, [2 * y - 1 for y in Y]


def train(model, X, Y, report=print):
    """100 steps down the gradient of the mean hinge loss. Returns the last loss and share of right answers."""
    parameters = model.parameters()
    optimizer = tn.SGD(parameters, lr=tn.optim.linear(1.0, 0.1, steps=STEPS))
    for step in range(STEPS):
        scores = [model(x) for x in X]
        margins = [tn.losses.hinge(score, y) for score, y in zip(scores, Y, strict=True)]
        loss = tn.mean(margins) + 1e-4 * tn.dot(parameters, parameters)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        right = sum((score > 0) == (y > 0) for score, y in zip(scores, Y, strict=True)) / len(Y)
        if step % 10 == 0 or step == STEPS - 1:
            report(f"step {step:3}   loss {loss.data:.4f}   {right:4.0%} right")
    return loss.data, right


def text_boundary(model, X, Y, columns=72, rows=24):
    """The plane as text: `.` where the network says -1, `:` where it says +1, the points as `o` and `x`."""
    left, right, bottom, top = -1.6, 2.6, -1.1, 1.6
    across = [left + (right - left) * i / (columns - 1) for i in range(columns)]
    down = [top - (top - bottom) * i / (rows - 1) for i in range(rows)]
    picture = [[":" if score > 0 else "." for score in model.predict([[x, y] for x in across])] for y in down]
    for (x, y), target in zip(X, Y, strict=True):
        column = round((x - left) / (right - left) * (columns - 1))
        row = round((top - y) / (top - bottom) * (rows - 1))
        if 0 <= column < columns and 0 <= row < rows:
            picture[row][column] = "x" if target > 0 else "o"
    return "\n".join("".join(line) for line in picture)


def draw_boundary(model, X, Y):
    """The decision boundary as a picture where matplotlib is installed, else as text."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return "(as text, since matplotlib is not installed: pip install matplotlib)\n" + text_boundary(model, X, Y)
    across = [-1.6 + 4.2 * i / 120 for i in range(121)]
    up = [-1.1 + 2.7 * i / 80 for i in range(81)]
    scores = [model.predict([[x, y] for x in across]) for y in up]
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.add_subplot(title="Two moons: the sign of the network's score", xlabel="x1", ylabel="x2")
    axes.contourf(across, up, scores, levels=[-1e9, 0, 1e9], colors=["#fdd0a2", "#c6dbef"])
    axes.contour(across, up, scores, levels=[0], colors="#374151", linewidths=1)
    colors = ["#1b66a8" if y > 0 else "#c2500a" for y in Y]
    axes.scatter(*zip(*X, strict=True), c=colors, s=24, edgecolors="white", linewidths=0.6)
    PICTURES.mkdir(exist_ok=True)
    figure.savefig(PICTURES / "moons.png", dpi=150)
    return str(PICTURES / "moons.png")


def main():
    rng = random.Random(37)
    X, Y = make_data(rng)
    model = tn.MLP(2, [16, 16, 1], rng=rng)
    print(model.summary(), "\n")
    train(model, X, Y)
    print(f"\nThe decision boundary: {draw_boundary(model, X, Y)}")


if __name__ == "__main__":
    main()

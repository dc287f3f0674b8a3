"""Handwritten digits: images of 8 by 8 pixels, read by a network of 32 hidden neurons and an output for each digit.

    python examples/digits.py

Cross-entropy, SGD with momentum, shuffled batches of 16, in compiled steps. A quarter of the images is held out; those
of them that it misreads are drawn. The images come with scikit-learn.
"""

import random
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import tinygrad_nn as tn

PICTURES = Path(__file__).parent / "pictures"
EPOCHS, BATCH = 30, 16
MOST, COLUMNS, WIDE, HIGH = 12, 6, 140, 150  # how many misread digits are drawn, and the place of each


def load(rng):
    """1,347 images to train on and 450 held out, each as rows of 64 greys from 0 to 1 and the digits they show."""
    from sklearn.datasets import load_digits

    X, Y = load_digits(return_X_y=True)
    return tn.data.batches((X / 16).tolist(), Y.tolist(), size=1347, rng=rng)


def train(X, Y, held_out, rng, progress=True):
    """A network from initial weights to the end of its epochs, and the history of the run."""
    model = tn.MLP(64, [32, 10], activation="relu", init="he", rng=rng)
    history = tn.fit(
        model, X, Y, "cross_entropy", tn.SGD(model.parameters(), lr=0.1, momentum=0.9), EPOCHS, BATCH, rng=rng,
        metrics="accuracy", validation=held_out, progress=progress,
    )  # fmt: skip
    return model, history


def misread(model, X, Y):
    """What the network gets wrong, the surest first: how sure it is, its answer, the digit and the image."""
    found = []
    for x, digit in zip(X, Y, strict=True):
        probabilities = tn.softmax(model.predict(x))
        sure, answer = max((p, i) for i, p in enumerate(probabilities))
        if answer != digit:
            found.append((sure, answer, digit, x))
    return sorted(found, reverse=True)


def picture(title, mistakes):
    """The images with their captions below, as an SVG picture."""
    width, height = COLUMNS * WIDE + 8, -(-len(mistakes) // COLUMNS) * HIGH + 44
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="Helvetica, Arial, sans-serif" font-size="12" fill="#1f2937">',
        f'<rect width="{width}" height="{height}" fill="#fff"/><text x="18" y="26" font-size="15">{title}</text>',
    ]
    for i, (sure, answer, digit, x) in enumerate(mistakes):
        left, top = i % COLUMNS * WIDE + 18, i // COLUMNS * HIGH + 42
        parts.append(f'<g transform="translate({left} {top}) scale(14)" shape-rendering="crispEdges">')
        for grey in sorted(set(x) - {0.0}):
            pixels = "".join(f"M{k % 8} {k // 8}h1v1h-1" for k in range(64) if x[k] == grey)
            parts.append(f'<path d="{pixels}" fill-opacity="{grey:.2f}"/>')
        parts.append('<path d="M0 0h8v8h-8z" fill="none" stroke="#8a94a3" stroke-width=".07"/></g>')
        caption = f'is {digit}, <tspan fill="#c2500a">read as {answer}</tspan> ({sure:.0%})'.replace("%", " %")
        parts.append(f'<text x="{left + 56}" y="{top + 130}" text-anchor="middle">{caption}</text>')
    return "".join(parts) + "</svg>"


def main():
    rng = random.Random(1)
    try:
        (X, Y), (held_out, digits) = load(rng)
    except ImportError as error:
        print(f'The images of this example come with scikit-learn ({error}): pip install ".[sklearn]"')
        return
    if find_spec("llvmlite") is None:
        print('This takes some twenty seconds in Python, and one in machine code: pip install ".[fast]"')
    model, history = train(X, Y, (held_out, digits), rng)
    mistakes = misread(model, held_out, digits)
    right, unseen = (history.metrics[name][-1] for name in ("accuracy", "validation accuracy"))
    print(f"{model.summary()}\n\n{history.epochs[-1]} epochs took {history.times[-1]:.2f} s.")
    print(f"{right:6.1%} right of the {len(X):,} images it trained on")
    print(f"{unseen:6.1%} right of the {len(held_out):,} held out")
    pairs = Counter((digit, answer) for _, answer, digit, _ in mistakes).most_common(3)
    print("Misread most:", ", ".join(f"{digit} as {answer} ({times})" for (digit, answer), times in pairs) or "none")
    PICTURES.mkdir(exist_ok=True)
    title = f"{len(mistakes)} of {len(held_out)} held-out digits misread, the surest answers first"
    (PICTURES / "digits.svg").write_text(picture(title, mistakes[:MOST]), encoding="utf-8")
    print(f"\nWhat it misread is in {PICTURES / 'digits.svg'}")


if __name__ == "__main__":
    main()

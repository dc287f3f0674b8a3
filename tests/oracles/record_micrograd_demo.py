"""Records what micrograd's demonstration prints, as an oracle for test_micrograd.py: micrograd_demo.json.

It needs micrograd, NumPy and scikit-learn; CI's full stage runs it again and compares. The collector is off while
micrograd runs, since its graphs are cycles and take ten times longer with it; the numbers are the same.
"""

import gc
import json
import random
import sys
from pathlib import Path

PATH = Path(__file__).parent / "micrograd_demo.json"


def demo(engine, network, points, targets, steps=100):
    """The loss of each step of the demonstration: full batch, hinge loss and L2, with the given library's classes."""
    random.seed(1337)
    model = network(2, [16, 16, 1])
    losses = []
    for step in range(steps):
        scores = [model([engine(c) for c in point]) for point in points]
        margins = [(1 + -target * score).relu() for target, score in zip(targets, scores, strict=True)]
        total = sum(margins) * (1.0 / len(margins)) + 1e-4 * sum(p * p for p in model.parameters())
        model.zero_grad()
        total.backward()
        for p in model.parameters():
            p.data -= (1.0 - 0.9 * step / 100) * p.grad
        losses.append(total.data)
    return losses


def record():
    import numpy
    from micrograd.engine import Value
    from micrograd.nn import MLP
    from sklearn.datasets import make_moons

    numpy.random.seed(1337)
    points, classes = make_moons(n_samples=100, noise=0.1)
    targets = [2 * int(c) - 1 for c in classes]
    sys.setrecursionlimit(100_000)
    gc.disable()
    losses = demo(Value, MLP, points.tolist(), targets)
    gc.enable()
    return {"points": points.tolist(), "targets": targets, "losses": losses}


if __name__ == "__main__":
    PATH.write_text(json.dumps(record()), encoding="utf-8")
    print(f"wrote {PATH}")

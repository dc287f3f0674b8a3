"""Networks wired by hand from Neurons: one with missing connections, one whose input skips past the hidden layer.

python examples/wiring.py
"""

import random
from pathlib import Path

import tinygrad_nn as tn

PICTURES = Path(__file__).parent / "pictures"


class Sparse(tn.Module):
    """Each hidden neuron sees two of the three inputs."""

    def __init__(self, rng):
        self.hidden = [tn.Neuron(2, "tanh", rng=rng) for _ in range(3)]
        self.output = tn.Neuron(3, "sigmoid", rng=rng)

    def __call__(self, row):
        pairs = [(0, 1), (1, 2), (0, 2)]
        return self.output([neuron([row[i], row[j]]) for neuron, (i, j) in zip(self.hidden, pairs, strict=True)])


class Skip(tn.Module):
    """The output neuron sees the hidden neurons and the inputs themselves."""

    def __init__(self, rng):
        self.hidden = tn.Layer(3, 2, "tanh", rng=rng)
        self.output = tn.Neuron(5, "sigmoid", rng=rng)

    def __call__(self, row):
        return self.output([*self.hidden(row), *row])


def majority():
    """Rows of three bits, and whether two or more of them are set."""
    X = [[float(a), float(b), float(c)] for a in (0, 1) for b in (0, 1) for c in (0, 1)]
    return X, [float(sum(x) >= 2) for x in X]


def train(model, epochs=150):
    """Full-batch steps with Nesterov momentum. Returns the last loss."""
    X, Y = majority()
    optimizer = tn.SGD(model.parameters(), lr=0.5, momentum=0.9, nesterov=True)
    for _ in range(epochs):
        loss = tn.mean([tn.losses.binary_cross_entropy(model(x), y) for x, y in zip(X, Y, strict=True)])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return loss.data


def main():
    PICTURES.mkdir(exist_ok=True)
    X, Y = majority()
    for make in (Sparse, Skip):
        model = make(random.Random(3))
        print(model.summary())
        loss = train(model)
        right = sum(guess == y for guess, y in zip(model.predict_classes(X), Y, strict=True))
        print(f"majority of three bits: loss {loss:.4f}, {right} of {len(X)} right")
        example = model([tn.Value(bit, label=f"x{i + 1}") for i, bit in enumerate([1.0, 0.0, 1.0])])
        example.label = "majority"
        model.zero_grad()
        example.backward()
        picture = tn.draw(example, title=f"{make.__name__} network").write(
            PICTURES / f"wiring_{make.__name__.lower()}.svg"
        )
        print(f"its graph for the bits 1 0 1 is in {picture}\n")


if __name__ == "__main__":
    main()

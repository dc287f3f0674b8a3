"""Exclusive or, the smallest problem that needs a hidden layer: 2 inputs, 4 hidden neurons, 1 output.

    python examples/xor.py

A generator hands out one random example at a time; plain SGD follows the gradient of the binary cross-entropy.
"""

import random
import time
from pathlib import Path

import tinygrad_nn as tn

PICTURES = Path(__file__).parent / "pictures"
EXAMPLES_PER_EPOCH = 1_000
MOST_EPOCHS = 100


def make_model(rng):
    return tn.MLP(
        2,
        [4, 1],
        activation="sigmoid",
        output_activation="sigmoid",
        init="normal",
        rng=rng,
        input_names=["x1", "x2"],
        output_names=["x1 xor x2"],
    )


def random_examples(rng):
    """Rows of the truth table and their targets, at random, without end."""
    table = list(zip(*tn.data.xor(), strict=True))
    while True:
        yield rng.choice(table)


def share_right(model):
    X, Y = tn.data.xor()
    return sum(guess == y for guess, y in zip(model.predict_classes(X), Y, strict=True)) / len(Y)


def train(model, rng, report=print):
    """Epochs of random examples until all outputs are on the right side of 0.5; their number, or None at the cap."""
    optimizer = tn.SGD(model.parameters(), lr=0.1)
    examples = random_examples(rng)
    for epoch in range(1, MOST_EPOCHS + 1):
        start = time.perf_counter()
        for _ in range(EXAMPLES_PER_EPOCH):
            x, target = next(examples)
            loss = tn.losses.binary_cross_entropy(model(x), target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        right = share_right(model)
        report(f"epoch {epoch:3}   {time.perf_counter() - start:.3f} s   {right:4.0%} right")
        if right == 1.0:
            return epoch
    report(f"Stopped at the cap of {MOST_EPOCHS} epochs without all answers right: try another seed.")
    return None


def draw(model):
    """The network, the graph of one example, 0 xor 1, with its loss, and the page that steps through its gradients."""
    loss = tn.losses.binary_cross_entropy(model([0.0, 1.0]), 1.0)
    loss.label = "loss"
    model.zero_grad()
    loss.backward()
    PICTURES.mkdir(exist_ok=True)
    print(
        f"\nThe network is in {tn.draw_network(model, [0.0, 1.0], title='0 xor 1').write(PICTURES / 'xor_network.svg')}"
    )
    print(f"The graph of 0 xor 1 is in {tn.draw(loss, title='0 xor 1').write(PICTURES / 'xor.svg')}")
    page = tn.steps(loss, expand=True, title="0 xor 1").save(PICTURES / "xor.html")
    print(f"Backpropagation through it, step by step, is in {page}: open it in a browser")


def main():
    rng = random.Random(7)
    model = make_model(rng)
    print(f"Training {model!r} on one random example at a time, {EXAMPLES_PER_EPOCH:,} to an epoch.")
    train(model, rng)
    print("\n  x1  x2   output  answer")
    for x in tn.data.xor()[0]:
        print(f"  {x[0]:2.0f}  {x[1]:2.0f}   {model.predict(x):.4f}     {model.predict_classes(x)}")
    draw(model)


if __name__ == "__main__":
    main()

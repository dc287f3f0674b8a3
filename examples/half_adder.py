"""A half adder learns to add two bits: a network of 2 inputs, 3 hidden neurons and 2 outputs, carry and sum.

    python examples/half_adder.py              train, print the truth table, draw the network
    python examples/half_adder.py --ask        then ask it for sums of your own

It trains on one example at a time by SGD with momentum until the error of the four rows is below --until. That takes
over a million epochs, by the same scalar code compiled; xor.py writes such a loop out.
"""

import argparse
import random
import sys
from pathlib import Path

import tinygrad_nn as tn

PICTURES = Path(__file__).parent / "pictures"


def make_model(seed):
    """The network, with weights and biases drawn from N(0, 1)."""
    return tn.MLP(
        2,
        [3, 2],
        activation="sigmoid",
        output_activation="sigmoid",
        init="normal",
        rng=random.Random(seed),
        input_names=["x1", "x2"],
        output_names=["carry", "sum"],
    )


def root_mean_square(prediction, target):
    """How far the outputs of one row are from their targets."""
    return tn.sqrt(tn.losses.squared_error(prediction, target))


def train(model, optimizer, until, epochs=10_000_000):
    """One example at a time until the error of an epoch, summed over its rows, is below `until`. Returns a History."""
    X, Y = tn.data.half_adder()
    stop = (root_mean_square, until)
    return tn.fit(model, X, Y, "squared_error", optimizer, epochs, batch_size=1, shuffle=False, until=stop)


def print_truth_table(model):
    print("\n  a  b   carry  sum    the network's outputs")
    for x in tn.data.half_adder()[0]:
        carry, total = model.predict_classes(x, threshold=0.5)
        print("  {:.0f}  {:.0f}     {}     {}     {:.4f}  {:.4f}".format(*x, carry, total, *model.predict(x)))


def print_velocities(model, optimizer):
    print("\nThe momentum of each parameter: its velocity, by its path (layers and neurons count from 0):")
    for (name, _), velocity in zip(model.named_parameters(), optimizer.velocity, strict=True):
        print(f"  {name:30} {velocity: .3e}")


def draw(model):
    """The network, the graph of one example, 1 + 1, with its loss, and the page that steps through its gradients."""
    loss = tn.losses.squared_error(model([1.0, 1.0]), [1.0, 0.0])
    loss.label = "loss"
    model.zero_grad()
    loss.backward()
    PICTURES.mkdir(exist_ok=True)
    network = tn.draw_network(model, [1.0, 1.0], title="half adder: 1 + 1").write(PICTURES / "half_adder_network.svg")
    graph = tn.draw(loss, title="half adder: 1 + 1").write(PICTURES / "half_adder.svg")
    print(f"\nThe network is in {network}\nThe graph of 1 + 1 is in {graph}")
    page = tn.steps(loss, expand=True, title="Half adder: 1 + 1").save(PICTURES / "half_adder.html")
    print(f"Backpropagation through it, step by step, is in {page}: open it in a browser")


def ask(model):
    """Answer sums from the console until its input ends."""
    print("\nTwo bits, such as: 0 1  (an empty line or the end of input stops)")
    while True:
        try:
            line = input("a b = ").strip()
        except (EOFError, KeyboardInterrupt):
            print()
            return
        if not line:
            return
        words = line.replace(",", " ").split()
        if len(words) != 2 or any(word not in ("0", "1") for word in words):
            print(f"  {line!r} is not two bits: type two of 0 and 1 with a space between, such as 1 0")
            continue
        carry, total = model.predict_classes([float(word) for word in words], threshold=0.5)
        print(f"  {words[0]} + {words[1]} = carry {carry}, sum {total}")


def main(arguments=None):
    parser = argparse.ArgumentParser(description="Train a half adder and draw it.")
    parser.add_argument("--until", type=float, default=0.01, help="train until the error is below this (default 0.01)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the initial weights (default 1)")
    parser.add_argument("--ask", action="store_true", help="then read two inputs from the console, again and again")
    options = parser.parse_args(arguments)
    if not options.until > 0:
        parser.error(f"--until must be above 0, but got {options.until}")

    model = make_model(options.seed)
    optimizer = tn.SGD(model.parameters(), lr=0.09, momentum=0.015)
    print(f"Training {model!r} from seed {options.seed} to an error below {options.until},")
    print("the error being the root mean square of a row's two outputs from their targets, summed over the four rows.")
    history = train(model, optimizer, options.until)
    epochs, seconds = history.epochs[-1], history.times[-1]
    if history.stopped != "until":
        sys.exit(f"stopped after {epochs:,} epochs, before the error was reached")
    print(f"Done after {epochs:,} epochs of four examples, {1e6 * seconds / epochs:.1f} us each.")
    print_truth_table(model)
    print_velocities(model, optimizer)
    draw(model)
    if options.ask:
        ask(model)


if __name__ == "__main__":
    main()

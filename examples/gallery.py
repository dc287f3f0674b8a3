"""Every kind of picture that tinygrad_nn draws, in one folder.

python examples/gallery.py             writes them to examples/pictures/gallery
python examples/gallery.py --keep      writes those of the README again, too, beside this file
"""

import random
import sys
from pathlib import Path

import tinygrad_nn as tn

PICTURES = Path(__file__).parent / "pictures" / "gallery"
KEPT = {
    "expression": "graph.svg",
    "network_activations": "network.svg",
    "half_adder_neurons": "neurons.svg",
    "large_layers": "layers.svg",
    "neuron_steps": "step.svg",
}


def expression():
    """L = (a b + c) f, after backward."""
    a, b, c, f = (tn.Value(x, label=name) for name, x in [("a", 2), ("b", -3), ("c", 10), ("f", -2)])
    L = (a * b + c) * f
    L.label = "L"
    L.backward()
    return L


def neuron():
    """The neuron of the blackboard: o = tanh(x1 w1 + x2 w2 + b)."""
    inputs = [tn.Value(2.0, label="x1"), tn.Value(0.0, label="x2")]
    weights = [tn.Value(-3.0, label="w1"), tn.Value(1.0, label="w2")]
    n = inputs[0] * weights[0] + inputs[1] * weights[1] + tn.Value(6.8813735870195432, label="b")
    n.label = "n"
    o = n.tanh()
    o.label = "o"
    o.backward()
    return o


def example_of(model, x, y):
    """The squared error of one example, after backward."""
    loss = tn.losses.squared_error(model(x), y)
    loss.label = "loss"
    loss.backward()
    return loss


def batch_of(model, X, Y):
    """The mean squared error of many examples, after backward."""
    loss = tn.mean([tn.losses.squared_error(model(x), y) for x, y in zip(X, Y, strict=True)])
    loss.label = "loss"
    loss.backward()
    return loss


def pictures():
    """Pairs of a file name and a drawing."""
    adder = tn.MLP(
        2,
        [3, 2],
        activation="sigmoid",
        output_activation="sigmoid",
        init="normal",
        rng=random.Random(1),
        input_names=["x1", "x2"],
        output_names=["carry", "sum"],
    )
    optimizer = tn.SGD(adder.parameters(), lr=0.5, momentum=0.9)
    for x, y in zip(*tn.data.half_adder(), strict=True):
        optimizer.zero_grad()
        example_of(adder, x, y)
        optimizer.step()
    adder.zero_grad()
    small = tn.MLP(2, [4, 4, 1], activation="tanh", rng=random.Random(3), input_names=["x1", "x2"])
    large = tn.MLP(2, [16, 16, 1], activation="tanh", rng=random.Random(3))
    X, Y = tn.data.moons(20, rng=random.Random(1))
    L, o, loss = expression(), neuron(), example_of(adder, [1.0, 1.0], [1.0, 0.0])

    yield "expression", tn.draw(L, title="L = (a b + c) f")
    yield "expression_classic", tn.draw(L, style="classic", title="the same, operators as circles")
    yield "expression_top_down", tn.draw(L, rankdir="TB")
    yield "neuron", tn.draw(o, title="one neuron: tanh(x1 w1 + x2 w2 + b)")
    yield "half_adder", tn.draw(loss, title="half adder: 1 + 1")
    yield "half_adder_expanded", tn.draw(loss, expand=True, title="half adder, every product and sum")
    yield "half_adder_repeated", tn.draw(loss, repeat_shared=True, title="half adder, inputs drawn where they are used")
    yield "half_adder_neurons", tn.draw(loss, view="neurons", title="half adder, a table for each neuron")
    yield "small_neurons", tn.draw(example_of(small, [-0.35, -0.7], -1.0), view="neurons", title="2-4-4-1, one example")
    yield "large_layers", tn.draw(batch_of(large, X, Y), title="2-16-16-1, 20 examples, a heat map for each layer")
    yield "network_weights", tn.draw_network(adder, title="half adder: weights")
    yield "network_activations", tn.draw_network(adder, [1.0, 1.0], title="half adder: what it answers to 1 + 1")
    yield "network_gradients", tn.draw_network(adder, [1.0, 1.0], color="grad", title="half adder: gradients")
    yield (
        "network_velocities",
        tn.draw_network(adder, color="velocity", optimizer=optimizer, title="half adder: the momentum of each weight"),
    )
    yield "network_wide", tn.draw_network(large, [0.5, 0.2], title="2-16-16-1: the first and last of each layer")
    yield "neuron_steps", tn.steps(o, title="Backpropagation through one neuron")
    yield "half_adder_steps", tn.steps(loss, expand=True, title="Half adder: 1 + 1")


def main(arguments=()):
    PICTURES.mkdir(parents=True, exist_ok=True)
    for name, drawing in pictures():
        if name.endswith("steps"):
            print(drawing.save(PICTURES / f"{name}.html"))
        else:
            print(drawing.write(PICTURES / f"{name}.svg"))
        if "--keep" in arguments and name in KEPT:
            kept = Path(__file__).parent / KEPT[name]
            if name.endswith("steps"):
                kept.write_text(drawing.frames()[9], encoding="utf-8")
            else:
                drawing.write(kept)
            print(f"{kept}, which the README shows")


if __name__ == "__main__":
    main(sys.argv[1:])

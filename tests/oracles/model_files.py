"""What tests of files share: models with every kind of number and name, and files signed anew."""

import hashlib
import math
import random
import struct

import tinygrad_nn as tn

NUMBERS = [0.1, -0.0, 0.0, 5e-324, -1.7976931348623157e308, math.inf, -math.inf, 1 / 3]
NAN = struct.unpack(">d", bytes.fromhex("7ff80000deadbeef"))[0]


def bits(numbers):
    return [struct.pack(">d", number) for number in numbers]


def network():
    """A network with every kind of number and name."""
    model = tn.MLP(
        2,
        [3, 2],
        "tanh",
        "sigmoid",
        rng=random.Random(1),
        input_names=["x 1", 'ü"\\'],
        output_names=["a", ""],
        name="n",
    )
    for value, number in zip(model.parameters(), [*NUMBERS, NAN], strict=False):
        value.data = number
    model.layers[0].neurons[1].activation = "gelu"
    model.layers[1].neurons[0].bias.label = "threshold\n"
    return model


MODELS = {
    "network": network,
    "layer": lambda: tn.Layer(2, 3, "relu", name="alone", rng=random.Random(2)),
    "neuron": lambda: tn.Neuron(4, "softplus", rng=random.Random(3)),
    "one layer": lambda: tn.MLP(1, [1], rng=random.Random(4)),
}


def resealed(body):
    """A text with the digest that fits it, as somebody would who means harm."""
    return body + "sha256 " + hashlib.sha256(body.encode()).hexdigest() + "\n"


def facts(model):
    """All that a file keeps of a model."""
    layers = getattr(model, "layers", [model])
    neurons = [neuron for layer in layers for neuron in getattr(layer, "neurons", [layer])]
    names = [getattr(model, name, None) for name in ("input_names", "output_names")]
    values = model.parameters()
    kept = [neuron.activation for neuron in neurons], names, model.place.name, [value.label for value in values]
    return type(model), repr(model), kept, bits(value.data for value in values)

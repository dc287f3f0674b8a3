"""What the tests of networks in 8 bits share: models with rows, their arithmetic on NumPy's arrays, data sets."""

import math
import random
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import tinygrad_nn as tn

ACTIVATIONS = ["linear", "relu", "tanh", "sigmoid", "leaky_relu", "elu", "softplus", "silu", "gelu"]


def drawn(sizes, activation="relu", output="linear", seed=1, scale=1.0, whole=False):
    """A model and forty rows for it, of numbers around 0 or whole numbers of 8 bits."""
    rng = random.Random(seed)
    model = tn.MLP(sizes[0], sizes[1:], activation, output, rng=rng)
    for value in model.parameters():
        value.data *= scale
        value.data += rng.gauss(0.0, 0.1)
    draw = (lambda: float(rng.randrange(17))) if whole else (lambda: rng.gauss(0.0, 1.0))
    return model, [[draw() for _ in range(sizes[0])] for _ in range(40)]


MODELS: dict[str, Callable[[], Any]] = {
    **{f"{name} within": partial(drawn, (3, 5, 4, 2), name) for name in ACTIVATIONS},
    **{f"{name} at the end": partial(drawn, (3, 5, 2), "tanh", name) for name in ACTIVATIONS},
    "probabilities": partial(drawn, (4, 6, 5), "relu", "softmax"),
    "one probability": partial(drawn, (4, 6, 1), "gelu", "sigmoid"),
    "whole inputs": partial(drawn, (6, 5, 3), "relu", "linear", whole=True),
    "one layer": lambda: (tn.Layer(3, 2, "tanh", rng=random.Random(1)), drawn((3, 1))[1]),
    "one neuron": lambda: (tn.Neuron(3, "sigmoid", rng=random.Random(1)), drawn((3, 1))[1]),
    "large": partial(drawn, (3, 4, 2), "relu", "linear", scale=1e6),
    "small": partial(drawn, (3, 4, 2), "tanh", "linear", scale=1e-6),
}  # fmt: skip


def uneven():
    """A model of whole numbers, whose small inputs have the large weights."""
    model, rows = drawn((6, 5, 3), "relu", "linear", whole=True)
    for neuron in model.layers[0].neurons:
        neuron.weights[0].data *= 16.0
    return model, [[float(row[0] > 8.0), *row[1:]] for row in rows]


MODELS["uneven inputs"] = uneven


def scores(network, xs):
    """The scores of rows of whole numbers, by products of matrices; no sum may leave an int32, whatever comes first."""
    import numpy as np

    numbers = np.asarray(xs, dtype=np.int64)
    if network.gains is not None:
        numbers = np.minimum(numbers * np.array(network.gains), 255)
    for layer in network.layers:
        weights, begins = np.array(layer.weights, dtype=np.int64), np.array(layer.begins, dtype=np.int64)
        total = numbers @ weights.T + begins
        if numbers.size * len(begins) < 1_000_000:
            sums = begins[:, None] + np.cumsum(weights[None] * numbers[:, None, :], axis=2)
            assert np.abs(sums).max() < 2**31
        total = np.minimum(np.maximum(total, 0) >> layer.before, 65535)
        found = (total.astype(np.uint32) * np.array(layer.factors, dtype=np.uint32)) >> np.uint32(layer.after)
        numbers = np.minimum(found.astype(np.int64), layer.most)
        if layer.table is not None:
            numbers = np.array(layer.table)[numbers]
    return numbers


def outputs(network, found):
    """The outputs of scores, in numbers."""
    import numpy as np

    if network.softmax is not None:
        unit = 2.0**-network.softmax.shift * math.log(65535.0 / network.softmax.exponentials[1])
        parts = np.exp(-unit * (found.max(1, keepdims=True) - found))
        return parts / parts.sum(1, keepdims=True)
    if network.table is not None:
        places = np.minimum(np.maximum(found - network.table.first, 0) >> network.table.shift, 255)
        return np.array(network.table.entries)[places] * 2.0**-network.bits
    return np.maximum(found - 32768, network.least) * 2.0**-network.bits


def data_set(name, seed=0):
    """Rows and classes of one of scikit-learn's data sets, of which a quarter is held out."""
    import numpy as np
    from sklearn import datasets
    from sklearn.model_selection import train_test_split

    if name == "moons":
        X, y = datasets.make_moons(1000, noise=0.2, random_state=seed)
    else:
        X, y = getattr(datasets, f"load_{name.removeprefix('large ')}")(return_X_y=True)
    if name == "large digits":  # of 28 x 28 pixels, with noise
        images = np.pad(np.kron(X.reshape(-1, 8, 8), np.ones((3, 3))), ((0, 0), (2, 2), (2, 2)))
        noise = np.random.default_rng(seed).normal(0.0, 10.0, images.shape)
        X = np.clip(images * (255.0 / 16.0) + noise, 0.0, 255.0).round().reshape(-1, 784)
    return train_test_split(X, y, test_size=0.25, random_state=seed, stratify=y)


def classifier(X, y, hidden, activation, seed=0):
    """A network that learned classes from raw rows, by scikit-learn: their scaling is in its first layer."""
    import numpy as np
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    middle, width = X.mean(0), X.std(0) + 1e-3
    learned = MLPClassifier(
        hidden, activation={"sigmoid": "logistic"}.get(activation, activation), random_state=seed,
        learning_rate_init=0.005, max_iter=150 if X.shape[1] < 100 else 15,
    )  # fmt: skip
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
        learned.fit((X - middle) / width, y)
    weights, biases = [*learned.coefs_], [*learned.intercepts_]
    biases[0] = biases[0] - (middle / width) @ weights[0]
    weights[0] = weights[0] / np.asarray(width)[:, None]
    return tn.MLP.from_weights(weights, biases, activation, "sigmoid" if len(biases[-1]) == 1 else "linear")

"""One engine making training steps: `python step_engines.py ENGINE WORK ...` prints what it says of each, as JSON.

That is the seconds a step, the mean loss of the ninth epoch, and the most memory the process has held so far. On one
thread, the collector on; all train the same network from the same weights on the same batches in the same order.
"""

import json
import sys
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy
from engines import moons_data, timed

CHECKED = 9  # the epoch whose loss is compared
PARTS = 5
RATE, MOMENTUM, PENALTY = 0.01, 0.9, 1e-4


@dataclass(frozen=True)
class Work:
    """A network, and how it is trained: on the moons with the hinge loss and L2, or on ten classes."""

    sizes: tuple[int, ...]
    epochs: int  # of a run of the library's; 10,000 are all kept in its history, as lax.scan keeps every loss
    runs: int = 1
    activation: str = "relu"
    dtype: str = "float64"
    decay: bool = False  # L2 by the optimiser's weight_decay, of the same gradient, instead of in the loss

    @property
    def moons(self):
        return self.sizes[-1] == 1

    @property
    def batch(self):
        return 100 if self.moons else 64

    def data(self, rows=1024):
        """The 100 points of the moons and their signs, or rows and the classes that a linear map puts them in."""
        if self.moons:
            return tuple(numpy.array(part, dtype=float) for part in moons_data())
        rng = numpy.random.default_rng(7)
        truth, X = rng.normal(size=(self.sizes[0], self.sizes[-1])), rng.normal(size=(rows, self.sizes[0]))
        return X, numpy.argmax(X @ truth, axis=1)

    def weights(self):
        """A matrix of shape (inputs, outputs) for each layer; biases begin at zero."""
        rng = numpy.random.default_rng(1)
        return [rng.uniform(-1, 1, size=(n, m)) / n**0.5 for n, m in pairwise(self.sizes)]


WORK = {
    "moons, relu": Work((2, 16, 16, 1), 10_000, 3),
    "moons, tanh": Work((2, 16, 16, 1), 10_000, 3, "tanh"),
    "moons, relu, weight decay": Work((2, 16, 16, 1), 0, 0, decay=True),
    "moons, tanh, weight decay": Work((2, 16, 16, 1), 0, 0, "tanh", decay=True),
    "64-64-10": Work((64, 64, 10), 400),
    "784-128-10": Work((784, 128, 10), 16),
    "64-64-10, float32": Work((64, 64, 10), 700, dtype="float32"),
    "784-128-10, float32": Work((784, 128, 10), 24, dtype="float32"),
}


def l2(model):
    import tinygrad_nn as tn

    parameters = model.parameters()
    return PENALTY * tn.dot(parameters, parameters)


def parts_of(work):
    """The network, and what makes its compiled step."""
    import tinygrad_nn as tn

    weights = [matrix.tolist() for matrix in work.weights()]
    model = tn.MLP.from_weights(weights, [[0.0] * m for m in work.sizes[1:]], activation=work.activation)
    optimizer = tn.SGD(model.parameters(), lr=RATE, momentum=MOMENTUM)
    loss, penalty = (tn.losses.hinge, l2) if work.moons else (tn.losses.cross_entropy, None)
    options = {"regularizer": penalty, "backend": "llvm", "dtype": work.dtype}
    return lambda: tn.compile_step(model, loss, optimizer, **options)


def tinygrad_nn(work):
    """Seconds a step in each fifth of a `step.run`, by the times in its history: tracing comes before them."""
    step, (X, Y) = parts_of(work)(), work.data()
    runs = [step.run(X, Y, epochs=work.epochs, batch_size=work.batch) for _ in range(work.runs)]
    batches, seconds = -(-len(X) // work.batch), []
    for run in runs:
        points = [(len(run.times) - 1) * k // PARTS for k in range(PARTS + 1)]
        for a, b in pairwise(points):
            seconds.append((run.times[b] - run.times[a]) / (run.epochs[b] - run.epochs[a]) / batches)
    return seconds, runs[0].losses[runs[0].epochs.index(CHECKED)]


def first(work, rows, again=False):
    """Seconds from a network that stands there to the result of its first step, llvmlite imported on the way.

    With `again`, those of the next call of that step as well.
    """
    import tinygrad_nn  # noqa: F401

    compiled, (X, Y) = parts_of(work), work.data(rows)
    steps: list[Any] = []

    def call(k):
        steps.append(steps[-1] if steps else compiled())
        return steps[-1](X, Y)

    return timed(call, 1 + again), None


def torch(work):
    """PyTorch's eager step; the data are its tensors from the start."""
    import torch

    torch.set_num_threads(1)
    dtype = getattr(torch, work.dtype)
    layers = []
    for matrix in work.weights():
        linear = torch.nn.Linear(matrix.shape[0], matrix.shape[1], dtype=dtype)
        with torch.no_grad():
            linear.weight.copy_(torch.as_tensor(matrix.T))
            linear.bias.zero_()
        layers += [linear, torch.nn.Tanh() if work.activation == "tanh" else torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1])
    parameters = list(model.parameters())
    decay = 2 * PENALTY if work.decay else 0.0
    optimizer = torch.optim.SGD(parameters, lr=RATE, momentum=MOMENTUM, weight_decay=decay)
    X, Y = work.data()
    x, y = torch.as_tensor(X, dtype=dtype), torch.as_tensor(Y, dtype=dtype if work.moons else torch.int64)
    starts = range(0, len(X), work.batch)

    def loss_of(rows):
        outputs = model(x[rows])
        if not work.moons:
            return torch.nn.functional.cross_entropy(outputs, y[rows])
        loss = torch.relu(1.0 - y[rows] * outputs.squeeze(1)).mean()
        return loss if work.decay else loss + PENALTY * sum((p * p).sum() for p in parameters)

    def step(k):
        start = starts[k % len(starts)]
        loss = loss_of(slice(start, start + work.batch))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    losses = [step(k).item() for k in range(CHECKED * len(starts))]
    seconds = [sum(timed(step, 100)) / 100 for _ in range(PARTS)]
    return seconds, None if work.decay else sum(losses[-len(starts) :]) / len(starts)


def jax(work, steps=1000):
    """A thousand steps on the moons inside one jitted lax.scan, in double precision, compiled before."""
    import jax
    from jax import numpy as jnp

    jax.config.update("jax_enable_x64", True)
    activation = jnp.tanh if work.activation == "tanh" else jax.nn.relu
    x, y = map(jnp.asarray, work.data())

    def loss_of(layers):
        values = x
        for matrix, bias in layers[:-1]:
            values = activation(values @ matrix + bias)
        matrix, bias = layers[-1]
        margins = jnp.maximum(1.0 - y * (values @ matrix + bias)[:, 0], 0.0)
        return margins.mean() + PENALTY * sum((p * p).sum() for p in jax.tree.leaves(layers))

    def step(carried, _):
        layers, velocities = carried
        loss, gradients = jax.value_and_grad(loss_of)(layers)
        velocities = jax.tree.map(lambda v, g: MOMENTUM * v + g, velocities, gradients)
        return (jax.tree.map(lambda p, v: p - RATE * v, layers, velocities), velocities), loss

    run = jax.jit(lambda carried: jax.lax.scan(step, carried, length=steps))
    layers = [(jnp.asarray(matrix), jnp.zeros(matrix.shape[1])) for matrix in work.weights()]
    start = layers, jax.tree.map(jnp.zeros_like, layers)
    losses = jax.block_until_ready(run(start))[1]
    seconds = [s / steps for s in timed(lambda k: jax.block_until_ready(run(start)), 4 * PARTS)]
    return seconds, float(losses[CHECKED - 1])


ENGINE = {"tinygrad_nn": tinygrad_nn, "torch": torch, "jax": jax}
FIRST = {
    "moons, first": lambda: first(WORK["moons, relu"], 100, again=True),
    "784-128-10, first of 64": lambda: first(WORK["784-128-10"], 64),
    "784-128-10, first of 4096": lambda: first(WORK["784-128-10"], 4096),
}


def peak():
    """The most bytes that this process has held, where the system tells: Linux in kilobytes, macOS one by one."""
    try:
        import resource
    except ImportError:
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main(engine, *works):
    said = {}
    for work in works:
        seconds, loss = FIRST[work]() if work in FIRST else ENGINE[engine](WORK[work])
        said[work] = {"seconds": seconds, "loss": loss, "memory": peak()}
    print(json.dumps(said))


if __name__ == "__main__":
    main(*sys.argv[1:])

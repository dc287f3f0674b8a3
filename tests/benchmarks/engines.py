"""One engine doing one piece of work in this process: `python engines.py ENGINE WORK` prints its seconds as JSON.

The collector is on, as it is for users. Every engine trains the same network from the same weights on the same points.
"""

import json
import random
import runpy
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

MOONS_STEPS = 20
SIZES = [2, 16, 16, 1]


def moons_data():
    """The points and targets, +1 and -1, made without any of the engines."""
    rng = random.Random(1337)
    from math import cos, pi, sin

    upper = [([cos(pi * i / 49), sin(pi * i / 49)], 1) for i in range(50)]
    lower = [([1 - cos(pi * i / 49), 0.5 - sin(pi * i / 49)], -1) for i in range(50)]
    pairs = upper + lower
    rng.shuffle(pairs)
    return [[c + rng.gauss(0, 0.1) for c in x] for x, _ in pairs], [y for _, y in pairs]


def timed(work, times):
    seconds = []
    for k in range(times):
        start = time.perf_counter()
        work(k)
        seconds.append(time.perf_counter() - start)
    return seconds


def tinygrad_nn_moons():
    import tinygrad_nn as tn

    X, Y = moons_data()
    model = tn.MLP(2, SIZES[1:], rng=random.Random(1))
    parameters = model.parameters()
    optimizer = tn.SGD(parameters, lr=tn.optim.linear(1.0, 0.1, 100))

    def step(k):
        margins = [tn.losses.hinge(model(x), y) for x, y in zip(X, Y, strict=True)]
        loss = tn.mean(margins) + 1e-4 * tn.dot(parameters, parameters)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.data

    return timed(step, MOONS_STEPS)


def micrograd_moons():
    from micrograd.engine import Value
    from micrograd.nn import MLP

    X, Y = moons_data()
    random.seed(1)
    model = MLP(2, SIZES[1:])

    def step(k):  # as in its demo.ipynb
        scores = [model(list(map(Value, x))) for x in X]
        margins = [(1 + -y * score).relu() for y, score in zip(Y, scores, strict=True)]
        loss = sum(margins) * (1.0 / len(margins)) + 1e-4 * sum(p * p for p in model.parameters())
        model.zero_grad()
        loss.backward()
        for p in model.parameters():
            p.data -= (1.0 - 0.9 * k / 100) * p.grad
        return loss.data

    return timed(step, MOONS_STEPS)


def xad_moons():
    import xad.adj_1st as xad
    from xad.math import max as maximum

    X, Y = moons_data()
    rng = random.Random(1)
    data = []
    for n, m in pairwise(SIZES):
        for _ in range(m):
            data += [rng.uniform(-1, 1) for _ in range(n)] + [0.0]

    def step(k):
        with xad.Tape() as tape:
            parameters = [xad.Real(p) for p in data]
            tape.registerInputs(parameters)
            tape.newRecording()
            source = iter(parameters)
            layers = [[([next(source) for _ in range(n)], next(source)) for _ in range(m)] for n, m in pairwise(SIZES)]
            total = 0.0
            for x, y in zip(X, Y, strict=True):
                values = x
                for layer in layers:
                    outputs = []
                    for weights, bias in layer:
                        output = bias
                        for w, v in zip(weights, values, strict=True):
                            output = output + w * v
                        outputs.append(output if layer is layers[-1] else maximum(output, 0.0))
                    values = outputs
                total = total + maximum(1.0 - y * values[0], 0.0)
            penalty: Any = 0.0
            for p in parameters:
                penalty = penalty + p * p
            loss = total * (1.0 / len(X)) + 1e-4 * penalty
            tape.registerOutput(loss)
            loss.setDerivative(1.0)
            tape.computeAdjoints()
            gradients = [p.getDerivative() for p in parameters]
        rate = 1.0 - 0.9 * k / 100
        data[:] = [p - rate * g for p, g in zip(data, gradients, strict=True)]
        return loss.getValue()

    return timed(step, MOONS_STEPS)


def chain(value, operations, times):
    def work(k):
        a, b, y = value(0.999), value(0.001), value(1.0)
        for _ in range(operations // 2):
            y = y * a + b
        y.backward()

    return timed(work, times)


def tinygrad_nn_chain(operations, times):
    from tinygrad_nn import Value

    return chain(Value, operations, times)


def micrograd_chain(operations, times):
    from micrograd.engine import Value

    return chain(Value, operations, times)


def memory(operations=100_000):
    """Bytes a recorded operation holds after backward, as tracemalloc counts them."""
    import tracemalloc

    from tinygrad_nn import Value

    a, b, y = Value(0.999), Value(0.001), Value(1.0)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(operations // 2):
        y = y * a + b
    y.backward()
    return [(tracemalloc.get_traced_memory()[0] - before) / operations]


def drawn():
    """A loss of over 106 Values, a network of 2, 4, 4 and 3 with every product drawn, after backward."""
    import tinygrad_nn as tn

    model = tn.MLP(2, [4, 4, 3], activation="tanh", rng=random.Random(3), input_names=["x1", "x2"])
    loss = tn.losses.squared_error(model([-0.35, -0.7]), [1.0, 0.0, 0.5])
    loss.backward()
    return loss


def drawing(what):
    """Seconds for the text of a drawing, for its SVG by the system's dot, or for the page of its steps."""
    import tinygrad_nn as tn

    loss = drawn()
    work = {
        "text": lambda k: tn.draw(loss, expand=True),
        "svg": lambda k: tn.draw(loss, expand=True).pipe(format="svg"),
        "page": lambda k: tn.steps(loss, expand=True).html(),
    }[what]
    work(0)
    return timed(work, 10)


def drawn_nodes():
    from tinygrad_nn.drawing.nodes import nodes

    return [len(nodes(drawn(), expand=True))]


def readme_expression():
    """The expression of micrograd's README, as the example has it."""
    return runpy.run_path(str(Path(__file__).parents[2] / "examples" / "expression.py"))["expression"]


def recorded_expression(value):
    expression = readme_expression()

    def work(k):
        a, b = value(-4.0), value(2.0)
        expression(a, b).backward()

    return timed(work, 3000)


def micrograd_expression():
    from micrograd.engine import Value

    return recorded_expression(Value)


def eager_expression():
    from tinygrad_nn import Value

    return recorded_expression(Value)


def compiled_expression():
    import tinygrad_nn as tn

    f = tn.compile(readme_expression())
    f.value_and_grad(-4.0, 2.0)
    return timed(lambda k: f.value_and_grad(-4.0, 2.0), 3000)


def network_row(compiled):
    """The slope of the moons network at a point: recorded, or compiled."""
    import tinygrad_nn as tn

    model = tn.MLP(2, SIZES[1:], rng=random.Random(1))
    if compiled:
        f = tn.compile(model)
        f.grad([0.1, 0.2])
        return timed(lambda k: f.value_and_grad([0.1, 0.2]), 500)
    return timed(lambda k: model([tn.Value(0.1), tn.Value(0.2)]).backward(), 500)


def half_adder_rows():
    import tinygrad_nn as tn

    example = runpy.run_path(str(Path(__file__).parents[2] / "examples" / "half_adder.py"))
    model = example["make_model"](1)
    return example, model, tn.SGD(model.parameters(), lr=0.09, momentum=0.015), *tn.data.half_adder()


def compiled_half_adder(backend, epochs):
    """Seconds of an epoch: four steps on one row each, and the error that is waited for."""
    import tinygrad_nn as tn

    example, model, optimizer, X, Y = half_adder_rows()
    step = tn.compile_step(model, tn.losses.squared_error, optimizer, backend=backend)
    until = (example["root_mean_square"], 0.0)
    step.run(X, Y, epochs=100, until=until)
    return [seconds / epochs for seconds in timed(lambda k: step.run(X, Y, epochs=epochs, until=until), 3)]


def trained_half_adder():
    """Seconds of a run to an error of 0.01, tracing and compiling apart, and how many epochs it took; three times."""
    import tinygrad_nn as tn

    found = []
    for _ in range(3):
        example, model, optimizer, X, Y = half_adder_rows()
        step = tn.compile_step(model, tn.losses.squared_error, optimizer, backend="llvm")
        history = step.run(X, Y, epochs=5_000_000, until=(example["root_mean_square"], 0.01))
        found.append([history.times[-1], history.epochs[-1]])
    return found


def half_adder_by_hand(epochs=10_000):
    """The same in object Python, as a course writes it: neurons with lists of weights, derivatives by hand."""
    from math import exp, sqrt

    class Neuron:
        def __init__(self, n, rng):
            self.weights, self.bias = [rng.gauss(0, 1) for _ in range(n)], rng.gauss(0, 1)
            self.velocities, self.velocity = [0.0] * n, 0.0
            self.delta = 0.0

        def forward(self, inputs):
            total = self.bias
            for weight, x in zip(self.weights, inputs):  # noqa: B905
                total += weight * x
            self.output = 1.0 / (1.0 + exp(-total))
            return self.output

        def update(self, inputs, lr, momentum):
            for i, x in enumerate(inputs):
                self.velocities[i] = momentum * self.velocities[i] + self.delta * x
                self.weights[i] -= lr * self.velocities[i]
            self.velocity = momentum * self.velocity + self.delta
            self.bias -= lr * self.velocity

    rng = random.Random(1)
    hidden, output = [Neuron(2, rng) for _ in range(3)], [Neuron(3, rng) for _ in range(2)]
    rows = [([0.0, 0.0], [0.0, 0.0]), ([0.0, 1.0], [0.0, 1.0]), ([1.0, 0.0], [0.0, 1.0]), ([1.0, 1.0], [1.0, 0.0])]

    def epoch():
        error = 0.0
        for x, target in rows:
            features = [neuron.forward(x) for neuron in hidden]
            outputs = [neuron.forward(features) for neuron in output]
            error += sqrt(sum((o - t) ** 2 for o, t in zip(outputs, target)) / 2)  # noqa: B905
            for neuron, t in zip(output, target):  # noqa: B905
                neuron.delta = (neuron.output - t) * neuron.output * (1 - neuron.output)
            for j, neuron in enumerate(hidden):
                back = sum(o.delta * o.weights[j] for o in output)
                neuron.delta = back * neuron.output * (1 - neuron.output)
            for neuron in output:
                neuron.update(features, 0.09, 0.015)
            for neuron in hidden:
                neuron.update(x, 0.09, 0.015)
        return error

    return [seconds / epochs for seconds in timed(lambda k: [epoch() for _ in range(epochs)], 3)]


def recorded_half_adder():
    import tinygrad_nn as tn

    _, model, optimizer, X, Y = half_adder_rows()

    def epoch(k):
        for x, y in zip(X, Y, strict=True):
            loss = tn.losses.squared_error(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return timed(epoch, 2000)


def traced_step():
    """Seconds from a network of 64, 64 and 10 to the program of its step: loss, gradient, update, all rewritten."""
    import tinygrad_nn as tn
    from tinygrad_nn.training.steps.recipe import Recipe, whole

    model = tn.MLP(64, [64, 10], rng=random.Random(1))
    recipe = Recipe(model, tn.losses.cross_entropy, tn.SGD(model.parameters(), lr=0.1, momentum=0.9))
    row = [random.Random(2).random() for _ in range(64)]
    return timed(lambda k: whole(recipe, ((None,) * 64, None), [*row, 3.0]), 3)


ROWS = 100_000


def compiled_rows(backend):
    """Value and both gradients of the README's expression over 100,000 rows of an array."""
    import numpy

    import tinygrad_nn as tn

    f = tn.compile(readme_expression(), backend=backend)
    rows = numpy.random.default_rng(0).normal(size=(ROWS, 2))
    f.batch(rows, gradients=True)
    return timed(lambda k: f.batch(rows, gradients=True), 30)


def jax_rows():
    """The same by jax.vmap of value_and_grad, jitted, in double precision on one thread."""
    import os

    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    import jax
    import numpy

    jax.config.update("jax_enable_x64", True)
    gradient = jax.jit(jax.vmap(jax.value_and_grad(jax_expression, argnums=(0, 1))))
    rows = numpy.random.default_rng(0).normal(size=(ROWS, 2))
    a, b = jax.numpy.asarray(rows[:, 0].copy()), jax.numpy.asarray(rows[:, 1].copy())
    jax.block_until_ready(gradient(a, b))
    return timed(lambda k: jax.block_until_ready(gradient(a, b)), 30)


def jax_call():
    """Value and both gradients by one jitted call."""
    import jax

    jax.config.update("jax_enable_x64", True)
    gradient = jax.jit(jax.value_and_grad(jax_expression, argnums=(0, 1)))
    jax.block_until_ready(gradient(-4.0, 2.0))
    return timed(lambda k: jax.block_until_ready(gradient(-4.0, 2.0)), 3000)


def jax_expression(a, b):
    """micrograd's README expression, with JAX's relu."""
    import jax

    relu = jax.nn.relu
    c, d = a + b, a * b + b**3
    c = c + (c + 1)
    c = c + (1 + c + (-a))
    d = d + (d * 2 + relu(b + a))
    d = d + (3 * d + relu(b - a))
    e = c - d
    f = e**2
    g = f / 2.0
    return g + 10.0 / f


WORK: dict[tuple[str, str], Callable[[], Any]] = {
    ("tinygrad_nn", "moons"): tinygrad_nn_moons,
    ("micrograd", "moons"): micrograd_moons,
    ("xad", "moons"): xad_moons,
    ("tinygrad_nn", "chain 1,000"): lambda: tinygrad_nn_chain(1_000, 300),
    ("micrograd", "chain 1,000"): lambda: micrograd_chain(1_000, 300),
    ("tinygrad_nn", "chain 100,000"): lambda: tinygrad_nn_chain(100_000, 5),
    ("micrograd", "chain 100,000"): lambda: micrograd_chain(100_000, 5),
    ("micrograd", "expression"): micrograd_expression,
    ("tinygrad_nn", "expression"): eager_expression,
    ("tinygrad_nn", "expression, compiled"): compiled_expression,
    ("tinygrad_nn", "row"): lambda: network_row(compiled=False),
    ("tinygrad_nn", "row, compiled"): lambda: network_row(compiled=True),
    ("tinygrad_nn", "half adder, compiled"): lambda: compiled_half_adder("python", 30_000),
    ("tinygrad_nn", "half adder, llvm"): lambda: compiled_half_adder("llvm", 500_000),
    ("tinygrad_nn", "half adder to 0.01, llvm"): trained_half_adder,
    ("tinygrad_nn", "half adder"): recorded_half_adder,
    ("tinygrad_nn", "half adder by hand"): half_adder_by_hand,
    ("tinygrad_nn", "traced step"): traced_step,
    ("tinygrad_nn", "rows, llvm"): lambda: compiled_rows("llvm"),
    ("tinygrad_nn", "rows, array"): lambda: compiled_rows("array"),
    ("jax", "rows"): jax_rows,
    ("jax", "expression"): jax_call,
    ("tinygrad_nn", "memory"): memory,
    ("tinygrad_nn", "drawn nodes"): drawn_nodes,
    **{("tinygrad_nn", f"drawing {what}"): partial(drawing, what) for what in ("text", "svg", "page")},
}


def main(engine, work):
    if engine != "micrograd":  # which recurses, and needs the stack for it
        print(json.dumps(WORK[engine, work]()))
        return
    sys.setrecursionlimit(1_000_000)
    threading.stack_size(512 * 1024 * 1024)
    thread = threading.Thread(target=lambda: print(json.dumps(WORK[engine, work]())))
    thread.start()
    thread.join()


if __name__ == "__main__":
    main(*sys.argv[1:])

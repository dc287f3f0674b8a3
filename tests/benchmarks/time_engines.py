"""Loops over time, timed by one engine in this process: `python time_engines.py ENGINE WORK ...` prints what each took,
as JSON: first results and calls of what people write with a `for`, its rows, and steps of a recurrent net."""

import json
import random
import statistics
import sys
import time
from typing import Any

import numpy

LONGEST = 0.3  # seconds that a measurement should take
UNITS, SIDE, CLASSES, BATCH, RATE, MOMENTUM = 16, 28, 10, 64, 0.01, 0.9


def numbers(rng, *shape):
    """Nested lists of random numbers."""
    return [numbers(rng, *shape[1:]) for _ in range(shape[0])] if shape else rng.gauss(0.0, 0.3)


def predator_and_prey(x, y, a, b, c, d, steps=100, h=0.02):
    """By the method of Runge and Kutta."""

    def slopes(x, y):
        return a * x - b * x * y, -c * y + d * x * y

    for _ in range(steps):
        k1 = slopes(x, y)
        k2 = slopes(x + h / 2 * k1[0], y + h / 2 * k1[1])
        k3 = slopes(x + h / 2 * k2[0], y + h / 2 * k2[1])
        k4 = slopes(x + h * k3[0], y + h * k3[1])
        x = x + h / 6 * (k1[0] + 2 * k2[0] + 2 * k3[0] + k4[0])
        y = y + h / 6 * (k1[1] + 2 * k2[1] + 2 * k3[1] + k4[1])
    return x * x + y * y


def gated(units):
    """A gated recurrent unit."""
    import tinygrad_nn as tn

    def function(xs, Wz, Uz, Wr, Ur, Wh, Uh, v):
        h = [0.0] * units
        for x in xs:
            z = [tn.sigmoid(tn.dot(Wz[i], h, 0.0) + Uz[i] * x) for i in range(units)]
            r = [tn.sigmoid(tn.dot(Wr[i], h, 0.0) + Ur[i] * x) for i in range(units)]
            reset = [r[i] * h[i] for i in range(units)]
            n = [tn.tanh(tn.dot(Wh[i], reset, 0.0) + Uh[i] * x) for i in range(units)]
            h = [(1 - z[i]) * h[i] + z[i] * n[i] for i in range(units)]
        return tn.dot(v, h, 0.0)

    return function


def controlled(theta, omega, W, U, b, v, steps=100, h=0.02):
    """A pendulum with a controller of eight neurons."""
    import tinygrad_nn as tn

    for _ in range(steps):
        push = tn.dot(v, [tn.tanh(W[i] * theta + U[i] * omega + b[i]) for i in range(8)], 0.0)
        omega = omega + h * (push - 9.8 * tn.sin(theta))
        theta = theta + h * omega
    return theta * theta + omega * omega


def garch(returns, w, a, b):
    import tinygrad_nn as tn

    variance, loss = 0.01, 0.0
    for r in returns:
        loss = loss + tn.log(variance) + r * r / variance
        variance = w + a * r * r + b * variance
    return loss


def arma(ys, c, phi, theta):
    error = before = loss = 0.0
    for y in ys:
        error, before = y - c - phi * before - theta * error, y
        loss = loss + error * error
    return loss


def kalman(ys, qa, qb, noise):
    """The likelihood of a local trend."""
    import tinygrad_nn as tn

    a = b = loss = 0.0
    p, q, r = 1.0, 0.0, 1.0
    for y in ys:
        a, p, q, r = a + b, p + 2 * q + r + qa, q + r, r + qb
        spread, v = p + noise, y - a
        k1, k2 = p / spread, q / spread
        loss = loss + tn.log(spread) + v * v / spread
        a, b = a + k1 * v, b + k2 * v
        p, q, r = p - k1 * p, q - k1 * q, r - k2 * q
    return loss


def asian(start, volatility, paths):
    """The price of an option on the mean."""
    import tinygrad_nn as tn

    total = 0.0
    for path in paths:
        price, mean = start, 0.0
        for z in path:
            price = price * tn.exp(volatility * z - 0.5 * volatility * volatility)
            mean = mean + price
        total = total + tn.relu(mean / len(path) - 1.0)
    return total


def five_bodies(places, speeds, masses, steps=100, h=0.001):
    import tinygrad_nn as tn

    places, speeds = [list(p) for p in places], [list(v) for v in speeds]
    for _ in range(steps):
        for i in range(5):
            for j in range(i + 1, 5):
                d = [places[i][k] - places[j][k] for k in range(3)]
                squared = d[0] * d[0] + d[1] * d[1] + d[2] * d[2] + 0.01
                pull = h / (squared * tn.sqrt(squared))
                for k in range(3):
                    speeds[i][k] = speeds[i][k] - d[k] * masses[j] * pull
                    speeds[j][k] = speeds[j][k] + d[k] * masses[i] * pull
        for i in range(5):
            for k in range(3):
                places[i][k] = places[i][k] + h * speeds[i][k]
    return sum(x * x for place in places for x in place)


def programs(name):
    """A function and its arguments."""
    rng = random.Random(1)
    start = [1.0, 1.0, 1.1, 0.4, 0.4, 0.1]

    def simulated(steps):
        return lambda x, y, a, b, c, d: predator_and_prey(x, y, a, b, c, d, steps)

    gates = [shape for _ in range(3) for shape in (numbers(rng, 8, 8), numbers(rng, 8))]
    found: dict[str, tuple[Any, list[Any]]] = {
        **{f"predator and prey, {n} steps": (simulated(n), start) for n in (100, 400, 1000)},
        "GRU of 8 units, 30 steps": (gated(8), [numbers(rng, 30), *gates, numbers(rng, 8)]),
        "pendulum with a controller": (controlled, [0.3, 0.0, *(numbers(rng, 8) for _ in range(4))]),
        "GARCH, 1,000 days": (garch, [[0.3 * r for r in numbers(rng, 1000)], 0.01, 0.1, 0.8]),
        "ARMA, 1,000 days": (arma, [numbers(rng, 1000), 0.01, 0.5, 0.3]),
        "Kalman filter, 1,000 days": (kalman, [numbers(rng, 1000), 0.1, 0.1, 0.3]),
        "Asian option, 500 paths of 12": (asian, [1.0, 0.2, numbers(rng, 500, 12)]),
        "five bodies, 100 steps": (five_bodies, [numbers(rng, 5, 3), numbers(rng, 5, 3), [1.0, 0.5, 0.3, 0.2, 0.1]]),
    }
    return found[name]


def per_call(work, least=5):
    """The median seconds of a call, after a first one."""
    work()
    seconds, end = list[float](), time.perf_counter() + LONGEST
    while len(seconds) < least or (time.perf_counter() < end and len(seconds) < 20_000):
        begun = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds)


def peak():
    """The largest memory of this process, in MB."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def called(name, backend):
    """Seconds to the first value with its gradient, all imported before, and of a call after it; the lines to read."""
    import tinygrad_nn as tn
    from tinygrad_nn.compiler.backends.backend import named

    named(backend)
    function, arguments = programs(name)
    begun = time.perf_counter()
    f = tn.compile(function, backend=backend)
    value, _ = f.value_and_grad(*arguments)
    first = time.perf_counter() - begun
    found = {"first": first, "memory": peak(), "value": value}
    found["call"] = per_call(lambda: f.value_and_grad(*arguments))
    return found | {"lines": len(str(f.gradient_program).splitlines())}


def many(steps):
    """Seconds of 1,000 rows at once, value and gradient."""
    import tinygrad_nn as tn

    function, start = programs(f"predator and prey, {steps} steps")
    f, rows = tn.compile(function, backend="llvm"), numpy.array([start] * 1000)
    values, _ = f.batch(rows, gradients=True)
    return {"seconds": per_call(lambda: f.batch(rows, gradients=True)), "value": float(values[0])}


def scanned(steps):
    """The same by JAX's own loop, written for it by hand: of one row and of 1,000."""
    import jax

    jax.config.update("jax_enable_x64", True)

    def value(given, h=0.02):
        x, y, a, b, c, d = given

        def step(state, _):
            x, y = state

            def slopes(x, y):
                return a * x - b * x * y, -c * y + d * x * y

            k1 = slopes(x, y)
            k2 = slopes(x + h / 2 * k1[0], y + h / 2 * k1[1])
            k3 = slopes(x + h / 2 * k2[0], y + h / 2 * k2[1])
            k4 = slopes(x + h * k3[0], y + h * k3[1])
            x = x + h / 6 * (k1[0] + 2 * k2[0] + 2 * k3[0] + k4[0])
            y = y + h / 6 * (k1[1] + 2 * k2[1] + 2 * k3[1] + k4[1])
            return (x, y), None

        (x, y), _ = jax.lax.scan(step, (x, y), None, length=steps)
        return x * x + y * y

    start = numpy.array(programs("predator and prey, 100 steps")[1])
    rows, found = numpy.array([start] * 1000), {}
    for what, function, given in (
        ("one", jax.jit(jax.value_and_grad(value)), start),
        ("many", jax.jit(jax.vmap(jax.value_and_grad(value))), rows),
    ):
        begun = time.perf_counter()
        result = jax.block_until_ready(function(given))
        found[f"{what}, first"] = time.perf_counter() - begun
        found[what] = per_call(lambda f=function, x=given: jax.block_until_ready(f(x)))
        found["value"] = float(numpy.ravel(result[0])[0])
    return found


def images():
    """Sequences of 28 rows of 28 pixels, and their classes."""
    rng = numpy.random.default_rng(1)
    return rng.random((BATCH, SIDE, SIDE)), rng.integers(0, CLASSES, BATCH)


def weights():
    rng = numpy.random.default_rng(2)
    shapes = (UNITS, UNITS), (UNITS, SIDE), (UNITS,), (CLASSES, UNITS), (CLASSES,)
    return [0.2 * rng.standard_normal(shape) for shape in shapes]


def recurrent():
    """Seconds of a training step on a batch of sequences, and its losses."""
    import tinygrad_nn as tn

    class Recurrent(tn.Module):
        def __init__(self):
            W, U, b, V, c = (w.tolist() for w in weights())
            self.W, self.U, self.V = ([list(map(tn.Value, row)) for row in w] for w in (W, U, V))
            self.b, self.c = (list(map(tn.Value, w)) for w in (b, c))

        def __call__(self, pixels):
            h = [0.0] * UNITS
            for t in range(0, len(pixels), SIDE):
                xs = pixels[t : t + SIDE]
                sums = [tn.dot(u, xs, b) for u, b in zip(self.U, self.b, strict=True)]
                h = [tn.tanh(tn.dot(w, h, z)) for w, z in zip(self.W, sums, strict=True)]
            return [tn.dot(v, h, c) for v, c in zip(self.V, self.c, strict=True)]

    model, (X, Y) = Recurrent(), images()
    step = tn.compile_step(model, "cross_entropy", tn.SGD(model.parameters(), lr=RATE, momentum=MOMENTUM))
    X = X.reshape(BATCH, SIDE * SIDE)
    losses = [step(X, Y) for _ in range(3)]
    return {"seconds": per_call(lambda: step(X, Y)), "losses": losses}


def torch_recurrent(fused):
    """The same by PyTorch: its own loop over time, or its fused one."""
    import torch

    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    W, U, b, V, c = map(torch.tensor, weights())
    net = torch.nn.RNN(SIDE, UNITS, batch_first=True) if fused else torch.nn.RNNCell(SIDE, UNITS)
    last = torch.nn.Linear(UNITS, CLASSES)
    for parameter, number in zip([*net.parameters(), *last.parameters()], [U, W, b, 0.0 * b, V, c], strict=True):
        parameter.data = number.clone()
    net.bias_hh_l0.requires_grad_(False) if fused else net.bias_hh.requires_grad_(False)
    X, Y = map(torch.tensor, images())
    parameters = [p for p in [*net.parameters(), *last.parameters()] if p.requires_grad]
    optimizer = torch.optim.SGD(parameters, lr=RATE, momentum=MOMENTUM)

    def step():
        optimizer.zero_grad()
        if fused:
            h = net(X)[0][:, -1]
        else:
            h = torch.zeros(BATCH, UNITS)
            for t in range(SIDE):
                h = net(X[:, t], h)
        loss = torch.nn.functional.cross_entropy(last(h), Y)
        loss.backward()
        optimizer.step()
        return loss.item()

    losses = [step() for _ in range(3)]
    return {"seconds": per_call(step), "losses": losses}


def done(engine, work):
    what, _, rest = work.partition(": ")
    if engine == "torch":
        return torch_recurrent(rest == "fused")
    if engine == "jax":
        return scanned(int(rest))
    if what == "rows":
        return many(int(rest))
    return recurrent() if what == "recurrent" else called(rest, what)


if __name__ == "__main__":
    print(json.dumps({work: done(sys.argv[1], work) for work in sys.argv[2:]}))

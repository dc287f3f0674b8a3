"""What tests of training share: back ends, optimizers, a small network, steps as a user writes them."""

import functools
import random
from importlib.util import find_spec
from typing import Any

import pytest
from programs import bits

import tinygrad_nn as tn
from tinygrad_nn import Value

BACKENDS = ["eager", "python", *(["llvm"] if find_spec("numpy") and find_spec("llvmlite") else [])]
X, Y = tn.data.half_adder()
compile_step = functools.partial(tn.compile_step, backend="python")  # which is the engine to the bit
OPTIMIZERS = {
    "sgd": lambda ps: tn.SGD(ps, lr=0.5),
    "momentum": lambda ps: tn.SGD(ps, lr=0.1, momentum=0.9),
    "nesterov": lambda ps: tn.SGD(ps, lr=0.1, momentum=0.5, nesterov=True),
    "decay": lambda ps: tn.SGD(ps, lr=0.1, momentum=0.5, weight_decay=0.01),
    "adam": lambda ps: tn.Adam(ps, lr=0.05),
    "adam with decay": lambda ps: tn.Adam(ps, lr=0.05, betas=(0.5, 0.75), weight_decay=0.1),
    "schedule": lambda ps: tn.SGD(ps, lr=tn.optim.linear(1.0, 0.1, steps=10), momentum=0.5),
    "adam on a schedule": lambda ps: tn.Adam(ps, lr=tn.optim.cosine(0.1, 0.0, steps=30)),
}


def eager(model, loss, optimizer, rows, targets, regularizer=None):
    """One step as a user writes it."""
    losses = [loss(model(x), y) for x, y in zip(rows, targets, strict=True)]
    total = tn.mean(losses) if len(losses) > 1 else losses[0]
    if regularizer is not None:
        total = total + regularizer(model)
    total = total if isinstance(total, Value) else Value(total)
    optimizer.zero_grad()
    total.backward()
    optimizer.step()
    return total.data


def held(optimizer):
    """The states as they are kept: `.state` would make a list of them, which the next step takes anew."""
    return list(optimizer.held_state)


def numbers(optimizer):
    """All that a step changes."""
    return [*(p.data for p in optimizer.parameters), *(s for state in held(optimizer) for s in state), optimizer.steps]


def equal(a, b):
    return len(a) == len(b) and all(map(bits, a, b))


def l2(model):
    parameters = model.parameters()
    return 1e-2 * tn.dot(parameters, parameters)


def root_mean_square(prediction, target):
    return tn.sqrt(tn.losses.squared_error(prediction, target))


class Momentumless(tn.optim.Optimizer):
    """A user's own: it remembers the parameter it had, swaps two numbers, and has settings in a list."""

    initial_state = (0.0, 1.0, 2.0)

    def __init__(self, parameters, lr, rates=(1.0, 0.5)):
        super().__init__(parameters, lr)
        self.rates = list(rates)
        self.names = {"clip": 0.05}

    def update(self, parameter, gradient, state, lr, step):
        _, b, c = state
        if gradient > self.names["clip"]:
            gradient = gradient * self.rates[1]
        return parameter - lr * gradient * (step + self.rates[0]), (parameter, c, b)


def wrong_class(backend, bad, batch_size, shuffle):
    """What a run says of a row with a class that is none, and the numbers before and after it."""
    rng = random.Random(3)
    model = tn.MLP(3, [4, 3], rng=rng)
    optimizer = tn.SGD(model.parameters(), lr=0.1, momentum=0.9)
    X = [[rng.random() for _ in range(3)] for _ in range(20)]
    Y = [7 if k == bad else k % 3 for k in range(20)]
    step = tn.compile_step(model, "cross_entropy", optimizer, backend=backend)
    before = numbers(optimizer)
    with pytest.raises(ValueError, match=rf"^row {bad} of X and Y: got the index 7, but with 3 values") as caught:
        step.run(X, Y, 3, batch_size, shuffle=shuffle, rng=rng) if batch_size else step(X, Y)
    assert optimizer.steps == 0
    return str(caught.value), before, numbers(optimizer)


def moons(count=30, seed=4):
    """Two half moons, with targets of -1 and 1."""
    X, Y = tn.data.moons(count, rng=random.Random(seed))
    return X, [2 * y - 1 for y in Y]


def trained(backend="python", loss="hinge", data=None, epochs=6, seed=1, outputs=1, **given):
    """The history, the model and the optimizer of a short run of fit."""
    X, Y = data or moons()
    model = tn.MLP(2, [6, outputs], "tanh", rng=random.Random(seed))
    optimizer = tn.SGD(model.parameters(), lr=0.1, momentum=0.5)
    options: dict[str, Any] = {"progress": False, "batch_size": 7, "rng": random.Random(3)} | given
    history = tn.fit(model, X, Y, loss, optimizer, epochs=epochs, backend=backend, **options)
    return history, model, optimizer


def steps_agree(make, rows, targets, steps=4, change=lambda optimizer: None, **options):
    """Steps as a user writes them and compiled steps leave the same numbers; make() gives a model and an optimiser."""
    told = []
    for compiled in (False, True):
        model, optimizer = make()
        step = compile_step(model, tn.losses.squared_error, optimizer, **options)
        for _ in range(2):
            for _ in range(steps):
                if compiled:
                    step(rows, targets)
                else:
                    eager(model, tn.losses.squared_error, optimizer, rows, targets, options.get("regularizer"))
            change(optimizer)
        told.append(numbers(optimizer))
    assert equal(*told), told


def line(make_optimizer, **values):
    """A line through the origin, with an optimiser of its slope."""

    def make():
        slope = Value(0.5, label=values.get("label", ""))
        return (lambda x: slope * x[0]), make_optimizer([slope])

    return make


class Configured(tn.SGD):
    """SGD with whatever else a user keeps in an optimiser."""

    factor = 1.0

    def __init__(self, parameters, **settings):
        super().__init__(parameters, lr=0.01, momentum=0.5)
        vars(self).update(settings)

    def update(self, parameter, gradient, state, lr, step):
        return super().update(parameter, self.clipped(gradient) * self.factor, state, lr, step)

    def clipped(self, gradient):
        for limit in getattr(self, "limits", ()):
            gradient = gradient if limit is None else limit * gradient
        return gradient


def all_near(got, expected, bound=1e-12):
    """Whether numbers agree within a bound."""
    assert got == pytest.approx(expected, rel=bound, abs=bound, nan_ok=True)


def native_step(model, loss, optimizer, regularizer=None, **options):
    """A compiled step in machine code."""
    return tn.compile_step(model, loss, optimizer, regularizer, backend="llvm", **options)


class Line(tn.Module):
    """A model that reads numbers, lists and dicts which a test changes."""

    unit: Any
    key: Any
    text: Any
    inner: Any
    optimizer: Any

    def __init__(self):
        self.w, self.tau, self.ws = Value(4.0), 1.0, [Value(1.0), Value(2.0)]
        self.which, self.options = 0, {"shift": 0.5}

    def __call__(self, row):
        first, second = self.ws[self.which], self.ws[1 - self.which]
        return self.w * row[0] / self.tau + first * self.options["shift"] + 0.125 * second


def a_dropout():
    """A model that no program can hold, its loss, no regularizer, and why."""

    class Dropout(Line):
        def __call__(self, row):
            return super().__call__(row) * (random.random() < 0.5)

    return Dropout(), "squared_error", None, "draws random numbers from random"

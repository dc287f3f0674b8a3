"""What machine code is called with is kept from step to step, and is what each step asks for."""

import random
from typing import Any

import pytest
from shared import needed
from training import X, Y, eager, numbers

import tinygrad_nn as tn

CHANGES: list[Any] = [
    lambda o: None,
    lambda o: setattr(o, "lr", 0.25),
    lambda o: setattr(o, "momentum", 0.5),
    lambda o: setattr(o, "momentum", 0),
    lambda o: setattr(o, "lr", lambda k: 1.0 / (k + 2)),
    lambda o: setattr(o, "lr", 0.125),
    lambda o: o.__dict__.update(weight_decay=0.25),
    lambda o: setattr(o, "update", lambda p, g, state, lr, step: (p - 0.5 * lr * g, state)),
    lambda o: delattr(o, "update"),
    lambda o: setattr(o, "note", "the same steps"),
    lambda o: setattr(o, "steps", 7),
]


def test_each_step_is_called_with_what_it_is_to_be():
    """Rates, settings and counts of rows may change between any two steps."""
    backend = needed("llvm")
    models = [tn.MLP(2, [3, 2], "tanh", rng=random.Random(1)) for _ in range(2)]
    optimizers = [tn.SGD(model.parameters(), lr=0.1, momentum=0.9) for model in models]
    step = tn.compile_step(models[1], "squared_error", optimizers[1], backend=backend)
    for change in CHANGES:
        for optimizer in optimizers:
            change(optimizer)
        for count in (2, 3, 4, 3, 1):
            told = eager(models[0], tn.losses.squared_error, optimizers[0], X[:count], Y[:count])
            assert step(X[:count], Y[:count]) == pytest.approx(told, rel=1e-12)
            assert numbers(optimizers[1]) == pytest.approx(numbers(optimizers[0]), rel=1e-12)


def test_steps_of_which_nothing_has_changed_are_called_with_the_same():
    backend = needed("llvm")
    model = tn.MLP(2, [3, 2], "tanh", rng=random.Random(1))
    optimizer = tn.SGD(model.parameters(), lr=0.1, momentum=0.9)
    step: Any = tn.compile_step(model, "squared_error", optimizer, backend=backend)
    calls = []
    for change in (None, None, "lr", None, "momentum", None):
        if change is not None:
            setattr(optimizer, change, 0.5)
        step(X, Y)
        calls.append(step._latest._steps[True]._one)
    assert [calls.index(call) for call in calls] == [0, 0, 2, 2, 4, 4]

"""What steps put back where the user sees it: all or nothing, and once."""

import random
import signal
from typing import Any

import pytest
from shared import half_adder
from training import (
    X,
    Y,
    compile_step,
    eager,
    equal,
    numbers,
)

import tinygrad_nn as tn
from tinygrad_nn.training.steps import state
from tinygrad_nn.training.steps.engines import python


def test_ctrl_c_waits_for_the_model_to_be_written(monkeypatch):
    """A signal in the middle of writing back is told when all numbers are there."""
    model = half_adder()
    optimizer = tn.SGD(model.parameters(), lr=0.5, momentum=0.5)
    step = compile_step(model, "squared_error", optimizer)
    numbers_seen = []

    class Interrupting(list):
        def __iter__(self):
            for i, parameter in enumerate(super().__iter__()):
                if i == 3:
                    signal.raise_signal(signal.SIGINT)
                yield parameter

    commit = state.commit

    def interrupted(optimizer, numbers, steps):
        parameters, optimizer.parameters = optimizer.parameters, Interrupting(optimizer.parameters)
        try:
            commit(optimizer, numbers, steps)
        finally:
            optimizer.parameters = parameters
            numbers_seen.append(globals()["numbers"](optimizer))

    monkeypatch.setattr(python, "commit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        step(X, Y)
    twin = half_adder()
    twins = tn.SGD(twin.parameters(), lr=0.5, momentum=0.5)
    eager(twin, tn.losses.squared_error, twins, X, Y)
    assert equal(numbers_seen[0], numbers(twins))


def test_ctrl_c_while_numbers_are_put_back_counts_steps_once():
    pytest.importorskip("llvmlite", reason="llvmlite is not installed")

    class Pressed(tn.SGD):
        sets = 0

        def __setattr__(self, name, value):
            super().__setattr__(name, value)
            if name == "steps":
                Pressed.sets += 1
                if Pressed.sets == 6:
                    signal.raise_signal(signal.SIGINT)

    X, Y = tn.data.xor()
    models = [tn.MLP(2, [3, 1], rng=random.Random(0)) for _ in range(2)]
    optimizer = Pressed(models[0].parameters(), lr=0.1)
    options: dict[str, Any] = {
        "batch_size": 4,
        "shuffle": False,
        "callbacks": lambda h: None,
        "progress": False,
        "backend": "llvm",
    }
    tn.fit(models[0], X, Y, "squared_error", optimizer, epochs=100, **options)
    other = tn.SGD(models[1].parameters(), lr=0.1)
    tn.fit(models[1], X, Y, "squared_error", other, epochs=optimizer.steps, **options)
    assert models[0].state_dict() == models[1].state_dict()

"""Ctrl-C: a run ends with the model whole, and whoever handled the signal before is told."""

import math
import random
import signal
import threading

import pytest
from shared import half_adder
from training import (
    X,
    Y,
    compile_step,
    eager,
    equal,
    l2,
    numbers,
)

import tinygrad_nn as tn
from tinygrad_nn.training.steps import state
from tinygrad_nn.training.steps.engines import python


@pytest.mark.parametrize("batch_size", [1, 50])
def test_ctrl_c_ends_a_run_with_the_model_whole(batch_size):
    X, Y = tn.data.moons(200, rng=random.Random(4))
    model = tn.MLP(2, [16, 16, 1], rng=random.Random(2))
    optimizer = tn.SGD(model.parameters(), lr=0.01)
    step = compile_step(model, "hinge", optimizer, l2)
    step.run(X[:60], Y[:60], batch_size=batch_size)
    steps = optimizer.steps
    timer = threading.Timer(0.3, lambda: signal.raise_signal(signal.SIGINT))
    handler = signal.getsignal(signal.SIGINT)
    timer.start()
    history = step.run(X, Y, epochs=10**9, batch_size=batch_size)
    assert history.stopped == "interrupt"
    assert signal.getsignal(signal.SIGINT) is handler
    assert optimizer.steps > steps
    if history.epochs:
        assert optimizer.steps - steps >= history.epochs[-1] * len(X) // batch_size
    assert all(math.isfinite(p.data) for p in model.parameters())


def test_ctrl_c_is_told_to_who_handled_it_before():
    model = half_adder()
    step = compile_step(model, "squared_error", tn.SGD(model.parameters(), lr=0.1))
    noted = []

    def handler(number, frame):
        noted.append(number)
        if len(noted) == 3:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, handler)
    try:
        history = step.run(X, Y, epochs=10**9, progress=lambda h: signal.raise_signal(signal.SIGINT))
        assert history.stopped == "interrupt"
        assert noted == [signal.SIGINT] * 3
        assert signal.getsignal(signal.SIGINT) is handler
    finally:
        signal.signal(signal.SIGINT, before)


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

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
    l2,
)

import tinygrad_nn as tn


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

"""Who looks at a run: told in stretches, and heard when it says that the run ends."""

import time

import pytest
from shared import half_adder
from training import (
    X,
    Y,
    compile_step,
    eager,
    equal,
    numbers,
    root_mean_square,
)

import tinygrad_nn as tn
from tinygrad_nn.training.history import MOST_POINTS


def test_until_stops_after_the_epoch():
    model = half_adder()
    optimizer = tn.SGD(model.parameters(), lr=2.0, momentum=0.5)
    step = compile_step(model, "squared_error", optimizer)
    history = step.run(X, Y, epochs=100_000, until=(root_mean_square, 0.5))
    errors = history.metrics["root_mean_square"]
    assert history.stopped == "until"
    assert errors[-1] < 0.5 <= min(errors[:-1])
    assert optimizer.steps == 4 * history.epochs[-1]
    again = half_adder()
    twin = tn.SGD(again.parameters(), lr=2.0, momentum=0.5)
    epochs = 0
    while True:
        epochs, error = epochs + 1, 0.0
        for x, y in zip(X, Y, strict=True):
            error += root_mean_square(again(x), y).data
            eager(again, tn.losses.squared_error, twin, [x], [y])
        if error < 0.5:
            break
    assert (epochs, error) == (history.epochs[-1], errors[-1])
    assert equal(numbers(twin), numbers(optimizer))


def test_progress_is_told_in_stretches():
    model = half_adder()
    step = compile_step(model, "squared_error", tn.SGD(model.parameters(), lr=0.1))
    told = []
    start = time.perf_counter()
    history = step.run(X, Y, epochs=30_000, progress=lambda h: told.append((h.epochs[-1], time.perf_counter())))
    assert told[-1][0] == history.epochs[-1] == 30_000
    assert sorted(told) == told
    assert len(told) > 3
    assert history.times[-1] <= time.perf_counter() - start
    assert sorted(history.times) == history.times
    assert len(history) == len(history.losses) == len(history.times) <= MOST_POINTS

    def fails(history):
        raise RuntimeError("the user's own")

    with pytest.raises(RuntimeError, match="the user's own"):
        step.run(X, Y, epochs=30_000, progress=fails)

"""Orders of rows: a shuffled run draws as batches does."""

import random

import pytest
from training import (
    compile_step,
    eager,
    equal,
    numbers,
    root_mean_square,
)

import tinygrad_nn as tn
from tinygrad_nn.training.steps.run import Pace


@pytest.mark.parametrize("stretch", [0.02, 0.0])
@pytest.mark.parametrize("batch_size", [1, 4])
def test_shuffled_runs_draw_as_batches_does(batch_size, stretch, monkeypatch):
    """The same generator gives the same run, however it falls into stretches; and none is drawn ahead of need."""
    monkeypatch.setattr(Pace, "STRETCH", stretch)
    X, Y = tn.data.moons(10, rng=random.Random(4))
    models = [tn.MLP(2, [3, 1], rng=random.Random(2)) for _ in range(2)]
    optimizers = [tn.SGD(model.parameters(), lr=0.1) for model in models]
    step = compile_step(models[1], "squared_error", optimizers[1])
    left, right = random.Random(7), random.Random(7)
    stop = (root_mean_square, 3.0)
    history = step.run(X, Y, 40, batch_size, shuffle=True, rng=left, until=stop)
    for _ in range(history.epochs[-1]):
        for rows, targets in tn.data.batches(X, Y, batch_size, rng=right):
            eager(models[0], tn.losses.squared_error, optimizers[0], rows, targets)
    assert equal(numbers(optimizers[1]), numbers(optimizers[0]))
    assert left.random() == right.random()

"""Orders of rows: a shuffled run draws as batches does."""

import random

import pytest
from training import (
    BACKENDS,
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


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize("turn", [0, 4, 6])
def test_a_wrong_row_is_named_as_it_was_given_whenever_its_turn_comes(turn, batch_size, backend):
    """Also where it is the first, which is traced."""
    order = list(range(7))
    random.Random(5).shuffle(order)
    model = tn.MLP(1, [3], rng=random.Random(1))
    X, Y = [[k / 7.0] for k in range(7)], [9 if k == order[turn] else k % 3 for k in range(7)]
    options = {"epochs": 2, "batch_size": batch_size, "rng": random.Random(5), "backend": backend, "progress": False}
    with pytest.raises(ValueError, match=f"^row {order[turn]} of X and Y: got the index 9"):
        tn.fit(model, X, Y, "cross_entropy", tn.SGD(model.parameters(), lr=0.1), **options)

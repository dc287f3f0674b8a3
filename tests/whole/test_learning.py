"""What the examples promise to learn, from twenty and fifty seeds."""

import random

import pytest

import tinygrad_nn as tn


def test_the_half_adder_learns(example):
    reach_error(example("half_adder"), seed=1, until=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_the_half_adder_learns_from_twenty_seeds(example, seed):
    reach_error(example("half_adder"), seed, until=0.05)


@pytest.mark.slow
def test_the_half_adder_learns_to_a_hundredth(example):
    history = reach_error(example("half_adder"), seed=1, until=0.01)
    assert 1_000_000 < history.epochs[-1] < 1_200_000


def reach_error(half_adder, seed, until):
    model = half_adder.make_model(seed)
    optimizer = tn.SGD(model.parameters(), lr=0.09, momentum=0.015)
    history = half_adder.train(model, optimizer, until)
    assert history.stopped == "until"
    X, Y = tn.data.half_adder()
    assert model.predict_classes(X, threshold=0.5) == [[int(t) for t in target] for target in Y]
    error = sum(half_adder.root_mean_square(model.predict(x), y) for x, y in zip(X, Y, strict=True))
    assert error < until  # after the last updates of the epoch, too
    return history


@pytest.mark.slow
def test_exclusive_or_learns_from_fifty_seeds(example):
    xor = example("xor")
    learned = 0
    for seed in range(50):
        rng = random.Random(seed)
        learned += xor.train(xor.make_model(rng), rng, report=lambda line: None) is not None
    assert learned >= 48

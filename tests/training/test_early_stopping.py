"""Patience: when it ends a run, and the weights and the state that it gives back."""

import math
import random

import pytest
from training import BACKENDS, moons, trained

import tinygrad_nn as tn


@pytest.mark.parametrize("backend", BACKENDS)
def test_patience_ends_the_run_and_gives_the_best_weights_back(backend):
    X, Y = moons(12)
    wrong = X, [-y for y in Y]  # the better it trains, the worse it does there
    seen = []

    def callback(history):
        seen.append((history.metrics["validation loss"][-1], history.epochs[-1]))

    history, model, _ = trained(backend, data=(X, Y), epochs=50, validation=wrong, patience=3, callbacks=callback)
    best = min(range(len(seen)), key=lambda i: seen[i][0])
    assert history.stopped == "patience"
    assert len(seen) == best + 4 == history.epochs[-1]
    losses = [max(0.0, 1 - t * p) for p, t in zip(model.predict(X), wrong[1], strict=True)]
    assert math.fsum(losses) / len(losses) == pytest.approx(seen[best][0])


@pytest.mark.parametrize("backend", BACKENDS)
def test_patience_without_validation_gives_back_the_weights_of_the_lowest_loss(backend):
    weight = tn.Value(1.0)
    optimizer = tn.SGD([weight], lr=1.1)
    options = {"patience": 3, "progress": False, "backend": backend}
    history = tn.fit(lambda x: weight * x[0], [[1.0]], [0.0], "squared_error", optimizer, 50, **options)
    assert history.losses == pytest.approx([1.0, 1.2**2, 1.2**4, 1.2**6])
    assert (weight.data, optimizer.velocity, optimizer.steps) == (1.0, [0.0], 0)


@pytest.mark.parametrize("backend", BACKENDS)
def test_patience_gives_state_and_steps_back_with_the_weights(backend, tmp_path):
    X, Y = moons(12)
    states = []
    model = tn.MLP(2, [6, 1], "tanh", rng=random.Random(1))
    optimizer = tn.Adam(model.parameters(), lr=0.05)

    def seen(history):
        loss = history.metrics["validation loss"][-1]
        states.append((loss, model.state_dict(), list(optimizer.state), optimizer.steps))

    options = {"validation": (X, [-y for y in Y]), "callbacks": seen, "progress": False, "backend": backend}
    history = tn.fit(model, X, Y, "hinge", optimizer, 20, patience=3, checkpoint=tmp_path / "m.txt", **options)
    assert history.stopped == "patience"
    best = min(states, key=lambda state: state[0])
    assert (model.state_dict(), optimizer.state, optimizer.steps) == best[1:]
    again, other = tn.load(tmp_path / "m.txt", optimizer=True)
    assert (again.state_dict(), other.state, other.steps) == best[1:]
    options["callbacks"] = lambda history: len(history) == 2
    steps = optimizer.steps
    tn.fit(model, X, Y, "hinge", optimizer, 20, patience=9, **options)
    assert optimizer.steps == steps + 2  # whoever ends a run otherwise has it as it stands

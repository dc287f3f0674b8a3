"""Units that let nothing through or are all alike: told where that costs something, and not where they are right."""

import random
import warnings

import pytest
from student_scripts import UNITS, fitted, named, of_kinds
from training import BACKENDS

import tinygrad_nn as tn


def test_long_training_of_sigmoids_is_healthy():
    """Units that are flat since they are right are no finding."""
    X, Y = tn.data.half_adder()
    model = tn.MLP(2, [3, 2], "sigmoid", "sigmoid", init="normal", rng=random.Random(1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tn.fit(model, X, Y, "binary_cross_entropy", tn.Adam(model.parameters(), lr=0.1), epochs=3000, progress=False)
    loss = tn.mean([tn.losses.binary_cross_entropy(model(x), y) for x, y in zip(X, Y, strict=True)])
    assert loss.data < 1e-3
    assert tn.lint(model, loss) == []
    loss = tn.mean([tn.losses.squared_error(model(x), y) for x, y in zip(X, Y, strict=True)])
    assert tn.lint(model, loss) == []


@pytest.mark.parametrize("way", of_kinds(*UNITS))
def test_mistakes_as_students_make_them(way):
    named(way)


@pytest.mark.parametrize("backend", BACKENDS)
def test_fit_warns_of_units_that_died_on_the_way(backend):
    model = tn.MLP(2, [8, 1], "relu", init="he", rng=random.Random(3))
    with pytest.warns(tn.LintWarning, match="dead units") as told:
        fitted(backend, model, "huber", epochs=20, lr=20.0, batch_size=1, shuffle=False)
    assert len(told) == 1


@pytest.mark.parametrize("total", [tn.mean, tn.sum])
def test_outputs_that_are_right_are_no_finding(total):
    """The loop of a well-known lecture: squared errors of tanh units, by hand, until they are nearly right."""
    xs = [[2.0, 3.0, -1.0], [3.0, -1.0, 0.5], [0.5, 1.0, 1.0], [1.0, 1.0, -1.0]]
    ys = [1.0, -1.0, -1.0, 1.0]
    for seed in range(3):
        model = tn.MLP(3, [4, 4, 1], "tanh", "tanh", rng=random.Random(seed))
        for step in range(300):
            loss = total([(model(x) - y) ** 2 for x, y in zip(xs, ys, strict=True)])
            model.zero_grad()
            loss.backward()
            for p in model.parameters():
                p.data -= (0.1 if total is tn.sum else 0.4) * p.grad
            if step % 10 == 0:
                assert tn.lint(model, loss) == [], (seed, step, loss.data)

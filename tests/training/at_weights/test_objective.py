"""A loss over all rows at weights in one vector: the value and the gradient that the recorded graph has."""

import random

import pytest
from training import BACKENDS, l2

import tinygrad_nn as tn
from tinygrad_nn.compiler.target import Target
from tinygrad_nn.training.at_weights.objective import Objective
from tinygrad_nn.training.steps.rows import rows_of

np = pytest.importorskip("numpy")


class Summing(tn.Module):
    """A linear unit on the sum of a sequence."""

    def __init__(self):
        self.slope, self.shift = tn.Value(0.5), tn.Value(-0.25)

    def __call__(self, xs):
        return self.slope * tn.sum(xs) + self.shift


def rows(as_array):
    rng = random.Random(3)
    X = [[rng.gauss(0.0, 1.0) for _ in range(3)] for _ in range(37)]
    Y = [[x[0] * x[1], x[2] ** 2] for x in X]
    return (np.array(X), np.array(Y)) if as_array else (X, Y)


def recorded(model, X, Y, regularizer):
    """The value and the gradient of a loop of one's own."""
    found = tn.mean([tn.losses.squared_error(model(list(x)), list(y)) for x, y in zip(X, Y, strict=True)])
    found = found + regularizer(model) if regularizer is not None else found
    model.zero_grad()
    found.backward()
    return found.data, [p.grad for p in model.parameters()]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("regularizer", [None, l2], ids=["bare", "regularized"])
@pytest.mark.parametrize("as_array", [False, True], ids=["lists", "arrays"])
def test_value_and_gradient_are_those_of_the_recorded_graph(backend, regularizer, as_array):
    model = tn.MLP(3, [4, 2], "tanh", rng=random.Random(1))
    X, Y = rows(as_array)
    objective = Objective(model, "squared_error", model.parameters(), rows_of(X, Y), regularizer, Target(backend))
    rng = np.random.default_rng(5)
    for weights in (objective.weights(), *rng.normal(size=(3, len(model.parameters())))):
        value, gradient = objective.value_and_gradient(weights)
        assert [p.data for p in model.parameters()] == weights.tolist()  # and nothing was updated
        expected, slopes = recorded(model, X, Y, regularizer)
        assert value == pytest.approx(expected, rel=1e-12)
        assert gradient == pytest.approx(slopes, rel=1e-9, abs=1e-12)
        objective.value_and_gradient(weights + 1.0)
        assert gradient == pytest.approx(slopes, rel=1e-9, abs=1e-12)  # a vector of its own


@pytest.mark.parametrize("backend", BACKENDS)
def test_rows_may_be_sequences_and_parameters_some_of_the_models(backend):
    model = Summing()
    X, Y = [[1.0], [1.0, 2.0], [3.0, -1.0, 0.5], [2.0, 2.0]], [1.0, 2.0, 0.0, 3.0]
    objective = Objective(model, "squared_error", [model.shift], rows_of(X, Y), target=Target(backend))
    value, gradient = objective.value_and_gradient(np.array([0.75]))
    errors = [0.5 * sum(x) + 0.75 - y for x, y in zip(X, Y, strict=True)]
    assert value == pytest.approx(np.mean(np.square(errors)))
    assert gradient == pytest.approx([2.0 * np.mean(errors)])
    assert (model.slope.data, model.shift.data) == (0.5, 0.75)


def test_what_the_model_reads_beside_is_read_anew():
    model, scale = tn.MLP(1, [1], rng=random.Random(0)), tn.Value(2.0)
    objective = Objective(
        model, lambda p, t: scale * (p - t) ** 2, model.parameters(), rows_of([[1.0], [2.0]], [1.0, 0.0])
    )
    weights = np.array([0.5, 0.25])
    before, _ = objective.value_and_gradient(weights)
    scale.data = 4.0
    assert objective.value_and_gradient(weights)[0] == pytest.approx(2.0 * before)

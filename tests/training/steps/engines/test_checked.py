"""Steps inside detect_anomaly: only the one that fails is made on the graph, and the model is what it was before."""

import math
import random
from typing import Any

import pytest

import tinygrad_nn as tn
from tinygrad_nn.check.anomaly import AnomalyError, detect_anomaly
from tinygrad_nn.training.steps.engines.recorded import RecordedEngine

BACKENDS = ["python"]


try:
    import llvmlite  # noqa: F401
    import numpy  # noqa: F401

    BACKENDS.append("llvm")
except ImportError:
    pass


@pytest.mark.parametrize("backend", BACKENDS)
def test_training_steps_and_fit(backend, tmp_path):
    X, Y = tn.data.xor()

    def made():
        model = tn.MLP(2, [3, 1], "linear", rng=random.Random(1))
        return model, tn.SGD(model.parameters(), lr=50.0)

    model, optimizer = made()
    step = tn.compile_step(model, "squared_error", optimizer, backend=backend)
    with pytest.raises(AnomalyError, match="recorded by layer 2, neuron 1"), detect_anomaly():
        step.run(X, Y, epochs=100)
    assert all(math.isfinite(p.data) for p in model.parameters())
    model, optimizer = made()
    with pytest.raises(AnomalyError, match="a smaller learning rate"), detect_anomaly():
        tn.fit(model, X, Y, "squared_error", optimizer, backend=backend, progress=False)
    model, optimizer = made()
    optimizer.lr = 0.01
    with detect_anomaly():
        told = tn.fit(model, X, Y, "squared_error", optimizer, epochs=3, shuffle=False, backend=backend, progress=False)
    model, optimizer = made()
    optimizer.lr = 0.01
    again = tn.fit(model, X, Y, "squared_error", optimizer, epochs=3, shuffle=False, backend=backend, progress=False)
    assert told.losses == pytest.approx(again.losses)


def numbers(model):
    return [parameter.data for parameter in model.parameters()]


def diverging(where):
    """A model that diverges at a step far into its run, its optimizer, and the rows."""
    model = tn.MLP(1, [2, 1], "linear", rng=random.Random(1))

    def rate(step):
        return 0.001 if step < where else 1e200

    return model, tn.SGD(model.parameters(), lr=rate, momentum=0.5), [[[k / 7], k / 5] for k in range(7)]


@pytest.mark.parametrize("batch_size", [1, 3, 7])
@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("backend", BACKENDS)
def test_only_the_step_that_fails_is_made_on_the_graph(backend, shuffle, batch_size, monkeypatch):
    recorded = []
    right = RecordedEngine.batch

    def seen(self, rows):
        recorded.append(rows)
        return right(self, rows)

    monkeypatch.setattr(RecordedEngine, "batch", seen)
    before, optimizer, rows = diverging(500)
    X, Y = zip(*rows, strict=True)
    options = {"epochs": 1000, "batch_size": batch_size, "shuffle": shuffle}
    with pytest.raises(AnomalyError, match="too large"), detect_anomaly():
        tn.compile_step(before, "squared_error", optimizer, backend=backend).run(X, Y, rng=random.Random(5), **options)
    assert len(recorded) == 1
    assert 500 < optimizer.steps < 503
    # The model is what it was before that step.
    after, other, _ = diverging(500)
    step = tn.compile_step(after, "squared_error", other, backend=backend)
    shuffled = random.Random(5)
    orders: list[Any] = []
    while other.steps < optimizer.steps:
        if not orders:
            order = list(range(7))
            if shuffle:
                shuffled.shuffle(order)
            orders = [order[k : k + batch_size] for k in range(0, 7, batch_size)]
        chosen = orders.pop(0)
        step.run([X[k] for k in chosen], [Y[k] for k in chosen], batch_size=len(chosen))
    assert numbers(before) == pytest.approx(numbers(after), rel=1e-9)
    assert optimizer.velocity == pytest.approx(other.velocity, rel=1e-9)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_step_that_fails_changes_nothing(backend):
    model, optimizer, rows = diverging(0)
    X, Y = zip(*rows, strict=True)
    step = tn.compile_step(model, "squared_error", optimizer, backend=backend)
    with detect_anomaly():
        step(X, Y)
    facts = model.state_dict(), optimizer.steps, optimizer.state
    for parameter in model.parameters():
        parameter.grad = 3.0
    with pytest.raises(AnomalyError, match="recorded by"), detect_anomaly():
        step(X, Y)
    assert (model.state_dict(), optimizer.steps, optimizer.state) == facts
    assert {parameter.grad for parameter in model.parameters()} == {3.0}


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_run_that_fails_in_its_first_epoch_changes_nothing(backend):
    for where, steps in ((2, 0), (4, 0), (8, 9)):
        model, optimizer, rows = diverging(where)
        X, Y = zip(*rows, strict=True)
        facts = numbers(model), optimizer.velocity
        step = tn.compile_step(model, "squared_error", optimizer, backend=backend)
        with pytest.raises(AnomalyError), detect_anomaly():
            step.run(X, Y, epochs=1000)
        assert optimizer.steps == steps
        assert ((numbers(model), optimizer.velocity) == facts) is (steps == 0)


@pytest.mark.parametrize("backend", ["eager", *BACKENDS])
def test_updates_that_overflow(backend):
    model = tn.Neuron(1, "linear")
    model.weights[0].data = 1e10
    optimizer = tn.SGD(model.parameters(), lr=1e300)
    options = {"epochs": 1, "progress": False, "backend": backend}
    with pytest.raises(AnomalyError, match=r"the update of SGD made w1 -inf, of 10000000000.0"), detect_anomaly():
        tn.fit(model, [[1.0]], [0.0], "squared_error", optimizer, **options)
    assert model.weights[0].data == 1e10
    assert optimizer.steps == 0

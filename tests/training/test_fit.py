"""fit: the same losses on every back end, what the history knows, and when a run ends and what it leaves."""

import itertools
import math
import random
import signal
import sys
import threading
import time
from functools import partial

import pytest
from shared import files_passed, needed
from training import BACKENDS, l2, moons, trained

import tinygrad_nn as tn
from tinygrad_nn.support import files
from tinygrad_nn.training import checkpoints, progress
from tinygrad_nn.training.steps import run


@pytest.mark.parametrize("batch_size", [1, 7, 100])
@pytest.mark.parametrize("shuffle", [False, True])
def test_the_same_losses_and_metrics_on_every_back_end(batch_size, shuffle):
    told = []
    for backend in BACKENDS:
        history, model, _ = trained(
            backend, batch_size=batch_size, shuffle=shuffle, regularizer=l2, metrics=["accuracy", "mae", "rmse"],
            validation=moons(11, seed=9),
        )  # fmt: skip
        names = ["accuracy", "mae", "rmse"]
        assert list(history.metrics) == [*names, "validation loss", *(f"validation {name}" for name in names)]
        columns = [history.losses, *history.metrics.values()]
        assert {len(column) for column in columns} == {len(history.epochs)} == {6}
        told.append([*itertools.chain(*columns), *(p.data for p in model.parameters())])
    for other in told[1:]:
        assert other == pytest.approx(told[0], rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
def test_until_and_callbacks_end_a_run(backend):
    def squared(prediction, target):
        return (prediction - target) ** 2

    history, _, _ = trained(backend, epochs=500, until=(squared, 20.0))
    assert history.stopped == "until"
    assert history.metrics["squared"][-1] < 20.0 <= history.metrics["squared"][-2]
    history, _, optimizer = trained(backend, epochs=500, callbacks=[lambda h: None, lambda h: h.epochs[-1] == 3])
    assert (history.stopped, history.epochs, optimizer.steps) == ("callback", [1, 2, 3], 15)


@pytest.mark.parametrize("backend", BACKENDS)
def test_checkpoints(backend, tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "CHECKPOINTS", 0.0)
    path, saved = tmp_path / "model.txt", []

    def save(*given):
        saved.append(1)
        files.write_all(*given)

    monkeypatch.setattr(checkpoints, "write_all", save)
    _, model, optimizer = trained(backend, checkpoint=path, callbacks=lambda h: None)
    assert len(saved) >= 6
    again, other = tn.load(path, optimizer=True)
    assert again.state_dict() == model.state_dict()
    assert (other.steps, other.state) == (optimizer.steps, optimizer.state)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="row 0 of X and Y holds nan"):
        trained(backend, data=([[math.nan, 1.0]], [1]), checkpoint=path)
    assert path.read_bytes() == before
    scheduled = tn.SGD(model.parameters(), lr=lambda step: 0.1)
    X, Y = moons()
    tn.fit(model, X, Y, "hinge", scheduled, epochs=1, checkpoint=path, progress=False, backend=backend)
    again, other = tn.load(path, optimizer=True, lr=0.1)
    assert (other.steps, other.state) == (scheduled.steps, scheduled.state)
    assert tn.load(path).state_dict() == model.state_dict()


@pytest.mark.parametrize("backend", BACKENDS)
def test_ctrl_c_returns_the_history_with_the_model_whole(backend):
    def interrupt():
        time.sleep(0.5)
        signal.raise_signal(signal.SIGINT)

    threading.Thread(target=interrupt).start()
    history, _, optimizer = trained(backend, epochs=10_000_000, batch_size=30)
    assert history.stopped == "interrupt"
    assert optimizer.steps >= history.epochs[-1] > 0


X, Y = moons(6)


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_a_callback_changes_stays_changed(backend):
    def clip(history):
        for parameter in model.parameters():
            parameter.data = max(-0.1, min(0.1, parameter.data))
        if len(history) == 3:
            optimizer.state = [(0.0,)] * len(optimizer.parameters)

    X, Y = moons()
    model = tn.MLP(2, [6, 1], "tanh", rng=random.Random(1))
    optimizer = tn.SGD(model.parameters(), lr=0.1, momentum=0.5)
    tn.fit(model, X, Y, "hinge", optimizer, 3, 7, shuffle=False, callbacks=clip, progress=False, backend=backend)
    assert max(abs(parameter.data) for parameter in model.parameters()) == 0.1
    assert optimizer.velocity == [0.0] * len(optimizer.parameters)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_callback_may_thaw_parameters(backend):
    X, Y = moons()
    model = tn.MLP(2, [6, 1], "tanh", rng=random.Random(1))
    before = [parameter.data for parameter in model.layers[0].parameters()]
    optimizer = tn.SGD(model.layers[1].parameters(), lr=0.1)

    def thaw(history):
        now = [parameter.data for parameter in model.layers[0].parameters()]
        assert (now == before) is (len(history) <= 2)
        if len(history) == 2:
            optimizer.parameters = model.parameters()
            optimizer.state = [(0.0,)] * len(optimizer.parameters)

    tn.fit(model, X, Y, "hinge", optimizer, epochs=4, callbacks=thaw, progress=False, backend=backend)


def test_callbacks_of_numpy_and_arrays_of_values():
    numpy = pytest.importorskip("numpy", reason="NumPy is not installed")
    history, _, _ = trained(epochs=50, callbacks=lambda h: numpy.mean(h.losses[-3:]) < 10)
    assert (history.stopped, len(history)) == ("callback", 1)

    class Two(tn.Module):
        def __init__(self):
            self.a, self.b = tn.Value(0.5), tn.Value(0.2)

        def __call__(self, x):
            return numpy.array([self.a * x[0], self.b * x[1]])

    told = []
    for backend in BACKENDS:
        model = Two()
        optimizer = tn.SGD(model.parameters(), lr=0.1)
        found = tn.fit(model, X, [[y, y] for y in Y], "squared_error", optimizer, 3, metrics="mae", shuffle=False,
                       progress=False, backend=backend)  # fmt: skip
        told.append(found.metrics["mae"])
    assert all(other == pytest.approx(told[0], rel=1e-9) for other in told)


@pytest.mark.parametrize("backend", ["eager", "python"])
def test_rows_of_three_dimensions_are_told_in_the_words_of_who_gave_them(backend):
    model = tn.MLP(2, [2, 1], rng=random.Random(0))
    with pytest.raises(TypeError, match=r"each entry of layer 1 wants a number or a Value, but got a list of 2$"):
        tn.fit(
            model, [[[1.0, 2.0], [3.0, 4.0]]], [1.0], "squared_error", tn.SGD(model.parameters(), 0.1), 1,
            progress=False, backend=backend,
        )  # fmt: skip


def test_fit_passes_few_files_before_its_first_step(monkeypatch):
    """From the call to where the run begins, in machine code: checks, lint on the recorded graph, and what looks at the
    model. Then its code is written, which is the compiler's. What a process does once, such as to import, is done."""
    needed("llvm")
    X, Y = moons()

    def fitted():
        model = tn.MLP(2, [16, 16, 1], rng=random.Random(2))
        optimizer = tn.SGD(model.parameters(), lr=0.1)
        return partial(tn.fit, model, X, Y, "hinge", optimizer, epochs=1, progress=False)

    fitted()()
    begins, fit = run.Run._stretch, fitted()

    def first(this):
        sys.setprofile(None)
        begins(this)

    monkeypatch.setattr(run.Run, "_stretch", first)
    passed = files_passed(fit)
    assert "training/fit.py" in {path.replace("\\", "/") for path in passed}
    assert len(passed) <= 45, passed

"""Runs whose numbers are not finite any more: they end there, alike on every back end, say so, and spoil no file."""

import random
import warnings
from math import inf, isfinite
from typing import Any

import pytest
from training import BACKENDS

import tinygrad_nn as tn
from tinygrad_nn.optim import Optimizer
from tinygrad_nn.training import progress

X, Y = [[float(i)] for i in range(10)], [3.0 * i + 1.0 for i in range(10)]
WORDS = r"the run diverged in epoch [\d,]+: .*smaller lr.*scale.*detect_anomaly"


class Growing(Optimizer):
    """Weights that leave the floats after a few steps, whatever the loss is."""

    def update(self, parameter, gradient, state, lr, step):
        return parameter * 1e100 + 0.0 * gradient, ()


def line(lr=1.0, seed=3):
    model = tn.MLP(1, [1], rng=random.Random(seed))
    return model, tn.SGD(model.parameters(), lr=lr, momentum=0.5)


@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("watched", ["", "callbacks", "metrics", "validation", "patience"])
def test_every_back_end_ends_at_the_same_epoch_with_the_model_of_its_end(batch_size, watched):
    choices: dict[str, dict[str, Any]] = {
        "": {},
        "callbacks": {"callbacks": lambda history: None},
        "metrics": {"metrics": ["rmse", "mae", "gradients"]},
        "validation": {"validation": ([[1.0], [-1.0]], [1e300, -1e300])},
        "patience": {"patience": 10_000},
    }
    found, kept = {}, dict[str, Any]()
    for backend in BACKENDS:
        model, optimizer = line()
        before = model.state_dict()
        with pytest.warns(RuntimeWarning, match=WORDS) as told:
            history = tn.fit(
                model, X, Y, "squared_error", optimizer, 2_000, batch_size, rng=random.Random(1), backend=backend,
                progress=False, **choices[watched],
            )  # fmt: skip
        assert len(told) == 1
        assert told[0].filename == __file__
        assert history.stopped == "diverged"
        assert not isfinite(history.losses[-1])
        assert all(map(isfinite, history.losses[:-1]))
        assert {len(column) for column in history.metrics.values()} <= {len(history)}
        found[backend] = (len(history), optimizer.steps)
        if watched == "patience":  # the best weights, which are those of the start
            assert (model.state_dict(), optimizer.steps) == (before, 0)
        elif backend == "eager":
            kept = model.state_dict()
        elif backend == "python":
            assert [repr(n) for n in model.state_dict().values()] == [repr(n) for n in kept.values()]
    assert len(set(found.values())) == 1
    if watched != "patience":  # as a run of so many epochs leaves it
        epochs, steps = found["python"]
        model, optimizer = line()
        again = random.Random(1)
        for _ in range(epochs):
            places = list(range(10))
            again.shuffle(places)
            step = tn.compile_step(model, "squared_error", optimizer, backend="python")
            for k in range(0, 10, batch_size):
                step([X[i] for i in places[k : k + batch_size]], [Y[i] for i in places[k : k + batch_size]])
        assert optimizer.steps == steps
        assert [repr(n) for n in model.state_dict().values()] == [repr(n) for n in kept.values()]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("batch_size", [1, 5])
@pytest.mark.parametrize("run", ["fit", "step.run"])
def test_weights_are_looked_at_where_the_loss_stays_finite(backend, batch_size, run):
    model = tn.MLP.from_weights([[[1e-300]]], [[0.0]], output_activation="tanh")
    optimizer = Growing(model.parameters(), lr=0.1)
    rows = ([[1.0]] * 5, [0.0] * 5)

    def made():
        if run == "fit":
            options = {"backend": backend, "progress": False}
            return tn.fit(model, *rows, "squared_error", optimizer, 1_000, batch_size, **options)
        step = tn.compile_step(model, "squared_error", optimizer, backend="python" if backend == "eager" else backend)
        return step.run(*rows, epochs=1_000, batch_size=batch_size)

    with pytest.warns(RuntimeWarning, match="a number of the model or the optimizer is not finite"):
        history = made()
    assert (history.stopped, len(history), isfinite(history.losses[-1])) == (
        ("diverged", 2, True) if batch_size == 1 else ("diverged", 7, True)
    )
    assert optimizer.steps == len(history) * (5 // batch_size)
    assert model.layers[0].neurons[0].weights[0].data == inf


@pytest.mark.parametrize("backend", BACKENDS)
def test_numbers_that_never_were_finite_are_the_users_own(backend):
    model = tn.MLP.from_weights([[[1.0, 1.0]], [[1.0], [1.0]]], [[-inf, 0.5], [0.0]])
    optimizer = tn.SGD(model.parameters(), lr=0.01)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tn.LintWarning)
        history = tn.fit(
            model, [[0.5], [0.75]], [1.0, 1.5], "squared_error", optimizer, 20, progress=False, backend=backend
        )
    assert history.stopped == "epochs"
    assert model.layers[0].neurons[0].bias.data == -inf


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("patience", [None, 10_000])
def test_a_checkpoint_is_of_a_finite_state(backend, patience, tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "CHECKPOINTS", 0.0)
    model, optimizer = line(lr=10.0)
    path = tmp_path / "line.txt"
    with pytest.warns(RuntimeWarning, match="diverged.*the checkpoint holds an earlier state"):
        history = tn.fit(
            model, X, Y, "squared_error", optimizer, 2_000, 4, checkpoint=path, patience=patience, backend=backend,
            callbacks=lambda history: None, progress=False,
        )  # fmt: skip
    kept, its = tn.load(path, optimizer=True)
    assert 0 < its.steps < 3 * len(history)
    assert all(map(isfinite, [*(p.data for p in kept.parameters()), *its.velocity]))


def test_a_checkpoint_that_was_not_written_is_not_spoken_of(tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "CHECKPOINTS", 1e9)  # seconds between two of them
    model, optimizer = line(lr=10.0)
    path = tmp_path / "line.txt"
    with pytest.warns(RuntimeWarning, match=r"diverged.*the checkpoint was not written$"):
        tn.fit(model, X, Y, "squared_error", optimizer, 2_000, 4, checkpoint=path, backend="python", progress=False)
    assert not path.exists()


@pytest.mark.parametrize("backend", [backend for backend in BACKENDS if backend != "eager"])
def test_single_steps_give_their_loss_as_it_is(backend):
    model, optimizer = line()
    step = tn.compile_step(model, "squared_error", optimizer, backend=backend)
    for _ in range(300):
        loss = step(X, Y)
    assert not isfinite(loss)
    assert optimizer.steps == 300


@pytest.mark.parametrize("backend", [backend for backend in BACKENDS if backend != "eager"])
def test_detect_anomaly_still_names_the_operation(backend):
    model, optimizer = line()
    with tn.detect_anomaly(), pytest.raises(tn.AnomalyError):
        tn.fit(model, X, Y, "squared_error", optimizer, 2_000, 1, backend=backend, progress=False)
    assert all(isfinite(parameter.data) for parameter in model.parameters())


def test_estimators_raise_at_once():
    pytest.importorskip("sklearn")
    from tinygrad_nn import sklearn

    for solver, rate in (("sgd", 10.0), ("adam", 1e160)):
        regressor = sklearn.MLPRegressor(
            hidden_layer_sizes=(4,),
            solver=solver,
            learning_rate_init=rate,
            max_iter=10**9,
            n_iter_no_change=10**9,
            random_state=0,
        )
        with pytest.raises(ValueError, match=r"non-finite.*after \d{1,4} epochs.*smaller learning_rate_init"):
            regressor.fit(X, Y)

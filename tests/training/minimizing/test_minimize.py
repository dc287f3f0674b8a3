"""minimize: what its history knows, what ends it and what it leaves, and what it refuses."""

import math
import random
import signal
import sys
import threading
import warnings
from typing import Any

import pytest
from shared import wrong
from training import l2, moons

import tinygrad_nn as tn

np = pytest.importorskip("numpy")
pytest.importorskip("scipy")

METHODS = ["lm", "lbfgs"]
X = [[x / 10.0] for x in range(-30, 31)]
Y = [math.sin(x) for (x,) in X]


def network(seed=1, hidden=6):
    return tn.MLP(1, [hidden, 1], "tanh", rng=random.Random(seed))


def data(model):
    return [p.data for p in model.parameters()]


def loss_of(model, X=X, Y=Y):
    return sum((p - y) ** 2 for p, y in zip(model.predict(X), Y, strict=True)) / len(Y)


@pytest.mark.parametrize("method", METHODS)
def test_a_loss_is_that_after_its_epoch(method):
    model, seen = network(), []
    history = tn.minimize(
        model, X, Y, "squared_error", method, epochs=12, callbacks=lambda h: seen.append(loss_of(model)), progress=False
    )
    assert history.epochs == list(range(1, len(seen) + 1))
    assert history.stopped == "epochs"
    assert history.losses == pytest.approx(seen, rel=1e-9)
    assert history.losses == sorted(history.losses, reverse=True)
    assert loss_of(model) == pytest.approx(history.losses[-1], rel=1e-9)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("backend", ["auto", "python"])
def test_the_same_on_every_back_end_and_for_a_model_of_known_structure(method, backend):
    losses = []
    for given in (backend, "auto"):
        model = network(3)
        losses.append(
            tn.minimize(model, X, Y, "squared_error", method, 5, regularizer=l2, backend=given, progress=False).losses
        )
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_metrics_and_validation_are_those_of_fit(method):
    model = network()
    history = tn.minimize(
        model, X, Y, "squared_error", method, 8, metrics=["mae", "rmse"], validation=(X[::5], Y[::5]), progress=False
    )
    names = ["mae", "rmse"]
    assert list(history.metrics) == [*names, "validation loss", *(f"validation {name}" for name in names)]
    assert history.metrics["rmse"] == pytest.approx([math.sqrt(loss) for loss in history.losses], rel=1e-9)
    assert history.metrics["validation loss"][-1] == pytest.approx(loss_of(model, X[::5], Y[::5]))


def test_gradients_are_measured_where_the_epoch_ended():
    model = network()
    history = tn.minimize(model, X, Y, "squared_error", epochs=4, metrics="gradients", progress=False)
    total = tn.mean([tn.losses.squared_error(model(x), y) for x, y in zip(X, Y, strict=True)])
    model.zero_grad()
    total.backward()
    root = math.sqrt(np.mean([p.grad**2 for p in model.layers[1].parameters()]))
    (name,) = [name for name in history.metrics if model.layers[1].name in name]
    assert history.metrics[name][-1] == pytest.approx(root, rel=1e-6)


def test_lbfgs_classifies_and_the_model_knows_its_thresholds():
    X, Y = moons(60)
    model = tn.MLP(2, [8, 1], "tanh", rng=random.Random(1))
    history = tn.minimize(model, X, Y, "hinge", metrics="accuracy", epochs=200, progress=False)
    assert history.metrics["accuracy"][-1] == 1.0
    assert model.predict_classes(X) == [int(y > 0) for y in Y]


@pytest.mark.parametrize("method", METHODS)
def test_patience_brings_the_best_back(method):
    rng = random.Random(5)
    noisy = [y + rng.gauss(0.0, 0.4) for y in Y]
    model = network(hidden=12)
    history = tn.minimize(
        model, X[::3], noisy[::3], "squared_error", method, validation=(X[1::3], noisy[1::3]), patience=5,
        progress=False,
    )  # fmt: skip
    losses = history.metrics["validation loss"]
    assert history.stopped == "patience"
    assert losses.index(min(losses)) == len(losses) - 6
    assert loss_of(model, X[1::3], noisy[1::3]) == pytest.approx(min(losses))


@pytest.mark.parametrize("method", METHODS)
def test_a_callback_ends_the_run_where_it_stands(method):
    model = network()
    history = tn.minimize(model, X, Y, "squared_error", method, callbacks=lambda h: len(h) == 3, progress=False)
    assert history.stopped == "callback"
    assert len(history) == 3
    assert loss_of(model) == pytest.approx(history.losses[-1], rel=1e-9)


def squared(prediction, target):
    return (prediction - target) ** 2


@pytest.mark.parametrize(("method", "backend"), [("lm", "auto"), ("lbfgs", "auto"), ("lbfgs", "eager")])
def test_a_threshold_ends_the_run_where_it_is_passed(method, backend):
    options = {"epochs": 60, "progress": False, "backend": backend}
    whole = tn.minimize(network(), X, Y, "squared_error", method, **options).losses
    ends = next(k for k, loss in enumerate(whole) if loss < 0.01)
    model = network()
    history = tn.minimize(model, X, Y, "squared_error", method, until=("loss", 0.01), **options)
    assert (history.stopped, history.losses, history.metrics) == ("until", whole[: ends + 1], {})
    model = network()
    history = tn.minimize(
        model, X, Y, "squared_error", method, until=(squared, 0.01 * len(X)), metrics="rmse",
        validation=(X[:3], Y[:3]), **options,
    )  # fmt: skip
    assert history.stopped == "until"
    assert history.losses == pytest.approx(whole[: ends + 1], rel=1e-9)
    assert history.metrics["squared"] == pytest.approx([loss * len(X) for loss in history.losses], rel=1e-9)
    assert [*history.metrics] == ["squared", "rmse", "validation loss", "validation rmse"]
    assert loss_of(model) == pytest.approx(history.losses[-1], rel=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_ctrl_c_leaves_the_model_at_the_latest_epoch(method):
    model, asked = network(), []

    def loss(prediction, target):  # which is traced, and then not called
        return (prediction - target) ** 2

    def stop(history):
        asked.append(history.losses[-1])
        if len(asked) == 4:
            raise KeyboardInterrupt

    history = tn.minimize(model, X, Y, loss, method, callbacks=stop, progress=False)
    assert history.stopped == "interrupt"
    assert len(history) == 4
    assert loss_of(model) == pytest.approx(asked[-1], rel=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_what_raises_has_changed_nothing(method):
    model = network()
    before = data(model)

    def fails(history):
        if len(history) == 2:
            raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        tn.minimize(model, X, Y, "squared_error", method, callbacks=fails, progress=False)
    assert data(model) == before


@pytest.mark.parametrize("method", METHODS)
def test_some_parameters_are_moved_and_others_not(method):
    model = network()
    first, last = model.layers[0].parameters(), model.layers[1].parameters()
    before = [p.data for p in first]
    tn.minimize(model, X, Y, "squared_error", method, 5, parameters=last, progress=False)
    assert [p.data for p in first] == before


def test_what_a_callback_changes_is_seen():
    model, settings = network(), {"target": 0.0}

    def loss(prediction, target):
        return (prediction - settings["target"]) ** 2

    def change(history):
        settings["target"] = 1.0

    tn.minimize(model, X, Y, loss, "lm", 30, callbacks=change, progress=False)
    assert model.predict(X) == pytest.approx([1.0] * len(X), abs=1e-4)


@pytest.mark.parametrize(
    ("given", "error", "told"),
    [
        ({"method": "newton"}, ValueError, "method"),
        ({"epochs": 0}, ValueError, "epochs"),
        ({"tolerance": -1.0}, ValueError, "tolerance"),
        ({"patience": 3}, ValueError, "patience is with a validation loss"),
        ({"loss": "hinge", "method": "lm"}, ValueError, "sum of squares.*method='lbfgs'"),
        ({"regularizer": lambda m: abs(m.parameters()[0]), "method": "lm"}, ValueError, "wants a regularizer that is"),
        ({"backend": "eager", "method": "lm"}, ValueError, "back end"),
        ({"parameters": [tn.Value(1.0)]}, ValueError, "none of the model's parameters"),
        ({"model": lambda x: x}, TypeError, "parameters="),
        ({"X": []}, ValueError, "X has 0 rows and Y 61"),
        ({"Y": [math.nan, *Y[1:]]}, ValueError, "row 0 of X and Y holds nan"),
        ({"metrics": 3}, TypeError, "metrics"),
        ({"until": ("accuracy", 1.0)}, TypeError, r"a function \(prediction, target\) or 'loss' and a number"),
        ({"until": ("loss", "small")}, TypeError, "the threshold of until must be a number"),
        ({"until": (squared, 1.0), "metrics": squared}, ValueError, "would be called 'squared'"),
    ],
)
def test_what_is_refused_says_what_to_do(given, error, told):
    model = network()
    before = data(model)
    asked = {"model": model, "X": X, "Y": Y, "loss": "squared_error", "progress": False, **given}
    with pytest.raises(error, match=told):
        tn.minimize(**wrong(asked))
    assert data(model) == before


@pytest.mark.parametrize("method", METHODS)
def test_a_loss_that_is_not_finite_is_refused(method):
    model = tn.MLP.from_weights([[[1e200]]], [[0.0]])
    with pytest.raises(ValueError, match="the loss is inf at the weights as they are"):
        tn.minimize(model, [[1.0]], [0.0], "squared_error", method, progress=False)
    assert data(model) == [1e200, 0.0]


def test_neither_method_needs_scipy(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy", None)
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    for method in METHODS:
        assert tn.minimize(network(), X, Y, "squared_error", method, epochs=3, progress=False).stopped == "epochs"


@pytest.mark.parametrize("method", METHODS)
def test_ctrl_c_in_the_midst_of_an_epoch_leaves_the_latest(method):
    rng, model = random.Random(3), network(hidden=60)
    many = [[rng.uniform(-3.0, 3.0)] for _ in range(2000)]
    noisy = [math.sin(5.0 * x) + rng.gauss(0.0, 0.1) for (x,) in many]
    pressed = threading.Timer(0.4, signal.raise_signal, [signal.SIGINT])
    pressed.start()
    history = tn.minimize(model, many, noisy, "squared_error", method, 10**9, 0.0, progress=False)
    pressed.join()
    assert history.stopped == "interrupt"
    assert not history.losses or loss_of(model, many, noisy) == pytest.approx(history.losses[-1], rel=1e-9)


def test_without_numpy_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "numpy", None)
    with pytest.raises(ImportError, match=r"NumPy, which is not installed: pip install 'tinygrad_nn\[fast\]'"):
        tn.minimize(network(), X, Y, "squared_error", "lm", progress=False)


def test_fit_and_minimize_may_alternate():
    model = network()
    for k in range(3):
        tn.fit(model, X, Y, "squared_error", tn.Adam(model.parameters(), 0.01), 3, rng=random.Random(k), progress=False)
        before = loss_of(model)
        for method in METHODS:
            history = tn.minimize(model, X, Y, "squared_error", method, 3, progress=False)
            assert history.losses[0] < before
            before = loss_of(model)
            assert history.losses[-1] == pytest.approx(before, rel=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_a_loss_that_overflows_on_the_way_leaves_finite_numbers(method):
    w = [tn.Value(30.0), tn.Value(1.0)]
    history = tn.minimize(
        lambda x: tn.exp(w[0] * x) + tn.exp(w[1] * w[0] * x), [1.0, 2.0, 5.0], [1.0, 2.0, 3.0], "squared_error", method,
        parameters=w, progress=False,
    )  # fmt: skip
    assert all(math.isfinite(value.data) for value in w)
    assert all(map(math.isfinite, history.losses))


@pytest.mark.parametrize("method", METHODS)
def test_progress_tells_of_epochs(method, capsys):
    tn.minimize(network(), X, Y, "squared_error", method, 5)
    assert "epoch 5: loss " in capsys.readouterr().err


def test_a_model_is_called_as_the_columns_of_a_frame():
    pandas = pytest.importorskip("pandas")
    model = network()
    frame = pandas.DataFrame({"angle": [x for (x,) in X]})
    tn.minimize(model, frame, pandas.Series(Y), "squared_error", "lm", 3, progress=False)
    assert list(model.input_names) == ["angle"]


class Line(tn.Module):
    def __init__(self, active=True):
        self.slope, self.offset, self.idle, self.active = tn.Value(0.5), tn.Value(0.1), tn.Value(1.0), active

    def __call__(self, xs):
        return self.slope * xs[0] + self.offset + (self.idle if self.active else 0.0)


class Unit(tn.Module):
    def __init__(self, weight):
        self.unit = tn.Neuron(1, "tanh")
        self.unit.weights[0].data, self.unit.bias.data = weight, 0.0

    def __call__(self, xs):
        return 100.0 * self.unit(xs)


def test_lint_is_heard_of_each_model_that_it_has_something_to_say_of():
    """However many alike there were before."""
    options: dict[str, Any] = {"method": "lm", "epochs": 1, "progress": False}
    for _ in range(3):
        with warnings.catch_warnings():
            warnings.simplefilter("error", tn.LintWarning)
            tn.minimize(Line(), X, Y, "squared_error", **options)
            tn.minimize(Unit(0.5), X, Y, "squared_error", **options)
        with pytest.warns(tn.LintWarning, match="does not depend on 1 of 3 parameters"):
            tn.minimize(Line(active=False), X, Y, "squared_error", **options)
        with pytest.warns(tn.LintWarning, match="saturated units"):
            tn.minimize(Unit(1e3), X, Y, "squared_error", **options)

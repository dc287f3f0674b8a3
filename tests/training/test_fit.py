"""fit: the same losses on every back end, what the history knows, and when a run ends and what it leaves."""

import itertools
import math
import random
import signal
import sys
import threading
import time
import types

import pytest
from training import BACKENDS

import tinygrad_nn as tn
from tinygrad_nn.training import checkpoints, progress


def moons(count=30, seed=4):
    X, Y = tn.data.moons(count, rng=random.Random(seed))
    return X, [2 * y - 1 for y in Y]


def trained(backend="python", loss="hinge", data=None, epochs=6, seed=1, outputs=1, **options):
    X, Y = data or moons()
    model = tn.MLP(2, [6, outputs], "tanh", rng=random.Random(seed))
    optimizer = tn.SGD(model.parameters(), lr=0.1, momentum=0.5)
    options = {"progress": False, "batch_size": 7, "rng": random.Random(3)} | options
    history = tn.fit(model, X, Y, loss, optimizer, epochs=epochs, backend=backend, **options)
    return history, model, optimizer


def l2(model):
    return 0.01 * tn.dot(model.parameters(), model.parameters())


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
def test_metrics_are_of_the_model_after_the_epoch(backend):
    X, Y = moons()
    history, model, _ = trained(backend, metrics=["accuracy", lambda p, t: abs(p - t), "rmse"])
    predictions = model.predict(X)
    right = sum((p > 0) == (t > 0) for p, t in zip(predictions, Y, strict=True)) / len(X)
    error = math.fsum(abs(p - t) for p, t in zip(predictions, Y, strict=True)) / len(X)
    assert history.metrics["accuracy"][-1] == right
    assert history.metrics["<lambda>"][-1] == pytest.approx(error)


def test_accuracy_by_threshold_and_by_shape():
    assert tn.metrics.accuracy([0.4, 0.6], [1, 1]) == tn.metrics.accuracy([0.4, -0.6], [1, 1], threshold=0.0) == 0.5
    assert tn.metrics.accuracy([[0.1, 0.9], [0.8, 0.7]], [[0, 1], [1, 0]]) == 0.75
    assert tn.metrics.accuracy([[1.0, 1.0, 0.0]], [0]) == 1.0


@pytest.mark.parametrize("backend", BACKENDS)
def test_gradients_by_layer_are_those_of_the_graph(backend):
    X, Y = moons()
    history, model, _ = trained(backend, regularizer=l2, metrics=["gradients", "accuracy"], epochs=3)
    losses = [tn.losses.hinge(model(x), y) for x, y in zip(X, Y, strict=True)]
    model.zero_grad()
    (tn.mean(losses) + l2(model)).backward()
    assert list(history.metrics) == ["accuracy", "gradient of layer 1", "gradient of layer 2"]
    for k, layer in enumerate(model.layers, 1):
        size = math.sqrt(math.fsum(p.grad**2 for p in layer.parameters()) / len(layer.parameters()))
        assert history.metrics[f"gradient of layer {k}"][-1] == pytest.approx(size, rel=1e-9)
    without, other, _ = trained(backend, regularizer=l2, epochs=3)
    assert without.losses == history.losses
    assert other.state_dict() == model.state_dict()


class Skip(tn.Module):
    """A model wired by hand, of a layer, a neuron and numbers of its own."""

    def __init__(self):
        rng = random.Random(1)
        self.hidden, self.out = tn.Layer(2, 3, "tanh", rng=rng), tn.Neuron(3, "linear", rng=rng)
        self.slopes, self.offset = [tn.Value(0.5), tn.Value(0.1)], tn.Value(0.0)

    def __call__(self, x):
        return self.out(self.hidden(x)) + tn.dot(self.slopes, x) + self.offset


@pytest.mark.filterwarnings("ignore::tinygrad_nn.LintWarning")  # one parameter is free
def test_gradients_of_other_models_go_by_their_attributes():
    X, Y = moons()
    model, free = Skip(), tn.Value(1.0)
    for trained, names in (
        (model.parameters(), ["hidden", "out", "slopes", "offset"]),
        (model.out.parameters(), ["out"]),
        ([*model.slopes, free], ["slopes", "parameters"]),
    ):
        optimizer = tn.SGD(trained, lr=0.1)
        history = tn.fit(model, X, Y, "hinge", optimizer, epochs=2, metrics="gradients", progress=False)
        assert list(history.metrics) == [f"gradient of {name}" for name in names]
    assert history.metrics["gradient of parameters"] == [0.0, 0.0]

    def line(x):
        return tn.dot(model.slopes, x)

    optimizer = tn.SGD(model.slopes, lr=0.1)
    assert list(tn.fit(line, X, Y, "hinge", optimizer, epochs=2, metrics="gradients", progress=False).metrics) == [
        "gradient of parameters"
    ]


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
    save = checkpoints.write_all
    monkeypatch.setattr(checkpoints, "write_all", lambda *given: (saved.append(1), save(*given)))
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
    tn.fit(model, *moons(), "hinge", scheduled, epochs=1, checkpoint=path, progress=False, backend=backend)
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


class Bar:
    """What tqdm is to fit."""

    def __init__(self, total, unit):
        self.total, self.unit, self.n, self.told, self.closed = total, unit, 0, [], False
        Bar.made = self

    def set_postfix_str(self, text, refresh):
        self.told.append(text)

    def update(self, more):
        self.n += more

    def close(self):
        self.closed = True


def test_a_bar_on_a_terminal_and_lines_elsewhere(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "tqdm", types.SimpleNamespace(tqdm=Bar))
    trained(progress=True, metrics="accuracy")
    assert "epoch 6: loss " in capsys.readouterr().err
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    trained(progress=True, metrics="accuracy")
    assert (Bar.made.n, Bar.made.total, Bar.made.closed) == (6, 6, True)
    assert Bar.made.told[-1].startswith("loss 0.")
    assert "accuracy" in Bar.made.told[-1]
    monkeypatch.setitem(sys.modules, "tqdm", None)  # as where it is not installed
    capsys.readouterr()
    trained(progress=True)
    assert "epoch 6: loss " in capsys.readouterr().err
    trained(progress=False)
    assert capsys.readouterr().err == ""


X, Y = moons(6)
CLASSES = {"loss": "cross_entropy", "outputs": 3}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("given", "options", "error", "words"),
    [
        ((X, Y[:-1]), {}, ValueError, "X has 6 rows and Y 5"),
        (([], []), {}, ValueError, "X and Y are empty"),
        (([[1.0, 2.0], [1.0]], [1, 1]), {}, ValueError, "all rows must have one shape, but row 1"),
        (([[1.0, "2"]], [1]), {}, TypeError, r"row 0 of X and Y, \[1.0, '2'\] and 1, must hold numbers"),
        ((X, ["cat"] * 6), {}, TypeError, "row 0 of X and Y, .* and 'cat', must hold numbers"),
        (([[1.0, 2.0, 3.0]], [1]), {}, ValueError, "layer 1, neuron 1 takes 2 inputs, but was given 3"),
        (([[1.0, 2.0], [math.nan, 1.0]], [1, 1]), {}, ValueError, "row 1 of X and Y holds nan"),
        (([[1.0, 2.0], [math.inf, 1.0]], [1, 1]), {}, ValueError, "row 1 of X and Y holds inf"),
        ((X, Y), {"validation": (X, [*Y[:-1], math.nan])}, ValueError, "row 5 of the validation's X and Y holds nan"),
        ((X, Y), {"validation": X[0][0]}, TypeError, r"validation wants \(X, Y\)"),
        ((X, Y), {"validation": (X, Y[1:])}, ValueError, "the validation's X has 6 rows and Y 5"),
        ((X, Y), {"validation": ([[1.0]], [1])}, ValueError, "row 0 of the validation's X and Y: layer 1.* given 1"),
        ((X, Y), {"batch_size": 0}, ValueError, "batch_size must be a whole number of 1 or more"),
        ((X, Y), {"epochs": 0}, ValueError, "epochs must be a whole number of 1 or more"),
        ((X, Y), {"patience": 0}, ValueError, "patience must be a whole number of 1 or more, but got 0"),
        ((X, Y), {"metrics": "acuracy"}, ValueError, "unknown metric 'acuracy': give one of accuracy, mae, rmse"),
        ((X, Y), {"metrics": [3]}, TypeError, r"a metric is a name or a function .* but got 3"),
        ((X, Y), {"metrics": None}, TypeError, "metrics are one or a list of names or functions .* but got None"),
        ((X, Y), {"metrics": lambda p, t: "a"}, TypeError, "the metric <lambda> must give a number .* but gave 'a'"),
        (
            (X, Y),
            {"metrics": "mae", "outputs": 2, "loss": lambda p, t: p[0] * t},
            ValueError,
            "has 2 outputs and 1 tar",
        ),
        ((X, Y), {"loss": "hing"}, ValueError, "unknown loss 'hing': give one of"),
        ((X, Y), {"callbacks": [3]}, TypeError, "a callback is a function of the history, but got 3"),
        ((X, Y), {"callbacks": None}, TypeError, "callbacks are one or a list of functions of the history"),
        ((X, Y), {"until": ("accuracy", 1)}, TypeError, r"until wants \(metric, threshold\), a function"),
        ((X, Y), {"checkpoint": "nowhere/model.txt"}, FileNotFoundError, "there is no folder .*nowhere"),
        ((X, Y), {"checkpoint": 3}, TypeError, 'a path is text such as "model.txt", but got 3'),
        *(
            ((X, [0, 1, 2, 1, 0, label]), CLASSES, ValueError, f"row 5 of X and Y: got the index {label}")
            for label in (3, -1, 0.5)
        ),
        ((X, [[0, 1, 0]] * 6), CLASSES, TypeError, r"give target.index\(1\)"),
        (
            (X, [0, 1, 2, 1, 0, 1]),
            CLASSES | {"validation": (X, [0, 0, 9, 0, 0, 0])},
            ValueError,
            "row 2 of the validation's X and Y: got the index 9",
        ),
    ],
)
def test_bad_input_is_said_and_changes_nothing(given, options, error, words, backend, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    made = []
    original = tn.MLP.parameters
    monkeypatch.setattr(tn.MLP, "parameters", lambda self: made.append(self) or original(self))
    with pytest.raises(error, match=words):
        trained(backend, data=given, **options)
    if made:
        fresh = tn.MLP(2, [6, options.get("outputs", 1)], "tanh", rng=random.Random(1))
        assert made[0].state_dict() == fresh.state_dict()


def test_an_optimizer_of_another_model_is_told():
    with pytest.raises(ValueError, match="the optimizer has none of the model's parameters"):
        tn.fit(tn.MLP(2, [1]), X, Y, "hinge", tn.SGD(tn.MLP(2, [1]).parameters(), lr=0.1))
    with pytest.raises(TypeError, match=r"the optimizer must be one such as tn.SGD\(.*\), but got 'sgd'"):
        tn.fit(tn.MLP(2, [1]), X, Y, "hinge", "sgd")
    with pytest.raises(ValueError, match="the recorded graph computes in dtype 'float64', but got 'float32'"):
        trained("eager", dtype="float32")


def test_backends_that_are_none_are_named():
    with pytest.raises(ValueError, match="unknown back end 'fast'"):
        trained("fast")


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


def loss(prediction, target):
    return 100.0


def accuracy(prediction, target):
    return 1.0


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"metrics": loss, "validation": (X, Y)}, "loss"),
        ({"metrics": [lambda p, t: 1.0, lambda p, t: 2.0]}, "<lambda>"),
        ({"metrics": ["accuracy", accuracy]}, "accuracy"),
        ({"metrics": [accuracy], "until": (accuracy, 0.0)}, "accuracy"),
    ],
)
def test_columns_of_one_name_are_refused(options, name):
    with pytest.raises(ValueError, match=f"two columns of the history would be called '{name}'"):
        trained(data=(X, Y), **options)


def test_the_functions_of_metrics_are_those_of_their_names():
    history, _, _ = trained(metrics=[tn.metrics.root_mean_squared_error, tn.metrics.accuracy])
    named, _, _ = trained(metrics=["rmse", "accuracy"])
    assert history.metrics == named.metrics


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


def test_gradients_of_lists_of_lists_and_of_layers_of_one_name():
    class Table(tn.Module):
        def __init__(self):
            self.W = [[tn.Value(0.1), tn.Value(0.2)], [tn.Value(0.3), tn.Value(0.4)]]

        def __call__(self, x):
            return tn.sum([tn.dot(row, x) for row in self.W])

    table, model = Table(), tn.MLP(2, [3, 1], "tanh")
    model.layers = [tn.Layer(2, 3), tn.Layer(3, 3), tn.Layer(3, 1)]
    for made, names in ((table, ["W"]), (model, ["layer 1", "layer 2", "layer 3"])):
        optimizer = tn.SGD(made.parameters(), lr=0.1)
        history = tn.fit(made, X, Y, "hinge", optimizer, epochs=1, metrics="gradients", progress=False)
        assert list(history.metrics) == [f"gradient of {name}" for name in names]


def test_progress_tells_of_the_first_epoch_and_keeps_checkpoints_in_it(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(progress, "CHECKPOINTS", 0.0)
    monkeypatch.setattr(progress, "FIRST_TOLD", 0.0)
    path, seen = tmp_path / "model.txt", []
    monkeypatch.setattr(checkpoints, "write_all", lambda *given: seen.append(given))
    trained(epochs=1, batch_size=2, progress=True, checkpoint=path)
    assert len(seen) >= 10
    assert capsys.readouterr().err.startswith("epoch 1 of 1\n")
    monkeypatch.setattr(sys, "stderr", None)  # as where there is no console
    trained(epochs=1, progress=True)


@pytest.mark.parametrize("backend", ["eager", "python"])
def test_rows_of_three_dimensions_are_told_in_the_words_of_who_gave_them(backend):
    model = tn.MLP(2, [2, 1], rng=random.Random(0))
    with pytest.raises(TypeError, match=r"each entry of layer 1 wants a number or a Value, but got a list of 2$"):
        tn.fit(
            model, [[[1.0, 2.0], [3.0, 4.0]]], [1.0], "squared_error", tn.SGD(model.parameters(), 0.1), 1,
            progress=False, backend=backend,
        )  # fmt: skip

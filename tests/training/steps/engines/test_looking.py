"""Looks after each epoch in machine code: what they find is what the model of that epoch gives, and of many epochs none
goes back to Python."""

import itertools
import math
import random
import threading
from typing import Any

import pytest
from training import l2, moons, numbers, trained

import tinygrad_nn as tn
from tinygrad_nn.compiler.function import Function
from tinygrad_nn.compiler.target import WORTH_LLVM
from tinygrad_nn.support.latest import Latest
from tinygrad_nn.training import early_stopping
from tinygrad_nn.training.evaluation import Looked
from tinygrad_nn.training.steps.engines import look_text, native_look
from tinygrad_nn.training.steps.engines.looking import LookingEngine
from tinygrad_nn.training.steps.engines.native import NativeSteps
from tinygrad_nn.training.steps.rows import Orders
from tinygrad_nn.training.steps.run import Pace

numpy = pytest.importorskip("numpy", reason="machine code wants NumPy")
pytest.importorskip("llvmlite", reason="machine code wants llvmlite")

NAMES = {"mae": tn.metrics.mean_absolute_error, "rmse": tn.metrics.root_mean_squared_error}
LOSSES: list[tuple[Any, int, Any]] = [  # with how many outputs, and a target of a row
    ("squared_error", 1, lambda rng: rng.choice((0.0, 1.0, 3.0))),
    ("absolute_error", 2, lambda rng: [rng.choice((0.0, 1.0)), rng.choice((-1.0, 1.0))]),
    ("huber", 3, lambda rng: rng.sample((1.0, 0.0, 0.0), 3)),
    ("hinge", 1, lambda rng: rng.choice((-1.0, 1.0))),
    ("binary_cross_entropy_with_logits", 1, lambda rng: rng.choice((0.0, 1.0))),
    ("cross_entropy", 3, lambda rng: float(rng.randrange(3))),
]


def without_looks(monkeypatch):
    """The way of one's own metrics: each epoch goes back to Python."""
    monkeypatch.setattr(LookingEngine, "can_look", lambda *given: False)


def counted(monkeypatch):
    """How many epochs were looked at one by one."""
    found, looked = [], Looked.look

    def look(self):
        found.append(self)
        return looked(self)

    monkeypatch.setattr(Looked, "look", look)
    return found


def drawn(seed, rows=None):
    """A model, rows, and what fit is given beside them, all drawn."""
    rng = random.Random(seed)
    loss, outputs, target = rng.choice(LOSSES)
    counts = rows or (rng.choice((1, 3, 8, 9, 40)), rng.choice((1, 8, 13)))
    X, Y = [], []
    for _ in range(sum(counts)):
        X.append([rng.gauss(0.0, 1.0) for _ in range(2)])
        Y.append(target(rng))
    first = counts[0]
    inner = [rng.randint(1, 9) for _ in range(rng.randint(0, 2))]
    activation = rng.choice(("tanh", "relu", "sigmoid"))
    names = ["accuracy"] if loss == "cross_entropy" else [n for n in ("accuracy", "mae", "rmse") if rng.random() < 0.7]
    options: dict[str, Any] = {
        "epochs": rng.choice((1, 4, 12, 40)), "batch_size": rng.choice((1, 4, 100)), "shuffle": rng.random() < 0.5,
        "metrics": names, "regularizer": rng.choice((None, None, l2)), "progress": False, "backend": "llvm",
    }  # fmt: skip
    if rng.random() < 0.6:
        options["validation"] = X[first:], Y[first:]
    if rng.random() < 0.4:
        options["patience"] = rng.randint(1, 4)
    if rng.random() < 0.2:
        options["callbacks"] = lambda history: None
    if rng.random() < 0.2 and outputs == 1:
        options["until"] = (lambda p, t: (p - t) * (p - t)), rng.choice((0.5, 5.0, 50.0))
    frozen = rng.random() < 0.2

    def fitted(**more):
        own = random.Random(seed)
        model = tn.MLP(2, [*inner, outputs], activation, rng=own)
        trained = model.parameters()[2 * frozen :]
        make = (lambda: tn.SGD(trained, lr=0.02, momentum=0.5)) if seed % 3 else (lambda: tn.Adam(trained, lr=0.05))
        optimizer = make()
        history = tn.fit(model, X[:first], Y[:first], loss, optimizer, rng=own, **options | more)
        return model, optimizer, history, own.random()

    return fitted, loss, names, (X, Y, first)


def told(history):
    return [history.epochs, history.stopped, history.losses], history.metrics


def check_alike(seed, monkeypatch, rows=None, exact=False):
    steps = random.Random(seed).choice((1, 40, 1000))  # of a stretch
    monkeypatch.setattr(Pace, "took", lambda pace, *given: setattr(pace, "steps", steps))
    fitted, *_ = drawn(seed, rows)
    model, optimizer, history, drawn_next = fitted()
    with monkeypatch.context() as patch:
        without_looks(patch)
        other, wanted, expected, wanted_next = fitted()
    assert drawn_next == wanted_next
    assert told(history)[0] == told(expected)[0]
    assert numbers(optimizer) == numbers(wanted)
    assert [p.data for p in model.parameters()] == [p.data for p in other.parameters()]
    assert list(history.metrics) == list(expected.metrics)
    for name, column in history.metrics.items():
        assert column == (expected.metrics[name] if exact else pytest.approx(expected.metrics[name], rel=1e-12)), name


@pytest.mark.parametrize("seed", range(6))
def test_all_is_as_it_was_where_each_epoch_went_back_to_python(seed, monkeypatch):
    check_alike(seed, monkeypatch)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::tinygrad_nn.LintWarning")
@pytest.mark.parametrize("seed", range(100, 250))
def test_many_drawn_runs_are_as_they_were(seed, monkeypatch):
    if seed % 3 == 0:
        monkeypatch.setattr(native_look, "WORTH_THREADS", 1)
    check_alike(seed, monkeypatch)


@pytest.mark.parametrize("many", [1, 10**12])
@pytest.mark.parametrize("seed", [3])
def test_of_many_rows_it_is_to_the_bit(seed, many, monkeypatch):
    monkeypatch.setattr(native_look, "WORTH_THREADS", many)
    check_alike(seed, monkeypatch, rows=(WORTH_LLVM, 43), exact=True)


@pytest.mark.parametrize("seed", [1, 4])
def test_each_epoch_is_looked_at_as_its_model_stands(seed):
    fitted, loss, names, (X, Y, first) = drawn(seed)
    plain = {"patience": None, "callbacks": (), "until": None, "metrics": names, "validation": (X[first:], Y[first:])}
    history = fitted(**plain, epochs=4)[2]
    for epochs in (1, 2, 3, 4):
        model = fitted(**plain, epochs=epochs)[0]
        for prefix, part in (("", slice(first)), ("validation ", slice(first, None))):
            predictions = [model(x) for x in X[part]]
            flat = [[o.data for o in p] if isinstance(p, list) else p.data for p in predictions]
            for name in {*names} & {*NAMES}:
                assert history.metrics[prefix + name][epochs - 1] == pytest.approx(NAMES[name](flat, Y[part]), rel=1e-9)
            if prefix:
                each = [getattr(tn.losses, loss)(p, t).data for p, t in zip(predictions, Y[part], strict=True)]
                wanted = math.fsum(each) / len(each)
                assert history.metrics["validation loss"][epochs - 1] == pytest.approx(wanted, rel=1e-9)


def test_many_epochs_of_a_few_rows_are_made_in_a_few_calls(monkeypatch):
    calls, run, looked = [], NativeSteps.run, counted(monkeypatch)
    monkeypatch.setattr(NativeSteps, "run", lambda *given: (calls.append(1), run(*given))[1])  # type: ignore[func-returns-value]
    history, model, _ = trained("llvm", epochs=3000, shuffle=False, metrics=["accuracy", "rmse"], validation=moons(5))
    assert len(calls) < 300
    assert not looked
    assert {len(column) for column in history.metrics.values()} == {3000} == {len(history)}
    rows, targets = moons()
    wanted = tn.metrics.root_mean_squared_error(model.predict(rows), targets)
    assert history.metrics["rmse"][-1] == pytest.approx(wanted, rel=1e-9)


def test_points_of_a_long_run_are_those_of_their_epochs():
    long, short = (trained("llvm", epochs=n, shuffle=False, metrics="mae", batch_size=30)[0] for n in (30_000, 5))
    assert long.stride > 1
    assert [long.metrics["mae"][long.epochs.index(e)] for e in (1, 5)] == [short.metrics["mae"][e - 1] for e in (1, 5)]


def test_a_known_structure_is_traced_and_compiled_once(monkeypatch):
    monkeypatch.setattr(look_text, "LOOK_TEXTS", Latest(4))
    traced, trace = [], Function.traced
    monkeypatch.setattr(Function, "traced", lambda *given: (traced.append(1), trace(*given))[1])  # type: ignore[func-returns-value]
    columns = [trained("llvm", metrics=names, epochs=2)[0].metrics for names in ("mae", ["mae", "accuracy"])]
    assert len(traced) == 1
    assert columns[0]["mae"] == columns[1]["mae"]
    trained("llvm", loss="squared_error", metrics="mae", epochs=1)
    assert len(traced) == 2


def test_the_frozen_and_those_that_are_trained_in_another_order_are_read_where_they_are(monkeypatch):
    monkeypatch.setattr(look_text, "LOOK_TEXTS", Latest(4))
    X, Y = moons()
    for order in (slice(None, None, -1), slice(3, None), slice(None, -3)):
        told = []
        for looking in (True, False):
            model = tn.MLP(2, [3, 1], "tanh", rng=random.Random(1))
            optimizer = tn.SGD(model.parameters()[order], lr=0.1)
            with monkeypatch.context() as patch:
                if not looking:
                    without_looks(patch)
                history = tn.fit(
                    model, X, Y, "hinge", optimizer, 3, metrics="mae", rng=random.Random(1), progress=False,
                    backend="llvm",
                )  # fmt: skip
            told.append(history.metrics["mae"])
        assert told[0] == pytest.approx(told[1], rel=1e-12)


class Odd:
    """Models of one's own, of which some are looked at in the midst of steps and some cannot be."""

    def __init__(self):
        self.weights = [tn.Value(w) for w in (0.5, -0.3, 0.8)]
        self.beside = tn.Value(0.25)  # which no loss reads

    def plain(self, x):
        return self.weights[0] * x[0] + self.weights[1] * tn.tanh(x[1])

    def branching(self, x):
        return self.plain(x) if x[0] > 0.0 else self.weights[2] * x[1]

    def taking(self, x):
        return tn.take(self.weights, tn.maximum(0.0, tn.sign(self.weights[1]))) * x[0]

    def with_more(self, x):
        return [self.plain(x), self.beside * x[1]]


def first_only(prediction, target):
    return (prediction[0] - target[0]) ** 2 if isinstance(prediction, list) else (prediction - target) ** 2


@pytest.mark.parametrize(("kind", "read"), [("plain", 2), ("branching", 3), ("taking", 2), ("with_more", 2)])
@pytest.mark.parametrize("metric", ["mae", "rmse"])
def test_what_cannot_be_looked_at_between_steps_is_looked_at_as_before(kind, read, metric, monkeypatch):
    X, Y = moons(20)
    Y = [[y, 0.0] for y in Y] if kind == "with_more" else Y
    looked, told = counted(monkeypatch), []
    for backend in ("llvm", "python"):
        model = Odd()
        looked.clear()
        history = tn.fit(
            getattr(model, kind), X, Y, first_only, tn.SGD(model.weights[:read], lr=0.1), 3, 5, rng=random.Random(1),
            metrics=metric, validation=(X[:4], Y[:4]), backend=backend, progress=False,
        )  # fmt: skip
        told.append(history)
        assert bool(looked) is not (kind == "plain" and backend == "llvm")
    assert told[0].metrics[metric] == pytest.approx(told[1].metrics[metric], rel=1e-12)
    assert told[0].metrics["validation loss"] == pytest.approx(told[1].metrics["validation loss"], rel=1e-12)


@pytest.mark.parametrize("backend", ["llvm", "python"])
def test_an_own_metric_and_gradients_are_looked_at_one_by_one(backend, monkeypatch):
    looked = counted(monkeypatch)
    for metrics in ([lambda p, t: abs(p - t), "mae"], ["gradients", "mae"]):
        looked.clear()
        history = trained(backend, metrics=metrics, epochs=2)[0]
        assert looked
        assert len(history.metrics["mae"]) == 2
    own = trained(backend, metrics=[lambda p, t: abs(p - t), "mae"], epochs=2)[0].metrics
    assert own["<lambda>"] == pytest.approx(own["mae"])


def test_what_a_callback_sets_is_looked_at():
    seen = []

    def callback(history):
        seen.append([p.data for p in model.parameters()])
        model.layers[0].neurons[0].bias.data = len(seen) / 10.0
        if len(seen) == 2:
            model.layers[0].neurons[1].activation = "relu"

    X, Y = moons()
    model = tn.MLP(2, [3, 1], "tanh", rng=random.Random(1))
    history = tn.fit(
        model, X, Y, "hinge", tn.SGD(model.parameters(), lr=0.1), 4, callbacks=callback, metrics="mae", progress=False,
        rng=random.Random(1), backend="llvm",
    )  # fmt: skip
    for k, state in enumerate(seen):
        twin = tn.MLP(2, [3, 1], "tanh", rng=random.Random(1))
        for parameter, number in zip(twin.parameters(), state, strict=True):
            parameter.data = number
        if k >= 2:
            twin.layers[0].neurons[1].activation = "relu"
        wanted = tn.metrics.mean_absolute_error([twin(x).data for x in X], Y)
        assert history.metrics["mae"][k] == pytest.approx(wanted, rel=1e-9)


def test_a_class_that_there_is_not_is_named_before_anything_is_trained():
    X, _ = moons()
    model = tn.MLP(2, [3, 3], rng=random.Random(1))
    optimizer = tn.SGD(model.parameters(), lr=0.1)
    before = numbers(optimizer)
    with pytest.raises(ValueError, match=r"row 2 of the validation's X and Y.*index 7"):
        tn.fit(
            model, X, [k % 3 for k in range(len(X))], "cross_entropy", optimizer, 3, metrics="accuracy",
            validation=(X[:3], [0, 1, 7]), backend="llvm", progress=False,
        )  # fmt: skip
    assert numbers(optimizer) == before


@pytest.mark.parametrize("many", [1, 10**12])
def test_divergence_is_that_of_its_epoch(many, monkeypatch):
    monkeypatch.setattr(native_look, "WORTH_THREADS", many)

    X, Y = moons()

    def diverging():
        model = tn.MLP(2, [3, 1], "relu", rng=random.Random(1))
        optimizer = tn.SGD(model.parameters(), lr=30.0)
        options: dict[str, Any] = {
            "shuffle": False,
            "metrics": "mae",
            "validation": moons(5),
            "backend": "llvm",
            "progress": False,
        }
        with pytest.warns(RuntimeWarning, match="diverged in epoch"):
            history = tn.fit(model, X, Y, "squared_error", optimizer, 500, 10, **options)
        return history, numbers(optimizer)

    (history, left), _ = diverging(), without_looks(monkeypatch)
    expected, wanted = diverging()
    assert (repr(told(history)[0]), repr(left)) == (repr(told(expected)[0]), repr(wanted))
    for name, column in history.metrics.items():
        assert column == pytest.approx(expected.metrics[name], rel=1e-9, nan_ok=True)


def ending(looking, monkeypatch, dtype="float64", lr=0.3, **options):
    """A run whose validation loss rises soon, with an order drawn for each epoch, and the next number drawn."""
    with monkeypatch.context() as patch:
        patch.setattr(Pace, "took", lambda pace, *given: setattr(pace, "steps", 60))
        if not looking:
            without_looks(patch)
        X, Y = moons(12)
        random.seed(1)
        rng, model = options.pop("rng", random.Random(1)), tn.MLP(2, [6, 1], "tanh", rng=random.Random(1))
        optimizer = tn.Adam(model.parameters(), lr=lr) if options.pop("adam", True) else tn.SGD(model.parameters(), lr)
        history = tn.fit(
            model, X, Y, "squared_error", optimizer, 400, 5, rng=rng, progress=False, backend="llvm", dtype=dtype,
            **options,
        )  # fmt: skip
        return history, numbers(optimizer), rng.random()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("patience", [1, 3, 10])
@pytest.mark.parametrize("validated", [False, True])
def test_patience_ends_in_the_midst_of_a_call_as_it_ends_between_epochs(
    dtype, shuffle, patience, validated, monkeypatch
):
    X, Y = moons(12)
    more = {"validation": (X, [-y for y in Y])} if validated else {}
    found, wanted = (
        ending(looking, monkeypatch, dtype, shuffle=shuffle, patience=patience, **more) for looking in (True, False)
    )
    assert told(found[0])[0] == told(wanted[0])[0]
    assert found[0].stopped == "patience" or not validated
    assert found[1:] == wanted[1:]


@pytest.mark.parametrize("shuffle", [False, True])
def test_the_best_before_a_run_diverges_comes_back(shuffle, monkeypatch):
    told_of = []
    for looking in (True, False):
        with pytest.warns(RuntimeWarning, match="diverged"):
            found = ending(looking, monkeypatch, lr=1.5, adam=False, shuffle=shuffle, patience=300, metrics="mae")
        told_of.append((repr(told(found[0])[0]), *found[1:]))
    assert told_of[0] == told_of[1]


@pytest.mark.parametrize("limit", [3.0, 6.0])
def test_until_gives_back_the_orders_of_epochs_that_were_not_run(limit, monkeypatch):
    def squared(prediction, target):
        return (prediction - target) * (prediction - target)

    until = squared, limit
    runs = [ending(True, monkeypatch, lr=0.02, until=until, **more) for more in ({}, {"metrics": "mae"})]
    with monkeypatch.context() as patch:
        patch.setattr(Orders, "rewinds", False)
        runs.append(ending(False, monkeypatch, lr=0.02, until=until))
    assert len({(history.epochs[-1], history.stopped, rest[0][0], rest[-1]) for history, *rest in runs}) == 1
    assert runs[0][0].stopped == "until"


@pytest.mark.parametrize(
    "ends", [{"patience": 2}, {"until": (lambda p, t: (p - t) * (p - t), 6.0)}], ids=["patience", "until"]
)
@pytest.mark.parametrize("diverges", [False, True])
@pytest.mark.filterwarnings("ignore:.*diverged:RuntimeWarning")
def test_orders_of_the_random_module_are_given_back_as_those_of_a_generator(ends, diverges, monkeypatch):
    """And so many epochs are a call of machine code, whichever draws."""
    X, Y = moons(12)
    more = ends | {"validation": (X, [-y for y in Y]), "lr": 1e200 if diverges else 0.3, "adam": not diverges}
    found, made = [], list[int]()
    run = NativeSteps.run

    def counting(steps, *given):
        made.append(1)
        return run(steps, *given)

    monkeypatch.setattr(NativeSteps, "run", counting)
    for rng in (random, random.Random(1)):
        made.clear()
        history, *rest = ending(True, monkeypatch, rng=rng, **more)
        found.append((repr(told(history)), repr(rest), len(made)))
    assert found[0] == found[1]
    with monkeypatch.context() as patch:
        patch.setattr(Orders, "rewinds", False)
        made.clear()
        history, *rest = ending(True, monkeypatch, rng=random, **more)
        assert (repr(told(history)), repr(rest)) == found[0][:2]
        assert len(made) > found[0][2] or diverges


def test_the_random_module_goes_on_from_what_somebody_has_drawn_meanwhile(monkeypatch):
    X, Y = moons(12)
    states, remember = [], early_stopping.Watched.remember

    def drawing(watch, *given):
        random.random()
        states.append(random.getstate())
        return remember(watch, *given)

    monkeypatch.setattr(early_stopping.Watched, "remember", drawing)
    history, _, after = ending(True, monkeypatch, rng=random, validation=(X, [-y for y in Y]), patience=1)
    assert history.stopped == "patience"
    assert len(states) < len(history.losses)
    random.setstate(states[-1])
    assert random.random() == after


@pytest.mark.parametrize("fault", ["", "another epoch", "no end", "orders stay drawn"])
def test_faults_in_how_patience_ends_a_call_are_noticed(fault, monkeypatch):
    X, Y = moons(12)
    more = {"validation": (X, [-y for y in Y]), "patience": 3}
    if fault in ("", "no end"):
        monkeypatch.setattr(early_stopping.Watched, "restore", lambda self: None)  # so that the last epoch shows
    wanted, before = ending(False, monkeypatch, **more), LookingEngine._kept_before
    if fault == "another epoch":
        monkeypatch.setattr(LookingEngine, "_kept_before", lambda self, later: before(self, later - 1))
    elif fault == "no end":
        monkeypatch.setattr(LookingEngine, "end", lambda self, later: None)
    elif fault:
        monkeypatch.setattr(Orders, "give_back", lambda self, epochs: None)
    found = ending(True, monkeypatch, **more)
    assert ((told(found[0])[0], *found[1:]) == (told(wanted[0])[0], *wanted[1:])) is not bool(fault)


def test_single_precision_is_looked_at_in_it(monkeypatch):
    told = []
    for looking in (True, False):
        with monkeypatch.context() as patch:
            if not looking:
                without_looks(patch)
            told.append(trained("llvm", dtype="float32", metrics=["mae", "accuracy"], validation=moons(40))[0].metrics)
    for a, b in zip(told[0].values(), told[1].values(), strict=True):
        assert a == pytest.approx(b, rel=1e-5)
    assert any(a != b for a, b in zip(told[0]["mae"], trained("llvm", metrics="mae")[0].metrics["mae"], strict=True))


def test_a_run_that_goes_on_from_a_file_finds_what_the_whole_one_found(tmp_path):
    def run(epochs, name):
        given = {"checkpoint": tmp_path / name, "resume": True, "metrics": ["mae", "accuracy"], "patience": 50}
        return trained("llvm", epochs=epochs, validation=moons(9), **given)[0]

    run(3, "a.txt")
    assert told(run(7, "a.txt")) == told(run(7, "b.txt"))


def test_faults_in_what_is_found_are_noticed(monkeypatch):
    """Each fault that is planted where looks are made shows in the check above."""
    found, part = native_look.Looks.found, native_look.NativeLook.part
    faults = [
        (native_look.Looks, "found", lambda self, epochs: [numbers[::-1] for numbers in found(self, epochs)]),
        (native_look.Looks, "found", lambda self, epochs: found(self, epochs)[::-1]),
        (native_look.Looks, "beside", lambda self, parameters, meanwhile: None),
        (native_look.NativeLook, "part", lambda self, k, parts: numpy.add(part(self, k, parts), (0, 8, 0, 0, 0, 0, 0))),
        (early_stopping, "total", lambda row: sum(row) * (1.0 + 1e-9)),
    ]
    for owner, name, fault in faults:
        noticed = []
        for seed, many in itertools.product(range(14), (1, 10**12)):
            with monkeypatch.context() as patch:
                patch.setattr(native_look, "WORTH_THREADS", many)
                patch.setattr(owner, name, fault)
                try:
                    check_alike(seed, patch)
                except (AssertionError, ValueError, IndexError, TypeError):
                    noticed.append(seed)
                    break
        assert noticed, fault


def test_threads_are_gone_with_the_run(monkeypatch):
    monkeypatch.setattr(native_look, "WORTH_THREADS", 1)
    trained("llvm", metrics="mae", epochs=3)
    assert not [thread for thread in threading.enumerate() if thread.name == "tinygrad_nn looks"]

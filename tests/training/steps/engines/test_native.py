"""Training steps in machine code: the engine's numbers within rounding, and whole runs as those of the python one."""

import math
import random
import signal
import threading
import warnings
from typing import Any

import pytest
from shared import half_adder
from training import (
    OPTIMIZERS,
    Momentumless,
    X,
    Y,
    all_near,
    eager,
    l2,
    native_step,
    numbers,
    root_mean_square,
    wrong_class,
)

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.compiler.backends.llvm import engine as native
from tinygrad_nn.training.steps.engines.native import NativeEngine
from tinygrad_nn.training.steps.run import Pace

pytest.importorskip("numpy", reason="numpy is not installed")


pytest.importorskip("llvmlite", reason="llvmlite is not installed")


@pytest.mark.parametrize("regularizer", [None, l2], ids=["plain", "l2"])
@pytest.mark.parametrize("batch_size", [1, 3, 4])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_steps_and_runs_equal_the_engine(name, batch_size, regularizer):
    models = [half_adder() for _ in range(3)]
    optimizers = [OPTIMIZERS[name](model.parameters()) for model in models]
    loss = tn.losses.squared_error
    step = native_step(models[1], loss, optimizers[1], regularizer)
    assert step.backend == "llvm"
    expected = []
    for _ in range(3):
        losses = []
        for rows, targets in tn.data.batches(X, Y, batch_size, shuffle=False):
            losses.append((eager(models[0], loss, optimizers[0], rows, targets, regularizer), len(rows)))
            all_near(step(rows, targets), losses[-1][0])
            all_near(numbers(optimizers[1]), numbers(optimizers[0]))
        expected.append(sum(value * n for value, n in losses) / len(X))
    history = native_step(models[2], loss, optimizers[2], regularizer).run(X, Y, epochs=3, batch_size=batch_size)
    all_near(numbers(optimizers[2]), numbers(optimizers[0]))
    all_near(history.losses, expected)
    assert history.stopped == "epochs"


@pytest.mark.parametrize("rows", [1, 7, 8, 9, 33, 100])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu"])
def test_networks_on_batches_of_any_size(rows, dtype, activation):
    X, Y = tn.data.moons(rows, rng=random.Random(4))
    Y = [2 * y - 1 for y in Y]
    models = [tn.MLP(2, [7, 20, 1], activation, rng=random.Random(2)) for _ in range(2)]
    optimizers = [tn.SGD(model.parameters(), lr=0.1, momentum=0.5) for model in models]
    step = native_step(models[1], "hinge", optimizers[1], l2, dtype=dtype)
    bound = 1e-11 if dtype == "float64" else 1e-4
    for _ in range(3):
        told = eager(models[0], tn.losses.hinge, optimizers[0], X, Y, l2)
        all_near(step(X, Y), told, bound)
    all_near(numbers(optimizers[1]), numbers(optimizers[0]), bound)


def test_a_planted_fault_is_caught(monkeypatch):
    from tinygrad_nn.compiler.backends.llvm import functions as llvm_functions
    from tinygrad_nn.compiler.backends.llvm.ir import Block

    monkeypatch.setitem(llvm_functions.SPELLINGS, "subtract", Block.add)
    with pytest.raises(AssertionError):
        test_steps_and_runs_equal_the_engine("momentum", 1, None)


def test_until_and_the_metric():
    told = []
    for backend in ("python", "llvm"):
        model = half_adder()
        optimizer = tn.SGD(model.parameters(), lr=2.0, momentum=0.5)
        step = tn.compile_step(model, "squared_error", optimizer, backend=backend)
        history = step.run(X, Y, epochs=100_000, until=(root_mean_square, 0.5))
        assert history.stopped == "until"
        told.append((history.epochs[-1], optimizer.steps, history.metrics["root_mean_square"][-1]))
    assert told[0][:2] == told[1][:2]
    all_near(told[1][2], told[0][2], 1e-9)


@pytest.mark.parametrize("stretch", [0.02, 0.0])
@pytest.mark.parametrize("batch_size", [1, 2, 3, 4])
@pytest.mark.parametrize("measured", [True, False])
@pytest.mark.parametrize("shuffle", [False, True])
def test_rows_that_disagree_are_left_to_python(batch_size, stretch, measured, shuffle, monkeypatch):
    monkeypatch.setattr(Pace, "STRETCH", stretch)
    options: dict[str, Any] = {"until": (root_mean_square, -1.0)} if measured else {}
    rows, targets = [[1.0], [-2.0], [3.0], [0.0], [-1.0], [2.0]], [float(i) for i in range(6)]
    told = []
    for backend in ("python", "llvm"):
        weight = Value(0.5)

        def model(x, weight=weight):
            return x[0] * weight if x[0] > 0.0 else x[0] * x[0] - weight

        optimizer = tn.SGD([weight], lr=0.05, momentum=0.5)
        step = tn.compile_step(model, "squared_error", optimizer, backend=backend)
        rng = random.Random(3)
        history = step.run(rows, targets, 30, batch_size, shuffle=shuffle, rng=rng, **options)
        metrics = history.metrics["root_mean_square"] if measured else []
        told.append([*numbers(optimizer), *history.losses, *metrics, rng.random()])
    assert len(told[0]) == 4 + 30 * (1 + measured)
    all_near(told[1], told[0])


@pytest.mark.parametrize("epochs_at_once", [1, 3, 100])
@pytest.mark.parametrize("batch_size", [1, 4, 10])
def test_shuffled_runs_draw_as_the_others_do(batch_size, epochs_at_once, monkeypatch):
    """However many epochs, each in its order, fall into a stretch."""
    pace, stretches = epochs_at_once * -(-10 // batch_size), list[Any]()
    monkeypatch.setattr(Pace, "took", lambda self, *given: setattr(self, "steps", pace))
    X, Y = tn.data.moons(10, rng=random.Random(4))
    told = []
    for backend in ("python", "llvm"):
        stretches.clear()
        model = tn.MLP(2, [3, 1], rng=random.Random(2))
        optimizer, rng = tn.SGD(model.parameters(), lr=0.1), random.Random(7)
        history = tn.compile_step(model, "squared_error", optimizer, backend=backend).run(
            X, Y, 8, batch_size, shuffle=True, rng=rng, progress=lambda history: stretches.append(len(history))
        )
        told.append([*numbers(optimizer), *history.losses, rng.random()])
    all_near(told[1], told[0])
    assert len(stretches) == {1: 8, 3: 4, 100: 2}[epochs_at_once]  # the first is of one step


@pytest.mark.parametrize(("hidden", "backend", "expected"), [(3, "llvm", 10), (400, "llvm", 4), (3, "python", 1)])
def test_small_steps_are_many_at_first(hidden, backend, expected, monkeypatch):
    """A short run is one stretch where nobody looks; not where steps take long, or are made by another engine."""
    X, Y = tn.data.moons(64, rng=random.Random(4))
    model, made = tn.MLP(2, [hidden, 1], rng=random.Random(2)), list[int]()
    monkeypatch.setattr(Pace, "took", lambda pace, steps, seconds: made.append(steps))
    step = tn.compile_step(model, "squared_error", tn.SGD(model.parameters(), lr=0.01), backend=backend)
    step.run(X, Y, 10, 64)
    assert (made[0], sum(made)) == (expected, 10)
    made.clear()
    step.run(X, Y, 2, 64, progress=lambda history: None)
    assert made == [1, 1]


@pytest.mark.parametrize("batch_size", [1, 2, 7])
@pytest.mark.parametrize("shuffle", [False, True])
def test_rows_that_disagree_only_in_a_later_epoch_of_a_stretch(batch_size, shuffle, monkeypatch):
    monkeypatch.setattr(Pace, "took", lambda self, *given: setattr(self, "steps", 70))
    monkeypatch.setattr(NativeEngine, "at_first", lambda *given: 1)
    rows, told, apart = [[0.1 * i] for i in range(1, 8)], [], []
    by_python = NativeEngine._apart

    def left(engine, stretch, batch):
        apart.append(batch >= stretch.batches)
        return by_python(engine, stretch, batch)

    monkeypatch.setattr(NativeEngine, "_apart", left)
    for backend in ("python", "llvm"):
        weight = Value(0.5)

        def model(x, weight=weight):
            return x[0] * weight if x[0] * weight < 0.62 else x[0] * weight * weight

        optimizer, rng = tn.SGD([weight], lr=0.01 * batch_size, momentum=0.5), random.Random(3)
        step = tn.compile_step(model, "squared_error", optimizer, backend=backend)
        history = step.run(rows, [2.0 * x for [x] in rows], 30, batch_size, shuffle=shuffle, rng=rng)
        told.append([*numbers(optimizer), *history.losses, rng.random()])
    all_near(told[1], told[0])
    assert True in apart


def test_settings_parameters_and_steps_of_all_kinds_alternate():
    models = [half_adder() for _ in range(2)]
    optimizers = [tn.SGD(model.parameters(), lr=0.3, momentum=0.9) for model in models]
    step = native_step(models[1], "squared_error", optimizers[1])
    changes = [
        lambda o: setattr(o, "lr", 0.01),
        lambda o: setattr(o, "lr", lambda k: 1.0 / (k + 1)),
        lambda o: setattr(o, "weight_decay", 0.5),
        lambda o: o.__dict__.update(momentum=0.25, nesterov=True),
        lambda o: setattr(o.parameters[3], "data", 2.0),
        lambda o: setattr(o, "state", [(0.125,)] * len(o.state)),
        lambda o: setattr(o, "weight_decay", 0.0),
    ]
    for i, change in enumerate(changes):
        for optimizer in optimizers:
            change(optimizer)
        for k in range(4):
            rows, targets = (X, Y) if k == 2 else (X[k : k + 1], Y[k : k + 1])
            told = eager(models[0], tn.losses.squared_error, optimizers[0], rows, targets)
            if (i + k) % 3:
                all_near(step(rows, targets), told)
            else:
                eager(models[1], tn.losses.squared_error, optimizers[1], rows, targets)
            all_near(numbers(optimizers[1]), numbers(optimizers[0]))


def test_progress_sees_and_sets_the_numbers():
    told = []
    for backend in ("python", "llvm"):
        model = half_adder()
        optimizer = tn.SGD(model.parameters(), lr=0.1, momentum=0.5)
        seen: list[Any] = []

        def progress(history, optimizer=optimizer, seen=seen):
            if not seen:
                optimizer.parameters[0].data += 1.0
                optimizer.momentum = 0.25
            seen.append(optimizer.parameters[0].data)

        step = tn.compile_step(model, "squared_error", optimizer, backend=backend)
        step.run(X, Y, epochs=3, batch_size=4, progress=progress)
        told.append([*numbers(optimizer), *seen[-1:]])
    all_near(told[1], told[0])


def test_a_bad_class_changes_nothing():
    X, Y = tn.data.spirals(30, rng=random.Random(1))
    model = tn.MLP(2, [4, 3], "tanh", rng=random.Random(2))
    optimizer = tn.Adam(model.parameters(), lr=0.02)
    step = native_step(model, "cross_entropy", optimizer)
    step.run(X, Y, batch_size=10)
    before = numbers(optimizer)
    for batch_size in (1, 10, 30):
        with pytest.raises(ValueError, match="got the index 3"):
            step.run(X, [*Y[:-1], 3], epochs=2, batch_size=batch_size)
        assert numbers(optimizer) == before
    assert math.isnan(step([[math.nan, 1.0]], [1]))


def test_an_update_that_branches_is_refused():
    model = half_adder()
    optimizer = Momentumless(model.parameters(), lr=0.1)
    with pytest.raises(TypeError, match=r"branches on numbers of a parameter.*give backend='python'"):
        native_step(model, "squared_error", optimizer)(X, Y)
    assert optimizer.steps == 0


def test_ctrl_c_ends_a_run_with_the_model_whole():
    model = half_adder()
    optimizer = tn.SGD(model.parameters(), lr=0.1)
    step = native_step(model, "squared_error", optimizer)
    step.run(X, Y)
    timer = threading.Timer(0.3, lambda: signal.raise_signal(signal.SIGINT))
    timer.start()
    history = step.run(X, Y, epochs=10**9)
    assert history.stopped == "interrupt"
    assert optimizer.steps == 4 + 4 * history.epochs[-1]


def test_a_second_model_of_the_same_shape_compiles_nothing():
    for seed in range(3):
        model = half_adder(seed)
        native_step(model, "squared_error", tn.SGD(model.parameters(), lr=0.1, momentum=0.5))(X, Y)
        if seed == 0:
            before = native.native.cache_info().misses
    assert native.native.cache_info().misses == before


def test_auto_goes_back_to_python_where_it_must():
    model = half_adder()
    optimizer = Momentumless(model.parameters(), lr=0.1)
    step = tn.compile_step(model, "squared_error", optimizer)
    assert step.backend == "llvm"
    step(X, Y)
    assert (step.backend, optimizer.steps) == ("python", 1)
    assert "def row_of_MLP" in step.source()


@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("trained", [slice(0, 9), slice(9, 17), slice(2, 13, 3)])
def test_values_that_are_not_trained_are_read_and_left_alone(trained, batch_size):
    scale, offset = Value(0.75), Value(-0.5)

    def loss(prediction, target):
        return scale * tn.losses.squared_error(prediction, target)

    def regularizer(model):
        return 0.01 * offset * l2(model)

    models = [half_adder() for _ in range(2)]
    optimizers = [tn.SGD(model.parameters()[trained], lr=0.5, momentum=0.5) for model in models]
    step = native_step(models[1], loss, optimizers[1], regularizer)
    for k in range(4):
        for rows, targets in tn.data.batches(X, Y, batch_size, shuffle=False):
            all_near(step(rows, targets), eager(models[0], loss, optimizers[0], rows, targets, regularizer))
        all_near([p.data for p in models[1].parameters()], [p.data for p in models[0].parameters()])
        all_near(numbers(optimizers[1]), numbers(optimizers[0]))
        for model in models:  # what is not trained is read at each step
            model.parameters()[0].data += 0.25
            model.parameters()[16].data -= 0.25
        offset.data, scale.data = 0.5 * k, 1.0 + k
    assert "reads" in str(step.program)


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("batch_size", [0, 1, 3, 20])
@pytest.mark.parametrize("bad", [0, 13, 19])
def test_a_class_that_is_none_names_its_row_and_updates_nothing(bad, batch_size, shuffle):
    told, before, after = wrong_class("llvm", bad, batch_size, shuffle)
    assert after == before
    assert told == wrong_class("python", bad, batch_size, shuffle)[0]


def test_a_batch_larger_than_all_rows_is_all_rows():
    told = []
    for backend in ("python", "llvm"):
        for size in (4, 5, 2**63 - 1):
            model = half_adder()
            step = tn.compile_step(model, "squared_error", tn.SGD(model.parameters(), lr=0.1), backend=backend)
            history = step.run(X, Y, epochs=3, batch_size=size, until=(root_mean_square, 1e-9))
            told.append([*history.losses, *history.metrics["root_mean_square"], *[p.data for p in model.parameters()]])
    for other in told[1:]:
        all_near(other, told[0])


def test_a_schedule_that_ends_keeps_the_steps_before():
    rates = [0.1, 0.2, 0.3]
    told = []
    for backend in ("python", "llvm"):
        model = half_adder()
        optimizer = tn.SGD(model.parameters(), lr=lambda k: rates[k])
        step = tn.compile_step(model, "squared_error", optimizer, backend=backend)
        with pytest.raises(IndexError):
            step.run(X, Y, epochs=9, batch_size=4)
        assert optimizer.steps == 3
        told.append(numbers(optimizer))
    all_near(told[1], told[0])


def test_arrays_with_masks_are_looked_at_row_by_row():
    numpy = pytest.importorskip("numpy")
    masked = numpy.ma.masked_array([1.0, 2.0, 3.0], mask=[0, 1, 0])
    for backend in ("python", "llvm"):
        model = tn.MLP(2, [1], rng=random.Random(0))
        step = tn.compile_step(model, "squared_error", tn.SGD(model.parameters(), lr=0.1), backend=backend)
        before = [p.data for p in model.parameters()]
        with pytest.raises(TypeError, match=r"^row 1 of X and Y, .* and None, must hold numbers"):
            step(numpy.ones((3, 2)), masked)
        assert [p.data for p in model.parameters()] == before


@pytest.mark.parametrize("batch_size", [1, 2, 7])
@pytest.mark.parametrize("shuffle", [False, True])
def test_a_run_whose_second_path_cannot_be_compiled_goes_on_where_it_was(batch_size, shuffle, monkeypatch):
    """The steps that machine code made in the stretch before it gave up are neither lost nor made twice."""
    monkeypatch.setattr(Pace, "took", lambda self, *given: setattr(self, "steps", 70))
    rows, told = [[0.1 * i] for i in range(1, 8)], []
    for backend in ("eager", "auto"):
        weight = Value(0.5)
        counted: list[int] = []

        def model(x, weight=weight, counted=counted):
            if x[0] * weight < 0.62:
                return x[0] * weight
            counted.append(len(counted))  # which no program does
            return x[0] * weight * weight

        optimizer, rng = tn.SGD([weight], lr=0.01 * batch_size, momentum=0.5), random.Random(3)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            history = tn.fit(
                model, rows, [2.0 * x for [x] in rows], "squared_error", optimizer, 30, batch_size, shuffle=shuffle,
                rng=rng, progress=False, backend=backend,
            )  # fmt: skip
        assert ["not compiled" in str(warning.message) for warning in caught] == [True] * (backend == "auto")
        assert counted
        assert optimizer.steps == 30 * -(-7 // batch_size)
        told.append([*numbers(optimizer), *history.losses, rng.random()])
    all_near(told[1], told[0])

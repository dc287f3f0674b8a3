"""Steps on sequences of several lengths are those of the recorded graph, on every back end."""

import random
from math import inf
from typing import Any

import pytest
from sequences import (
    Letters,
    Recurrent,
    cross_entropies,
    numbers_of_several_lengths,
    tokens_of_several_lengths,
)
from shared import needed
from training import BACKENDS, OPTIMIZERS, Momentumless, eager, equal, l2, numbers

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.compiler.backends.llvm import engine as llvm_engine
from tinygrad_nn.compiler.backends.python import loop as python_loop
from tinygrad_nn.compiler.target import Target
from tinygrad_nn.training.steps import several
from tinygrad_nn.training.steps.engines import native_text
from tinygrad_nn.training.steps.engines import python as python_engine
from tinygrad_nn.training.steps.engines.engine import Stretch
from tinygrad_nn.training.steps.engines.mixed import mixed_engine
from tinygrad_nn.training.steps.engines.mixed.mixed_engine import MixedEngine
from tinygrad_nn.training.steps.engines.mixed.mixed_text import MixedText
from tinygrad_nn.training.steps.recipe import Recipe
from tinygrad_nn.training.steps.rows import Orders, rows_of

COMPILED = [backend for backend in BACKENDS if backend != "eager"]
NUMBERS, TOKENS = numbers_of_several_lengths(), tokens_of_several_lengths()
HALVES = [[number * 0.5 for number in row] for row in NUMBERS[0]]
MODELS: dict[str, Any] = {
    "one number": (Recurrent, "squared_error", NUMBERS),
    "places": (lambda: Recurrent(places=4), "squared_error", NUMBERS),
    "one for each": (lambda: Recurrent(each=True), "squared_error", (NUMBERS[0], HALVES)),
    "tokens": (Letters, cross_entropies, TOKENS),
    "few targets": (Recurrent, "squared_error", (NUMBERS[0], [float(number > 0) for number in NUMBERS[1]])),
}  # fmt: skip


KINDS = OPTIMIZERS | {"one's own": lambda parameters: Momentumless(parameters, lr=0.01)}


def some_slow(names: Any, quick: Any) -> list[Any]:
    """The names as parameters, those marked slow that are not among the quick ones."""
    return [name if name in quick else pytest.param(name, marks=pytest.mark.slow) for name in names]


def fitted(backend, name="one number", kind="momentum", batch_size=4, trained=slice(None), **given):
    """Losses, numbers and the model of a short run of fit."""
    make, loss, (X, Y) = MODELS[name]
    model = make()
    optimizer = KINDS[kind](model.parameters()[trained])
    options = {"epochs": 3, "rng": random.Random(3), "progress": False, "backend": backend} | given
    history = tn.fit(model, X, Y, loss, optimizer, batch_size=batch_size, **options)
    return [*history.losses, *numbers(optimizer)], history, optimizer


def smaller(parameter):
    parameter.data *= 0.75


def close(found, wanted, bound=1e-9):
    assert found == pytest.approx(wanted, rel=bound, abs=bound)


@pytest.mark.parametrize("backend", COMPILED)
@pytest.mark.parametrize("batch_size", [1, 4, 13])
@pytest.mark.parametrize("name", some_slow(MODELS, ["places", "tokens"]))
def test_a_fit_is_that_of_the_recorded_graph(name, batch_size, backend):
    wanted, *_ = fitted("eager", name, batch_size=batch_size)
    found, _, optimizer = fitted(backend, name, batch_size=batch_size)
    assert optimizer.steps == 3 * -(-13 // batch_size)
    close(found, wanted)
    if backend == "python" and batch_size == 1:
        assert equal(found, wanted)


@pytest.mark.parametrize("backend", COMPILED)
@pytest.mark.parametrize("kind", some_slow(KINDS, ["momentum", "adam"]))
def test_optimizers_and_regularizers(kind, backend):
    if kind == "one's own" and backend == "llvm":
        backend = "auto"  # which takes the python back end for what branches
    wanted, *_ = fitted("eager", "places", kind, regularizer=l2)
    close(fitted(backend, "places", kind, regularizer=l2)[0], wanted)


@pytest.mark.parametrize("backend", COMPILED)
@pytest.mark.parametrize("trained", some_slow([slice(0, None, 2), slice(5), slice(3, None)], [slice(0, None, 2)]))
def test_parameters_that_are_only_read(trained, backend):
    """A longer sequence reads more of them than those before, also in a later call."""
    wanted, *_ = fitted("eager", "places", trained=trained, regularizer=l2)
    close(fitted(backend, "places", trained=trained, regularizer=l2)[0], wanted)
    told = []
    for by in ("eager", backend):
        model = Recurrent(places=6)
        optimizer = tn.SGD(model.parameters()[trained], lr=0.1, momentum=0.5)
        X, Y = NUMBERS
        losses = []
        step: Any = None if by == "eager" else tn.compile_step(model, "squared_error", optimizer, backend=by)
        for longest in (2, 4, 6, 3, 6):
            rows = [(x, y) for x, y in zip(X, Y, strict=True) if len(x) <= longest]
            x, y = map(list, zip(*rows, strict=True))
            losses.append(step(x, y) if step else eager(model, tn.losses.squared_error, optimizer, x, y))
            model.places[5].data += 0.25
        told.append([*losses, *numbers(optimizer)])
    close(told[1], told[0])


def own(prediction, target):
    return abs(prediction - target) * 2.0


def other(prediction, target):
    return (prediction - target) ** 2


@pytest.mark.parametrize("backend", COMPILED)
def test_metrics_validation_and_patience(backend):
    given: dict[str, Any] = {"kind": "adam", "patience": 2, "callbacks": [lambda h: h.epochs[-1] > 5], "epochs": 8}
    given |= {"validation": numbers_of_several_lengths(9, 5, longest=5), "metrics": ["mae", "rmse", other, "accuracy"]}
    for until in ((own, 5.0), (own, 1e9)):
        (wanted, first, _), (found, second, _) = (
            fitted(by, "few targets", until=until, **given) for by in ("eager", backend)
        )
        close(found, wanted)
        assert first.stopped == second.stopped
        assert [*first.metrics] == [*second.metrics]
        assert len(first.metrics) == 10
        for name, column in first.metrics.items():
            close(second.metrics[name], column)


@pytest.mark.parametrize("backend", BACKENDS)
def test_targets_of_several_lengths_have_no_accuracy_but_ones_own(backend):
    with pytest.raises(ValueError, match="as many targets in each row, but these have 1 to 3: give metrics"):
        fitted(backend, "tokens", metrics="accuracy")
    gradients = fitted(backend, "tokens", metrics="gradients")[1].metrics
    assert [*gradients] == ["gradient of embedding", "gradient of head"]
    assert all(map(all, gradients.values()))


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_sequence_of_predictions_is_measured_beside_its_targets(backend):
    """As they were given, whatever their shapes are and in which order they were looked at."""
    seen = []

    def seeing(prediction, target):
        seen.append((prediction, target))
        return float(len(target))

    model = Recurrent(each=True)
    X, Y = NUMBERS[0], HALVES
    given: dict[str, Any] = {"metrics": ["mae", seeing], "progress": False, "backend": backend}
    history = tn.fit(model, X, Y, "squared_error", tn.SGD(model.parameters(), lr=0.0), 1, **given)
    predictions = [[found.data for found in model(x)] for x in X]
    assert [target for _, target in seen[-13:]] == Y
    for found, wanted in zip(seen[-13:], predictions, strict=True):
        close(found[0], wanted)
    pairs = [pair for p, t in zip(predictions, Y, strict=True) for pair in zip(p, t, strict=True)]
    close(history.metrics["mae"], [sum(abs(p - t) for p, t in pairs) / len(pairs)])


@pytest.mark.parametrize("backend", COMPILED)
def test_nothing_is_compiled_again(backend, monkeypatch):
    """Not in the second epoch, nor in another call on the same lengths, in whatever turns, where a call has more
    lengths than are kept else."""
    monkeypatch.setattr(several, "MOST_SHAPES", 2)
    monkeypatch.setattr(mixed_engine, "MOST_SHAPES", 2)
    made = []

    def counting(module, name):
        function = getattr(module, name)

        def counted(*given, **more):
            made.append(name)
            return function(*given, **more)

        monkeypatch.setattr(module, name, counted)

    for module, name in (
        (native_text, "row_gradient"), (llvm_engine, "_engine"),
        (python_loop, "compiled"), (python_engine, "one_row"), (python_engine, "whole"),
    ):  # fmt: skip
        counting(module, name)
    model = Recurrent(1)
    step = tn.compile_step(model, "squared_error", tn.SGD(model.parameters(), lr=0.01), backend=backend)
    X, Y = [[0.5] * (k % 5 + 1) for k in range(11)], [1.0] * 11
    for size in (4, 1):
        step.run(X, Y, 1, size, shuffle=True, rng=random.Random(1))
        assert made or size == 1  # which machine code may have by the same functions
        made.clear()
        step.run(X, Y, 3, size, shuffle=True, rng=random.Random(2))
        assert not made
    for again in (False, True):
        for k in [*range(9)] * (1 + again):
            step([[0.5] * (k + 1)], [1.0])
        assert bool(made) is not again
        made.clear()


def test_calls_with_other_lengths_take_turns(monkeypatch):
    """What was compiled for the lengths of one is there when it is called again."""
    pytest.importorskip("llvmlite")
    made = list[Any]()
    right = MixedText.of_rows

    def counted(text, shapes, row, lanes):
        made.append(shapes)
        return right(text, shapes, row, lanes)

    monkeypatch.setattr(MixedText, "of_rows", counted)
    model = Recurrent(1)
    step = tn.compile_step(model, "squared_error", tn.SGD(model.parameters(), lr=0.01), backend="llvm")
    for lengths in [(1, 2), (3, 4)] * 2:
        step.run([[0.5] * k for k in lengths], [1.0] * len(lengths), 1, 2)
    assert len(made) == 4


@pytest.mark.parametrize("backend", COMPILED)
@pytest.mark.parametrize("seed", some_slow(range(8), [0]))
def test_steps_alternate_with_those_of_one_shape_and_of_a_users_loop(seed, backend):
    """Whatever is done between them: numbers, settings and parameters that are others, copies, frozen ones."""
    rng, (X, Y) = random.Random(seed), NUMBERS
    models = [Recurrent(places=3) for _ in range(2)]
    optimizers = [tn.Adam(model.parameters()[:-1], lr=0.02) for model in models]
    step = tn.compile_step(models[1], "squared_error", optimizers[1], l2, backend=backend)

    def both(change):
        for model, optimizer in zip(models, optimizers, strict=True):
            change(model, optimizer)

    changes = [
        lambda m, o: setattr(m.places[1], "data", 0.125),
        lambda m, o: setattr(m.places[2], "data", m.places[2].data * 0.5),  # which is not trained
        lambda m, o: setattr(o, "lr", 0.01),
        lambda m, o: setattr(o, "betas", (0.5, 0.75)),
        lambda m, o: setattr(o, "state", [tuple(x * 0.5 for x in state) for state in o.state]),
        lambda m, o: m.output.__setitem__(0, 0.25),
        lambda m, o: setattr(m, "each", m.each),
        lambda m, o: list(map(smaller, m.parameters())),
    ]
    for _ in range(14):
        places = rng.sample(range(13), rng.choice((1, 2, 5, 13)))
        if rng.random() < 0.2:
            places = [i for i in range(13) if len(X[i]) == len(X[places[0]])]
        x, y = [X[i] for i in places], [Y[i] for i in places]
        kind = rng.choice(("step", "step", "run", "by hand"))
        size = rng.randint(1, len(x)) if kind == "run" else len(x)
        parts = [slice(k, k + size) for k in range(0, len(x), size)]
        wanted = [eager(models[0], tn.losses.squared_error, optimizers[0], x[p], y[p], l2) for p in parts]
        if kind == "by hand":
            found = [eager(models[1], tn.losses.squared_error, optimizers[1], x, y, l2)]
        elif kind == "run":
            (found,) = [[loss] for loss in step.run(x, y, 1, size).losses]
            wanted = [sum(loss * len(x[p]) for loss, p in zip(wanted, parts, strict=True)) / len(x)]
        else:
            found = [step(x, y)]
        close([*found, *numbers(optimizers[1])], [*wanted, *numbers(optimizers[0])])
        if rng.random() < 0.5:
            both(rng.choice(changes))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("arrays", [False, True])
def test_rows_of_vectors_beside_rows_of_one_length(arrays, backend):
    """As lists of lists or as arrays of two dimensions, either of them to validate on."""
    if arrays:
        np = pytest.importorskip("numpy")
    weights = [Value(0.5), Value(-0.25), Value(0.125)]

    def model(vectors):
        state = 0.0
        for vector in vectors:
            state = tn.tanh(tn.dot(weights[:2], list(vector), state * weights[2]))
        return state

    rng = random.Random(1)
    short = [[[rng.uniform(-1, 1) for _ in range(2)] for _ in range(2)] for _ in range(5)]
    mixed = [[[rng.uniform(-1, 1) for _ in range(2)] for _ in range(1 + k % 3)] for k in range(5)]
    optimizer = tn.SGD(weights, lr=0.1, momentum=0.5)
    told = []
    for by in ("eager", backend):
        for weight, number in zip(weights, (0.5, -0.25, 0.125), strict=True):
            weight.data = number
        optimizer = tn.SGD(weights, lr=0.1, momentum=0.5)
        for X, other in ((short, mixed), (mixed, short)):
            X, other = ([np.array(row) for row in given] if arrays else given for given in (X, other))
            given: dict[str, Any] = {"progress": False, "rng": random.Random(2), "metrics": "mae", "backend": by}
            given["validation"] = other, [0.5] * 5
            history = tn.fit(model, X, [0.25, 0.5, 0.75, 1.0, 0.0], "squared_error", optimizer, 3, 2, **given)
            told.append([*history.losses, *(n for column in history.metrics.values() for n in column)])
        told.append(numbers(optimizer))
    for found, wanted in zip(told[3:], told[:3], strict=True):
        close(found, wanted)


@pytest.mark.parametrize("backend", COMPILED)
def test_rows_of_several_paths(backend):
    """Within one length and between lengths; the metric of `until` too."""

    def model(x):
        total = weights[0] * 1.0
        for number in x:
            total = total * weights[1] + number if number > 0.3 else total - weights[2] * number
        return total

    told = []
    for by in ("eager", backend):
        weights = [Value(0.5), Value(0.25), Value(-0.5)]
        optimizer = tn.SGD(weights, lr=0.05, momentum=0.5)
        given: dict[str, Any] = {"rng": random.Random(1), "progress": False, "backend": by, "until": (own, -1.0)}
        sums = [
            tn.fit(model, NUMBERS[0], NUMBERS[1], "squared_error", optimizer, 2, size, **given).metrics["own"]
            for size in (1, 4, 13)
        ]
        told.append([*numbers(optimizer), *sums[0], *sums[1], *sums[2]])
    close(told[1], told[0])


@pytest.mark.parametrize("backend", COMPILED)
@pytest.mark.parametrize("batch_size", [1, 4, 13])
def test_a_row_that_cannot_be_taken_changes_nothing(batch_size, backend):
    X, Y = TOKENS
    Y = [[*row] for row in Y]
    Y[11][-1] = 7
    model = Letters()
    optimizer = tn.SGD(model.parameters(), lr=0.1, momentum=0.5)
    step = tn.compile_step(model, cross_entropies, optimizer, backend=backend)
    before = numbers(optimizer)
    for shuffle in (False, True):
        with pytest.raises(ValueError, match=r"^row 11 of X and Y: got the index 7"):
            step.run(X, Y, 2, batch_size, shuffle=shuffle, rng=random.Random(2))
    with pytest.raises(ValueError, match=r"^row 11 of X and Y: got the index 7"):
        step(X, Y)
    assert equal(numbers(optimizer), before)
    assert step(*TOKENS) > 0


@pytest.mark.parametrize("backend", COMPILED)
def test_a_run_that_is_interrupted_is_whole(backend):
    """After some steps of it, as it would have been with as many."""
    (X, Y), stop = NUMBERS, 40

    def interrupting(history):
        if history.epochs and history.epochs[-1] >= stop:
            raise KeyboardInterrupt

    told = []
    for epochs in (10**6, None):
        model = Recurrent()
        optimizer = tn.SGD(model.parameters(), lr=0.01, momentum=0.5)
        step = tn.compile_step(model, "squared_error", optimizer, backend=backend)
        if epochs:
            history = step.run(X, Y, epochs, 5, shuffle=True, rng=random.Random(4), progress=interrupting)
            assert history.stopped == "interrupt"
            assert optimizer.steps >= 3 * stop
            made = optimizer.steps // 3
        else:
            step.run(X, Y, made, 5, shuffle=True, rng=random.Random(4))
        told.append(numbers(optimizer))
    close(told[0], told[1], 1e-12)


@pytest.mark.parametrize("backend", COMPILED)
def test_one_length_as_a_run_of_several(backend):
    """The last rows of a batch, of one shape each, and the numbers of an anomaly's steps."""
    model = Recurrent()
    optimizer = tn.SGD(model.parameters(), lr=0.1)
    step = tn.compile_step(model, "squared_error", optimizer, backend=backend)
    with tn.detect_anomaly():
        step.run(NUMBERS[0], NUMBERS[1], 2, 4)
    twin = Recurrent()
    other = tn.SGD(twin.parameters(), lr=0.1)
    for _ in range(2):
        for k in range(0, 13, 4):
            eager(twin, tn.losses.squared_error, other, NUMBERS[0][k : k + 4], NUMBERS[1][k : k + 4])
    close(numbers(optimizer), numbers(other))
    model.biases[0].data = float("inf")
    model.biases[1].data = float("-inf")
    with tn.detect_anomaly(), pytest.raises(tn.AnomalyError):
        step.run([[1e308, 1e308], [1.0]], [-1e308, 0.0], 1, 2)


def test_single_precision():
    needed("llvm")
    told = [fitted("llvm", "places", "adam", regularizer=l2, dtype=dtype)[0] for dtype in ("float64", "float32")]
    close(told[1], told[0], 1e-4)
    assert told[0] != told[1]
    model = Recurrent()
    step = tn.compile_step(model, "squared_error", tn.SGD(model.parameters(), lr=0.1), backend="llvm", dtype="float32")
    runs: tuple[Any, ...] = (step, step.run)
    for run in runs:
        with pytest.raises(ValueError, match=r"^row 3 of X and Y: 1e\+39 is larger than any float32"):
            run([[1.0], [1.0, 2.0], [1.0], [1e39]], [0.0] * 4)


def test_an_engine_goes_on_with_other_rows():
    """In the midst of a run, with lengths in another order, and in batches of another size."""
    needed("llvm")
    told = []
    for kind, backend in ((MixedEngine, "llvm"), (python_engine.PythonEngine, "python")):
        model = Recurrent()
        optimizer = tn.SGD(model.parameters(), lr=0.1, momentum=0.5)
        shapes, rows = rows_of(*NUMBERS)
        engine = kind(Recipe(model, tn.losses.squared_error, optimizer), shapes, Target(backend))
        others = rows_of(NUMBERS[0][::-1], NUMBERS[1][::-1])[1]
        for given, size in ((rows, 4), (others, 4), (others, 13), (rows, 13)):
            losses: list[float] = []
            while not (made := engine.stretch(Stretch(Orders(given, None), size, losses, 0.0, 1, 1, -inf))).means:
                losses = list(made.losses)
            told += made.means
        engine.put()
        told += numbers(optimizer)
    close(told[: len(told) // 2], told[len(told) // 2 :])


def test_machine_code_makes_them_and_shows_it():
    needed("llvm")
    model = Recurrent()
    step = tn.compile_step(model, "squared_error", tn.SGD(model.parameters(), lr=0.1), backend="llvm")
    step(*NUMBERS)
    assert type(step._latest) is MixedEngine
    assert step.source().count("define void @row_sums") == len({*map(len, NUMBERS[0])})
    assert "tanh" in str(step.program)

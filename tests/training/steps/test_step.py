"""Compiled training steps: the eager engine's numbers to the bit, whatever changes between and within them."""

import math
import random
import sys
import types
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import KINDS, extended, plans
from shared import files_passed, half_adder, needed, same
from training import (
    OPTIMIZERS,
    Momentumless,
    X,
    Y,
    compile_step,
    eager,
    equal,
    l2,
    numbers,
    root_mean_square,
)

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.compiler.backends.backend import BACKENDS, Backend, BackendError
from tinygrad_nn.compiler.backends.python import expressions
from tinygrad_nn.compiler.backends.python import loop as python_loop
from tinygrad_nn.compiler.program.program import OffPath
from tinygrad_nn.compiler.tracing.traced import TraceError


def interpreted(loop, rate=None):
    """A loop run by the program's interpreter, as `python_loop.compiled` runs it by generated code."""
    program = loop.program
    settled_slots = [slot for slot in loop.settled if slot != rate]

    def run(passes, put, ended, error, threshold, rates, settled, carried):
        numbers = dict(zip(settled_slots, settled, strict=True))
        numbers |= zip(loop.carried, carried, strict=True)
        for rows in passes:
            for row in rows:
                numbers |= zip(loop.each, row, strict=True)
                if rate is not None:
                    numbers[rate] = next(rates)
                try:
                    found = program.run(
                        *([numbers[s] for s in slots] for slots in (program.inputs, program.parameters))
                    )
                except OffPath:
                    return error, [numbers[slot] for slot in loop.carried]
                found = dict(zip(loop.outputs, found, strict=True))
                put(found[loop.loss])
                error += found.get(loop.metric, 0.0)
                numbers |= {slot: found[output] for slot, output in loop.carried.items()}
            ended(error)
            error = 0.0
        return error, [numbers[slot] for slot in loop.carried]

    return run


@pytest.mark.parametrize("regularizer", [None, l2], ids=["plain", "l2"])
@pytest.mark.parametrize("batch_size", [1, 3, 4])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_steps_and_runs_equal_the_engine_in_bits(name, batch_size, regularizer):
    """Steps on one row, and on batches of which the last is smaller."""
    models = [half_adder() for _ in range(3)]
    optimizers = [OPTIMIZERS[name](model.parameters()) for model in models]
    loss = tn.losses.squared_error
    step = compile_step(models[1], loss, optimizers[1], regularizer)
    expected = []
    for _ in range(5):
        losses = []
        for rows, targets in tn.data.batches(X, Y, batch_size, shuffle=False):
            losses.append((eager(models[0], loss, optimizers[0], rows, targets, regularizer), len(rows)))
            assert same(step(rows, targets), losses[-1][0])
            assert equal(numbers(optimizers[1]), numbers(optimizers[0]))
        expected.append(sum(value * n for value, n in losses) / len(X))
    run = compile_step(models[2], loss, optimizers[2], regularizer)
    history = run.run(X, Y, epochs=5, batch_size=batch_size)
    assert equal(numbers(optimizers[2]), numbers(optimizers[0]))
    assert history.losses == pytest.approx(expected, rel=1e-14)
    assert history.epochs == [1, 2, 3, 4, 5]
    assert history.stopped == "epochs"


@given(st.data())
@settings(max_examples=120, deadline=None)
def test_random_programs_train_to_the_same_bits(data):
    """Programs of all kinds, shared subexpressions and branches, whose captured parameters are trained."""
    plan = data.draw(plans(KINDS, most=12))
    point = st.floats(-3, 3) | st.sampled_from([0.0, -0.0, 1.0, math.inf, -math.inf, math.nan, 1e200])
    rows = data.draw(st.lists(st.tuples(point, point), min_size=1, max_size=5))
    start = data.draw(st.lists(st.floats(-2, 2), min_size=3, max_size=3))
    name = data.draw(st.sampled_from(sorted(OPTIMIZERS)))
    batch = data.draw(st.booleans())

    def trained(compiled):
        a, b, unused = (Value(number) for number in start)

        def model(x):
            x = [Value(number) if type(number) is float else number for number in x]
            return extended([a, b, *x, 0.5, a * b], plan)[-1] + 0.0 * a

        optimizer = OPTIMIZERS[name]([a, b, unused])
        loss = tn.losses.squared_error
        groups = [rows] if batch else [[row] for row in rows]
        told = []
        if compiled:
            step = compile_step(model, loss, optimizer)
            told = [step(group, [0.5] * len(group)) for group in groups]
        else:
            told = [eager(model, loss, optimizer, group, [0.5] * len(group)) for group in groups]
        return [*told, *numbers(optimizer)]

    expected, got = trained(False), trained(True)
    assert equal(got, expected), (got, expected)
    with mock.patch.object(python_loop, "compiled", interpreted):
        got = trained(True)
    assert equal(got, expected), (got, expected)


def test_a_planted_fault_is_caught(monkeypatch):
    spelling, *tightness = expressions.SPELLINGS["subtract"]
    monkeypatch.setitem(expressions.SPELLINGS, "subtract", (spelling.replace("-", "+"), *tightness))
    with pytest.raises(AssertionError):
        test_steps_and_runs_equal_the_engine_in_bits("momentum", 1, None)


def test_eager_and_compiled_steps_alternate_and_settings_change():
    """Whatever a user may set between steps is honoured: numbers, momentum, a schedule, Nesterov, weight decay."""
    models = [half_adder() for _ in range(2)]
    optimizers = [tn.SGD(model.parameters(), lr=0.3, momentum=0.9) for model in models]
    step = compile_step(models[1], "squared_error", optimizers[1])
    changes = [
        lambda o: setattr(o, "lr", 0.01),
        lambda o: setattr(o, "momentum", 0),
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
                assert same(step(rows, targets), told)
            else:
                eager(models[1], tn.losses.squared_error, optimizers[1], rows, targets)
            assert equal(numbers(optimizers[1]), numbers(optimizers[0])), (i, k)


def test_gradients_are_left_alone_and_the_model_is_read():
    model = half_adder()
    for parameter in model.parameters():
        parameter.grad = 7.0
    frozen = model.layers[0].parameters()
    before = [p.data for p in frozen]
    optimizer = tn.SGD(model.layers[1].parameters(), lr=0.5)
    step = compile_step(model, "squared_error", optimizer)
    first = step(X, Y)
    assert [p.data for p in frozen] == before
    assert {p.grad for p in model.parameters()} == {7.0}
    frozen[0].data += 5.0  # parameters that are not trained are read at each step, too
    assert step(X, Y) != pytest.approx(first)


@pytest.mark.parametrize("batch_size", [1, 2])
def test_an_optimizer_of_the_users_own(batch_size):
    models = [tn.MLP(2, [1], "tanh", "tanh", rng=random.Random(3)) for _ in range(2)]
    optimizers = [Momentumless(model.parameters(), lr=0.1) for model in models]
    step = compile_step(models[1], "hinge", optimizers[1])
    for rates in ([1.0, 0.5], [2.0, 0.25]):
        for optimizer in optimizers:
            optimizer.rates = rates
        step.run(X, [1, -1, -1, 1], epochs=3, batch_size=batch_size)
        for _ in range(3):
            for rows, targets in tn.data.batches(X, [1, -1, -1, 1], batch_size, shuffle=False):
                eager(models[0], tn.losses.hinge, optimizers[0], rows, targets)
        assert equal(numbers(optimizers[1]), numbers(optimizers[0]))


def test_a_fault_in_the_order_of_replacing_is_caught(monkeypatch):
    """A new state that is the old parameter must be read before the parameter is replaced."""
    replaced = python_loop._in_place

    def careless(body, loop, names):
        replaced(body, loop, names)
        for slot, output in loop.carried.items():
            names[output] = names[slot]
        return []

    monkeypatch.setattr(python_loop, "_in_place", careless)
    with pytest.raises(AssertionError):
        test_an_optimizer_of_the_users_own(1)


def test_classes_and_lookups_are_one_program():
    X, Y = tn.data.spirals(30, rng=random.Random(1))
    models = [tn.MLP(2, [4, 3], "tanh", rng=random.Random(2)) for _ in range(2)]
    optimizers = [tn.Adam(model.parameters(), lr=0.02) for model in models]
    step = compile_step(models[1], "cross_entropy", optimizers[1], l2)
    for rows, targets in tn.data.batches(X, Y, 10, shuffle=False):
        told = eager(models[0], tn.losses.cross_entropy, optimizers[0], rows, targets, l2)
        assert same(step(rows, targets), told)
    assert equal(numbers(optimizers[1]), numbers(optimizers[0]))
    before = numbers(optimizers[1])
    with pytest.raises(ValueError, match="index"):
        step.run(X, [*Y[:-1], 3], epochs=2)
    assert numbers(optimizers[1]) == before


def test_nan_in_the_data_is_told_by_the_loss():
    model = half_adder()
    step = compile_step(model, "squared_error", tn.SGD(model.parameters(), lr=0.1))
    assert math.isnan(step([[math.nan, 1.0]], [[0.0, 1.0]]))
    assert all(math.isnan(p.data) for p in model.layers[0].neurons[0].weights[:1])


class Leaky(tn.optim.Optimizer):
    initial_state = (0.0,)

    def update(self, parameter, gradient, state, lr, step):
        return parameter, ()


MODEL = half_adder()


def made(model=MODEL, loss="squared_error", optimizer=None, **options):
    return compile_step(model, loss, optimizer or tn.SGD(MODEL.parameters(), lr=0.1), **options)


def reset_lr(lr):
    optimizer = tn.SGD(MODEL.parameters(), lr=0.1)
    step = made(optimizer=optimizer)
    optimizer.lr = lr
    return step


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: made(model=3), TypeError, "the model must be a function or a Module, but got 3"),
        (lambda: made(regularizer=0.1), TypeError, "the regularizer must be a function or a Module, but got 0.1"),
        (lambda: made(loss="mse"), ValueError, "unknown loss 'mse'"),
        (lambda: made(optimizer=[1]), TypeError, r"the optimizer must be one such as tn.SGD"),
        (lambda: made(backend="fortran"), ValueError, "unknown back end 'fortran': give one of auto, python"),
        (lambda: made(dtype="float16"), ValueError, "unknown dtype 'float16': give one of float64, float32"),
        (lambda: made(dtype="float32"), ValueError, "python back end computes in dtype 'float64', but got 'float32'"),
        (lambda: made()([], []), ValueError, "X and Y are empty: a step is on one row or more"),
        (lambda: made().run(X, Y[:3]), ValueError, "X has 4 rows and Y 3: give one target for each row"),
        (lambda: made()([[0.0, 1.0], [1.0]], Y[:2]), ValueError, r"row 1 of X and Y: layer 1, neuron 1 takes 2 inputs"),
        (lambda: made()(X[:2], [[0.0, 1.0], 1.0]), ValueError, r"row 1 of Y has one number in no list and row 0 has 2"),
        (lambda: made()([[0.0, "a"]], Y[:1]), TypeError, r"row 0 of X and Y, \[0.0, 'a'\] .* must hold numbers"),
        (lambda: made()([[0.0, Value(1.0)]], Y[:1]), TypeError, "row 0 of X and Y"),
        (lambda: made()("ab", Y[:2]), TypeError, "X must be a list of rows, an array of two dimensions or a frame"),
        (lambda: made()(3.0, Y[:2]), TypeError, "X must be a list of rows"),
        (lambda: made()([[0.0, 1.0, 2.0]], Y[:1]), ValueError, "takes 2 inputs, but was given 3"),
        (lambda: made()(X, [[0.0]] * 4), ValueError, "2 outputs and 1 targets"),
        (lambda: made().run(X, Y, epochs=0), ValueError, "epochs must be a whole number of 1 or more, but got 0"),
        (lambda: made().run(X, Y, batch_size=1.5), TypeError, "batch_size must be a whole number .* but got 1.5"),
        (lambda: made().run(X, Y, rng=3), TypeError, "rng must be a generator"),
        (lambda: made().run(X, Y, until=0.1), TypeError, r"until wants \(metric, threshold\)"),
        (lambda: made().run(X, Y, until=(root_mean_square, "low")), TypeError, "threshold of until .* got 'low'"),
        (lambda: made().run(X, Y, until=(lambda p, t: p, 0.1)), TypeError, "the metric of until must give one number"),
        (lambda: made(loss=lambda p, t: "x")(X, Y), TypeError, "the loss must give one number, but gave 'x'"),
        (lambda: made(loss=lambda p, t: p)(X, Y), TypeError, "the loss must give one number"),
        (lambda: made(loss=lambda p, t: p[0].data)(X, Y), TraceError, "leave .data outside"),
        (lambda: made(regularizer=lambda model: model)(X, Y), TypeError, "the regularizer must give one number"),
        (lambda: made(optimizer=Leaky(MODEL.parameters(), 0.1))(X, Y), ValueError, "a state of 1 numbers and returned"),
        (lambda: reset_lr(-1.0)(X, Y), ValueError, "lr must be 0 or more"),
        (lambda: reset_lr(lambda step: -1.0)(X, Y), ValueError, "lr must be 0 or more"),
        (lambda: reset_lr(lambda step: 0.1 - step).run(X, Y), ValueError, "lr must be 0 or more"),
        (lambda: made().source(), ValueError, "no program yet: it is traced when it first runs"),
        (lambda: made().source("c"), ValueError, "runs on 'python', so its source is not in 'c'"),
    ],
)
def test_bad_input_is_refused_and_changes_nothing(call, error, words):
    before = MODEL.state_dict()
    with pytest.raises(error, match=words):
        call()
    assert MODEL.state_dict() == before


def test_steps_do_not_run_on_arrays_yet():
    pytest.importorskip("numpy", reason="numpy is not installed")
    with pytest.raises(ValueError, match="training steps run on backend='python', 'llvm' or 'auto', but got 'array'"):
        made(backend="array")


def test_a_back_end_that_is_not_installed_is_named(monkeypatch):
    module: Any = types.ModuleType("quick_back_end")
    module.BACKEND = Backend(
        lambda program, target: str(program),
        call=lambda program, target: program.run,
        needs=("no_such_package", "fast"),
    )
    monkeypatch.setitem(sys.modules, "quick_back_end", module)
    monkeypatch.setitem(BACKENDS, "quick", "quick_back_end")
    for make in (lambda **o: tn.compile(lambda x: x, **o), made):
        with pytest.raises(BackendError, match=r"'quick' needs no_such_package.*pip install 'tinygrad_nn\[fast\]'"):
            make(backend="quick")
        assert make(backend="auto").backend in ("python", "llvm")
        assert make(backend="python").backend == "python"


@pytest.mark.parametrize(("backend", "most"), [("llvm", 8), ("python", 16)])
def test_a_step_passes_few_files(backend, most):
    """Once it is compiled, one step(X, Y) on the moons: what comes between the call and the numbers can be read."""
    X, Y = tn.data.moons(100, rng=random.Random(1))
    model = tn.MLP(2, [16, 16, 1], rng=random.Random(2))
    optimizer = tn.SGD(model.parameters(), lr=0.1, momentum=0.9)
    step = tn.compile_step(model, "binary_cross_entropy_with_logits", optimizer, l2, backend=needed(backend))
    step(X, Y)
    passed = files_passed(lambda: step(X, Y))
    assert "training/steps/step.py" in {path.replace("\\", "/") for path in passed}
    assert len(passed) <= most, passed

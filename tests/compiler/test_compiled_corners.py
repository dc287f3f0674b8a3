"""Corners in which a compiled function or step could differ from the plain one without a word: agreed or refused."""

import gc
import linecache
import math
import random
import threading
from typing import Any

import pytest
from shared import half_adder, wrong
from training import compile_step, steps_agree

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.compiler.tracing.traced import TraceError

SQUARED = tn.losses.squared_error


@pytest.mark.parametrize("width", [99, 100, 101, 250])
def test_a_weight_used_more_often_than_a_line_is_wide(width):
    def make():
        weight = Value(0.1)
        return (lambda x: tn.sum([weight * e for e in x])), tn.SGD([weight], lr=1e-5, momentum=0.9)

    steps_agree(make, [[1.0] * width], [0.0])


def test_what_is_no_number_is_named():
    slope = Value(0.5)
    optimizer = tn.SGD([slope], lr=0.1)
    step = compile_step(lambda x: slope * x[0], SQUARED, optimizer)
    step([[1.0]], [0.0])
    slope.data = slope * 2.0
    with pytest.raises(TypeError, match=r"\.data of a Value was set to Value\(data="):
        step([[1.0]], [0.0])
    f = tn.compile(lambda x: x * slope)
    with pytest.raises(TypeError, match=r"\.data of a Value was set to|float"):
        f(1.0)
    slope.data = 0.5
    for state, error, words in (
        ([], ValueError, "has 1 parameters, but its state was set to 0"),
        ([("a",)], TypeError, "the state of the optimizer was set to 'a'"),
    ):
        optimizer.state = state
        with pytest.raises(error, match=words):
            step([[1.0]], [0.0])
    assert slope.data == 0.5


def test_powers_of_a_rows_numbers_are_pythons():
    rng = random.Random(1)
    for exponent in (2, 3, 4, 0.5):
        for _ in range(50):
            row = [rng.uniform(0, 3)]
            slope = Value(0.5)

            def model(x, slope=slope, exponent=exponent):
                return slope * x[0] ** exponent

            step = compile_step(model, SQUARED, tn.SGD([slope], lr=0.0))
            assert step([row], [0.0]) == SQUARED(model(row), 0.0).data


def test_compiled_functions_inside_compiled_ones_read_their_values():
    a = Value(2.0)
    inner = tn.compile(lambda x: x * a)
    outer = tn.compile(lambda y: y * inner(2.0))
    penalty = tn.compile(lambda: 0.5 * a * a)
    assert (outer(1.0), penalty()) == (4.0, 2.0)
    step = compile_step(lambda x: a * x[0], lambda p, t: (p - t) ** 2 + penalty(), tn.SGD([a], lr=0.1))
    first = step([[1.0]], [0.0])
    assert step([[1.0]], [0.0]) < first
    a.data = 10.0
    assert (outer(1.0), penalty()) == (20.0, 50.0)
    with pytest.raises(TraceError, match="the gradient of another compiled function cannot be compiled"):
        tn.compile(lambda y: y * inner.grad(2.0)[0])(1.0)


def test_lookups_and_equality_that_numbers_would_miss():
    with pytest.raises(TraceError, match="cannot be looked up in a set or a dict"):
        tn.compile(lambda x: x * 10.0 if x in {1.0, 2.0} else x)(1.0)


@pytest.mark.parametrize(
    "labels",
    [
        ("\u00b5", "\u03bc"), ("\ufb01", "fi"), ("x\u00b2", "x2"), ("\u00bd", "\u2460"), ("abs", "abs_"),
        ("zip", "ValueError"), ("ZeroDivisionError", "OffPath"), ("None", "lambda"), ("\u0438\u043c\u044f", "1"),
        ("a b", "a\nb"), ('"', "'"),
    ],
)  # fmt: skip
def test_labels_of_any_kind_stay_apart(labels):
    def make():
        a, b, c = (Value(0.1 * i + 0.2, label=label) for i, label in enumerate([*labels, "c"]))
        schedule = tn.optim.linear(0.1, 0.05, 3)
        return (lambda x: tn.log(abs(a * x[0])) + b * x[1] * c), tn.SGD([a, b, c], lr=schedule, momentum=0.5)

    steps_agree(make, [[2.0, 3.0]], [1.0])
    model, optimizer = make()
    compile_step(model, SQUARED, optimizer).run([[1.0, 1.0], [2.0, 3.0]], [1.0, 1.0], epochs=2)


@pytest.mark.parametrize("name", ["sin", "exp", "gelu", "maximum", "softplus", "relu", "clip"])
def test_the_librarys_own_functions_compile(name):
    function = getattr(tn, name)
    arguments = {"maximum": [1.0, 2.0], "clip": [1.0, 0.0, 0.5]}.get(name, [0.7])
    assert tn.compile(function)(*arguments) == function(*arguments)


@pytest.mark.parametrize("name", ["abs", "pow", "inf", "nan", "OffPath", "e", "print", "class"])
def test_functions_of_any_name_compile(name):
    def function(x, y):
        return abs(x) ** y + tn.log(x)

    function.__name__ = name
    assert tn.compile(function)(2.0, 0.5) == function(2.0, 0.5)
    assert tn.compile(function)(0.0, 0.5) == -math.inf


def test_deep_expressions_compile():
    for depth in (199, 201, 5000):

        def function(x, depth=depth):
            for _ in range(depth):
                x = tn.sin(-x)
            return x

        assert tn.compile(function)(0.5) == function(0.5)


def test_many_threads_share_a_compiled_function():
    def function(x):
        for k in range(12):
            if x < float(k):
                return x * float(k)
        return x

    f = tn.compile(function)
    told: list[Any] = []

    def work(seed):
        rng = random.Random(seed)
        for _ in range(300):
            x = rng.uniform(-1, 13)
            try:
                if f(x) != function(x):
                    told.append(x)
            except Exception as error:
                told.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == []


def test_nothing_is_left_behind(monkeypatch):
    """No source stays when a function is gone, but the latest, each once, and calls and rows make no cycles."""
    sources = []
    for count in (1, 20):
        for _ in range(count):
            f = tn.compile(lambda xs, y: tn.sum(xs) * y)
            f([1.0, 2.0], 3.0)
            f.grad([1.0, 2.0], 3.0)
        del f
        gc.collect()
        sources.append(len(linecache.cache))
    assert sources[1] <= sources[0]
    model = half_adder()
    step = compile_step(model, SQUARED, tn.SGD(model.parameters(), lr=0.1))
    f = tn.compile(lambda xs, y: tn.sum(xs) * y)
    rows = [[0.0, 1.0]] * 100
    step(rows, rows)
    f([1.0], 2.0)
    gc.collect()
    gc.disable()
    try:
        step(rows, rows)
        step.run(rows, rows)
        f([1.0], 2.0)
        assert gc.collect() < 60
    finally:
        gc.enable()
    monkeypatch.setattr("tinygrad_nn.training.steps.step.MOST_SHAPES", 8)
    for _ in range(20):
        step.run(rows[:1], rows[:1], until=(lambda p, t: tn.sum(p), 0.0))
    assert len(step._known) <= 8


def method_compiled():
    class Holder:
        value = tn.compile(lambda self, x: x)

    return Holder().value(1.0)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: tn.compile(lambda x: x)(x=1.0), TypeError, "compiled for arguments by position, but got x by name"),
        (
            lambda: tn.compile(lambda x: x).batch(wrong([1.0, 2.0])),
            TypeError,
            r"row 0 is 1.0: write \[\[x\], \[x\], ...\]",
        ),
        (method_compiled, TypeError, r"compile it where it is used, as tn.compile\(instance.method\)"),
    ],
)
def test_bad_input(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_bad_input_of_steps():
    model = half_adder()
    optimizer = tn.SGD(model.parameters(), lr=0.1)
    X, Y = tn.data.half_adder()
    with pytest.raises(TypeError, match=r"the loss must be a function .* but got \[1\]"):
        compile_step(model, [1], optimizer)
    step = compile_step(model, SQUARED, optimizer)
    with pytest.raises(TypeError, match="progress wants a function of the history, but got 3"):
        step.run(X, Y, progress=wrong(3))
    assert optimizer.steps == 0
    numpy = pytest.importorskip("numpy", reason="numpy is not installed")
    assert step.run(X, Y, epochs=numpy.int64(2)).epochs == [1, 2]

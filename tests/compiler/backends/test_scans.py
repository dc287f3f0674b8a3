"""Loops over time on arrays: a loop for NumPy and jax.lax.scan for JAX, the same numbers as written out."""

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loop_plans import arguments, recurrences
from loop_plans import written_out as of_plan
from natural_loops import gated_net, kalman_filter, moving_average, numbers, recurrent_net
from programs import near
from repeats import PROGRAMS, guarded, plainly, written_out

import tinygrad_nn as tn
from tinygrad_nn.compiler.backends.array import rows as rows_of_arrays
from tinygrad_nn.compiler.backends.array.iterations import windows
from tinygrad_nn.compiler.backends.array.printer import Printer
from tinygrad_nn.compiler.backends.array.rows import ArrayProgram, in_loops
from tinygrad_nn.compiler.function import compile
from tinygrad_nn.compiler.loops.groups import Repeated
from tinygrad_nn.compiler.loops.roll import rolled
from tinygrad_nn.compiler.program.program import OffPath
from tinygrad_nn.compiler.target import Target
from tinygrad_nn.support.nested import leaves

numpy = pytest.importorskip("numpy", reason="numpy is not installed")


def jax_numpy():
    jax = pytest.importorskip("jax", reason="jax is not installed")
    jax.config.update("jax_enable_x64", True)
    return jax.numpy


NAMESPACES = pytest.mark.parametrize("namespace", [lambda: numpy, jax_numpy], ids=["numpy", "jax"])


def garch(returns, w, a, b):
    variance, likelihood = 0.01, 0.0
    for x in returns:
        if x > 2.0:
            return likelihood
        likelihood = likelihood + tn.log(variance) + x * x / variance
        variance = w + a * x * x + b * variance
    return likelihood


def of_two_lags(xs, a, b, kind):
    """A loop in a loop, numbers of two iterations before, literals that differ, and what is taken by a number."""
    last, before, total = 0.0, 0.0, 0.0
    for t, x in enumerate(xs):
        last, before = x - a * last - b * before, last
        inner = last
        for _ in range(12):
            inner = inner - 0.1 * tn.sin(inner)
        last = last + 0.1 * inner
        total = total + tn.take([last, before], kind) * (0.1 * (t % 3))
    return total


RNG = random.Random(3)
NET = [numbers(RNG, *shape) for shape in [(20,), (5, 5), (5,), (5,), (5,)]]
CASES: dict[str, tuple[Callable[..., Any], list[Any]]] = {
    "recurrent": (recurrent_net, NET),
    "garch": (garch, [numbers(RNG, 40), 0.01, 0.1, 0.8]),
    "two lags": (of_two_lags, [numbers(RNG, 40), 0.5, 0.3, 1.0]),
    "gated": (gated_net, [numbers(RNG, 20), *(numbers(RNG, *shape) for shape in 3 * [(5, 5), (5,)]), numbers(RNG, 5)]),
    "moving average": (moving_average, [numbers(RNG, 40), 0.01, 0.5, 0.3]),
    "Kalman": (kalman_filter, [numbers(RNG, 40), 0.1, 0.1, 0.3]),
}


def traced(name):
    """The programs of the value and of the gradient, and some rows of inputs."""
    function, args = CASES[name]
    f = compile(function, backend="python")
    f.value_and_grad(*args)
    row = list(leaves(args))
    rows = [[x * (1 + 0.01 * k) if x != 1.0 else x for x in row] for k in range(11)]
    path = f.traced(*args)
    return path.value, path.gradient, rows


def hand_made():
    """Each program in NumPy and in JAX, which compiles for a while: the most of those are for CI."""
    for name in PROGRAMS:
        for dtype in ("float64", "float32"):
            yield pytest.param(name, dtype, lambda: numpy, id=f"{name}-{dtype}-numpy")
            quick = (name, dtype) in [("nest", "float64"), ("literals", "float32")]
            marks = () if quick else pytest.mark.slow
            yield pytest.param(name, dtype, jax_numpy, id=f"{name}-{dtype}-jax", marks=marks)


@pytest.mark.parametrize(("name", "dtype", "namespace"), list(hand_made()))
def test_hand_made_repeats(name, dtype, namespace):
    xp = namespace()
    program, body = PROGRAMS[name]
    roll = rolled(replace(program, body=written_out(program, body).body), body)
    rows = 0.1 + 0.01 * numpy.random.default_rng(1).random((11, len(program.inputs)))
    expected = [plainly(program, body, row) for row in rows.tolist()]
    run = ArrayProgram(roll, Target("array", dtype=dtype, chosen_namespace=xp))
    for count in (1, 11, 66)[xp is not numpy :]:
        outputs, on_path = run(xp.asarray(numpy.tile(rows, (6, 1))[:count], dtype=dtype))
        assert str(outputs.dtype) == dtype
        assert on_path.all()
        numpy.testing.assert_allclose(outputs[:11], expected[:count], rtol=1e-13 if dtype == "float64" else 2e-6)


@NAMESPACES
def test_a_guard_in_an_iteration_leaves_the_path(namespace):
    xp = namespace()
    program, body = guarded()
    roll = rolled(replace(program, body=written_out(program, body).body), body)
    run = ArrayProgram(roll, Target("array", chosen_namespace=xp))
    rows = [[0.5, 2.0, 3.0, 9.0], [2.0, 2.0, 3.0, 7.0], [0.1, 0.2, 0.3, 0.4]]
    outputs, on_path = run(xp.asarray(rows))
    assert on_path.tolist() == [True, False, True]
    assert outputs[2].tolist() == pytest.approx(plainly(program, body, rows[2]), rel=1e-15)


@pytest.mark.parametrize(
    ("name", "namespace"),
    [
        *[pytest.param(name, lambda: numpy, id=f"{name}-numpy") for name in CASES],
        *[pytest.param(name, jax_numpy, id=f"{name}-jax", marks=pytest.mark.slow) for name in CASES],
    ],
)
def test_loops_that_were_found(name, namespace):
    xp = namespace()
    value, gradient, rows = traced(name)
    for program in (value, gradient):
        roll = in_loops(program)
        assert any(isinstance(group, Repeated) for group in roll.groups)
        expected = [program.run(row) for row in rows]
        run = ArrayProgram(roll, Target("array", chosen_namespace=xp))
        for count in (1, 11, 66):
            outputs, on_path = run(xp.asarray((rows * 6)[:count]))
            assert on_path.all()
            for got, wanted in zip(outputs.tolist(), expected, strict=False):
                assert all(near(a, b, 1e-11) for a, b in zip(got, wanted, strict=True))


def test_jax_maps_and_differentiates_the_loop():
    xp = jax_numpy()
    import jax

    value, gradient, rows = traced("recurrent")
    run = ArrayProgram(in_loops(value), Target("array", chosen_namespace=xp)).compiled
    none = xp.zeros((0,))

    def alone(row):
        return run(row[None], none)[0][0, 0]

    found = jax.jit(jax.vmap(jax.value_and_grad(alone)))(xp.asarray(rows))
    for value_, flows, row in zip(*map(numpy.asarray, found), rows, strict=True):
        assert [value_, *flows] == pytest.approx(gradient.run(row), rel=1e-11, abs=1e-13)


@pytest.mark.parametrize("namespace", [lambda: numpy, pytest.param(jax_numpy, marks=pytest.mark.slow)])
def test_sums_over_time(namespace):
    """Of series in both directions, by turns, by factors that are the same, literals, and over and over the same."""

    def sums(xs, ys, a, b):
        h, kept, turns = a, [], []
        for x, y in zip(xs, ys, strict=True):
            h = h * b + x
            kept.append(h)
            turns += [h, x * y]
        n, back = len(xs), kept[::-1]
        columns = [(kept, back), ([a] * n, kept), ([a] * n, [b] * n), ([2.0] * n, xs), ([1.0] * 2 * n, turns)]
        columns += [(xs + [a, b], back + [b, a]), (kept[::2], ys[: n // 2]), ([0.1 * k for k in range(n)], kept)]
        return [tn.dot(ws, zs, bias) for ws, zs in columns for bias in (0.0, -0.0, a)]

    args = [numbers(RNG, 40), numbers(RNG, 40), 0.3, 0.9]
    f = compile(sums, backend="python")
    f(*args)
    rows, xp = [list(leaves(args)), [2 * x for x in leaves(args)]], namespace()
    program = f.traced(*args).value
    outputs, _ = ArrayProgram(in_loops(program), Target("array", chosen_namespace=xp))(xp.asarray(rows))
    numpy.testing.assert_allclose(outputs, [program.run(row) for row in rows], rtol=1e-12, atol=1e-14)


def check_random_loops(examples, namespace=numpy):
    @given(recurrences(irregular=True), st.integers(1, 20), st.integers(0, 5))
    @settings(max_examples=examples, deadline=None)
    def check(plan, times, seed):
        f = compile(of_plan(plan, times), backend="python")
        f.value_and_grad(*arguments(times, seed))
        path = f.traced(*arguments(times, seed))
        rows = [list(leaves(arguments(times, seed + k))) for k in range(3)]
        for program in (path.value, path.gradient):
            run = ArrayProgram(rolled(program), Target("array", chosen_namespace=namespace))
            found = [run(namespace.asarray(those)) for those in (rows, rows * 22)]  # few, and more than FEW_ROWS
            outputs, on_path = (numpy.concatenate(parts)[: len(rows) * 2] for parts in zip(*found, strict=True))
            for row, got, flag in zip(rows * 2, outputs.tolist(), on_path.tolist(), strict=True):
                try:
                    expected = program.run(row)
                except OffPath:
                    assert not flag
                    continue
                assert flag
                scale = max(1.0, *map(abs, expected))
                if not scale < 1e6:
                    continue  # where rounding decides
                assert all(near(a, b, 1e-9) or abs(a - b) <= 1e-9 * scale for a, b in zip(got, expected, strict=True))

    check()


def test_random_loops():
    check_random_loops(10)


@pytest.mark.slow
def test_many_random_loops():
    check_random_loops(150)


def test_rows_that_leave_a_loop():
    f = tn.compile(garch, backend="array")
    args = CASES["garch"][1]
    late = [*args[0][:30], 3.0, *args[0][31:]]
    rows = [args, [late, *args[1:]], args]
    found = [float(value) for value in f.batch(rows)]
    assert found == pytest.approx([garch(*row) for row in rows], rel=1e-12)


def test_the_source_is_a_loop_of_any_length():
    lengths = []
    for steps in (40, 80):
        f = tn.compile(garch, backend="array")
        f.value_and_grad(numbers(RNG, steps), 0.01, 0.1, 0.8)
        text = f.source("array", gradient=True)
        lengths.append(text.count("\n"))
        assert text.count("= scan(") == 2
    assert lengths[0] == lengths[1] < 80


def test_what_is_computed_at_once_is_not_computed_in_turn(monkeypatch):
    """Little of an iteration waits for the one before, and the rest is of all of them as one array."""

    def filtered(start, noise):
        x = start
        for z in noise:
            for _ in range(6):
                z = tn.sin(tn.exp(z * 0.3)) - tn.tanh(z)
            x = x * 0.9 + z
        return x

    f = tn.compile(filtered, backend="array")
    f(1.0, numbers(RNG, 60))
    assert "scan" not in f.source("array")
    monkeypatch.setattr(rows_of_arrays, "MOST_IN_TURN", 10**9)
    assert "scan" in f.source("array")


@pytest.mark.parametrize("rows", [(), (3,)])
def test_windows_of_a_series(rows):
    array = numpy.reshape(numpy.arange(20 * (3 if rows else 1)), (*rows, 20))
    for start, stride, times, length in [(0, 1, 20, 1), (2, 3, 5, 3), (4, 3, 5, 4), (19, -1, 20, 1), (15, -3, 6, 4),
                                         (0, 0, 4, 2), (1, 2, 9, 1), (18, -2, 9, 2), (5, 7, 1, 3)]:  # fmt: skip
        found = windows(numpy)(array, start, stride, times, length)
        expected = [array[..., start + stride * t : start + stride * t + length].tolist() for t in range(times)]
        assert found.tolist() == expected


@pytest.mark.parametrize("name", ["backwards", "neurons"])
def test_a_planted_fault_is_caught(name, monkeypatch):
    right = Printer._series
    monkeypatch.setattr(
        Printer, "_series", lambda *args: right(*args).replace("windows(inputs, ", "windows(inputs, -1 + ")
    )
    with pytest.raises(AssertionError):
        test_hand_made_repeats(name, "float64", lambda: numpy)

"""Random programs on every back end against the engine: in bits where that is promised, else within the bound."""

import contextlib
import functools
import itertools
import math
import random
from typing import Any
from unittest import mock

import pytest
from bounds import bounded, single
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import (
    ARITHMETIC,
    BATCHES,
    SMOOTH,
    bits,
    eager,
    extended_by_lists,
    plans,
    with_a_group_after_its_reader,
    with_lanes_exchanged,
)

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.autograd.primitives import TABLE
from tinygrad_nn.compiler.backends.array import printer as array
from tinygrad_nn.compiler.backends.llvm import printer as llvm
from tinygrad_nn.compiler.program import rewrite
from tinygrad_nn.compiler.program.program import COMPARISONS, Guard, OffPath

pytest.importorskip("numpy", reason="numpy is not installed")

DTYPES = ["float64", "float32"]
JITTED = "array on jax"


@functools.cache
def options_of(backend):
    """What to give `compile` for a back end; skips where its package is not installed."""
    if backend == JITTED:
        jax = pytest.importorskip("jax", reason="jax is not installed")
        jax.config.update("jax_enable_x64", True)
        return {"namespace": jax.numpy}
    if backend.startswith("llvm"):
        pytest.importorskip("llvmlite", reason="llvmlite is not installed")
    name, _, exact = backend.partition(" ")
    return {"backend": name, "exact": bool(exact)}


def jitted():
    """Array programs compiled by JAX."""
    import jax

    plain = array.Printer.function
    return mock.patch.object(array.Printer, "function", lambda *given: jax.jit(plain(*given)))


def in_dtype(number, dtype):
    return single(number) if dtype == "float32" else number


def rounded(program, row):
    """The outputs of a program whose every operation is rounded to float32, products and sums of a dot one by one."""
    numbers = dict(zip(program.inputs, row, strict=True))
    numbers |= {slot: single(value.data) for slot, value in program.parameters.items()}
    numbers |= {slot: single(number) for slot, number in program.literals.items()}
    for entry in program.body:
        if isinstance(entry, Guard):
            if COMPARISONS[entry.comparison](numbers[entry.left], numbers[entry.right]) is not entry.expected:
                raise OffPath(entry.where)
            continue
        given = [tuple(numbers[s] for s in o) if isinstance(o, tuple) else numbers[o] for o in entry.operands]
        if entry.primitive is TABLE["dot"]:
            result = given[2]
            for w, x in zip(*given[:2], strict=True):
                result = single(result + single(w * x))
        else:
            result = single(entry.primitive.value(*given))
        numbers[entry.slot] = result
    return [numbers[slot] for slot in program.outputs]


def on_some_path(outputs_of, trace, programs, row):
    """The outputs for a row by the program whose path it takes."""
    for program in programs:
        try:
            return outputs_of(program, row)
        except OffPath:
            continue
    programs.append(trace(row))
    return outputs_of(programs[-1], row)


def check(function, rows, backend, dtype="float64", sizes=BATCHES, calls=3):
    """Values and gradients of batches, and of single calls, are the engine's."""
    plain = tn.compile(function, backend="python")
    f = tn.compile(function, dtype=dtype, **options_of(backend))

    def trace(row):
        plain.value_and_grad(*row)
        return plain.gradient_program.flat

    rows = [[in_dtype(number, dtype) for number in row] for row in rows]
    told, programs = [], list[Any]()
    for row in rows:
        value, gradients = eager(function, row)
        expected = [value, *gradients]
        if backend == "llvm exact" and dtype == "float32":
            expected = on_some_path(rounded, trace, programs, row)
        allowed = None if backend == "llvm exact" else bounded(trace, programs, row, dtype)
        told.append((row, expected, allowed))

    def compare(got, row, expected, allowed):
        if backend == "llvm exact":
            assert all(map(bits, got, expected)), (len(rows), row, got, expected)
        elif allowed is not None:
            for a, b, (_, off) in zip(got, expected, allowed, strict=True):
                # what overflows, or may, has no bound
                assert not off < math.inf or not math.isfinite(b) or abs(a - b) <= off, (row, got, expected, off)

    with jitted() if backend == JITTED else contextlib.nullcontext():
        for size in sizes:
            values, gradients = f.batch(rows[:size], gradients=True)
            assert len(values) == len(gradients) == len(rows[:size])
            flat_values = [float(value) for value in values]
            for case, value, slopes in zip(told, flat_values, gradients, strict=False):
                compare([value, *map(float, slopes)], *case)
    for case in told[:calls] if backend.startswith("llvm") else []:
        row = case[0]
        value, slopes = f.value_and_grad(*row)
        compare([value, *slopes], *case)
        compare([f(*row)], row, case[1][:1], case[2][:1] if case[2] else None)
    return told


def weights_of(n):
    return [Value(0.25 * i - 0.5) for i in range(n)]


def smooth_program(plan, n, branches):
    """A program of lists of n numbers, none of them large, that parts ways by up to two comparisons."""
    weights = weights_of(n)

    def function(*scalars):
        pool = extended_by_lists([*scalars, *weights], plan, n, tn.tanh)
        total = tn.sum(pool[-n:]) + tn.dot(pool[-n:], pool[:n]) + 0.0 * scalars[0]
        for i, j in branches:
            x, y = (pool[place % len(pool)] for place in (i, j))
            total = total * x if x > y else total - y
        return total

    return function


def arithmetic_program(plan, n, branches):
    """A program of + - * / sqrt abs, comparisons, relu and dot."""
    weights = weights_of(n)

    def function(*scalars):
        pool = extended_by_lists([*scalars, *weights], plan, n)
        total = tn.sum(pool[-n:]) + tn.sqrt(abs(tn.dot(pool[-n:], pool[:n]))) + 0.0 * scalars[0]
        for i, j in branches:
            x, y = (pool[place % len(pool)] for place in (i, j))
            total = total * x if x > y else total - y
        return total

    return function


def differ(backend, dtype, data, sizes=BATCHES, least=2):
    """Draw a program and rows, and check them."""
    n = data.draw(st.integers(1, 6))
    exact = backend == "llvm exact"
    plan = data.draw(plans(ARITHMETIC if exact else SMOOTH, 4, least))
    branches = data.draw(st.lists(st.tuples(*[st.integers(0, 90)] * 2), max_size=2))
    rng = random.Random(data.draw(st.integers(0, 10**6)))

    def number():
        large = 1e200 if dtype == "float64" else 1e25
        return rng.choice([rng.uniform(-2, 2), 0.0, math.inf, large]) if exact else rng.uniform(-1, 1)

    rows = [[number() for _ in range(2 * n)] for _ in range(max(sizes))]
    return check((arithmetic_program if exact else smooth_program)(plan, n, branches), rows, backend, dtype, sizes)


MOST = {"array": 10, JITTED: 2, "llvm": 3, "llvm exact": 4}  # examples


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("backend", MOST)
def test_random_programs(backend, dtype):
    options_of(backend)

    @settings(max_examples=MOST[backend])
    @given(st.data())
    def battery(data):
        differ(backend, dtype, data, [7] if backend == JITTED else BATCHES)

    battery()


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("backend", MOST)
def test_many_random_programs(backend, dtype):
    options_of(backend)

    @settings(max_examples=(2 if backend == JITTED else 6) * MOST[backend])
    @given(st.data())
    def battery(data):
        differ(backend, dtype, data, least=1)

    battery()


@pytest.mark.parametrize("backend", ["array", "llvm"])
def test_rows_that_part_ways(backend):
    """Four paths, of which some rows of a batch are on each; where the comparisons are equal, too."""

    def function(x, y):
        if x > y:
            return x * y if x >= 0.5 else tn.exp(x) - y
        return x / (y * y + 1.0) if x >= y else tn.sin(x) + y

    rng = random.Random(1)
    rows = [[rng.randrange(-4, 5) / 4, rng.randrange(-4, 5) / 4] for _ in range(100)]
    for dtype in DTYPES:
        told = check(function, rows, backend, dtype)
        assert all(allowed is not None for _, _, allowed in told)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("backend", ["array", "llvm"])
def test_a_class_that_is_none_names_its_row(backend, dtype):
    """On one path, and where rows before it, and it, are on another than the first."""

    def straight(a, b, t):
        return tn.losses.cross_entropy([a, b], t)

    def parting(a, b, t):
        return tn.losses.cross_entropy([a, b], t) if a < 3.0 else tn.losses.cross_entropy([b, a * b], t)

    rows = [[5.0 * (k % 2), 1.0, 1.0] for k in range(12)]
    for function in (straight, parting):
        f = tn.compile(function, dtype=dtype, **options_of(backend))
        expected = [function(*row) for row in rows]
        for gradients in (False, True):
            for bad in (0, 3, 9, 11):
                for wrong in (2.0, -1.0, 0.5, math.nan):
                    given = [row if k != bad else [*row[:2], wrong] for k, row in enumerate(rows)]
                    with pytest.raises(ValueError, match=f"^row {bad}: got the index"):
                        f.batch(given, gradients)
            values = f.batch(rows, gradients)
            assert (values[0] if gradients else values) == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_the_bound_is_narrow():
    """Of a network, in float64 a few parts in 10**13 of the largest derivative."""
    rng = random.Random(3)
    model = tn.MLP(4, [16, 8, 1], "tanh", rng=rng)
    rows = [[rng.gauss(0, 1) for _ in range(4)] for _ in range(8)]
    told = check(lambda *x: model(list(x)), rows, "array", sizes=[8])
    for _, expected, allowed in told:
        assert max(off for _, off in allowed) < 5e-13 * max(map(abs, expected))


def network(*scalars):
    """A fixed program with dots, an activation, a product and a quotient."""
    model = tn.MLP(4, [9, 2], "tanh", rng=random.Random(1))
    a, b = model(list(scalars))
    return a * b / (1.0 + a * a)


def without_an_operand(with_dots):
    def wrong(program):
        found = with_dots(program)
        for k, entry in enumerate(found.entries):
            if getattr(entry, "primitive", None) is TABLE["dot"] and len(entry.operands[0]) > 2:
                ws, xs, b = entry.operands
                found.entries[k] = type(entry)(entry.slot, entry.primitive, (ws[:-1], xs[:-1], b))
        return found

    return wrong


FAULTS = {
    "a lane exchanged": (llvm, "turned", with_lanes_exchanged, "llvm"),
    "a group after its reader": (llvm, "clusters", with_a_group_after_its_reader, "llvm"),
    "an operand dropped": (rewrite, "with_dots", without_an_operand, "llvm"),
    "an operand dropped, on arrays": (rewrite, "with_dots", without_an_operand, "array"),
}


def many_products(*scalars):
    """A sum of many products, which becomes a dot."""
    return tn.sum([x * y for x, y in itertools.pairwise(scalars)])


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_caught(name, monkeypatch):
    module, function, spoiled, backend = FAULTS[name]
    options_of(backend)
    rng = random.Random(5)
    rows = [[rng.uniform(-1, 1) for _ in range(4)] for _ in range(max(BATCHES))]
    program = many_products if function == "with_dots" else network
    check(program, rows, backend, sizes=[8])
    monkeypatch.setattr(module, function, spoiled(getattr(module, function)))
    with pytest.raises(AssertionError):
        check(program, rows, backend, sizes=[8])

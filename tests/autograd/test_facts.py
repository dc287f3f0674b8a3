"""A standing battery of facts: 49 functions of one number at 86 points, 32 of two numbers at 324 special pairs.

Values, slopes and curvatures on every back end, against mpmath. The forms, and how far each may be off, are in facts.
"""

import math
from typing import Any

import facts
import pytest
from c_files import called, library, needs_cc
from facts import BINARY, PAIRS, POINTS, UNARY

import tinygrad_nn as tn
from tinygrad_nn.autograd.scalar import Scalar

FEW = (0.0, -0.0, 1e-20, 0.3, -1.0, 36.7, -745.0, math.inf, -math.inf)


def of_one(x):
    """Every form of one number with its slope and curvature."""
    found = []
    for form, _ in UNARY.values():
        value = form(x)
        slope: Any = tn.grad(value, x, create_graph=True)
        depends = isinstance(slope, Scalar)
        found += [value, slope, tn.grad(slope, x, create_graph=True) if depends else 0.0]
    return found


def of_two(a, b):
    """Every form of two numbers with its slopes."""
    found = []
    for form, *_ in BINARY.values():
        value = form(a, b)
        found += [value, *tn.grad(value, [a, b], create_graph=True)]
    return found


def recorded(function, rows, folder):
    return [[float(getattr(y, "data", y)) for y in function(*map(tn.Value, row))] for row in rows]


def in_python(function, rows, folder):
    f = tn.compile(function, backend="python")
    return [f(*row) for row in rows]


def on_arrays(function, rows, folder):
    numpy = pytest.importorskip("numpy", reason="numpy is not installed")
    return numpy.asarray(tn.compile(function, backend="array").batch(rows)).tolist()


def on_jax(function, rows, folder):
    jax = pytest.importorskip("jax", reason="jax is not installed")
    jax.config.update("jax_enable_x64", True)
    return jax.numpy.asarray(tn.compile(function, namespace=jax.numpy).batch(rows)).tolist()


def native(function, rows, folder, exact=False):
    pytest.importorskip("llvmlite", reason="llvmlite is not installed")
    found = tn.compile(function, backend="llvm", exact=exact).batch(rows)
    return [list(row) for row in found]


def native_and_exact(function, rows, folder):
    return native(function, rows, folder, exact=True)


def in_c(function, rows, folder):
    f = tn.compile(function, backend="python")
    size = len(f(*rows[0]))
    made = library(f.source("c"), folder)
    return [called(made, function.__name__, list(row), (size,))[1][0] for row in rows]


BACKENDS = [
    recorded, in_python, pytest.param(on_arrays), on_jax, native, native_and_exact, pytest.param(in_c, marks=needs_cc),
]  # fmt: skip


def wrong_of_one(rows, points, flushed=False):
    """The facts that do not hold. `flushed`: XLA has no numbers below 2**-1022, and its sinh is less exact."""
    wrong = []
    for point, row in zip(points, rows, strict=True):
        for k, (form, order) in enumerate((form, order) for form in UNARY for order in range(3)):
            right, found = facts.unary(form, repr(point))[order], row[k]
            if right is None or (flushed and 0 < abs(point) <= 2.0**-1022):
                continue
            allowed = facts.allowed(form, order, point, right) if math.isfinite(right) else 0.0
            if flushed:
                allowed = max(allowed, 1e-12 * abs(right) if math.isfinite(right) else 0.0, 1e-305)
            if not (found == right or (found != found and right != right) or abs(found - right) <= allowed):
                wrong.append((form, order, point, found, right))
    return wrong


def wrong_of_two(rows, pairs, flushed=False):
    wrong = []
    for pair, row in zip(pairs, rows, strict=True):
        if flushed and any(0 < abs(x) < 2.0**-1022 for x in pair):
            continue
        for k, form in enumerate(BINARY):
            for order, right in enumerate(facts.binary(form, *map(repr, pair))):
                found = row[3 * k + order]
                if right is not None and not facts.near(form, found, right):
                    wrong.append((form, order, pair, found, right))
    return wrong


def test_the_battery_is_whole():
    assert (len(UNARY), len(set(map(repr, POINTS))), len(BINARY), len(set(map(repr, PAIRS)))) == (49, 86, 32, 324)


@pytest.mark.parametrize("backend", [recorded, in_python, on_arrays])
def test_a_few_facts(backend):
    assert wrong_of_one(backend(of_one, [[point] for point in FEW], None), FEW) == []
    pairs = PAIRS[::7]
    assert wrong_of_two(backend(of_two, list(map(list, pairs)), None), pairs) == []


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
def test_all_facts_of_one_number(backend, tmp_path):
    rows = backend(of_one, [[point] for point in POINTS], tmp_path)
    assert wrong_of_one(rows, POINTS, backend is on_jax) == []


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
def test_all_facts_of_two_numbers(backend, tmp_path):
    rows = backend(of_two, list(map(list, PAIRS)), tmp_path)
    assert wrong_of_two(rows, PAIRS, backend is on_jax) == []

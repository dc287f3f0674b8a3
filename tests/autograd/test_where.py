"""where(condition, a, b): `a if condition else b` in value, slope and curvature, on all back ends, on one path."""

import math
import random

import c_files
import pytest
from programs import bits
from shared import needed, same, wrong

import tinygrad_nn as tn
from tinygrad_nn import Value

POINTS = [0.0, -0.0, 1.0, -1.0, 0.25, 2.0, -3.0]
SIDES = [
    lambda x, y: tn.sqrt(x), lambda x, y: tn.log(x), lambda x, y: y / x, lambda x, y: tn.sqrt(x) * tn.log(y * y),
    lambda x, y: x * y, lambda x, y: x, lambda x, y: 2.0, lambda x, y: tn.asin(x) + y, lambda x, y: abs(y) ** 0.5,
    lambda x, y: tn.exp(800.0 * y) * x, lambda x, y: tn.logsumexp([x, tn.log(y)]),
]  # fmt: skip
CONDITIONS = [
    lambda x, y: x > 0.0, lambda x, y: x >= y, lambda x, y: y < 0.0, lambda x, y: x <= 1.0, lambda x, y: y == 0.0,
    lambda x, y: y != 0.0, lambda x, y: (x > 0.0) & (y > 0.0), lambda x, y: (x < 0.0) | (y < x) | (y == 2.0),
]  # fmt: skip


def branch(condition, a, b):
    return a if condition else b


def drawn(rng):
    """A function of `where` or of branches, whose sides share what they are computed from."""
    picks = [rng.choice(CONDITIONS) for _ in range(3)], [rng.choice(SIDES) for _ in range(4)]

    def function(select, x, y):
        (c1, c2, c3), sides = picks
        shared = x * 1.0 if rng_shared else x
        inner = select(c1(x, y), sides[0](shared, y), sides[1](shared, y))
        middle = select(c2(x, y), tn.sqrt(inner * 1.0), sides[2](x, inner))
        return select(c3(x, y), middle * x, sides[3](shared, y)) + x * y

    rng_shared = rng.random() < 0.5
    return function


def derived(function, x, y):
    """The value, the slopes and the curvatures."""
    values = [Value(x), Value(y)]
    result = function(*values)
    slopes = tn.grad(result, values, create_graph=True)
    second = [tn.grad(s, values) if isinstance(s, Value) else [0.0, 0.0] for s in slopes]
    result.backward()
    assert all(bits(v.grad, getattr(s, "data", s)) for v, s in zip(values, slopes, strict=True))
    return [result.data, *[getattr(s, "data", s) for s in slopes], *second[0], *second[1]]


def with_derivatives(function):
    """The same as one function to compile."""

    def all_of(x, y):
        value = function(x, y)
        slopes = tn.grad(value, [x, y], create_graph=True)
        return [value, *slopes, *[h for slope in slopes for h in tn.grad(slope, [x, y], create_graph=True)]]

    return all_of


@pytest.mark.parametrize("seed", [*range(8), *[pytest.param(k, marks=pytest.mark.slow) for k in range(8, 130)]])
def test_where_is_the_branch_in_value_slope_and_curvature(seed):
    function = drawn(random.Random(seed))
    rows = [(x, y) for x in POINTS for y in POINTS]
    right = [derived(lambda x, y: function(branch, x, y), *row) for row in rows]
    recorded = [derived(lambda x, y: function(tn.where, x, y), *row) for row in rows]
    for row, a, b in zip(rows, recorded, right, strict=True):  # whose sums may be in another order
        assert a == pytest.approx(b, rel=1e-12, abs=1e-14, nan_ok=True), row
    for backend in ("python", "array", "llvm"):
        f = tn.compile(with_derivatives(lambda x, y: function(tn.where, x, y)), backend=needed(backend))
        found = [list(row) for row in f.batch([list(row) for row in rows])]
        for row, a, b in zip(rows, found, recorded, strict=True):
            if backend == "python":
                assert all(map(bits, a, b)), (row, a, b)
            else:
                assert a == pytest.approx(b, rel=1e-12, abs=1e-14, nan_ok=True), (backend, row)


EDGES = [
    lambda x: tn.where(x > 0, tn.sqrt(x), 0.0), lambda x: tn.where(x > 0, tn.log(x), 1.0),
    lambda x: tn.where(x != 0, tn.sin(x) / x, 1.0), lambda x: tn.where(x <= 0, 0.0, x ** 0.5),
    lambda x: tn.where(False, tn.sqrt(x), 0.0), lambda x: tn.where(0.0, 1.0 / x, 0.0),
]  # fmt: skip


@pytest.mark.parametrize("f", EDGES)
@pytest.mark.parametrize("x", [0.0, -0.0])
def test_the_side_that_is_not_taken_gives_0_and_never_nan(f, x):
    v = Value(x)
    y = f(v)
    y.backward()
    slope = tn.grad(y, v, create_graph=True)
    assert (v.grad, tn.derivative(f, x), tn.derivative(f, x, order=2), tn.derivative(f, x, order=3)) == (0.0,) * 4
    assert tn.jvp(f)(x, 1.0)[1] == 0.0
    for second in (
        lambda x: tn.jvp(lambda v: tn.derivative(f, v))(x, 1.0)[1], lambda x: tn.hvp(lambda v: f(v[0]))([x], [1.0])[0],
        lambda x: tn.derivative(lambda v: tn.jvp(f)(v, 1.0)[1], x),
    ):  # fmt: skip
        assert second(x) == tn.compile(second, backend="python")(x) == 0.0
    assert getattr(slope, "data", slope) == 0.0
    for backend in ("python", "array", "llvm"):
        compiled = tn.compile(f, backend=needed(backend))
        assert compiled.grad(x) == [0.0]
        assert tn.compile(lambda x: tn.derivative(f, x, order=2), backend=backend)(x) == 0.0


@c_files.needs_cc
def test_the_side_that_is_not_taken_gives_0_in_c(tmp_path):
    f = tn.compile(lambda x: tn.derivative(lambda x: tn.where(x > 0, tn.sqrt(x) * x, 0.0), x))
    f(0.0)
    loaded = c_files.library(f.source("c"), tmp_path)
    assert [c_files.called(loaded, f.__name__, [x])[0] for x in (0.0, -1.0, 4.0)] == [0.0, 0.0, 3.0]


def test_a_condition_is_a_comparison_a_bool_or_a_number():
    numpy = pytest.importorskip("numpy")
    for holds in (True, 1, 2.5, -1.0, math.nan, numpy.bool_(True), numpy.float64(1.0), Value(3.0), Value(1.0) > 0):
        assert tn.where(holds, 2.0, 3.0) in (2.0, Value(2.0)) or tn.where(holds, 2.0, 3.0).data == 2.0
    for fails in (False, 0, 0.0, -0.0, numpy.bool_(False), Value(0.0), Value(1.0) < 0):
        found = tn.where(fails, 2.0, 3.0)
        assert getattr(found, "data", found) == 3.0
    for other in ("x", None, [True], object()):
        with pytest.raises(TypeError, match=r"the condition of tn.where wants a number or a Value"):
            tn.where(other, 1.0, 2.0)
    with pytest.raises(TypeError, match=r"each side of tn.where"):
        tn.where(True, wrong([1.0]), 2.0)
    assert same(tn.where(True, -0.0, 1.0), -0.0)


@pytest.mark.parametrize("backend", ["python", "array", "llvm"])
def test_where_makes_no_path_and_an_if_makes_one(backend):
    needed(backend)
    rows = [[float(k % 7 - 3)] for k in range(40)]
    one = tn.compile(lambda x: tn.where(x > 0, x, 0.5 * x), backend=backend)
    two = tn.compile(lambda x: x if x > 0 else 0.5 * x, backend=backend)
    assert list(one.batch(rows)) == list(two.batch(rows)) == [x if x > 0 else 0.5 * x for (x,) in rows]
    assert not one.program.flat.guards
    assert two.program.flat.guards


def test_a_captured_value_and_a_target_are_conditions_too():
    w = Value(-1.0)
    f = tn.compile(lambda x: tn.where(w > 0, x, -x) + tn.where(w != 0, 1.0, 5.0) + tn.where(w, 10.0, 20.0))
    assert f(2.0) == 9.0
    assert not f.program.flat.guards
    w.data = 0.0
    assert f(2.0) == 23.0

    def loss(p, t):
        return tn.where(t > 0.5, (p - 1.0) ** 2, abs(p)) * tn.where(t == 2, 3.0, 1.0)

    def branches(p, t):
        return ((p - 1.0) ** 2 if t > 0.5 else abs(p)) * (3.0 if t == 2 else 1.0)

    found = []
    for chosen, backend in ((branches, "eager"), (loss, "eager"), (loss, "python"), (loss, "llvm")):
        v = Value(0.5)
        history = tn.fit(
            lambda x, v=v: v * x[0], [[1.0], [2.0], [-1.0]], [0.0, 1.0, 2.0], chosen, tn.SGD([v], lr=0.1), epochs=3,
            backend=needed(backend), shuffle=False, progress=False,
        )  # fmt: skip
        found.append([*history.losses, v.data])
    assert found[0] == found[1] == found[2]
    assert found[3] == pytest.approx(found[0], rel=1e-13)


ASKED = {
    "if": lambda t: 1.0 if t else 0.0, "not": lambda t: float(not t), "and": lambda t: float(bool(t and True)),
    "int": lambda t: float(int(t)), "float": float, "sum": lambda t: float(sum([t, t])), "times": lambda t: 3.0 * t,
    "equal": lambda t: float(t == True), "key": lambda t: {True: 4.0, False: 5.0}[t],  # noqa: E712
    "index": lambda t: [6.0, 7.0][t], "xor": lambda t: float(t ^ True), "bool and": lambda t: float(True & t),
    "and bool": lambda t: float(t & True), "text": lambda t: float(len(f"{t} {t!r} {t!s}")), "rest": lambda t: t - 0.5,
    "kind": lambda t: float(isinstance(t, bool)), "power": lambda t: 2.0**t, "compared": lambda t: float(t < 1),
}  # fmt: skip


@pytest.mark.parametrize("name", ASKED)
def test_a_comparison_is_what_its_bool_is(name):
    ask = ASKED[name]
    f = tn.compile(lambda x: ask(x > 1.0) + 0.0 * x, backend="python")
    assert [f(x) for x in (0.0, 2.0)] == [ask(x > 1.0) for x in (0.0, 2.0)]

"""Values and slopes where an infinity, a large logit or a saturated unit would turn a plain rule into nan or 0.

The right numbers are limits, on the recorded graph and on every back end; float32 has its own rounding and its own
smallest numbers.
"""

import ctypes
import math
import random

import pytest
from c_files import called, library, needs_cc
from facts import UNARY
from mpmath import mp
from shared import close

import tinygrad_nn as tn
from tinygrad_nn import Value, losses

INF, NAN = math.inf, math.nan


def entropy(target):
    return lambda *logits: losses.cross_entropy(list(logits), target)


def logits_against(target):
    return lambda z: losses.binary_cross_entropy_with_logits(z, target)


def curvature(function):
    return lambda x: tn.derivative(function, x, order=2)


# A function, its arguments, its value and its slopes; None where a case is not about it.
LIMITS = [
    (entropy(0), (-INF, 0.0, 0.0), INF, (-1.0, 0.5, 0.5)),
    (entropy(1), (-INF, 0.0, 0.0), math.log(2.0), (0.0, -0.5, 0.5)),
    (entropy(0), (INF, 0.0), 0.0, (0.0, 0.0)),
    (entropy(1), (INF, 0.0), INF, (1.0, -1.0)),
    (entropy(0), (INF, INF), NAN, (NAN, NAN)),
    (entropy(0), (-INF, -INF), NAN, (NAN, NAN)),
    (entropy(0), (1e16, 1e16), math.log(2.0), (-0.5, 0.5)),
    (entropy(1), (1e4, 1e4), math.log(2.0), (0.5, -0.5)),
    (lambda a, b: tn.logsumexp([a, b]), (1e16, 1e16), 1e16, (0.5, 0.5)),
    (lambda a, b: tn.logsumexp([a, b]), (3e4, 3e4), 3e4 + math.log(2.0), (0.5, 0.5)),
    (lambda a, b: tn.logsumexp([a, b]), (INF, 0.0), INF, (1.0, 0.0)),
    (lambda a, b: tn.softmax([a, b])[0], (INF, 0.0), 1.0, (0.0, 0.0)),
    (lambda a, b: tn.softmax([a, b])[0], (1e16, 1e16), 0.5, (0.25, -0.25)),
    (lambda a, b: tn.log_softmax([a, b])[1], (INF, 0.0), -INF, (-1.0, 1.0)),
    (logits_against(1.0), (INF,), 0.0, (0.0,)),
    (logits_against(0.0), (-INF,), 0.0, (0.0,)),
    (logits_against(0.0), (INF,), INF, (1.0,)),
    (logits_against(1.0), (-INF,), INF, (-1.0,)),
    (logits_against(0.25), (INF,), INF, (0.75,)),
    (tn.silu, (INF,), INF, (1.0,)),
    (tn.silu, (-INF,), 0.0, (0.0,)),
    (curvature(tn.silu), (INF,), 0.0, None),
    (tn.gelu, (INF,), INF, (1.0,)),
    (tn.gelu, (-INF,), 0.0, (0.0,)),
    (curvature(tn.gelu), (-INF,), 0.0, None),
    (curvature(tn.erf), (INF,), 0.0, None),
    (lambda p: losses.huber(p, 0.0), (INF,), INF, (1.0,)),
    (lambda p: losses.huber(p, 0.0, delta=3.0), (-INF,), INF, (-3.0,)),
    (lambda p: losses.huber(p, 0.0), (1.0,), 0.5, (1.0,)),
    (lambda p: losses.huber(p, 0.0), (1e-9,), 5e-19, (1e-9,)),
    (lambda x: x**0.5, (-INF,), INF, None),
    (lambda x, n: x**n, (-0.0, 0.5), 0.0, None),
    (curvature(lambda n: 0.0**n), (3.0,), 0.0, None),
    (lambda a, b: tn.hessian(lambda v: v[0] ** v[1])([a, b])[0][1], (0.0, 3.0), 0.0, None),
    (lambda a, b: tn.hessian(lambda v: v[0] ** v[1])([a, b])[1][1], (0.0, 3.0), 0.0, None),
    (lambda a, b: tn.hessian(lambda v: v[0] ** v[1])([a, b])[1][0], (0.0, 1.0), -INF, None),
    *((curvature(tn.asin), (x,), x, None) for x in (1e-9, 1e-20)),
    *((curvature(tn.acos), (x,), -x, None) for x in (1e-9, 1e-20)),
    *((curvature(tn.asin), (x,), x * INF, None) for x in (1.0, -1.0)),
    *((curvature(tn.acos), (x,), -x * INF, None) for x in (1.0, -1.0)),
    (curvature(tn.sigmoid), (1e-20,), -1.25e-21, None),
    (curvature(tn.atan), (1e12,), -2e-36, None),
]  # fmt: skip
ARGUMENTS = [x for _, arguments, _, _ in LIMITS for x in arguments]


def all_limits(xs):
    """Every value and slope, one after the other, of all arguments one after the other."""
    found, start = [], 0
    for function, arguments, _, slopes in LIMITS:
        given = xs[start : start + len(arguments)]
        start += len(arguments)
        value = function(*given)
        found += [value, *(tn.grad(value, list(given), create_graph=True) if slopes else ())]
    return found


def wrong(found, bound):
    right = [x for _, _, value, slopes in LIMITS for x in (value, *(slopes or ()))]
    return [(k, a, b) for k, (a, b) in enumerate(zip(found, right, strict=True)) if not close(a, b, bound, 1e-300)]


def test_limits_recorded():
    found = all_limits([Value(x) for x in ARGUMENTS])
    assert wrong([float(getattr(y, "data", y)) for y in found], 1e-15) == []


@pytest.mark.parametrize(
    ("backend", "options", "bound"),
    [
        ("python", {}, 1e-15), ("array", {}, 4e-15), ("array", {"dtype": "float32"}, 1e-6), ("llvm", {}, 4e-15),
        pytest.param("llvm", {"exact": True}, 4e-15, marks=pytest.mark.slow),
        pytest.param("llvm", {"dtype": "float32"}, 1e-6, marks=pytest.mark.slow),
    ],
)  # fmt: skip
def test_limits_compiled(backend, options, bound):
    for name in {"array": ["numpy"], "llvm": ["llvmlite", "numpy"]}.get(backend, []):
        pytest.importorskip(name, reason=f"{name} is not installed")
    f = tn.compile(all_limits, backend=backend, **options)
    assert wrong([float(y) for y in f.batch([[ARGUMENTS]])[0]], bound) == []


@pytest.mark.slow
def test_limits_on_jax():
    jax = pytest.importorskip("jax", reason="jax is not installed")
    jax.config.update("jax_enable_x64", True)
    found = tn.compile(all_limits, namespace=jax.numpy).batch([[ARGUMENTS]])[0]
    assert wrong([float(y) for y in found], 4e-15) == []


@needs_cc
@pytest.mark.parametrize(
    ("dtype", "kind", "bound"), [("double", ctypes.c_double, 4e-15), ("float", ctypes.c_float, 1e-6)]
)
def test_limits_in_c(dtype, kind, bound, tmp_path):
    f = tn.compile(all_limits, backend="python")
    size = len(f(ARGUMENTS))
    tn.export_c(f, tmp_path / "limits.c", name="all_limits", dtype=dtype)
    made = library((tmp_path / "limits.c").read_text(), tmp_path)
    given, found = (kind * len(ARGUMENTS))(*ARGUMENTS), (kind * size)()
    made.all_limits(given, found)
    assert wrong(list(found), bound) == []


LOGITS: tuple[float, ...] = (
    -INF,
    -800.0,
    -745.0,
    -740.0,
    -710.0,
    -120.0,
    -104.0,
    -90.0,
    -50.0,
    -27.7,
    -3.0,
    0.0,
    1.5,
    16.7,
    27.7,
    36.7,
)
LOGITS += (37.0, 40.0, 120.0, 800.0, INF)
TARGETS = (0.0, 0.25, 1.0)


def saturated(zs):
    """The loss of sigmoids, and its slopes by the logits and by the probabilities, for every logit and target."""
    found = []
    for z, t in zip(zs, TARGETS * len(LOGITS), strict=True):
        p = tn.sigmoid(z)
        loss = losses.binary_cross_entropy(p, t)
        found += [loss, *tn.grad(loss, [z, p], create_graph=True)]
    return found


def right_of_saturated(found, unit, least):
    for k, (z, t) in enumerate((z, t) for z in LOGITS for t in TARGETS):
        loss, slope, by_probability = map(float, found[3 * k : 3 * k + 3])
        p = 1.0 / (1.0 + math.exp(min(-z, 709.0))) if z > -709.0 else 0.0
        assert abs(slope - (p - t)) <= 4 * unit, (z, t, slope)
        assert math.isfinite(loss)
        assert loss <= 100.0 * (1 + unit)
        assert math.isfinite(by_probability)
        assert abs(by_probability) <= 1.0 / least
        assert by_probability * (p - t) >= -unit, (z, t, by_probability)
        if -27.0 < z < 16.0 or (z < 0 and p > 1e-36):  # where 1 - p is a number
            assert close(by_probability, (p - t) / (p * (1.0 - p)), 1e-12 if unit < 1e-10 else 2e-2)


EACH = [z for z in LOGITS for _ in TARGETS]


def test_the_slope_of_a_saturated_sigmoid_recorded():
    right_of_saturated([y.data for y in saturated([Value(z) for z in EACH])], 2.0**-52, 2.0**-1012)
    z = Value(-800.0)
    p = tn.sigmoid(z)
    loss = losses.binary_cross_entropy([p, tn.sigmoid(z), 0.5], [1.0, 1.0, 1.0])
    loss.backward()
    assert close(z.grad, -2 / 3)
    assert p.grad == tn.grad(loss, p) == -(2.0**1012) / 3


@pytest.mark.parametrize(
    ("backend", "options"),
    [
        ("python", {}),
        ("array", {}),
        ("array", {"dtype": "float32"}),
        ("llvm", {}),
        pytest.param("llvm", {"dtype": "float32"}, marks=pytest.mark.slow),
    ],
)
def test_the_slope_of_a_saturated_sigmoid_compiled(backend, options):
    for name in {"array": ["numpy"], "llvm": ["llvmlite", "numpy"]}.get(backend, []):
        pytest.importorskip(name, reason=f"{name} is not installed")
    found = tn.compile(saturated, backend=backend, **options).batch([[EACH]])[0]
    single = "dtype" in options
    right_of_saturated(found, 2.0**-23 if single else 2.0**-52, 2.0**-116 if single else 2.0**-1012)


@needs_cc
def test_the_slope_of_a_saturated_sigmoid_in_c(tmp_path):
    f = tn.compile(saturated, backend="python")
    size = len(f(EACH))
    made = library(f.source("c"), tmp_path)
    right_of_saturated(called(made, "saturated", [EACH], (size,))[1][0], 2.0**-52, 2.0**-1012)


@pytest.mark.parametrize(
    ("backend", "dtype"),
    [("eager", "float64"), ("python", "float64"), ("llvm", "float64"), ("llvm", "float32")],
)
def test_a_regression_that_starts_on_the_wrong_side_learns(backend, dtype):
    """x = 0 ... 100 from w = -1: nearly all units are saturated, and wrong."""
    for name in {"array": ["numpy"], "llvm": ["llvmlite", "numpy"]}.get(backend, []):
        pytest.importorskip(name, reason=f"{name} is not installed")
    model = tn.MLP(1, [1], output_activation="sigmoid", rng=random.Random(1))
    neuron = model.layers[0].neurons[0]
    neuron.weights[0].data, neuron.bias.data = -1.0, 0.0
    X, Y = [[float(x)] for x in range(101)], [float(x > 50) for x in range(101)]
    optimizer = tn.SGD(model.parameters(), lr=0.01)
    if backend == "eager":
        loss = tn.mean([losses.binary_cross_entropy(model(x), y) for x, y in zip(X, Y, strict=True)])
        loss.backward()
        optimizer.step()
    else:
        tn.compile_step(model, "binary_cross_entropy", optimizer, backend=backend, dtype=dtype)(X, Y)
    sigmoid = [1.0 / (1.0 + math.exp(x)) for (x,) in X]
    slope = sum((p - y) * x for p, y, (x,) in zip(sigmoid, Y, X, strict=True)) / 101
    assert close(neuron.weights[0].data, -1.0 - 0.01 * slope, 1e-12 if dtype == "float64" else 1e-6)


def test_numbers_alone_and_other_probabilities_keep_the_plain_rule():
    p = Value(1e-200)
    loss = losses.binary_cross_entropy(p, 1.0)
    assert close(tn.grad(loss, p), -1e200)
    assert loss.op.name == "binary_cross_entropy"
    assert losses.binary_cross_entropy(tn.sigmoid(-50.0), 1.0) == 50.0
    z = Value(-200.0)  # a sigmoid that is written out
    assert close(tn.grad(losses.binary_cross_entropy(1.0 / (1.0 + tn.exp(-z)), 1.0), z), -1.0)
    with pytest.raises(ValueError, match="huber wants a finite delta above 0"):
        losses.huber(1.0, 0.0, delta=INF)


ENTIRE = (tn.silu, tn.gelu, tn.softplus, tn.sigmoid, tn.tanh, tn.erf, tn.atan)


@pytest.mark.parametrize("function", ENTIRE)
def test_the_ends_of_smooth_functions_are_what_mpmath_tends_to(function):
    form = UNARY[function.__name__][1]
    for end in (1, -1):
        for order in (1, 2):
            with mp.workdps(60):
                far = [float(mp.diff(form, end * mp.mpf(10) ** k, order)) for k in (3, 4)]
            limit = tn.derivative(function, end * INF, order=order)
            assert abs(far[1] - limit) <= abs(far[0] - limit) / 90
            assert abs(far[1] - limit) < 1e-7


@pytest.mark.parametrize("shift", [0.0, 1e4, -1e16, 1e16])
def test_second_derivatives_of_softmax_at_large_logits(shift):
    """By the shares p: d2 logsumexp = p_i (i = j) - p_i p_j, and of p_k by the product rule."""
    xs = [shift, shift + 2.0, shift - 4.0]
    exps = [math.exp(x - shift) for x in xs]
    p = [e / sum(exps) for e in exps]
    hessian = tn.hessian(tn.logsumexp)(xs)
    curved = tn.hessian(lambda v: tn.softmax(v)[0])(xs)
    of_loss = tn.hessian(lambda v: losses.cross_entropy(v, 2))(xs)
    of_log = tn.hessian(lambda v: tn.log_softmax(v)[1])(xs)
    for i in range(3):
        for j in range(3):
            by_share = p[i] * (i == j) - p[i] * p[j]
            assert close(hessian[i][j], by_share, 1e-14, 1e-16)
            assert close(of_loss[i][j], by_share, 1e-14, 1e-16)
            assert close(of_log[i][j], -by_share, 1e-14, 1e-16)
            right = p[0] * (((i == 0) - p[i]) * ((j == 0) - p[j]) - by_share)
            assert close(curved[i][j], right, 1e-13, 1e-16)

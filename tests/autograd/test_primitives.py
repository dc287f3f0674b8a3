"""The battery over the table: every row's value, corners, first and second derivative, against oracles of other code.

mpmath gives values and derivatives of formulas written here, to fifty digits and without any derivative rule; PyTorch
is compared where it is installed; corners are written down by hand from IEEE 754 and the conventions of the table.
"""

import math

import mpmath
import pytest
from mpmath import mp
from shared import close, same

import tinygrad_nn as tn
from tinygrad_nn.autograd.primitives import TABLE, Primitive
from tinygrad_nn.autograd.transforms.derivatives import grad
from tinygrad_nn.autograd.value import Value

INF, NAN = math.inf, math.nan


def cdf(x):
    return mp.erfc(-x / mp.sqrt(2)) / 2


def larger(*xs):
    return max(xs)


def truncated(x):
    return mp.sign(x) * mp.floor(abs(x))


def sinc(x):
    return mp.sincpi(x)


# The formula of each row in mpmath, and points inside its domain, away from kinks.
ONE = [[-2.5], [-0.7], [0.3], [1.9]]


ORACLE = {
    "add": (lambda a, b: a + b, [[0.3, -2.0]]),
    "subtract": (lambda a, b: a - b, [[0.3, -2.0]]),
    "multiply": (lambda a, b: a * b, [[0.3, -2.0]]),
    "divide": (lambda a, b: a / b, [[0.3, -2.0], [-7.0, 3.0], [1e-3, 7.0]]),
    "negative": (lambda x: -x, ONE),
    "absolute": (abs, ONE),
    "power": (lambda x, n: x**n, [[0.3, 1.7], [2.5, -0.4], [7.0, 3.0], [1.5, 1.0]]),
    "zeroth_power": (lambda x: mp.mpf(1), ONE),
    "square": (lambda x: x**2, ONE),
    "cube": (lambda x: x**3, ONE),
    "fourth_power": (lambda x: x**4, ONE),
    "exp": (mp.exp, [*ONE, [-40.0], [40.0]]),
    "expm1": (mp.expm1, [*ONE, [1e-9], [-30.0]]),
    "log": (mp.log, [[1e-9], [0.3], [1.9], [1e9]]),
    "log1p": (mp.log1p, [[-0.9], [1e-9], [0.3], [1e9]]),
    "sqrt": (mp.sqrt, [[1e-9], [0.3], [1e9]]),
    "sin": (mp.sin, [*ONE, [50.0]]),
    "cos": (mp.cos, [*ONE, [50.0]]),
    "tan": (mp.tan, [[-0.7], [0.3], [1.2]]),
    "asin": (mp.asin, [[-0.9], [0.3], [0.999]]),
    "acos": (mp.acos, [[-0.9], [0.3], [0.999]]),
    "atan": (mp.atan, [*ONE, [50.0]]),
    "sinh": (mp.sinh, ONE),
    "cosh": (mp.cosh, ONE),
    "tanh": (mp.tanh, ONE),
    "erf": (mp.erf, ONE),
    "erfc": (mp.erfc, [*ONE, [9.0]]),
    "asinh": (mp.asinh, [*ONE, [1e-9], [-1e9]]),
    "acosh": (mp.acosh, [[1.001], [1.9], [1e9]]),
    "atanh": (mp.atanh, [[-0.9], [1e-9], [0.3], [0.999]]),
    "log2": (lambda x: mp.log(x, 2), [[1e-9], [0.3], [1.9], [1e9]]),
    "log10": (mp.log10, [[1e-9], [0.3], [1.9], [1e9]]),
    "exp2": (lambda x: mp.mpf(2) ** x, [*ONE, [-40.0], [40.0]]),
    "cbrt": (lambda x: mp.sign(x) * mp.cbrt(abs(x)), [*ONE, [1e-9], [-1e9]]),
    "floor": (mp.floor, ONE),
    "ceil": (mp.ceil, ONE),
    "trunc": (truncated, ONE),
    "round": (mp.nint, ONE[1:]),
    "fmod": (lambda a, b: a - b * truncated(a / b), [[7.3, 2.1], [-7.3, 2.1], [7.3, -2.1], [0.3, 5.0]]),
    "mod": (lambda a, b: a - b * mp.floor(a / b), [[7.3, 2.1], [-7.3, 2.1], [7.3, -2.1], [0.3, 5.0]]),
    "floor_divide": (lambda a, b: mp.floor(a / b), [[7.3, 2.1], [-7.3, 2.1]]),
    "hypot": (mp.hypot, [[0.3, -2.0], [1e-9, 2e-9], [-1e9, 3.0]]),
    "atan2": (mp.atan2, [[0.3, -2.0], [-0.7, 0.2], [1e-9, 2e-9]]),
    "erfinv": (mp.erfinv, [[-0.9], [1e-9], [0.3], [0.9995]]),
    "lgamma": (lambda x: mp.log(abs(mp.gamma(x))), [[0.3], [2.9], [7.5], [-2.7], [50.0]]),
    "digamma": (mp.digamma, [[1e-3], [0.3], [1.3], [2.5], [7.5], [-2.7], [1e9]]),
    "sinc": (sinc, [*ONE, [0.0], [1e-9]]),
    "softsign": (lambda x: x / (1 + abs(x)), ONE),
    "hardtanh": (lambda x: max(min(x, mp.mpf(1)), mp.mpf(-1)), ONE),
    "sigmoid": (lambda x: 1 / (1 + mp.exp(-x)), ONE),
    "softplus": (lambda x: mp.log(1 + mp.exp(x)), [*ONE, [-30.0], [30.0]]),
    "relu": (lambda x: max(x, mp.mpf(0)), ONE),
    "leaky_relu": (lambda x: x if x > 0 else x * mp.mpf(0.01), ONE),
    "elu": (lambda x: x if x > 0 else mp.expm1(x), ONE),
    "silu": (lambda x: x / (1 + mp.exp(-x)), ONE),
    "gelu": (lambda x: x * cdf(x), [*ONE, [-6.0]]),
    "maximum": (larger, [[0.3, -2.0], [-2.0, 0.3]]),
    "minimum": (min, [[0.3, -2.0], [-2.0, 0.3]]),
    "binary_cross_entropy": (
        lambda p, t: -(t * mp.log(p) + (1 - t) * mp.log(1 - p)),
        [[0.3, 1.0], [0.3, 0.25], [0.9, 0.0]],
    ),
    "sigmoid_cross_entropy": (
        lambda p, z, t: -(t * mp.log(p) + (1 - t) * mp.log(1 - p)),
        [[0.3, 5.0, 1.0], [0.9, -5.0, 0.0]],
    ),
    "dot": (lambda w, v, x, y, b: b + w * x + v * y, [[0.3, -2.0, 1.5, 0.7, -0.2]]),
    "take": (lambda x, y, z, i: (x, y, z)[int(mp.nint(i))], [[0.3, -2.0, 1.5, 1.0]]),
    "logsumexp": (lambda *xs: mp.log(sum(map(mp.exp, xs))), [[0.3], [0.3, -2.0, 1.5], [50.0, 49.0]]),
    "largest": (lambda x, y, z, count: larger(x, y, z), [[0.3, -2.0, 1.5, 1.0]]),
    "ties": (lambda x, y: mp.mpf(1), [[0.3, -2.0]]),
    "detached": (lambda x: x, [[0.3]]),
    "step": (lambda x: mp.mpf(x > 0), ONE),
    "sign": (mp.sign, ONE),
    "tie": (lambda a, b: mp.mpf(a > b), [[0.3, -2.0], [-2.0, 0.3]]),
    "equal": (lambda a, b: mp.mpf(0), [[0.3, -2.0]]),
    "less": (lambda a, b: mp.mpf(a < b), [[0.3, -2.0], [-2.0, 0.3]]),
    "less_equal": (lambda a, b: mp.mpf(a <= b), [[0.3, -2.0], [-2.0, 0.3]]),
    "where": (lambda c, a, b: a if c > 0.5 else b, [[1.0, 0.3, -2.0], [0.0, 0.3, -2.0]]),
    "asinh_slope": (lambda x: 1 / mp.sqrt(1 + x * x), [*ONE, [1e9]]),
    "acosh_slope": (lambda x: 1 / mp.sqrt(x * x - 1), [[1.001], [1.9], [1e9]]),
    "atanh_slope": (lambda x: 1 / (1 - x * x), [[-0.9], [1e-9], [0.999]]),
    "hypot_slope": (lambda a, b: a / mp.hypot(a, b), [[0.3, -2.0], [-1e-9, 2e-9], [1e9, 3.0]]),
    "norm_scale": (lambda x: x if x > 100 else mp.mpf(1), ONE),
    "trigamma": (lambda x: mp.polygamma(1, x), [[1e-3], [0.3], [1.9], [7.5], [-2.7]]),
    "zeta": (lambda x, s: mp.zeta(s, x), [[0.3, 2.0], [7.5, 3.0], [1e3, 4.0]]),
    "sinc_slope": (lambda x: (mp.cos(mp.pi * x) - sinc(x)) / x, [*ONE, [1.4]]),
    "sinc_curvature": (
        lambda x: -(mp.pi**2 * sinc(x) + 2 * (mp.cos(mp.pi * x) - sinc(x)) / x**2),
        [*ONE, [1.4]],
    ),
    "where_equal": (lambda x, a, b: x if a == 2 else mp.mpf(0), [[0.7, 1.0, 3.0]]),
    "monomial": (lambda c, x, n: c * x**n, [[0.3, 1.5, 2.5], [-2.0, 0.4, -1.5]]),
    "log_power": (lambda x, n, k: x**n * mp.log(x) ** k, [[0.3, 1.5, 1.0], [2.5, -0.4, 2.0], [0.4, 3.0, 0.0]]),
    "scaled": (lambda c, x: c * x, [[0.3, 1.5]]),
    "gap": (lambda a, b: a - b, [[0.3, -2.0]]),
    "exp_gap": (lambda a, b: mp.exp(a - b), [[0.3, -2.0], [-40.0, 1.0]]),
    "floored": (lambda x: x, ONE[2:]),
    "normalizer": (lambda x, y, total: x + y, [[0.3, 0.7, 0.0]]),
    "partition": (lambda x, y, top: x + y, [[1.0, 0.4, 3.0]]),
    "atan_slope": (lambda x: 1 / (1 + x * x), [*ONE, [1e100]]),
    "sigmoid_slope": (lambda x, s: 1 / (2 + mp.exp(x) + mp.exp(-x)), [[0.3, 0.574442516811659], [1e-9, 0.50000000025]]),
    "asin_slope": (lambda x: 1 / mp.sqrt(1 - x * x), [[-0.9], [1e-9], [0.999]]),
    "normal_cdf": (cdf, [*ONE, [-6.0]]),
    "normal_pdf": (lambda x: mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi), ONE),
}


# The widths of the columns where a row has any, by the number of operands.
WIDTHS = {"dot": lambda n: [(n - 1) // 2] * 2, "take": lambda n: [n - 1], "largest": lambda n: [n - 1]}


WIDTHS |= {"normalizer": lambda n: [n - 1], "partition": lambda n: [n - 1]}
WIDTHS |= {"logsumexp": lambda n: [n], "ties": lambda n: [n]}


CASES = [(name, point) for name, (_, points) in ORACLE.items() for point in points]


def call(row: Primitive, operands):
    """The row on a flat list of operands, its columns made into tuples."""
    rest, groups = list(operands), []
    for width in WIDTHS[row.name](len(rest)) if row.name in WIDTHS else []:
        groups.append(tuple(rest[:width]))
        rest = rest[width:]
    return row(*groups, *rest)


def exactly(function, point, orders):
    """A value or a mixed partial derivative by mpmath, from differences at sixty digits."""
    with mpmath.workdps(60):
        exact = [mp.mpf(x) for x in point]
        if not any(orders):
            return float(function(*exact))
        h = mp.mpf(10) ** -15
        total = mp.mpf(0)  # product of central differences, one for each derivative taken
        shifts = [i for i, order in enumerate(orders) for _ in range(order)]
        for signs in range(2 ** len(shifts)):
            moved, factor = list(exact), mp.mpf(1)
            for bit, i in enumerate(shifts):
                s = 1 if signs >> bit & 1 else -1
                moved[i] += s * h / 2
                factor *= s
            total += factor * function(*moved)
        return float(total / h ** len(shifts))


def test_every_row_is_covered():
    assert set(ORACLE) == set(TABLE) == {name for name, _, _, _ in CORNERS}


@pytest.mark.parametrize(("name", "point"), CASES)
def test_value(name, point):
    assert close(call(TABLE[name], point), exactly(ORACLE[name][0], point, [0] * len(point)), 1e-15 * 8)


@pytest.mark.parametrize(("name", "point"), CASES)
def test_first_and_second_derivatives(name, point):
    """Through backward, through grad on floats and through grad with a graph: all equal, and equal to mpmath's."""
    function, n = ORACLE[name][0], len(point)
    leaves = [Value(x) for x in point]
    result = call(TABLE[name], leaves)
    result.backward()
    aside = grad(result, leaves)
    graph = grad(result, leaves, create_graph=True)
    for i, leaf in enumerate(leaves):
        orders = [int(j == i) for j in range(n)]
        assert same(leaf.grad + 0.0, aside[i] + 0.0)
        assert same(aside[i] + 0.0, graph[i].data + 0.0)
        if name in ("detached", "normalizer"):  # taken for constants
            assert leaf.grad == 0.0
            continue
        if (name, i) in (("log_power", 2), ("zeta", 1)):  # an exponent that is data
            continue
        assert close(leaf.grad, exactly(function, point, orders), 1e-12, 1e-15), (name, point, i)
        # The count that `largest` is told is data, and so is an exponent of a logarithm.
        for j, second in enumerate(grad(graph[i], leaves[: n - (name in ("largest", "log_power", "zeta"))])):
            mixed = [a + int(k == j) for k, a in enumerate(orders)]
            assert close(second, exactly(function, point, mixed), 1e-11, 1e-14), (name, point, i, j)


@pytest.mark.parametrize(
    ("name", "point"),
    [
        (name, point)
        for name, point in CASES
        if all(0.1 < abs(x) < 0.95 or abs(x) >= 1 for x in point) and name != "sigmoid_slope"  # which is told
    ],
)
def test_central_differences(name, point):
    n = len(point)
    # An index or a count is data, and `where_equal` jumps: their last operands are held.
    counts = {"detached": 1, "take": 1, "largest": 1, "where_equal": 2, "log_power": 1, "normalizer": n, "zeta": 1}
    counts["partition"] = 1
    held = counts.get(name, 0)
    free, fixed = point[: len(point) - held], point[len(point) - held :]
    assert tn.gradcheck(lambda *xs: call(TABLE[name], [*xs, *fixed]), free, order=2, tolerance=1e-5)


# name, operands, value, gradient for each operand (None: not compared).
CORNERS = [
    ("add", (INF, -INF), NAN, (1, 1)),
    ("add", (-0.0, -0.0), -0.0, (1, 1)),
    ("add", (NAN, 1.0), NAN, (1, 1)),
    ("subtract", (INF, INF), NAN, (1, -1)),
    ("subtract", (0.0, 0.0), 0.0, (1, -1)),
    ("multiply", (0.0, INF), NAN, (INF, 0)),
    ("multiply", (-0.0, 3.0), -0.0, (3, 0)),
    ("multiply", (1e200, 1e200), INF, (1e200, 1e200)),
    ("divide", (1.0, 0.0), INF, (INF, -INF)),
    ("divide", (1.0, -0.0), -INF, (-INF, -INF)),
    ("divide", (0.0, 0.0), NAN, (INF, NAN)),
    ("divide", (INF, INF), NAN, (0, NAN)),
    ("divide", (1.0, INF), 0.0, (0, 0)),
    ("divide", (NAN, 0.0), NAN, (INF, NAN)),
    ("negative", (0.0,), -0.0, (-1,)),
    ("negative", (NAN,), NAN, (-1,)),
    ("absolute", (-0.0,), 0.0, (0,)),
    ("absolute", (-INF,), INF, (-1,)),
    ("absolute", (NAN,), NAN, (NAN,)),
    ("power", (0.0, -1.0), INF, (-INF, -INF)),
    ("power", (-0.0, -1.0), -INF, (-INF, None)),
    ("power", (0.0, 0.0), 1.0, (0, -INF)),
    ("power", (0.0, 2.5), 0.0, (0, 0)),
    ("power", (0.0, 0.5), 0.0, (INF, 0)),
    ("power", (0.0, 1.0), 0.0, (1, 0)),
    ("power", (-8.0, 1 / 3), NAN, (NAN, NAN)),
    ("power", (-2.0, 3.0), -8.0, (12, NAN)),
    ("power", (1e200, 2.0), INF, (2e200, INF)),
    ("power", (-1e200, 3.0), -INF, (INF, NAN)),
    ("power", (NAN, 0.0), 1.0, (0, NAN)),
    ("power", (1.0, NAN), 1.0, (NAN, 0)),
    ("power", (INF, -1.0), 0.0, (0, 0)),
    ("zeroth_power", (0.0,), 1.0, (0,)),
    ("zeroth_power", (NAN,), 1.0, (0,)),
    ("square", (-0.0,), 0.0, (0,)),
    ("square", (1e200,), INF, (2e200,)),
    ("cube", (-INF,), -INF, (INF,)),
    ("fourth_power", (-1e100,), INF, (-4e300,)),
    ("exp", (1000.0,), INF, (INF,)),
    ("exp", (-INF,), 0.0, (0,)),
    ("exp", (NAN,), NAN, (NAN,)),
    ("expm1", (1000.0,), INF, (INF,)),
    ("expm1", (-INF,), -1.0, (0,)),
    ("expm1", (-0.0,), -0.0, (1,)),
    ("log", (0.0,), -INF, (INF,)),
    ("log", (-0.0,), -INF, (-INF,)),
    ("log", (-1.0,), NAN, (-1,)),
    ("log", (INF,), INF, (0,)),
    ("log1p", (-1.0,), -INF, (INF,)),
    ("log1p", (-2.0,), NAN, (-1,)),
    ("log1p", (-0.0,), -0.0, (1,)),
    ("sqrt", (0.0,), 0.0, (INF,)),
    ("sqrt", (-0.0,), -0.0, (-INF,)),
    ("sqrt", (-1.0,), NAN, (NAN,)),
    ("sqrt", (INF,), INF, (0,)),
    ("sin", (INF,), NAN, (NAN,)),
    ("sin", (-0.0,), -0.0, (1,)),
    ("cos", (-INF,), NAN, (NAN,)),
    ("cos", (0.0,), 1.0, (0,)),
    ("tan", (INF,), NAN, (NAN,)),
    ("tan", (-0.0,), -0.0, (1,)),
    ("asin", (2.0,), NAN, (NAN,)),
    ("asin", (1.0,), math.pi / 2, (INF,)),
    ("acos", (-1.0,), math.pi, (-INF,)),
    ("acos", (1.5,), NAN, (NAN,)),
    ("atan", (INF,), math.pi / 2, (0,)),
    ("atan", (-0.0,), -0.0, (1,)),
    ("sinh", (1000.0,), INF, (INF,)),
    ("sinh", (-1000.0,), -INF, (INF,)),
    ("cosh", (-1000.0,), INF, (-INF,)),
    ("tanh", (INF,), 1.0, (0,)),
    ("tanh", (-0.0,), -0.0, (1,)),
    ("tanh", (NAN,), NAN, (NAN,)),
    ("erf", (-INF,), -1.0, (0,)),
    ("erf", (0.0,), 0.0, (2 / math.sqrt(math.pi),)),
    ("erfc", (-INF,), 2.0, (0,)),
    ("erfc", (INF,), 0.0, (0,)),
    ("erfc", (NAN,), NAN, (NAN,)),
    ("erfc", (-0.0,), 1.0, (-2 / math.sqrt(math.pi),)),
    ("asinh", (-0.0,), -0.0, (1,)),
    ("asinh", (INF,), INF, (0,)),
    ("asinh", (-1e200,), -math.asinh(1e200), (1e-200,)),
    ("asinh", (NAN,), NAN, (NAN,)),
    ("acosh", (1.0,), 0.0, (INF,)),
    ("acosh", (0.5,), NAN, (NAN,)),
    ("acosh", (-2.0,), NAN, (NAN,)),
    ("acosh", (INF,), INF, (0,)),
    ("acosh", (1e200,), math.acosh(1e200), (1e-200,)),
    ("atanh", (1.0,), INF, (INF,)),
    ("atanh", (-1.0,), -INF, (INF,)),
    ("atanh", (-0.0,), -0.0, (1,)),
    ("atanh", (2.0,), NAN, (None,)),
    ("log2", (0.0,), -INF, (INF,)),
    ("log2", (-1.0,), NAN, (None,)),
    ("log2", (2.0**-1074,), -1074.0, (INF,)),
    ("log2", (INF,), INF, (0,)),
    ("log10", (0.0,), -INF, (INF,)),
    ("log10", (-1.0,), NAN, (None,)),
    ("log10", (1e22,), 22.0, (1 / (1e22 * math.log(10)),)),
    ("log10", (INF,), INF, (0,)),
    ("exp2", (1024.0,), INF, (INF,)),
    ("exp2", (-1074.0,), 2.0**-1074, (2.0**-1074,)),
    ("exp2", (-INF,), 0.0, (0,)),
    ("exp2", (NAN,), NAN, (NAN,)),
    ("cbrt", (0.0,), 0.0, (INF,)),
    ("cbrt", (-0.0,), -0.0, (INF,)),
    ("cbrt", (-INF,), -INF, (0,)),
    ("cbrt", (1e-300,), 1e-100, (1e200 / 3,)),
    ("floor", (-0.0,), -0.0, (0,)),
    ("floor", (-0.5,), -1.0, (0,)),
    ("floor", (-INF,), -INF, (0,)),
    ("floor", (NAN,), NAN, (0,)),
    ("floor", (1e300,), 1e300, (0,)),
    ("ceil", (-0.5,), -0.0, (0,)),
    ("ceil", (0.5,), 1.0, (0,)),
    ("ceil", (INF,), INF, (0,)),
    ("ceil", (NAN,), NAN, (0,)),
    ("trunc", (-0.5,), -0.0, (0,)),
    ("trunc", (2.5,), 2.0, (0,)),
    ("trunc", (-INF,), -INF, (0,)),
    ("trunc", (NAN,), NAN, (0,)),
    ("round", (0.5,), 0.0, (0,)),
    ("round", (-0.5,), -0.0, (0,)),
    ("round", (1.5,), 2.0, (0,)),
    ("round", (2.5,), 2.0, (0,)),
    ("round", (2.0**52 + 1.0,), 2.0**52 + 1.0, (0,)),
    ("round", (-INF,), -INF, (0,)),
    ("round", (NAN,), NAN, (0,)),
    ("fmod", (-7.0, 3.0), -1.0, (1, 2)),
    ("fmod", (-0.0, 3.0), -0.0, (1, 0)),
    ("fmod", (1.0, 0.0), NAN, (1, NAN)),
    ("fmod", (1.0, INF), 1.0, (1, 0)),
    ("fmod", (INF, 1.0), NAN, (1, NAN)),
    ("fmod", (NAN, 1.0), NAN, (1, NAN)),
    ("mod", (-7.0, 3.0), 2.0, (1, 3)),
    ("mod", (7.0, -3.0), -2.0, (1, 3)),
    ("mod", (6.0, -3.0), -0.0, (1, 2)),
    ("mod", (-0.0, 3.0), 0.0, (1, 0)),
    ("mod", (1.0, 0.0), NAN, (1, -INF)),
    ("mod", (-1.0, INF), INF, (1, 1)),
    ("mod", (INF, 1.0), NAN, (1, NAN)),
    ("mod", (1.0, 0.1), 1.0 % 0.1, (1, -9)),
    ("floor_divide", (-7.0, 3.0), -3.0, (0, 0)),
    ("floor_divide", (1.0, 0.1), 9.0, (0, 0)),
    ("floor_divide", (1.0, 0.0), INF, (0, 0)),
    ("floor_divide", (0.0, 0.0), NAN, (0, 0)),
    ("floor_divide", (-1.0, INF), -1.0, (0, 0)),
    ("floor_divide", (INF, 2.0), NAN, (0, 0)),
    ("hypot", (0.0, 0.0), 0.0, (0, 0)),
    ("hypot", (-0.0, 3.0), 3.0, (0, 1)),
    ("hypot", (3e200, 4e200), 5e200, (0.6, 0.8)),
    ("hypot", (3e-200, -4e-200), 5e-200, (0.6, -0.8)),
    ("hypot", (INF, 1.0), INF, (1, 0)),
    ("hypot", (-INF, 1e300), INF, (-1, 0)),
    ("hypot", (NAN, 1.0), NAN, (NAN, NAN)),
    ("atan2", (0.0, 0.0), 0.0, (0, 0)),
    ("atan2", (0.0, -0.0), math.pi, (0, 0)),
    ("atan2", (-0.0, 1.0), -0.0, (1, 0)),
    ("atan2", (1e200, 1e200), math.pi / 4, (5e-201, -5e-201)),
    ("atan2", (INF, 1.0), math.pi / 2, (0, 0)),
    ("atan2", (1.0, -INF), math.pi, (0, 0)),
    ("atan2", (NAN, 1.0), NAN, (NAN, NAN)),
    ("erfinv", (1.0,), INF, (INF,)),
    ("erfinv", (-1.0,), -INF, (INF,)),
    ("erfinv", (-0.0,), -0.0, (math.sqrt(math.pi) / 2,)),
    ("erfinv", (1.5,), NAN, (NAN,)),
    ("erfinv", (1e-300,), math.sqrt(math.pi) / 2 * 1e-300, (math.sqrt(math.pi) / 2,)),
    ("lgamma", (0.0,), INF, (-INF,)),
    ("lgamma", (-0.0,), INF, (INF,)),
    ("lgamma", (-3.0,), INF, (NAN,)),
    ("lgamma", (INF,), INF, (INF,)),
    ("lgamma", (1e308,), INF, (math.log(1e308),)),
    ("lgamma", (NAN,), NAN, (NAN,)),
    ("digamma", (0.0,), -INF, (INF,)),
    ("digamma", (-2.0,), NAN, (INF,)),
    ("digamma", (INF,), INF, (0,)),
    ("digamma", (1e-300,), -1e300, (INF,)),
    ("digamma", (1.4616321449683622,), -9.241265521729427e-17, (0.9676722454476212,)),
    ("digamma", (NAN,), NAN, (NAN,)),
    ("sinc", (0.0,), 1.0, (0,)),
    ("sinc", (-3.0,), 0.0, (1 / 3,)),
    ("sinc", (5e-324,), 1.0, (None,)),
    ("sinc", (INF,), 0.0, (0,)),
    ("sinc", (1e300,), 0.0, (1e-300,)),
    ("sinc", (NAN,), NAN, (NAN,)),
    ("softsign", (-0.0,), -0.0, (1,)),
    ("softsign", (-INF,), -1.0, (0,)),
    ("softsign", (1e200,), 1.0, (0,)),
    ("softsign", (NAN,), NAN, (NAN,)),
    ("hardtanh", (1.0,), 1.0, (0,)),
    ("hardtanh", (-1.0,), -1.0, (0,)),
    ("hardtanh", (-0.0,), -0.0, (1,)),
    ("hardtanh", (INF,), 1.0, (0,)),
    ("hardtanh", (NAN,), NAN, (NAN,)),
    ("sigmoid", (800.0,), 1.0, (0,)),
    ("sigmoid", (-800.0,), 0.0, (0,)),
    ("sigmoid", (-INF,), 0.0, (0,)),
    ("sigmoid", (NAN,), NAN, (NAN,)),
    ("softplus", (800.0,), 800.0, (1,)),
    ("softplus", (-INF,), 0.0, (0,)),
    ("softplus", (INF,), INF, (1,)),
    ("softplus", (NAN,), NAN, (NAN,)),
    ("relu", (0.0,), 0.0, (0,)),
    ("relu", (-0.0,), 0.0, (0,)),
    ("relu", (NAN,), NAN, (NAN,)),
    ("relu", (INF,), INF, (1,)),
    ("relu", (-INF,), 0.0, (0,)),
    ("leaky_relu", (0.0,), 0.0, (0.01,)),
    ("leaky_relu", (-INF,), -INF, (0.01,)),
    ("leaky_relu", (NAN,), NAN, (NAN,)),
    ("elu", (0.0,), 0.0, (1,)),
    ("elu", (-INF,), -1.0, (0,)),
    ("elu", (INF,), INF, (1,)),
    ("elu", (NAN,), NAN, (NAN,)),
    ("silu", (-INF,), -0.0, (0,)),
    ("silu", (INF,), INF, (1,)),
    ("silu", (0.0,), 0.0, (0.5,)),
    ("gelu", (-INF,), -0.0, (0,)),
    ("gelu", (INF,), INF, (1,)),
    ("gelu", (0.0,), 0.0, (0.5,)),
    ("maximum", (2.0, 2.0), 2.0, (0.5, 0.5)),
    ("maximum", (NAN, 1.0), NAN, (NAN, NAN)),
    ("maximum", (1.0, NAN), NAN, (NAN, NAN)),
    ("maximum", (-INF, INF), INF, (0, 1)),
    ("minimum", (2.0, 2.0), 2.0, (0.5, 0.5)),
    ("minimum", (1.0, NAN), NAN, (NAN, NAN)),
    ("minimum", (-INF, INF), -INF, (1, 0)),
    ("binary_cross_entropy", (0.0, 1.0), 100.0, (-(2.0**1012), None)),
    ("binary_cross_entropy", (1.0, 0.0), 100.0, (2.0**1012, None)),
    ("binary_cross_entropy", (1.0, 1.0), 0.0, (0, None)),
    ("binary_cross_entropy", (0.0, 0.0), 0.0, (0, None)),
    ("binary_cross_entropy", (NAN, 0.0), NAN, (NAN, NAN)),
    ("sigmoid_cross_entropy", (0.0, -800.0, 1.0), 100.0, (-(2.0**1012), -1, None)),
    ("sigmoid_cross_entropy", (1.0, 40.0, 0.0), 100.0, (2.0**1012, 1, None)),
    ("sigmoid_cross_entropy", (1.0, INF, 1.0), 0.0, (0, 0, None)),
    ("sigmoid_cross_entropy", (NAN, NAN, 0.0), NAN, (NAN, NAN, NAN)),
    ("dot", (0.0, 1.0, INF, 1.0, 0.0), NAN, (INF, 1, 0, 1, 1)),
    ("dot", (-0.0,), -0.0, (1,)),
    ("take", (INF, 2.0, 1.0), 2.0, (0, 1, 0)),
    ("take", (NAN, 2.0, 0.0), NAN, (1, 0, 0)),
    ("logsumexp", (1000.0, 1000.0), 1000.0 + math.log(2), (0.5, 0.5)),
    ("logsumexp", (1e16, 1e16), 1e16, (0.5, 0.5)),
    ("logsumexp", (-INF,), -INF, (1,)),
    ("logsumexp", (-INF, 0.0), 0.0, (0, 1)),
    ("logsumexp", (-INF, -INF), -INF, (NAN, NAN)),
    ("logsumexp", (INF, 0.0), INF, (1, 0)),
    ("logsumexp", (INF, INF), INF, (NAN, NAN)),
    ("logsumexp", (NAN, 0.0), NAN, (NAN, NAN)),
    ("largest", (2.0, 2.0, 2.0, 3.0), 2.0, (1 / 3, 1 / 3, 1 / 3, 0)),
    ("largest", (NAN, 2.0, NAN), NAN, (NAN, NAN, 0)),
    ("ties", (2.0, 2.0, 1.0), 2.0, (0, 0, 0)),
    ("ties", (2.0, NAN), NAN, (0, 0)),
    ("detached", (-0.0,), -0.0, (0,)),
    ("detached", (NAN,), NAN, (0,)),
    ("step", (0.0,), 0.0, (0,)),
    ("step", (NAN,), NAN, (0,)),
    ("sign", (-0.0,), 0.0, (0,)),
    ("sign", (NAN,), NAN, (0,)),
    ("tie", (2.0, 2.0), 0.5, (0, 0)),
    ("tie", (2.0, NAN), NAN, (0, 0)),
    ("equal", (0.0, -0.0), 1.0, (0, 0)),
    ("equal", (NAN, NAN), 0.0, (0, 0)),
    ("less", (1.0, 1.0), 0.0, (0, 0)),
    ("less", (NAN, 1.0), 0.0, (0, 0)),
    ("less_equal", (0.0, -0.0), 1.0, (0, 0)),
    ("less_equal", (NAN, NAN), 0.0, (0, 0)),
    ("where", (1.0, INF, NAN), INF, (0, 1, 0)),
    ("where", (-0.0, NAN, -0.0), -0.0, (0, 0, 1)),
    ("where", (NAN, 1.0, 2.0), 1.0, (0, 1, 0)),
    ("asinh_slope", (INF,), 0.0, (0,)),
    ("asinh_slope", (1e105,), 1e-105, (-1e-210,)),
    ("acosh_slope", (1.0,), INF, (-INF,)),
    ("acosh_slope", (INF,), 0.0, (0,)),
    ("atanh_slope", (1.0,), INF, (INF,)),
    ("atanh_slope", (-1.0,), INF, (-INF,)),
    ("hypot_slope", (0.0, 0.0), 0.0, (0, 0)),
    ("hypot_slope", (INF, 1.0), 1.0, (0, 0)),
    ("hypot_slope", (1.0, INF), 0.0, (0, 0)),
    ("hypot_slope", (3e200, 4e200), 0.6, (1.28e-201, -0.96e-201)),
    ("norm_scale", (0.0,), 1.0, (0,)),
    ("norm_scale", (1e200,), 1e200, (0,)),
    ("norm_scale", (1e-200,), 1e-200, (0,)),
    ("norm_scale", (INF,), 1.0, (0,)),
    ("norm_scale", (NAN,), 1.0, (0,)),
    ("trigamma", (0.0,), INF, (-INF,)),
    ("trigamma", (-1.0,), INF, (None,)),
    ("trigamma", (INF,), 0.0, (0,)),
    ("zeta", (INF, 2.0), 0.0, (0, 0)),
    ("zeta", (0.0, 2.0), INF, (-INF, 0)),
    ("sinc_slope", (0.0,), 0.0, (-(math.pi**2) / 3,)),
    ("sinc_slope", (INF,), 0.0, (0,)),
    ("sinc_curvature", (0.0,), -(math.pi**2) / 3, (0,)),
    ("sinc_curvature", (INF,), 0.0, (0,)),
    ("where_equal", (INF, 1.0, 2.0), 0.0, (0, 0, 0)),
    ("where_equal", (INF, 2.0, 2.0), INF, (1, 0, 0)),
    ("monomial", (0.0, 0.0, -1.0), 0.0, (INF, 0, 0)),
    ("monomial", (0.0, NAN, 2.0), 0.0, (NAN, 0, NAN)),
    ("log_power", (0.0, 3.0, 1.0), 0.0, (0, 0, 0)),
    ("log_power", (0.0, 1.0, 1.0), 0.0, (-INF, 0, 0)),
    ("log_power", (0.0, 0.0, 2.0), INF, (-INF, -INF, 0)),
    ("log_power", (1.0, 2.0, 0.0), 1.0, (2, 0, 0)),
    ("log_power", (INF, -1.0, 1.0), 0.0, (0, 0, 0)),
    ("log_power", (NAN, 1.0, 1.0), NAN, (NAN, NAN, 0)),
    ("scaled", (0.0, INF), 0.0, (INF, 0)),
    ("scaled", (0.0, NAN), NAN, (NAN, 0)),
    ("gap", (INF, INF), 0.0, (1, -1)),
    ("gap", (-INF, INF), -INF, (1, -1)),
    ("gap", (NAN, NAN), NAN, (1, -1)),
    ("exp_gap", (INF, INF), 1.0, (1, -1)),
    ("exp_gap", (0.0, INF), 0.0, (0, 0)),
    ("exp_gap", (1000.0, 0.0), INF, (INF, -INF)),
    ("floored", (0.0,), 2.0**-1012, (0,)),
    ("floored", (-1.0,), 2.0**-1012, (0,)),
    ("floored", (NAN,), NAN, (0,)),
    ("normalizer", (0.5, 0.25, 3.0), 0.75, (0, 0, 0)),
    ("normalizer", (1.0, 0.0, INF), 1.0, (0, 0, 0)),
    ("normalizer", (1.0, 1.0, INF), NAN, (0, 0, 0)),
    ("partition", (1.0, 0.25, 3.0), 1.25, (1, 1, 0)),
    ("partition", (1.0, 0.0, INF), 1.0, (1, 1, 0)),
    ("partition", (1.0, 1.0, -INF), NAN, (1, 1, 0)),
    ("atan_slope", (INF,), 0.0, (0,)),
    ("sigmoid_slope", (0.0, 0.5), 0.25, (0, 0)),
    ("sigmoid_slope", (INF, 1.0), 0.0, (0, 0)),
    ("asin_slope", (1.0,), INF, (INF,)),
    ("asin_slope", (-1.0,), INF, (-INF,)),
    ("asin_slope", (2.0,), NAN, (NAN,)),
    ("normal_cdf", (-INF,), 0.0, (0,)),
    ("normal_cdf", (INF,), 1.0, (0,)),
    ("normal_pdf", (INF,), 0.0, (0,)),
    ("normal_pdf", (0.0,), 1 / math.sqrt(2 * math.pi), (0,)),
]


@pytest.mark.parametrize(("name", "point", "value", "gradients"), CORNERS)
def test_corners(name, point, value, gradients):
    row = TABLE[name]
    assert same(call(row, point), value) or close(call(row, point), value, 4e-16, 0)
    leaves = [Value(x) for x in point]
    result = call(row, leaves)
    assert same(result.data, call(row, point))
    result.backward()
    with_graph = grad(result, leaves, create_graph=True)
    for leaf, expected, graph in zip(leaves, gradients, with_graph, strict=True):
        if expected is not None:
            assert close(leaf.grad, expected, 4e-16, 0), (leaf, expected)
        assert same(leaf.grad + 0.0, graph.data + 0.0)


def test_powers_of_zero_are_flat_to_every_order():
    for exponent in (0, 0.0, 1, 2, 3, 4, 5):
        for order in range(1, 8):
            expected = math.factorial(int(exponent)) if order == exponent else 0.0
            assert tn.derivative(lambda x, n=exponent: x**n, 0.0, order=order) == expected


def test_literal_exponents_are_products():
    for x in (0.1, -1.7, 3.3e7):
        v = Value(x)
        assert same((v**2).data, x * x)
        assert same((v**3).data, (x * x) * x)
        assert same((v**4).data, (x * x) * (x * x))
        assert same((v**5).data, math.pow(x, 5.0))


TORCH = {
    "exp": "exp", "expm1": "expm1", "log": "log", "log1p": "log1p", "sqrt": "sqrt", "sin": "sin", "cos": "cos",
    "tan": "tan", "asin": "asin", "acos": "acos", "atan": "atan", "sinh": "sinh", "cosh": "cosh", "tanh": "tanh",
    "erf": "erf", "sigmoid": "sigmoid", "relu": "relu", "absolute": "abs", "normal_cdf": "special.ndtr",
    "elu": "nn.functional.elu", "silu": "nn.functional.silu",
    "asinh": "asinh", "atanh": "atanh", "log2": "log2", "log10": "log10", "exp2": "exp2",
    "floor": "floor", "ceil": "ceil", "trunc": "trunc", "round": "round", "sign": "sign", "erfinv": "erfinv",
    "softsign": "nn.functional.softsign",
    "hardtanh": "nn.functional.hardtanh",
    "gelu": "nn.functional.gelu", "leaky_relu": "nn.functional.leaky_relu",
}  # fmt: skip


@pytest.mark.parametrize("name", TORCH)
def test_against_pytorch(name):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    function = torch
    for part in TORCH[name].split("."):
        function = getattr(function, part)
    points = [-750.0, -20.5, -3.0, -1.0, -0.5, -1e-8, 1e-8, 0.5, 1.0, 3.0, 20.5, 750.0]
    for x in points:
        tensor = torch.tensor(x, dtype=torch.float64, requires_grad=True)
        expected = function(tensor)
        (slope,) = torch.autograd.grad(expected, tensor, create_graph=True)
        leaf = Value(x)
        result = TABLE[name](leaf)
        (ours,) = grad(result, [leaf], create_graph=True)
        assert close(result.data, expected.item(), 1e-13, 1e-15), x
        assert close(ours.data, slope.item(), 1e-12, 1e-15), x
        if slope.requires_grad and math.isfinite(slope.item()):
            curvature = torch.autograd.grad(slope, tensor)[0].item()
            assert close(grad(ours, leaf), curvature, 1e-10, 1e-13), x


@pytest.mark.parametrize("index", [-1.0, 0.5, 3.0, NAN, INF])
def test_take_refuses_what_is_no_index(index):
    with pytest.raises(ValueError, match="whole number from 0 to 2"):
        tn.take([1.0, 2.0, 3.0], index)

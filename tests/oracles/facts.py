"""Facts about scalar functions for test_facts.py: forms, points, and the right numbers, which mpmath finds.

A fact of one number is a value, a slope or a curvature, from differences at hundreds of digits. One of two numbers is
a value or a slope; there a zero stands for all that is nearly 0 and an infinity for all that is huge. Where these
agree their limit is right, and where they do not there is none.
"""

import itertools
import math
from functools import cache
from typing import Any

from mpmath import mp

import tinygrad_nn as tn
from tinygrad_nn import losses
from tinygrad_nn.autograd import primitives as table

INF, NAN = math.inf, math.nan
EPSILON, LEAST = 2.0**-52, 5e-324


def cdf(x):
    return mp.erfc(-x / mp.sqrt(2)) / 2 if abs(x) < 1e6 else mp.mpf(x > 0)


def logistic(x):
    return 1 / (1 + mp.exp(-x)) if x > 0 else mp.exp(x) / (1 + mp.exp(x))


# Each form as the library and as mpmath writes it.
UNARY: dict[str, tuple[Any, Any]] = {
    "absolute": (abs, abs),
    "square": (lambda x: x**2, lambda x: x**2),
    "cube": (lambda x: x**3, lambda x: x**3),
    "fourth_power": (lambda x: x**4, lambda x: x**4),
    "exp": (tn.exp, mp.exp),
    "expm1": (tn.expm1, lambda x: mp.exp(x) - 1),
    "log": (tn.log, mp.log),
    "log1p": (tn.log1p, lambda x: mp.log(1 + x)),
    "sqrt": (tn.sqrt, mp.sqrt),
    "sin": (tn.sin, mp.sin),
    "cos": (tn.cos, mp.cos),
    "tan": (tn.tan, mp.tan),
    "asin": (tn.asin, mp.asin),
    "acos": (tn.acos, mp.acos),
    "atan": (tn.atan, mp.atan),
    "sinh": (tn.sinh, mp.sinh),
    "cosh": (tn.cosh, mp.cosh),
    "tanh": (tn.tanh, mp.tanh),
    "erf": (tn.erf, mp.erf),
    "sigmoid": (tn.sigmoid, logistic),
    "softplus": (tn.softplus, lambda x: mp.log(1 + mp.exp(-abs(x))) + max(x, mp.mpf(0))),
    "relu": (tn.relu, lambda x: max(x, mp.mpf(0))),
    "leaky_relu": (tn.leaky_relu, lambda x: x if x > 0 else x * mp.mpf(0.01)),
    "elu": (tn.elu, lambda x: x if x > 0 else mp.exp(x) - 1),
    "silu": (tn.silu, lambda x: x * logistic(x)),
    "gelu": (tn.gelu, lambda x: x * cdf(x)),
    "x**5": (lambda x: x**5, lambda x: x**5),
    "x**0.5": (lambda x: x**0.5, lambda x: x ** mp.mpf(0.5)),
    "x**1.5": (lambda x: x**1.5, lambda x: x ** mp.mpf(1.5)),
    "x**-1": (lambda x: x**-1, lambda x: 1 / x),
    "x**-2": (lambda x: x**-2, lambda x: 1 / x**2),
    "2**x": (lambda x: 2.0**x, lambda x: mp.mpf(2) ** x),
    "1/x": (lambda x: 1.0 / x, lambda x: 1 / x),
    "log(1+x*x)": (lambda x: tn.log1p(x * x), lambda x: mp.log(1 + x * x)),
    "exp(-x*x)": (lambda x: tn.exp(-x * x), lambda x: mp.exp(-x * x)),
    "x/(1+|x|)": (lambda x: x / (1.0 + abs(x)), lambda x: x / (1 + abs(x))),
    "sin(x)*cos(x)": (lambda x: tn.sin(x) * tn.cos(x), lambda x: mp.sin(2 * x) / 2),
    "asinh": (table.asinh, mp.asinh),
    "acosh": (table.acosh, mp.acosh),
    "atanh": (table.atanh, mp.atanh),
    "log2": (table.log2, lambda x: mp.log(x, 2)),
    "log10": (table.log10, mp.log10),
    "exp2": (table.exp2, lambda x: mp.mpf(2) ** x),
    "cbrt": (table.cbrt, lambda x: mp.sign(x) * mp.cbrt(abs(x))),
    "erfc": (table.erfc, lambda x: mp.erfc(x) if abs(x) < 1e6 else mp.mpf(2 * (x < 0))),
    "sinc": (table.sinc, mp.sincpi),
    "softsign": (table.softsign, lambda x: x / (1 + abs(x))),
    "hardtanh": (table.hardtanh, lambda x: max(min(x, mp.mpf(1)), mp.mpf(-1))),
    "max(x,1/2)": (lambda x: tn.maximum(x, 0.5), lambda x: max(x, mp.mpf(0.5))),
}
SIZES = (
    0.0, LEAST, 1e-310, 2.0**-1022, 1e-200, 1e-100, 1e-20, 1e-16, 1e-9, 1e-5, 0.01, 0.1, 0.3, 0.7, 0.9, 0.999,
    1 - 1e-9, 1 - EPSILON / 2, 1.0, 1 + EPSILON, 1.2784645427610738, math.sqrt(2), 2.0, math.pi, 5.0, 10.0, 20.0, 27.7,
    36.7, 50.0, 88.8, 104.0, 300.0, 709.0, 745.0, 1e4, 1e8, 1e16, 1e100, 1e150, 1e200, 1.7976931348623157e308,
)  # fmt: skip
POINTS = (*SIZES, *(-x for x in SIZES), INF, -INF)

# At the ends of the real line, and where a form or a derivative has no number: limits, and conventions of the table
# (relu'(0) = 0 and its like), which differences do not know. None where a form says nothing.
ZERO, FLAT, STEEP = (0.0, 0.0, 0.0), (NAN, NAN, NAN), (INF, INF, INF)
ENDS: dict[str, Any] = {
    "absolute": [(INF, 1.0, 0.0), (INF, -1.0, 0.0)], "square": [(INF, INF, 2.0), (INF, -INF, 2.0)],
    "cube": [STEEP, (-INF, INF, -INF)], "fourth_power": [STEEP, (INF, -INF, INF)], "exp": [STEEP, ZERO],
    "expm1": [STEEP, (-1.0, 0.0, 0.0)], "log": [(INF, 0.0, 0.0), (NAN, None, None)],
    "log1p": [(INF, 0.0, 0.0), (NAN, None, None)], "sqrt": [(INF, 0.0, 0.0), FLAT], "sin": [FLAT, FLAT],
    "cos": [FLAT, FLAT], "tan": [FLAT, FLAT], "asin": [FLAT, FLAT], "acos": [FLAT, FLAT],
    "atan": [(math.pi / 2, 0.0, 0.0), (-math.pi / 2, 0.0, 0.0)], "sinh": [STEEP, (-INF, INF, -INF)],
    "cosh": [STEEP, (INF, -INF, INF)], "tanh": [(1.0, 0.0, 0.0), (-1.0, 0.0, 0.0)],
    "erf": [(1.0, 0.0, 0.0), (-1.0, 0.0, 0.0)], "sigmoid": [(1.0, 0.0, 0.0), ZERO], "softplus": [(INF, 1.0, 0.0), ZERO],
    "relu": [(INF, 1.0, 0.0), ZERO], "leaky_relu": [(INF, 1.0, 0.0), (-INF, 0.01, 0.0)],
    "elu": [(INF, 1.0, 0.0), (-1.0, 0.0, 0.0)], "silu": [(INF, 1.0, 0.0), ZERO], "gelu": [(INF, 1.0, 0.0), ZERO],
    "x**5": [STEEP, (-INF, INF, -INF)], "x**0.5": [(INF, 0.0, 0.0), (INF, 0.0, 0.0)],
    "x**1.5": [(INF, INF, 0.0), (INF, INF, 0.0)], "x**-1": [ZERO, ZERO], "x**-2": [ZERO, ZERO], "2**x": [STEEP, ZERO],
    "1/x": [ZERO, ZERO], "log(1+x*x)": [(INF, None, None)] * 2, "exp(-x*x)": [(0.0, None, None)] * 2,
    "x/(1+|x|)": [(NAN, None, None)] * 2, "sin(x)*cos(x)": [FLAT, FLAT],
    "asinh": [(INF, 0.0, 0.0), (-INF, 0.0, 0.0)], "acosh": [(INF, 0.0, 0.0), (NAN, None, None)],
    "atanh": [(NAN, None, None)] * 2, "log2": [(INF, 0.0, 0.0), (NAN, None, None)],
    "log10": [(INF, 0.0, 0.0), (NAN, None, None)], "exp2": [STEEP, ZERO],
    "cbrt": [(INF, 0.0, 0.0), (-INF, 0.0, 0.0)], "erfc": [ZERO, (2.0, 0.0, 0.0)], "sinc": [ZERO, ZERO],
    "softsign": [(1.0, 0.0, 0.0), (-1.0, 0.0, 0.0)], "hardtanh": [(1.0, 0.0, 0.0), (-1.0, 0.0, 0.0)],
    "max(x,1/2)": [(INF, 1.0, 0.0), (0.5, 0.0, 0.0)],
}  # fmt: skip
AT: dict[str, Any] = {
    "absolute": {"0.0": ZERO, "-0.0": ZERO}, "relu": {"0.0": ZERO, "-0.0": ZERO},
    "leaky_relu": dict.fromkeys(("0.0", "-0.0"), (0.0, 0.01, 0.0)),
    "elu": dict.fromkeys(("0.0", "-0.0"), (0.0, 1.0, None)),
    "log": {"0.0": (-INF, INF, -INF), "-0.0": (-INF, -INF, None)}, "log1p": {"-1.0": (-INF, INF, -INF)},
    "sqrt": {"0.0": (0.0, INF, -INF), "-0.0": (0.0, None, None)},
    "x**0.5": dict.fromkeys(("0.0", "-0.0"), (0.0, INF, -INF)),
    "x**1.5": dict.fromkeys(("0.0", "-0.0"), (0.0, 0.0, INF)),
    "x**-1": {"0.0": (INF, -INF, INF), "-0.0": (-INF, -INF, -INF)}, "x**-2": {"0.0": (INF, -INF, INF), "-0.0": STEEP},
    "1/x": {"0.0": (INF, -INF, INF), "-0.0": (-INF, -INF, -INF)},
    "asin": {"1.0": (math.pi / 2, INF, INF), "-1.0": (-math.pi / 2, INF, -INF)},
    "acosh": {"1.0": (0.0, INF, -INF)}, "atanh": {"1.0": (INF, INF, INF), "-1.0": (-INF, INF, -INF)},
    "log2": {"0.0": (-INF, INF, -INF), "-0.0": (-INF, -INF, None)},
    "log10": {"0.0": (-INF, INF, -INF), "-0.0": (-INF, -INF, None)},
    "cbrt": dict.fromkeys(("0.0", "-0.0"), (0.0, INF, None)),
    "softsign": dict.fromkeys(("0.0", "-0.0"), (0.0, 1.0, None)),
    "hardtanh": {"1.0": (1.0, 0.0, 0.0), "-1.0": (-1.0, 0.0, 0.0)},
    "acos": {"1.0": (0.0, -INF, -INF), "-1.0": (math.pi, -INF, INF)},
}  # fmt: skip
# Errors that are allowed beyond eight units in the last place: in units of the number times x*x, where x*x is rounded
# before an exponential; in units of 1, or of x below 1, where a form is a difference of rounded numbers of that size.
OF_SQUARES = {"erf", "erfc", "gelu", "exp(-x*x)"}
OF_ONE = {
    ("tanh", 1), ("tanh", 2), ("sigmoid", 1), ("sigmoid", 2), ("softplus", 2), ("silu", 1), ("silu", 2), ("gelu", 1),
    ("gelu", 2), ("log(1+x*x)", 2), ("exp(-x*x)", 2), ("x/(1+|x|)", 1), ("x/(1+|x|)", 2), ("sin(x)*cos(x)", 1),
    ("sinc", 1), ("sinc", 2),
}  # fmt: skip
SQUARED = {"log(1+x*x)", "exp(-x*x)"}  # which overflow where x*x does


def rounded(x):
    """The double nearest to a number of mpmath; nan for one that is not real."""
    if isinstance(x, mp.mpc):
        x = x.real if abs(x.imag) <= abs(x.real) * mp.mpf(10) ** -40 else mp.nan
    if mp.isfinite(x) and x and not -1100 < (size := mp.mag(x)) < 1100:
        return math.copysign(INF if size > 0 else 0.0, mp.sign(x))
    return float(x)


@cache
def unary(form, written):
    """The value, slope and curvature of a form at a point, a text since -0.0 equals 0.0; None where it says nothing."""
    point = float(written)
    if math.isinf(point):
        return ENDS[form][point < 0]
    if written in AT.get(form, {}):
        return AT[form][written]
    if form in SQUARED and abs(point) > 1e154:
        return None, None, None
    function = UNARY[form][1]
    near = math.ceil(max(-math.log10(abs(point)), 0.0)) if point else 400
    with mp.workdps(1300 if not point or 0.1 < abs(point) < 1e3 else 200 + int(3 * abs(math.log10(abs(point))))):
        x, h = mp.mpf(point), mp.mpf(10) ** (-40 - near)
        below, at, above = (function(x + k * h) for k in (-1, 0, 1))
        found = tuple(map(rounded, (at, (above - below) / (2 * h), (above - 2 * at + below) / h**2)))
    return found if found[0] == found[0] else (NAN, None, None)


def allowed(form, order, point, right):
    """How far a number may be from the right one."""
    units = 8 + (4 * min(abs(point), 1e3) ** 2 if form in OF_SQUARES else 0)
    of_one = (8 if form == "sinc" else 4) * min(1.0, abs(point)) if (form, order) in OF_ONE else 0
    return units * EPSILON * abs(right) + of_one * EPSILON + 1000 * LEAST


# Numbers that stand for all that is nearly 0, and for all that is huge.
TINY, HUGE = mp.mpf(10) ** -1100, mp.mpf(10) ** 1000
SPECIAL = (
    0.0, -0.0, LEAST, -LEAST, 0.5, -0.5, 1.0, -1.0, 2.0, -3.0, 40.0, -800.0, 1e16, -1e16, 1e300, INF, -INF, NAN,
)  # fmt: skip
PAIRS = tuple(itertools.product(SPECIAL, SPECIAL))


def stands_for_zero(x):
    return not x or mp.mag(x) < -2000


def stands_for_infinity(x):
    return mp.isinf(x) or mp.mag(x) > 2000


def exp(x):
    """e**x, without the digits of what stands for 0 or an infinity."""
    return mp.exp(x) if abs(x) < 1e6 else mp.inf if x > 0 else mp.mpf(0)


def natural(x):
    """The logarithm, infinite where x stands for 0 or an infinity."""
    if stands_for_zero(x):
        return -mp.inf
    return mp.inf if stands_for_infinity(x) else mp.log(x)


def powered(a, b):
    """C's a**b: 1 for b = 0; nan for a negative base and a fraction, unless the base is 0 or infinite."""
    if stands_for_zero(b) or a == 1:
        return mp.mpf(1)
    endless = stands_for_infinity(b)
    sign = -1 if a < 0 and not endless and b == mp.floor(b) and b % 2 else 1
    if stands_for_zero(a) or stands_for_infinity(a) or (endless and a != -1):
        return mp.inf * sign if (abs(a) > 1) == (b > 0) else mp.mpf(0)
    if a < 0 and not endless and b != mp.floor(b):
        return mp.nan
    return mp.mpf(1) if endless else a**b


def raised_log(a, b):
    """a**b log(a), which is 0 where a**b is; a negative base says nothing."""
    power = powered(a, b)
    return mp.nan if a < 0 else power * natural(a) if power else mp.mpf(0)


def softplus(z):
    return mp.log(1 + exp(-abs(z))) + max(z, mp.mpf(0))


def above(a, b):
    """1 where a is larger, a half where they are equal."""
    return mp.mpf(a > b) + mp.mpf(a == b) / 2


def share(a, b, c=None):
    """exp(a) / (exp(a) + exp(b)), and exp(c) below where there is a c."""
    return 1 / (1 + exp(b - a) + (exp(c - a) if c is not None else 0))


def huber(a, b):
    size = abs(a - b)
    return size * size / 2 if size < 1 else size - mp.mpf(0.5)


def held(x, limit):
    return min(max(x, -mp.mpf(limit)), mp.mpf(limit))


ONE, NOTHING, HALF = (lambda a, b: mp.mpf(1)), (lambda a, b: mp.mpf(0)), (lambda a, b: mp.mpf(0.5))


def minus(function):
    return lambda a, b: -function(a, b)


def turned(function):
    return lambda a, b: function(b, a)


# Of two numbers: the form of the library, then the value and the two slopes of mpmath; None says nothing.
BINARY: dict[str, tuple[Any, ...]] = {
    "a+b": (lambda a, b: a + b, lambda a, b: a + b, ONE, ONE),
    "a-b": (lambda a, b: a - b, lambda a, b: a - b, ONE, minus(ONE)),
    "a*b": (lambda a, b: a * b, lambda a, b: a * b, lambda a, b: b, lambda a, b: a),
    "a/b": (lambda a, b: a / b, lambda a, b: a / b, lambda a, b: 1 / b, lambda a, b: -a / b / b),
    "a**b": (lambda a, b: a**b, powered, lambda a, b: b * powered(a, b - 1), raised_log),
    "max": (tn.maximum, max, above, turned(above)),
    "min": (tn.minimum, min, turned(above), above),
    "largest": (lambda a, b: tn.maximum([a, b, -3.5]), lambda a, b: max(a, b, mp.mpf(-3.5)), None, None),
    "dot": (lambda a, b: tn.dot([a], [b], 1.0), lambda a, b: a * b + 1, lambda a, b: b, lambda a, b: a),
    "sum": (lambda a, b: tn.sum([a, b]), lambda a, b: a + b, ONE, ONE),
    "mean": (lambda a, b: tn.mean([a, b]), lambda a, b: (a + b) / 2, HALF, HALF),
    "take": (lambda a, b: tn.take([a, b], 1), lambda a, b: b, NOTHING, ONE),
    "-a-b": (lambda a, b: -a - b, lambda a, b: -a - b, minus(ONE), minus(ONE)),
    "a/2+b": (lambda a, b: a / 2.0 + b, lambda a, b: a / 2 + b, HALF, ONE),
    "|a|-|b|": (lambda a, b: abs(a) - abs(b), lambda a, b: abs(a) - abs(b), lambda a, b: mp.sign(a),
                lambda a, b: -mp.sign(b)),
    "exp(a-b)": (lambda a, b: tn.exp(a - b), *[lambda a, b: exp(a - b)] * 2, lambda a, b: -exp(a - b)),
    "a+sigmoid(b)": (lambda a, b: a + tn.sigmoid(b), lambda a, b: a + share(b, 0), ONE,
                     lambda a, b: share(b, 0) * share(0, b)),
    "a+tanh(b)": (lambda a, b: a + tn.tanh(b), lambda a, b: a + mp.tanh(b), ONE,
                  lambda a, b: 4 * share(2 * b, 0) * share(0, 2 * b)),
    "relu(a)+b": (lambda a, b: tn.relu(a) + b, lambda a, b: max(a, 0) + b, lambda a, b: mp.mpf(a > 0), ONE),
    "clip(a)+b": (lambda a, b: tn.clip(a, -2.0, 2.0) + b, lambda a, b: held(a, 2) + b,
                  lambda a, b: mp.mpf(abs(a) < 2) + mp.mpf(abs(a) == 2) / 2, ONE),
    "logsumexp": (lambda a, b: tn.logsumexp([a, b]), lambda a, b: a + softplus(b - a) if a > b else b + softplus(a - b),
                  share, turned(share)),
    "logsumexp of 3": (lambda a, b: tn.logsumexp([a, b, 0.0]), None, lambda a, b: share(a, b, mp.mpf(0)),
                       lambda a, b: share(b, a, mp.mpf(0))),
    "softmax": (lambda a, b: tn.softmax([a, b])[0], share, lambda a, b: share(a, b) * share(b, a),
                lambda a, b: -share(a, b) * share(b, a)),
    "log_softmax": (lambda a, b: tn.log_softmax([a, b])[0], lambda a, b: -softplus(b - a), turned(share),
                    minus(turned(share))),
    "cross_entropy": (lambda a, b: losses.cross_entropy([a, b], 0), lambda a, b: softplus(b - a),
                      minus(turned(share)), turned(share)),
    "hypot": (table.hypot, mp.hypot, lambda a, b: a / mp.hypot(a, b), lambda a, b: b / mp.hypot(a, b)),
    "atan2": (table.atan2, mp.atan2, lambda a, b: b / (a * a + b * b), lambda a, b: -a / (a * a + b * b)),
    "squared_error": (losses.squared_error, lambda a, b: (a - b) ** 2, lambda a, b: 2 * (a - b),
                      lambda a, b: 2 * (b - a)),
    "absolute_error": (losses.absolute_error, lambda a, b: abs(a - b), lambda a, b: mp.sign(a - b),
                       lambda a, b: mp.sign(b - a)),
    "huber": (losses.huber, huber, lambda a, b: held(a - b, 1), lambda a, b: held(b - a, 1)),
    "hinge": (losses.hinge, lambda a, b: max(1 - a * b, 0), lambda a, b: -b * (a * b < 1), None),
    "logits": (losses.binary_cross_entropy_with_logits, lambda a, b: b * softplus(-a) + (1 - b) * softplus(a),
               lambda a, b: share(a, 0) - b, None),
}  # fmt: skip
TARGETS = {"logits": (0.0, 0.5, 1.0), "hinge": (1.0, -1.0)}  # what the second number may be, which is then itself
# Forms whose numbers are sums of numbers up to 1, and are rounded in units of it.
NEAR_ONE = {
    "a+sigmoid(b)", "a+tanh(b)", "logsumexp", "logsumexp of 3", "softmax", "log_softmax", "cross_entropy", "logits",
}  # fmt: skip
# What C has for a nan, and for angles that are no limits.
KNOWN = {("a**b", "nan", "0.0"): 1.0, ("a**b", "nan", "-0.0"): 1.0, ("a**b", "1.0", "nan"): 1.0}
KNOWN |= {("hypot", *pair): INF for end in ("inf", "-inf") for pair in (("nan", end), (end, "nan"))}
KNOWN |= {("atan2", repr(a), repr(b)): math.atan2(a, b) for a, b in itertools.product((0.0, -0.0, INF, -INF), repeat=2)}
PARITY = 2.0**53  # from here on an exponent less 1 may be no number, so that a negative base's slope has any sign


def standing_for(x, both_signs):
    """The numbers of mpmath that stand for a double."""
    if x == 0.0:
        signs = (1, -1) if both_signs else (math.copysign(1, x),)
        return [sign * zero for zero in (TINY, TINY * mp.mpf(10) ** -300) for sign in signs]
    if math.isinf(x):
        return [math.copysign(1, x) * size for size in (HUGE, HUGE * mp.mpf(10) ** 300)]
    return [mp.mpf(x)]


def limit(function, firsts, seconds):
    """What all that stands for two numbers agrees on, as a double; nan where it does not."""
    found = {repr(rounded(mp.mpmathify(function(x, y))) + 0.0) for x, y in itertools.product(firsts, seconds)}
    return float(found.pop()) if len(found) == 1 else NAN


@cache
def binary(form, *written):
    """The value and the two slopes of a form; None where it says nothing."""
    _, value, *slopes = BINARY[form]
    a, b = map(float, written)
    known = KNOWN.get((form, *written))
    if known is not None:
        return known, None, None
    if b not in TARGETS.get(form, (b,)):
        return None, None, None
    if form == "take":
        return b, 0.0, 1.0
    if a != a or b != b:
        return NAN, None, None
    if form == "a**b" and a < 0 and abs(b) >= PARITY:
        slopes[0] = None
    if form == "a**b" and 0 < abs(a) < 2.0**-1022 and 0 < abs(b) < 2.0**-1022:  # a**(b - 1) is too large for a double
        slopes[0] = None
    if form == "hypot" and 0 < abs(a) < 2.0**-1022 and 0 < abs(b) < 2.0**-1022:  # whose length has few digits
        slopes = [None, None]
    with mp.workdps(60):
        found = []
        for function, both_signs in zip((value, *slopes), (False, True, True), strict=True):
            seconds = [mp.mpf(b)] if form in TARGETS else standing_for(b, both_signs)
            found.append(function and limit(function, standing_for(a, both_signs), seconds))
    return found[0], *(None if slope != slope or found[0] != found[0] else slope for slope in found[1:])


def near(form, found, right):
    """Whether a number is the right one, within eight units in the last place; of a loss, of those of 1."""
    if not math.isfinite(right) or not math.isfinite(found):
        return found == right or (found != found and right != right)
    return abs(found - right) <= 8 * EPSILON * max(abs(right), 0.5 if form in NEAR_ONE else 0.0) + 1000 * LEAST

"""Functions that are polynomials, within units in the last place of mpmath's, over all their range."""

import math
import random

import pytest
from mpmath import mp

from tinygrad_nn.autograd.ieee.special import polynomial
from tinygrad_nn.autograd.primitives import TABLE


def near_one(rng):
    return rng.choice([-1.0, 1.0]) * (1.0 - 10.0 ** rng.uniform(-16, 0))


def small(rng):
    return rng.choice([-1.0, 1.0]) * 10.0 ** rng.uniform(-300, 0)


def positive(rng):
    return 10.0 ** rng.uniform(-300, 300)


# A row, its oracle, from where points are drawn, and how many units its results may be off.
CASES = [
    ("asinh", mp.asinh, [lambda rng: rng.uniform(-3, 3), positive, small], 4),
    ("acosh", mp.acosh, [lambda rng: 1.0 + 10.0 ** rng.uniform(-15, 20)], 4),
    ("atanh", mp.atanh, [near_one, small, lambda rng: rng.uniform(-1, 1)], 4),
    ("erfinv", mp.erfinv, [near_one, small, lambda rng: rng.uniform(-1, 1)], 8),
    ("digamma", mp.digamma, [lambda rng: rng.uniform(0, 12), lambda rng: rng.uniform(1, 2), positive], 8),
    ("trigamma", lambda x: mp.zeta(2, x), [lambda rng: rng.uniform(0, 20), lambda rng: rng.uniform(1e6, 1e9)], 8),
    ("sinc", mp.sincpi, [lambda rng: rng.uniform(-9, 9), small], 8),
]


@pytest.mark.parametrize(("name", "oracle", "draws", "units"), CASES)
def test_units_in_the_last_place(name, oracle, draws, units):
    rng = random.Random(name)
    for k in range(240):
        x = draws[k % len(draws)](rng)
        if name in ("atanh", "erfinv") and abs(x) >= 1.0:
            continue
        with mp.workdps(40):
            right = float(oracle(mp.mpf(x)))
        assert abs(TABLE[name].value(x) - right) <= units * math.ulp(right), x


def test_digamma_and_trigamma_below_0_are_reflected():
    rng = random.Random(0)
    for _ in range(100):
        x = -rng.uniform(0, 30)
        for name, oracle in (("digamma", mp.digamma), ("trigamma", lambda x: mp.polygamma(1, x))):
            right = float(oracle(mp.mpf(x)))
            assert abs(TABLE[name].value(x) - right) <= 64 * 2.0**-52 * max(1.0, abs(right)) * (1 + abs(right)), (
                name,
                x,
            )


@pytest.mark.parametrize("order", [1, 2])
def test_derivatives_of_sinc_near_0_and_far_from_it(order):
    rng = random.Random(order)
    row = TABLE[("", "sinc_slope", "sinc_curvature")[order]]
    for k in range(120):
        x = small(rng) if k % 3 == 0 else rng.uniform(-9, 9) if k % 3 == 1 else rng.uniform(0.7, 0.8)
        with mp.workdps(60 if abs(x) > 1e-3 else 900):
            z = mp.mpf(x)
            slope = (mp.cospi(z) - mp.sincpi(z)) / z
            right = float(slope if order == 1 else -(mp.pi**2 * mp.sincpi(z) + 2 * slope / z))
        assert abs(row.value(x) - right) <= 8 * 2.0**-52 * max(abs(right), min(1.0, abs(x)) if order == 1 else 2.0), x


def test_a_polynomial_is_written_by_horners_rule():
    assert eval(polynomial("x", [1.0, -2.0, 3.0, 0.5]), {"x": 2.0}) == 1.0 - 4.0 + 12.0 + 4.0

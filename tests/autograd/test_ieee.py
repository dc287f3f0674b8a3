"""IEEE's numbers for Python's: no math error escapes."""

import math
import random

import mpmath
import pytest
from shared import needed

import tinygrad_nn as tn
from tinygrad_nn.autograd.value import Value


def test_no_python_math_error_escapes():
    x = Value(0.0)
    for make in (
        lambda: x.log(), lambda: 1 / x, lambda: (x + 1000).exp(), lambda: (x - 8) ** (1 / 3), lambda: (x + 2).asin(),
        lambda: x**-1, lambda: x.sqrt(), lambda: 0 / x, lambda: x / 0, lambda: x**0.5, lambda: (x - 1).log1p(),
        lambda: 0.0**x, lambda: (-2.0) ** x, lambda: tn.logsumexp([x / 0, x]), lambda: tn.maximum([x, x / 0, 1]),
        lambda: (x + 1e308) * 1e308, lambda: Value(10**400), lambda: x * 10**400,
    ):  # fmt: skip
        result = make()
        result.backward()
        tn.grad(result, x, create_graph=True)


@pytest.mark.parametrize("backend", ["python", "array", "llvm"])
def test_ieee_powers_and_empty_dots(backend):
    inverse = tn.primitive("inverse_square", lambda x: 1 / x**2, "-(2.0 * g * y / x)")
    assert inverse(0.0) == math.inf
    assert inverse(1e-200) == math.inf
    assert tn.derivative(inverse, 0.0) == -math.inf
    f = tn.compile(lambda x: tn.dot([], [], x), backend=needed(backend))
    assert f(2.0) == 2.0
    assert f.grad(2.0) == [1.0]
    assert str(f.program) == "lambda(x)\n    return x"


@pytest.mark.parametrize("backend", ["python", "array", "llvm"])
def test_lgamma_has_all_its_digits_near_its_zeros(backend):
    """Where Python's own has as many behind the point as elsewhere: of log gamma(1 + 1e-10) six."""
    rng = random.Random(2)
    xs = [zero + rng.choice((-1.0, 1.0)) * 10.0 ** rng.uniform(-15.0, -0.55) for zero in (1.0, 2.0) for _ in range(200)]
    xs += [0.75, 1.25, 1.5, 1.75, 2.25, *(math.nextafter(x, x + d) for x in (0.75, 1.25, 1.75, 2.25) for d in (-1, 1))]
    recorded = [tn.functional.lgamma(Value(x)).data for x in xs]
    with mpmath.workdps(40):
        told = [float(mpmath.loggamma(mpmath.mpf(x))) for x in xs]
    assert recorded == pytest.approx(told, rel=2e-14, abs=0.0)
    assert [tn.functional.lgamma(x) for x in (1.0, 2.0)] == [0.0, 0.0]
    f = tn.compile(lambda x: tn.functional.lgamma(x) * 1.0, backend=needed(backend))
    found = list(f.batch([[x] for x in xs]))
    assert found == (recorded if backend == "python" else pytest.approx(told, rel=2e-14, abs=0.0))

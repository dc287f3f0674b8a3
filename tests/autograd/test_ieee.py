"""IEEE's numbers for Python's: no math error escapes."""

import math

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
    assert "dot" in str(f.program)

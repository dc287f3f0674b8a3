"""Derivatives, gradients, Jacobians and Hessians of plain functions: by hand, and every refusal."""

import math

import pytest

import tinygrad_nn as tn
from tinygrad_nn import Value


def test_derivatives_of_any_order():
    assert tn.derivative(lambda x: x.sin(), 0.5) == math.cos(0.5)
    assert [tn.derivative(tn.exp, 1.0, order=n) for n in (1, 2, 3, 8)] == pytest.approx([math.e] * 4, rel=1e-15)
    assert tn.derivative(lambda x: 7.0, 1.0) == 0.0
    assert tn.derivative(lambda x: 2 * x, 1.0, order=3) == 0.0


def test_transforms_against_sympy_by_hand():
    """f = x**2 y + sin(y z): its gradient and Hessian written down from the textbook."""

    def f(v):
        x, y, z = v
        return x**2 * y + tn.sin(y * z)

    x, y, z = 1.3, -0.7, 2.1
    c, s = math.cos(y * z), math.sin(y * z)
    gradient = [2 * x * y, x * x + z * c, y * c]
    hessian = [[2 * y, 2 * x, 0], [2 * x, -z * z * s, c - y * z * s], [0, c - y * z * s, -y * y * s]]
    assert tn.gradient(f)([x, y, z]) == [pytest.approx(gradient, rel=1e-14)]
    for row, expected in zip(tn.hessian(f)([x, y, z]), hessian, strict=True):
        assert row == pytest.approx(expected, rel=1e-13)
    direction = [0.3, -1.0, 2.0]
    product = [sum(h * d for h, d in zip(row, direction, strict=True)) for row in hessian]
    assert tn.hvp(f)([x, y, z], direction) == pytest.approx(product, rel=1e-13)
    assert tn.jacobian(lambda v: [f(v), v[0]])([x, y, z]) == [pytest.approx(gradient), [1.0, 0.0, 0.0]]
    assert tn.jacobian(f)([x, y, z]) == [pytest.approx(gradient)]
    nested = tn.gradient(lambda m, b: m[0][1] * m[1][0] * b)([[1, 2], [3, 4]], 5)
    assert nested == [[[0.0, 15.0], [10.0, 0.0]], 6.0]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: tn.derivative(lambda x: [x], 1.0), TypeError, "returns one number, but it returned"),
        (
            lambda: tn.derivative(lambda x: x, 1.0, order=0),
            ValueError,
            "must be a whole number of 1 or more, but got 0",
        ),
        (lambda: tn.derivative(lambda x: x, "1"), TypeError, "but got '1'"),
        (lambda: tn.gradient(lambda x: None)(1.0), TypeError, "but it returned None"),
        (lambda: tn.hessian(lambda x: x)(1.0), TypeError, "one flat list of numbers, but got 1.0"),
        (lambda: tn.hessian(lambda x: x[0])([[1.0]]), TypeError, "one flat list"),
        (lambda: tn.hvp(lambda x: x[0])([1.0], [1.0, 2.0]), ValueError, "a point of 1 numbers and a direction of 2"),
        (lambda: tn.jacobian(lambda x: ["1"])([1.0]), TypeError, "but it returned '1'"),
    ],
)
def test_bad_input_of_transforms(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_code_for_arrays_runs_on_arrays():
    """A sum of arrays is one of their entries; of lists it would be both."""
    numpy = pytest.importorskip("numpy", reason="NumPy is not installed")
    v, m = numpy.array([1.0, 2.0, 4.0]), numpy.asfortranarray([[1.0, 2.0], [3.0, 5.0]])
    assert tn.gradient(lambda v: tn.mean(v + v))(v) == [[2 / 3] * 3]
    assert tn.gradient(lambda m, b: (m @ m).sum() * b)(m, 2.0) == [[[14.0, 24.0], [20.0, 30.0]], 68.0]
    assert tn.jacobian(lambda v: 2 * v * v)(v) == [[4.0, 0.0, 0.0], [0.0, 8.0, 0.0], [0.0, 0.0, 16.0]]
    assert tn.hessian(lambda v: (v * v * v).sum())(v) == [[6.0, 0.0, 0.0], [0.0, 12.0, 0.0], [0.0, 0.0, 24.0]]
    assert tn.hvp(lambda v: (v * v * v).sum())(v, v) == [6.0, 24.0, 96.0]
    assert tn.jvp(lambda m: m + m)(m, m) == ([[2.0, 4.0], [6.0, 10.0]],) * 2
    assert tn.vjp(lambda m: m * m)(m, m)[1] == [[2.0, 8.0], [18.0, 50.0]]
    w = Value(2.0)
    assert tn.grad(tn.gradient(lambda v: w * tn.mean(v[:2] * v[1:]))(v)[0][1], w) == 2.5
    assert tn.derivative(lambda x: tn.sum(tn.gradient(lambda u: x * (u * u).sum())(v)[0]), 1.0) == 14.0


def test_value_and_grad_of_what_is_beside():
    def f(x, v):
        y = x * v[0]
        return y * v[1], {"y": y, "list": [x, (v[0], "text", None)], "number": 3}

    found = tn.value_and_grad(f, has_aux=True)(2.0, [3.0, 5.0])
    assert found == ((30.0, {"y": 6.0, "list": [2.0, (3.0, "text", None)], "number": 3}), [15.0, [10.0, 6.0]])
    w = Value(5.0)
    (value, beside), (slope,) = tn.value_and_grad(lambda x: (x * x, [x * w]), has_aux=True)(2.0)
    assert (value.data, beside[0].data, slope.data) == (4.0, 10.0, 4.0)
    assert tn.grad(beside[0], w) == 2.0

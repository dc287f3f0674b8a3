"""A compiled function of one vector: its derivatives against differences, and SciPy's methods against known optima."""

import copy
import math
import pickle
import random
from itertools import pairwise
from typing import Any

import pytest
from shared import needed, wrong

import tinygrad_nn as tn

np = pytest.importorskip("numpy")
optimize = pytest.importorskip("scipy.optimize")


def rosenbrock(x):
    return tn.sum([100.0 * (b - a**2) ** 2 + (1.0 - a) ** 2 for a, b in pairwise(x)])


def nested(a, pair, matrix):
    """Of a number, a list and an array."""
    return a * tn.exp(pair[0]) + tn.sin(pair[1]) * sum(sum(matrix)) + a * a * matrix[0][1]


POINT = (0.5, [0.25, -1.5], np.array([[1.0, 2.0], [-0.5, 0.125]]))


@pytest.mark.parametrize("backend", ["auto", "python", "array", "llvm"])
def test_values_and_derivatives_are_those_of_the_function(backend):
    f = tn.compile(nested, backend=needed(backend))
    at = f.flat(*POINT)
    assert at.x0.tolist() == [0.5, 0.25, -1.5, 1.0, 2.0, -0.5, 0.125]
    value, flows = f.value_and_grad(*POINT)
    assert at(at.x0) == pytest.approx(value)
    assert type(at(at.x0)) is float
    found, gradient = at.value_and_grad(at.x0)
    assert found == pytest.approx(value)
    assert gradient == pytest.approx([flows[0], *flows[1], *np.asarray(flows[2]).ravel()])
    assert at.grad(at.x0).tolist() == gradient.tolist()
    assert at.jacobian(at.x0) == pytest.approx(gradient[None, :])
    assert gradient == pytest.approx(optimize.approx_fprime(at.x0, at, 1e-7), abs=1e-5)
    second = at.hessian(at.x0)
    assert second == pytest.approx(optimize.approx_fprime(at.x0, at.grad, 1e-7), abs=1e-5)
    assert second == pytest.approx(second.T)
    direction = np.linspace(-1.0, 1.0, 7)
    assert at.hvp(at.x0, direction) == pytest.approx(second @ direction)
    a, pair, matrix = at.arguments(at.x0)
    assert (a, pair, matrix.tolist()) == (0.5, [0.25, -1.5], POINT[2].tolist())


def test_results_are_a_vector_in_their_order_and_their_jacobian_a_matrix():
    f = tn.compile(lambda x: [[x[0] * x[1], x[2]], [tn.exp(x[0]), 3.0]])
    at = f.flat([1.0, 2.0, 3.0])
    assert at(at.x0) == pytest.approx([2.0, 3.0, math.e, 3.0])
    assert at.jacobian(at.x0) == pytest.approx(np.array([[2, 1, 0], [0, 0, 1], [math.e, 0, 0], [0, 0, 0]]))
    with pytest.raises(TypeError, match="a gradient is of a function that returns one number"):
        at.grad(at.x0)
    with pytest.raises(TypeError, match="returns one number"):
        at.hessian(at.x0)


METHODS: dict[str, dict[str, Any]] = {
    "BFGS": {"jac": True}, "L-BFGS-B": {"jac": True}, "CG": {"jac": True},
    "Newton-CG": {"jac": True, "hessp": "hvp"}, "trust-ncg": {"jac": True, "hessp": "hvp"},
    "trust-exact": {"jac": True, "hess": "hessian"}, "trust-constr": {"jac": True, "hess": "hessian"},
}  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
def test_every_method_of_minimize_finds_the_end_of_rosenbrocks_valley(method):
    at = tn.compile(rosenbrock).flat([1.3, 0.7, 0.8, 1.9, 1.2])
    asked = {name: getattr(at, given) if isinstance(given, str) else given for name, given in METHODS[method].items()}
    found = optimize.minimize(at.value_and_grad, at.x0, method=method, **asked)
    assert found.x == pytest.approx(np.ones(5), abs=1e-3)
    assert at.value_and_grad(at.x0)[1] == pytest.approx(optimize.rosen_der(at.x0))
    assert at.hessian(at.x0) == pytest.approx(optimize.rosen_hess(at.x0))


@pytest.mark.parametrize("method", ["lm", "trf", "dogbox"])
def test_least_squares_finds_nists_misra1a(method):
    x = [77.6, 114.9, 141.1, 190.8, 239.9, 289.0, 332.8, 378.4, 434.8, 477.3, 536.8, 593.1, 689.1, 760.0]
    y = [10.07, 14.73, 17.94, 23.93, 29.61, 35.18, 40.02, 44.82, 50.76, 55.05, 61.01, 66.40, 75.47, 81.78]
    f = tn.compile(lambda b1, b2: [b1 * (1.0 - tn.exp(-b2 * u)) - v for u, v in zip(x, y, strict=True)])
    at = f.flat(250.0, 0.0005)
    found = optimize.least_squares(at, at.x0, jac=at.jacobian, method=method, x_scale="jac", xtol=1e-12, ftol=1e-12)
    assert at.arguments(found.x) == pytest.approx([238.94212918, 5.5015643181e-04], rel=1e-6)
    assert 2.0 * found.cost == pytest.approx(1.2455138894e-01, rel=1e-8)


def test_roots_of_equations():
    at = tn.compile(lambda x, y: [x + 0.5 * (x - y) ** 3 - 1.0, 0.5 * (y - x) ** 3 + y]).flat(0.0, 0.0)
    assert optimize.root(at, at.x0, jac=at.jacobian).x == pytest.approx([0.8411639, 0.1588361])


def test_other_paths_and_what_is_captured_are_followed():
    scale, settings = tn.Value(2.0), {"shift": 1.0}

    def f(x):
        return scale * (x - settings["shift"]) ** 2 if x > 0.0 else -x

    at = tn.compile(f).flat(0.5)
    assert at.value_and_grad([3.0]) == (8.0, pytest.approx([8.0]))
    assert (at.hessian([3.0]).tolist(), at.hvp([3.0], [0.5]).tolist()) == ([[4.0]], [2.0])
    assert (at([-3.0]), at.hessian([-3.0]).tolist()) == (3.0, [[0.0]])
    scale.data, settings["shift"] = 3.0, 2.0
    assert at.value_and_grad([3.0]) == (3.0, pytest.approx([6.0]))
    assert (at.hessian([3.0]).tolist(), at.jacobian([3.0]).tolist()) == ([[6.0]], [[6.0]])


def test_random_residuals_agree_with_differences():
    rng = random.Random(7)
    model = tn.MLP(2, [3, 2], "tanh", rng=rng)
    f = tn.compile(lambda xs: [p for k in range(3) for p in model([xs[2 * k], xs[2 * k + 1]])])
    at = f.flat([rng.gauss(0.0, 1.0) for _ in range(6)])
    assert at.jacobian(at.x0) == pytest.approx(optimize.approx_fprime(at.x0, at, 1e-7), abs=1e-6)


def test_wrong_vectors_are_refused():
    at = tn.compile(nested).flat(*POINT)
    for call in (at, at.grad, at.jacobian, at.hessian, at.arguments, lambda x: at.hvp(at.x0, x)):
        with pytest.raises(ValueError, match="nested is of 7 numbers in one vector, but got 2"):
            call([1.0, 2.0])
        with pytest.raises(TypeError):
            call(wrong("seven77"))
    with pytest.raises(TypeError, match=r"give v\.data"):
        at([tn.Value(1.0)] * 7)


def test_a_copy_is_the_same_function():
    at = copy.deepcopy(tn.compile(nested).flat(*POINT))
    assert at(at.x0) == pytest.approx(nested(*POINT))
    at = pickle.loads(pickle.dumps(tn.compile(tn.tanh).flat(0.5)))
    assert at.jacobian([0.5]) == pytest.approx(np.array([[1.0 - math.tanh(0.5) ** 2]]))


def test_without_numpy_lists_come_back(monkeypatch):
    monkeypatch.setattr("tinygrad_nn.compiler.flat.find_spec", lambda name: None)
    at = tn.compile(lambda x: [x[0] * x[1], x[1]], backend="python").flat([2.0, 3.0])
    assert (at.x0, at([2.0, 3.0]), at.jacobian([2.0, 3.0])) == ([2.0, 3.0], [6.0, 3.0], [[3.0, 2.0], [0.0, 1.0]])

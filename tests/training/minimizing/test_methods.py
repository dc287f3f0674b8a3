"""L-BFGS and Levenberg-Marquardt: the minima that are known, of NIST and of others."""

import math
import random

import pytest

import tinygrad_nn as tn

np = pytest.importorskip("numpy")
pytest.importorskip("scipy")

# MGH17 of NIST's Statistical Reference Datasets: y = b1 + b2 exp(-x b4) + b3 exp(-x b5), x = 0, 10 ... 320.
MGH17 = [
    0.844, 0.908, 0.932, 0.936, 0.925, 0.908, 0.881, 0.850, 0.818, 0.784, 0.751, 0.718, 0.685, 0.658, 0.628, 0.603,
    0.580, 0.558, 0.538, 0.522, 0.506, 0.490, 0.478, 0.467, 0.457, 0.448, 0.438, 0.431, 0.424, 0.420, 0.414, 0.411,
    0.406,
]  # fmt: skip
CERTIFIED = [0.37541005211, 1.9358469127, -1.4646871366, 0.012867534640, 0.022122699662]
CERTIFIED_SUM = 5.4648946975e-05
# Misra1a of the same: y = b1 (1 - exp(-b2 x)).
MISRA1A_X = [77.6, 114.9, 141.1, 190.8, 239.9, 289.0, 332.8, 378.4, 434.8, 477.3, 536.8, 593.1, 689.1, 760.0]
MISRA1A_Y = [10.07, 14.73, 17.94, 23.93, 29.61, 35.18, 40.02, 44.82, 50.76, 55.05, 61.01, 66.40, 75.47, 81.78]


def mgh17(b):
    return lambda x: b[0] + b[1] * tn.exp(-x * b[3]) + b[2] * tn.exp(-x * b[4])


def values(numbers):
    return [tn.Value(number) for number in numbers]


@pytest.mark.parametrize("backend", ["auto", "python"])
def test_mgh17_has_the_certified_parameters(backend):
    b = values([0.5, 1.5, -1.0, 0.01, 0.02])  # NIST's second start
    X = [10.0 * k for k in range(33)]
    history = tn.minimize(
        mgh17(b), X, MGH17, "squared_error", "lm", tolerance=1e-14, parameters=b, backend=backend, progress=False
    )
    assert [p.data for p in b] == pytest.approx(CERTIFIED, rel=1e-7)
    assert 33 * history.losses[-1] == pytest.approx(CERTIFIED_SUM, rel=1e-9)
    assert history.stopped == "converged"
    assert len(history) < 50


@pytest.mark.parametrize("method", ["lm", "lbfgs"])
def test_misra1a_has_the_certified_parameters(method):
    b = values([250.0, 0.0005])
    factors = [1.0, 1e-4] if method == "lbfgs" else [1.0, 1.0]  # which a method of slopes wants alike
    b[1].data /= factors[1]
    history = tn.minimize(
        lambda x: b[0] * (1.0 - tn.exp(-b[1] * factors[1] * x)), MISRA1A_X, MISRA1A_Y, "squared_error", method,
        tolerance=1e-15, parameters=b, progress=False,
    )  # fmt: skip
    assert b[0].data == pytest.approx(238.94212918, rel=1e-5 if method == "lbfgs" else 1e-8)
    assert 14 * history.losses[-1] == pytest.approx(1.2455138894e-01, rel=1e-8)


@pytest.mark.parametrize("method", ["lm", "lbfgs"])
def test_rosenbrocks_valley_is_gone_down_to_its_end(method):
    w = values([-1.2, 1.0])
    history = tn.minimize(
        lambda x: [10.0 * (w[1] - w[0] ** 2), 1.0 - w[0]], [0.0], [[0.0, 0.0]], "squared_error", method,
        tolerance=1e-12, parameters=w, progress=False,
    )  # fmt: skip
    assert [p.data for p in w] == pytest.approx([1.0, 1.0], abs=1e-4)
    assert history.losses == sorted(history.losses, reverse=True)


def test_both_go_to_the_one_minimum_of_a_ridge():
    """Of a linear model with squared weights, which NumPy solves."""
    rng = random.Random(2)
    X = [[rng.gauss(0.0, 1.0) for _ in range(5)] for _ in range(30)]
    Y = [2.0 * x[0] - x[3] + rng.gauss(0.0, 0.1) for x in X]
    design = np.hstack([np.array(X), np.ones((30, 1))])
    expected = np.linalg.solve(design.T @ design / 30 + 0.1 * np.eye(6), design.T @ np.array(Y) / 30)

    def squares(model):
        return 0.1 * tn.dot(model.parameters(), model.parameters())

    for method in ("lm", "lbfgs"):
        model = tn.MLP(5, [1], rng=rng)
        tn.minimize(model, X, Y, "squared_error", method, regularizer=squares, tolerance=1e-15, progress=False)
        assert [p.data for p in model.parameters()] == pytest.approx(expected, abs=1e-6)


def test_lm_is_at_home_where_weights_are_more_than_rows():
    X, Y = [[0.1], [0.5], [0.9]], [0.3, -0.2, 0.4]
    model = tn.MLP(1, [10, 1], "tanh", rng=random.Random(0))
    history = tn.minimize(model, X, Y, "squared_error", "lm", progress=False)
    assert history.losses[-1] < 1e-12
    assert all(math.isfinite(p.data) for p in model.parameters())


@pytest.mark.filterwarnings("ignore::tinygrad_nn.LintWarning")  # of the one that is of no use
def test_lm_leaves_what_is_of_no_use_where_it_is():
    w, idle = values([0.0, 3.0])
    tn.minimize(lambda x: w * x, [1.0, 2.0], [2.0, 4.0], "squared_error", "lm", parameters=[w, idle], progress=False)
    assert (w.data, idle.data) == (pytest.approx(2.0), 3.0)


def test_what_is_at_a_minimum_stays_there():
    model = tn.MLP.from_weights([[[2.0]]], [[1.0]])
    for method in ("lm", "lbfgs"):
        history = tn.minimize(model, [[1.0], [2.0]], [3.0, 5.0], "squared_error", method, progress=False)
        assert [p.data for p in model.parameters()] == [2.0, 1.0]
        assert history.stopped == "converged"

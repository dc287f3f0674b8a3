"""L-BFGS: iterations and losses are those of SciPy's L-BFGS-B, on valleys, waves and walls."""

import math

import pytest

np = pytest.importorskip("numpy")
optimize = pytest.importorskip("scipy.optimize")

from tinygrad_nn.training.minimizing.limited_memory import NO_LOWER, PAIRS, LimitedMemory, Limits  # noqa: E402

LOWERED = 1e7 * 2.0**-52


def quadratic(count):
    rng = np.random.RandomState(count)
    root, b = rng.randn(count, count), rng.randn(count)
    matrix = root @ root.T + np.eye(count)
    return lambda x: (0.5 * x @ matrix @ x - b @ x, matrix @ x - b)


def logistic(x):
    rng = np.random.RandomState(1)
    rows, signs = rng.randn(60, len(x)), np.sign(rng.randn(60))
    z = signs * (rows @ x)
    slopes = -signs / (1.0 + np.exp(z))
    return np.logaddexp(0.0, -z).mean() + 0.01 * x @ x, rows.T @ slopes / 60.0 + 0.02 * x


FUNCTIONS = {
    "rosen": lambda x: (optimize.rosen(x), optimize.rosen_der(x)),
    "quadratic": lambda x: quadratic(len(x))(x),
    "logistic": logistic,
    "waves": lambda x: (
        np.sum(abs(x) ** 1.5 + np.cos(3.0 * x)), 1.5 * np.sign(x) * abs(x) ** 0.5 - 3.0 * np.sin(3.0 * x)
    ),
    "walls": lambda x: (np.sum(np.exp(x) - 2.0 * x + x**4), np.exp(x) - 2.0 + 4.0 * x**3),
}  # fmt: skip


def ours(f, start, epochs, evaluations, steepest, lowered):
    def evaluate(x, gradient):
        value, gradient[:] = f(x)
        return float(value)

    descent, found = LimitedMemory(np, start.copy(), np.zeros(len(start)), evaluate), []
    why = descent.go(Limits(epochs, evaluations, steepest, lowered), 1, lambda losses, x: found.extend(losses))
    return descent, found, why


def theirs(f, start, epochs, evaluations, steepest, lowered):
    found = []
    options = {"maxiter": epochs, "maxfun": evaluations, "gtol": steepest, "ftol": lowered}

    def callback(intermediate_result):
        found.append(intermediate_result.fun)

    return optimize.minimize(f, start, jac=True, method="L-BFGS-B", options=options, callback=callback), found


@pytest.mark.parametrize("limits", [(200, 15000, 1e-5, LOWERED), (7, 15000, 1e-5, 0.0), (200, 9, 1e-5, LOWERED)])
@pytest.mark.parametrize("count", [1, 3, 15])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_it_goes_the_way_of_scipys(name, count, limits):
    if (name, count) == ("rosen", 1):
        count = 2
    f, start = FUNCTIONS[name], np.random.RandomState(count).randn(count) * 3.0
    descent, found, why = ours(f, start, *limits)
    result, wanted = theirs(f, start, *limits)
    assert found[:20] == pytest.approx(wanted[:20], rel=1e-8, abs=1e-10)
    assert (len(found), descent.evaluations) == (result.nit, result.nfev)
    assert (not why) == result.success
    assert descent.x == pytest.approx(result.x, rel=1e-4, abs=1e-4)
    assert descent.value == pytest.approx(result.fun, rel=1e-6, abs=1e-9)


def test_it_remembers_no_more_pairs_than_it_says():
    descent, found, _ = ours(FUNCTIONS["rosen"], np.full(12, -1.3), 60, 1000, 0.0, 0.0)
    assert len(found) == 60
    assert (descent.kept, 0 <= descent.first < PAIRS) == (PAIRS, True)


def test_at_the_bottom_nothing_is_done():
    descent, found, why = ours(FUNCTIONS["rosen"], np.ones(4), 10, 100, 1e-5, LOWERED)
    assert (descent.x.tolist(), found, why, descent.evaluations) == ([1.0] * 4, [], "", 1)


def test_a_gradient_that_is_none_ends_where_it_began():
    """All is put back, and the steepest way is tried before it gives up."""
    descent, found, why = ours(lambda x: (float(x @ x), -x), np.array([1.0, 2.0]), 10, 1000, 1e-5, 0.0)
    assert (descent.x.tolist(), found, why) == ([1.0, 2.0], [], NO_LOWER)
    assert (descent.value, descent.gradient.tolist()) == (5.0, [-1.0, -2.0])


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_start_that_is_not_finite_is_refused(value):
    with pytest.raises(ValueError, match=f"the loss is {value} at the weights as they are"):
        ours(lambda x: (value, x), np.ones(2), 10, 100, 1e-5, 0.0)


def test_what_is_not_finite_on_the_way_is_passed_by():
    """Where SciPy ends: a wall at 2, which the first tries are beyond."""

    def f(x):
        return (x[0] - 1.9) ** 2 if x[0] < 2.0 else np.inf, np.array([2.0 * (x[0] - 1.9)])

    descent, _, why = ours(f, np.array([-50.0]), 100, 1000, 1e-8, 0.0)
    assert (descent.x[0], why) == (pytest.approx(1.9, abs=1e-6), "")

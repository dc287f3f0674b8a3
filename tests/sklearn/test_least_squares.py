"""solver="lm" beside an oracle: SciPy's least_squares on the same residuals from the same weights; and its scores."""

import math
from typing import Any

import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed")
np = pytest.importorskip("numpy")

from scipy.optimize import least_squares  # noqa: E402
from sklearn.datasets import load_diabetes, make_friedman1  # noqa: E402
from sklearn.model_selection import KFold, cross_val_score  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402

from tinygrad_nn.sklearn import MLPRegressor  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
ACTIVATIONS = {"tanh": np.tanh, "logistic": lambda z: 1.0 / (1.0 + np.exp(-z))}
TIGHT: dict[str, Any] = {"xtol": 1e-14, "ftol": 1e-14, "gtol": 1e-14}


class Case:
    """A random regression, with a network that has weights to begin at; the residuals are written in NumPy."""

    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        n, features, outputs = rng.integers(20, 80), rng.integers(1, 4), rng.integers(1, 3)
        self.X = rng.normal(size=(n, features))
        self.Y = np.sin(self.X @ rng.normal(size=(features, outputs))) + 0.3 * rng.normal(size=(n, outputs))
        self.options = {
            "hidden_layer_sizes": [(2,), (3,), (5,), (2, 3), ()][rng.integers(5)], "random_state": seed,
            "activation": [*ACTIVATIONS][rng.integers(2)], "alpha": 10.0 ** rng.uniform(-3.0, 0.5),
        }  # fmt: skip
        begun = self.fitted(solver="sgd", learning_rate_init=1e-200, max_iter=1)
        self.shapes, self.start = [w.shape for w in begun.coefs_], self.vector(begun)

    def fitted(self, **options):
        return MLPRegressor(**self.options, **options).fit(self.X, self.Y[:, 0] if self.Y.shape[1] == 1 else self.Y)

    def vector(self, model):
        return np.concatenate(
            [each.ravel() for pair in zip(model.coefs_, model.intercepts_, strict=True) for each in pair]
        )

    def residuals(self, numbers):
        h, at, weights = self.X, 0, []
        for k, (inputs, outputs) in enumerate(self.shapes):
            w = numbers[at : at + inputs * outputs].reshape(inputs, outputs)
            at += (inputs + 1) * outputs
            h = h @ w + numbers[at - outputs : at]
            h = ACTIVATIONS[self.options["activation"]](h) if k < len(self.shapes) - 1 else h
            weights.append(w.ravel())
        n, penalty = len(self.X), math.sqrt(self.options["alpha"] / 2.0 / len(self.X))
        return np.concatenate([((h - self.Y) / math.sqrt(2.0 * n)).ravel(), penalty * np.concatenate(weights)])

    def by_scipy(self, start, method):
        most = 1000 if method == "trf" else 100_000  # where each number of a Jacobian counts
        return 2.0 * least_squares(self.residuals, start, method=method, max_nfev=most, **TIGHT).cost


@pytest.mark.slow
def test_it_ends_at_a_minimum_and_as_low_as_scipys_methods():
    """Of several minima they go to one or another, as SciPy's two methods do; where there is one it is the same."""
    ratios, as_either = [], 0
    for seed in range(30):
        case = Case(seed)
        end = case.vector(case.fitted(solver="lm", tol=1e-15, max_iter=3000))
        loss = float(case.residuals(end) @ case.residuals(end))
        assert loss <= case.by_scipy(end, "trf") * (1.0 + 1e-6), seed
        theirs = [case.by_scipy(case.start, method) for method in ("trf", "lm")]
        if not case.options["hidden_layer_sizes"]:
            assert loss == pytest.approx(theirs[0], rel=1e-12)
        ratios.append(loss / theirs[0])
        as_either += loss <= max(theirs) * (1.0 + 1e-6)
    assert sum(ratio <= 1.0 + 1e-6 for ratio in ratios) >= 24
    assert as_either >= 26
    assert np.median(ratios) == pytest.approx(1.0, abs=1e-6)


def spring(n):
    rng = np.random.default_rng(0)
    t = rng.uniform(0.0, 8.0, size=(n, 1))
    return t, np.exp(-0.3 * t[:, 0]) * np.cos(2.0 * t[:, 0]) + 0.05 * rng.normal(size=n)


REGRESSIONS: dict[str, tuple[Any, dict[str, Any]]] = {
    "diabetes": (lambda: load_diabetes(return_X_y=True), {"hidden_layer_sizes": (3,), "alpha": 20.0}),
    "Friedman's": (
        lambda: make_friedman1(300, 5, noise=0.5, random_state=0),
        {"hidden_layer_sizes": (8,), "alpha": 0.1},
    ),
    "a spring": (lambda: spring(200), {"hidden_layer_sizes": (10,), "alpha": 1e-3}),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", REGRESSIONS)
def test_scores_are_those_of_lbfgs_within_a_folds_standard_error_or_better(name):
    data, options = REGRESSIONS[name]
    X, y = data()
    y = (y - y.mean()) / y.std()
    scores = {}
    for solver in ("lm", "lbfgs"):
        found = []
        for seed in range(3):  # as from each start they go to one minimum or another
            model = MLPRegressor(solver=solver, activation="tanh", max_iter=500, random_state=seed, **options)
            folds = KFold(5, shuffle=True, random_state=0)
            found.append(cross_val_score(make_pipeline(StandardScaler(), model), X, y, cv=folds))
        scores[solver] = np.mean(found, axis=0)
    error = max(found.std(ddof=1) / math.sqrt(5.0) for found in scores.values())
    assert scores["lm"].mean() > scores["lbfgs"].mean() - error

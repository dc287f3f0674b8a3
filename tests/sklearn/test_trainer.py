"""How estimators train: to the epoch, and with patience."""

import gc
import math
import subprocess
import sys

import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed")
np = pytest.importorskip("numpy")

from sklearn.datasets import load_iris  # noqa: E402
from sklearn.exceptions import ConvergenceWarning  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402

from tinygrad_nn.sklearn import MLPClassifier, MLPRegressor, trainer  # noqa: E402
from tinygrad_nn.training import history  # noqa: E402
from tinygrad_nn.training.steps import structure  # noqa: E402
from tinygrad_nn.training.steps.run import Pace  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
needs_llvm = pytest.mark.skipif(not __import__("importlib.util").util.find_spec("llvmlite"), reason="no llvmlite here")


@needs_llvm
def test_long_fits_count_every_epoch(monkeypatch):
    """However few of them a history keeps, and however many a machine makes at once."""
    X = np.linspace(-1.0, 1.0, 12)[:, None]
    found = []
    for points, stretch in ((10_000, 0.02), (50, 0.02), (50, 0.0002)):
        monkeypatch.setattr(history, "MOST_POINTS", points)
        monkeypatch.setattr(Pace, "STRETCH", stretch)
        fitted = MLPRegressor(
            "squared_error", (3,), "tanh", random_state=0, max_iter=9000, tol=1e-6, n_iter_no_change=40
        )
        found.append(fitted.fit(X, np.sin(3.0 * X[:, 0])).loss_curve_)
        assert len(found[-1]) == fitted.n_iter_
    assert 500 < len(found[0]) < 9000
    assert found[1] == found[2] == found[0]


def test_it_ends_when_the_loss_gets_no_better():
    X, y = load_iris(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    fitted = MLPClassifier((5,), learning_rate_init=0.05, max_iter=2000, tol=1e-3, random_state=1).fit(X, y)
    losses = fitted.loss_curve_
    assert fitted.n_iter_ == len(losses) < 2000
    best, stale, ended = np.inf, 0, 0
    for epoch, loss in enumerate(losses, 1):
        stale = stale + 1 if loss > best - 1e-3 else 0
        best = min(best, loss)
        ended = ended or (epoch if stale > 10 else 0)
    assert ended == fitted.n_iter_
    with pytest.warns(ConvergenceWarning, match="max_iter=3"):
        MLPClassifier((5,), max_iter=3).fit(X, y)


SLOW = [pytest.mark.slow]
KNOWN = [
    (MLPClassifier, {"solver": "sgd"}, True),
    (MLPRegressor, {"dtype": "float64"}, False),
    pytest.param(MLPClassifier, {}, False, marks=SLOW),
    pytest.param(MLPRegressor, {"activation": "tanh"}, True, marks=SLOW),
    pytest.param(MLPClassifier, {"hidden_layer_sizes": (4, 3), "momentum": 0.0}, False, marks=SLOW),
]


@needs_llvm
@pytest.mark.parametrize(("kind", "settings", "weighted"), KNOWN)
def test_what_is_known_of_its_steps_is_what_a_trace_of_them_finds(kind, settings, weighted, monkeypatch):
    """An estimator says what the code of its loss and its regularizer follows from; without that it is traced."""
    X, y = load_iris(return_X_y=True)
    settings = {"hidden_layer_sizes": (5,), "max_iter": 3, "random_state": 0} | settings
    weights = np.linspace(0.0, 2.0, len(X)) if weighted else None
    found = []
    for known in (True, False):
        if not known:
            monkeypatch.setattr(structure, "AS_DEFINED", {})
        for _ in range(2):
            trainer.trainer_of.cache_clear()
            gc.collect()
            fitted = kind(**settings).fit(X, y, weights)
            found.append([fitted.loss_, *np.concatenate([m.ravel() for m in fitted.coefs_]), *fitted.intercepts_[-1]])
        step = fitted_step()
        assert (structure.structure_of_steps(step.recipe) is None) is not known
    assert found[0] == found[1] == found[2] == found[3]


def fitted_step():
    """The step of the estimator that was fitted last."""
    return next(found for found in gc.get_objects() if type(found) is trainer.Trainer).step


@needs_llvm
@pytest.mark.parametrize("name", ["RowLoss", "SquaredWeights"])
def test_a_loss_that_was_changed_is_traced(name, monkeypatch):
    X, y = load_iris(return_X_y=True)
    losses = []
    for changed in (False, True, False):
        trainer.trainer_of.cache_clear()
        with monkeypatch.context() as patch:
            if changed:
                call = getattr(trainer, name).__call__
                patch.setattr(getattr(trainer, name), "__call__", lambda own, *given: 2.0 * call(own, *given))  # noqa: B023
            losses.append(MLPClassifier((5,), max_iter=3, random_state=0, alpha=1.0).fit(X, y).loss_curve_)
    assert losses[0] == losses[2]
    assert losses[1][0] > losses[0][0] + 1e-3
    assert not any(math.isclose(a, b) for a, b in zip(losses[0], losses[1], strict=True))


@needs_llvm
def test_first_fits_import_nothing():
    """What they need comes with the estimators, as NumPy and scikit-learn do, so that none waits for it."""
    program = """if True:
        import sys
        from tinygrad_nn.sklearn import MLPClassifier, MLPRegressor
        before = set(sys.modules)
        MLPClassifier((3,), max_iter=1).fit([[0.0], [1.0], [2.0]], [0, 1, 2])
        MLPRegressor(hidden_layer_sizes=(3,), solver="lbfgs", max_iter=1).fit([[0.0], [1.0]], [0.0, 1.0])
        print(sorted(name for name in set(sys.modules) - before if name.startswith(("llvmlite", "tinygrad_nn"))))"""
    run = subprocess.run([sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"

"""How estimators train: to the epoch, and with patience."""

import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed")
np = pytest.importorskip("numpy")

from sklearn.datasets import load_iris  # noqa: E402
from sklearn.exceptions import ConvergenceWarning  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402

from tinygrad_nn.sklearn import MLPClassifier, MLPRegressor  # noqa: E402
from tinygrad_nn.training import history  # noqa: E402
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
        fitted = MLPRegressor((3,), "tanh", random_state=0, max_iter=9000, tol=1e-6, n_iter_no_change=40)
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

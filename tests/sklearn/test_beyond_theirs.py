"""What scikit-learn's networks lack: functions as losses and activations, weights of classes, metrics, exports."""

import pickle
from typing import Any

import pytest

import tinygrad_nn as tn

pytest.importorskip("sklearn", reason="scikit-learn is not installed")
np = pytest.importorskip("numpy")

import c_files  # noqa: E402
from scipy.sparse import csr_array  # noqa: E402
from sklearn.datasets import load_iris, make_multilabel_classification  # noqa: E402
from sklearn.exceptions import ConvergenceWarning  # noqa: E402
from sklearn.linear_model import LogisticRegression, Ridge  # noqa: E402

from tinygrad_nn.sklearn import MLPClassifier, MLPRegressor  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, y = load_iris(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
SMALL: dict[str, Any] = {"hidden_layer_sizes": (5,), "random_state": 0}


def quantile(prediction, target):
    """The loss of which nine tenths of the targets lie below the prediction."""
    return tn.maximum(0.9 * (target - prediction), -0.1 * (target - prediction))


def swish(x):
    return x * tn.sigmoid(x)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_an_activation_as_a_function_is_that_of_its_name(solver):
    own, named = (
        MLPClassifier(activation=activation, solver=solver, max_iter=8, **SMALL).fit(X, y)
        for activation in (swish, "silu")
    )
    assert own.loss_ == pytest.approx(named.loss_, rel=1e-9)
    assert own.predict_proba(X) == pytest.approx(named.predict_proba(X), rel=1e-6)
    assert own.input_gradients(X[:3]) == pytest.approx(named.input_gradients(X[:3]), rel=1e-5, abs=1e-9)
    assert np.array_equal(pickle.loads(pickle.dumps(named)).predict(X), own.predict(X))


@pytest.mark.parametrize("options", [{}, {"batch_size": 40}, {"solver": "lbfgs"}])
def test_losses_as_functions_are_those_of_their_names(options):
    weights = np.linspace(0.1, 2.0, len(X))

    def half(prediction, target):
        return 0.5 * (prediction - target) ** 2

    for given in (None, weights):
        own, named = (
            MLPRegressor(loss, max_iter=6, **options, **SMALL).fit(X[:, :3], X[:, 3], sample_weight=given)
            for loss in (half, "squared_error")
        )
        assert own.loss_ == pytest.approx(named.loss_, rel=1e-9)
        own, named = (
            MLPClassifier(loss=loss, max_iter=6, **options, **SMALL).fit(X, y, sample_weight=given)
            for loss in (lambda logits, place: tn.losses.cross_entropy(logits, place), "log_loss")
        )
        assert own.loss_ == pytest.approx(named.loss_, rel=1e-9)


def test_a_loss_of_ones_own_is_what_is_descended():
    model = MLPRegressor(quantile, max_iter=400, learning_rate_init=0.02, **SMALL).fit(X[:, :3], X[:, 3])
    assert 0.8 < (X[:, 3] < model.predict(X[:, :3])).mean() < 0.98
    huber = MLPRegressor("huber", max_iter=5, **SMALL).fit(X[:, :3], X[:, 3])
    assert huber.loss_ < MLPRegressor("absolute_error", max_iter=5, **SMALL).fit(X[:, :3], X[:, 3]).loss_


def test_a_loss_with_branches():
    def steeper(prediction, target):
        return (prediction - target) ** 2 if target > 0.0 else 3.0 * (prediction - target) ** 2

    def written_out(prediction, target):
        return (3.0 - 2.0 * (target > 0.0)) * (prediction - target) ** 2

    for solver in ("adam", "lbfgs"):
        options: dict[str, Any] = {"batch_size": 40, "max_iter": 4, "solver": solver}
        found = [MLPRegressor(f, **options, **SMALL).fit(X[:, :3], X[:, 3]).loss_ for f in (steeper, written_out)]
        assert found[0] == pytest.approx(found[1], rel=1e-9)


def test_no_hidden_layers_are_logistic_regression():
    ours = MLPClassifier((), solver="lbfgs", alpha=1.0, tol=1e-8, max_iter=2000).fit(X, y)
    theirs = LogisticRegression(C=1.0, tol=1e-10, max_iter=10_000).fit(X, y)
    assert ours.predict_proba(X) == pytest.approx(theirs.predict_proba(X), abs=1e-4)


@pytest.mark.parametrize("class_weight", ["balanced", {0: 2.0, 1: 1.0, 2: 0.5}])
def test_weights_of_classes_are_those_of_their_rows(class_weight):
    rows = slice(30, None)
    model = MLPClassifier(class_weight=class_weight, max_iter=5, **SMALL).fit(X[rows], y[rows])
    counts = np.bincount(y[rows])
    of_classes = len(y[rows]) / (3 * counts) if class_weight == "balanced" else np.array([2.0, 1.0, 0.5])
    weighted = MLPClassifier(max_iter=5, **SMALL).fit(X[rows], y[rows], sample_weight=of_classes[y[rows]])
    assert model.loss_curve_ == pytest.approx(weighted.loss_curve_, rel=1e-12)
    with pytest.raises(ValueError, match="'balanced' takes all rows"):
        MLPClassifier(class_weight="balanced").partial_fit(X, y, classes=[0, 1, 2])


def test_metrics_stand_in_the_history():
    def worst(predicted, targets):
        return np.abs(predicted - targets).max()

    model = MLPClassifier(metrics=["accuracy"], early_stopping=True, max_iter=9, **SMALL).fit(X, y)
    assert list(model.history_.metrics) == ["accuracy", "validation score"]
    assert model.history_.metrics["validation score"] == model.validation_scores_
    assert model.history_.losses == model.loss_curve_
    for solver in ("adam", "lbfgs"):
        options: dict[str, Any] = {"metrics": ["mean_absolute_error", worst], "max_iter": 5, "solver": solver, **SMALL}
        model = MLPRegressor(**options).fit(X[:, :3], X[:, 3])
        away = np.abs(model.predict(X[:, :3]) - X[:, 3])
        found = {name: numbers[-1] for name, numbers in model.history_.metrics.items()}
        assert found == pytest.approx({"mean_absolute_error": away.mean(), "worst": away.max()})
        assert len(model.history_) == model.n_iter_


def test_it_draws_and_plots():
    pytest.importorskip("matplotlib").use("Agg")
    model = MLPRegressor("poisson", metrics=["mean_absolute_error"], max_iter=3, **SMALL).fit(X, y)
    lines = [line for axes in model.history_.plot().figure.axes for line in axes.get_lines()]
    assert "mean_absolute_error" in [line.get_label() for line in lines]
    assert "circle" in model.draw(X[0]).source


@c_files.needs_cc
@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_the_exported_file_predicts_the_same(loss, tmp_path):
    model = MLPRegressor(loss, max_iter=20, **SMALL).fit(X, y)
    model.export_c(tmp_path / "model.c", dtype="double")
    made = c_files.library((tmp_path / "model.c").read_text(encoding="utf-8"), tmp_path)
    (found,) = c_files.called(made, "model_predict", [X[3].tolist()], [1])[1]
    assert found == pytest.approx([model.predict(X[3:4])[0]], rel=1e-12)


def test_labels():
    rows, labels = make_multilabel_classification(60, random_state=0)
    model = MLPClassifier(max_iter=20, **SMALL).fit(rows, labels)
    assert model.predict(rows).tolist() == (model.predict_proba(rows) > 0.5).astype(int).tolist()
    step = np.zeros(rows.shape[1])
    step[2] = 1e-5
    slopes = (model.predict_proba(rows + step) - model.predict_proba(rows - step)) / 2e-5
    assert model.input_gradients(rows)[:, :, 2] == pytest.approx(slopes, abs=1e-6)
    assert model.model_.predict_classes(rows).tolist() == model.predict(rows).tolist()


def test_poisson_gradients_are_of_what_is_predicted():
    model = MLPRegressor("poisson", (5,), "tanh", max_iter=20, random_state=0).fit(X, y)
    step = np.array([0.0, 1e-5, 0.0, 0.0])
    slopes = (model.predict(X + step) - model.predict(X - step)) / 2e-5
    assert model.input_gradients(X)[:, 1] == pytest.approx(slopes, abs=1e-7)
    assert model.model_.predict(X[:2]).ravel() == pytest.approx(model.predict(X[:2]))
    with pytest.raises(ValueError, match="y of 0 or more"):
        MLPRegressor("poisson").fit(X, X[:, 0])


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_sparse_rows_stay_sparse_where_steps_are_made_one_by_one(solver):
    sparse = csr_array(np.where(np.abs(X) < 0.5, 0.0, X))
    options: dict[str, Any] = {"max_iter": 5, "solver": solver, "batch_size": 40, **SMALL}
    model, dense = (MLPClassifier(**options).fit(given, y) for given in (sparse, sparse.toarray()))
    assert model.loss_ == pytest.approx(dense.loss_, rel=1e-9)
    assert model.input_gradients(sparse[:3]) == pytest.approx(dense.input_gradients(sparse.toarray()[:3]), rel=1e-6)


def test_a_fit_whose_loss_is_not_finite_is_an_error_and_changes_nothing():
    far = 1e200 * X[:, 3]
    for size in ("auto", 40):
        model = MLPRegressor(solver="sgd", max_iter=5, batch_size=size, **SMALL).fit(X[:, :3], X[:, 3])
        before = pickle.dumps(model)
        for fit in (model.fit, model.partial_fit):
            with pytest.raises(ValueError, match="take a smaller learning_rate_init"):
                fit(X[:, :3], far)
            assert pickle.dumps(model) == before


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("outputs", [1, 2])
def test_levenberg_marquardt_of_no_hidden_layer_is_ridge_regression(outputs, weighted):
    targets = X[:, 2:] @ np.array([[1.0, -2.0], [0.5, 3.0]])[:, :outputs] + np.sin(3.0 * X[:, :outputs])
    weights = np.linspace(0.1, 2.0, len(X)) if weighted else None
    ridge = Ridge(alpha=5.0).fit(X, targets, sample_weight=weights)
    model = MLPRegressor(hidden_layer_sizes=(), solver="lm", alpha=5.0, tol=1e-12, random_state=0)
    model.fit(X, targets[:, 0] if outputs == 1 else targets, sample_weight=weights)
    assert model.coefs_[0] == pytest.approx(ridge.coef_.reshape(outputs, -1).T, rel=1e-6)
    assert model.intercepts_[0] == pytest.approx(ridge.intercept_, rel=1e-6)
    assert model.n_iter_ < 20


def test_levenberg_marquardt_goes_deeper_than_lbfgs_in_as_many_iterations():
    x = np.linspace(-3.0, 3.0, 60)[:, None]
    fits = {
        solver: MLPRegressor(
            hidden_layer_sizes=(8,), activation="tanh", solver=solver, alpha=0.0, tol=1e-7, max_iter=80, random_state=1
        ).fit(x, np.sin(x[:, 0]))
        for solver in ("lm", "lbfgs")
    }
    assert fits["lm"].loss_ < 0.1 * fits["lbfgs"].loss_
    assert fits["lm"].loss_ == pytest.approx(0.5 * np.mean((fits["lm"].predict(x) - np.sin(x[:, 0])) ** 2))
    assert fits["lm"].history_.losses[-1] == fits["lm"].loss_
    again = MLPRegressor(
        hidden_layer_sizes=(8,), activation="tanh", solver="lm", alpha=0.0, tol=1e-7, max_iter=80, warm_start=True,
        metrics=["mean_absolute_error"], loss=lambda p, t: 0.5 * (p - t) ** 2, random_state=1,
    )  # fmt: skip
    assert again.fit(x, np.sin(x[:, 0])).loss_ == pytest.approx(fits["lm"].loss_, rel=1e-3)
    before = again.loss_
    assert again.fit(x, np.sin(x[:, 0])).loss_ <= before
    assert again.history_.metrics["mean_absolute_error"][-1] < 1e-2


def test_what_levenberg_marquardt_is_not_for():
    for loss in ("poisson", "absolute_error"):
        with pytest.raises(ValueError, match="solver='lm' wants a loss that is a sum of squares"):
            MLPRegressor(loss, solver="lm", **SMALL).fit(X, y)
    with pytest.raises(ValueError, match="'solver' parameter of MLPClassifier must be a str among"):
        MLPClassifier(solver="lm", **SMALL).fit(X, y)
    assert not hasattr(MLPRegressor(solver="lm"), "partial_fit")
    with pytest.warns(ConvergenceWarning, match="lm has not converged after 2 iterations"):
        MLPRegressor(solver="lm", activation="tanh", max_iter=2, tol=0.0, **SMALL).fit(X[:, :3], X[:, 3])


def test_an_activation_of_several_numbers_is_refused_before_the_fit():
    classifier = MLPClassifier((3,), activation=tn.softmax)
    with pytest.raises(ValueError, match="function of one number, and softmax is of several"):
        classifier.fit([[0.0], [1.0]], [0, 1])
    assert not hasattr(classifier, "coefs_")

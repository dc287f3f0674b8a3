"""The estimators: scikit-learn's checks, its tools around them, the same as its own networks, exact gradients."""

import math
import pickle
import sys
import warnings
from typing import Any

import pytest

import tinygrad_nn as tn

pytest.importorskip("sklearn", reason="scikit-learn is not installed")
np = pytest.importorskip("numpy")

from sklearn.base import clone  # noqa: E402
from sklearn.datasets import (  # noqa: E402
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
    load_wine,
    make_friedman1,
    make_regression,
)
from sklearn.exceptions import NotFittedError  # noqa: E402
from sklearn.model_selection import GridSearchCV, cross_val_score  # noqa: E402
from sklearn.neural_network import MLPClassifier as TheirClassifier  # noqa: E402
from sklearn.neural_network import MLPRegressor as TheirRegressor  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from sklearn.utils.estimator_checks import check_estimator  # noqa: E402
from threadpoolctl import threadpool_limits  # noqa: E402

from tinygrad_nn.sklearn import MLPClassifier, MLPRegressor  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
ESTIMATORS = (MLPClassifier, MLPRegressor)
needs_llvm = pytest.mark.skipif(not __import__("importlib.util").util.find_spec("llvmlite"), reason="no llvmlite here")


@needs_llvm  # in Python they take minutes
@pytest.mark.parametrize("kind", ESTIMATORS)
def test_scikit_learns_checks_without_an_expected_failure(kind):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = check_estimator(kind(), on_fail=None, on_skip=None)
    failed = [(result["check_name"], result["exception"]) for result in results if result["status"] != "passed"]
    allowed = ("pandas is not installed", "SCIPY_ARRAY_API is not set", "does not have a decision_function")
    assert [name for name, why in failed if not any(word in str(why) for word in allowed)] == []
    assert sum(result["status"] == "passed" for result in results) > 50


def scaled(load):
    X, y = load(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def houses(return_X_y):
    """As many features as California's houses have, and a price that is no line in them."""
    X, y = make_friedman1(1000, 8, noise=1.0, random_state=0)
    return X, y


def test_the_same_losses_as_scikit_learns_own():
    """From the same weights, on batches of all rows, Adam's and SGD's losses are theirs."""
    X, y = scaled(load_iris)
    for options, bound in (
        ({"solver": "adam"}, 1e-10),
        ({"solver": "sgd", "learning_rate_init": 0.1}, 1e-10),
        ({"solver": "sgd", "learning_rate_init": 0.05, "nesterovs_momentum": False, "alpha": 0.1}, 1e-10),
        ({"solver": "sgd", "activation": "tanh", "hidden_layer_sizes": (8, 5), "momentum": 0.5}, 1e-10),
    ):
        theirs = TheirClassifier(max_iter=20, shuffle=False, random_state=3, **options).fit(X, y)
        ours = MLPClassifier(max_iter=20, shuffle=False, random_state=3, **options).fit(X, y)
        assert ours.loss_curve_ == pytest.approx(theirs.loss_curve_, rel=bound)
        for mine, wanted in zip(ours.coefs_, theirs.coefs_, strict=True):
            assert np.allclose(mine, wanted, rtol=bound, atol=1e3 * bound)
    for shuffled in ({"batch_size": 50}, {"batch_size": 30, "activation": "logistic"}):
        batches: dict[str, Any] = {"solver": "sgd", "max_iter": 8, "random_state": 3, **shuffled}
        theirs, ours = TheirClassifier(**batches).fit(X, y), MLPClassifier(**batches).fit(X, y)
        assert ours.loss_curve_ == pytest.approx(theirs.loss_curve_, rel=1e-10)
    X, y = scaled(load_breast_cancer)
    batches = {"solver": "sgd", "batch_size": 100, "max_iter": 5, "shuffle": False, "random_state": 3, "alpha": 0.0}
    theirs, ours = TheirClassifier(**batches).fit(X, y), MLPClassifier(**batches, dtype="float64").fit(X, y)
    assert ours.loss_curve_ == pytest.approx(theirs.loss_curve_, rel=1e-9)


def test_a_regression_as_scikit_learns_own():
    X, y = make_regression(100, 5, noise=1.0, random_state=0)
    y = (y - y.mean()) / y.std()
    theirs = TheirRegressor(hidden_layer_sizes=(20,), solver="sgd", max_iter=50, shuffle=False, random_state=1).fit(
        X, y
    )
    ours = MLPRegressor("squared_error", (20,), solver="sgd", max_iter=50, shuffle=False, random_state=1).fit(X, y)
    assert ours.loss_curve_ == pytest.approx(theirs.loss_curve_, rel=1e-9)
    assert np.allclose(ours.predict(X), theirs.predict(X), rtol=1e-6)
    both = np.column_stack([y, -2.0 * y])
    several = MLPRegressor("squared_error", (20,), max_iter=300, learning_rate_init=0.01, random_state=1).fit(X, both)
    assert several.predict(X).shape == (100, 2)
    assert several.score(X, both) > 0.9


SETS = {"iris": load_iris, "wine": load_wine, "breast_cancer": load_breast_cancer, "digits": load_digits,
        "diabetes": load_diabetes, "houses": houses}  # fmt: skip
QUICK = ("iris", "adam")


@needs_llvm
@pytest.mark.parametrize(
    ("name", "solver"),
    [
        pytest.param(name, solver, marks=[] if (name, solver) == QUICK else [pytest.mark.slow])
        for name in SETS
        for solver in ("adam", "sgd", "lbfgs")
    ],
)
def test_scores_of_five_folds_are_theirs(name, solver):
    """Within the standard error of a fold."""
    X, y = SETS[name](return_X_y=True)
    kinds: Any = MLPClassifier, TheirClassifier
    options: dict[str, Any] = {"random_state": 0, "solver": solver}
    if name in ("diabetes", "houses"):
        y, kinds = (y - y.mean()) / y.std(), (MLPRegressor, TheirRegressor)
        options |= {"hidden_layer_sizes": (20,), "learning_rate_init": 0.01, "alpha": 0.01}
    with threadpool_limits(1):
        ours, theirs = (cross_val_score(make_pipeline(StandardScaler(), kind(**options)), X, y, cv=5) for kind in kinds)
    assert abs(ours.mean() - theirs.mean()) <= max(theirs.std(ddof=1) / 5**0.5, 1e-3)


def test_pipelines_grids_and_processes():
    X, y = load_iris(return_X_y=True)
    pipeline = make_pipeline(StandardScaler(), MLPClassifier((5,), max_iter=10, random_state=1))
    grid = GridSearchCV(pipeline, {"mlpclassifier__alpha": [1e-4, 1.0]}, cv=2, n_jobs=2).fit(X, y)
    assert set(grid.best_params_) == {"mlpclassifier__alpha"}
    again = GridSearchCV(pipeline, {"mlpclassifier__alpha": [1e-4, 1.0]}, cv=2).fit(X, y)
    assert list(grid.cv_results_["mean_test_score"]) == list(again.cv_results_["mean_test_score"])


def test_threads_do_not_disturb_each_other():
    from joblib import Parallel, delayed

    X, y = scaled(load_iris)
    wanted = [MLPClassifier((6,), max_iter=30, random_state=seed).fit(X, y).loss_ for seed in range(6)]
    found = Parallel(n_jobs=3, backend="threading")(
        delayed(lambda seed: MLPClassifier((6,), max_iter=30, random_state=seed).fit(X, y).loss_)(seed)
        for seed in range(6)
    )
    assert found == wanted


def test_weights_count_as_repeated_rows():
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(30, 3)), rng.integers(0, 3, 30)
    counts = rng.integers(0, 4, 30)
    weighted = MLPClassifier((5,), max_iter=100, random_state=0).fit(X, y, sample_weight=counts)
    repeated = MLPClassifier((5,), max_iter=100, random_state=0).fit(np.repeat(X, counts, axis=0), np.repeat(y, counts))
    assert np.allclose(weighted.predict_proba(X), repeated.predict_proba(X), rtol=1e-9)
    target = rng.normal(size=30)
    weighted = MLPRegressor("squared_error", (5,), max_iter=100, random_state=0).fit(X, target, sample_weight=counts)
    repeated = MLPRegressor("squared_error", (5,), max_iter=100, random_state=0).fit(
        np.repeat(X, counts, axis=0), np.repeat(target, counts)
    )
    assert np.allclose(weighted.predict(X), repeated.predict(X), rtol=1e-9)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu"])
def test_input_gradients_are_differences(classes, activation):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 4))
    y = rng.integers(0, classes, 40)
    model = MLPClassifier((7, 5), activation, max_iter=50, random_state=2).fit(X, y)
    found = model.input_gradients(X)
    assert found.shape == (40, classes, 4)
    for k in range(4):
        step = np.zeros(4)
        step[k] = 1e-6
        differences = (model.predict_proba(X + step) - model.predict_proba(X - step)) / 2e-6
        assert np.allclose(found[:, :, k], differences, atol=1e-7)
    assert np.allclose(found.sum(axis=1), 0.0, atol=1e-12)


def test_input_gradients_of_regressors_and_under_jax():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(30, 3)), rng.normal(size=(30, 2))
    single = MLPRegressor("squared_error", (6,), "tanh", max_iter=50, random_state=2).fit(X, y[:, 0])
    double = MLPRegressor("squared_error", (6,), "tanh", max_iter=50, random_state=2).fit(X, y)
    assert single.input_gradients(X).shape == (30, 3)
    assert double.input_gradients(X).shape == (30, 2, 3)
    jax = pytest.importorskip("jax")
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    try:

        def predicted(x):
            hidden = jax.numpy.tanh(x @ double.coefs_[0] + double.intercepts_[0])
            return hidden @ double.coefs_[1] + double.intercepts_[1]

        assert np.allclose(double.input_gradients(X), jax.vmap(jax.jacobian(predicted))(X), rtol=1e-12)
    finally:
        jax.config.update("jax_enable_x64", before)


def test_the_model_is_a_network_of_ours(tmp_path):
    X, y = load_iris(return_X_y=True)
    fitted = MLPClassifier((5,), max_iter=50, random_state=1).fit(X, y)
    logits = np.array(fitted.model_.predict(X.tolist()))
    proba = np.log(fitted.predict_proba(X))
    assert np.allclose(logits - logits[:, :1], proba - proba[:, :1])
    tn.save(fitted.model_, tmp_path / "iris.txt")
    assert "circle" in tn.draw_network(fitted.model_).source
    twin = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(twin.predict_proba(X), fitted.predict_proba(X))
    assert clone(fitted).get_params() == fitted.get_params()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"hidden_layer_sizes": (0,)}, "hidden_layer_sizes must be a whole number of 1 or more"),
        (
            {"hidden_layer_sizes": "100"},
            "'hidden_layer_sizes' parameter of MLPClassifier must be an array-like",
        ),
        ({"solver": "lm"}, "'solver' parameter of MLPClassifier must be a str among .*lbfgs"),
        ({"batch_size": 0}, "'batch_size' parameter of MLPClassifier must be .* an int in the range"),
        ({"batch_size": "all"}, "'batch_size' parameter of MLPClassifier must be .* an int in the range"),
        ({"alpha": -1.0}, "'alpha' parameter of MLPClassifier must be a float in the range"),
        ({"max_iter": 10.0}, "'max_iter' parameter of MLPClassifier must be an int in the range"),
        ({"n_iter_no_change": 2.5}, "'n_iter_no_change' parameter of MLPClassifier must be an int"),
        ({"learning_rate_init": 0.0}, "'learning_rate_init' parameter of MLPClassifier must be a float in the range"),
        ({"learning_rate_init": float("nan")}, "'learning_rate_init' parameter of MLPClassifier must be a float"),
        ({"activation": "sin"}, "'activation' parameter of MLPClassifier must be a str among .*gelu.* or a callable"),
        ({"dtype": "float16"}, "'dtype' parameter of MLPClassifier must be a str among"),
        ({"loss": "squared_error"}, "'loss' parameter of MLPClassifier must be a str among .'log_loss'. or a callable"),
        ({"class_weight": "even"}, "'class_weight' parameter of MLPClassifier must be"),
        ({"metrics": ["recall"]}, "metrics' of MLPClassifier must be names among accuracy, mean_absolute_error"),
        ({"solver": "sgd", "learning_rate_init": 1e200, "max_iter": 50}, "take a smaller learning_rate_init"),
    ],
)
def test_bad_parameters(options, words):
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match=words):
        MLPClassifier(**options).fit(X, y)


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_a_parameter_that_is_none(kind):
    with pytest.raises(
        TypeError, match=rf"{kind.__name__}\.__init__\(\) got an unexpected keyword argument 'optimizer'"
    ):
        kind(optimizer="adam")


def test_a_fit_that_fails_changes_nothing():
    X, y = load_iris(return_X_y=True)
    fitted = MLPClassifier((5,), max_iter=20, random_state=1).fit(X, y)
    facts = {name: entry for name, entry in vars(fitted).items() if name.endswith("_")}
    for options in ({"solver": "lm"}, {"solver": "sgd", "learning_rate_init": 1e200}):
        with pytest.raises(ValueError, match=r"solver|learning_rate_init"):
            fitted.set_params(**options).fit(X[:100], y[:100])
        assert all(getattr(fitted, name) is entry for name, entry in facts.items())
    with pytest.raises(ValueError, match="a finite sum"):
        MLPClassifier((5,)).fit(X, y, sample_weight=np.full(150, 1.7e308))


def test_bad_data():
    X, y = load_iris(return_X_y=True)
    with pytest.raises(NotFittedError):
        MLPClassifier().predict(X)
    for weights in ([0.0] * len(X), [-1.0] * len(X), [1.0]):
        with pytest.raises(ValueError, match=r"[Ss]ample.?weight"):
            MLPClassifier().fit(X, y, sample_weight=weights)
    fitted = MLPClassifier((3,), max_iter=5).fit(X, y)
    for method in (fitted.predict, fitted.input_gradients):
        with pytest.raises(ValueError, match="expecting 4 features"):
            method(X[:, :3])


def test_it_says_what_to_install(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("tinygrad_nn.sklearn")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.setitem(sys.modules, "sklearn.base", None)
    with pytest.raises(ImportError, match=r"pip install 'tinygrad_nn\[sklearn\]'"):
        __import__("tinygrad_nn.sklearn")


@pytest.mark.parametrize("options", [{"n_iter_no_change": math.inf}, {"momentum": 1.0}, {"momentum": 1}, {"tol": 0}])
def test_what_scikit_learn_takes_is_taken(options):
    X, y = scaled(load_iris)
    both: dict[str, Any] = {
        "hidden_layer_sizes": (4,),
        "solver": "sgd",
        "shuffle": False,
        "max_iter": 30,
        "random_state": 3,
        **options,
    }
    theirs, ours = TheirClassifier(**both).fit(X, y), MLPClassifier(**both).fit(X, y)
    assert ours.loss_curve_ == pytest.approx(theirs.loss_curve_, rel=1e-8)
    assert ours.n_iter_ == theirs.n_iter_


@pytest.mark.parametrize("options", [{"n_iter_no_change": 5.0}, {"n_iter_no_change": -math.inf}, {"momentum": 1.1}])
def test_what_scikit_learn_refuses_is_refused(options):
    X, y = scaled(load_iris)
    for kind in (TheirClassifier, MLPClassifier):
        with pytest.raises((TypeError, ValueError), match=next(iter(options))):
            kind(solver="sgd", **options).fit(X, y)


@pytest.mark.parametrize("label", [0, 1, "a", 2.0, True])
def test_one_class_is_learned_as_scikit_learn_does(label):
    X, y = scaled(load_iris)[0][:20], np.array([label] * 20)
    both: dict[str, Any] = {
        "hidden_layer_sizes": (4,),
        "solver": "sgd",
        "shuffle": False,
        "max_iter": 30,
        "random_state": 3,
    }
    theirs, ours = TheirClassifier(**both).fit(X, y), MLPClassifier(**both).fit(X, y)
    assert ours.loss_curve_ == pytest.approx(theirs.loss_curve_, rel=1e-8)
    assert ours.classes_.tolist() == theirs.classes_.tolist()
    assert ours.predict(-100.0 * X).tolist() == theirs.predict(-100.0 * X).tolist() == y.tolist()
    assert (ours.predict_proba(X) == np.ones((20, 1))).all()
    assert ours.score(X, y) == 1.0
    assert (ours.input_gradients(X) == np.zeros((20, 1, 4))).all()


def test_the_model_knows_the_places_of_the_classes():
    X, y = load_iris(return_X_y=True)
    for kept in (y < 3, y < 2, y < 1):
        fitted = MLPClassifier((4,), max_iter=20, random_state=0).fit(X[kept], y[kept])
        assert fitted.model_.predict_classes(X[kept]).tolist() == fitted.predict(X[kept]).tolist()


@needs_llvm
def test_single_precision():
    X, y = scaled(load_breast_cancer)
    one, two = (MLPClassifier(random_state=1, dtype=dtype, max_iter=30).fit(X, y) for dtype in ("float64", "float32"))
    assert one.loss_ != two.loss_
    assert one.loss_ == pytest.approx(two.loss_, rel=1e-4)


@pytest.mark.parametrize("kind", [int, bool, np.uint8, float, str])
def test_classes_of_every_type_are_told_apart_alike(kind):
    """Whole numbers are not asked of what type they are, where they are few."""
    X, y = np.linspace(-1.0, 1.0, 40)[:, None], np.arange(40) // 20
    wanted = MLPClassifier((3,), max_iter=5, random_state=0).fit(X, y)
    found = MLPClassifier((3,), max_iter=5, random_state=0).fit(X, y.astype(kind))
    assert found.classes_.tolist() == np.unique(y.astype(kind)).tolist()
    assert found.loss_curve_ == wanted.loss_curve_
    if kind is not bool:
        with pytest.warns(UserWarning, match="unique classes"):
            MLPClassifier((3,), max_iter=1).fit(X, np.arange(40).astype(kind))

"""Random fits beside scikit-learn's own, from the same seed: the same losses, weights, predictions and draws."""

import inspect
import pickle
from typing import Any

import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed")
np = pytest.importorskip("numpy")

from scipy.sparse import csc_array, csr_array  # noqa: E402
from sklearn import neural_network as theirs  # noqa: E402

from tinygrad_nn import sklearn as ours  # noqa: E402

needs_llvm = pytest.mark.skipif(not __import__("importlib.util").util.find_spec("llvmlite"), reason="no llvmlite here")
pytestmark = [needs_llvm, pytest.mark.filterwarnings("ignore")]  # of what has not converged, or diverged
CLOSE = 1e-6
TARGETS = ("number", "numbers", "counts", "two", "several", "labels")


def random_case(seed):
    """A kind of estimator, its parameters, rows, targets and weights."""
    rng = np.random.default_rng(seed)
    n, features = int(rng.integers(8, 60)), int(rng.integers(1, 6))
    X, wanted = rng.normal(size=(n, features)), TARGETS[rng.integers(len(TARGETS))]
    signal = X @ rng.normal(size=(features, 3)) + 0.3 * rng.normal(size=(n, 3))
    y = {
        "number": lambda: signal[:, 0],
        "numbers": lambda: signal[:, :2],
        "counts": lambda: rng.poisson(np.exp(np.clip(signal[:, 0], -3.0, 2.0))).astype(float),
        "two": lambda: np.array(["no", "yes"])[(signal[:, 0] > 0).astype(int)],
        "several": lambda: signal.argmax(axis=1),
        "labels": lambda: (signal > 0).astype(int),
    }[wanted]()
    name = "MLPRegressor" if wanted in ("number", "numbers", "counts") else "MLPClassifier"
    solver = ("sgd", "adam", "lbfgs")[rng.integers(3)]
    options: dict[str, Any] = {
        "solver": solver,
        "hidden_layer_sizes": tuple(rng.integers(1, 6, size=rng.integers(1, 3)).tolist()),
        "activation": ("tanh", "logistic", "identity", "relu")[rng.integers(4)],
        "alpha": float(rng.choice([0.0, 1e-4, 0.1, 1.0])),
        "max_iter": int(rng.integers(1, 12)),
        "random_state": int(rng.integers(1000)),
    }
    if wanted == "counts":
        options["loss"] = "poisson"
    if solver == "lbfgs":
        options["max_fun"] = int(rng.choice([5, 15000]))
    else:
        options |= {
            "batch_size": ("auto", 1, 4, 7, n)[rng.integers(5)],
            "learning_rate_init": float(rng.choice([0.001, 0.02])),
            "shuffle": bool(rng.integers(2)),
            "tol": float(rng.choice([0.0, 1e-4, 0.05])),
            "n_iter_no_change": int(rng.integers(1, 4)),
        }
    if solver == "sgd":
        options |= {
            "learning_rate": ("constant", "invscaling", "adaptive")[rng.integers(3)],
            "power_t": float(rng.choice([0.1, 0.5])),
            "momentum": float(rng.choice([0.0, 0.5, 0.9])),
            "nesterovs_momentum": bool(rng.integers(2)),
        }
    if solver == "adam":
        options |= {"beta_1": float(rng.choice([0.0, 0.9])), "epsilon": float(rng.choice([1e-8, 0.1]))}
    if solver != "lbfgs" and rng.integers(4) == 0 and n > 30 and wanted != "two":
        options |= {"early_stopping": True, "validation_fraction": 0.2}
    weights = rng.uniform(0.1, 3.0, size=n) if rng.integers(3) == 0 else None
    if rng.integers(4) == 0:
        X = (csr_array, csc_array)[rng.integers(2)](np.where(rng.random(X.shape) < 0.5, 0.0, X))
    return name, options, X, y, weights


def fitted(module, name, options, X, y, weights, calls):
    """The estimator after so many fits, the last of which go on from the first: by parts, or warmly."""
    model = getattr(module, name)(**options)
    model.fit(X, y, sample_weight=weights)
    for call in calls:
        if call == "part":
            model.partial_fit(X, y, sample_weight=weights)
        else:
            model.set_params(warm_start=True).fit(X, y, sample_weight=weights)
    return model


FAR = 8.0  # losses of steps that L-BFGS tries and takes back, where theirs cut the loss off, or are nan for inf


def losses_of_lbfgs(monkeypatch):
    """The losses that their L-BFGS asks for from now on."""
    losses, found = [], theirs.MLPClassifier._loss_grad_lbfgs

    def told(self, *given):
        loss, gradient = found(self, *given)
        losses.append(float(loss))
        return loss, gradient

    for kind in (theirs.MLPClassifier, theirs.MLPRegressor):
        monkeypatch.setattr(kind, "_loss_grad_lbfgs", told)
    return losses


def compare(seed, monkeypatch):
    name, options, X, y, weights = random_case(seed)
    rng = np.random.default_rng(seed + 10_000)
    calls = [("part", "warm")[rng.integers(2)] for _ in range(rng.integers(3))]
    if options["solver"] == "lbfgs":
        calls = [call for call in calls if call == "warm"][:1]
    if options.get("early_stopping"):
        calls = []  # a warm fit that scores no better keeps the best weights here, and the last ones there
    several = name == "MLPRegressor" and y.ndim == 2
    if several and options["solver"] == "lbfgs":
        y = y[:, 0]  # theirs gives L-BFGS the mean with the gradient of the sum
    told = f"seed {seed}: {name}({options}), calls {calls}, weights {weights is not None}, {X.shape} {type(X).__name__}"
    with monkeypatch.context() as patch:
        asked = losses_of_lbfgs(patch)
        model, other = (fitted(module, name, options, X, y, weights, calls) for module in (ours, theirs))
    if asked and not max(asked[1:], key=lambda loss: np.inf if np.isnan(loss) else loss) < FAR:
        assert model.loss_ < asked[0], told
        return False
    assert model.n_iter_ == other.n_iter_, told
    assert model.loss_ == pytest.approx(other.loss_, rel=CLOSE, abs=1e-9), told
    for attribute in ("n_layers_", "n_outputs_", "out_activation_", "t_", "n_features_in_"):
        assert getattr(model, attribute) == getattr(other, attribute), (attribute, told)
    if options["solver"] != "lbfgs":
        assert model.loss_curve_ == pytest.approx(other.loss_curve_, rel=CLOSE, abs=1e-9), told
        assert model._no_improvement_count == other._no_improvement_count, told
        for attribute in ("best_loss_", "best_validation_score_", "validation_scores_"):
            mine, wanted = getattr(model, attribute), getattr(other, attribute)
            assert mine is wanted or mine == pytest.approx(wanted, rel=CLOSE, nan_ok=True), (attribute, told)
        if options["solver"] == "sgd":
            assert model._optimizer.learning_rate == pytest.approx(other._optimizer.learning_rate), told
    bound = 1e-3 if options["solver"] == "lbfgs" else CLOSE
    for mine, wanted in zip([*model.coefs_, *model.intercepts_], [*other.coefs_, *other.intercepts_], strict=True):
        assert mine == pytest.approx(wanted, rel=bound, abs=bound), told
    if name == "MLPClassifier":
        assert model.classes_.tolist() == other.classes_.tolist(), told
        assert model.predict_proba(X) == pytest.approx(other.predict_proba(X), abs=bound), told
        assert (model.predict(X) == other.predict(X)).mean() > 0.95, told
    else:
        assert model.predict(X) == pytest.approx(other.predict(X), rel=bound, abs=bound), told
    twin = pickle.loads(pickle.dumps(model))
    assert np.array_equal(twin.predict(X), model.predict(X))
    return True


@pytest.mark.parametrize("seed", range(12))
def test_random_fits(seed, monkeypatch):
    assert compare(seed, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_many_random_fits(part, monkeypatch):
    same = [compare(seed, monkeypatch) for seed in range(100 + 50 * part, 150 + 50 * part)]
    assert sum(same) >= 45


@pytest.mark.parametrize("options", [{}, {"batch_size": 8}, {"batch_size": 7}, {"early_stopping": True}])
def test_a_generator_that_goes_on_has_drawn_what_it_has_there(options):
    X, y = np.random.default_rng(0).normal(size=(40, 3)), np.arange(40) % 3
    states = []
    for module in (ours, theirs):
        generator = np.random.RandomState(3)
        for _ in range(2):
            module.MLPClassifier((4,), random_state=generator, max_iter=5, **options).fit(X, y)
        states.append(generator.get_state()[1:3])
    assert states[0][1] == states[1][1]
    assert np.array_equal(states[0][0], states[1][0])


def test_a_fit_that_goes_on_has_the_layers_that_there_are():
    X, y = np.random.default_rng(0).normal(size=(20, 3)), np.arange(20.0)
    model = ours.MLPRegressor(hidden_layer_sizes=(4,), max_iter=3, warm_start=True).fit(X, y)
    for change, target in (({"hidden_layer_sizes": (5,)}, y), ({}, np.column_stack([y, y]))):
        with pytest.raises(ValueError, match=r"has layers of \(4, 1\), but hidden_layer_sizes and y ask for"):
            model.set_params(**change).fit(X, target)
        model.set_params(hidden_layer_sizes=(4,)).partial_fit(X, y)


def test_what_is_set_is_what_predicts_and_what_a_fit_goes_on_from():
    X, y = np.random.default_rng(0).normal(size=(20, 3)), np.arange(20.0)
    models = [
        module.MLPRegressor(hidden_layer_sizes=(4,), max_iter=3, random_state=0).fit(X, y) for module in (ours, theirs)
    ]
    for model in models:
        model.coefs_ = [np.full_like(matrix, 0.1 * k + 0.1) for k, matrix in enumerate(model.coefs_)]
        model.intercepts_[1][:] = 3.0
    assert models[0].predict(X) == pytest.approx(models[1].predict(X), rel=1e-12)
    for model in models:
        model.partial_fit(X, y)
    assert models[0].predict(X) == pytest.approx(models[1].predict(X), rel=1e-9)


@pytest.mark.parametrize("kind", ["MLPClassifier", "MLPRegressor"])
def test_every_parameter_and_attribute_of_theirs_is_there_in_their_order(kind):
    mine, wanted = (inspect.signature(getattr(module, kind)).parameters for module in (ours, theirs))
    assert [(p.name, p.default, p.kind) for p in list(mine.values())[: len(wanted)]] == [
        (p.name, p.default, p.kind) for p in wanted.values()
    ]
    X, y = np.random.default_rng(0).normal(size=(20, 3)), np.arange(20) % 3
    for options in ({}, {"early_stopping": True}, {"solver": "lbfgs"}):
        own, other = (getattr(module, kind)(max_iter=3, **options).fit(X, y) for module in (ours, theirs))
        assert {name for name in vars(other) if name.endswith("_")} <= {*vars(own)}
    known = {*dir(getattr(ours, kind)), *vars(own)}
    assert {name for name in dir(getattr(theirs, kind)) if not name.startswith("_")} <= known

"""Estimators and pipelines in C: the answers and probabilities of scikit-learn's predict, on every row."""

import ctypes
import subprocess
import warnings
from typing import Any

import pytest
from c_files import built, found, library, needs_cc, printed

import tinygrad_nn as tn

pytestmark = needs_cc
np = pytest.importorskip("numpy")
pytest.importorskip("sklearn")

from sklearn import datasets, preprocessing  # noqa: E402
from sklearn.compose import TransformedTargetRegressor  # noqa: E402
from sklearn.exceptions import NotFittedError  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.model_selection import GridSearchCV  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402

from tinygrad_nn.sklearn import MLPClassifier, MLPRegressor  # noqa: E402

STANDARD, RANGE = preprocessing.StandardScaler, preprocessing.MinMaxScaler
KINDS: dict[str, tuple[Any, ...]] = {
    "float": (ctypes.c_float, 1e-6), "double": (ctypes.c_double, 1e-12),
}  # fmt: skip


def fitted(X, y, *scalers, of=MLPClassifier, **options):
    estimator = of(hidden_layer_sizes=(8,), max_iter=40, learning_rate_init=0.01, random_state=1, **options)
    model = make_pipeline(*scalers, estimator) if scalers else estimator
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a fit that is short
        return model.fit(X, y)


def in_c(model, folder, dtype="float", **options):
    """The functions of a model's file."""
    path = folder / "model.c"
    tn.export_c(model, path, dtype=dtype, overwrite=True, **options)
    return library(path.read_text(encoding="utf-8"), folder)


def rows_of(loaded, X, outputs, dtype="float", function="model_predict", kind: Any = None):
    """What a function fills in for each row."""
    number = KINDS[dtype][0]
    made = []
    for row in X:
        y = ((kind or number) * outputs)()
        getattr(loaded, function)((number * len(row))(*row), y)
        made.append(list(y))
    return np.array(made)


def classes_of(loaded, X, dtype="float"):
    number = KINDS[dtype][0]
    return [loaded.model_class((number * len(row))(*row)) for row in X]


def labels_of(loaded, count, kind):
    loaded.model_label.restype = kind
    return [loaded.model_label(k) for k in range(count)]


def flowers():
    X, y = datasets.load_iris(return_X_y=True, as_frame=True)
    return X, datasets.load_iris().target_names[y]


DATA: dict[str, tuple[Any, ...]] = {
    "iris": (flowers, [STANDARD()]),
    "wine": (lambda: datasets.load_wine(return_X_y=True), [RANGE((-1, 1))]),
    "breast cancer": (lambda: datasets.load_breast_cancer(return_X_y=True), [preprocessing.RobustScaler(), STANDARD()]),
    "digits": (lambda: [a[:600] for a in datasets.load_digits(return_X_y=True)], [preprocessing.MaxAbsScaler()]),
    "moons": (lambda: datasets.make_moons(200, noise=0.1, random_state=1), []),
}


QUICK = [("iris", "float"), ("wine", "float"), ("breast cancer", "double")]
ALL = [(which, dtype) for which in DATA for dtype in KINDS]


@pytest.mark.parametrize(
    ("which", "dtype"), [pytest.param(*p, marks=[pytest.mark.slow] * (p not in QUICK)) for p in ALL]
)
def test_classes_are_those_of_predict_and_probabilities_too(which, dtype, tmp_path):
    data, scalers = DATA[which]
    X, y = data()
    model = fitted(X, y, *scalers)
    loaded, rows = in_c(model, tmp_path, dtype), np.asarray(X)
    probabilities = model.predict_proba(X)
    within = KINDS[dtype][1]
    assert abs(rows_of(loaded, rows, len(model.classes_), dtype) - probabilities).max() < within
    classes = classes_of(loaded, rows, dtype)
    assert (model.classes_[classes] == model.predict(X)).all()
    kind = ctypes.c_char_p if model.classes_.dtype.kind == "U" else ctypes.c_int
    labels = labels_of(loaded, len(model.classes_), kind)
    assert [label.decode() if isinstance(label, bytes) else label for label in labels] == list(model.classes_)
    assert tn.check_c(model, rows[:40], dtype=dtype) < within


def test_a_mean_that_is_large_beside_its_scale_keeps_its_digits(tmp_path):
    X, y = datasets.load_iris(return_X_y=True)
    far = np.float32(1e5) + 64.0 * X  # which a float holds to a part in a thousand of what it varies by
    far = far.astype(np.float32).astype(np.float64)
    model = fitted(far, y, STANDARD())
    assert abs(rows_of(in_c(model, tmp_path), far, 3) - model.predict_proba(far)).max() < 1e-6
    assert "the middle is subtracted" in (tmp_path / "model.c").read_text()
    near = fitted(0.01 * (X - X.mean(axis=0)) / X.std(axis=0), y, STANDARD())
    in_c(near, tmp_path)
    assert "the middle is subtracted" not in (tmp_path / "model.c").read_text()


def test_several_labels_of_a_row(tmp_path):
    X, y = datasets.make_multilabel_classification(120, 6, n_classes=4, random_state=1)
    model = fitted(X, y, STANDARD())
    loaded = in_c(model, tmp_path)
    assert abs(rows_of(loaded, X, 4) - model.predict_proba(X)).max() < 1e-6
    assert (rows_of(loaded, X, 4, function="model_classes", kind=ctypes.c_int) == model.predict(X)).all()


@pytest.mark.parametrize(("loss", "columns"), [("poisson", 1), ("squared_error", 2)])
def test_regressors(loss, columns, tmp_path):
    X, y = datasets.make_regression(100, 5, n_targets=columns, random_state=1)
    y = abs(y) / 50.0
    model = fitted(3.0 + X, y, STANDARD(with_std=False), RANGE(), of=MLPRegressor, loss=loss)
    found = rows_of(in_c(model, tmp_path), 3.0 + X, columns)
    assert found.reshape(y.shape) == pytest.approx(model.predict(3.0 + X), rel=3e-6, abs=3e-6)


def test_labels_and_names_are_written_as_they_are(tmp_path):
    pandas = pytest.importorskip("pandas")
    labels = ['a "quoted"', "back\\slash", "1.0 real exp(x)", "??/trigraph", "größe\n2", "*/ end"]
    X = pandas.DataFrame(np.random.default_rng(1).normal(size=(60, 2)), columns=["width */", "höhe"])
    model = fitted(X, [labels[k % 6] for k in range(60)], STANDARD().set_output(transform="pandas"))
    tn.export_c(model, tmp_path / "model.c", name="named", header=True)
    text = (tmp_path / "model.c").read_text()
    assert "x is 2 inputs (width * /, h\\xf6he)" in text
    for compiler in found:
        built(text, tmp_path, "-c", compiler=compiler)
    assert printed(built(text, tmp_path, "-DNAMED_SELF_TEST")) == ("ok", 0)
    loaded = library(text, tmp_path)
    loaded.named_label.restype = ctypes.c_char_p
    assert [loaded.named_label(k).decode() for k in range(6)] == sorted(labels)
    for given, kind in (([-1, 40000], ctypes.c_long), ([False, True], ctypes.c_int), ([1.0, 2.0], ctypes.c_double)):
        one = MLPClassifier((3,), max_iter=1, random_state=1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            one.partial_fit(X, [given[k % 2] for k in range(60)], classes=given)
        assert labels_of(in_c(one, tmp_path), 2, kind) == given


def test_what_no_file_can_hold_is_refused_and_nothing_is_written(tmp_path):
    X, y = datasets.load_iris(return_X_y=True)
    plain = fitted(X, y)
    search = GridSearchCV(plain, {"alpha": [0.1]}, cv=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search.fit(X, y)
        inner = MLPRegressor(hidden_layer_sizes=(2,), max_iter=1)
        through = TransformedTargetRegressor(inner, transformer=STANDARD()).fit(X, y)
    optimizer = tn.SGD(plain.model_.parameters(), 0.1)
    refused: list[tuple[Any, Any, str, dict[str, Any]]] = [
        (fitted(X, y, preprocessing.PolynomialFeatures()), ValueError, "has the step PolynomialFeatures", {}),
        (fitted(X, y, RANGE(clip=True)), ValueError, "clip=True.*fit it with clip=False", {}),
        (make_pipeline(STANDARD(), MLPClassifier()), NotFittedError, "not fitted", {}),
        (make_pipeline(STANDARD(), LogisticRegression()).fit(X, y), TypeError, "but got LogisticRegression", {}),
        (make_pipeline("passthrough"), TypeError, "but got Pipeline", {}),
        (make_pipeline("passthrough", STANDARD()), TypeError, "but got StandardScaler", {}),
        (search, TypeError, "but got GridSearchCV: give its best_estimator_", {}),
        (through, TypeError, "but got TransformedTargetRegressor", {}),
        (fitted(X, y * 0), ValueError, "one class alone, 0", {}),
        (plain, ValueError, r"export the network of one, estimator.model_", {"loss": "hinge", "train": optimizer}),
    ]
    for model, error, words, options in refused:
        with pytest.raises(error, match=words):
            tn.export_c(model, tmp_path / "model.c", **options)
        assert not (tmp_path / "model.c").exists()
    tn.export_c(search.best_estimator_, tmp_path / "model.c")
    assert subprocess.run(["gcc", "-fsyntax-only", str(tmp_path / "model.c")]).returncode == 0

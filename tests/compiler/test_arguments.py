"""NumPy's own code on arrays means the same compiled as plain: arrays come to a function as arrays, lists as lists."""

import random
from typing import Any

import c_files
import pytest
from shared import needed

import tinygrad_nn as tn
from tinygrad_nn import Value

np = pytest.importorskip("numpy")


BACKENDS = ["python", "array", "llvm"]


X, Y, M = np.array([1.5, -2.0, 0.5]), np.array([0.25, 3.0, -1.0]), np.array([[1.0, 2.0], [-3.0, 0.5], [0.0, 4.0]])


WEIGHTS = np.array([Value(0.5), Value(-1.0), Value(2.0)], dtype=object)


FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "sum": (lambda x, y: x + y, [X, Y]),
    "twice": (lambda x: 2 * x, [X]),
    "scaled": (lambda x, a: x * a - a / x, [X, 3.0]),
    "product": (lambda x, m: x @ m, [X, M]),
    "dot": (lambda x, y: np.dot(x, y) + x.dot(y), [X, Y]),
    "shape": (lambda m: m.sum() * m.shape[0] + len(m) + m.ndim + m.size, [M]),
    "slice": (lambda x: x[1:] - x[:-1], [X]),
    "reversed": (lambda x: x[::-1] + x[[0, 0, 1]], [X]),
    "row": (lambda m: m[1] * m[0, 1], [M]),
    "transposed": (lambda m: m.T @ m, [M]),
    "sums": (lambda m: m.sum(axis=0) + m.mean(), [M]),
    "largest": (lambda x: x.max() - x.min() * np.max(x), [X]),
    "functions": (lambda x: np.exp(x) + np.sin(x) * np.tanh(x) + np.sqrt(np.abs(x)), [X]),
    "power": (lambda x: x**2 + np.square(x) - x**3.0, [X]),
    "joined": (lambda x, y: np.concatenate([x, y]) * np.stack([x, y]).sum(), [X, Y]),
    "outer": (lambda x, y: np.outer(x, y), [X, Y]),
    "reshaped": (lambda m: m.reshape(-1)[:4].reshape(2, 2) + m.ravel()[0], [M]),
    "branch": (lambda x: np.where(x > 0, x, 0.1 * x), [X]),
    "mask": (lambda x: x[x > 0].sum() + (x == 0.5).sum(), [X]),
    "greater": (lambda x, y: np.maximum(x, y), [X, Y]),
    "entries": (lambda x: x[0] * x[1] + [*x][2], [X]),
    "lists": (lambda x, y: [x + y, [x[0], 2 * y]], [X, Y]),
    "kinds": (lambda x, y: x * y[0] if isinstance(x, np.ndarray) and isinstance(y, list) else 0.0, [X, [2.0, 1.0]]),
    "changed": (lambda x: np.array([x[0], 0.0, *x]) * x.copy()[0], [X]),
    "whole numbers": (lambda x: x + 2 * x, [np.array([1, 2, 3])]),
    "no axis": (lambda x: np.asarray(x.sum()) * 2 + x[0], [X]),
    "empty": (lambda x: x.sum() + len(x), [np.zeros((0,))]),
    "library": (lambda x, m: [tn.dot(x, m[:, 0]), tn.softmax(x), tn.maximum(x), tn.losses.squared_error(x, m[:, 1])],
                [X, M]),
}  # fmt: skip


def same(found, right):
    """Whether two results are of one kind and shape, and near."""
    if isinstance(right, np.ndarray) and right.ndim:
        return isinstance(found, np.ndarray) and found.shape == right.shape and found.dtype == float and np.allclose(
            found, right.astype(float), rtol=1e-12
        )  # fmt: skip
    if isinstance(right, list):
        return type(found) is list and len(found) == len(right) and all(map(same, found, right))
    return type(found) is float and found == pytest.approx(float(right))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_numpys_code_is_the_same_compiled(name, backend):
    needed(backend)
    function, arguments = FUNCTIONS[name]
    f = tn.compile(function, backend=backend)
    right = function(*arguments)
    assert same(f(*arguments), right), (f(*arguments), right)
    assert same(f(*arguments), right)  # and not traced again
    assert "1 program," in repr(f)


@pytest.mark.parametrize("backend", BACKENDS)
def test_gradients_are_those_of_the_recorded_function_in_the_shape_of_the_arguments(backend):
    needed(backend)

    def function(x, m, a):
        return (np.tanh(2 * x + x[::-1]) @ m * a).sum() + (WEIGHTS * x).sum()

    values = [np.vectorize(Value)(X), np.vectorize(Value)(M), Value(0.5)]
    function(*values).backward()
    flows = tn.compile(function, backend=backend).grad(X, M, 0.5)
    assert np.allclose(flows[0], [v.grad for v in values[0]])
    assert np.allclose(flows[1], [[v.grad for v in row] for row in values[1]])
    assert flows[2] == pytest.approx(values[2].grad)


def test_a_series_is_an_array():
    pandas = pytest.importorskip("pandas")
    f = tn.compile(lambda x, y: (x * y + 2 * x).sum())
    series = pandas.Series([1.0, 2.0])
    value, (first, second) = f.value_and_grad(series, series)
    assert value == 11.0
    assert type(first) is np.ndarray
    assert (first.tolist(), second.tolist()) == ([3.0, 4.0], [1.0, 2.0])


@c_files.needs_cc
def test_arrays_in_c(tmp_path):
    f = tn.compile(lambda x, m: ((2 * x + x[::-1]) @ m).sum())
    f(X, M)
    loaded = c_files.library(f.source("c").replace("lambda", "made"), tmp_path)
    assert c_files.called(loaded, "made", [X.tolist(), M.ravel().tolist()])[0] == pytest.approx(f(X, M))


class Mixture(tn.Module):
    """A model in NumPy's own words."""

    def __init__(self):
        rng = random.Random(0)
        self.weights = [Value(rng.uniform(-1, 1)) for _ in range(3)]
        self.bias = Value(0.1)

    def __call__(self, x):
        assert type(x) is np.ndarray
        assert x.shape == (3,)
        w = np.array(self.weights)
        hidden = np.tanh(w * (2 * x) + (x + x[::-1]))
        return np.array([(hidden @ x) + self.bias, hidden.sum()])


def distance(prediction, target):
    return ((prediction - target) ** 2).mean()


def fitted(backend, rows, targets, loss=distance, **options):
    model = Mixture()
    history = tn.fit(
        model, rows, targets, loss, tn.SGD(model.parameters(), lr=0.05), epochs=3, shuffle=False, progress=False,
        backend=backend, **options,
    )  # fmt: skip
    return model, history


@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("loss", [distance, "squared_error"])
def test_rows_that_are_arrays_reach_a_model_as_arrays(loss, batch_size):
    rng = np.random.default_rng(0)
    rows, targets = rng.normal(size=(8, 3)), rng.normal(size=(8, 2))
    found = []
    for backend in ("eager", "python", "llvm"):
        needed(backend)
        model, history = fitted(backend, rows, targets, loss, batch_size=batch_size, validation=(rows, targets),
                                metrics=["mae", lambda p, t: sum(p) - sum(t)])  # fmt: skip
        found.append([*history.losses, *model.state_dict()["weights"], *history.metrics["validation loss"],
                      *history.metrics["mae"], *history.metrics["<lambda>"]])  # fmt: skip
        predicted = model.predict(rows)
        assert type(predicted) is np.ndarray
        assert predicted.tolist() == model.predict(list(rows))
        assert type(model.predict(rows[0])) is list
        assert np.mean((predicted - targets) ** 2) == pytest.approx(history.metrics["validation loss"][-1])
    assert found[1] == pytest.approx(found[0], rel=1e-12)
    assert found[2] == pytest.approx(found[0], rel=1e-10)
    for X, Y in ((list(rows), list(targets)), (list(rows), targets), (rows, list(targets))):
        model, history = fitted("python", X, Y, loss, batch_size=batch_size)
        assert history.losses == pytest.approx(found[0][:3], rel=1e-12)


def test_rows_that_are_lists_reach_a_model_as_lists():
    w = Value(0.5)

    def model(x):
        assert type(x) is list
        return w * sum(x + x) + len(2 * x)

    for backend in ("eager", "python"):
        history = tn.fit(model, [[1.0, 2.0]], [1.0], "squared_error", tn.SGD([w], lr=0.0), epochs=1, backend=backend,
                         progress=False)  # fmt: skip
        assert history.losses == [36.0]


def test_a_pure_step_has_rows_that_are_arrays():
    model = Mixture()
    step = tn.compile_step(model, distance, tn.SGD(model.parameters(), lr=0.05), backend="python")
    rng = np.random.default_rng(1)
    rows, targets = rng.normal(size=(5, 3)), rng.normal(size=(5, 2))
    pure = step.as_function(np)
    assert float(pure(pure.state(), rows, targets)[1]) == pytest.approx(step(rows, targets))


def test_a_model_that_is_another_on_lists_is_not_exported(tmp_path):
    w = Value(0.5)
    for model in (lambda x: (2 * x)[0] * w, lambda x: sum(x + x) * len(x + x) * w):
        with pytest.raises(ValueError, match="write it so that both mean the same"):
            tn.export_c(model, tmp_path / "model.c", inputs=2)
    for model in (lambda x: x[0] * w + x[1], lambda x: tn.tanh(np.asarray(x).sum() * w)):
        tn.export_c(model, tmp_path / "model.c", inputs=2, overwrite=True)


@pytest.mark.parametrize("taken", [tn.sum, tn.softmax, tn.Neuron(2), tn.MLP(2, [1]), lambda x: tn.dot(x, [1.0, 2.0])])
def test_columns_are_ordered(taken):
    for unordered in ({1.0: 0, 2.0: 1}, {1.0, 2.0}, frozenset([1.0, 2.0]), {1.0: 0, 2.0: 1}.keys(), "12"):
        with pytest.raises(TypeError, match="wants a list"):
            taken(unordered)
    for right in ([1.0, 2.0], (1.0, 2.0), np.array([1.0, 2.0]), {"a": 1.0, "b": 2.0}.values(), (x for x in (1.0, 2.0)),
                  np.array([Value(1.0), Value(2.0)])):  # fmt: skip
        taken(right)

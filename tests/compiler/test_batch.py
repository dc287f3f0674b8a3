"""Batches: rows are what a call is given, and must have an order."""

import pytest
from shared import needed, wrong
from training import compile_step

import tinygrad_nn as tn
from tinygrad_nn import Value

np = pytest.importorskip("numpy")


BACKENDS = ["python", "array", "llvm"]


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
def test_rows_of_a_batch_are_what_a_call_is_given(backend):
    needed(backend)
    rows = np.linspace(-1.0, 2.0, 40 * 2 * 3).reshape(40, 2, 3)
    for function in (lambda x, y: x + 2 * y, lambda x, y: (x * y).sum(), lambda x, y: [x[0], x + y]):
        f = tn.compile(function, backend=backend)
        right = [function(*row) for row in rows]
        assert all(same(f(*row), r) for row, r in zip(rows[:3], right, strict=False))
        for given in (rows, [[x, y] for x, y in rows]):
            found = f.batch(given)
            for each, r in zip(found, right, strict=True):
                if isinstance(r, list):
                    assert each[0] == pytest.approx(r[0])
                    assert np.allclose(each[1], r[1])
                else:
                    assert np.allclose(each, r)
                    assert given is rows or type(each) is (float if np.ndim(r) == 0 else np.ndarray)
    values, flows = tn.compile(lambda x, y: (x * y).sum(), backend=backend).batch(rows, gradients=True)
    assert np.allclose(values, (rows[:, 0] * rows[:, 1]).sum(axis=1))
    assert np.allclose(flows, rows[:, ::-1])


def test_rows_are_ordered():
    model = tn.MLP(2, [1])
    f = tn.compile(lambda x, y: x - y)
    for row in ({1.0: 0, 2.0: 1}, {1.0, 2.0}, frozenset([1.0, 2.0]), "12"):
        with pytest.raises(TypeError, match="row 0"):
            f.batch([wrong(row)])
        with pytest.raises(TypeError, match="row 0"):
            model.predict([row])
        with pytest.raises(TypeError, match="row 0"):
            tn.compile_step(model, "squared_error", tn.SGD(model.parameters(), lr=0.1), backend="python")([row], [1.0])
        with pytest.raises(TypeError):
            tn.compile(lambda x: x[0])(row)


def test_rows_and_results_without_numbers():
    slope = Value(1.0)
    step = compile_step(lambda x: slope, lambda p, t: p * p, tn.SGD([slope], lr=0.1))
    assert step.run([[]] * 3, [[]] * 3, epochs=2).stopped == "epochs"
    assert tn.compile(lambda x: [])(1.0) == []

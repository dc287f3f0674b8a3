"""Rows of a step: arrays are rows and stay arrays, lists are lists, and those of two kinds are told apart."""

import random

import pytest
from shared import half_adder, needed
from training import X, Y, compile_step, equal, numbers

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.compiler.target import Target
from tinygrad_nn.training.options import checked_rows
from tinygrad_nn.training.steps.rows import ArrayRows, RowError, flat_targets, matrix, not_finite, rows_of

np = pytest.importorskip("numpy")


def test_rows_of_two_kinds_are_told_apart():
    w = Value(0.5)
    step = tn.compile_step(lambda x: w * x[0], "squared_error", tn.SGD([w], lr=0.1), backend="python")
    with pytest.raises(ValueError, match="row 1 of X has an array of 2 numbers and row 0 has 2 numbers"):
        step([[1.0, 2.0], np.array([1.0, 2.0])], [1.0, 2.0])


def test_arrays_are_rows():
    models = [half_adder() for _ in range(2)]
    steps = [compile_step(m, "squared_error", tn.SGD(m.parameters(), lr=0.1)) for m in models]
    assert steps[0](X, Y) == steps[1](np.array(X), np.array(Y, dtype=np.float32))
    assert models[0].state_dict() == models[1].state_dict()
    assert steps[0](X, Y) == steps[1](list(map(np.array, X)), Y)


GIVEN = [
    np.arange(6.0), np.arange(6), np.arange(6, dtype="uint8"), np.arange(6, dtype="float32") / 3, np.ones((6, 1)),
    np.arange(24.0).reshape(6, 4)[:, ::2], np.asfortranarray(np.arange(18).reshape(6, 3)), np.arange(6.0)[::-1],
    np.arange(36.0).reshape(6, 2, 3), np.zeros((6, 0)), np.arange(6, dtype=">f8"), np.arange(6, dtype="longdouble"),
    [1.0] * 6, [1, 2.0, 3, 4, 5, 2**60], [[1, 2.0]] * 6, [(1.0, 2.0)] * 6, [[]] * 6,
]  # fmt: skip


@pytest.mark.parametrize("x", range(len(GIVEN)))
@pytest.mark.parametrize("y", range(len(GIVEN)))
def test_each_row_has_the_numbers_that_were_given(x, y):
    """Arrays of any kind, and lists beside them, are what `flat` finds in them row by row."""
    given = [GIVEN[x], GIVEN[y]]
    shapes, found = rows_of(*given)
    whole, each = rows_of(*[tuple(side) for side in given])  # where nothing is taken as a whole
    assert (shapes, list(found)) == (whole, [tuple(row) for row in each])
    assert type(found) is (ArrayRows if any(isinstance(side, np.ndarray) for side in given) else list)
    assert {type(number) for row in found for number in row} <= {float}
    assert [found[i] for i in range(6)] == list(found) == found[:]
    assert (found[::-2], found[-1]) == (list(found)[::-2], list(found)[-1])
    assert flat_targets((shapes, found)) == flat_targets((shapes, list(found)))
    assert np.array_equal(matrix(found, Target("llvm")), matrix(list(found), Target("llvm")))


@pytest.mark.parametrize("place", [(0, 0), (3, 2), (5, 1)])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_not_finite_is_named_by_its_row(place, bad):
    given = np.arange(18.0).reshape(6, 3)
    given[place] = given[5, 2] = bad
    _, rows = rows_of(given, np.ones(6))
    assert repr(not_finite(rows)) == repr(not_finite(list(rows))) == repr((place[0], float(bad)))
    with pytest.raises(ValueError, match=f"^row {place[0]} of X and Y holds {bad}: leave the row out"):
        checked_rows(given, np.ones(6), "", None)
    assert not_finite([(1e308, 1e308)]) is not_finite(rows_of(np.full((2, 2), 1e308), [1, 2])[1]) is None


def test_a_number_that_no_single_holds_is_named_by_its_row():
    given = np.ones((4, 3))
    given[2, 1] = 1e39
    _, rows = rows_of(given, [1, 2, 3, 4])
    for found in (rows, list(rows)):
        with pytest.raises(RowError, match=r"^row 2 of X and Y: 1e\+39 is larger than any float32"):
            matrix(found, Target("llvm", dtype="float32"))
    given[2, 1] = np.inf
    assert matrix(rows_of(given, [1, 2, 3, 4])[1], Target("llvm", dtype="float32")).dtype == "float32"


def test_rows_that_are_changed_while_a_run_goes_on_are_those_that_it_was_given():
    told = []
    for change in (False, True):
        given, model = np.array(X), half_adder()
        optimizer = tn.SGD(model.parameters(), lr=0.1)
        step = compile_step(model, "squared_error", optimizer)
        step.run(given, Y, epochs=6, progress=lambda _, given=given, by=change: given.__iadd__(float(by)))  # type: ignore[misc]
        told.append(numbers(optimizer))
    assert equal(*told)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_machine_code_takes_arrays_as_they_are(dtype, monkeypatch):
    """No list is made of them, once the step is traced; and the steps are those on lists."""
    needed("llvm")
    X = np.random.default_rng(1).normal(size=(10, 3))
    Y = np.arange(10) % 3
    models = [tn.MLP(3, [4, 3], rng=random.Random(2)) for _ in range(2)]
    optimizers = [tn.Adam(model.parameters(), lr=0.1) for model in models]
    pairs = zip(models, optimizers, strict=True)
    steps = [compile_step(model, "cross_entropy", by, backend="llvm", dtype=dtype) for model, by in pairs]
    losses = [[step(X, Y)] for step in steps]
    steps[0].run(X, Y, 2, 4, shuffle=True, rng=random.Random(3))
    steps[1].run(X.tolist(), Y.tolist(), 2, 4, shuffle=True, rng=random.Random(3))
    listed = X.tolist(), Y.tolist()
    losses[1] += [steps[1](*listed) for _ in range(3)]
    with monkeypatch.context() as patch:
        patch.setattr(ArrayRows, "__getitem__", lambda *_: pytest.fail("a list of an array"))
        losses[0] += [steps[0](X, Y), steps[0](np.asfortranarray(X), Y.astype("int8")), steps[0](X, listed[1])]
        steps[0].run(X, Y, 2, 4)
    steps[1].run(*listed, 2, 4)
    assert equal(*losses)
    assert equal(*map(numbers, optimizers))

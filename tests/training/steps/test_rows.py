"""Rows of a step: arrays are rows, and those of two kinds are told apart."""

import pytest
from shared import half_adder
from training import (
    X,
    Y,
    compile_step,
)

import tinygrad_nn as tn
from tinygrad_nn import Value

np = pytest.importorskip("numpy")


def test_rows_of_two_kinds_are_told_apart():
    w = Value(0.5)
    step = tn.compile_step(lambda x: w * x[0], "squared_error", tn.SGD([w], lr=0.1), backend="python")
    with pytest.raises(ValueError, match="row 1 of X has an array of 2 numbers and row 0 has 2 numbers"):
        step([[1.0, 2.0], np.array([1.0, 2.0])], [1.0, 2.0])


def test_arrays_are_rows():
    numpy = pytest.importorskip("numpy", reason="numpy is not installed")
    models = [half_adder() for _ in range(2)]
    steps = [compile_step(m, "squared_error", tn.SGD(m.parameters(), lr=0.1)) for m in models]
    assert steps[0](X, Y) == steps[1](numpy.array(X), numpy.array(Y, dtype=numpy.float32))
    assert models[0].state_dict() == models[1].state_dict()
    assert steps[0](X, Y) == steps[1](list(map(numpy.array, X)), Y)

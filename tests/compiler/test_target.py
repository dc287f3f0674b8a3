"""Where programs run: the back end of a batch by its size, and arrays in the numbers that were asked for."""

import pickle

import pytest

from tinygrad_nn.compiler.single_precision import TooLargeError
from tinygrad_nn.compiler.target import WORTH_ARRAYS, WORTH_LLVM, Target


def test_large_batches_go_to_arrays_and_very_large_ones_to_machine_code():
    pytest.importorskip("numpy", reason="numpy is not installed")
    pytest.importorskip("llvmlite", reason="llvmlite is not installed")
    auto = Target("python", auto=True)
    sizes = [0, 1, WORTH_ARRAYS - 1, WORTH_ARRAYS, WORTH_LLVM - 1, WORTH_LLVM]
    assert [auto.for_rows(n) for n in sizes] == ["python", "python", "python", "array", "array", "llvm"]
    for asked in (Target("llvm"), Target("llvm", auto=True, exact=True)):
        assert {asked.for_rows(n) for n in sizes[1:]} == {"llvm"}


def test_without_numpy_a_batch_is_for_python(monkeypatch):
    monkeypatch.setattr("tinygrad_nn.compiler.target.find_spec", lambda name: None)
    assert Target("python", auto=True).for_rows(WORTH_LLVM) == "python"


def test_arrays_are_of_the_numbers_that_were_asked_for():
    numpy = pytest.importorskip("numpy", reason="numpy is not installed")
    single = Target("array", dtype="float32")
    assert single.array([[1, 2.5]]).dtype == numpy.float32
    with pytest.raises(TooLargeError):
        single.array([1e39])
    again = pickle.loads(pickle.dumps(single))
    assert again == single
    assert again.namespace is numpy

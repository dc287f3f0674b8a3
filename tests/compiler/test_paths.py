"""Paths: a branch that flips is another program, by order or by equality, and too many are told with their line."""

import math

import pytest

from tinygrad_nn.compiler.function import compile
from tinygrad_nn.compiler.paths import PathError
from tinygrad_nn.compiler.program.program import OffPath


def test_a_branch_that_flips_is_another_path():
    def function(x):
        return x * 2.0 if x > 0.0 else -x

    f = compile(function)
    assert [f(3.0), f(-3.0), f(3.0), f(0.0), f(math.nan)] == [6.0, 3.0, 6.0, 0.0, pytest.approx(math.nan, nan_ok=True)]
    assert f.batch([[1.0], [-1.0], [2.0]], gradients=True) == ([2.0, 1.0, 4.0], [[2.0], [-1.0], [2.0]])
    assert "2 programs" in repr(f)
    with pytest.raises(OffPath):
        f.program.run([-3.0], [])


def test_branches_by_equality():
    def function(x):
        if x == 2.0:
            return x + 100.0
        if x != 3.0 and x == 0:
            return x + 10.0
        return x

    f = compile(function)
    assert [f(1.0), f(2.0), f(3.0), f(0.0), f(2.0)] == [1.0, 102.0, 3.0, 10.0, 102.0]


def test_too_many_paths():
    def steps(x):
        return x + float(sum(x > float(k) for k in range(40)))

    f = compile(steps)
    assert [f(k + 0.5) for k in range(16)] == [k + 0.5 + k + 1.0 for k in range(16)]
    with pytest.raises(PathError, match=r"taken 16 paths.*test_paths.py:\d+.*tn.relu, tn.maximum or tn.take"):
        f(16.5)
    assert f(3.5) == 7.5

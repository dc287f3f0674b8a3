"""Programs of a compiled function, kept by the shapes of its arguments."""

import pytest

import tinygrad_nn as tn
from tinygrad_nn.compiler.function import compile

np = pytest.importorskip("numpy")


def test_a_list_in_place_of_an_array_is_traced_again():
    f = tn.compile(lambda x, y: sum(x + y) * len(x + y))
    lists, arrays = [1.0, 2.0], np.array([1.0, 2.0])
    assert [f(lists, lists), f(arrays, arrays), f(lists, lists), f(arrays, lists)] == [24.0, 12.0, 24.0, 12.0]
    assert "3 programs" in repr(f)


def test_lists_and_their_lengths():
    def function(xs, scale):
        return tn.sum([x * x for x in xs]) * scale

    f = compile(function)
    assert f([1.0, 2.0], 2.0) == 10.0
    assert f([1.0, 2.0, 3.0], 1.0) == 14.0
    assert f.grad([1.0, 2.0], 2.0) == [[4.0, 8.0], 5.0]
    assert f((1, 2), 2) == 10.0
    nested = compile(lambda m: [[m[0][0] * 2.0, m[0][1]], m[1][0]])
    assert nested([[1.0, 2.0], [3.0]]) == [[2.0, 2.0], 3.0]

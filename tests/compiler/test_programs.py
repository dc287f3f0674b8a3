"""Programs of a compiled function, kept by the shapes of its arguments."""

import pytest

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.compiler import programs
from tinygrad_nn.compiler.backends import backend
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


def test_long_calls_run_on_machine_code_where_the_choice_is_ours(monkeypatch):
    pytest.importorskip("llvmlite")
    asked = list[str]()

    def named(name):
        asked.append(name)
        return backend.named(name)

    monkeypatch.setattr(programs, "named", named)

    def function(x, times):
        for _ in range(times):
            x = x + 0.01 * tn.sin(x)
        return x

    def own(x, times):
        return unwritten(function(x, times))

    unwritten = tn.primitive("unwritten", lambda x: 2.0 * x, "2.0 * g")
    for times, given, wanted, of in (
        (100, {}, ["python"], function),
        (400, {}, ["llvm"], function),
        (400, {"exact": True}, ["python"], function),
        (400, {"backend": "python"}, ["python"], function),
        (400, {}, ["llvm", "python"], own),
    ):
        asked.clear()
        f = tn.compile(lambda x, of=of, times=times: of(x, times), **given)
        expected = of(Value(0.5), times)
        assert f(0.5) == pytest.approx(expected.data, rel=1e-14)
        assert asked == wanted
        assert f.grad(0.5) == pytest.approx(
            [tn.compile(lambda x, of=of, t=times: of(x, t), backend="python").grad(0.5)[0]]
        )

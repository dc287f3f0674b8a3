"""Programs of a compiled function, kept by the shapes of its arguments."""

import random

import pytest

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.compiler import programs
from tinygrad_nn.compiler.backends import backend
from tinygrad_nn.compiler.function import compile
from tinygrad_nn.compiler.target import MOST_GROUPS, WORTH_A_GROUP, Target

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


def test_what_is_irregular_stays_in_python_where_the_choice_is_ours(monkeypatch):
    """LLVM would take longer for it than most callers gain: 10,000 random operations took it 27 s."""
    pytest.importorskip("llvmlite")
    asked = list[str]()

    def named(name):
        asked.append(name)
        return backend.named(name)

    def irregular(x, y):
        rng, found = random.Random(7), [x, y]
        for _ in range(1200):
            a, b = rng.choice(found[-400:]), rng.choice(found[-50:])
            found.append(rng.choice([tn.tanh(a), a - b, 0.5 * a * b, a + 0.1 * b]))
        return found[-1]

    monkeypatch.setattr(programs, "named", named)
    wanted = tn.compile(irregular, backend="python").value_and_grad(0.3, 0.2)
    asked.clear()
    assert tn.compile(irregular).value_and_grad(0.3, 0.2) == wanted
    assert asked == ["llvm", "python"]


def test_so_many_groups_are_worth_machine_code():
    ours, asked_for = Target("python", auto=True), Target("llvm")
    limits = [(MOST_GROUPS, 1), (2 * MOST_GROUPS, 2 * MOST_GROUPS * WORTH_A_GROUP)]
    assert all(ours.is_worth(groups, instructions) for groups, instructions in limits)
    assert not any(ours.is_worth(groups + 1, instructions) for groups, instructions in limits)
    assert all(target.is_worth(10**6, 10**6) for target in (asked_for, Target("llvm", auto=True)))

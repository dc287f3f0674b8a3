"""Rules: run only where a gradient is wanted, texts that a traceback shows, and what happens where one fails."""

import math
from typing import Any

import pytest

import tinygrad_nn as tn
from tinygrad_nn.autograd import primitives as table
from tinygrad_nn.autograd.graph import operations_behind
from tinygrad_nn.autograd.primitives import Primitive
from tinygrad_nn.autograd.value import Value


def test_a_rule_runs_only_for_operands_that_want_a_gradient():
    x = Value(-2.0)
    y = x ** Value(3.0)
    assert tn.grad(y, x) == 12.0  # the rule for the exponent, log(-2), is not touched


def test_a_rule_of_none_passes_nothing_on():
    """No nan from an infinite slope behind an operand that the result does not depend on."""
    x = Value(0.0)
    for make in (lambda r: r**0, lambda r: tn.take([Value(1.0), 2.0], r), lambda r: table.detached(r) * 2.0):
        x.grad = 0.0
        root = x.sqrt()
        y = make(root)
        y.backward()
        assert x.grad == 0.0 == tn.grad(y, x)
        assert root.grad == 0.0


def test_a_rule_that_raises_leaves_every_gradient():
    def wrong(g, y, x):
        raise RuntimeError("wrong")

    row = table.Primitive("wrong", "?", "x", lambda x: x, wrong)
    x = Value(1.0)
    (x * 3).backward()
    with pytest.raises(RuntimeError, match="wrong"):
        (row(x * 2) + x).backward()
    assert x.grad == 3.0


def test_a_wide_rule_that_divides_by_zero_counts_once():
    row = table.Primitive("three", "?", "a b c", lambda a, b, c: a + b + c, "g", "g / b", "g")
    a, b, c = Value(1.0), Value(0.0), Value(2.0)
    row(a, b, c).backward()
    assert (a.grad, b.grad, c.grad) == (1.0, math.inf, 1.0)


def test_rows_of_three_scalars_and_of_a_column_with_a_scalar():
    row = table.Primitive("sum_of_three", "?", "a b c", lambda a, b, c: a + b + c, "g", "g", "g")
    a = Value(1.0)
    row(a, 2.0, a).backward()
    assert a.grad == 2.0
    scaled = table.Primitive("scaled", "?", "xs b", lambda xs, b: sum(xs) * b, "g * b", None)
    x = Value(1.0)
    y = scaled((x, 2.0), math.inf) * 0.0
    y.backward()
    assert math.isnan(x.grad)  # 0 * inf, by every way
    assert math.isnan(tn.grad(y, x))


def test_a_traceback_shows_the_written_out_rule():
    import linecache

    x = Value(1.0)
    x.tanh().backward()
    assert linecache.getline("<pull of tanh>", 5) == "    _first.grad += g * (1.0 - y * y)\n"


def test_rules_given_as_functions_work_like_texts():
    row = Primitive("scaled_product", "@", "xs b", lambda xs, b: math.prod(xs) * b,
                    lambda g, y, xs, b: [g * y / x for x in xs], lambda g, y, xs, b: g * y / b)  # fmt: skip
    leaves = [Value(2.0), Value(3.0), Value(5.0)]
    row((leaves[0], leaves[1]), leaves[2]).backward()
    assert [leaf.grad for leaf in leaves] == [15.0, 10.0, 6.0]


def test_what_is_the_same_for_all_entries_of_a_column_is_computed_once():
    """In a text that names neither the entry nor its position: of floats, of Values and of what is compiled."""
    calls: list[Any] = []

    def seen(operand):
        calls.append(operand)
        return operand

    counted = Primitive("counted", "?", "b", lambda b: seen(b) * b, "2.0 * g * b")
    row = Primitive("of_a_column", "?", "xs b", lambda xs, b: 0.0, "g * (x - counted(b) / counted(sum_of(xs)))", None)
    sum_of = Primitive("sum_of", "?", "xs", lambda xs: sum(seen(xs)), "g")
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(table.TABLE, "counted", counted)
        patched.setitem(table.TABLE, "sum_of", sum_of)
        leaves = [Value(2.0), Value(3.0), Value(4.0)]
        y = row(tuple(leaves), 6.0)
        y.backward()
        assert [leaf.grad for leaf in leaves] == [2.0 - 36.0 / 81.0, 3.0 - 36.0 / 81.0, 4.0 - 36.0 / 81.0]
        assert len(calls) == 3
        assert tn.grad(y, leaves) == [leaf.grad for leaf in leaves]
        slopes = tn.grad(y, leaves, create_graph=True)
        behind = {id(value): value for slope in slopes for value in operations_behind(slope)}.values()
        assert [value.op for value in behind].count(sum_of) == 1
        assert [value.op for value in behind].count(counted) == 1  # the other is of a float, which is no operation
    x = [Value(0.1), Value(0.2), Value(0.3)]
    parts = tn.grad(tn.logsumexp(x), x, create_graph=True)
    behind = {id(value): value for part in parts for value in operations_behind(part)}.values()
    assert [value.op for value in behind].count(table.normalizer) == 1

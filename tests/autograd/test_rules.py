"""Rules: run only where a gradient is wanted, texts that a traceback shows, and what happens where one fails."""

import math

import pytest

import tinygrad_nn as tn
from tinygrad_nn.autograd import primitives as table
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

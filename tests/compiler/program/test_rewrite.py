"""Rewrites of a program: sums of products become a dot, and no number changes."""

import math

from shared import same

from tinygrad_nn import Value, dot
from tinygrad_nn.compiler.function import compile


def test_sums_of_products_become_a_dot():
    f = compile(lambda a, b, c, d: 1.0 + a * b + c * d)
    f(1.0, 2.0, 3.0, 4.0)
    assert [entry.primitive.name for entry in f.program.flat.instructions] == ["dot"]
    used = compile(lambda a, b, c: (a * b + b * c) * (a * b))
    used(1.0, 2.0, 3.0)
    assert "dot" not in str(used.program)


def test_rewrites_keep_the_signs_of_zeros():
    for function in (lambda x: x + 0.0, lambda x: x - 0.0, lambda x: 0.0 + x, lambda x: x * 1.0, lambda x: 1.0 * x):
        f = compile(function)
        for number in (0.0, -0.0, 1.5, math.inf, math.nan):
            assert same(f(number), function(Value(number)).data)
    f = compile(lambda x: x * 1.0 / 1.0 - 0.0)
    f(2.0)
    assert f.program.flat.instructions == []


def test_sums_of_negatives_become_a_dot_of_minus_ones():
    """So that sums over several numbers are one step, however many they are, and sums that are alike stay so."""
    f = compile(lambda xs: -xs[0] + -xs[1] + -xs[2])
    for row in ([1.0, 2.5, 1e30], [0.0, -0.0, 0.0], [-0.0, -0.0, -0.0], [1.0, -1.0, 0.0], [math.inf, -1.0, math.inf]):
        assert same(f(row), -row[0] + -row[1] + -row[2])
    assert [entry.primitive.name for entry in f.program.flat.instructions] == ["dot"]
    mixed = compile(lambda xs: -xs[0] + -xs[1] + xs[2] * 2.0)
    assert mixed([1.0, 2.0, 5.0]) == 7.0
    shared = compile(lambda x, y: (n := -x) + -y + n)
    assert shared(1.0, 2.0) == -4.0
    assert "dot" not in str(shared.program)


def test_a_dot_of_no_products_is_what_it_begins_with():
    """As attention over the positions before the first is; on arrays, a column of nothing has no place."""
    f = compile(lambda x: dot([], [], x) * 0.5 + 0.25)
    assert same(f(3.0), 1.75)
    assert [entry.primitive.name for entry in f.program.flat.instructions] == ["multiply", "add"]
    for number in (0.0, -0.0, math.inf):
        assert same(compile(lambda x: dot([], [], x))(number), dot([], [], Value(number)).data)

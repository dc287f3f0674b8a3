"""Sums of products become a dot, and no number changes."""

import math

from shared import same

from tinygrad_nn import Value, dot
from tinygrad_nn.autograd import primitives as table
from tinygrad_nn.compiler.function import compile


def test_sums_of_products_become_a_dot():
    f = compile(lambda a, b, c, d: 1.0 + a * b + c * d)
    f(1.0, 2.0, 3.0, 4.0)
    assert [entry.primitive.name for entry in f.program.flat.instructions] == ["dot"]
    used = compile(lambda a, b, c: (a * b + b * c) * (a * b))
    used(1.0, 2.0, 3.0)
    assert "dot" not in str(used.program)


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


def test_sums_of_a_gradient_go_on_with_others():
    """A product alone, those of columns and a product again, as of a state behind a gate, are one dot."""

    def function(xs, ws):
        gated = [x * w for x, w in zip(xs, ws, strict=True)]
        return dot(gated, [dot(xs, ws), dot(xs, ws[::-1])], xs[0] * ws[1])

    f = compile(function, backend="python")
    assert f.grad([2.0, 3.0], [5.0, 7.0]) == [[359.0, 378.0], [145.0, 161.0]]
    program = f.gradient_program.flat
    assert [entry.primitive for entry in program.instructions].count(table.add) == 0

"""Rewrites of a program: sums of products become a dot, and no number changes."""

import math

from shared import same

from tinygrad_nn import Value
from tinygrad_nn.compiler.function import compile


def test_rewrites_keep_the_signs_of_zeros():
    for function in (lambda x: x + 0.0, lambda x: x - 0.0, lambda x: 0.0 + x, lambda x: x * 1.0, lambda x: 1.0 * x):
        f = compile(function)
        for number in (0.0, -0.0, 1.5, math.inf, math.nan):
            assert same(f(number), function(Value(number)).data)
    f = compile(lambda x: x * 1.0 / 1.0 - 0.0)
    f(2.0)
    assert f.program.flat.instructions == []

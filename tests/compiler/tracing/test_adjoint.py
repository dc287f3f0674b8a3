"""Gradients as programs: derivatives of derivatives, and what a gradient costs."""

import random

import pytest

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.compiler.function import compile


def test_second_derivatives():
    def slope(x, y):
        return tn.grad(x**3 * tn.sin(y), x, create_graph=True)

    f = compile(slope)
    expected = tn.hessian(lambda v: v[0] ** 3 * tn.sin(v[1]))([2.0, 0.5])[0]
    assert f.grad(2.0, 0.5) == pytest.approx(expected, rel=1e-15)
    w = Value(3.0)
    penalty = compile(lambda x: tn.grad(w * w * x, w, create_graph=True) ** 2)
    assert penalty(2.0) == 144.0
    w.data = 1.0
    assert penalty(2.0) == 16.0
    constant = compile(lambda x: tn.grad(x * x, x) * x)
    assert constant.value_and_grad(3.0) == (18.0, [6.0])


def test_the_cost_of_a_gradient():
    """At most five times the operations of the value, for functions of many inputs."""
    model = tn.MLP(8, [8, 1], rng=random.Random(0))
    for function in (lambda xs: model(xs), lambda xs: tn.logsumexp(xs), lambda xs: tn.sum([x * x for x in xs])):
        f = compile(function)
        f.value_and_grad([0.1 * i for i in range(8)])

        def cost(program):
            return sum(max(1, len(list(entry.slots())) - 1) for entry in program.instructions)

        assert cost(f.gradient_program.flat) <= 5 * cost(f.program.flat)

"""Gradients as programs: derivatives of derivatives, and what a gradient costs."""

import random

import pytest

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.autograd import primitives as table
from tinygrad_nn.autograd.primitives import TABLE
from tinygrad_nn.compiler.function import compile
from tinygrad_nn.compiler.tracing import adjoint


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


WEIGHTS = [Value(0.5), Value(-1.5), Value(2.0)]


def penalized(x, y):
    return x * tn.dot(WEIGHTS, WEIGHTS) + tn.dot(WEIGHTS, [y, 2.0, x * y], x)


def in_a_side(x, y):
    return tn.where(x < y, tn.dot([x, y, 0.5], [y, tn.log(x), x], y), tn.dot([x, y], [x, y]))


def slope_of_a_dot(x, y):
    return tn.grad(tn.dot([x, y, x], [y, x * y, 1.0], x) ** 2, x, create_graph=True) * y


def of_data(x, y):
    return tn.dot([3.0, x], [x, float(tn.dot([1.0, 2.0], [2.0, 3.0]))]) * y


MODEL = tn.MLP(2, [5, 3, 1], "tanh", rng=random.Random(3))


@pytest.mark.parametrize("function", [penalized, in_a_side, slope_of_a_dot, of_data, lambda x, y: MODEL([x, y])])
def test_products_of_a_column_are_as_one_by_one(function, monkeypatch):
    """What is told of the program, and what it gives."""
    found = []
    for at_once in (True, False):
        if not at_once:
            monkeypatch.setattr(adjoint, "_factors", lambda primitive: {})
        f = compile(function)
        numbers = f.value_and_grad(0.3, 0.7), f.value_and_grad(2.0, -0.25)
        flat = f.gradient_program.flat
        found.append([set(flat.derived.names.values()), flat.names, numbers])
    assert found[0] == found[1]


def test_the_rules_that_are_products_of_a_column_are_those_of_dot():
    told = []
    for rule in adjoint._factors(table.dot):
        told.append(rule(2.0, None, (1.0, 2.0), (3.0, 4.0), 5.0))
    assert told == [[6.0, 8.0], [2.0, 4.0]]
    assert [row for row in TABLE.values() if adjoint._factors(row)] == [table.dot]


@pytest.mark.parametrize(
    "function",
    [
        lambda a, b: tn.softmax([a, b, a])[0], lambda a, b: tn.softmax([1.0, b, a * b])[1] * a,
        lambda a, b: tn.dot(tn.softmax([a, b, 0.5]), tn.softmax([b, a, a]), 0.0),
    ],
)  # fmt: skip
def test_a_column_whose_rule_is_g_gives_it_to_each_entry(function):
    compiled = compile(function, backend="python")
    assert compiled.value_and_grad(0.3, -0.8) == tn.value_and_grad(function)(0.3, -0.8)

"""Properties over random programs: the engine against derivatives by mpmath at sixty digits, which know no rule."""

import mpmath
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp
from shared import same

import tinygrad_nn as tn
from tinygrad_nn.autograd import elementary
from tinygrad_nn.autograd.primitives import TABLE
from tinygrad_nn.autograd.value import Value

# Smooth everywhere and bounded in growth, so that a program of any depth stays where differences can judge it.
UNARY = {
    "tanh": mp.tanh,
    "sigmoid": lambda x: 1 / (1 + mp.exp(-x)),
    "sin": mp.sin,
    "cos": mp.cos,
    "atan": mp.atan,
    "erf": mp.erf,
    "softplus": lambda x: mp.log(1 + mp.exp(x)),
}
BINARY = ["+", "-", "*", "/", "dot", "logsumexp", "**2"]
SPECIAL = {
    "dot": lambda a, b, c, k: tn.dot([a, 2.0, b], [b, c, 0.0], c),
    "take": lambda a, b, c, k: tn.take([a, 1.0, b], float(k % 3)),
    "take a Value": lambda a, b, c, k: tn.take([a, b], Value(float(k % 2)) * 1),
    "maximum": lambda a, b, c, k: tn.maximum(a, b, c, 1.0),
    "power": lambda a, b, c, k: a**b,
    "**0": lambda a, b, c, k: a**0,
    "relu": lambda a, b, c, k: a.relu(),
    "sqrt": lambda a, b, c, k: a.sqrt(),
    "/": lambda a, b, c, k: a / b,
    "*": lambda a, b, c, k: a * b,
    "softmax": lambda a, b, c, k: tn.softmax([a, b, 0.0])[1],
    "cross": lambda a, b, c, k: tn.losses.cross_entropy([a, b], k % 2),
    "clip": lambda a, b, c, k: tn.clip(a, -1.0, 1.0),
}


def apply(step, values, mpf):
    """One instruction on a list of values, of this engine or of mpmath."""
    name, i, j, k = step
    a, b, c = values[i % len(values)], values[j % len(values)], values[k % len(values)]
    if name in UNARY:
        return UNARY[name](a) if mpf else getattr(tn, name)(a)
    if name == "+":
        return a + b
    if name == "-":
        return a - b
    if name == "*":
        return a * b
    if name == "/":
        return a / (2 + b * b)
    if name == "**2":
        return a**2 * (mp.mpf(0.25) if mpf else 0.25)
    if name == "dot":
        return c + a * b + b * b if mpf else tn.dot([a, b], [b, b], c)
    return mp.log(mp.exp(a) + mp.exp(b) + mp.exp(a)) if mpf else tn.logsumexp([a, b, a])


def run(steps, inputs, mpf=False):
    values = list(inputs)
    for step in steps:
        values.append(apply(step, values, mpf))
        squash = mp.tanh if mpf else tn.tanh
        values[-1] = squash(values[-1]) if len(values) % 4 == 0 else values[-1]
    total = values[-1]
    for value in values[-4:-1]:
        total = total + value
    return total


steps = st.lists(
    st.tuples(st.sampled_from([*UNARY, *BINARY]), *[st.integers(0, 20)] * 3),
    min_size=1,
    max_size=12,
)
points = st.lists(st.integers(-16, 16).map(lambda n: n / 8), min_size=2, max_size=3)


@settings(max_examples=60, deadline=None)
@given(steps, points)
def test_gradients_equal_those_of_mpmath(steps, point):
    leaves = [Value(x) for x in point]
    result = run(steps, leaves)
    result.backward()
    aside = tn.grad(result, leaves)
    graph = tn.grad(result, leaves, create_graph=True)
    second = tn.grad(graph[0], leaves[0])
    with mpmath.workdps(60):
        h = mp.mpf(10) ** -18

        def at(i, shift):
            return run(steps, [mp.mpf(x) + shift * h * (j == i) for j, x in enumerate(point)], mpf=True)

        size = max(1.0, abs(float(at(0, 0))))
        assert abs(result.data - float(at(0, 0))) <= 1e-12 * size
        for i, leaf in enumerate(leaves):
            exact = float((at(i, 1) - at(i, -1)) / (2 * h))
            assert abs(leaf.grad - exact) <= 1e-10 * max(1.0, abs(exact))
            assert same(leaf.grad + 0.0, aside[i] + 0.0)
            assert same(leaf.grad + 0.0, graph[i].data + 0.0)
        exact = float((at(0, 1) - 2 * at(0, 0) + at(0, -1)) / h**2)
        assert abs(second - exact) <= 1e-8 * max(1.0, abs(exact))


@settings(max_examples=60, deadline=None)
@given(steps, points)
def test_a_second_pass_doubles_and_a_second_run_repeats(steps, point):
    leaves = [Value(x) for x in point]
    result = run(steps, leaves)
    result.backward()
    once = [leaf.grad for leaf in leaves]
    result.backward()
    assert [leaf.grad for leaf in leaves] == [2 * g for g in once]
    again = [Value(x) for x in point]
    run(steps, again).backward()
    assert [leaf.grad for leaf in again] == once


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from([0.0, -0.0, 1.0, -2.0, float("inf"), float("-inf"), float("nan"), 1e200]),
        min_size=2,
        max_size=3,
    ),
    st.lists(st.tuples(st.sampled_from(sorted(SPECIAL)), *[st.integers(0, 20)] * 3), min_size=1, max_size=8),
)
def test_three_ways_to_the_gradient_agree_on_special_numbers(point, program):
    """backward, grad on floats and grad with a graph: the same bits at infinities, nan, ties and dead branches."""
    leaves = [Value(x) for x in point]
    values = list(leaves)
    for name, i, j, k in program:
        values.append(SPECIAL[name](values[i % len(values)], values[j % len(values)], values[k % len(values)], k))
    result = values[-1]
    result.backward()
    aside = tn.grad(result, leaves)
    graph = tn.grad(result, leaves, create_graph=True)
    for leaf, g, h in zip(leaves, aside, graph, strict=True):
        assert same(leaf.grad + 0.0, g + 0.0)
        assert same(g + 0.0, h.data + 0.0)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(), min_size=2, max_size=4), st.integers(0, 10**6))
def test_no_float_whatever_raises(numbers, seed):
    """Every function at any double: a double comes back, forward and backward."""
    leaves = [Value(x) for x in numbers]
    row = TABLE[elementary.__all__[seed % len(elementary.__all__)]]
    function = getattr(tn, row.name)
    a, b = leaves[0], leaves[1]
    for result in (
        function(*leaves[: len(row.operands)]), a / b, a**b, a % b, a // b, tn.maximum(leaves), tn.logsumexp(leaves),
        tn.dot(leaves, leaves), 2**a, tn.norm(leaves), tn.std(leaves), tn.prod(leaves), tn.where(a > b, a, b),
    ):  # fmt: skip
        result.backward()
        slopes = tn.grad(result, leaves, create_graph=True)
        assert all(type(v.data) is float for v in slopes)
        assert all(
            same(v, w.data + 0.0) for v, w in zip([g + 0.0 for g in tn.grad(result, leaves)], slopes, strict=True)
        )

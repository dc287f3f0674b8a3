"""The reverse pass: its order, its sums, graphs as deep as a million, and gradients that are asked for by tn.grad."""

import pytest
from shared import wrong

import tinygrad_nn as tn
from tinygrad_nn.autograd.value import Value


def test_backward_twice_doubles_the_leaves_exactly():
    a, b = Value(0.1), Value(0.7)
    c = (a * b).tanh() ** 4 + a / b
    c.backward()
    once = a.grad, b.grad
    inner = c.grad, c.operands[0].grad
    c.backward()
    assert (a.grad, b.grad) == (2 * once[0], 2 * once[1])
    assert (c.grad, c.operands[0].grad) == inner
    leaf = Value(1.0)
    leaf.backward()
    leaf.backward()
    assert leaf.grad == 2.0


def test_shared_results_and_repeated_operands():
    a = Value(3.0)
    b = a + a
    c = b * b * a
    c.backward()
    assert a.grad == 12 * 3.0**2
    total = tn.dot([a, a], [a, 2.0], a)
    a.grad = 0.0
    total.backward()
    assert a.grad == 2 * 3.0 + 2.0 + 1.0


def test_adjoints_are_added_in_reverse_order_of_recording():
    """The order is visible in the bits: 1e16 + 1 - 1e16 differs from 1e16 - 1e16 + 1."""
    x = Value(1.0)
    first, second, third = x * 1e16, x * 1.0, x * -1e16
    (first + second + third).backward()
    assert x.grad == (-1e16 + 1.0) + 1e16
    x.grad = 0.0
    third, second, first = x * -1e16, x * 1.0, x * 1e16
    (first + second + third).backward()  # the order of recording counts, not that of the sum
    assert x.grad == (1e16 + 1.0) - 1e16


@pytest.mark.slow
def test_a_chain_of_a_million_operations():
    depth = 1_000_000
    a, y = Value(1.0 - 1e-7), Value(1.0)
    start = y
    for _ in range(depth // 2):
        y = y * a + 1e-9
    y.backward()
    assert start.grad == pytest.approx((1.0 - 1e-7) ** (depth // 2), rel=1e-9)
    assert tn.grad(y, start) == start.grad
    del y


def test_a_deep_chain_is_no_recursion():
    y = x = Value(1.0)
    for _ in range(20_000):
        y = (y + 1.0) * 1.0
    y.backward()
    assert x.grad == 1.0
    assert tn.grad(y, x, create_graph=True).data == 1.0
    tn.draw(y, max_nodes=50_000)


def test_grad_of_nested_inputs_leaves_grad_alone():
    a, b, unused = Value(2.0), Value(3.0), Value(1.0)
    c = a * b
    d = c * c
    assert tn.grad(d, [a, (b, [c, unused]), d]) == [36.0, [24.0, [12.0, 0.0]], 1.0]
    assert a.grad == b.grad == c.grad == 0.0
    graph = tn.grad(d, [a, unused], create_graph=True)
    assert [type(g).__name__ for g in graph] == ["Value", "Value"]
    assert tn.grad(graph[0], b) == 4 * 2.0 * 3.0
    assert tn.grad(a, a) == 1.0
    assert tn.grad(a, a, create_graph=True).data == 1.0
    assert tn.grad(d, []) == []


def test_grad_refuses_what_is_no_value():
    with pytest.raises(TypeError, match="differentiates a Value, but the output is 3"):
        tn.grad(wrong(3.0), Value(1.0))
    with pytest.raises(TypeError, match=r"Values or nested lists of Values as inputs, but got 2\.0"):
        tn.grad(Value(1.0), [2.0])

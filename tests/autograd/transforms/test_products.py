"""Products with Jacobians: forward mode is reverse mode, and both are PyTorch's."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import KINDS, SMOOTH, bits, extended, near, plans

import tinygrad_nn as tn
from tinygrad_nn import Value


def pool_of(plan):
    return lambda v: extended([*v, 0.5], plan)[-3:]


def forward_is_reverse(plan, point, direction):
    """The tangents of a program are its Jacobian times the direction; inside no_grad and compiled the same."""
    f = pool_of(plan)
    outputs, tangents = tn.jvp(f)(point, direction)
    rows = tn.jacobian(f)(point)
    for row, tangent in zip(rows, tangents, strict=True):
        products = [slope * along for slope, along in zip(row, direction, strict=True)]
        size = sum(map(abs, products))
        if math.isfinite(size):
            assert abs(sum(products) - tangent) <= 1e-11 * max(1.0, size), (row, direction, tangent)
    assert outputs == [o.data if isinstance(o, Value) else o for o in f([Value(number) for number in point])]
    pulled = tn.vjp(f)(point, [0.5, -1.0, 2.0])[1]
    for k, mine in enumerate(pulled):
        products = [0.5 * rows[0][k], -rows[1][k], 2.0 * rows[2][k]]
        assert near(mine, sum(products), 1e-11 * max(1.0, sum(map(abs, products)))), (mine, products)
    with tn.no_grad():
        assert tn.jvp(f)(point, direction) == (outputs, tangents)
    compiled = tn.compile(lambda v, d: tn.jvp(f)(v, d), backend="python")(point, direction)
    assert all(map(bits, compiled[1], tangents))
    assert all(map(bits, compiled[0], outputs))


@given(st.data())
@settings(max_examples=40)
def test_forward_mode_is_reverse_mode_on_random_programs(data):
    numbers = st.lists(st.floats(-2, 2), min_size=3, max_size=3)
    forward_is_reverse(data.draw(plans(SMOOTH, most=12, least=3)), data.draw(numbers), data.draw(numbers))


@pytest.mark.slow
@given(st.data())
@settings(max_examples=2000)
def test_forward_mode_is_reverse_mode_on_many_random_programs(data):
    numbers = st.lists(st.floats(-2, 2), min_size=3, max_size=3)
    forward_is_reverse(data.draw(plans(KINDS, most=30, least=3)), data.draw(numbers), data.draw(numbers))


def test_jvp_and_vjp_against_pytorch():
    torch = pytest.importorskip("torch", reason="PyTorch, which these are held against, is not installed")
    rng = random.Random(0)
    point, direction, cotangent = ([rng.uniform(-1, 1) for _ in range(3)] for _ in range(3))

    def mine(v):
        total = tn.dot(v, [v[1], v[2], v[0]], v[0])
        return [tn.tanh(total), tn.softmax(v)[1] * v[0] ** 3, tn.logsumexp([v[0], total]) / tn.exp(v[2])]

    def theirs(v):
        total = v[0] * v[1] + v[1] * v[2] + v[2] * v[0] + v[0]
        third = torch.logsumexp(torch.stack([v[0], total]), 0) / torch.exp(v[2])
        return torch.stack([torch.tanh(total), torch.softmax(v, 0)[1] * v[0] ** 3, third])

    x, d, c = (torch.tensor(numbers, dtype=torch.float64) for numbers in (point, direction, cotangent))
    pushed = torch.autograd.functional.jvp(theirs, x, d)
    pulled = torch.autograd.functional.vjp(theirs, x, c)
    both = torch.autograd.functional.jvp(
        lambda x: torch.autograd.functional.vjp(theirs, x, c, create_graph=True)[1], x, d
    )
    for found, (value, product) in (
        (tn.jvp(mine)(point, direction), pushed), (tn.vjp(mine)(point, cotangent), pulled),
        (tn.jvp(lambda v: tn.vjp(mine)(v, cotangent)[1])(point, direction), both),
        (tn.compile(lambda v, d: tn.jvp(mine)(v, d), backend="python")(point, direction), pushed),
        (tn.compile(lambda v, c: tn.vjp(mine)(v, c), backend="python")(point, cotangent), pulled),
        (tn.compile(lambda v, d: tn.jvp(lambda v: tn.vjp(mine)(v, cotangent)[1])(v, d))(point, direction), both),
    ):  # fmt: skip
        assert found[0] == pytest.approx(value.tolist(), rel=1e-12)
        assert found[1] == pytest.approx(product.tolist(), rel=1e-12)


def test_jvp_and_vjp_of_numbers_and_nested_lists():
    assert tn.jvp(tn.sin)(0.0, 2) == (0.0, 2.0)
    assert tn.vjp(tn.sin)(0.0, 2) == (0.0, 2.0)
    f = lambda m: {"a": [m[0][0] * m[1][0], [m[0][1], 7.0]]}["a"]  # noqa: E731
    assert tn.jvp(f)([[2.0, 3.0], [5.0]], ((1, 10), [100])) == ([10.0, [3.0, 7.0]], [205.0, [10.0, 0.0]])
    assert tn.vjp(f)([[2.0, 3.0], [5.0]], (1, (10, 100))) == ([10.0, [3.0, 7.0]], [[5.0, 10.0], [2.0]])
    assert tn.jvp(lambda v: [])([1.0], [1.0]) == ([], [])
    assert tn.vjp(lambda v: [])([1.0], []) == ([], [0.0])
    assert tn.jvp(lambda v: tn.take(v, 1))([1.0, 2.0], [3.0, 4.0]) == (2.0, 4.0)
    assert tn.jvp(lambda v: tn.maximum(v))([1.0, 2.0, 2.0], [3.0, 4.0, 8.0]) == (2.0, 6.0)
    assert tn.jvp(tn.relu)(-1.0, 5.0) == (0.0, 0.0)
    assert tn.jvp(tn.sqrt)(0.0, 1.0) == (0.0, math.inf)
    numpy = pytest.importorskip("numpy")
    assert tn.jvp(lambda v: v[0] * v[1])(numpy.array([2.0, 3.0]), numpy.array([1.0, 1.0])) == (6.0, 5.0)


def test_a_primitive_of_ones_own_has_tangents():
    softsign = tn.primitive("soft_sign", lambda x: x / (1 + abs(x)), lambda g, y, x: g / ((1 + abs(x)) * (1 + abs(x))))
    assert tn.jvp(softsign)(1.0, 3.0) == (0.5, 0.75)
    assert tn.compile(lambda x: tn.jvp(softsign)(x, 3.0)[1], backend="python")(1.0) == 0.75

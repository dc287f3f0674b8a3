"""Functions over floats and Values mixed, transforms of plain functions, and gradcheck with planted faults."""

import math
import random

import pytest
from shared import close

import tinygrad_nn as tn
from tinygrad_nn import functional
from tinygrad_nn.autograd.primitives import TABLE, Primitive
from tinygrad_nn.autograd.value import Value

ELEMENTARY = list(functional.elementary.__all__)


@pytest.mark.parametrize("name", ELEMENTARY)
def test_elementary_functions_take_floats_values_and_methods(name):
    function = getattr(tn, name)
    number, value = function(0.25), function(Value(0.25))
    assert type(number) is float
    assert value.op is TABLE[name]
    assert value.data == number == getattr(Value(0.25), name)().data
    assert type(function(1 if name != "asin" else 0)) is float
    with pytest.raises(TypeError, match=rf"tn\.{name} wants a number or a Value, but got '0'"):
        function("0")


def test_reductions_over_floats_and_values_mixed():
    v = [Value(1.0), 3.0, Value(2.0)]
    for function, expected in [
        (tn.sum, 6.0), (tn.mean, 2.0), (tn.maximum, 3.0), (tn.minimum, 1.0),
        (tn.logsumexp, math.log(math.e + math.e**3 + math.e**2)), (lambda v: tn.take(v, 2), 2.0),
        (lambda v: tn.dot(v, [1, 2, 3], 1), 14.0), (lambda v: tn.clip(v[2], 0, 1.5), 1.5),
        (lambda v: tn.softmax(v)[0], 0.09003057317038046), (lambda v: tn.log_softmax(v)[1], -0.4076059644443806),
    ]:  # fmt: skip
        floats = function([1.0, 3.0, 2.0])
        assert type(floats) is float
        assert isinstance(function(v), Value)
        assert function(v).data == floats
        assert close(floats, expected, 1e-14)
    assert tn.sum([]) == 0.0
    assert tn.dot([], []) == 0.0
    assert tn.maximum(1, 2.0, 3) == 3.0
    assert tn.maximum(5) == 5.0
    assert tn.sum(x for x in (1, 2)) == 3.0


def test_ties_are_split_evenly():
    values = [Value(2.0), Value(1.0), Value(2.0), Value(2.0)]
    for function, sign in ((tn.maximum, 1.0), (tn.minimum, -1.0)):
        signed = [v * sign for v in values]
        assert tn.grad(function(signed), signed) == [1 / 3, 0.0, 1 / 3, 1 / 3]
    a, b = Value(2.0), Value(2.0)
    assert tn.grad(tn.maximum(a, b), [a, b]) == [0.5, 0.5]


def test_softmax_and_cross_entropy_of_huge_logits():
    probabilities = tn.softmax([1e4, -1e4, 1e4])
    assert probabilities == pytest.approx([0.5, 0.0, 0.5])
    logits = [Value(1e4), Value(-1e4)]
    loss = tn.losses.cross_entropy(logits, 1)
    loss.backward()
    assert loss.data == 2e4
    assert [v.grad for v in logits] == [1.0, -1.0]
    assert tn.softmax([1e17, 1e17]) == [0.5, 0.5]
    assert tn.losses.cross_entropy([1e17, 1e17], 0) == math.log(2)
    logits = [Value(1e16), Value(1e16 - 2)]
    loss = tn.losses.cross_entropy(logits, 0)
    loss.backward()
    assert close(loss.data, math.log1p(math.exp(-2)), 1e-15)
    assert close(logits[1].grad, math.exp(-2) / (1 + math.exp(-2)), 1e-15)
    assert close(logits[0].grad, -logits[1].grad, 0, 2**-52)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: tn.mean([]), ValueError, "tn.mean wants at least one value"),
        (lambda: tn.maximum([]), ValueError, "tn.maximum wants at least one value"),
        (lambda: tn.maximum(), ValueError, "tn.maximum wants at least one value"),
        (lambda: tn.softmax([]), ValueError, "tn.softmax wants at least one value"),
        (lambda: tn.dot([1.0], [1.0, 2.0]), ValueError, "1 weights and 2 inputs"),
        (lambda: tn.sum(3.0), TypeError, "tn.sum wants a list of numbers or Values, but got 3.0"),
        (lambda: tn.sum("12"), TypeError, "tn.sum wants a list of numbers or Values, but got '12'"),
        (lambda: tn.sum([1.0, "2"]), TypeError, "each entry of tn.sum wants a number or a Value, but got '2'"),
        (lambda: tn.take([1.0], "0"), TypeError, "the index of tn.take wants a number"),
        (lambda: tn.exp([1.0]), TypeError, "tn.exp wants a number or a Value, but got"),
    ],
)
def test_bad_input(call, error, words):
    with pytest.raises(error, match=words.replace("(", r"\(")):
        call()


def test_derivatives_of_any_order():
    assert tn.derivative(lambda x: x.sin(), 0.5) == math.cos(0.5)
    assert [tn.derivative(tn.exp, 1.0, order=n) for n in (1, 2, 3, 8)] == pytest.approx([math.e] * 4, rel=1e-15)
    assert tn.derivative(lambda x: 7.0, 1.0) == 0.0
    assert tn.derivative(lambda x: 2 * x, 1.0, order=3) == 0.0


def test_transforms_against_sympy_by_hand():
    """f = x**2 y + sin(y z): its gradient and Hessian written down from the textbook."""

    def f(v):
        x, y, z = v
        return x**2 * y + tn.sin(y * z)

    x, y, z = 1.3, -0.7, 2.1
    c, s = math.cos(y * z), math.sin(y * z)
    gradient = [2 * x * y, x * x + z * c, y * c]
    hessian = [[2 * y, 2 * x, 0], [2 * x, -z * z * s, c - y * z * s], [0, c - y * z * s, -y * y * s]]
    assert tn.gradient(f)([x, y, z]) == [pytest.approx(gradient, rel=1e-14)]
    for row, expected in zip(tn.hessian(f)([x, y, z]), hessian, strict=True):
        assert row == pytest.approx(expected, rel=1e-13)
    direction = [0.3, -1.0, 2.0]
    product = [sum(h * d for h, d in zip(row, direction, strict=True)) for row in hessian]
    assert tn.hvp(f)([x, y, z], direction) == pytest.approx(product, rel=1e-13)
    assert tn.jacobian(lambda v: [f(v), v[0]])([x, y, z]) == [pytest.approx(gradient), [1.0, 0.0, 0.0]]
    assert tn.jacobian(f)([x, y, z]) == [pytest.approx(gradient)]
    nested = tn.gradient(lambda m, b: m[0][1] * m[1][0] * b)([[1, 2], [3, 4]], 5)
    assert nested == [[[0.0, 15.0], [10.0, 0.0]], 6.0]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: tn.derivative(lambda x: [x], 1.0), TypeError, "returns one number, but it returned"),
        (
            lambda: tn.derivative(lambda x: x, 1.0, order=0),
            ValueError,
            "must be a whole number of 1 or more, but got 0",
        ),
        (lambda: tn.derivative(lambda x: x, "1"), TypeError, "but got '1'"),
        (lambda: tn.gradient(lambda x: None)(1.0), TypeError, "but it returned None"),
        (lambda: tn.hessian(lambda x: x)(1.0), TypeError, "one flat list of numbers, but got 1.0"),
        (lambda: tn.hessian(lambda x: x[0])([[1.0]]), TypeError, "one flat list"),
        (lambda: tn.hvp(lambda x: x[0])([1.0], [1.0, 2.0]), ValueError, "a point of 1 numbers and a direction of 2"),
        (lambda: tn.jacobian(lambda x: ["1"])([1.0]), TypeError, "but it returned '1'"),
    ],
)
def test_bad_input_of_transforms(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_gradcheck_passes_right_rules_on_nested_inputs():
    assert tn.gradcheck(lambda m, b: tn.logsumexp([tn.dot(row, row, b) for row in m]), [[[0.1, 0.2], [0.3, 0.4]], 0.5])
    model = tn.MLP(2, [3, 1], activation="tanh", rng=random.Random(0))
    assert tn.gradcheck(lambda *x: model(x), [0.3, -0.4])


def plant(formula):
    """A function of a row x**2 / 2 whose rule is wrong."""
    return Primitive("planted", "?", "x", lambda x: 0.5 * x * x, formula)


@pytest.mark.parametrize("formula", ["g * (2.0 * x)", "g * (x + 1e-4)", "-(g * x)", "g", None, "x"])
def test_gradcheck_catches_a_wrong_first_derivative(formula):
    row = plant(formula)
    if formula == "x":  # right, but for forgetting the adjoint
        with pytest.raises(tn.GradientError):
            tn.gradcheck(lambda x: 3 * row(x), [0.7], order=1)
        return
    with pytest.raises(tn.GradientError, match=r"df/d\(input 0\) is .* by the engine but .* by central differences"):
        tn.gradcheck(row, [0.7], order=1)


def test_gradcheck_catches_a_wrong_second_derivative():
    """The rule is right as a number, but what it is made of is wrong when differentiated again."""
    wrong_inside = Primitive("wrong_inside", "?", "x", lambda x: x, None)  # the identity, said to be constant
    row = Primitive("outer", "?", "x", lambda x: 0.5 * x * x, lambda g, y, x: g * wrong_inside(x))
    assert tn.gradcheck(row, [0.7], order=1)
    with pytest.raises(tn.GradientError, match=r"d2f/d\(input 0\)d\(input 0\) is 0\.0 by the engine"):
        tn.gradcheck(row, [0.7], order=2)


@pytest.mark.parametrize(
    ("f", "x"),
    [
        *((tn.log, x) for x in (1e-3, 0.02, 1e4)),
        *((lambda v: 1 / v, x) for x in (3e-3, -0.01)),
        (tn.sqrt, 0.01),
        (tn.sin, 1000.0),
        (tn.exp, 20.0),
        (lambda v: v.relu(), 1e-2),
    ],
)
def test_gradcheck_passes_right_rules_near_singularities_and_far_out(f, x):
    assert tn.gradcheck(f, [x], order=1)


def test_gradcheck_names_the_input():
    row = Primitive("planted", "?", "a b", lambda a, b: a * b, "g * b", "g * b")
    with pytest.raises(tn.GradientError, match=r"df/d\(input 1\[1\]\) is 5\.0 .* they differ by 3"):
        tn.gradcheck(lambda x, pair: x * pair[0] + row(x * 2, pair[1]), [1.0, [2.0, 5.0]], order=1)


@pytest.mark.parametrize("name", sorted(set(TABLE) - {"take", "largest", "ties", "dot", "logsumexp", "normalizer"}))
def test_every_row_is_guarded_by_gradcheck(name):
    """Each rule of the table, doubled or with its sign turned, is caught."""
    row = TABLE[name]
    point = [0.6, 0.35, 2.0 if name == "log_power" else 0.8][: len(row.operands)]
    fixed = point[2:] if name == "log_power" else []
    for position, formula in enumerate(row.formulas):
        if formula is None:
            continue
        clean = Value(point[position])
        operands = [clean if i == position else x for i, x in enumerate(point)]
        if tn.grad(row(*operands), clean) == 0.0:
            continue
        for fault in (f"2.0 * ({formula})", f"-({formula})"):
            formulas = [fault if i == position else f for i, f in enumerate(row.formulas)]
            planted = Primitive(name, row.symbol, " ".join(row.operands), row.value, *formulas)
            with pytest.raises(tn.GradientError):
                tn.gradcheck(lambda *xs, f=planted: f(*xs, *fixed), point[: len(point) - len(fixed)], order=1)


def test_gradcheck_refuses_what_it_cannot_check():
    with pytest.raises(TypeError, match="returns one number, but it returned"):
        tn.gradcheck(lambda x: [x, x], [1.0])
    with pytest.raises(ValueError, match="needs a finite result"):
        tn.gradcheck(lambda x: x.log(), [0.0])
    with pytest.raises(TypeError, match=r"give a list of arguments, not 1\.0"):
        tn.gradcheck(lambda x: x, 1.0)
    with pytest.raises(ValueError, match="order 1 or 2"):
        tn.gradcheck(lambda x: x, [1.0], order=3)

"""gradcheck: passes right rules, and catches faults that are planted in every row of the table."""

import random

import pytest

import tinygrad_nn as tn
from tinygrad_nn.autograd.primitives import TABLE, Primitive
from tinygrad_nn.autograd.value import Value


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


OF_COLUMNS = {row.name for row in TABLE.values() if row.folds}


@pytest.mark.parametrize("name", sorted(set(TABLE) - OF_COLUMNS))
def test_every_row_is_guarded_by_gradcheck(name):
    """Each rule of the table, doubled or with its sign turned, is caught."""
    row = TABLE[name]
    point = [1.6 if "acosh" in name else 0.6, 0.35, 2.0 if name == "log_power" else 0.8][: len(row.operands)]
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

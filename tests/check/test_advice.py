"""Advice by the operation that overflowed or has no derivative: what to write in its place."""

import math
from typing import Any

import pytest

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.check.advice import is_softmax, stable_form


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: tn.exp(Value(1000.0)), "exp overflows beyond 709: sigmoid, softplus, softmax and logsumexp of tn"),
        (lambda: Value(-8.0) ** 0.5, "a negative number, or 0, has no such power"),
        (lambda: tn.asin(Value(2.0)), "asin wants a number from -1 to 1"),
        (lambda: tn.log(Value(0.0)), "log is -inf at 0: for a probability, take the loss of logits"),
        (lambda: tn.log(Value(-1.0)), "log wants a number above 0"),
        (lambda: tn.log(tn.softmax([Value(0.0), 1e4])[0]), "a log of a softmax: tn.log_softmax"),
        (lambda: tn.log(1.0 + tn.exp(Value(800.0))), "an operand is inf already"),
        (lambda: tn.log(-1.0 + tn.exp(Value(0.0))), r"log\(1 \+ exp\(x\)\) is tn.softplus\(x\)"),
        (lambda: 1.0 / Value(0.0), "it divides by 0: add a small number to the denominator"),
        (lambda: 1.0 / (Value(2.0) - Value(2.0)), "the numbers whose difference it divides by are equal"),
        (lambda: tn.sqrt(Value(-1.0)), "sqrt wants a number of 0 or more"),
        (lambda: Value(math.nan) * 2.0, "an operand is nan already, and no operation made it so"),
        (lambda: Value(1e300) * Value(1e300), "the numbers are too large: a smaller learning rate"),
    ],
)
def test_each_operation_has_its_advice(make, words):
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(stable_form(make()))


def test_a_slope_has_other_advice_than_a_value():
    root: Any = tn.sqrt(Value(0.0))
    assert stable_form(root, backward=True).startswith("sqrt has no finite slope at 0")


def test_probabilities_of_softmax_are_known():
    shares: Any = tn.softmax([Value(1.0), Value(2.0)])
    assert all(map(is_softmax, shares))
    assert is_softmax(tn.exp(tn.log_softmax([Value(1.0), 2.0])[0]))
    assert not is_softmax(Value(0.5))
    assert not is_softmax(Value(0.5) / Value(2.0))

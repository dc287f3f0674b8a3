"""Functions over floats and Values mixed: sums, folds, softmax, and every refusal."""

import math

import pytest
from shared import close, wrong

import tinygrad_nn as tn
from tinygrad_nn.autograd.value import Value


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
        (lambda: tn.sum(wrong(3.0)), TypeError, "tn.sum wants a list of numbers or Values, but got 3.0"),
        (lambda: tn.sum(wrong("12")), TypeError, "tn.sum wants a list of numbers or Values, but got '12'"),
        (lambda: tn.sum([1.0, wrong("2")]), TypeError, "each entry of tn.sum wants a number or a Value, but got '2'"),
        (lambda: tn.take([1.0], wrong("0")), TypeError, "the index of tn.take wants a number"),
        (lambda: tn.exp(wrong([1.0])), TypeError, "tn.exp wants a number or a Value, but got"),
    ],
)
def test_bad_input(call, error, words):
    with pytest.raises(error, match=words.replace("(", r"\(")):
        call()

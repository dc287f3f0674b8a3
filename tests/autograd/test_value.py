"""Value: recording, operators, backward, grad, no_grad, and every refusal with its words."""

import copy
import math
import operator
import os
import pickle
import subprocess
import sys
from decimal import Decimal
from fractions import Fraction

import pytest
from shared import ROOT, same, wrong

import tinygrad_nn as tn
from tinygrad_nn.autograd import primitives as table
from tinygrad_nn.autograd.value import Value


@pytest.mark.parametrize("number", [3, True, Fraction(3, 1), Decimal("3"), 3.0])
def test_any_real_number_is_held_as_a_float(number):
    value = Value(number)
    assert type(value.data) is float
    assert value.data == float(number)
    assert type((Value(1.0) + number).data) is float
    assert type((number * Value(1.0)).data) is float


def test_numpy_numbers_on_either_side():
    numpy = pytest.importorskip("numpy")
    v = Value(3.0)
    for number in (numpy.float64(2), numpy.float32(2), numpy.int64(2), numpy.array(2.0)):
        assert type(Value(number).data) is float
        for result, expected in [
            (number * v, 6.0),
            (v * number, 6.0),
            (number - v, -1.0),
            (v / number, 1.5),
            (number / v, 2 / 3),
            (number**v, 8.0),
            (v**number, 9.0),
        ]:
            assert isinstance(result, Value)
            assert type(result.data) is float
            assert result.data == expected
    assert tn.softmax(numpy.array([0.0, 0.0])) == [0.5, 0.5]
    assert tn.dot(numpy.array([1.0, 2.0]), [v, v]).data == 9.0


@pytest.mark.parametrize("data", ["3", 1j, [1], (1,), None, Value(1.0), b"3", {}])
def test_what_is_no_real_number_is_refused(data):
    with pytest.raises(TypeError, match="holds one real number, but got"):
        Value(data)


def test_numpy_text_and_complex_numbers_are_refused():
    numpy = pytest.importorskip("numpy")
    for data in (
        numpy.complex128(1 + 2j),
        numpy.str_("3.5"),
        numpy.bytes_(b"3"),
        numpy.array("3.5"),
    ):
        with pytest.raises(TypeError, match="holds one real number, but got"):
            Value(data)
        with pytest.raises(TypeError):
            Value(1.0) * data
    with pytest.raises(TypeError, match="holds one real number, but got"):
        Value(numpy.array([1.0]))


def test_data_that_was_set_to_a_value_is_named_in_backward():
    w = Value(1.0)
    (w * w).backward()
    w.data = w - 0.1 * w.grad  # .data is forgotten on the right
    with pytest.raises(TypeError, match=r"the \.data of a Value was set to Value\(.*write p\.data = p\.data - lr"):
        (w * 2.0 + 1.0).backward()
    model = tn.MLP(2, [2, 1])
    for p in model.parameters():
        p.data = p - 0.1 * p.grad
    with pytest.raises(TypeError, match=r"the \.data of a Value was set to"):
        model([1.0, 2.0]).backward()


def test_a_label_is_a_string():
    with pytest.raises(TypeError, match="the label of a Value is a string, but got 5"):
        Value(1.0, wrong(5))


def test_functions_that_would_drop_the_gradient_are_refused():
    v = Value(2.0)
    for function in (math.exp, float, int, math.sqrt, complex, range, lambda v: [1, 2, 3][v]):
        with pytest.raises(TypeError, match=r"tn\.exp\(v\).*v\.data"):
            function(v)


@pytest.mark.parametrize("other", ["1", None, [1.0], {}])
def test_operators_refuse_what_is_no_number(other):
    v = Value(2.0)
    for operation in (lambda: v + other, lambda: other + v, lambda: v / other, lambda: v**other, lambda: other - v):
        with pytest.raises(TypeError, match=r"unsupported operand|concatenate|multiply"):
            operation()
    with pytest.raises(TypeError, match="not supported between"):
        v < other  # noqa: B015


def test_comparisons_are_of_data_and_equality_of_identity():
    a, b = Value(1.0), Value(1.0)
    assert a <= b
    assert a >= 1
    assert not a < b
    assert a < 2.5
    assert b > 0
    assert a != b
    assert a == a
    assert len({a, b}) == 2
    assert not Value(math.nan) < 1
    assert not Value(math.nan) >= 1


def test_sum_adds_no_constant_node():
    a, b = Value(1.0), Value(2.0)
    assert 0 + a is a
    total = sum([a, b])
    assert isinstance(total, Value)
    assert total.operands == (a, b)
    assert (0.0 + a).op is table.add


def test_repr_and_format():
    a = Value(1 / 3, label="a")
    assert repr(a) == "Value(data=0.3333333333333333, grad=0.0, label='a')"
    assert repr(a.exp()) == "Value(data=1.3956124250860895, grad=0.0, op=exp)"
    assert f"{a:.2f}" == "0.33"
    assert f"{a}" == repr(a)
    assert type(a.exp()).__name__ == "Value"


def test_dot_is_a_left_fold_from_the_bias():
    weights, inputs = [1e16, 1.0, -1e16], [1.0, 1.0, 1.0]
    assert tn.dot(weights, inputs, 0.25) == ((0.25 + 1e16) + 1.0) - 1e16
    assert tn.dot(map(Value, weights), inputs, 0.25).data == ((0.25 + 1e16) + 1.0) - 1e16


def test_pickle_and_deepcopy_make_leaves():
    a = Value(2.0, label="a")
    result = a * 3
    result.backward()
    for copied in (pickle.loads(pickle.dumps([a, result, a])), copy.deepcopy([a, result, a])):
        assert [(v.data, v.grad, v.label) for v in copied] == [(2.0, 3.0, "a"), (6.0, 1.0, ""), (2.0, 3.0, "a")]
        assert copied[1].op is None
        assert copied[0] is copied[2]


PROGRAM = """
import random, tinygrad_nn as tn
rng = random.Random(5)
model = tn.MLP(3, [5, 4, 2], activation="tanh", rng=rng)
optimizer = tn.SGD(model.parameters(), lr=0.1, momentum=0.9)
for _ in range(20):
    loss = tn.mean([tn.losses.squared_error(model([rng.random() for _ in range(3)]), [1, 0]) for _ in range(5)])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print([p.data.hex() for p in model.parameters()])
print(tn.draw(model([1, 2, 3])[0]).source)
"""


def test_the_same_program_gives_the_same_bits_whatever_the_hash_seed():
    outputs = [
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert outputs[0] == outputs[1]
    assert len(outputs[0]) > 1000


NUMERATORS = [7.0, -7.0, 0.5, -0.5, 0.0, -0.0, 6.0, 1e300, -1.0, math.inf, math.nan, 1e16]
COMPILED = {act: tn.compile(act, backend="python") for act in (operator.mod, operator.floordiv)}
DENOMINATORS = [3.0, -3.0, 0.1, math.inf, -math.inf, 1e-300, math.nan]


@pytest.mark.parametrize("b", DENOMINATORS)
@pytest.mark.parametrize("a", NUMERATORS)
def test_remainders_and_whole_quotients_are_pythons(a, b):
    """Of Values on either side, by divmod, and compiled: with slopes 1 and -floor(a / b), and 0."""
    for act, right in ((operator.mod, a % b), (operator.floordiv, a // b)):
        for x, y in ((Value(a), b), (a, Value(b)), (Value(a), Value(b))):
            assert same(act(x, y).data, right)
        assert same(COMPILED[act](a, b), right)
    whole, rest = divmod(Value(a), b)
    assert all(map(same, (whole.data, rest.data), divmod(a, b)))
    assert all(map(same, [entry.data for entry in divmod(a, Value(b))], divmod(a, b)))
    x, y = Value(a), Value(b)
    slopes = tn.grad(x % y, [x, y])
    assert slopes[0] == 1.0
    assert same(slopes[1] + 0.0, -(a // b) + 0.0)
    assert tn.grad(x // y, [x, y]) == [0.0, 0.0]


def test_what_is_divided_by_0_has_no_remainder():
    assert math.isnan((Value(7.0) % 0.0).data)
    assert (Value(7.0) // 0.0).data == math.inf
    assert math.isnan((Value(0.0) // 0.0).data)
    for act in (operator.mod, operator.floordiv, divmod):
        with pytest.raises(TypeError, match="unsupported operand"):
            act(Value(7.0), "3")
        with pytest.raises(TypeError, match=r"unsupported operand|not all arguments"):
            act([3.0], Value(7.0))

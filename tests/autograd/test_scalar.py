"""NumPy's arrays beside Values: an operator gives the array of what it gives for each entry, recorded or compiled."""

import math
import operator
from fractions import Fraction

import pytest
from shared import needed

import tinygrad_nn as tn
from tinygrad_nn import Value

np = pytest.importorskip("numpy", reason="numpy is not installed")

OPERATORS = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "**": operator.pow,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
ARRAYS = {
    "floats": np.array([1.5, 2.0, 0.25]),
    "matrix": np.array([[1.5, 2.0], [0.25, 3.0]]),
    "ints": np.array([1, 2, 3]),
    "float32": np.array([1.5, 2.0], dtype=np.float32),
    "long": np.array([1.5, 2.0], dtype=np.longdouble),
    "bools": np.array([True, True]),
    "reversed": np.array([1.5, 2.0, 0.25])[::-1],
    "empty": np.array([]),
    "one": np.array([2.0]),
}


def numbers(array):
    return np.vectorize(lambda entry: entry.data if isinstance(entry, Value) else entry, otypes=[float])(array)


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("symbol", OPERATORS)
def test_an_operator_of_an_array_and_a_value_is_that_of_each_entry(symbol, name):
    array, act = ARRAYS[name], OPERATORS[symbol]
    for swapped in (False, True):
        v = Value(1.75)
        found = act(v, array) if swapped else act(array, v)
        plain = act(1.75, array.astype(float)) if swapped else act(array.astype(float), 1.75)
        assert isinstance(found, np.ndarray)
        assert found.shape == array.shape
        if plain.dtype == bool:
            assert found.dtype == bool
            assert (found == plain).all()
            continue
        assert all(type(entry).__name__ == "Value" for entry in found.flat)
        np.testing.assert_allclose(numbers(found), plain, rtol=1e-15)
        if found.size:
            sum(found.flat).backward()
            h = 1e-6
            ends = [
                act(x, array.astype(float)) if swapped else act(array.astype(float), x) for x in (1.75 + h, 1.75 - h)
            ]
            assert v.grad == pytest.approx((ends[0].sum() - ends[1].sum()) / (2 * h), rel=1e-6)


@pytest.mark.parametrize(
    "number", [np.float64(2.0), np.float32(2.0), np.int64(2), np.longdouble(2.0), np.bool_(True), np.array(2.0)]
)
@pytest.mark.parametrize("symbol", OPERATORS)
def test_a_number_of_numpys_is_a_number(symbol, number):
    act, v = OPERATORS[symbol], Value(1.75)
    for found, plain in ((act(number, v), act(float(number), 1.75)), (act(v, number), act(1.75, float(number)))):
        assert type(found) in (bool, type(v * v))
        assert (found.data if isinstance(found, Value) else found) == plain


def test_what_numpy_does_with_arrays_of_values():
    v, w = Value(2.0), Value(3.0)
    values = np.array([v, w])
    (values @ np.array([4.0, 5.0])).backward()
    assert (v.grad, w.grad) == (4.0, 5.0)
    assert (np.array([4.0, 5.0]) @ values).data == 23.0
    assert np.sum([v, w]).data == 5.0
    assert np.mean([v, w]).data == 2.5
    assert np.add(v, w).data == 5.0
    assert np.negative(v).data == -2.0
    assert np.abs(Value(-2.0)).data == 2.0
    assert np.sum(v).data == 2.0
    assert np.add([1.0, 2.0], v)[1].data == 4.0
    assert np.multiply.outer(np.array([1.0, 2.0]), v).shape == (2,)
    total = values.copy()
    total *= v
    assert [entry.data for entry in total] == [4.0, 6.0]
    assert (v * values)[1].data == 6.0
    assert (values * v)[1].data == 6.0
    assert ((v + np.array([[1.0], [2.0]])) * values).shape == (2, 2)


@pytest.mark.parametrize(
    "function", [float, int, complex, round, math.trunc, math.floor, math.ceil, lambda v: round(v, 2)]
)
def test_what_python_cannot_do_with_a_value_is_said(function):
    with pytest.raises(TypeError, match=r"a Value is not a float: .* would drop the gradient"):
        function(Value(2.5))


def test_what_numpy_cannot_do_with_a_value_is_said():
    v = Value(2.0)
    for function in (np.exp, np.sin, np.sqrt, np.isfinite, np.sign, np.floor):
        with pytest.raises(TypeError, match=r"use tn\.exp\(v\), tn\.sin\(v\) \.\.\. for a function of it, or v\.data"):
            function(v)
    for call in (lambda: np.maximum(v, 0.0), lambda: np.logaddexp(v, 1.0), lambda: np.array([1.0]) @ v):
        with pytest.raises(TypeError, match="a Value is not a float"):
            call()
    array = np.array([1.0, 2.0])
    with pytest.raises(TypeError, match=r"an array of float64 holds numbers, not Values: write a = a \* v"):
        array *= v
    assert array.tolist() == [1.0, 2.0]
    for odd in (np.array(["a"]), np.array([1j])):
        with pytest.raises(TypeError):
            odd * v


def test_other_numbers_beside_values_are_as_before():
    v = Value(2.0)
    assert (Fraction(1, 2) * v).data == 1.0
    assert v.__mul__("a") is NotImplemented
    assert v.__radd__([1.0]) is NotImplemented
    with pytest.raises(TypeError):
        np.complex128(1j) * v


W = np.array([[0.5, -1.0], [2.0, 0.25]])


def layered(x, y):
    """A function in arrays: a product, a comparison, a reflected power and a sum."""
    rows = W * x + y / np.array([2.0, 4.0])
    shifted = (W @ np.array([x, y])) - x
    return rows.sum() + (2.0 ** (np.array([1.0, 0.5]) * y)).sum() + shifted[0] * shifted[1]


@pytest.mark.parametrize("backend", ["python", "array", "llvm"])
def test_arrays_in_compiled_functions_are_those_of_recorded_ones(backend):
    needed(backend)
    x, y = Value(1.25), Value(-0.75)
    recorded = layered(x, y)
    recorded.backward()
    value, gradient = tn.compile(layered, backend=backend).value_and_grad(1.25, -0.75)
    assert value == pytest.approx(recorded.data, rel=1e-14)
    assert gradient == pytest.approx([x.grad, y.grad], rel=1e-14)

    def branching(x):
        return x * 2.0 if (np.array([0.5, 1.0]) < x).all() else x * 3.0

    compiled = tn.compile(branching, backend=backend)
    assert [compiled(2.0), compiled(0.75), compiled(0.25)] == [4.0, 2.25, 0.75]


def test_a_traced_value_and_numpys_functions():
    with pytest.raises(TypeError, match=r"use tn\.exp\(v\)"):
        tn.compile(lambda x: np.exp(x))(1.0)

"""Elementary functions over floats and Values, as functions and as methods."""

import pytest

import tinygrad_nn as tn
from tinygrad_nn.autograd import elementary
from tinygrad_nn.autograd.primitives import TABLE
from tinygrad_nn.autograd.value import Value

ELEMENTARY = list(elementary.__all__)


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

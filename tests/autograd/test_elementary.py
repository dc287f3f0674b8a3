"""Elementary functions over floats and Values, as functions and as methods."""

import copy
import doctest
import inspect
import pickle
import pydoc

import pytest
from shared import same

import tinygrad_nn as tn
from tinygrad_nn.autograd import elementary
from tinygrad_nn.autograd.primitives import TABLE
from tinygrad_nn.autograd.value import Value

ELEMENTARY = list(elementary.__all__)


@pytest.mark.parametrize("name", ELEMENTARY)
def test_elementary_functions_take_floats_values_and_methods(name):
    function, row = getattr(tn, name), TABLE[name]
    rest = [0.5] * (len(row.operands) - 1)
    number, value = function(0.25, *rest), function(Value(0.25), *rest)
    assert type(number) is float
    assert value.op is row
    assert same(value.data, number)
    assert type(function(1 if name != "asin" else 0, *rest)) is float
    with pytest.raises(TypeError, match=rf"tn\.{name} wants a number or a Value, but got '0'"):
        function("0", *rest)
    if not rest:
        assert same(number, getattr(Value(0.25), name)().data)
    else:
        assert not hasattr(Value, name)
        assert function(0.25, Value(0.5)).data == number


def test_the_examples_of_the_table_are_run():
    """The doctests of a module are run with it; those of functions that the table makes are among them."""
    found = {test.name.rpartition(".")[2]: test for test in doctest.DocTestFinder().find(elementary)}
    for name in ELEMENTARY:
        assert len(found[name].examples) == 1, name
        assert doctest.DocTestRunner().run(found[name]).failed == 0, name


def test_they_look_as_if_they_were_written_out():
    assert str(inspect.signature(tn.exp)) == "(x: 'float | Value') -> 'float | Value'"
    assert tn.exp(x=0.0) == 1.0
    assert pickle.loads(pickle.dumps(tn.exp)) is tn.exp is tn.functional.exp is copy.deepcopy(tn.exp)
    assert "exp(x: 'float | Value')" in pydoc.plain(pydoc.render_doc(tn.functional))
    assert Value(0.0).exp.__doc__ == TABLE["exp"].doc
    assert {*ELEMENTARY} <= {*dir(tn), *dir(tn.functional)}
    assert not {name for name, row in TABLE.items() if not row.doc and len(row.operands) == 1} & {*dir(Value)}

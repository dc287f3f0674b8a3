"""The python back end: the engine's numbers to the bit, from source that is plain Python."""

import pytest
from programs import ROWS, agree_on_python, corner_call, corner_rows
from shared import load_example

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.autograd.primitives import TABLE
from tinygrad_nn.compiler.backends.python import expressions
from tinygrad_nn.compiler.backends.python import function as python
from tinygrad_nn.compiler.function import compile

expression = load_example("expression").expression  # that of micrograd's README


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_primitive_at_its_corners(row):
    for numbers in corner_rows(row):
        agree_on_python(corner_call(row), numbers)


def test_a_planted_fault_is_caught(monkeypatch):
    """The differential test fails where a spelling differs from the table, or an order of sums."""
    spelling, *tightness = expressions.SPELLINGS["multiply"]
    monkeypatch.setitem(expressions.SPELLINGS, "multiply", (f"{spelling} * 1.0000000000000002", *tightness))
    with pytest.raises(AssertionError):
        agree_on_python(expression, [-4.0, 2.0])


def test_the_source_is_plain_python():
    f = compile(expression)
    f(-4.0, 2.0)
    names = dict(python.callables(TABLE.values()))
    exec(f.source(gradient=True), names)
    assert names["expression"](-4.0, 2.0) == (24.70408163265306, 138.83381924198252, 645.5772594752186)
    odd = compile(lambda x: x * Value(2.0, label="class") + Value(1.0, label="exp") * Value(3.0, label="b\n1"))
    assert odd(1.0) == 5.0
    assert "class" not in odd.source().replace("v_class", "")


def test_every_primitive_has_a_spelling():
    known = {*expressions.SPELLINGS, *python.callables(TABLE.values()), "dot"}
    for row in TABLE.values():
        assert row.name in known, row


def test_wide_dots_compile():
    n = 3000
    ws = [Value(0.001 * i) for i in range(n)]
    f = compile(lambda x: tn.dot(ws, [x] * n))
    assert f(1.5) == tn.dot(ws, [Value(1.5)] * n).data

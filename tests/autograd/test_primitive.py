"""A primitive: frozen, and itself however it is copied."""

import copy
import math
import pickle
import subprocess
import sys

import pytest
from shared import ROOT

from tinygrad_nn.autograd import primitives


def test_a_row_is_frozen_and_an_identity():
    row = primitives.tanh
    assert pickle.loads(pickle.dumps(row)) is row
    assert copy.deepcopy([row])[0] is row is copy.copy(row)
    assert repr(row) == "<primitive tanh>"
    with pytest.raises(AttributeError, match="cannot be changed"):
        row.name = "other"


def test_texts_are_compiled_when_they_are_first_asked_for():
    """Most programs need few, and importing the library should not pay for them."""
    code = """
import tinygrad_nn as tn
from tinygrad_nn.autograd import primitive
from tinygrad_nn.autograd.primitives import TABLE
def compiled(field):
    unwritten = None if field == "_rules" else primitive.Unwritten
    rows = [row for row in TABLE.values() if field != "value" or row.text]
    return [row.name for row in rows if getattr(row, field) is not None and type(getattr(row, field)) is not unwritten]
print([compiled(field) for field in ("value", "_rules", "pull")])
x = tn.Value(2.0)
tn.silu(x).backward()
print([compiled(field) for field in ("value", "_rules", "pull")])
"""
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.splitlines() == [
        "[[], [], []]",
        "[['sigmoid', 'silu', 'maximum', 'minimum'], [], ['silu']]",
    ]


def test_a_value_follows_ieee_754_where_python_raises():
    row = primitives.Primitive("odd", "?", "a b", "ratio = a / b; exp(ratio) if ratio < inf else log(ratio - inf)")
    assert row.value(1.0, 2.0) == math.exp(0.5)
    assert math.isnan(row.value(1.0, 0.0))
    assert row.value(-1.0, 0.0) == 0.0
    assert row.value(2000.0, 1.0) == math.inf
    assert row(1.0, 2.0) == row.value(1.0, 2.0)

"""A primitive: frozen, and itself however it is copied."""

import copy
import pickle

import pytest

from tinygrad_nn.autograd import primitives


def test_a_row_is_frozen_and_an_identity():
    row = primitives.tanh
    assert pickle.loads(pickle.dumps(row)) is row
    assert copy.deepcopy([row])[0] is row is copy.copy(row)
    assert repr(row) == "<primitive tanh>"
    with pytest.raises(AttributeError, match="cannot be changed"):
        row.name = "other"

"""A column: the operands that operations share are looked at once in a pass, and their gradients are those of each."""

import math
import random

import pytest
from shared import same

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.autograd.column import Column


def test_a_pass_looks_once_at_what_a_layer_shares(monkeypatch):
    looked = []
    refresh = Column.refresh

    def seen(column, zero):
        looked.append(column)
        refresh(column, zero)

    monkeypatch.setattr(Column, "refresh", seen)
    layer = tn.Layer(3, 50, "linear", rng=random.Random(0))
    inputs = [Value(0.5), Value(-0.25), 2.0]
    layer(inputs)  # the first call goes the long way
    tn.sum(layer(inputs)).backward()
    shared = [column for column in looked if column.operands == tuple(inputs)]
    assert len(shared) == 1


@pytest.mark.parametrize("number", [0.5, 0.0, math.inf, math.nan])
def test_gradients_are_those_of_operations_that_share_nothing(number):
    weights = [[Value(0.5 * i - k) for i in range(3)] for k in range(4)]
    told = []
    for share in (True, False):
        x, y = Value(number), Value(-0.75)
        column = (x, y, 2.0)
        rows = [tn.dot(ws, column if share else (*column,), 0.1 * k) for k, ws in enumerate(weights)]
        for value in (ws := [w for row in weights for w in row]):
            value.grad = 0.0
        tn.sum([row * (k + 1.0) for k, row in enumerate(rows)]).backward()
        told.append([x.grad, y.grad, *(w.grad for w in ws)])
    assert all(map(same, *told))

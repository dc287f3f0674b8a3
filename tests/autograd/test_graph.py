"""The recorded graph: ordered data, without a cycle."""

import gc

import tinygrad_nn as tn
from tinygrad_nn.autograd import primitives as table
from tinygrad_nn.autograd.value import Value


def test_the_graph_is_ordered_data():
    a, b = Value(2.0, label="a"), Value(3.0)
    c = a * b
    assert c.op is table.multiply
    assert c.operands == (a, b)
    assert a.op is None
    assert a.operands == ()
    assert (a + a).operands == (a, a)
    assert (a * 2).operands == (a, 2.0)
    assert (2 - a).operands == (2.0, a)
    weights, inputs = [a, b], [1.0, c]
    assert tn.dot(weights, inputs, bias=b).operands == (a, b, 1.0, c, b)


def test_values_are_slotted_and_hold_no_closure_and_no_cycle():
    a = Value(1.0)
    result = (a * 2 + 1).tanh()
    assert not hasattr(result, "__dict__")
    assert not hasattr(a, "__dict__")
    gc.collect()
    gc.disable()
    try:
        for _ in range(100):
            ((a * 2 + 1).tanh() * a).backward()
        del _, result
        assert gc.collect() == 0  # reference counts freed every graph
    finally:
        gc.enable()

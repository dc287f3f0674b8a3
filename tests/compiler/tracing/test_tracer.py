"""Tracing: what a function may not do with a traced value is an error that says what to do."""

import pytest

from tinygrad_nn.compiler.function import compile
from tinygrad_nn.compiler.tracing.traced import TraceError


def test_a_traced_value_outside_its_call():
    kept = []

    def function(x):
        kept.append(x)
        return x * kept[0]

    with pytest.raises(TraceError, match=r"keeps a traced value in kept\[0\]"):
        compile(function)(1.0)
    assert kept == []

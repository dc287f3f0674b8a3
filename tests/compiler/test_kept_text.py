"""Texts of calls on disk: what another process has made of a trace is not derived again, and only what is the same."""

import math
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from own_primitives import soft_sign
from shared import Sources, needed

import tinygrad_nn as tn
from tinygrad_nn import Value

needed("llvm")

from tinygrad_nn.autograd import primitives as table  # noqa: E402
from tinygrad_nn.autograd.rules import is_column  # noqa: E402
from tinygrad_nn.compiler import programs  # noqa: E402
from tinygrad_nn.compiler.backends.llvm import call  # noqa: E402
from tinygrad_nn.compiler.kept_text import kept_text, program_in_words  # noqa: E402
from tinygrad_nn.compiler.program import rewrite  # noqa: E402
from tinygrad_nn.compiler.program.program import Instruction, Program  # noqa: E402


@pytest.fixture
def derived(tmp_path, monkeypatch):
    """The programs that were simplified, which is what a text on disk saves, with a cache of its own."""
    monkeypatch.setenv("TINYGRAD_NN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(call, "AS_LOADED", Sources("these"))
    found = list[Program]()

    def simplify(program):
        found.append(program)
        return rewrite.simplified(program)

    monkeypatch.setattr(programs, "simplified", simplify)
    return found


def oscillator(x, v, times=30, step=0.1):
    for _ in range(times):
        v = v - step * tn.sin(x)
        x = x + step * v
    return x * x + v


def test_what_an_earlier_process_derived_is_not_derived_again(derived):
    first = tn.compile(oscillator, backend="llvm")
    value, gradient = first(0.5, 0.1), first.value_and_grad(0.5, 0.1)
    assert len(derived) == 2
    second = tn.compile(oscillator, backend="llvm")  # as in a process that begins
    assert second.value_and_grad(0.5, 0.1) == gradient
    assert second(0.5, 0.1) == value
    assert len(derived) == 2
    assert "for t in 0..29:" in str(second.program)  # which is derived for whoever asks
    assert len(derived) == 3
    assert second.batch([[0.5, 0.1]] * 3) == [pytest.approx(value)] * 3


@pytest.mark.parametrize(
    "other",
    [
        lambda x, v: oscillator(x, v, 31),
        lambda x, v: oscillator(x, v, step=0.2),
        lambda x, v: oscillator(v, x),
        lambda x, v: oscillator(x, v) * 1.0000000000000002,
        lambda x, v: oscillator(x, v) if x > 0 else v,
        lambda x, v: [oscillator(x, v), oscillator(x, v)],
    ],
)
def test_what_is_another_trace_is(derived, other):
    tn.compile(oscillator, backend="llvm")(0.5, 0.1)
    count = len(derived)
    found = tn.compile(other, backend="llvm")(0.5, 0.1)
    assert len(derived) > count
    assert found == pytest.approx(tn.compile(other, backend="python")(0.5, 0.1))


def test_branches_and_captured_values_are_as_ever(derived):
    weights = [Value(0.5), Value(-2.0), Value(3.0)]

    def function(x):
        return x * weights[2] if x > 1.0 else x - weights[1]

    for _ in range(2):
        f = tn.compile(function, backend="llvm")
        assert [f(2.0), f(0.5), f(3.0)] == [6.0, 2.5, 9.0]
        weights[1].data, weights[2].data = -4.0, 5.0
        assert [f(2.0), f(0.5)] == [10.0, 4.5]
        weights[1].data, weights[2].data = -2.0, 3.0
    assert len(derived) == 2


def test_a_gradient_of_lists_is_refused_as_ever(derived):
    f = tn.compile(lambda x: [x, x], backend="llvm")
    with pytest.raises(TypeError, match="a gradient is of a function that returns one number"):
        f.grad(1.0)


def test_what_is_not_the_code_that_lies_there_keeps_nothing(derived, monkeypatch):
    for said in (None, "these", "others"):
        monkeypatch.setattr(call, "AS_LOADED", Sources(said))
        count = len(derived)
        tn.compile(oscillator, backend="llvm")(0.5, 0.1)
        assert len(derived) == count + 1
    monkeypatch.setattr(call, "AS_LOADED", Sources("these"))
    tn.compile(oscillator, backend="llvm")(0.5, 0.1)
    assert len(derived) == count + 1


def test_ones_own_primitive_is_in_no_words():
    program = Program("p", [0], body=[Instruction(1, table.sin, (0,))], outputs=[1])
    words = program_in_words(program, 1, [1])
    assert words is not None
    assert "sin" in words
    assert words != program_in_words(program, 0, [1])
    assert program_in_words(replace(program, body=[Instruction(1, soft_sign, (0,))]), 1, [1]) is None


def test_without_words_a_text_is_written(derived):
    these: Any = Sources("these")
    for words, text in ((["words", None], "anew"), (["words"], "kept"), (["words", None], "anew"), (["words"], "kept")):
        assert kept_text("calls", lambda: words, these, lambda: text) == text  # noqa: B023
    assert kept_text("calls", lambda: ["words"], these, lambda: "another") == "kept"


@pytest.mark.parametrize("name", table.TABLE)
def test_a_derivative_follows_from_the_words_of_a_trace_alone(name):
    """Whatever the numbers are of which it was made: so a text may be kept by the words."""
    row, found = table.TABLE[name], set()

    def function(*xs):
        operands = tuple([xs if is_column(operand) else xs[k % len(xs)] for k, operand in enumerate(row.operands)])
        return xs[0]._tracer.record(row, operands)

    for numbers in product([0.0, 1.0] if row is table.take else [0.0, -1.0, 2.0, math.nan], repeat=2):
        program = tn.compile(function, backend="python").traced(*numbers).gradient
        assert program.guards == []
        found.add(program_in_words(program, len(program.body), program.outputs))
    assert len(found) == 1

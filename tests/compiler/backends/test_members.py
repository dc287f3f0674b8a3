"""Members of a tile as one long vector: the same bits as member by member, a formula written once, in lanes of any
number."""

import random
from itertools import pairwise

import pytest

import tinygrad_nn as tn
from tinygrad_nn.autograd.primitives import TABLE
from tinygrad_nn.compiler.backends.llvm import engine as native
from tinygrad_nn.compiler.backends.llvm import members, transpose
from tinygrad_nn.compiler.backends.llvm.call import NativeProgram
from tinygrad_nn.compiler.backends.llvm.functions import is_lanewise
from tinygrad_nn.compiler.backends.llvm.ir import Block, Kind
from tinygrad_nn.compiler.backends.llvm.printer import Printer
from tinygrad_nn.compiler.function import compile
from tinygrad_nn.compiler.target import Target

numpy = pytest.importorskip("numpy", reason="numpy is not installed")
pytest.importorskip("llvmlite", reason="llvmlite is not installed")


def sine_of_twice(v):
    """A lone member's function of what is in a long vector."""
    return tn.sin(2.0 * v) * 0.5


ACTIVATIONS = ["relu", "tanh", "sigmoid", "silu", "softplus", "gelu", "elu", tn.sin, sine_of_twice]


def gradient_of(sizes, activation):
    """The value and the gradient of a network, as a rolled program of its inputs."""
    model = tn.MLP(sizes[0], sizes[1:], activation, rng=random.Random(sum(sizes)))
    model.layers[0].neurons[0].weights[0].data = 1e9  # so that what is dear for a member is not for those beside it
    f = compile(lambda xs: sum(y * y for y in model(xs)), backend="llvm")
    f.grad([0.5] * sizes[0])
    return f.gradient_program


def outputs_of(program, target, lone, monkeypatch):
    with monkeypatch.context() as patched:
        if lone:
            patched.setattr(members, "pieces", lambda count, most: [(k, 1) for k in range(count)])
        native.native.cache_clear()
        rows = numpy.random.default_rng(5).normal(size=(21, program.sizes[0]))
        return NativeProgram(program, target)(rows.astype(target.dtype))[0]


@pytest.mark.parametrize("sizes", [(3, 8, 2), (2, 5, 7, 3), (1, 19, 2)], ids=str)
@pytest.mark.parametrize("activation", ACTIVATIONS, ids=lambda given: getattr(given, "__name__", str(given)))
def test_long_vectors_come_to_the_bits_of_lone_members(activation, sizes, monkeypatch):
    dtype = "float32" if sizes[0] == 2 else "float64"
    program, target = gradient_of(sizes, activation), Target("llvm", dtype=dtype)
    long, lone = (outputs_of(program, target, alone, monkeypatch) for alone in (False, True))
    assert numpy.array_equal(long, lone, equal_nan=True)


def test_a_formula_is_written_once_for_a_tile():
    text = Printer(gradient_of((2, 16, 16, 2), "tanh"), 8).text
    assert text.count("call <64 x double> @tn.tanh.v64f64(") == 2
    assert "@tn.tanh.v8f64" not in text
    assert "@tn.tanh.f64" not in text


def test_what_a_lane_is_does_not_hang_on_the_others():
    """A primitive that calls the C library, or does for all lanes what one of them needs, is no long vector."""
    unlike = {name for name, row in TABLE.items() if not row.folds and not is_lanewise(row)}
    assert {"power", "sin", "cos", "tan"} <= unlike
    assert not {"add", "divide", "tanh", "exp", "erf", "relu", "sigmoid", "maximum", "where"} & unlike


@pytest.mark.parametrize("most", [1, 4, 32])
@pytest.mark.parametrize("count", range(1, 20))
def test_pieces(count, most):
    found = members.pieces(count, most)
    assert [first for first, _ in found] == [0, *(first + size for first, size in found[:-1])]
    assert sum(size for _, size in found) == count
    assert all(size.bit_count() == 1 for _, size in found)
    assert all(a > b or a == most for (_, a), (_, b) in pairwise(found))
    assert all(size <= most for _, size in found)


@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize("lanes", [1, 2, 4, 8, 16])
def test_turned_rows_are_lanes(monkeypatch, lanes, single):
    """Rows, as many as a vector has lanes, are turned so that lane i is of row i, however many numbers each has."""
    known: dict[str, list[tuple[int, int]]] = {}

    def named(numbers):
        known[name := f"%v{len(known)}"] = numbers
        return name

    monkeypatch.setattr(transpose, "joined", lambda b, parts: named([n for part in parts for n in known[part]]))
    picked = lambda b, kind, one, other, lanes: named([(known[one] + known[other])[lane] for lane in lanes])  # noqa: E731
    monkeypatch.setattr(transpose, "picked", picked)
    b = Block(Kind(lanes, single))
    m = transpose.columns_at_once(b.kind)
    rows = [named([(i, j) for j in range(m)]) for i in range(lanes)]
    assert [known[vector] for vector in transpose.turned(b, rows)] == [[(i, j) for i in range(lanes)] for j in range(m)]

"""Random source with loops over time: the engine, the interpreters and Python to the bit, all else within rounding."""

import ctypes
import math
from dataclasses import replace
from functools import partial

import pytest
from c_files import UNUSED, c_of, library, needs_cc
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loop_texts import Arithmetic, program
from programs import bits
from shared import needed, same

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.compiler.backends.backend import chosen
from tinygrad_nn.compiler.backends.c.over_time.sums import with_sums
from tinygrad_nn.compiler.backends.python.function import compiled_loops
from tinygrad_nn.compiler.loops.find import repeats_in
from tinygrad_nn.compiler.loops.repeats import run, verify
from tinygrad_nn.compiler.loops.roll import rolled
from tinygrad_nn.compiler.program.program import OffPath
from tinygrad_nn.support.nested import leaves, mapped

ROWS = 9  # of a batch: a vector of lanes and a rest


def results(function, arguments):
    """What the engine gives: all results, and the derivatives of the first."""
    values = mapped(arguments, Value)
    found = function(*values)
    (found[0] + 0.0 * values[2]).backward()
    return [x.data if isinstance(x, Value) else x for x in found], [x.grad for x in leaves(values)]


def programs(function, arguments):
    """All results, and the first with its derivatives, as flat programs."""
    several = tn.compile(function, backend="python")
    first = tn.compile(lambda *given: function(*given)[0] + 0.0 * given[2], backend="python")
    return several.traced(*arguments).value, first.traced(*arguments).gradient


def outcome(call):
    try:
        return call()
    except OffPath:
        return None


def agree(found, wanted, close=bits):
    """Nothing is said of a row that leaves the path, but that it does."""
    assert (found is None) is (wanted is None)
    assert found is None or all(map(close, found, wanted)), (found, wanted)


def nearly(a, b, bound=1e-8):
    return same(a, b) or (math.isfinite(a) and abs(a - b) <= bound * max(1.0, abs(a), abs(b)))


def tame(numbers):
    """Whether rounding does not decide what comes out."""
    return numbers is None or not any(abs(number) > 1e6 or math.isnan(number) for number in numbers)


def in_loops(flat, row):
    """The program with its repeats, by each interpreter and in Python."""
    wanted, values = flat.run(row), [value.data for value in flat.parameters.values()]
    body = repeats_in(flat)
    verify(flat, body)
    held = dict(zip(flat.inputs, row, strict=True)) | flat.literals | dict(zip(flat.parameters, values, strict=True))
    run(body, held)
    agree([held[slot] for slot in flat.outputs], wanted)
    agree(rolled(flat).run(row, values), wanted)
    agree(compiled_loops(flat, body)(row), wanted)
    return wanted


def on_rows(flat, row, made, target, bound):
    """A batch, of which some rows are otherwise."""
    import numpy as np

    rows = np.array([row] * ROWS)
    rows[3:] *= 1.001
    outputs, on_path = made(target.array(rows))
    for k in (0, 4):
        wanted = outcome(partial(flat.run, rows[k].tolist()))
        if tame(wanted) and (bound < 1e-6 or (on_path[k] and tame(outputs[k].tolist()))):
            agree(outputs[k].tolist() if on_path[k] else None, wanted, partial(nearly, bound=bound))


def on_machine(flat, row):
    from tinygrad_nn.compiler.backends.llvm.call import NativeProgram, native_call

    roll = rolled(flat)
    for exact in (False, True):
        agree(native_call(roll, chosen("llvm", exact=exact)).run(row), flat.run(row), nearly)
    for dtype, bound in (("float64", 1e-8), ("float32", 3e-2)):
        on_rows(flat, row, NativeProgram(roll, target := chosen("llvm", dtype)), target, bound)


def on_arrays(flat, row):
    """With all loops over time that there are, and with those that are chosen."""
    from tinygrad_nn.compiler.backends.array.rows import ArrayProgram, in_loops

    for roll in (rolled(flat), in_loops(flat)):
        on_rows(flat, row, ArrayProgram(roll, target := chosen("array")), target, 1e-8)


@given(st.integers(0, 10**9))
@settings(max_examples=8, deadline=None)
def test_the_engine_the_interpreters_and_python(seed):
    text, function, arguments = program(seed)
    several, derivatives = results(function, arguments)
    row = list(leaves(arguments))
    flat, gradient = programs(function, arguments)
    assert all(map(bits, in_loops(flat, row), several)), text
    assert all(map(bits, in_loops(gradient, row)[1:], derivatives)), text
    assert all(map(bits, tn.compile(function, backend="python")(*arguments), several)), text


def on_each(seed, backend):
    needed(backend)
    text, function, arguments = program(seed)
    row = list(leaves(arguments))
    for flat in programs(function, arguments):
        if tame(flat.run(row)):
            try:
                {"llvm": on_machine, "array": on_arrays}[backend](flat, row)
            except AssertionError as error:
                raise AssertionError(text) from error


@pytest.mark.parametrize("backend", ["llvm", "array"])
@pytest.mark.parametrize("seed", [16, 52])  # which came out otherwise once
def test_each_back_end(seed, backend):
    on_each(seed, backend)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["llvm", "array"])
@given(seed=st.integers(0, 10**9))
@settings(max_examples=15, deadline=None)
def test_more_on_each_back_end(seed, backend):
    on_each(seed, backend)


def exactly(seed):
    """Arithmetic in machine code, with every rounding the engine's: one row, and a vector of rows and a rest."""
    pytest.importorskip("llvmlite")
    import numpy as np

    from tinygrad_nn.compiler.backends.llvm.call import NativeProgram, native_call

    text, function, arguments = program(seed, Arithmetic())
    row, target = list(leaves(arguments)), chosen("llvm", exact=True)
    for flat in programs(function, arguments):
        wanted, roll = flat.run(row), rolled(flat)
        assert all(map(bits, native_call(roll, target).run(row), wanted)), text
        outputs, _ = NativeProgram(roll, target)(np.array([row] * ROWS))
        for k in (0, ROWS - 1):
            assert all(map(bits, outputs[k].tolist(), wanted)), text


def test_arithmetic_exactly():
    exactly(27)


@pytest.mark.slow
@given(seed=st.integers(0, 10**9))
@settings(max_examples=8, deadline=None)
def test_more_arithmetic_exactly(seed):
    exactly(seed)


@pytest.mark.parametrize("backend", ["llvm", "array", "python"])
def test_a_loop_that_knows_no_row(backend):
    """It runs once before all rows, on the same numbers for all lanes."""
    needed(backend)
    weight = Value(0.9)

    def discounted(x):
        factor = 0.5
        for k in range(40):
            factor = tn.tanh(factor * weight + 0.01 * k)
        return x * factor

    rows = [[0.1 * k] for k in range(40)]
    expected = [discounted(Value(x)).data for (x,) in rows]
    assert tn.compile(discounted, backend=backend).batch(rows) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("backend", ["llvm", "array", "python"])
def test_numbers_of_no_row_laid_side_by_side_in_a_loop_over_rows(backend):
    """What an inner loop reads out of order is the same for all lanes."""
    needed(backend)
    read = [0.5, 0.25, 0.125, 0.5, 0.75, 0.25, 0.5, 0.125, 0.625, 0.75]

    def nest(x):
        for _ in range(12):
            inner = 0.1
            for number in read:
                inner = tn.tanh(inner * x - number)
            x = tn.sin(x + inner)
        return x

    rows = [[0.1 * k] for k in range(40)]
    expected = [nest(Value(x)).data for (x,) in rows]
    assert tn.compile(nest, backend=backend).batch(rows) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("backend", ["llvm", "array", "python"])
def test_sums_over_what_was_before_the_first(backend):
    """A dot of no products, beside literals."""
    needed(backend)

    def attending(x):
        seen = list[Value]()
        for _ in range(3):
            x = tn.dot([0.25 for _ in seen], seen, x) * 0.5
            seen.append(x)
        return x

    assert tn.compile(attending, backend=backend).batch([[1.0]] * 3) == [0.2578125] * 3


@needs_cc
def test_in_c(tmp_path):
    in_c([18, 52, 57], tmp_path)
    in_c([3, 7], tmp_path, Arithmetic(), bits)


@needs_cc
@pytest.mark.slow
@given(seeds=st.lists(st.integers(0, 10**9), min_size=10, max_size=10))
@settings(max_examples=2, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_more_in_c(seeds, tmp_path):
    in_c(seeds[:5], tmp_path)
    in_c(seeds[5:], tmp_path, Arithmetic(), bits)


def in_c(seeds, folder, library_of=tn, close=nearly):
    """Each compiled without what reorders sums."""
    made, texts = list[tuple[list[float], list[float]]](), list[str]()
    for seed in seeds:
        _, function, arguments = program(seed, library_of)
        for flat in programs(function, arguments):
            values = [value.data for value in flat.parameters.values()]
            row = [*leaves(arguments), *values]
            given_ = replace(flat, inputs=[*flat.inputs, *flat.parameters], parameters={})
            texts.append(c_of(*with_sums(given_), name=f"made{len(made)}")[0])
            made.append((row, given_.run(row)))
    loaded = library("\n".join(texts), folder, "-O0", *UNUSED)
    for k, (row, wanted) in enumerate(made):
        into = (ctypes.c_double * len(wanted))()
        getattr(loaded, f"made{k}")((ctypes.c_double * len(row))(*row), into)
        if tame(wanted):
            agree(list(into), wanted, close)

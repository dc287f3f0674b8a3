"""What people write with a `for` over time, whole: listings, machine code and arrays have the loop that was written."""

import math
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loop_plans import arguments, recurrences, written_out
from natural_loops import garch, numbers, predator_and_prey, recurrent_net
from over_time import WRITTEN
from programs import bits
from shared import needed, same

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.compiler.backends.backend import chosen, named
from tinygrad_nn.compiler.backends.llvm import call
from tinygrad_nn.compiler.loops import find
from tinygrad_nn.compiler.loops.find import repeats_in
from tinygrad_nn.compiler.loops.recurrences import recurrences as recurrences_in
from tinygrad_nn.compiler.loops.roll import rolled
from tinygrad_nn.compiler.program.program import OffPath
from tinygrad_nn.compiler.target import MOST_GROUPS
from tinygrad_nn.support.nested import leaves, mapped

BACKENDS = ["python", "llvm", "array"]


def of_times(name, times):
    """A function whose loop runs so many times, and its arguments."""
    rng = random.Random(3)
    shapes = (times,), (8, 8), (8,), (8,), (8,)

    def simulated(x, y, a, b, c, d):
        return predator_and_prey(x, y, a, b, c, d, times)

    found: dict[str, tuple[Any, list[Any]]] = {
        "predator and prey": (simulated, [1.0, 1.0, 1.1, 0.4, 0.4, 0.1]),
        "returns": (garch, [numbers(rng, times), 0.01, 0.1, 0.8]),
        "recurrent": (recurrent_net, [numbers(rng, *shape) for shape in shapes]),
    }
    return found[name]


def listed(function, arguments):
    f = tn.compile(function, backend="python")
    f.value_and_grad(*arguments)
    return str(f.gradient_program).splitlines()


@pytest.mark.parametrize(("name", "most"), [("predator and prey", 300), ("returns", 60), ("recurrent", 40)])
def test_a_listing_is_as_long_for_many_steps_as_for_some(name, most):
    some, many = (listed(*of_times(name, times)) for times in (30, 47))
    assert len(some) == len(many) <= most
    assert "    for t in 0..46:" in [line[:19] for line in many] or "    for t in 0..45:" in [
        line[:19] for line in many
    ]
    assert max(map(len, many)) < 400


@pytest.mark.parametrize("name", ["predator and prey", "returns", "recurrent"])
def test_what_is_compiled_is_as_much_for_many_steps_as_for_some(name):
    counts = set()
    for times in (30, 47):
        function, given_ = of_times(name, times)
        program = tn.compile(function, backend="python").traced(*given_).gradient
        roll = rolled(program, repeats_in(program))
        counts.add(roll.groups_written)
        assert len(roll.groups) < roll.groups_written <= MOST_GROUPS
    assert len(counts) == 1


@pytest.mark.parametrize("name", ["predator and prey", "returns", "recurrent"])
def test_machine_code_equals_the_engine(name):
    pytest.importorskip("llvmlite")
    function, arguments = of_times(name, 30)
    expected_value, expected = tn.compile(function, backend="python").value_and_grad(*arguments)
    value, flows = tn.compile(function, backend="llvm").value_and_grad(*arguments)
    assert value == pytest.approx(expected_value, rel=1e-12)
    for found, wanted in zip(flows, expected, strict=True):
        assert_close(found, wanted)


def assert_close(found, wanted):
    if isinstance(wanted, list):
        assert len(found) == len(wanted)
        for a, b in zip(found, wanted, strict=True):
            assert_close(a, b)
    else:
        assert found == pytest.approx(wanted, rel=1e-10, abs=1e-13)


def agree_on_random_loops(backend, plan, times, seed):
    """One row and several, value and gradient: as the flat program, which knows no loops."""
    f, given_ = tn.compile(written_out(plan, times), backend="python"), arguments(times, seed)
    f(*given_)
    path, row, target = f.latest_paths()[0], [float(x) for x in leaves(given_)], chosen(backend)
    close = same if backend == "python" else nearly
    for program in (path.value, path.gradient):
        wanted = program.run(row)
        if any(abs(number) > 1e6 or math.isnan(number) for number in wanted):
            continue  # where rounding decides
        made = named(backend)
        if made.call is not None:
            assert all(map(close, made.call(program, target)(row), wanted))
        if made.rows is None:
            continue
        import numpy as np

        rows = np.array([row, [x * 1.001 for x in row]] * 5)
        outputs, on_path = made.rows(program, target)(rows)
        for k in (0, 1, 9):
            try:
                wanted = program.run(rows[k].tolist())
            except OffPath:
                assert not on_path[k]
                continue
            assert on_path[k]
            assert all(map(close, outputs[k].tolist(), wanted))


def nearly(a, b):
    return same(a, b) or (math.isfinite(a) and abs(a - b) <= 1e-8 * max(1.0, abs(a), abs(b)))


@pytest.mark.parametrize("backend", BACKENDS)
@given(plan=recurrences(irregular=True), times=st.sampled_from([3, 9, 13]), seed=st.integers(0, 5))
@settings(max_examples=4, deadline=None)
def test_random_loops_on_each_back_end(backend, plan, times, seed):
    needed(backend)
    agree_on_random_loops(backend, plan, times, seed)


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
@given(plan=recurrences(irregular=True), times=st.integers(1, 30), seed=st.integers(0, 5))
@settings(max_examples=100, deadline=None)
def test_longer_random_loops_on_each_back_end(backend, plan, times, seed):
    needed(backend)
    agree_on_random_loops(backend, plan, times, seed)


def test_what_is_irregular_is_searched_once(monkeypatch):
    """With "auto", machine code is not worth it, and Python is given what was found."""
    pytest.importorskip("llvmlite")
    rng = random.Random(1)
    plan = [(rng.randrange(4), [rng.randrange(20) for _ in range(3)]) for _ in range(900)]

    def irregular(xs):
        pool = list(xs)
        for kind, places in plan:
            a, b, c = (pool[-1 - place] for place in places)
            pool.append([tn.sin(a), a * b + c, tn.maximum(a, b), tn.tanh(a - b)][kind])
        return pool[-1]

    searched, search = list[int](), recurrences_in

    def counted(body, made):
        searched.append(len(body))
        return search(body, made)

    monkeypatch.setattr(find, "recurrences", counted)
    monkeypatch.setattr(call, "rolled", lambda *args: pytest.fail("rolled for nothing"))
    counts = list[int]()
    for backend in ("python", "auto"):
        searched.clear()
        tn.compile(irregular, backend=backend).value_and_grad(numbers(rng, 20))
        counts.append(len(searched))
    assert counts[0] == counts[1] > 0


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("function", WRITTEN)
def test_what_people_write(function, backend):
    """One call and many rows, with gradients: as the engine, on Python to the bit."""
    needed(backend)
    given_ = WRITTEN[function]
    values = mapped(given_, Value)
    expected = function(*values)
    expected.backward()
    wanted = [expected.data, *[value.grad for value in leaves(values)]]
    f = tn.compile(function, backend=backend)
    value, flows = f.value_and_grad(*given_)
    assert all(map(bits if backend == "python" else nearly, [value, *leaves(flows)], wanted))
    all_values, all_flows = f.batch([given_] * 9, gradients=True)
    assert all(map(nearly, [all_values[8], *leaves(all_flows[8])], wanted))

"""Loops over time in Python: the same numbers as the program's own, to the bit, and a `for` in the source."""

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loop_plans import arguments, recurrences
from loop_plans import written_out as of_plan
from natural_loops import garch
from repeats import PROGRAMS, guarded, plainly, written_out
from shared import same

import tinygrad_nn as tn
from tinygrad_nn.compiler.backends.python import scopes
from tinygrad_nn.compiler.backends.python.function import compiled_loops, found_loops
from tinygrad_nn.compiler.loops.find import repeats_in
from tinygrad_nn.compiler.program.program import OffPath
from tinygrad_nn.support.nested import leaves


def predator_and_prey(x, y, a, b, c, d, steps=150):
    def slope(x, y):
        return a * x - b * x * y, -c * y + d * x * y

    for _ in range(steps):
        k = slope(x, y)
        l = slope(x + 0.01 * k[0], y + 0.01 * k[1])
        x, y = x + 0.02 * l[0], y + 0.02 * l[1]
    return x * x + y * y


def returns(days):
    rng = random.Random(1)
    return [[rng.gauss(0.0, 0.1) for _ in range(days)], 0.01, 0.1, 0.8]


def agree(program, body, inputs):
    """The loops give the bits of the program, or leave the path where it does."""
    run = compiled_loops(program, body)
    try:
        expected = program.run(inputs)
    except OffPath as error:
        with pytest.raises(OffPath, match=str(error)):
            run(inputs)
        return
    assert all(map(same, expected, run(inputs)))


@pytest.mark.parametrize("name", PROGRAMS)
def test_hand_made_repeats(name):
    program, body = PROGRAMS[name]
    program = replace(program, body=written_out(program, body).body)
    inputs = [0.1 + 0.01 * (k * 7 % 50) for k in range(len(program.inputs))]
    assert list(compiled_loops(program, body)(inputs)) == plainly(program, body, inputs)


def test_a_guard_in_an_iteration_leaves_the_path():
    program, body = guarded()
    run = compiled_loops(replace(program, body=written_out(program, body).body), body)
    assert list(run([0.5, 2.0, 3.0, 9.0])) == plainly(program, body, [0.5, 2.0, 3.0, 9.0])
    with pytest.raises(OffPath, match="here"):
        run([2.0, 2.0, 3.0, 7.0])


def test_random_loops():
    check_random_loops(20)


@pytest.mark.slow
def test_many_random_loops():
    check_random_loops(400)


def check_random_loops(examples):
    @given(recurrences(irregular=True), st.integers(1, 20), st.integers(0, 5))
    @settings(max_examples=examples, deadline=None)
    def check(plan, times, seed):
        args = arguments(times, seed)
        f = tn.compile(of_plan(plan, times), backend="python")
        f.value_and_grad(*args)
        path = f.traced(*args)
        for program in (path.value, path.gradient):
            body = repeats_in(program)
            agree(program, body, list(leaves(args)))
            agree(program, body, list(leaves(arguments(times, seed + 1))))

    check()


def test_a_long_program_is_a_loop():
    lengths = []
    for days in (300, 400):
        f = tn.compile(garch, backend="python")
        args = returns(days)
        value, flows = f.value_and_grad(*args)
        assert value == garch(*args)
        inputs = [[tn.Value(x) for x in args[0]], *map(tn.Value, args[1:])]
        assert flows == tn.grad(garch(*inputs), inputs)
        lengths.append(f.source(gradient=True).count("\n"))
        assert " in zip(" in f.source(gradient=True)
    assert lengths[0] == lengths[1] < 70


def test_what_python_refuses_is_computed_all_the_same():
    f = tn.compile(predator_and_prey, backend="python")
    start = [1.0, 1.0, 1.1, 0.4, 0.4, 0.1]
    f.value_and_grad(*start)
    assert "for _ in range(1" in f.source(gradient=True)
    g = tn.compile(garch, backend="python")
    args = returns(300)
    g.value_and_grad(*args)
    args[0][40], args[1:] = 0.0, [0.0, 0.0, 0.0]  # a variance of 0, and what is divided by it
    value, flows = g.value_and_grad(*args)
    path = g.traced(*args)
    assert all(map(same, [value, *leaves(flows)], path.gradient.run(list(leaves(args)))))


def test_captured_values_are_read_at_every_call():
    weight, bias = tn.Value(0.5), tn.Value(0.1)

    def wave(x):
        for _ in range(800):
            x = tn.tanh(weight * x + bias) * 1.5
        return x

    f = tn.compile(wave, backend="python")
    for weight.data in (0.5, 0.9, -0.3):
        assert f(0.3) == wave(0.3)
        assert f.grad(0.3)[0] == tn.derivative(wave, 0.3)
    assert found_loops(f.traced(0.3).gradient) is not None


def test_a_short_program_is_written_out():
    f = tn.compile(garch, backend="python")
    f.value_and_grad(*returns(100))
    assert found_loops(f.traced(*returns(100)).gradient) is None
    assert " in zip(" not in f.source(gradient=True)


def test_a_planted_fault_is_caught(monkeypatch):
    right = scopes._loop
    monkeypatch.setattr(scopes, "_loop", lambda *given: right(*given).replace("inputs[", "inputs[-1 + "))
    with pytest.raises(AssertionError):
        test_hand_made_repeats("neurons")

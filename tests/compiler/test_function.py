"""Compiled functions: eager, interpreter and the python back end agree in bits; nothing is ever silently wrong."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import KINDS, ROWS, bits, corner_call, corner_rows, eager, extended, plans
from shared import load_example, same

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.autograd.primitives import TABLE
from tinygrad_nn.compiler.backends.python import expressions
from tinygrad_nn.compiler.backends.python import function as python
from tinygrad_nn.compiler.function import PathError, compile
from tinygrad_nn.compiler.program.program import Guard, Instruction, OffPath, Program, ProgramError
from tinygrad_nn.compiler.tracing.traced import TraceError

expression = load_example("expression").expression  # that of micrograd's README


def agree(function, numbers):
    """Eager, interpreter and python give the same bits."""
    value, gradients = eager(function, numbers)
    compiled = compile(function)
    got, flows = compiled.value_and_grad(*numbers)
    assert bits(got, value), (got, value)
    assert all(map(bits, flows, gradients)), (flows, gradients)
    assert bits(compiled(*numbers), value)
    interpreted = compiled.gradient_program.flat.run(numbers)
    assert all(map(bits, interpreted, [value, *gradients])), (interpreted, value, gradients)


def test_the_readme_expression():
    f = compile(expression)
    assert f(-4.0, 2.0) == 24.70408163265306
    assert f.value_and_grad(-4.0, 2.0) == (24.70408163265306, [138.83381924198252, 645.5772594752186])
    assert f.grad(-4, 2) == [138.83381924198252, 645.5772594752186]
    agree(expression, [-4.0, 2.0])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_primitive_at_its_corners(row):
    for numbers in corner_rows(row):
        agree(corner_call(row), numbers)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_random_programs(data):
    numbers = data.draw(st.lists(st.floats(-3, 3), min_size=2, max_size=3))
    captured = Value(data.draw(st.floats(-2, 2)))
    plan = data.draw(plans(KINDS, most=14))

    def function(*scalars):
        return extended([*scalars, captured, 0.5, -2.0], plan)[-1] + 0.0 * scalars[0]

    agree(function, numbers)
    captured.data = captured.data + 1.0
    agree(function, numbers)


def test_a_branch_that_flips_is_another_path():
    def function(x):
        return x * 2.0 if x > 0.0 else -x

    f = compile(function)
    assert [f(3.0), f(-3.0), f(3.0), f(0.0), f(math.nan)] == [6.0, 3.0, 6.0, 0.0, pytest.approx(math.nan, nan_ok=True)]
    assert f.batch([[1.0], [-1.0], [2.0]], gradients=True) == ([2.0, 1.0, 4.0], [[2.0], [-1.0], [2.0]])
    assert "2 programs" in repr(f)
    with pytest.raises(OffPath):
        f.program.run([-3.0], [])


def test_branches_by_equality():
    def function(x):
        if x == 2.0:
            return x + 100.0
        if x != 3.0 and x == 0:
            return x + 10.0
        return x

    f = compile(function)
    assert [f(1.0), f(2.0), f(3.0), f(0.0), f(2.0)] == [1.0, 102.0, 3.0, 10.0, 102.0]


def test_captured_values_are_read_at_each_call():
    w, threshold = Value(2.0), Value(0.5)
    shared = w * 3.0  # recorded before, computed again at each call

    def function(x):
        return x * w + shared if w > threshold else x - w

    f = compile(function)
    assert f(1.0) == 8.0
    w.data = 4.0
    assert f(1.0) == 16.0
    assert f.grad(1.0) == [4.0]
    threshold.data = 5.0  # a comparison of captured Values alone is a guard, too
    assert f(1.0) == -3.0
    assert (w.grad, threshold.grad) == (0.0, 0.0)


def test_lists_and_their_lengths():
    def function(xs, scale):
        return tn.sum([x * x for x in xs]) * scale

    f = compile(function)
    assert f([1.0, 2.0], 2.0) == 10.0
    assert f([1.0, 2.0, 3.0], 1.0) == 14.0
    assert f.grad([1.0, 2.0], 2.0) == [[4.0, 8.0], 5.0]
    assert f((1, 2), 2) == 10.0
    nested = compile(lambda m: [[m[0][0] * 2.0, m[0][1]], m[1][0]])
    assert nested([[1.0, 2.0], [3.0]]) == [[2.0, 2.0], 3.0]


def test_a_model_with_its_loss():
    model = tn.MLP(2, [3, 2], activation="sigmoid", rng=random.Random(1))

    def loss(x1, x2):
        return tn.losses.squared_error(model([x1, x2]), [1.0, 0.0])

    agree(loss, [0.3, -0.7])
    f = compile(loss)
    f(0.3, -0.7)
    assert "# layer 1, neuron 2" in f.source()
    assert "z1.1 = dot [w1.1.1, w1.1.2] [x1, x2] b1.1" in str(f.program)
    model.layers[0].neurons[0].weights[0].data += 1.0
    assert f(0.3, -0.7) == loss(Value(0.3), Value(-0.7)).data


def test_values_record_a_compiled_function_and_compiled_functions_nest():
    f = compile(lambda x, y: x * y + tn.sin(x))
    a, b = Value(2.0), Value(3.0)
    result = f(a, b) * 2.0
    result.backward()
    assert (result.data, b.grad) == (2.0 * f(2.0, 3.0), 4.0)
    outer = compile(lambda x: f(x, x) + 1.0)
    assert outer(2.0) == f(2.0, 2.0) + 1.0
    assert outer.grad(2.0) == pytest.approx([sum(f.grad(2.0, 2.0))])
    with pytest.raises(TypeError, match=r"give v.data for its number, or call lambda\(...\) itself"):
        f.grad(a, b)


def test_arrays_in_arrays_out():
    numpy = pytest.importorskip("numpy", reason="numpy is not installed")
    f = compile(lambda x, y: x * y)
    values, gradients = f.batch(numpy.array([[1.0, 2.0], [3.0, 4.0]]), gradients=True)
    assert values.tolist() == [2.0, 12.0]
    assert gradients.tolist() == [[2.0, 1.0], [4.0, 3.0]]
    assert f(numpy.float64(2.0), 3) == 6.0
    for backend in ("python", "array"):
        f = compile(lambda xs, y: y * xs[0] + xs[1], backend=backend)
        for point in (numpy.array([5.0, 2.0]), numpy.array([5, 2])):
            of_array, of_number = f.grad(point, 3.0)
            assert type(of_array) is numpy.ndarray
            assert of_array.tolist() == [3.0, 1.0]
            assert of_number == 5.0
        (slopes,) = compile(lambda xs: xs[0][1] * xs[1][0], backend=backend).grad(numpy.array([[1.0, 2.0], [3.0, 4.0]]))
        assert slopes.tolist() == [[0.0, 3.0], [2.0, 0.0]]


def test_a_planted_fault_is_caught(monkeypatch):
    """The differential test fails where a spelling differs from the table, or an order of sums."""
    spelling, *tightness = expressions.SPELLINGS["multiply"]
    monkeypatch.setitem(expressions.SPELLINGS, "multiply", (f"{spelling} * 1.0000000000000002", *tightness))
    with pytest.raises(AssertionError):
        agree(expression, [-4.0, 2.0])


def test_second_derivatives():
    def slope(x, y):
        return tn.grad(x**3 * tn.sin(y), x, create_graph=True)

    f = compile(slope)
    expected = tn.hessian(lambda v: v[0] ** 3 * tn.sin(v[1]))([2.0, 0.5])[0]
    assert f.grad(2.0, 0.5) == pytest.approx(expected, rel=1e-15)
    w = Value(3.0)
    penalty = compile(lambda x: tn.grad(w * w * x, w, create_graph=True) ** 2)
    assert penalty(2.0) == 144.0
    w.data = 1.0
    assert penalty(2.0) == 16.0
    constant = compile(lambda x: tn.grad(x * x, x) * x)
    assert constant.value_and_grad(3.0) == (18.0, [6.0])


def test_sums_of_products_become_a_dot():
    f = compile(lambda a, b, c, d: 1.0 + a * b + c * d)
    f(1.0, 2.0, 3.0, 4.0)
    assert [entry.primitive.name for entry in f.program.flat.instructions] == ["dot"]
    used = compile(lambda a, b, c: (a * b + b * c) * (a * b))
    used(1.0, 2.0, 3.0)
    assert "dot" not in str(used.program)


def test_rewrites_keep_the_signs_of_zeros():
    for function in (lambda x: x + 0.0, lambda x: x - 0.0, lambda x: 0.0 + x, lambda x: x * 1.0, lambda x: 1.0 * x):
        f = compile(function)
        for number in (0.0, -0.0, 1.5, math.inf, math.nan):
            assert same(f(number), function(Value(number)).data)
    f = compile(lambda x: x * 1.0 / 1.0 - 0.0)
    f(2.0)
    assert f.program.flat.instructions == []


def test_the_program_prints_and_checks_itself():
    f = compile(lambda x, y: tn.exp(x) * y if x < y else x)
    f(1.0, 2.0)
    told = str(f.program).splitlines()
    assert told[0] == "lambda(x, y)"
    assert told[1].startswith("    if not (x < y): another path    # ")
    assert "test_function.py:" in told[1]
    assert told[2:] == ["    v2 = exp x", "    v3 = multiply v2 y", "    return v3"]
    row = TABLE["add"]
    for program, words in (
        (Program("p", [0], outputs=[1]), "the output slot 1 is never set"),
        (Program("p", [0], body=[Instruction(1, row, (0, 2))]), "slot 2 is read before it is set"),
        (Program("p", [0], body=[Instruction(0, row, (0, 0))]), "slot 0 is set twice"),
        (Program("p", [0], body=[Instruction(1, row, (0,))]), "add takes 2 operands"),
        (Program("p", [0], body=[Instruction(1, row, (0, (0,)))]), "operand b of add is no such thing"),
        (Program("p", [0], body=[Guard(0, "<", 3, True, "here")]), "slot 3 is read before it is set"),
        (Program("p", [0, 0]), "a slot is given twice"),
    ):
        with pytest.raises(ProgramError, match=words):
            program.verify()


def test_the_source_is_plain_python():
    f = compile(expression)
    f(-4.0, 2.0)
    names = dict(python.NAMESPACE)
    exec(f.source(gradient=True), names)
    assert names["expression"](-4.0, 2.0) == (24.70408163265306, 138.83381924198252, 645.5772594752186)
    odd = compile(lambda x: x * Value(2.0, label="class") + Value(1.0, label="exp") * Value(3.0, label="b\n1"))
    assert odd(1.0) == 5.0
    assert "class" not in odd.source().replace("v_class", "")


def test_every_primitive_has_a_spelling():
    for row in TABLE.values():
        assert row.name in expressions.SPELLINGS or row.name in python.NAMESPACE or row.name == "dot", row


def test_wide_dots_compile():
    n = 3000
    ws = [Value(0.001 * i) for i in range(n)]
    f = compile(lambda x: tn.dot(ws, [x] * n))
    assert f(1.5) == tn.dot(ws, [Value(1.5)] * n).data


def test_the_cost_of_a_gradient():
    """At most five times the operations of the value, for functions of many inputs."""
    model = tn.MLP(8, [8, 1], rng=random.Random(0))
    for function in (lambda xs: model(xs), lambda xs: tn.logsumexp(xs), lambda xs: tn.sum([x * x for x in xs])):
        f = compile(function)
        f.value_and_grad([0.1 * i for i in range(8)])

        def cost(program):
            return sum(max(1, len(list(entry.slots())) - 1) for entry in program.instructions)

        assert cost(f.gradient_program.flat) <= 5 * cost(f.program.flat)


def wrong(function, *arguments):
    return lambda: compile(function)(*arguments)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: compile(3), TypeError, "wants a function of numbers, but got 3"),
        (
            lambda: compile(expression, backend="fortran"),
            ValueError,
            "unknown back end 'fortran': give one of auto, python",
        ),
        (wrong(lambda x: "x", 1.0), TypeError, "must return a number or nested lists of numbers, but got 'x'"),
        (wrong(lambda x: None, 1.0), TypeError, "but got None"),
        (wrong(expression, "a", "b"), TypeError, r"compiled for numbers and nested lists of them, but got 'a'"),
        (wrong(lambda x: x.data * 2.0, 1.0), TraceError, "leave .data outside the function"),
        (wrong(lambda x: x.grad, 1.0), TraceError, "f.grad"),
        (wrong(lambda x: float(x), 1.0), TraceError, "a plain Python number for a count"),
        (wrong(lambda x: math.exp(x), 1.0), TraceError, r"use tn.exp\(v\)"),
        (wrong(lambda n: sum(range(n)), 3.0), TraceError, r"range\(\)"),
        (wrong(lambda x: (x * 2.0).backward(), 1.0), TraceError, r"backward\(\) cannot be compiled"),
        (wrong(lambda x: tn.MLP(1, [1]).predict([x]), 1.0), TraceError, "call models themselves"),
        (lambda: compile(lambda x: [x, x]).grad(1.0), TypeError, "returns one number, but lambda returned 2"),
        (lambda: compile(expression).program, ValueError, "traced at its first call, so call it once"),
        (lambda: compile(expression).batch([[1.0, 2.0], [1.0]]), ValueError, "row 0 has 2 and row 1 has 1"),
    ],
)
def test_bad_input(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_too_many_paths():
    def steps(x):
        return x + float(sum(x > float(k) for k in range(40)))

    f = compile(steps)
    assert [f(k + 0.5) for k in range(16)] == [k + 0.5 + k + 1.0 for k in range(16)]
    with pytest.raises(PathError, match=r"taken 16 paths.*test_function.py:\d+.*tn.relu, tn.maximum or tn.take"):
        f(16.5)
    assert f(3.5) == 7.5


def test_a_traced_value_outside_its_call():
    kept = []

    def function(x):
        kept.append(x)
        return x * kept[0]

    with pytest.raises(TraceError, match=r"keeps a traced value in kept\[0\]"):
        compile(function)(1.0)
    assert kept == []

"""Compiled functions: eager, interpreter and the python back end agree in bits; nothing is ever silently wrong."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import KINDS, agree_on_python, extended, plans
from shared import load_example, wrong

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.compiler.function import compile
from tinygrad_nn.compiler.tracing.traced import TraceError

expression = load_example("expression").expression  # that of micrograd's README


def test_the_readme_expression():
    f = compile(expression)
    assert f(-4.0, 2.0) == 24.70408163265306
    assert f.value_and_grad(-4.0, 2.0) == (24.70408163265306, [138.83381924198252, 645.5772594752186])
    assert f.grad(-4, 2) == [138.83381924198252, 645.5772594752186]
    agree_on_python(expression, [-4.0, 2.0])


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_random_programs(data):
    numbers = data.draw(st.lists(st.floats(-3, 3), min_size=2, max_size=3))
    captured = Value(data.draw(st.floats(-2, 2)))
    plan = data.draw(plans(KINDS, most=14))

    def function(*scalars):
        return extended([*scalars, captured, 0.5, -2.0], plan)[-1] + 0.0 * scalars[0]

    agree_on_python(function, numbers)
    captured.data = captured.data + 1.0
    agree_on_python(function, numbers)


def test_what_a_compiled_function_shows_is_said():
    """All that dir() tells of stands in the text of compile, or is a property that says what it is."""
    f = tn.compile(lambda x: x * x, backend="python")
    f(2.0)
    shown = [name for name in dir(f) if not name.startswith("_")]
    assert {"grad", "value_and_grad", "batch", "source", "program"} <= {*shown}
    text = tn.compile.__doc__ or ""
    for name in shown:
        assert f"f.{name}" in text or isinstance(getattr(type(f), name, None), property) or name == "function", name


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


def test_a_model_with_its_loss():
    model = tn.MLP(2, [3, 2], activation="sigmoid", rng=random.Random(1))

    def loss(x1, x2):
        return tn.losses.squared_error(model([x1, x2]), [1.0, 0.0])

    agree_on_python(loss, [0.3, -0.7])
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


def calling(function, *arguments):
    return lambda: compile(function)(*arguments)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: compile(wrong(3)), TypeError, "wants a function of numbers, but got 3"),
        (
            lambda: compile(expression, backend="fortran"),
            ValueError,
            "unknown back end 'fortran': give one of auto, python",
        ),
        (calling(lambda x: "x", 1.0), TypeError, "must return a number or nested lists of numbers, but got 'x'"),
        (calling(lambda x: None, 1.0), TypeError, "but got None"),
        (calling(expression, "a", "b"), TypeError, r"compiled for numbers and nested lists of them, but got 'a'"),
        (calling(lambda x: x.data * 2.0, 1.0), TraceError, "leave .data outside the function"),
        (calling(lambda x: x.grad, 1.0), TraceError, "f.grad"),
        (calling(lambda x: float(x), 1.0), TraceError, "a plain Python number for a count"),
        (calling(lambda x: math.exp(x), 1.0), TraceError, r"use tn.exp\(v\)"),
        (calling(lambda n: sum(range(n)), 3.0), TraceError, r"range\(\)"),
        (calling(lambda x: (x * 2.0).backward(), 1.0), TraceError, r"backward\(\) cannot be compiled"),
        (calling(lambda x: tn.MLP(1, [1]).predict([x]), 1.0), TraceError, "call models themselves"),
        (lambda: compile(lambda x: [x, x]).grad(1.0), TypeError, "returns one number, but lambda returned 2"),
        (lambda: compile(expression).program, ValueError, "traced at its first call, so call it once"),
        (lambda: compile(expression).batch([[1.0, 2.0], [1.0]]), ValueError, "row 0 has 2 and row 1 has 1"),
    ],
)
def test_bad_input(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_the_source_in_c_has_a_dtype():
    f = tn.compile(lambda x: 0.1 * x, backend="python")
    f(1.0)
    assert "double lambda(double x)" in f.source("c")
    assert f.source("c", dtype="double") == f.source("c")
    assert "float lambda(float x)\n{\n    const float y = 0.1f * x;" in f.source("c", dtype="float").replace("v2", "y")
    with pytest.raises(ValueError, match="of dtype 'float' or 'double', but got 'float32'"):
        f.source("c", dtype="float32")
    with pytest.raises(ValueError, match="for source\\('c'\\) alone"):
        f.source("python", dtype="float")

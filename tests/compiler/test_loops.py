"""Rolled programs: the same numbers to the bit, and the loops that a network was written by."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import KINDS, bits, extended_by_lists, plans

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.autograd import primitives
from tinygrad_nn.compiler.function import compile
from tinygrad_nn.compiler.loops.groups import Access
from tinygrad_nn.compiler.program.program import OffPath


def agree(roll, inputs):
    """The rolled program gives what the flat one gives."""
    parameters = [value.data for value in roll.flat.parameters.values()]
    expected, got = roll.flat.run(inputs), roll.run(inputs, parameters)
    assert all(map(bits, got, expected)), (got, expected)
    assert len(got) == len(expected)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_random_programs(data):
    """Programs of all kinds over lists, so that there is something to roll and something that does not."""
    n = data.draw(st.integers(1, 5))
    plan = data.draw(plans(KINDS, most=5))
    numbers = data.draw(st.lists(st.floats(-3, 3), min_size=2 * n, max_size=2 * n))
    weights = [Value(0.25 * i - 0.5) for i in range(n)]

    def function(*scalars):
        pool = extended_by_lists([*scalars, *weights], plan, n)
        return tn.sum(pool[-n:]) + tn.dot(pool[-n:], pool[:n]) + 0.0 * scalars[0]

    f = compile(function)
    f(*numbers)
    agree(f.program, numbers)
    agree(f.gradient_program, numbers)


def test_the_loops_of_a_network_come_back():
    model = tn.MLP(3, [8, 8, 1], "tanh", rng=random.Random(1))
    f = compile(model)
    row = [0.1, -0.2, 0.3]
    f.grad(row)
    agree(f.gradient_program, row)
    lines = [line.strip() for line in str(f.program).splitlines()]
    assert lines == [
        "MLP(x0, x1, x2)    # inputs[0 : 3]",
        "reads w1.1.1, w1.1.2, w1.1.3, ..., w3.1.8, b3.1    # parameters[0 : 113]",
        "z1[i] = dot parameters[4i : 4i + 3] inputs[0 : 3] parameters[4i + 3]    for i < 8",
        "h1[i] = tanh z1[i]    for i < 8",
        "z2[i] = dot parameters[9i + 32 : 9i + 40] h1[0 : 8] parameters[9i + 40]    for i < 8",
        "h2[i] = tanh z2[i]    for i < 8",
        "z3.1 = dot parameters[104 : 112] h2[0 : 8] b3.1",
        "return z3.1",
    ]
    assert len(f.gradient_program.groups) < 20
    wide = compile(tn.MLP(20, [40, 5], "tanh", rng=random.Random(1)))
    wide([0.1] * 20)
    assert len(wide.program.groups) == 3  # two layers, one activation


def test_columns_of_several_arrays_are_gathered():
    """A skip connection reads inputs and hidden neurons side by side."""
    layer, last = tn.Layer(3, 4, "relu", rng=random.Random(1)), tn.Neuron(7, "linear", rng=random.Random(2))

    def function(xs):
        return last([*xs, *layer(xs)])

    f = compile(function)
    f([1.0, -2.0, 3.0])
    agree(f.program, [1.0, -2.0, 3.0])
    text = str(f.program)
    assert "gathered = xs[0 : 3] h[0 : 4]" in text.replace("inputs", "xs").replace("h1", "h"), text


def test_what_is_not_affine_goes_by_a_table():
    order = [3, 0, 2, 1, 4, 4]

    def function(xs):
        return tn.sum([xs[i] * xs[5 - i] for i in order])

    f = compile(function)
    row = [0.5, -1.5, 2.0, 3.0, -4.0, 7.0]
    f(row)
    agree(f.program, row)
    branching = compile(lambda xs: tn.sum([x * 2.0 if x > 0.5 else x for x in xs]))
    branching([1.0, 2.0, 3.0, 4.0, 5.0])
    roll = branching.program
    assert "if not (inputs[i] > 0.5): another path    for i < 5    # " in str(roll)
    with pytest.raises(OffPath, match=r"test_loops\.py"):
        roll.run([1.0, 2.0, 0.0, 4.0, 5.0], [])


def test_an_access_says_what_it_reads():
    assert Access(0, 5, (3, 1)).indices((2, 2)) == [5, 6, 8, 9]
    assert Access(0, 1, (10,), 3, -1).indices((2,)) == [1, 0, -1, 11, 10, 9]
    assert Access(0, 0, (0,), table=(4, 2)).indices((2,)) == [4, 2]


def attention(positions):
    """Each position looks at those up to it: sums of as many numbers as there are positions so far."""

    def function(xs, ys):
        outputs = []
        for t in range(positions):
            weights = tn.softmax([tn.dot(xs[2 * t : 2 * t + 2], ys[2 * s : 2 * s + 2], 0.0) for s in range(t + 1)])
            looked = [tn.dot(weights, [ys[2 * s + j] for s in range(t + 1)], 0.0) for j in range(2)]
            outputs += [tn.tanh(looked[0] * looked[1]), tn.exp(looked[0] - xs[t])]
        return tn.sum(outputs)

    return function


def test_what_reads_sums_of_several_lengths_is_one_group():
    """All that stands after a sum over the positions so far is in loops over positions, in the gradient, too."""
    counts = []
    for positions in (9, 14):
        f = compile(attention(positions))
        numbers = [[0.1 * (k * 7 % 5) - 0.2 for k in range(2 * positions)] for _ in range(2)]
        f.value_and_grad(*numbers)
        row = [*numbers[0], *numbers[1]]
        agree(f.program, row)
        agree(f.gradient_program, row)
        for roll in (f.program, f.gradient_program):
            alike = [group.primitive.name for group in roll.groups if group.primitive and not group.primitive.folds]
            counts.append(len(alike))
        assert [g.extents for g in f.program.groups if g.primitive in (primitives.tanh, primitives.exp)] == [
            (positions,),
            (positions,),
        ]
    assert counts[:2] == counts[2:], counts

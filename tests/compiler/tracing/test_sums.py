"""Adjoints that are sums of products are written as dots, once all their products are known."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.autograd import primitives as table
from tinygrad_nn.compiler.function import compile
from tinygrad_nn.compiler.program.program import Family, Instruction

RNG = random.Random(5)
WEIGHTS = [Value(RNG.uniform(-1.0, 1.0)) for _ in range(6)]


def bits(numbers):
    """The numbers to the bit; a derivative that is 0 has no sign that is promised."""
    numbers = [getattr(number, "data", number) for number in numbers]  # of what reads Values, Values
    return ["nan" if math.isnan(number) else (number + 0.0).hex() for number in numbers]


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_gradients_of_shared_columns_are_those_of_the_engine(data):
    """Columns that are the same again, that overlap, that have a number twice, and that stand in products and sums."""
    steps = data.draw(st.lists(st.tuples(st.sampled_from("dddspmtg"), st.lists(st.integers(0, 30), min_size=4,
        max_size=8), st.booleans()), min_size=2, max_size=9))  # fmt: skip
    numbers = data.draw(st.lists(st.floats(-2.0, 2.0), min_size=3, max_size=3))

    def function(*scalars):
        pool = [*scalars, *WEIGHTS[:4], 1.0, -0.5, 0.0]
        columns = [tuple(scalars)]
        for kind, places, again in steps:
            picked = [pool[place % len(pool)] for place in places]
            a, b, *_ = picked
            if kind == "d":
                one = columns[places[0] % len(columns)] if again else picked
                columns.append(tuple(one))
                other = [pool[(place * 7 + 1) % len(pool)] for place in range(places[1], places[1] + len(one))]
                pool.append(tn.dot(one, other, pool[places[2] % len(pool)]) if places[3] % 2 else tn.dot(one, other))
            elif kind == "g":
                pool.append(tn.where(scalars[0] < b, tn.dot(picked, picked[::-1]), a * b))
            else:
                pool.append({"s": a + b, "p": a * b, "m": a - b, "t": tn.tanh(a)}[kind])
        return tn.dot(pool[-4:], pool[-4:][::-1], pool[-1]) + 0.0 * scalars[0] + tn.sum(pool[-6:])

    expected, slopes = tn.value_and_grad(function)(*numbers)
    value, found = compile(function, backend="python").value_and_grad(*numbers)
    assert bits([value, *found]) == bits([expected, *slopes])


def test_a_weight_that_is_used_again_has_one_dot():
    """What is traced for it is one instruction, however often it is used."""
    sizes = []
    for times in (5, 50):

        def function(xs, ws, times=times):
            h = xs
            for _ in range(times):
                h = [tn.tanh(tn.dot(row, h)) for row in ws]
            return tn.sum(h)

        f = compile(function, backend="python")
        f.value_and_grad([0.1 * k for k in range(10)], [[0.01 * (i + j) for j in range(10)] for i in range(10)])
        entries = f.latest_paths()[0].tracer.program.entries
        assert not any(isinstance(entry, Family) for entry in entries)
        sizes.append(
            len([entry for entry in entries if isinstance(entry, Instruction) and entry.primitive is table.dot])
            - 20 * times
        )
    assert sizes == [100, 100]


@pytest.mark.parametrize("twice", [True, False])
def test_a_product_that_is_there_twice_is_computed_once(twice):
    """The slope of a sum of squares is a family of products and one of sums."""
    penalized = compile(lambda ws, xs: tn.dot(ws, ws if twice else xs), backend="python")
    numbers = [0.25 * k for k in range(20)]
    slopes = penalized.grad(numbers, numbers)
    assert slopes[0] == ([2.0 * x for x in numbers] if twice else numbers)
    kinds = [entry.primitive for entry in penalized.gradient_program.flat.instructions]
    assert kinds.count(table.dot) == 1

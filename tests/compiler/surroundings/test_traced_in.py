"""What no program can hold is refused, and its effects are put back; what gives the same at each call is compiled."""

import itertools
import os
import random
import sys
import time
from functools import cached_property
from typing import Any

import pytest
from shared import needed
from training import Line

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.compiler.surroundings.traced_in import SurroundingsError


def draws_from_random(rng):
    return lambda x: x * random.random()


def draws_from_a_generator(rng):
    return lambda x: x * rng.random()


def draws_by_a_method(rng):
    draw = rng.gauss
    return lambda x: x * draw(0.0, 1.0)


def draws_from_numpy(rng):
    np = pytest.importorskip("numpy")
    return lambda x: x * np.random.rand()


def draws_from_a_generator_of_numpy(rng):
    np = pytest.importorskip("numpy")
    found = np.random.default_rng(0)
    return lambda x: x * found.random()


def counts_in_a_cell(rng):
    n = 0

    def function(x):
        nonlocal n
        n += 1
        return x * n

    return function


def counts_in_a_list(rng):
    calls = []

    def function(x):
        calls.append(1)
        return x * len(calls)

    return function


def counts_on_an_object(rng):
    found = Line()

    def function(x):
        found.which += 1
        return x * found.which

    return function


def counts_on_a_function(rng):
    def function(x):
        setattr(function, "calls", getattr(function, "calls", 0) + 1)  # noqa: B010
        return x * getattr(function, "calls")  # noqa: B009

    return function


def counts_by_an_iterator(rng):
    counter = itertools.count()
    return lambda x: x * next(counter)


def sets_a_weight(rng):
    found = Line()

    def function(x):
        found.w.data = found.w.data * 0.5
        return found.w * x

    return function


def tells_the_time(rng):
    return lambda x: x * time.perf_counter()


def asks_the_machine(rng):

    return lambda x: x * os.urandom(1)[0]


def tells_the_time_of_its_own_import(rng):
    def function(x):
        import time

        return x * time.time()

    return function


def tells_the_time_by_its_own_name(rng):
    def function(x):
        from time import time as now

        def inner():
            return now()

        return x * inner()

    return function


def tells_the_day_of_its_own_import(rng):
    def function(x):
        import datetime

        return x * datetime.datetime.now().microsecond

    return function


def draws_from_a_generator_of_its_own(rng):
    return lambda x: x * random.Random().random()


def draws_from_the_machine(rng):
    return lambda x: x * random.SystemRandom().random()


def draws_from_a_generator_of_numpy_of_its_own(rng):
    pytest.importorskip("numpy")

    def function(x):
        from numpy.random import default_rng

        return x * default_rng().random()

    return function


ANEW = [
    tells_the_time, asks_the_machine, tells_the_time_of_its_own_import, tells_the_time_by_its_own_name,
    tells_the_day_of_its_own_import, draws_from_a_generator_of_its_own, draws_from_the_machine,
    draws_from_a_generator_of_numpy_of_its_own,
]  # fmt: skip


EFFECTS = [
    draws_from_random, draws_from_a_generator, draws_by_a_method, draws_from_numpy, draws_from_a_generator_of_numpy,
    counts_in_a_cell, counts_in_a_list, counts_on_an_object, counts_on_a_function, counts_by_an_iterator, sets_a_weight,
    *ANEW,
]  # fmt: skip


@pytest.mark.parametrize("make", EFFECTS, ids=lambda make: make.__name__)
def test_what_no_program_can_hold_is_refused_and_put_back(make):
    """The plain function then gives what it would have given had it never been compiled."""

    def numbers(function):
        return [y.data if isinstance(y, Value) else y for y in (function(1.5) for _ in range(3))]

    def seed():
        random.seed(3)
        if "numpy" in sys.modules:
            sys.modules["numpy"].random.seed(3)

    functions = [make(random.Random(1)) for _ in range(2)]
    seed()
    f = tn.compile(functions[0])
    for _ in range(2):
        with pytest.raises(SurroundingsError, match="leave it outside"):
            f(1.5)
    after = numbers(functions[0])
    seed()
    if make not in ANEW:
        assert after == numbers(functions[1])


def waits(x):
    import time

    time.sleep(0.0)
    return x


def draws_from_a_seed(x):
    return x * random.Random(0).random()


def reads_names_of_exec(x):
    return x * NOTEBOOK["k"]


NOTEBOOK: dict[str, Any] = {}
exec("k = 2.0", NOTEBOOK)  # which puts __builtins__ there, too


@pytest.mark.parametrize("function", [waits, draws_from_a_seed, reads_names_of_exec])
def test_what_gives_the_same_at_each_call_is_compiled(function):
    assert tn.compile(function)(1.5) == function(1.5)


def test_a_cached_property_is_filled_by_the_first_call():
    class Found:
        tau = 2.0

        def __init__(self):
            self.made = []

        @cached_property
        def factors(self):
            return {"a": [self.tau, 2.0 * self.tau]}

        @cached_property
        def counted(self):
            self.made.append(1)
            return 1.0

    found = Found()
    f = tn.compile(lambda x: x * found.factors["a"][1])
    assert (f(1.5), f(2.0)) == (6.0, 8.0)
    found.tau = 3.0
    assert f(1.5) == 6.0 == 1.5 * found.factors["a"][1]
    del found.factors
    assert f(1.5) == 9.0
    found.factors["a"][1] = 1.0
    assert f(1.5) == 1.5
    with pytest.raises(SurroundingsError, match=r"changes .*made"):
        tn.compile(lambda x: x * found.counted * len(found.made))(1.5)
    assert "counted" not in vars(found)
    with pytest.raises(ZeroDivisionError):
        tn.compile(lambda x: x * found.counted * (1 // 0))(1.5)

    class Tripled:
        @cached_property
        def scale(self):
            return 3.0

        def __call__(self, x):
            return self.scale * x

    assert tn.compile(Tripled())(1.5) == 4.5
    assert "counted" not in vars(found)


def test_a_number_read_of_a_packed_value_is_one_that_may_change():
    """Compiled steps pack what they train: a program around it watches it as any Value."""
    needed("llvm")
    model = tn.Neuron(1, rng=random.Random(0))
    optimizer = tn.SGD(model.parameters(), lr=0.1)
    step = tn.compile_step(model, "squared_error", optimizer, backend="llvm")
    step([[1.0]], [2.0])
    (w, *_) = model.parameters()
    assert type(w) is not Value
    reading = tn.compile(lambda x: x * w.data + w * 2.0)
    for _ in range(3):
        assert reading(3.0) == 3.0 * w.data + w.data * 2.0
        step([[1.0]], [2.0])
        assert type(w) is not Value
    with pytest.raises(SurroundingsError, match=r"reads \.data of"):
        tn.compile_step(model, "squared_error", optimizer, lambda m: m.parameters()[0].data * w, "llvm")([[1.0]], [2.0])

    def sets(x):
        w.data = 3
        return x

    with pytest.raises(SurroundingsError, match=r"sets \.data of a Value"):
        tn.compile(sets)(1.0)
    assert type(w.data) is float

"""Nothing is silently baked in: what compiled functions read beside their arguments is watched, what they do is seen.

Each test changes one thing between calls, or lets the function change one, and compares with the plain function.
"""

import itertools
import math
import random
import sys
import time
import types
from collections import deque
from functools import partial

import pytest

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.compiler.captured import SurroundingsError
from tinygrad_nn.compiler.trace import TraceError

LEVEL = 2.0
TABLE = {"a": [1.0, 2.0]}


def helper(x):
    return x * LEVEL


class Scaled:
    factor = 3.0
    __slots__ = ("offset",)

    def __init__(self):
        self.offset = 1.0

    def __call__(self, x):
        return x * self.factor + self.offset


class Line(tn.Module):
    def __init__(self):
        self.w, self.tau, self.ws = Value(4.0), 1.0, [Value(1.0), Value(2.0)]
        self.which, self.options = 0, {"shift": 0.5}

    def __call__(self, row):
        return self.w * row[0] / self.tau + self.ws[self.which] * self.options["shift"]


def of_a_cell():
    tau = 2.0

    def change(to):
        nonlocal tau
        tau = to

    return (lambda x: x * tau), change


def of_a_global():
    return helper, lambda to: globals().update(LEVEL=to)


def of_a_default():
    def function(x, tau=2.0):
        return x * tau

    inner = function

    def change(to):
        inner.__defaults__ = (to,)

    return (lambda x: inner(x)), change


def of_a_keyword_default():
    def inner(x, *, tau=2.0):
        return x * tau

    return (lambda x: inner(x)), lambda to: inner.__kwdefaults__.update(tau=to)


def of_code():
    def inner(x):
        return x * 2.0

    def other(x):
        return x * 5.0 + 1.0

    return (lambda x: inner(x)), lambda to: setattr(inner, "__code__", other.__code__)


def of_an_attribute_of_a_function():
    def inner(x):
        return x * getattr(inner, "tau", 2.0)

    return (lambda x: inner(x)), lambda to: setattr(inner, "tau", to)


def of_a_module():
    module = types.ModuleType("settings_of_a_user")
    module.tau = 2.0
    return (lambda x: x * module.tau), lambda to: setattr(module, "tau", to)


def of_a_partial():
    options = [2.0]
    return partial(lambda options, x: x * options[0], options), lambda to: options.__setitem__(0, to)


def of_a_method():
    found = Line()
    return (lambda x: found([x])), lambda to: setattr(found, "tau", to)


def of_a_list_of_values():
    found = Line()
    return (lambda x: found([x])), lambda to: found.ws.__setitem__(0, Value(to))


def of_a_position():
    found = Line()
    return (lambda x: found([x])), lambda to: setattr(found, "which", 1)


def of_a_dictionary():
    return (lambda x: x * TABLE["a"][1]), lambda to: TABLE["a"].__setitem__(1, to)


def of_a_slot():
    found = Scaled()
    return (lambda x: found(x)), lambda to: setattr(found, "offset", to)


def of_a_class():
    found = Scaled()
    return (lambda x: found(x)), lambda to: setattr(Scaled, "factor", to)


def of_a_deque():
    found = deque([1.0, 2.0])
    return (lambda x: sum(found) * x), lambda to: found.append(to)


def of_a_set():
    found = {1.0, 2.0}
    return (lambda x: sum(found) * x), lambda to: found.add(to)


def of_an_array():
    np = pytest.importorskip("numpy")
    found = np.array([1.0, 2.0])
    return (lambda x: x * float(found[0])), lambda to: found.__setitem__(0, to)


def of_an_array_of_values():
    np = pytest.importorskip("numpy")
    found = np.array([Value(1.0), Value(2.0)])
    return (lambda x: x * found[0]), lambda to: found.__setitem__(0, Value(to))


def of_a_sign_of_zero():
    found = [0.0]
    return (lambda x: math.copysign(1.0, found[0]) * x), lambda to: found.__setitem__(0, -0.0)


def of_a_type():
    found = [2]
    return (lambda x: x / found[0] if isinstance(found[0], int) else x * found[0]), lambda to: found.__setitem__(0, 2.0)


def of_a_value_for_a_number():
    found = [2.0]
    return (lambda x: x * found[0]), lambda to: found.__setitem__(0, Value(to))


def of_the_data_of_a_value():
    w = Value(2.0)
    return (lambda x: w * x if w.data > 0 else -w), lambda to: setattr(w, "data", -3.0)


def of_the_data_of_a_result():
    w = Value(2.0)
    kept = [w * 3.0]
    return (lambda x: x * kept[0].data), lambda to: kept.__setitem__(0, w * to)


def of_the_data_of_a_weight_by_state_dict():
    found = Line()
    return (lambda x: x * found.state_dict()["w"]), lambda to: setattr(found.w, "data", to)


def of_the_gradient_of_a_value():
    w = Value(2.0)
    return (lambda x: x * w.grad), lambda to: setattr(w, "grad", to)


def of_another_compiled_function():
    found = [2.0]
    inner = tn.compile(lambda x: x * found[0])
    return (lambda x: inner(x) + 1.0), lambda to: found.__setitem__(0, to)


def of_a_neuron():
    found = tn.Neuron(1, "linear", rng=random.Random(1))
    return (lambda x: found([x])), lambda to: setattr(found, "activation", "tanh")


def of_a_bias():
    found = tn.Neuron(1, "linear", rng=random.Random(1))
    return (lambda x: found([x])), lambda to: setattr(found, "bias", Value(to))


def of_a_layer():
    found = tn.MLP(1, [2, 1], rng=random.Random(1))
    new = tn.Neuron(1, "relu", rng=random.Random(2))
    return (lambda x: found([x])), lambda to: found.layers[0].neurons.__setitem__(0, new)


def of_a_property():
    class Found:
        def __init__(self):
            self._tau = 2.0

        @property
        def tau(self):
            return self._tau

    found = Found()
    return (lambda x: x * found.tau), lambda to: setattr(found, "_tau", to)


def of_a_name_that_is_made():
    found = Line()
    name = "ta" + "u"
    return (lambda x: x * getattr(found, name)), lambda to: setattr(found, "tau", to)


def of_what_was_not_there():
    found = Line()
    return (lambda x: x * getattr(found, "extra", 2.0)), lambda to: setattr(found, "extra", to)


def of_a_name_of_python():
    return (lambda x: abs(x) * 1.0), lambda to: globals().update(abs=lambda x: x * 7.0)


CASES = [entry for name, entry in list(globals().items()) if name.startswith("of_")]


@pytest.fixture(autouse=True)
def as_before():
    yield
    globals().update(LEVEL=2.0)
    globals().pop("abs", None)
    TABLE["a"][1], Scaled.factor = 2.0, 3.0


@pytest.mark.parametrize("backend", ["python", "llvm", "array"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_what_changes_between_calls_is_seen(case, backend):
    if backend != "python":
        pytest.importorskip("numpy" if backend == "array" else "llvmlite")
    function, change = case()
    f = tn.compile(function, backend=backend)

    def plain(x):
        found = function(x)
        return found.data if isinstance(found, Value) else found

    before = plain(-1.5)
    assert [f(-1.5), *f.batch([[-1.5]] * 2)] == pytest.approx([before] * 3)
    change(0.25)
    after = plain(-1.5)
    assert after != before
    assert [f(-1.5), *f.batch([[-1.5]] * 2)] == pytest.approx([after] * 3)


def test_surroundings_that_come_back_are_not_traced_again():
    tau = [1.0]
    f = tn.compile(lambda x: x * tau[0])
    sources = []
    for number in (1.0, 2.0, 1.0, 2.0):
        tau[0] = number
        assert f(3.0) == 3.0 * number
        sources.append(f._known.latest)
    assert sources[0] is sources[2] is not sources[1] is sources[3]
    for number in range(30):
        tau[0] = float(number)
        assert f(3.0) == 3.0 * number
    assert len(f._known._found) <= 8


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
        function.calls = getattr(function, "calls", 0) + 1
        return x * function.calls

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
    import os

    return lambda x: x * os.urandom(1)[0]


EFFECTS = [
    draws_from_random, draws_from_a_generator, draws_by_a_method, draws_from_numpy, draws_from_a_generator_of_numpy,
    counts_in_a_cell, counts_in_a_list, counts_on_an_object, counts_on_a_function, counts_by_an_iterator, sets_a_weight,
    tells_the_time, asks_the_machine,
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
    if make not in (tells_the_time, asks_the_machine):
        assert after == numbers(functions[1])


def test_a_traced_value_that_is_kept_is_an_error_that_names_the_attribute():
    class Recurrent(tn.Module):
        def __init__(self):
            self.w, self.h = Value(2.0), 0.5

        def __call__(self, row):
            self.h = self.h + self.w * row[0]
            return self.h

    for backend in ("python", "auto"):
        model = Recurrent()
        with pytest.raises(TraceError, match=r"Recurrent\.h"):
            tn.fit(model, [[1.0]], [1.0], "squared_error", tn.SGD(model.parameters(), lr=0.1), 2, backend=backend)
        assert (model.h, model.predict([1.0])) == (0.5, 2.5)

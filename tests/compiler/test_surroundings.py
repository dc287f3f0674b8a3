"""Nothing is silently baked in: what compiled functions read beside their arguments is watched, what they do is seen.

Each test changes one thing between calls, or lets the function change one, and compares with the plain function.
"""

import contextvars
import math
import operator
import os
import random
import sys
import types
from collections import ChainMap, UserString, deque
from enum import Enum
from functools import cached_property, partial, wraps
from typing import Any

import pytest
from shared import needed
from training import Line, a_dropout

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.compiler.surroundings.traced_in import SurroundingsError
from tinygrad_nn.compiler.tracing.traced import TraceError

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

    return (lambda x: inner(x)), lambda to: setattr(inner, "__kwdefaults__", {"tau": to})


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
    module: Any = types.ModuleType("settings_of_a_user")
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
    found: list[Any] = [2]
    return (lambda x: x / found[0] if isinstance(found[0], int) else x * found[0]), lambda to: found.__setitem__(0, 2.0)


def of_a_value_for_a_number():
    found: list[Any] = [2.0]
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


def of_a_context_variable():
    found = contextvars.ContextVar("found", default=2.0)
    return (lambda x: x * found.get()), lambda to: found.set(to)


def of_maps_in_a_chain():
    found = ChainMap({"a": 1.0}, {"b": 2.0})
    return (lambda x: x * found["b"]), lambda to: found.maps[1].update(b=to)


def of_a_metaclass():
    class Kind(type):
        tau = 2.0

    class Found(metaclass=Kind):
        pass

    return (lambda x: x * Found.tau), lambda to: setattr(Kind, "tau", to)


def of_the_environment_that_python_holds():
    os.environ["A_TEST_OF_TINYGRAD_NN"] = "2"
    return (lambda x: x * float(os.environ["A_TEST_OF_TINYGRAD_NN"])), lambda to: os.environ.update(
        A_TEST_OF_TINYGRAD_NN=str(to)
    )


def of_an_attribute_of_an_installed_module():
    np = pytest.importorskip("numpy")
    np.of_a_test = 2.0
    return (lambda x: x * np.of_a_test), lambda to: setattr(np, "of_a_test", to)


def of_a_frame():
    pd = pytest.importorskip("pandas")
    found = pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]})
    return (lambda x: x * float(found["a"].iloc[0])), lambda to: found.__setitem__("a", [to, to])


def of_a_tensor():
    torch = pytest.importorskip("torch")
    found = torch.tensor([2.0], requires_grad=True)
    return (lambda x: x * found.detach().item()), lambda to: found.data.fill_(to)


def of_a_fitted_scaler():
    found = pytest.importorskip("sklearn.preprocessing").StandardScaler().fit([[1.0], [2.0]])
    return (lambda x: (x - float(found.mean_[0])) / found.scale_[0]), lambda to: found.fit([[5.0], [9.0]])


def of_a_cached_property():
    class Found:
        tau = 2.0

        @cached_property
        def twice(self):
            return 2.0 * self.tau

    found = Found()
    assert found.twice == 4.0
    return (lambda x: x * found.twice), lambda to: found.__dict__.update(twice=to)


class Key:
    pass


class Unit(Enum):
    ONE = 1.0
    FIVE = 5.0


def of_a_member():
    found = Line()
    found.unit = Unit.ONE
    return (lambda x: x * found.unit.value), lambda to: setattr(found, "unit", Unit.FIVE)


def of_a_member_that_is_a_key():
    found, factors = Line(), {Unit.ONE: 1.0, Unit.FIVE: 5.0}
    found.unit = Unit.ONE
    return (lambda x: x * factors[found.unit]), lambda to: setattr(found, "unit", Unit.FIVE)


def of_an_object_that_is_a_key():
    found, keys = Line(), [Key(), Key()]
    factors, found.key = {keys[0]: 1.0, keys[1]: 5.0}, keys[0]
    return (lambda x: x * factors[found.key]), lambda to: setattr(found, "key", keys[1])


def of_an_object_in_a_key():
    found, keys = Line(), [Key(), Key()]
    factors, found.key = {(keys[0], 1): 1.0, (keys[1], 1): 5.0}, keys[0]
    return (lambda x: x * factors[found.key, 1]), lambda to: setattr(found, "key", keys[1])


def of_what_an_inherited_method_reads():
    class Text(UserString):
        pass

    found = Line()
    found.text = Text("a")
    return (lambda x: x * len(found.text)), lambda to: setattr(found, "text", Text("aaaaa"))


def of_a_decorated_function():
    factors = [2.0]

    def scaled(function):
        @wraps(function)
        def inner(x):
            return function(x) * factors[0]

        return inner

    return scaled(lambda x: x + 1.0), lambda to: factors.__setitem__(0, to)


def of_what_an_attrgetter_reads():
    found, read = Line(), operator.attrgetter("inner.tau")
    found.inner = Line()
    return (lambda x: x * read(found)), lambda to: setattr(found.inner, "tau", to)


def of_what_a_text_reads():
    found, text = Line(), "{0.tau}"
    return (lambda x: x * float(text.format(found))), lambda to: setattr(found, "tau", to)


def of_a_function_inside_a_callable_of_others():
    np = pytest.importorskip("numpy")
    factors = [2.0]
    found = np.vectorize(lambda y: y * factors[0])
    return (lambda x: x * float(found(3.0))), lambda to: factors.__setitem__(0, to)


def of_a_generator_function():
    factors = [2.0]

    def each():
        yield from factors

    return (lambda x: x * sum(each())), lambda to: factors.append(to)


def of_a_list_that_holds_itself():
    found: list[Any] = [2.0]
    found.append(found)
    return (lambda x: x * found[1][0]), lambda to: found.__setitem__(0, to)


def of_a_value_that_is_printed():
    w = Value(2.0)
    return (lambda x: x * float(f"{w:.3f}")), lambda to: setattr(w, "data", to)


def of_a_label():
    w = Value(2.0, label="a")
    return (lambda x: x * (2.0 if w.label == "a" else 1.0)), lambda to: setattr(w, "label", "b")


def of_the_largest_of_values():
    ws = [Value(2.0), Value(1.0)]
    return (lambda x: x * max(ws, key=lambda w: w.data)), lambda to: setattr(ws[0], "data", to)


CASES = [entry for name, entry in list(globals().items()) if name.startswith("of_")]


@pytest.fixture(autouse=True)
def as_before():
    yield
    globals().update(LEVEL=2.0)
    globals().pop("abs", None)
    os.environ.pop("A_TEST_OF_TINYGRAD_NN", None)
    vars(sys.modules.get("numpy", sys)).pop("of_a_test", None)
    TABLE["a"][1], Scaled.factor = 2.0, 3.0


LONG = (of_a_frame, of_a_tensor, of_a_fitted_scaler)  # what they import takes seconds


BACKENDS = [pytest.param(case, "python", marks=[pytest.mark.slow] * (case in LONG)) for case in CASES]


CASES = [case for case in CASES if case not in LONG]


BACKENDS += [pytest.param(case, "array") for case in CASES[::3]]


BACKENDS += [pytest.param(case, "llvm") for case in CASES[::8]]


@pytest.mark.parametrize(("case", "backend"), BACKENDS, ids=lambda given: getattr(given, "__name__", given))
def test_what_changes_between_calls_is_seen(case, backend):
    needed(backend)
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


@pytest.mark.parametrize("case", CASES[::2], ids=lambda case: case.__name__)
def test_what_changes_between_predictions_is_seen(case, monkeypatch):
    """Of a module of one's own, whose rows are a batch of its program where that can be."""
    pytest.importorskip("numpy", reason="numpy is not installed")
    from tinygrad_nn.training import prediction

    monkeypatch.setattr(prediction, "WORTH_TRACING", 40)
    function, change = case()
    model = type("Own", (tn.Module,), {"__call__": lambda self, row: function(row[0])})()
    rows = [[-1.5], [0.5], [2.5]] * 20

    def predicted():
        few = [output for row in rows[:3] for output in model.predict([row])] * 20
        assert model.predict(rows) == pytest.approx(few)
        return few

    before = predicted()
    assert predicted() == pytest.approx(before)
    change(0.25)
    after = predicted()
    assert after != before
    assert predicted() == pytest.approx(after)


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


def test_a_file_in_c_is_refused_where_it_could_not_be_the_model(tmp_path):
    with pytest.raises(SurroundingsError, match="draws"):
        tn.export_c(a_dropout()[0], tmp_path / "model.c", inputs=1)
    assert not list(tmp_path.iterdir())


def test_tracing_reads_numbers_of_values_for_itself_alone():
    """What the library reads to compute is no read of the user's: nothing is traced anew when weights move."""
    model = tn.MLP(2, [3, 1], "tanh", rng=random.Random(1))
    f = tn.compile(lambda a, b: model([a, b]) + model([0.5, 0.25]) + tn.losses.squared_error(model([1.0, 2.0]), 0.5))
    f(1.0, 2.0)
    programs = f._known.latest
    assert programs is not None
    assert not programs.world.reads
    for parameter in model.parameters():
        parameter.data += 0.1
    f(1.0, 2.0)
    assert f._known.latest is programs


def test_values_around_a_function_are_plain_ones_after_it():
    w = Value(2.0)
    kept = [w, w * 3.0]
    before = list(map(type, kept))
    tn.compile(lambda x: x * kept[0] + kept[1])(1.0)
    with pytest.raises(ZeroDivisionError):
        tn.compile(lambda x: x * kept[0] + 1 / 0)(1.0)
    assert list(map(type, kept)) == before


def test_code_in_a_folder_whose_name_begins_as_the_library_does_is_the_users():
    w = Value(2.0)
    names: dict[str, Any] = {"w": w}
    exec(compile("def f(x):\n    return x * w.data\n", tn.__path__[0] + "_mine/model.py", "exec"), names)
    f = tn.compile(names["f"], backend="python")
    assert f(3.0) == 6.0
    w.data = 5.0
    assert f(3.0) == 15.0

"""Where Values are kept: every place is one that learns, or an error that names the attribute."""

import copy
import random
from collections import ChainMap, OrderedDict, UserDict, UserList, UserString, defaultdict, deque, namedtuple
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType, SimpleNamespace
from typing import Any

import pytest

import tinygrad_nn as tn
from tinygrad_nn import MLP, Module, Value

Pair = namedtuple("Pair", "left right")


class Holder(Module):
    """A module of what it is given, called for the sum of its Values."""

    def __init__(self, **held):
        vars(self).update(held)

    def __call__(self, row):
        return sum(self.parameters()) * row[0]


class Slotted(Module):
    __slots__ = ("first", "second")

    def __init__(self, first, second):
        self.first, self.second = first, second
        self.third = Value(3.0)


class Plain:
    def __init__(self, **held):
        vars(self).update(held)

    def __call__(self, x):
        return x


class PlainSlots:
    __slots__ = ("w",)

    def __init__(self, w):
        self.w = w


@dataclass
class Data:
    w: Value
    name: str = "data"


@dataclass
class DataModule(Module):
    w: Value
    rows: list


def v(number=1.0, label=""):
    return Value(number, label=label)


COLLECTED = {
    "a Value": (lambda: v(), ["held"]),
    "a list": (lambda: [v(), v()], ["held.0", "held.1"]),
    "a tuple": (lambda: (v(), v()), ["held.0", "held.1"]),
    "a namedtuple": (lambda: Pair(v(), v()), ["held.0", "held.1"]),
    "a dict": (lambda: {"a": v(), "b": v()}, ["held.a", "held.b"]),
    "an OrderedDict": (lambda: OrderedDict(b=v(), a=v()), ["held.b", "held.a"]),
    "a defaultdict": (lambda: defaultdict(list, a=[v()]), ["held.a.0"]),
    "a UserDict": (lambda: UserDict(a=v()), ["held.a"]),
    "a ChainMap": (lambda: ChainMap({"a": v()}, {"b": v()}), ["held.b", "held.a"]),
    "a view of a dict": (lambda: MappingProxyType({"a": v()}), ["held.a"]),
    "whole numbers as keys": (lambda: {3: v(), 1: v()}, ["held.3", "held.1"]),
    "a deque": (lambda: deque([v(), v()]), ["held.0", "held.1"]),
    "a UserList": (lambda: UserList([v(), v()]), ["held.0", "held.1"]),
    "nested": (lambda: [{"a": (v(), deque([v()]))}, [[v()]]], ["held.0.a.0", "held.0.a.1.0", "held.1.0.0"]),
    "among other things": (lambda: [1.0, None, "a", v(), len], ["held.3"]),
    "a Module": (lambda: Holder(w=v()), ["held.w"]),
    "Modules in a deque": (lambda: deque([Holder(w=v()), Holder(w=v())]), ["held.0.w", "held.1.w"]),
    "a Module with slots": (lambda: Slotted(v(), [v()]), ["held.first", "held.second.0", "held.third"]),
    "a dataclass that is a Module": (lambda: DataModule(v(), [v()]), ["held.w", "held.rows.0"]),
}


def check_all_that_knows(model, twin, names):
    """Every reader of the parameters has the same ones under the same names, and all of them learn."""
    named = dict(model.named_parameters())
    assert list(named) == names
    assert model.parameters() == list(named.values())
    for k, p in enumerate(named.values()):
        p.data = float(k + 1)
    state = model.state_dict()
    flat = []

    def walk(path, entry):
        if isinstance(entry, list):
            for k, each in enumerate(entry):
                walk(f"{path}.{k}", each)
        else:
            flat.append((path, entry))

    for path, entry in state.items():
        walk(path, entry)
    assert flat == [(name, p.data) for name, p in named.items()]
    for p in twin.parameters():
        p.data = 0.0
    twin.load_state_dict(state)
    assert [p.data for p in twin.parameters()] == [p.data for p in named.values()]
    assert f"{len(names)}" in model.summary().splitlines()[-2]
    assert model.predict([1.0]) == sum(range(1, len(names) + 1))
    optimizer = tn.SGD(model.parameters(), lr=0.1)
    for backend in ("eager", "python"):
        before = [p.data for p in named.values()]
        tn.fit(model, [[1.0]], [-5.0], tn.losses.squared_error, optimizer, 1, progress=False, backend=backend)
        assert all(p.data != old for p, old in zip(named.values(), before, strict=True))


@pytest.mark.parametrize("name", COLLECTED)
def test_containers_with_an_order_are_looked_into(name):
    make, names = COLLECTED[name]
    check_all_that_knows(Holder(held=make()), Holder(held=make()), names)


ARRAYS = {
    "a row": ([v(), v()], (2,), ["held.0", "held.1"]),
    "a matrix": ([v(), v(), v(), v()], (2, 2), ["held.0.0", "held.0.1", "held.1.0", "held.1.1"]),
    "of numbers, too": ([1.0, v(), None, v()], (2, 2), ["held.0.1", "held.1.1"]),
    "of Modules": ([Holder(w=v()), Holder(w=v())], (2,), ["held.0.w", "held.1.w"]),
    "without dimensions": ([v()], (), ["held"]),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_of_values_are_looked_into(name):
    np = pytest.importorskip("numpy", reason="numpy is not installed")
    entries, shape, names = ARRAYS[name]
    array = np.empty(len(entries), dtype=object)
    array[:] = entries
    model = Holder(held=array.reshape(shape))
    check_all_that_knows(model, copy.deepcopy(model), names)
    assert Holder(held=np.ones((2, 2)), w=v()).state_dict() == {"w": 1.0}


FORGOTTEN = {
    "a set": (lambda w: {w}, r"held of Holder holds .*'lost'\), but is a set, which has no order.*make it a list"),
    "a frozenset": (lambda w: frozenset([w]), "held of Holder .* is a frozenset, which has no order"),
    "a set in a list": (lambda w: [1.0, {w}], r"held\.1 of Holder .* is a set"),
    "a Module in a set": (lambda w: {Holder(w=w)}, "held of Holder .* is a set"),
    "the values of a dict": (lambda w: {"a": w}.values(), "held of Holder .* is a dict_values,.*make it a list"),
    "a plain object": (lambda w: Plain(w=w), "held of Holder .* is a Plain, and no Module.*make Plain a subclass"),
    "a list of a plain object": (lambda w: Plain(ws=[1.0, w]), "held of Holder .* is a Plain, and no Module"),
    "a plain object's own": (lambda w: Plain(inner=Plain(w=w)), "held of Holder .* is a Plain, and no Module"),
    "a Module of a plain object": (lambda w: Plain(inner=Holder(w=w)), "held of Holder .* is a Plain"),
    "slots": (lambda w: PlainSlots(w), "held of Holder .* is a PlainSlots"),
    "a dataclass": (lambda w: Data(w), "held of Holder .* is a Data, and no Module"),
    "a namespace": (lambda w: SimpleNamespace(w=w), "held of Holder .* is a SimpleNamespace"),
    "a function": (lambda w: lambda x: w * x, "held of Holder .* is the function <lambda>.*keep the Value in an attr"),
    "a default": (lambda w: lambda x, w=w: w * x, "held of Holder .* is the function <lambda>"),
    "a partial": (lambda w: partial(max, w), "held of Holder .* is the function partial"),
    "a method": (lambda w: Plain(w=w).__call__, "held of Holder .* is the function __call__"),
}


@pytest.mark.parametrize("name", FORGOTTEN)
def test_a_value_that_would_never_learn_is_named(name):
    make, words = FORGOTTEN[name]
    w = v(2.0, "lost")
    model: Any = Holder(held=make(w), other=v())
    for read in (
        model.parameters,
        model.state_dict,
        model.summary,
        lambda: list(model.named_parameters()),
        lambda: model.load_state_dict({"other": 1.0}),
    ):
        with pytest.raises(TypeError, match=words):
            read()
    model.w = w  # then it learns
    assert w in model.parameters()
    del model.w
    model._held = model.held
    del model.held
    assert model.parameters() == [model.other]


def test_a_value_of_a_class_is_named():
    class Scaled(Module):
        scale = v(2.0)

        def __init__(self):
            self.w = v()

    class Inner(Module):
        parts = ({"a": [v(2.0)]},)

    class Sub(Scaled):
        pass

    for model, words in (
        (
            Scaled(),
            r"scale of Scaled .* an attribute of the class Scaled, which all its instances share.*set self\.scale",
        ),
        (Sub(), "scale of Sub .* an attribute of the class Scaled"),
        (Holder(inner=[Inner()]), r"inner\.0\.parts of Holder .* an attribute of the class Inner"),
    ):
        with pytest.raises(TypeError, match=words):
            model.parameters()
    own = Scaled()
    own.scale = v(3.0)
    assert own.parameters() == [own.w, own.scale]


def test_an_activation_that_captures_a_value_is_named():
    slope = v(0.1, "slope")
    model = MLP(2, [2, 1], activation=lambda x: tn.maximum(x, slope * x))
    with pytest.raises(TypeError, match=r"layers\.0\.neurons\.0\.activation of MLP holds .*label='slope'"):
        model.parameters()
    model.slope = slope
    assert slope in model.parameters()


class Leaky(Module):
    """An activation with a slope of its own."""

    def __init__(self):
        self.slope = v(0.1)

    def __call__(self, x):
        return tn.maximum(x, self.slope * x)


def test_an_activation_that_is_a_module_learns():
    model = MLP(2, [2, 1], activation=Leaky())
    names = [name for name, _ in model.named_parameters()]
    assert names[:4] == [
        f"layers.0.neurons.0.{name}" for name in ("weights.0", "weights.1", "bias", "activation.slope")
    ]
    assert sum("slope" in name for name in names) == 1


def test_a_parameter_that_a_file_has_no_place_for_is_named(tmp_path):
    model = MLP(2, [1])
    model.slope = v()
    with pytest.raises(ValueError, match=r"save\(\) writes networks as they were made, .* has the parameter slope"):
        tn.save(model, tmp_path / "model.tgnn")


def test_what_holds_no_value_of_its_own_is_left_alone():
    rng = random.Random(0)
    w = v()
    optimizer = tn.SGD([v()], lr=0.1)  # of another model
    model = Holder(
        w=w, frozen={w}, view={"w": w}.values(), plain=Plain(w=w, rng=rng, text="a"), again=lambda: w, rng=rng,
        optimizer=optimizer, module=random, kind=Plain, rows=[[1.0, 2.0]] * 3, count={w: 0.0}, method=rng.random,
        result=Plain(w=w * w), letters={"a"}, shape=slice(1, 2), nothing=iter([1.0]),
    )  # fmt: skip
    model.callback = model.zero_grad
    assert model.parameters() == [w]


def test_a_text_of_a_class_of_its_own_holds_no_value():
    """Its entries are texts of its class, and theirs again."""
    assert Holder(w=Value(2.0), name=UserString("ab")).parameters()[0].data == 2.0


def test_modules_in_circles_and_shared_ones_count_once():
    parent: Any = Holder(w=v())
    child = Holder(parent=parent, w=v())
    parent.child, parent.again, parent.itself, parent.plain = child, [child, child], parent, Plain(child=child)
    parent.circle = []
    parent.circle.append(parent.circle)
    assert [name for name, _ in parent.named_parameters()] == ["w", "child.w"]
    assert [name for name, _ in child.named_parameters()] == ["parent.w", "w"]
    shared = v()
    tied = Holder(first=[shared, v()], second=(shared, v()))
    assert [name for name, _ in tied.named_parameters()] == ["first.0", "first.1", "second.1"]
    assert tied.state_dict() == {"first": [1.0, 1.0], "second": [1.0, 1.0]}
    rows = [line.split() for line in tied.summary().splitlines()[1:4]]
    assert rows == [["first", "2"], ["second", "1"], ["total", "3"]]


def test_a_deep_nest_is_no_limit():
    deep = [v()]
    for _ in range(5000):
        deep = [deep, 1.0]
    chain = Plain(w=v())
    for _ in range(5000):
        chain = Plain(inner=chain)
    assert len(Holder(held=deep).parameters()) == 1
    with pytest.raises(TypeError, match=r"held of Holder .* is a Plain"):
        Holder(held=chain).parameters()


def test_an_optimizer_takes_parameters_in_whatever_has_an_order():
    a, b, c = v(1.0), v(2.0), v(3.0)
    model = Holder(w=a, others=[b, c])
    given: Any
    for given in (
        [a, b, c], (a, b, c), iter([a, b, c]), (p for p in (a, b, c)), reversed([c, b, a]), deque([a, b, c]),
        [[a], (b, [c])], [a, iter([b, c])], {"a": a, "b": [b, c]}, {"a": a, "b": b, "c": c}.values(),
        model.parameters(), model.named_parameters(), list(model.named_parameters()), [model.parameters()],
    ):  # fmt: skip
        assert tn.SGD(given, lr=0.1).parameters == [a, b, c]
    np = pytest.importorskip("numpy", reason="numpy is not installed")
    for array in (np.array([a, b, c]), np.array([[a, b, c]]), [np.array([a, b]), c]):
        assert tn.Adam(array).parameters == [a, b, c]
    for given, kind, words in (
        ({a, b}, TypeError, "set has no order"),
        ([a, {b}], TypeError, "SGD updates Values, but one of the parameters is {Value"),
        (a, TypeError, "the parameters of SGD must be a list of Values"),
        ("ab", TypeError, "the parameters of SGD must be a list of Values"),
        (model, TypeError, r"the parameters of SGD must be a list of Values, such as model\.parameters\(\)"),
        ([model], TypeError, r"one of the parameters is .*Holder.*: give it model\.parameters\(\)"),
        ([a, 1.0], TypeError, r"SGD updates Values, but one of the parameters is 1\.0"),
        ([a, [b, a]], ValueError, "SGD got a parameter twice"),
        (np.array([1.0, 2.0]), TypeError, "one of the parameters is 1.0|one of the parameters is np.float64"),
        ([], ValueError, "SGD got no parameters"),
        ({}, ValueError, "SGD got no parameters"),
        (Holder(x=1.0).parameters(), ValueError, "SGD got no parameters"),
    ):
        with pytest.raises(kind, match=words):
            tn.SGD(given, lr=0.1)

"""likeness: objects that differ in their Values alone are alike, and in nothing else."""

import random
from functools import cached_property

import pytest

import tinygrad_nn as tn
from tinygrad_nn.compiler.surroundings.likeness import likeness_of
from tinygrad_nn.compiler.surroundings.surroundings import Surroundings

SCALE, OFFSETS = 2.0, [0.5, 1.5]


def twice(x):
    return x * SCALE


class Curve(tn.Module):
    def __init__(self, rate=0.5, names=("a", "b"), f=twice):
        self.b = [tn.Value(random.random()) for _ in names]
        self.offset, self.rate, self.f, self.shared = tn.Value(1.0), rate, f, tn.Value(0.0)

    def __call__(self, xs, more=1.0):
        first, *_, last = self.b
        return first * tn.exp(self.rate * self.f(xs[0])) + last + OFFSETS[0] + self.offset + self.shared * more


class Other(Curve):
    pass


def likeness(model, trained=None):
    return likeness_of(Surroundings([model, tn.losses.squared_error]), model.b if trained is None else trained)


def test_objects_of_one_class_are_alike_with_values_of_their_own():
    models = [Curve() for _ in range(3)]
    found = [likeness(model) for model in models]
    assert len({one.key for one in found}) == 1
    for model, one in zip(models, found, strict=True):
        assert one.values[:2] == model.b
        assert {*one.values[2:]} == {model.offset, model.shared}
        assert [one.values.index(value) for value in (model.offset, model.shared)] == [
            found[0].values.index(value) for value in (models[0].offset, models[0].shared)
        ]


def closures(number):
    return lambda x: x * number


def shared_offset(model):
    model.shared = model.offset


ABOUT = {
    "a number": lambda m: setattr(m, "rate", 0.25),
    "the sign of 0": lambda m: setattr(m, "rate", -0.0),
    "the kind of a number": lambda m: setattr(m, "rate", True),
    "more of them": lambda m: m.b.append(tn.Value(1.0)),
    "a number where a Value was": lambda m: setattr(m, "offset", 1.0),
    "one Value twice": shared_offset,
    "a function": lambda m: setattr(m, "f", tn.sin),
    "one of its own": lambda m: setattr(m, "f", closures(3.0)),
    "a class": lambda m: setattr(m, "f", Other()),
}


@pytest.mark.parametrize("change", ABOUT.values(), ids=ABOUT)
def test_what_differs_in_more_is_not_alike(change):
    plain, model = Curve(rate=0.0 if change is ABOUT["the sign of 0"] else 1.0), Curve(rate=1.0)
    change(model)
    found = likeness(model, model.b[:2])
    assert found is not None
    assert found.key != likeness(plain).key


def test_captured_numbers_trained_values_and_subclasses_are_in_the_key():
    one, two, again = (Curve(f=closures(number)) for number in (1.0, 2.0, 1.0))
    assert likeness(one).key == likeness(again).key != likeness(two).key
    assert likeness(one).key != likeness(one, one.b[:1]).key
    assert likeness(one, one.b).key != likeness(one, one.b[::-1]).key
    assert likeness(one, [one.offset, one.shared]).key != likeness(one, [one.shared, one.offset]).key
    assert likeness(Curve()).key != likeness(Other()).key


def test_what_is_changed_around_them_is_in_the_key(monkeypatch):
    keys = {likeness(Curve()).key}
    for change in (
        lambda: monkeypatch.setitem(globals(), "SCALE", 3.0),
        lambda: monkeypatch.setitem(globals(), "OFFSETS", [0.25, 1.5]),
        lambda: monkeypatch.setattr(Curve.__call__, "__defaults__", (2.0,)),
        lambda: monkeypatch.setattr(Curve, "__call__", lambda self, xs: self.b[0] * xs[0]),
        lambda: monkeypatch.setattr(tn.Module, "predict", lambda self, rows: rows),
    ):
        change()
        key = likeness(Curve()).key
        assert key not in keys
        keys.add(key)
    monkeypatch.undo()
    assert likeness(Curve()).key in keys


class Filled(Curve):
    @cached_property
    def late(self):
        return 3.0

    def __call__(self, xs, more=1.0):
        return self.late * self.b[0]


class Printing(Curve):
    def __call__(self, xs, more=1.0):
        print(xs)
        return self.b[0]


class Drawing(Curve):
    def __call__(self, xs, more=1.0):
        return self.b[0] * random.random()


class Recorded(Curve):
    def __init__(self):
        super().__init__()
        self.offset = self.b[0] * 2.0


@pytest.mark.parametrize("kind", [Filled, Printing, Drawing, Recorded])
def test_what_is_more_than_its_values_is_like_nothing(kind):
    assert likeness(kind()) is None

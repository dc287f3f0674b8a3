"""A method that somebody puts into one of the library's classes is seen by what was compiled before."""

import copy
import pickle
import random
from typing import Any

import pytest
from shared import needed

import tinygrad_nn as tn
from tinygrad_nn import Value

X, Y = [[0.1, 0.2], [0.3, -0.4], [0.5, 0.6]], [0.1, 0.2, 0.3]
SCALE = [3.0]


class Own(tn.Module):
    """A module of the user's, which uses one of the library's."""

    def __init__(self):
        self.inner = tn.MLP(2, [2, 1], "tanh", rng=random.Random(1))

    def __call__(self, row):
        return self.inner(row)


def made(kind, rng=1):
    generator = random.Random(rng)
    if kind is tn.MLP:
        return tn.MLP(2, [2, 1], "tanh", rng=generator)
    return Own() if kind is Own else kind(2, *([1] if kind is tn.Layer else []), "tanh", rng=generator)


def scaled(function):
    return lambda self, *given: function(self, *given) * SCALE[0]


def fewer(function):
    return lambda self: function(self)[:-1]


def penalty(model):
    return sum(p * p for p in model.parameters())


# The model, the class that is patched, its attribute, what makes the new one of the old one, and a regularizer.
CASES = {
    "MLP.__call__": (tn.MLP, tn.MLP, "__call__", scaled, None),
    "Layer.__call__": (tn.Layer, tn.Layer, "__call__", scaled, None),
    "Neuron.__call__": (tn.Neuron, tn.Neuron, "__call__", scaled, None),
    "MLP.__call__ in a module": (Own, tn.MLP, "__call__", scaled, None),
    "Module.parameters": (tn.MLP, tn.Module, "parameters", fewer, penalty),
    "Module.parameters of a module": (Own, tn.Module, "parameters", fewer, penalty),
    "MLP.parameters, which hides it": (tn.MLP, tn.MLP, "parameters", fewer, penalty),
    "an attribute": (tn.MLP, tn.MLP, "strength", lambda _: 0.5, lambda m: penalty(m) * getattr(m, "strength", 1.0)),
}


class Steps:
    """Steps on the recorded graph, by hand."""

    def __init__(self, model, regularizer):
        self.model, self.regularizer = model, regularizer
        self.optimizer = tn.SGD(tn.MLP.parameters(model), lr=0.1)

    def __call__(self):
        total = sum((self.model(x) - y) ** 2 for x, y in zip(X, Y, strict=True)) / len(X)
        if self.regularizer is not None:
            total = total + self.regularizer(self.model)
        for p in self.optimizer.parameters:
            p.grad = 0.0
        total.backward()
        self.optimizer.step()
        return total.data


@pytest.fixture(autouse=True)
def as_before():
    yield
    SCALE[0] = 3.0


@pytest.mark.parametrize("backend", ["python", "llvm"])
@pytest.mark.parametrize("name", CASES)
def test_steps_that_were_made_see_it(name, backend, monkeypatch):
    needed(backend)
    kind, owner, attribute, change, regularizer = CASES[name]
    recorded = Steps(made(kind), regularizer)
    model = made(kind)
    optimizer = tn.SGD(model.parameters(), lr=0.1)
    step = tn.compile_step(model, "squared_error", optimizer, regularizer, backend=backend)

    def both():
        loss = step(X, Y)
        assert loss == pytest.approx(recorded(), rel=1e-9)
        assert [p.data for p in optimizer.parameters] == pytest.approx([p.data for p in recorded.optimizer.parameters])
        return loss

    both(), both()
    known: Any = next(iter(step._known.values()))
    first = known.latest
    with monkeypatch.context() as patched:
        patched.setattr(owner, attribute, change(getattr(owner, attribute, None)), raising=False)
        both(), both()
        assert known.latest is not first
        if change is scaled:
            SCALE[0] = -1.0  # which the method that was put there reads
            both(), both()
    both()
    assert known.latest is first  # what was made for the classes as they are now


@pytest.mark.parametrize("backend", ["python", "array", "llvm"])
def test_functions_see_it(backend, monkeypatch):
    needed(backend)
    model = made(tn.MLP)
    f = tn.compile(lambda a, b: model([a, b]) + 1.0, backend=backend)
    before = f(0.5, -0.5)
    monkeypatch.setattr(tn.MLP, "__call__", scaled(tn.MLP.__call__))
    assert f(0.5, -0.5) == pytest.approx(3.0 * (before - 1.0) + 1.0)
    monkeypatch.undo()
    assert f(0.5, -0.5) == before


def test_a_trace_that_patches_a_class_leaves_it_as_it_was():
    kind: Any = tn.MLP
    model, call = made(kind), kind.__call__

    def patching(x):
        kind.__call__ = scaled(kind.__call__)
        kind.more = 1.0
        return model([x, x])

    with pytest.raises(TypeError, match="changes MLP"):
        tn.compile(patching, backend="python")(1.0)
    assert kind.__call__ is call
    assert not hasattr(kind, "more")


def test_copies_leave_nothing_in_a_class_that_is_taken_for_a_method():
    w = Value(2.0)
    model = made(tn.MLP)
    f = tn.compile(lambda a, b: model([a, b]) * w, backend="python")
    f(1.0, 2.0)
    before = f._known.latest
    copy.deepcopy(model), pickle.loads(pickle.dumps(model))
    f(1.0, 2.0)
    assert f._known.latest is before

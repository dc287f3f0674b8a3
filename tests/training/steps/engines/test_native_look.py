"""The texts of looks, and the machine code that makes steps with looks in between."""

import random
from functools import partial

import pytest

import tinygrad_nn as tn
from tinygrad_nn.compiler.backends.llvm import engine as native
from tinygrad_nn.compiler.target import Target
from tinygrad_nn.losses import LOSSES
from tinygrad_nn.training.evaluation import Looked
from tinygrad_nn.training.steps.engines import native_look
from tinygrad_nn.training.steps.engines.looking import LookingEngine
from tinygrad_nn.training.steps.engines.native_look import Looks
from tinygrad_nn.training.steps.recipe import Recipe
from tinygrad_nn.training.steps.rows import Orders, rows_of

numpy = pytest.importorskip("numpy", reason="machine code wants NumPy")
pytest.importorskip("llvmlite", reason="machine code wants llvmlite")
TARGET = Target("llvm")


def looked(model, X, Y, loss=tn.losses.squared_error):
    recipe = Recipe(model, loss, tn.SGD(model.parameters(), lr=0.1))
    return Looked(recipe, rows_of(X, Y), "", TARGET, None, {}), recipe


@pytest.mark.parametrize("rows", [1, 7, 8, 17, 100])
@pytest.mark.parametrize("parts", [1, 2, 3, 50])
def test_parts_of_the_rows_are_all_rows_once(rows, parts, monkeypatch):
    monkeypatch.setattr(native_look, "MOST_PARTS", parts)
    monkeypatch.setattr(native, "processors", lambda: 50)
    monkeypatch.setattr(native_look, "WORTH_THREADS", 1)
    rng = random.Random(rows)
    X, Y = [[rng.random(), rng.random()] for _ in range(rows)], [rng.random() for _ in range(rows)]
    model = tn.MLP(2, [3, 1], "tanh", rng=rng)
    look, recipe = looked(model, X, Y)
    engine = LookingEngine(recipe, look.shapes, TARGET)
    assert engine.can_look([look], look.rows, 5)
    looks, meanwhile = engine._looks, list[int]()
    assert looks is not None
    looks.native[0].found[:] = 0.0
    steps = engine._asked[1]
    looks.beside(steps.arrays.parameters.ctypes.data, partial(meanwhile.append, 1) if rows % 2 else None)
    assert meanwhile == [1] * (rows % 2 if parts > 1 else 0)
    found = engine.found(1)[0]
    assert found.shape == (1, rows, 2)
    for (loss, prediction), x, y in zip(found[0].tolist(), X, Y, strict=True):
        assert prediction == pytest.approx(model(x).data, rel=1e-12)
        assert loss == pytest.approx((model(x).data - y) ** 2, rel=1e-9)


@pytest.mark.parametrize(
    ("rows", "batch", "first", "steps"), [(4, 4, 0, 9), (10, 3, 2, 23), (10, 3, 3, 1), (5, 1, 4, 12)]
)
@pytest.mark.parametrize("shuffled", [False, True])
def test_steps_with_looks_in_between_are_those_without(rows, batch, first, steps, shuffled):
    rng, told = random.Random(rows), []
    X, Y = [[rng.random(), rng.random()] for _ in range(rows)], [rng.random() for _ in range(rows)]
    for looking in (True, False):
        model = tn.MLP(2, [3, 1], "tanh", rng=random.Random(1))
        look, recipe = looked(model, X, Y)
        engine = LookingEngine(recipe, look.shapes, TARGET)
        assert engine.can_look([look], look.rows, batch)
        made, looks = engine._asked[1], engine._looks
        assert looks is not None
        x = Orders(look.rows, random.Random(2) if shuffled else None).laid(steps, TARGET)
        if looking:
            made.many = looks.between
        found = made.run(x, rows, batch, first, made.rates(steps), 0.0, -1.0)
        told.append(([*found[0]], *found[1:], made.arrays.listed(), made.arrays.done))
    assert told[0] == told[1]
    assert made.arrays.done == steps


def test_a_look_keeps_within_its_memory():
    model = tn.MLP(2, [1], rng=random.Random(1))
    look, recipe = looked(model, [[0.5, 1.0]] * 300_000, [1.0] * 300_000)
    engine = LookingEngine(recipe, look.shapes, TARGET)
    assert engine.can_look([look], look.rows, 5)
    assert isinstance(engine._looks, Looks)
    assert engine._looks.most == 1


def test_threads_that_come_late_are_done_without_for_a_while(monkeypatch):
    monkeypatch.setattr(native, "processors", lambda: 2)
    model = tn.MLP(2, [1], rng=random.Random(1))
    look, recipe = looked(model, [[0.5, 1.0]] * 20, [1.0] * 20)
    engine, begun = LookingEngine(recipe, look.shapes, TARGET), list[int]()
    assert engine.can_look([look], look.rows, 5)
    looks, at = engine._looks, engine._asked[1].arrays.parameters.ctypes.data
    assert looks is not None
    for seconds, wanted in ((10.0, [1, 1, 1]), (0.0, [1])):
        begun.clear()
        looks.seconds = seconds
        for _ in range(3):
            looks.beside(at, partial(begun.append, 1))
        assert begun == wanted


def test_on_one_processor_no_thread_begins(monkeypatch):
    monkeypatch.setattr(native, "processors", lambda: 1)
    monkeypatch.setattr(native_look, "WORTH_THREADS", 1)
    monkeypatch.setattr(native_look, "Thread", None)
    model = tn.MLP(2, [1], rng=random.Random(1))
    look, recipe = looked(model, [[0.5, 1.0], [2.0, -1.0]], [1.0, 0.0])
    engine, begun = LookingEngine(recipe, look.shapes, TARGET), list[int]()
    assert engine.can_look([look], look.rows, 2)
    looks, at = engine._looks, engine._asked[1].arrays.parameters.ctypes.data
    assert looks is not None
    looks.native[0].found[:] = 0.0
    looks.beside(at, partial(begun.append, 1))
    assert begun == []
    assert engine.found(1)[0][0, :, 1].tolist() == pytest.approx([model(x).data for x in ([0.5, 1.0], [2.0, -1.0])])


@pytest.mark.parametrize("processors", [1, 2])
@pytest.mark.parametrize("loss", ["squared_error", "cross_entropy"])
def test_a_look_before_any_counts_is_made_where_it_tells_something(loss, processors, monkeypatch):
    """Whether a class is among the outputs, or how long a look takes alone."""
    made = list[int]()
    monkeypatch.setattr(native, "processors", lambda: processors)
    monkeypatch.setattr(Looks, "now", lambda looks, parameters: made.append(parameters))
    for worth in (1, 10**9):
        monkeypatch.setattr(native_look, "WORTH_THREADS", worth)
        model = tn.MLP(2, [2 if loss == "cross_entropy" else 1], rng=random.Random(1))
        look, recipe = looked(model, [[0.5, 1.0], [2.0, -1.0]], [1.0, 0.0], LOSSES[loss])
        made.clear()
        assert LookingEngine(recipe, look.shapes, TARGET).can_look([look], look.rows, 2)
        assert len(made) == (loss == "cross_entropy" or (processors > 1 and worth == 1))

"""The text of steps on rows of several shapes: one module of what is the same for all, and one for each shape."""

import copy
import random
from typing import Any

import pytest
from sequences import Recurrent, numbers_of_several_lengths
from shared import needed
from training import l2

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.compiler.loops import roll
from tinygrad_nn.compiler.loops.find import repeats_in
from tinygrad_nn.compiler.target import Target
from tinygrad_nn.training.steps.engines.engine import UnsupportedError
from tinygrad_nn.training.steps.engines.mixed.mixed_text import MixedText
from tinygrad_nn.training.steps.recipe import Recipe
from tinygrad_nn.training.steps.rows import rows_of


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_parameters_lie_alike_in_all_modules(dtype):
    """Those that are only read are found one after the other, and stand where they stood."""
    needed("llvm")
    model = Recurrent(places=4)
    optimizer = tn.SGD(model.output, lr=0.1)
    text = MixedText(Recipe(model, tn.losses.squared_error, optimizer, l2), Target("llvm", dtype=dtype))
    first = list(text.untrained)
    assert {*map(id, first)} == {*map(id, model.parameters())} - {*map(id, model.output)}
    assert "define void @run" in text.text
    rows: Any = rows_of(*numbers_of_several_lengths())[1]
    model.extra = Value(1.0)
    loss = lambda p, t: (p - t * model.extra) ** 2  # type: ignore[attr-defined]  # noqa: E731
    text = MixedText(Recipe(model, loss, optimizer), Target("llvm", dtype=dtype))
    assert text.untrained == []
    read = []
    for shapes, place in zip(rows.shapes, rows.firsts, strict=True):
        before = list(text.untrained)
        written = text.of_rows(shapes, rows[place], 1)
        assert text.untrained[: len(before)] == before
        assert written.count("define void @row_sums") == 1
        assert "@update" not in written
        read.append(len(text.untrained))
    assert read == sorted(read)
    assert read[-1] == len(model.parameters()) - len(model.output)


def test_an_optimizer_without_parameters_is_left_to_others():
    needed("llvm")
    optimizer = tn.SGD([Value(1.0)], lr=0.1)
    optimizer.parameters = []
    with pytest.raises(UnsupportedError, match="no steps without parameters"):
        MixedText(Recipe(Recurrent(), tn.losses.squared_error, optimizer), Target("llvm"))


class Irregular(tn.Module):
    """Operations that need one another, in no order that returns, after as many as a sequence has numbers."""

    def __init__(self, seed=3):
        rng = random.Random(seed)
        self.weights = [Value(rng.uniform(0.2, 0.4)) for _ in range(40)]
        self.operations = [rng.choice([tn.tanh, tn.sin, tn.sigmoid, tn.softplus]) for _ in self.weights]

    def __call__(self, numbers):
        state = tn.sum(numbers)
        for weight, operation in zip(self.weights, self.operations, strict=True):
            state = operation(state * weight) + weight
        return state


@pytest.mark.parametrize(("model", "searches"), [(Irregular(), 1), (Recurrent(), 3)])
def test_shorter_rows_are_not_searched_for_repeats_that_the_longest_has_not(model, searches, monkeypatch):
    needed("llvm")
    looked = []

    def counted(program, *more):
        looked.append(len(program.entries))
        return repeats_in(program, *more)

    monkeypatch.setattr(roll, "repeats_in", counted)
    X, Y = [[0.01 * k for k in range(n)] for n in (30, 40, 35, 40)], [0.5, 0.25, -0.5, 1.0]
    twin = copy.deepcopy(model)
    step, its = (
        tn.compile_step(m, "squared_error", tn.SGD(m.parameters(), lr=0.1), backend=backend)
        for m, backend in ((model, "llvm"), (twin, "python"))
    )
    for _ in range(3):
        assert step(X, Y) == pytest.approx(its(X, Y), rel=1e-9)
    assert len(looked) == searches
    assert looked[0] == max(looked)
    assert [p.data for p in model.parameters()] == pytest.approx([p.data for p in twin.parameters()], rel=1e-9)

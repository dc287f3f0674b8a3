"""The text of steps on rows of several shapes: one module of what is the same for all, and one for each shape."""

from typing import Any

import pytest
from sequences import Recurrent, numbers_of_several_lengths
from shared import needed
from training import l2

import tinygrad_nn as tn
from tinygrad_nn import Value
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

"""Labels of a drawing: numbers as text, and names that are too long."""

import shutil

from drawings import cells

import tinygrad_nn as tn
from tinygrad_nn import Value


def test_before_backward_a_dash_and_special_numbers_print():
    a = Value(0.5, label="a")
    assert cells(tn.draw(a * 2).source)["v0"] == ["a", "0.5", "grad", "-"]
    for number, text in (
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (-0.0, "-0"),
        (1e-300, "1e-300"),
        (1 / 3, "0.3333"),
    ):
        assert text in cells(tn.draw(Value(number)).source)["v0"]
    assert "0.333333333" in tn.draw(Value(1 / 3), digits=9).source


def test_very_long_labels_are_cut_where_graphviz_would_give_up():
    drawn = tn.draw(Value(1.0, label="x" * 100_000) * 2, title="y" * 100_000)
    assert len(drawn.source) < 20_000
    if shutil.which("dot"):
        assert "…" in drawn.pipe(format="svg", encoding="utf-8")

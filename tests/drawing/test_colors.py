"""Colours of a drawing: gradients on cells and lines, ink that can be read on them, and what is no number."""

import math
import random

import pytest
from drawings import attributes

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.drawing import colors


def test_an_edge_has_the_colour_and_width_of_what_flows_back_along_it():
    a, b, c = Value(2.0), Value(-3.0), Value(4.0)
    y = a * b + c * 0.0
    y.backward()
    source = tn.draw(y).source
    assert attributes(source, "v0", "v2") == {"color": colors.BELOW, "penwidth": "3.5"}  # b = -3, the largest
    assert attributes(source, "v1", "v2")["color"] == colors.ABOVE
    assert float(attributes(source, "v1", "v2")["penwidth"]) == pytest.approx(0.9 + 2.6 * math.sqrt(2 / 3), abs=0.01)
    assert attributes(source, "v3", "v4") == {"color": colors.LINE, "penwidth": "0.8"}  # 0
    assert "lines: what flows back" in source
    unknown = tn.draw(Value(1.0) * 2).source
    assert attributes(unknown, "v0", "v1")["color"] == colors.LINE
    assert "no backward() has reached the result drawn" in unknown


def test_cells_are_coloured_by_their_gradient():
    a, b = Value(2.0), Value(-3.0)
    y = a * b
    y.backward()
    source = tn.draw(y).source
    assert f'bgcolor="{colors.fill(-3.0, 3.0)}">-3<' in source
    assert f'bgcolor="{colors.fill(2.0, 3.0)}">2<' in source
    assert colors.fill(1e-3, 1.0) != colors.fill(0.0, 1.0) != colors.fill(-1e-3, 1.0)


@pytest.mark.parametrize("gradient", [0, 0.1, 0.5, 1, -0.1, -0.5, -1, math.nan])
def test_ink_is_readable_on_every_fill(gradient):
    """The contrast of WCAG 2: at least 4.5 for text of this size."""
    fill = colors.fill(gradient, 1.0)

    def luminance(color):
        parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    assert (luminance(fill) + 0.05) / (luminance(colors.INK) + 0.05) >= 4.5


def test_what_is_not_a_number_is_purple():
    a = Value(math.nan, label="a")
    y = a * Value(2.0)
    y.backward()
    source = tn.draw(y).source
    assert attributes(source, "v1", "v2")["color"] == colors.NOT_A_NUMBER
    assert ">nan<" in source
    model = tn.MLP(50, [2, 1], rng=random.Random(0))
    model.layers[0].neurons[0].weights[1].data = math.nan
    assert colors.NOT_A_NUMBER_FILL in tn.draw(model([0.1] * 50), view="layers").source

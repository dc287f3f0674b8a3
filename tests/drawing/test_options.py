"""What drawings are asked for: every option that is none is told."""

import pytest
from drawings import learned
from shared import wrong

import tinygrad_nn as tn
from tinygrad_nn import Value


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: tn.draw(wrong(3.0)), TypeError, "draws the graph behind a Value, but got 3.0 of type float"),
        (lambda: tn.draw(wrong([Value(1.0)])), TypeError, "of type list"),
        (
            lambda: tn.draw(wrong(tn.MLP(2, [1]))),
            TypeError,
            r"call the model on a row first, or use draw_network\(model\)",
        ),
        (lambda: tn.draw(Value(1.0), rankdir="up"), ValueError, "unknown rankdir 'up': give one of LR, RL, TB, BT"),
        (
            lambda: tn.draw(Value(1.0), view="tree"),
            ValueError,
            "unknown view 'tree': give one of auto, graph, neurons, layers",
        ),
        (lambda: tn.draw(Value(1.0), style="fancy"), ValueError, "unknown style 'fancy': give one of compact, classic"),
        (
            lambda: tn.draw(Value(1.0) + 1, view="neurons"),
            ValueError,
            "none took part in this graph: call a model first",
        ),
        (lambda: tn.draw(Value(1.0) + 1, view="layers"), ValueError, 'draw it with view="graph"'),
        (
            lambda: tn.draw(Value(1.0) + Value(2.0), max_nodes=2),
            ValueError,
            "would have 3 nodes, more than max_nodes=2",
        ),
        (lambda: tn.draw(learned(), max_nodes=40, expand=True), ValueError, "would have 47 nodes.*insist"),
        (lambda: tn.draw(learned(), view="neurons", max_nodes=5), ValueError, "would have 13 nodes"),
        (lambda: tn.draw(Value(1.0), digits=wrong("four")), TypeError, "digits must be a whole number from 1 to 17"),
        (
            lambda: tn.draw(Value(1.0), max_nodes=wrong(None)),
            TypeError,
            "max_nodes must be a whole number of 1 or more, but got None",
        ),
        (lambda: tn.draw(Value(1.0), title=wrong(3)), TypeError, "title of a drawing is text, but got 3"),
        (lambda: tn.draw(Value(1.0)).write("picture"), ValueError, "takes the format from the ending"),
        (lambda: tn.draw(Value(1.0)).write("/no/such/folder/x.gv"), OSError, "there is no folder"),
        (lambda: tn.draw(Value(1.0)).save("graph.svg"), ValueError, r"use write\('graph.svg'\) for the picture"),
    ],
)
def test_bad_input(call, error, words):
    with pytest.raises(error, match=words):
        call()

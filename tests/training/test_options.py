"""What fit is given: every option that is none is told, and changes nothing."""

import math
import random

import pytest
from shared import wrong
from training import BACKENDS, moons, trained

import tinygrad_nn as tn

X, Y = moons(6)


CLASSES = {"loss": "cross_entropy", "outputs": 3}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("given", "options", "error", "words"),
    [
        ((X, Y[:-1]), {}, ValueError, "X has 6 rows and Y 5"),
        (([], []), {}, ValueError, "X and Y are empty"),
        (([[1.0, 2.0], [1.0]], [1, 1]), {}, ValueError, "row 1 of X and Y: layer 1, neuron 1 takes 2"),
        (([[1.0, "2"]], [1]), {}, TypeError, r"row 0 of X and Y, \[1.0, '2'\] and 1, must hold numbers"),
        ((X, ["cat"] * 6), {}, TypeError, "row 0 of X and Y, .* and 'cat', must hold numbers"),
        (([[1.0, 2.0, 3.0]], [1]), {}, ValueError, "layer 1, neuron 1 takes 2 inputs, but was given 3"),
        (([[1.0, 2.0], [math.nan, 1.0]], [1, 1]), {}, ValueError, "row 1 of X and Y holds nan"),
        (([[1.0, 2.0], [math.inf, 1.0]], [1, 1]), {}, ValueError, "row 1 of X and Y holds inf"),
        ((X, Y), {"validation": (X, [*Y[:-1], math.nan])}, ValueError, "row 5 of the validation's X and Y holds nan"),
        ((X, Y), {"validation": X[0][0]}, TypeError, r"validation wants \(X, Y\)"),
        ((X, Y), {"validation": (X, Y[1:])}, ValueError, "the validation's X has 6 rows and Y 5"),
        ((X, Y), {"validation": ([[1.0]], [1])}, ValueError, "row 0 of the validation's X and Y: layer 1.* given 1"),
        ((X, Y), {"batch_size": 0}, ValueError, "batch_size must be a whole number of 1 or more"),
        ((X, Y), {"epochs": 0}, ValueError, "epochs must be a whole number of 1 or more"),
        ((X, Y), {"patience": 0}, ValueError, "patience must be a whole number of 1 or more, but got 0"),
        ((X, Y), {"metrics": "acuracy"}, ValueError, "unknown metric 'acuracy': give one of accuracy, mae, rmse"),
        ((X, Y), {"metrics": [3]}, TypeError, r"a metric is a name or a function .* but got 3"),
        ((X, Y), {"metrics": None}, TypeError, "metrics are one or a list of names or functions .* but got None"),
        ((X, Y), {"metrics": lambda p, t: "a"}, TypeError, "the metric <lambda> must give a number .* but gave 'a'"),
        (
            (X, Y),
            {"metrics": "mae", "outputs": 2, "loss": lambda p, t: p[0] * t},
            ValueError,
            "has 2 outputs and 1 tar",
        ),
        ((X, Y), {"loss": "hing"}, ValueError, "unknown loss 'hing': give one of"),
        ((X, Y), {"callbacks": [3]}, TypeError, "a callback is a function of the history, but got 3"),
        ((X, Y), {"callbacks": None}, TypeError, "callbacks are one or a list of functions of the history"),
        ((X, Y), {"until": ("accuracy", 1)}, TypeError, r"until wants \(metric, threshold\), a function"),
        ((X, Y), {"checkpoint": "nowhere/model.txt"}, FileNotFoundError, "there is no folder .*nowhere"),
        ((X, Y), {"checkpoint": 3}, TypeError, 'a path is text such as "model.txt", but got 3'),
        *(
            ((X, [0, 1, 2, 1, 0, label]), CLASSES, ValueError, f"row 5 of X and Y: got the index {label}")
            for label in (3, -1, 0.5)
        ),
        ((X, [[0, 1, 0]] * 6), CLASSES, TypeError, r"give target.index\(1\)"),
        (
            (X, [0, 1, 2, 1, 0, 1]),
            CLASSES | {"validation": (X, [0, 0, 9, 0, 0, 0])},
            ValueError,
            "row 2 of the validation's X and Y: got the index 9",
        ),
    ],
)
def test_bad_input_is_said_and_changes_nothing(given, options, error, words, backend, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    made = []
    original = tn.MLP.parameters

    def parameters(self):
        made.append(self)
        return original(self)

    monkeypatch.setattr(tn.MLP, "parameters", parameters)
    with pytest.raises(error, match=words):
        trained(backend, data=given, **options)
    if made:
        fresh = tn.MLP(2, [6, options.get("outputs", 1)], "tanh", rng=random.Random(1))
        assert made[0].state_dict() == fresh.state_dict()


def test_an_optimizer_of_another_model_is_told():
    with pytest.raises(ValueError, match="the optimizer has none of the model's parameters"):
        tn.fit(tn.MLP(2, [1]), X, Y, "hinge", tn.SGD(tn.MLP(2, [1]).parameters(), lr=0.1))
    with pytest.raises(TypeError, match=r"the optimizer must be one such as tn.SGD\(.*\), but got 'sgd'"):
        tn.fit(tn.MLP(2, [1]), X, Y, "hinge", wrong("sgd"))
    with pytest.raises(ValueError, match="the recorded graph computes in dtype 'float64', but got 'float32'"):
        trained("eager", dtype="float32")


def test_backends_that_are_none_are_named():
    with pytest.raises(ValueError, match="unknown back end 'fast'"):
        trained("fast")

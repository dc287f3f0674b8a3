"""What is made into 8 bits, and what is not: in words, and with nothing written."""

import math
import random
import sys

import pytest
from integer_files import MODELS, drawn

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.export.integers.floats import float_layers, seen_in


class Doubled(tn.MLP):
    """A network that says something else than its layers."""

    def __call__(self, inputs):
        return [2.0 * output for output in super().__call__(inputs)]


class Own(tn.Module):
    def __init__(self):
        self.slope = Value(1.0)

    def __call__(self, xs):
        return self.slope * xs[0]


def changed(change):
    model = tn.MLP(2, [3, 2], "tanh", rng=random.Random(1))
    change(model)
    return model


def doubled():
    return Doubled(2, [3, 2], rng=random.Random(1))


def still():
    return tn.MLP(1, [2], init=lambda rng: 0.0)


def mixed(model):
    model.layers[0].neurons[1].activation = "relu"


def squashed(model):
    for neuron in model.layers[0].neurons:
        neuron.activation = lambda x: x * x


def sparse(model):
    del model.layers[0].neurons[1].weights[0]


def diverged(model):
    model.layers[0].neurons[1].bias.data = math.nan


def huge(model):
    for value in model.parameters():
        value.data = 1e200


def soft(model):
    model.layers[0] = tn.Layer(2, 3, "softmax")


ROWS = [[0.5, -1.5], [1.0, 2.0]]


@pytest.mark.parametrize(
    ("model", "options", "error", "words"),
    [
        (Own, {}, ValueError, "Own cannot be exported with dtype='int8': in 8 bits there are MLPs, Layers and Neurons"),
        (doubled, {}, ValueError, r"Doubled computes \[.*\], but its layers one by one \["),
        (lambda: changed(mixed), {}, ValueError, "has the activations relu, tanh: in 8 bits"),
        (lambda: changed(squashed), {}, ValueError, "has the activations <lambda>: in 8 bits"),
        (lambda: changed(sparse), {}, ValueError, "was wired by hand: in 8 bits"),
        (lambda: changed(diverged), {}, ValueError, "the parameter layers.0.neurons.1.bias is nan"),
        (lambda: changed(huge), {}, ValueError, "sums of the model are larger than floats hold for these rows"),
        (lambda: changed(soft), {}, ValueError, "has the activations softmax: in 8 bits .* softmax for the last"),
        (lambda: tn.MLP(2, [2]), {"rows": None}, ValueError, "takes its scales from rows: give rows=.*; none were"),
        (lambda: tn.MLP(2, [2]), {"rows": []}, ValueError, "give rows=.*; these are none"),
        (lambda: tn.MLP(2, [2]), {"rows": [[1.0]]}, ValueError, "the model takes 2 inputs, but row 0 has 1"),
        (lambda: tn.MLP(2, [2]), {"rows": [[1.0, math.inf]]}, ValueError, "each entry of row 0 must be a number"),
        (lambda: tn.MLP(2, [2]), {"rows": [[1.0, "a"]]}, TypeError, "each entry of row 0 must be a number"),
        (lambda: tn.MLP(2, [2]), {"rows": "ab"}, TypeError, "rows"),
        (still, {"rows": [[1e39], [-1e39]]}, ValueError, "which floats cannot divide: scale it"),
        (lambda: tn.MLP(2, [2]), {"loss": "hinge"}, ValueError, "in 8 bits a network predicts and does not learn"),
        (lambda: tn.MLP(2, [2]), {"inputs": 2}, ValueError, "in 8 bits a network predicts and does not learn"),
        (lambda: tn.MLP(2, [2]), {"dtype": "float"}, ValueError, "rows are what dtype='int8' takes its scales from"),
        (lambda: tn.compile(lambda x: x), {}, ValueError, "Function cannot be exported with dtype='int8'"),
        (lambda: 3, {}, TypeError, "wants a model, but got 3"),
    ],
)  # fmt: skip
def test_what_is_not_made_into_8_bits_is_told(model, options, error, words, tmp_path):
    with pytest.raises(error, match=words):
        tn.export_c(model(), tmp_path / "model.c", **({"dtype": "int8", "rows": ROWS} | options))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("which", ["tanh within", "probabilities", "one neuron"])
def test_what_rows_make_is_the_same_without_numpy(which, monkeypatch):
    pytest.importorskip("numpy")
    model, rows = MODELS[which]()
    units = float_layers(model)
    found = seen_in(model, units, rows)
    monkeypatch.setattr(sys.modules[float_layers.__module__], "find_spec", lambda name: None)
    for one, other in zip(found, seen_in(model, units, rows), strict=True):
        for ends, others in zip([*one.sums, *one.moments], [*other.sums, *other.moments], strict=True):
            assert ends == pytest.approx(others, rel=1e-12, abs=1e-12)


def test_rows_come_as_an_array_or_one_alone(tmp_path):
    numpy = pytest.importorskip("numpy")
    model, rows = drawn((3, 4, 2))
    texts = []
    for given in (rows, numpy.array(rows), iter(rows)):
        tn.export_c(model, tmp_path / "model.c", dtype="int8", rows=given, overwrite=True)
        texts.append((tmp_path / "model.c").read_text(encoding="ascii"))
    assert texts[0] == texts[1] == texts[2]
    tn.export_c(model, tmp_path / "model.c", dtype="int8", rows=rows[0], overwrite=True)

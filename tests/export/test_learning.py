"""Mini-batches in C: their gradients are added up in an array that is there only if asked for."""

import ctypes
import math
import random

import pytest
from c_files import MODELS, built, exported, library, needs_cc, network, printed
from programs import near
from shared import wrong

import tinygrad_nn as tn

pytestmark = needs_cc


class Batches:
    """A file as a library: the state, and steps on several rows."""

    def __init__(self, text, folder):
        self.loaded = library(text, folder)
        for name in ("train", "accumulate"):
            getattr(self.loaded, f"model_{name}").restype = ctypes.c_double
        self.state = ctypes.create_string_buffer(1 << 16)
        self.loaded.model_init(self.state)

    def call(self, name, x, target):
        target = target if isinstance(target, list) else [target]
        given = [(ctypes.c_double * len(numbers))(*numbers) for numbers in (x, target)]
        return float(getattr(self.loaded, f"model_{name}")(self.state, *given))

    def step(self, X, Y):
        losses = [self.call("accumulate", x, y) for x, y in zip(X, Y, strict=True)]
        self.loaded.model_update(self.state)
        return sum(losses) / len(losses)

    def numbers(self, count):
        return list((ctypes.c_double * count).from_buffer(self.state))


@pytest.mark.parametrize("which", ["xor", "classes", "tanh, two outputs"])
def test_steps_on_several_rows_are_those_of_python(which, tmp_path):
    text, model, optimizer = exported(which, tmp_path, dtype="double", batches=True)
    made, rng = Batches(text, tmp_path), random.Random(2)
    step = tn.compile_step(model, MODELS[which][1], optimizer, backend="python")
    n = len(model.layers[0].neurons[0].weights)
    for _ in range(40):
        X = [[rng.uniform(-1, 1) for _ in range(n)] for _ in range(rng.randint(1, 6))]
        wide = [[rng.uniform(-1, 1) for _ in range(2)] for _ in X]
        Y = wide if which.startswith("tanh") else [float(rng.randrange(4 if which == "classes" else 2)) for _ in X]
        assert near(made.step(X, Y), step(X, Y), 1e-12)
        if rng.random() < 0.3:
            assert near(made.call("train", X[0], Y[0]), step(X[:1], Y[:1]), 1e-12)
    count = len(model.parameters())
    assert all(near(w, p.data, 1e-11) for w, p in zip(made.numbers(count), model.parameters(), strict=True))


def test_a_row_whose_class_is_none_is_not_counted(tmp_path):
    text, model, _ = exported("classes", tmp_path, dtype="double", batches=True)
    made, other = Batches(text, tmp_path), Batches(text, tmp_path)
    x = [0.1, 0.2, 0.3]
    for learner in (made, other):
        learner.call("accumulate", x, 2.0)
    for index in (4.0, -1.0, 0.5, math.nan):
        assert math.isnan(made.call("accumulate", x, index))
    for learner in (made, other):
        learner.call("accumulate", x, 1.0)
        learner.loaded.model_update(learner.state)
    count = 2 * len(model.parameters())
    assert made.numbers(count) == other.numbers(count)
    made.loaded.model_update(made.state)  # on no rows
    assert made.numbers(count) == other.numbers(count)


@pytest.mark.parametrize(("which", "compiler"), [("xor", "gcc"), ("classes", "clang"), ("classes", "g++")])
def test_a_file_with_batches_passes_its_self_test_without_a_warning(which, compiler, tmp_path):
    text, _, _ = exported(which, tmp_path, batches=True, save=True)
    assert printed(built(text, tmp_path, "-O2", "-DMODEL_SELF_TEST", compiler=compiler)) == ("ok", 0)


def test_the_array_is_there_only_if_asked_for(tmp_path):
    texts = [exported("xor", tmp_path, batches=batches)[0] for batches in (False, True)]
    assert ["gradient[17]" in text for text in texts] == ["accumulate" in text for text in texts] == [False, True]
    with pytest.raises(ValueError, match="batches=True is for a model that learns in C"):
        tn.export_c(network(), tmp_path / "other.c", batches=True)
    with pytest.raises(TypeError, match="batches"):
        tn.export_c(network(), tmp_path / "other.c", batches=wrong("yes"))

"""Training in C: a thousand steps are those of Python, from where the optimizer is."""

import ctypes
import math
import random

import pytest
from c_files import (
    MODELS,
    built,
    exported,
    library,
    needs_cc,
    network,
    printed,
    python_step,
)
from programs import (
    bits,
    near,
)

import tinygrad_nn as tn

pytestmark = needs_cc


class Learner:
    """A model's file as a library: its state, predictions and steps."""

    def __init__(self, text, folder, real, n_outputs):
        self.real, self.loaded, self.n_outputs = real, library(text, folder), n_outputs
        self.loaded.model_train.restype = real
        self.state = ctypes.create_string_buffer(1 << 16)
        self.loaded.model_init(self.state)

    def train(self, x, target):
        target = target if isinstance(target, list) else [target]
        return self.loaded.model_train(self.state, (self.real * len(x))(*x), (self.real * len(target))(*target))

    def predict(self, x):
        y = (self.real * self.n_outputs)()
        self.loaded.model_predict(self.state, (self.real * len(x))(*x), y)
        return list(y)

    def numbers(self, count):
        return list((self.real * count).from_buffer(self.state))


@pytest.mark.parametrize(
    ("activation", "loss", "make"),
    [
        ("relu", "squared_error", lambda p: tn.SGD(p, 0.01, momentum=0.9)),
        ("relu", "hinge", lambda p: tn.SGD(p, 0.02, momentum=0.5, nesterov=True, weight_decay=0.01)),
        ("leaky_relu", "absolute_error", lambda p: tn.SGD(p, 0.01)),
    ],
)
def test_a_thousand_steps_of_arithmetic_are_equal_in_bits(activation, loss, make, tmp_path):
    model = network((3, 5, 4, 1), activation)
    optimizer, rng = make(model.parameters()), random.Random(4)
    loss = getattr(tn.losses, loss)
    tn.export_c(model, tmp_path / "model.c", loss=loss, train=optimizer, dtype="double")
    made = Learner((tmp_path / "model.c").read_text(), tmp_path, ctypes.c_double, 1)
    for _ in range(1000):
        x, target = [rng.uniform(-1, 1) for _ in range(3)], rng.choice([-1.0, 1.0])
        assert bits(made.train(x, target), python_step(model, loss, optimizer, x, target))
    expected = [p.data for p in model.parameters()] + (optimizer.velocity if optimizer.momentum else [])
    assert made.numbers(len(expected) + 1) == [*expected, optimizer.lr]
    assert made.predict(x) == [model.predict(x)]


@pytest.mark.parametrize(
    ("which", "bound"), [("xor", 1e-12), ("classes", 1e-12), ("gelu, logits", 1e-12), ("by hand", 1e-12)]
)
def test_a_thousand_steps_stay_together(which, bound, tmp_path):
    for dtype, real, limit in (("double", ctypes.c_double, bound), ("float", ctypes.c_float, 2e-3)):
        text, model, optimizer = exported(which, tmp_path, dtype=dtype)
        loss = MODELS[which][1]
        inputs = len((model.hidden if which == "by hand" else model.layers[0]).neurons[0].weights)
        loss, rng = getattr(tn.losses, loss), random.Random(4)
        classes = len(model.layers[-1].neurons) if which == "classes" else 2
        folder = tmp_path / dtype
        folder.mkdir()
        made = Learner(text, folder, real, classes)
        for _ in range(1000):
            x, target = [rng.uniform(-1, 1) for _ in range(inputs)], float(rng.randrange(classes))
            assert near(made.train(x, target), python_step(model, loss, optimizer, x, target), limit)
        assert all(
            near(w, p.data, limit)
            for w, p in zip(made.numbers(len(optimizer.parameters)), optimizer.parameters, strict=True)
        )


@pytest.mark.parametrize("index", [4.0, -1.0, 0.5, math.nan, math.inf, 1e30])
def test_a_class_that_is_none_is_nan_and_changes_nothing(index, tmp_path):
    text, model, _ = exported("classes", tmp_path)
    made = Learner(text, tmp_path, ctypes.c_float, 4)
    made.train([0.1, 0.2, 0.3], 2.0)
    before, count = made.state.raw, 2 * len(model.parameters())
    assert math.isnan(made.train([0.1, 0.2, 0.3], index))
    assert made.state.raw[: 4 * count] == before[: 4 * count]
    assert not math.isnan(made.train([0.1, 0.2, 0.3], 3.0))


def test_the_state_starts_where_the_optimizer_is(tmp_path):
    model = network((2, 3, 1), "relu")
    for optimizer in (tn.SGD(model.parameters(), 0.05, momentum=0.9), tn.Adam(model.parameters(), 0.05)):
        loss = tn.losses.squared_error
        for k in range(5):
            python_step(model, loss, optimizer, [0.1 * k, 0.2], 1.0)
        tn.export_c(model, tmp_path / "model.c", loss=loss, train=optimizer, dtype="double", overwrite=True)
        folder = tmp_path / type(optimizer).__name__
        folder.mkdir()
        made = Learner((tmp_path / "model.c").read_text(), folder, ctypes.c_double, 1)
        for k in range(5):
            assert near(
                made.train([0.3, 0.1 * k], 0.5), python_step(model, loss, optimizer, [0.3, 0.1 * k], 0.5), 1e-15
            )


def test_the_half_adder_trains_to_the_same_table_in_c(tmp_path):
    model = tn.MLP(2, [3, 2], "sigmoid", "sigmoid", init="normal", rng=random.Random(1))
    optimizer = tn.SGD(model.parameters(), lr=0.09, momentum=0.015)
    tn.export_c(model, tmp_path / "half_adder.c", name="half_adder", loss="squared_error", train=optimizer)
    main = """
#include <stdio.h>
#include "half_adder.c"
int main(void)
{
    static const float X[4][2] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}}, Y[4][2] = {{0, 0}, {0, 1}, {0, 1}, {1, 0}};
    static half_adder_state state;
    float y[2];
    half_adder_init(&state);
    for (int epoch = 0; epoch < 100000; ++epoch) {
        for (int row = 0; row < 4; ++row) {
            (void)half_adder_train(&state, X[row], Y[row]);
        }
    }
    for (int row = 0; row < 4; ++row) {
        half_adder_predict(&state, X[row], y);
        printf("%d%d ", y[0] > 0.5f, y[1] > 0.5f);
    }
    return 0;
}
"""
    assert printed(built(main, tmp_path, "-O2"))[0] == "00 01 01 10"
    X, Y = tn.data.half_adder()
    tn.compile_step(model, "squared_error", optimizer).run(X, Y, epochs=20_000)
    assert model.predict_classes(X, threshold=0.5) == [[0, 0], [0, 1], [0, 1], [1, 0]]


def test_what_an_update_does_not_read_and_always_sets_to_one_number_is_not_in_the_state(tmp_path):
    model = network((2, 3, 1), "relu")
    for momentum in (0.0, 0.5):
        optimizer = tn.SGD(model.parameters(), lr=0.1, momentum=momentum)
        tn.export_c(model, tmp_path / "model.c", loss="hinge", train=optimizer, overwrite=True)
        text = (tmp_path / "model.c").read_text()
        assert ("velocity" in text) is bool(momentum)
        assert "0.0f * " not in text


class Named(tn.optim.Optimizer):
    """Its states have names of the file's, and it calls a function of the file's."""

    initial_state = (0.0, 0.0, 0.0)
    state_names = ("down_sum", "init", "maximum")

    def update(self, parameter, gradient, state, lr, step):
        down, init, most = state
        return parameter - lr * tn.maximum(gradient, down), (down + gradient * gradient, init + 1.0, most)


class Shrinking(tn.optim.Optimizer):
    """An update that looks at no gradient."""

    def update(self, parameter, gradient, state, lr, step):
        return parameter * 0.9, state


class OfThree(tn.optim.Optimizer):
    def update(self, parameter, gradient, state, lr, step):
        return parameter - lr * tn.maximum(gradient, 0.0, parameter), state


@pytest.mark.parametrize("kind", [Named, Shrinking])
def test_optimizers_of_ones_own(kind, tmp_path):
    model = network((2, 3, 1))
    optimizer = kind(model.parameters(), 0.1)
    python_step(model, tn.losses.squared_error, optimizer, [0.1, 0.2], 1.0)
    tn.export_c(model, tmp_path / "model.c", loss="squared_error", train=optimizer)
    text = (tmp_path / "model.c").read_text()
    assert printed(built(text, tmp_path, "-DMODEL_SELF_TEST")) == ("ok", 0)
    with pytest.raises(ValueError, match=r"OfThree.update\(\) calls a function of lists"):
        tn.export_c(model, tmp_path / "other.c", loss="squared_error", train=OfThree(model.parameters(), 0.1))

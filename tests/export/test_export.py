"""Exporting to C: whole files or none, every refusal, headers, and check_c beside the model."""

import math
import os
from typing import Any

import pytest
from c_files import (
    MODELS,
    Skip,
    built,
    exported,
    found,
    needs_cc,
    network,
    printed,
)

import tinygrad_nn as tn
from tinygrad_nn import Value

pytestmark = needs_cc


def test_a_header_declares_what_the_file_defines(tmp_path):
    model = network()
    tn.export_c(model, tmp_path / "net.c", name="net", header=True)
    uses = 'float x[3] = {0}, y[2]; net_predict(x, y); printf("%g", (double)y[0]); return 0;'
    main = f'#include "net.h"\n#include "net.h"\n#include <stdio.h>\nint main(void) {{ {uses} }}'
    built((tmp_path / "net.c").read_text(), tmp_path, "-O1", "-c", name="net.o.c")
    for compiler in ("gcc", "g++"):
        if compiler in found:
            both = f'#include "net.c"\n{main}'
            assert float(printed(built(both, tmp_path, compiler=compiler))[0]) == pytest.approx(
                model.predict([0.0] * 3)[0], rel=1e-4
            )
    assert "static const float" not in (tmp_path / "net.h").read_text()


def branching(x):
    return x if x > 0.0 else 0.1 * x


class Own(tn.optim.Optimizer):
    """An update that branches on the gradient."""

    initial_state = (0.0,)

    def update(self, parameter, gradient, state, lr, step):
        return parameter - lr * (1.0 if gradient > 0.0 else -1.0), state


def learning(**options):
    model = network((2, 3, 1))
    train = options.pop("optimizer", lambda p: tn.SGD(p, 0.1))(model.parameters())
    return model, {"loss": "squared_error", "train": train} | options


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: (network(), {"name": "2fast"}), ValueError, "'2fast' is no name in C"),
        (lambda: (network(), {"name": "my net"}), ValueError, "'my net' is no name in C"),
        (lambda: (network(), {"name": "while"}), ValueError, "'while' is a keyword of C"),
        (lambda: (network(), {"name": "class"}), ValueError, "'class' is a keyword of C or C"),
        (lambda: (network(), {"name": 3}), TypeError, "the name of an export is text"),
        (lambda: (network(), {"dtype": "float64"}), ValueError, "of dtype 'float' or 'double', but got 'float64'"),
        (lambda: (network((2, 3, 1), branching), {}), ValueError, r"one of several paths at .*test_export.py:\d+"),
        (lambda: (3, {}), TypeError, "wants a model, or a function that was compiled, but got 3"),
        (lambda: (network(), {"loss": "hinge"}), ValueError, "but train is missing"),
        (lambda: (network(), {"train": tn.SGD([Value(1.0)], 0.1)}), ValueError, "but loss is missing"),
        (lambda: (network(), {"loss": "hinge", "train": "sgd"}), TypeError, r"train must be an optimizer .* got 'sgd'"),
        (lambda: learning(loss="hing"), ValueError, "unknown loss 'hing'"),
        (lambda: learning(optimizer=lambda p: tn.SGD(p, lambda s: 0.1)), ValueError, "the learning rate is a function"),
        (lambda: learning(optimizer=lambda p: Own(p, 0.1)), ValueError, r"Own.update\(\) branches"),
        (lambda: (Skip(), {}), ValueError, "Skip does not say how many inputs it takes: give inputs="),
        (lambda: (Skip(), {"inputs": 0}), ValueError, "a number of 1 or more, or a list of names, but got 0"),
    ],
)  # fmt: skip
def test_bad_input_is_said_and_writes_nothing(make, error, words, tmp_path):
    model, options = make()
    with pytest.raises(error, match=words):
        tn.export_c(model, tmp_path / "model.c", **options)
    assert list(tmp_path.iterdir()) == []


def test_files_are_not_overwritten_or_half_written(tmp_path, monkeypatch):
    path, model = tmp_path / "model.c", network()
    tn.export_c(model, path)
    before = path.read_bytes()
    model.layers[0].neurons[0].bias.data = 0.75
    with pytest.raises(FileExistsError, match=r"model.c is there already: give another path, or overwrite=True"):
        tn.export_c(model, path)
    (tmp_path / "other.h").write_text("mine")
    with pytest.raises(FileExistsError, match=r"other.h is there already"):
        tn.export_c(model, tmp_path / "other.c", header=True)
    assert (path.read_bytes(), (tmp_path / "other.h").read_text()) == (before, "mine")
    assert not (tmp_path / "other.c").exists()
    tn.export_c(model, path, overwrite=True)
    assert path.read_bytes() != before
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        tn.export_c(model, tmp_path / "nowhere" / "model.c")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        tn.export_c(model, tmp_path)
    with pytest.raises(ValueError, match=r"give a path that ends in \.c"):
        tn.export_c(model, tmp_path / "m.h", header=True)


def test_a_folder_that_cannot_be_written_to(tmp_path, monkeypatch):
    import tempfile

    def refused(**given):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "mkstemp", refused)
    with pytest.raises(PermissionError, match=r"model.c cannot be written: no file may be made in .*Permission denied"):
        tn.export_c(network(), tmp_path / "model.c")
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == []


def test_exporting_leaves_the_model_as_it_is(tmp_path):
    _, model, optimizer = exported("xor", tmp_path)
    assert model.state_dict() == MODELS["xor"][0]().state_dict()
    assert optimizer.steps == 0
    assert optimizer.state == MODELS["xor"][2](model.parameters()).state
    assert all(p.grad == 0.0 for p in model.parameters())


CAPTURED = Value(1.5)


def test_what_is_captured_is_not_touched(tmp_path):
    import threading

    model = network((2, 3, 1), "tanh")
    model.lock = threading.Lock()  # which cannot be copied

    def decayed(prediction, target):
        return tn.losses.squared_error(prediction, target) + 0.1 * tn.sum([w * w for w in model.parameters()])

    before = model.state_dict()
    tn.export_c(model, tmp_path / "model.c", loss=decayed, train=tn.SGD(model.parameters(), 0.1))
    assert printed(built((tmp_path / "model.c").read_text(), tmp_path, "-DMODEL_SELF_TEST")) == ("ok", 0)
    assert model.state_dict() == before
    assert {p.grad for p in model.parameters()} == {0.0}
    w, b = Value(0.5), Value(0.1)
    options: dict[str, Any] = {"loss": "squared_error", "train": tn.SGD([w, b], 0.1), "inputs": 1, "overwrite": True}
    tn.export_c(lambda x: tn.tanh(w * x[0] + b), tmp_path / "model.c", **options)
    assert printed(built((tmp_path / "model.c").read_text(), tmp_path, "-DMODEL_SELF_TEST")) == ("ok", 0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"loss": "squared_error", "train": tn.SGD([Value(1.0)], 0.1)}, "a compiled function is exported as it is"),
        ({"inputs": 7}, "a compiled function is exported as it is"),
        ({"name": "real"}, "'real' is what these files call a number"),
        ({"name": "sin"}, "'sin' is a function of C"),
        ({"name": "main"}, "'main' is where a program begins"),
        ({"name": "NAN"}, "'NAN' is a macro of C"),
    ],
)
def test_functions_are_exported_as_they_are(options, words, tmp_path):
    f = tn.compile(lambda x: x * x)
    f(2.0)
    with pytest.raises(ValueError, match=words):
        tn.export_c(f, tmp_path / "f.c", **options)
    assert list(tmp_path.iterdir()) == []
    tn.export_c(f, tmp_path / "f.c", name="squared", header=True)
    assert '#include "f.h"' in (tmp_path / "f.c").read_text()
    built((tmp_path / "f.c").read_text(), tmp_path, "-c", "-Wredundant-decls")


@pytest.mark.parametrize("targets", [-2, 1.5, True])
def test_targets_are_a_count(targets, tmp_path):
    model, options = learning(targets=targets)
    with pytest.raises((ValueError, TypeError), match="targets must be a whole number of 1 or more"):
        tn.export_c(model, tmp_path / "model.c", **options)


def test_a_pair_of_files_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    model, path = network(), tmp_path / "model.c"
    tn.export_c(model, path, header=True)
    before = {entry.name: entry.read_bytes() for entry in tmp_path.iterdir()}
    model.layers[0].neurons[0].bias.data = 0.75
    fsync, synced = os.fsync, []

    def full(handle):
        synced.append(handle)
        if len(synced) == 2:
            raise OSError(28, "No space left on device")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        tn.export_c(model, path, header=True, overwrite=True)
    assert {entry.name: entry.read_bytes() for entry in tmp_path.iterdir()} == before


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_a_weight_that_is_no_number_is_named_and_nothing_is_written(number, tmp_path):
    model, options = learning()
    f = tn.compile(lambda x: Value(2.0) * x + spoiled, backend="python")
    spoiled = Value(1.0, label="offset")
    f(1.0)
    spoiled.data = model.layers[0].neurons[1].weights[1].data = number
    for named, call in (
        ("layers.0.neurons.1.weights.1", lambda: tn.export_c(model, tmp_path / "made.c")),
        ("layers.0.neurons.1.weights.1", lambda: tn.export_c(model, tmp_path / "made.c", **options)),
        ("layers.0.neurons.1.weights.1", lambda: tn.check_c(model)),
        ("offset", lambda: tn.export_c(f, tmp_path / "made.c", name="f")),
        ("offset", lambda: f.source("c")),
    ):
        with pytest.raises(ValueError, match=f"the parameter {named} is {number}, .* that did not diverge"):
            call()
    assert list(tmp_path.iterdir()) == []

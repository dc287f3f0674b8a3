"""The C file of a model: its length, what its comment says, and models of every kind."""

import cProfile
import random
import re
import subprocess

import pytest
from c_files import (
    built,
    found,
    needs_cc,
    network,
    printed,
)
from shared import matched

import tinygrad_nn as tn
from tinygrad_nn import Value

pytestmark = needs_cc


def code_lines(text):
    return [line for line in text.split("*/", 1)[1].splitlines() if line.strip() and not re.match(r"\s+[-\d(.]", line)]


def test_code_grows_with_layers_and_not_with_weights(tmp_path):
    sizes = [(48, 32, 48), (96, 64, 96)]  # small ones have fewer sums side by side, or are written out
    lengths = []
    for n, hidden, outputs in sizes:
        model = network((n, hidden, outputs), "relu")
        optimizer = tn.SGD(model.parameters(), 0.1, 0.9)
        tn.export_c(model, tmp_path / "model.c", loss="cross_entropy", train=optimizer, overwrite=True)
        text = (tmp_path / "model.c").read_text()
        lengths.append(len(code_lines(text.split("#ifdef MODEL_SELF_TEST")[0])))
    assert lengths[1] <= lengths[0] + 2
    assert lengths[0] < 245


def test_what_the_comment_says_is_so(tmp_path):
    model = network((2, 4, 1), "tanh", "sigmoid", input_names=["left */ right", "größe??/"], output_names=["xor"])
    optimizer = tn.SGD(model.parameters(), 0.1, 0.9)
    tn.export_c(model, tmp_path / "model.c", loss="binary_cross_entropy", train=optimizer)
    text = (tmp_path / "model.c").read_text(encoding="ascii")
    size = int(matched(r"RAM: ([\d,]+) bytes of state", text)[1].replace(",", ""))
    made = built(
        f'{text}\n#include <stdio.h>\nint main(void) {{ printf("%d", (int)sizeof(model_state)); return 0; }}', tmp_path
    )
    assert printed(made)[0] == str(size)
    assert size <= 1024
    assert "flash: 68 bytes of constants" in text
    assert "(left * / right, gr\\xf6\\xdfe? ?/)" in text
    assert "y 1 (xor)" in text


@pytest.mark.parametrize("names", [None, [f"the number of things of kind {k}" for k in range(90)], ["long" * 900] * 2])
def test_lines_of_comments_are_short_and_name_the_file(names, tmp_path):
    width = 784 if names is None else len(names)
    tn.export_c(tn.MLP(width, [1], input_names=names), tmp_path / "what it's called.c", name="net", header=True)
    for text in ((tmp_path / f"what it's called.{kind}").read_text(encoding="ascii") for kind in "ch"):
        about = text[: text.index("*/")]
        assert max(map(len, about.splitlines())) <= 120
        assert all(line.startswith(("/* ", "   ")) or not line for line in about.splitlines())
        assert "784 inputs (x1, x2 ... x784)" in about or names
    (test,) = re.findall(r"test:  cc (.*)\n", about)
    run = subprocess.run(f"{next(iter(found))} {test}", shell=True, cwd=tmp_path, capture_output=True, text=True)
    assert run.stdout == "ok\n", run.stderr


CAPTURED = Value(1.5)


def root(x):
    return x[0] ** 0.5 * CAPTURED


def taken(x):
    return tn.take([CAPTURED, x[0]], x[1])


@pytest.mark.parametrize(("model", "inputs"), [(root, 1), (taken, 2), (lambda x: [x[0], 1.5, CAPTURED], 2)])
def test_models_that_plain_floats_do_not_suit(model, inputs, tmp_path):
    tn.export_c(model, tmp_path / "model.c", inputs=inputs)
    assert printed(built((tmp_path / "model.c").read_text(), tmp_path, "-DMODEL_SELF_TEST")) == ("ok", 0)


def test_what_no_float_can_hold(tmp_path):
    model = network()
    train = tn.Adam(model.parameters(), betas=(0.9, 0.99999999))
    with pytest.raises(ValueError, match=r"the setting 0.99999999 of the optimizer is 1 as a float"):
        tn.export_c(model, tmp_path / "model.c", loss="squared_error", train=train)
    model.layers[0].neurons[0].bias.data = 1e39
    with pytest.raises(
        ValueError, match=r"neurons.0.bias is 1e\+39, which is larger than any float: export with dtype"
    ):
        tn.export_c(model, tmp_path / "model.c")
    assert list(tmp_path.iterdir()) == []
    tn.export_c(model, tmp_path / "model.c", dtype="double")


def test_comments_that_names_cannot_end(tmp_path):
    tn.export_c(network((2, 1), input_names=["*\\\n/", "b*/"]), tmp_path / "model.c")
    built((tmp_path / "model.c").read_text(), tmp_path, "-c")


def test_models_without_outputs_are_refused(tmp_path):
    with pytest.raises(ValueError, match="returns no numbers"):
        tn.export_c(lambda x: [], tmp_path / "model.c", inputs=1)


def test_arrays_on_the_stack_are_told(tmp_path):
    """Those of a function, and of its loops the largest; with scratch they are all that a prediction takes."""
    told = {}
    for name, model in (("wide", network((64, 32, 10), "relu")), ("small", network((2, 3, 1)))):
        tn.export_c(model, tmp_path / f"{name}.c", name)
        text = (tmp_path / f"{name}.c").read_text()
        told[name] = matched(r"RAM: ([\d,]+) bytes of scratch(.*?);", text).groups()
        arrays = [int(size) for size in re.findall(r"^        float \w+\[(\d+)\] = ", text, re.M)]
        assert told[name][1] == (f", {4 * max(arrays)} bytes of stack" if arrays else "")
    assert told == {"wide": ("128", ", 32 bytes of stack"), "small": ("12", "")}
    softmax = tn.compile(lambda numbers: tn.softmax(numbers))
    softmax([0.0] * 5)
    assert f"RAM: {5 * 8} bytes of stack; " in softmax.source("c")


def test_an_export_takes_as_many_calls_for_each_weight_however_many_there_are(tmp_path):
    """Of Python's functions: tracing, rolling, the self test and the text together are linear, and few."""
    calls = []
    for width in (32, 128):
        model = tn.MLP(width, [32, 4], rng=random.Random(0))
        optimizer = tn.SGD(model.parameters(), 0.1, momentum=0.9)
        profile = cProfile.Profile(builtins=False)
        profile.runcall(tn.export_c, model, tmp_path / "made.c", loss="cross_entropy", train=optimizer, overwrite=True)
        count = sum(entry.callcount for entry in profile.getstats())
        calls.append((count, len(optimizer.parameters)))
    (few, narrow), (many, wide) = calls
    assert (many - few) / (wide - narrow) < 110
    assert many / wide < 1.05 * few / narrow

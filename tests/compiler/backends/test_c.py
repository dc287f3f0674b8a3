"""C files: equal to the engine in bits where arithmetic is all there is, without a warning, and whole or not there."""

import ctypes
import math
import os
import random
import re
import struct

import pytest
from c_files import COMPILERS, built, called, found, library, needs_cc, of, printed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from programs import (
    ARITHMETIC,
    CORNERS,
    KINDS,
    ROWS,
    SMOOTH,
    bits,
    corner_call,
    corner_rows,
    eager,
    extended,
    near,
    plans,
)

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.compiler.backends.c import functions as c_functions

pytestmark = needs_cc


def agree(function, rows, folder, bound=0.0, flags=()):
    """The C file of a function gives the values and derivatives of the engine, within a relative bound."""
    f = tn.compile(function)
    for row in rows:
        f.value_and_grad(*row)
    loaded = library(f.source("c"), folder, *flags)
    name = re.search(r"double (\w+)_grad\(", f.source("c"))[1]
    for row in rows:
        value, gradients = eager(function, row)
        got, flows = called(loaded, f"{name}_grad", row, [1] * len(row))
        alone, _ = called(loaded, name, row)
        for mine, wanted in zip([got, alone, *(flow for (flow,) in flows)], [value, value, *gradients], strict=True):
            assert bits(mine, wanted) or near(mine, wanted, bound), (row, mine, wanted, f.source("c"))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_primitive_at_its_corners(row, tmp_path):
    agree(corner_call(row), corner_rows(row), tmp_path, bound=1e-15)


def test_every_primitive_has_a_spelling():
    from tinygrad_nn.autograd.primitives import TABLE

    assert {*c_functions.EXPRESSIONS, *c_functions.FUNCTIONS, *c_functions.FOLDS} == set(TABLE)


@given(data=st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_arithmetic_is_equal_in_bits(data, tmp_path):
    numbers = data.draw(st.lists(st.floats(-3, 3), min_size=2, max_size=3))
    captured, plan = Value(data.draw(st.floats(-2, 2))), data.draw(plans(ARITHMETIC, most=20))

    def function(*scalars):
        return extended([*scalars, captured, 0.5, -2.0], plan)[-1] + 0.0 * scalars[0]

    agree(function, [numbers], tmp_path, flags=[f"-O{data.draw(st.integers(0, 3))}"])


@given(data=st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_programs(data, tmp_path):
    rows = data.draw(st.lists(st.tuples(*[st.floats(-3, 3)] * 3), min_size=1, max_size=3))
    plan = data.draw(plans(KINDS, most=14))
    agree(lambda *scalars: extended([*scalars, 0.5], plan)[-1] + 0.0 * scalars[0], rows, tmp_path, bound=1e-13)


def test_a_planted_fault_is_caught(tmp_path, monkeypatch):
    monkeypatch.setitem(c_functions.EXPRESSIONS, "subtract", "{b} - {a}")
    with pytest.raises(AssertionError):
        agree(lambda x, y: (x - y) * x, [[1.0, 3.0]], tmp_path)


def test_lists_results_and_branches_of_functions(tmp_path):
    w = Value(2.0)

    def distances(rows, x):
        return [tn.sum([(a - x) ** 2 for a in row]) * w for row in rows]

    f = tn.compile(distances)
    expected = f([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], 0.5)
    text = f.source("c")
    assert "void distances(const double rows[6], double x, double result[2])" in text
    assert "_grad" not in text
    assert called(library(text, tmp_path), "distances", [[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 0.5], [2])[1] == [expected]

    def branches(x, y):
        return x * 2.0 if x > y else y * y

    f = tn.compile(branches)
    f(3.0, 1.0)
    one = library(f.source("c"), tmp_path, name="one")
    assert called(one, "branches", [3.0, 1.0])[0] == 6.0
    assert math.isnan(called(one, "branches", [1.0, 3.0])[0])  # no path of it is known
    assert all(math.isnan(n) for (n,) in called(one, "branches_grad", [1.0, 3.0], [1, 1])[1])
    f(1.0, 3.0)
    both = library(f.source("c"), tmp_path, name="both")
    assert [called(both, "branches", row)[0] for row in ([3.0, 1.0], [1.0, 3.0])] == [6.0, 9.0]
    assert called(both, "branches_grad", [1.0, 3.0], [1, 1]) == (9.0, [[0.0], [6.0]])
    assert "test_c.py" in f.source("c")
    assert "/" not in re.search(r"branches \((.*)\)", f.source("c"))[1]


def test_functions_of_floats_and_names_that_c_has_already(tmp_path):
    def double(int, y1, π, exp):
        return int * y1 + π / exp

    f = tn.compile(double, backend="python")
    f(1.0, 2.0, 3.0, 4.0)
    loaded = library(f.source("c"), tmp_path)
    assert called(loaded, "double_2", [1.0, 2.0, 3.0, 4.0])[0] == 2.75
    tn.export_c(f, tmp_path / "other.c", name="sums", dtype="float")
    assert "float sums(float int_2, float y1_2, float v, float exp_2);" in (tmp_path / "other.c").read_text()
    with pytest.raises(ValueError, match="has no program yet"):
        tn.compile(double).source("c")


def network(sizes=(3, 5, 4, 2), activation="tanh", output="linear", seed=1, **options):
    return tn.MLP(sizes[0], sizes[1:], activation, output, rng=random.Random(seed), **options)


def squash(x):
    return tn.maximum(x * 0.5, tn.sin(x))


class Skip(tn.Module):
    """Wired by hand: a layer, a neuron, a number that is shared, and one that does not learn."""

    def __init__(self):
        rng = random.Random(3)
        self.hidden, self.out = tn.Layer(2, 3, "softplus", rng=rng), tn.Neuron(3, "linear", rng=rng)
        self.scale, self.offset = Value(0.5), Value(0.25)

    def __call__(self, x):
        return self.out([h * self.scale for h in self.hidden(x)]) * self.scale + self.offset + 0.0 * x[0]


def _decayed(parameters):
    return tn.SGD(parameters, 0.1, weight_decay=0.1)


def _gently(parameters):
    return tn.SGD(parameters, 0.09, 0.015)


MODELS = {
    "tanh, two outputs": (network, "squared_error", lambda p: tn.SGD(p, 0.05, momentum=0.9), {}),
    "xor": (lambda: network((2, 4, 1), "tanh", "sigmoid"), "binary_cross_entropy", lambda p: tn.Adam(p, 0.05), {}),
    "classes": (lambda: network((3, 6, 4), "relu"), "cross_entropy", lambda p: tn.SGD(p, 0.1, 0.5, nesterov=True), {}),
    "no hidden layer": (lambda: network((2, 1), output="linear"), "hinge", _decayed, {}),
    "gelu, logits": (lambda: network((2, 3, 3, 1), "gelu"), "binary_cross_entropy_with_logits", tn.Adam, {}),
    "an activation in Python": (lambda: network((2, 4, 1), squash), "huber", lambda p: tn.SGD(p, 0.05), {}),
    "one neuron": (lambda: tn.Neuron(2, "silu", rng=random.Random(1)), "absolute_error", lambda p: tn.SGD(p, 0.1), {}),
    "one layer": (lambda: tn.Layer(2, 3, "elu", rng=random.Random(1)), "squared_error", lambda p: tn.SGD(p, 0.1), {}),
    "by hand": (Skip, "squared_error", lambda p: tn.SGD(p[:-1], 0.01, 0.5), {"inputs": 2}),
    "a loss in Python": (network, lambda p, t: tn.exp(p[0] - t[0]) + p[1] * p[1], lambda p: tn.SGD(p, 0.01), {}),
    "half adder": (lambda: network((2, 3, 2), "sigmoid", "sigmoid"), "squared_error", _gently, {}),
}  # fmt: skip


def exported(which, folder, learns=True, dtype="float", **options):
    """The text of a model's file, the model and its optimizer."""
    make, loss, optimizer, own = MODELS[which]
    model = make()
    optimizer = optimizer(model.parameters())
    given = {"loss": loss, "train": optimizer} if learns else {}
    path = folder / "model.c"
    tn.export_c(model, path, dtype=dtype, overwrite=True, **given, **own, **options)
    return path.read_text(encoding="utf-8"), model, optimizer


@pytest.mark.parametrize("learns", [True, False])
@pytest.mark.parametrize("which", MODELS)
@pytest.mark.parametrize("dtype", ["float", "double"])
def test_files_pass_their_self_test_without_a_warning(which, dtype, learns, tmp_path):
    text, _, _ = exported(which, tmp_path, learns, dtype)
    for compiler, level in (("gcc", "-O3"), ("gcc", "-O0"), ("clang", "-O2"), ("g++", "-O1")):
        if compiler in ("clang", "g++") and dtype == "double":
            continue
        if compiler not in found:
            continue
        built(text, tmp_path, level, "-c", compiler=compiler)
        assert printed(built(text, tmp_path, level, "-DMODEL_SELF_TEST", compiler=compiler)) == ("ok", 0)


@pytest.mark.slow
@pytest.mark.parametrize("which", MODELS)
@pytest.mark.parametrize("compiler", COMPILERS)
def test_every_compiler_level_and_sanitizer(which, compiler, tmp_path):
    of(compiler)
    for learns in (True, False):
        for dtype in ("float", "double"):
            text, _, _ = exported(which, tmp_path, learns, dtype)
            sanitized = [["-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]] * (compiler != "clang")
            for flags in (["-O0"], ["-O3"], *sanitized):  # Debian's clang comes without a runtime for sanitizers
                assert printed(built(text, tmp_path, *flags, "-DMODEL_SELF_TEST", compiler=compiler)) == ("ok", 0)


def test_a_self_test_tells_what_differs(tmp_path):
    text, _, _ = exported("xor", tmp_path)
    wrong = text.replace(
        "static const float expected[4] = {\n        ", "static const float expected[4] = {\n        1"
    )
    told, status = printed(built(wrong, tmp_path, "-DMODEL_SELF_TEST"))
    assert status == 1
    assert re.search(r"the prediction of row 0 is 0\.\d+, but in Python 10\.", told)
    assert "1 differ" in told


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


def python_step(model, loss, optimizer, x, target):
    found = loss(model(x), target)
    optimizer.zero_grad()
    found.backward()
    optimizer.step()
    return found.data


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
    n = len(model.parameters())
    assert made.numbers(2 * n) == [p.data for p in model.parameters()] + optimizer.velocity
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


def code_lines(text):
    return [line for line in text.split("*/", 1)[1].splitlines() if line.strip() and not re.match(r"\s+[-\d(.]", line)]


def test_code_grows_with_layers_and_not_with_weights(tmp_path):
    sizes = [(5, 6, 7), (20, 30, 40)]  # dots of up to four products are written out
    lengths = []
    for n, hidden, outputs in sizes:
        model = network((n, hidden, outputs), "relu")
        optimizer = tn.SGD(model.parameters(), 0.1, 0.9)
        tn.export_c(model, tmp_path / "model.c", loss="cross_entropy", train=optimizer, overwrite=True)
        text = (tmp_path / "model.c").read_text()
        lengths.append(len(code_lines(text.split("#ifdef MODEL_SELF_TEST")[0])))
    assert lengths[1] <= lengths[0] + 2
    assert lengths[0] < 170


def test_what_the_comment_says_is_so(tmp_path):
    model = network((2, 4, 1), "tanh", "sigmoid", input_names=["left */ right", "größe??/"], output_names=["xor"])
    optimizer = tn.SGD(model.parameters(), 0.1, 0.9)
    tn.export_c(model, tmp_path / "model.c", loss="binary_cross_entropy", train=optimizer)
    text = (tmp_path / "model.c").read_text(encoding="ascii")
    size = int(re.search(r"RAM: ([\d,]+) bytes of state", text)[1].replace(",", ""))
    made = built(
        f'{text}\n#include <stdio.h>\nint main(void) {{ printf("%d", (int)sizeof(model_state)); return 0; }}', tmp_path
    )
    assert printed(made)[0] == str(size)
    assert size <= 1024
    assert "flash: 68 bytes of constants" in text
    assert "(left * / right, gr\\xf6\\xdfe? ?/)" in text
    assert "y 1 (xor)" in text


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


def test_numbers_come_back_to_the_bit():
    rng = random.Random(1)
    some = [*CORNERS, 5e-324, 2.0**-149, 0.1, *(struct.unpack("d", rng.randbytes(8))[0] for _ in range(500))]
    for value in some:
        text = c_functions.number(value, False).strip("()")
        assert text in ("NAN", "INFINITY", "-INFINITY") or bits(float(text), value)
        wanted = c_functions.rounded(value)
        if math.isinf(wanted) and not math.isinf(value):
            with pytest.raises(ValueError, match="is larger than any float"):
                c_functions.number(value, True)
            continue
        single = c_functions.number(value, True).strip("()")
        if text not in ("NAN", "INFINITY", "-INFINITY"):
            assert single.endswith("f")
            assert c_functions.rounded(float(single[:-1])) == wanted


def test_check_c(tmp_path):
    model = network((3, 5, 2), "relu")
    assert tn.check_c(model, dtype="double") == 0.0
    assert 0.0 < tn.check_c(model, [[0.1, 0.2, 0.3], [1.0, 2.0, 3.0]]) < 1e-6
    assert tn.check_c(network((3, 5, 2), "tanh"), dtype="double", flags=["-O0"]) < 1e-15
    with pytest.raises(
        FileNotFoundError, match=r"no compiler nonesuch here: install one .* or name yours by compiler="
    ):
        tn.check_c(model, compiler="nonesuch")
    with pytest.raises(ValueError, match="the model takes 3 inputs, but row 1 has 2"):
        tn.check_c(model, [[1.0, 2.0, 3.0], [1.0, 2.0]])
    with pytest.raises(RuntimeError, match="-fnonsense"):
        tn.check_c(model, flags=["-fnonsense"])


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
        (lambda: (network((2, 3, 1), branching), {}), ValueError, r"takes one of several paths at .*test_c.py:\d+"),
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


def test_smooth_kinds_are_all_spelled(tmp_path):
    plan = [(kind, k, k + 1, k + 2) for k, kind in enumerate(SMOOTH)]
    agree(lambda x, y, z: extended([x, y, z, 0.5], plan)[-1], [[0.3, -0.7, 1.1]], tmp_path, bound=1e-13)


# Names, shapes and values that were once fatal.


def labelled(x, xs):
    mu_i = tn.exp(x)
    mu_i.label = "mu_i"
    mu = [v * mu_i for v in xs]
    for k, m in enumerate(mu):
        m.label = f"mu{k}"
    return tn.dot(mu, [tn.sin(m) for m in mu])


def argument_like_a_member(z_i, xs):
    zs = [tn.exp(z_i) * x for x in xs]
    for k, z in enumerate(zs):
        z.label = f"z{k}"
    return tn.dot(zs, [tn.sin(z) for z in zs])


def named_like_the_file(named_like_the_file_values, named_like_the_file_sigmoid, expf, M_PI):
    return tn.sigmoid(named_like_the_file_values) * expf + named_like_the_file_sigmoid * M_PI * CAPTURED


CAPTURED = Value(1.5)


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (labelled, [0.5, [1.0, 2.0, 3.0, 4.0]]),
        (argument_like_a_member, [0.5, [1.0, 2.0, 3.0, 4.0]]),
        (lambda xs, ys, z: z * ys[1] + sum(xs, 0.0), [[], [1.0, 2.0], 3.0]),
        (named_like_the_file, [0.1, 0.2, 0.3, 0.4]),
        (lambda *xs, scale=2.0: tn.sum(list(xs)) * scale, [1.0, 2.0]),
    ],
)
def test_names_and_empty_lists(function, arguments, tmp_path):
    f = tn.compile(function)
    value, gradients = f.value_and_grad(*arguments)
    text = f.source("c")
    for compiler in COMPILERS:
        if compiler in found:
            built(text, tmp_path, "-O1", "-c", compiler=compiler)
    name = re.search(r"double (\w+)_grad\(", text)[1]
    sizes = [max(1, len(a)) if isinstance(a, list) else 1 for a in arguments]
    given = [a or [0.0] if isinstance(a, list) else a for a in arguments]
    got, flows = called(library(text, tmp_path), f"{name}_grad", given, sizes)
    assert near(got, value, 1e-14)
    for mine, wanted in zip(flows, gradients, strict=True):
        listed = wanted if isinstance(wanted, list) else [wanted]
        assert all(near(a, b, 1e-14) for a, b in zip(mine, listed, strict=False))


def test_empty_lists_are_arguments_like_others():
    assert tn.compile(lambda xs, y: y * 2.0 + len(xs))([], 3.0) == 6.0


def test_branches_that_capture_other_values_and_no_arguments(tmp_path):
    w, b = Value(2.0), Value(3.0)
    f = tn.compile(lambda x: x * w if x > 0 else x * b * b)
    f(1.0)
    f(-1.0)
    made = library(f.source("c"), tmp_path)
    name = re.search(r"double (\w+)_grad\(", f.source("c"))[1]
    assert [called(made, f"{name}_grad", [x], [1]) for x in (1.0, -1.0)] == [(2.0, [[2.0]]), (-9.0, [[9.0]])]

    def nothing():
        return w * 2.0 if w > 0 else w

    f = tn.compile(nothing)
    f()
    assert called(library(f.source("c"), tmp_path), "nothing", [])[0] == 4.0

    def lengths(x):
        return [x, 2.0 * x] if x > 0 else [x, x, 3.0 * x]

    f = tn.compile(lengths)
    f(1.0)
    f(-1.0)
    with pytest.raises(ValueError, match="lengths returns other numbers of results on other paths"):
        f.source("c")


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
    options = {"loss": "squared_error", "train": tn.SGD([w, b], 0.1), "inputs": 1, "overwrite": True}
    tn.export_c(lambda x: tn.tanh(w * x[0] + b), tmp_path / "model.c", **options)
    assert printed(built((tmp_path / "model.c").read_text(), tmp_path, "-DMODEL_SELF_TEST")) == ("ok", 0)


def root(x):
    return x[0] ** 0.5 * CAPTURED


def taken(x):
    return tn.take([CAPTURED, x[0]], x[1])


@pytest.mark.parametrize(("model", "inputs"), [(root, 1), (taken, 2), (lambda x: [x[0], 1.5, CAPTURED], 2)])
def test_models_that_plain_floats_do_not_suit(model, inputs, tmp_path):
    tn.export_c(model, tmp_path / "model.c", inputs=inputs)
    assert printed(built((tmp_path / "model.c").read_text(), tmp_path, "-DMODEL_SELF_TEST")) == ("ok", 0)


def test_self_tests_of_nan_and_of_large_outputs(tmp_path):
    model = network((2, 3, 1), "relu")
    X, Y = [[i / 20 - 1] for i in range(41)], [100 * (i / 20 - 1) + 50 for i in range(41)]
    line = tn.MLP(1, [8, 1], "relu", rng=random.Random(1))
    optimizer = tn.Adam(line.parameters(), 0.1)
    tn.fit(line, X, Y, "squared_error", optimizer, epochs=400, batch_size=8, rng=random.Random(2), progress=False)
    for made, train in ((lambda x: model(x) * math.nan, tn.Adam(model.parameters(), 0.01)), (line, optimizer)):
        inputs = None if made is line else 2
        tn.export_c(made, tmp_path / "model.c", loss="squared_error", train=train, inputs=inputs, overwrite=True)
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


@pytest.mark.parametrize(
    ("answer", "difference"),
    [(math.inf, 0.0), (1.0, math.inf), (math.nan, math.inf), (-math.inf, math.inf)],
)
def test_check_c_compares_numbers_that_are_not_finite(answer, difference, monkeypatch):
    from tinygrad_nn.export import export

    monkeypatch.setattr(export, "_run", lambda command, given="": f"{answer} 3.5" if given else "")
    assert tn.check_c(lambda x: [1.0 / x[0], x[0] + 3.0], [[0.0]], inputs=1) == max(difference, 0.5)


def test_check_c_says_what_it_cannot_compare():
    model = network()
    assert tn.check_c(lambda x: CAPTURED / x[0] + 1.0 / x[0], [[0.0]], inputs=1) == 0.0
    with pytest.raises(ValueError, match="there are none"):
        tn.check_c(model, [])


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


def test_comments_that_names_cannot_end(tmp_path):
    tn.export_c(network((2, 1), input_names=["*\\\n/", "b*/"]), tmp_path / "model.c")
    built((tmp_path / "model.c").read_text(), tmp_path, "-c")


def test_models_without_outputs_are_refused(tmp_path):
    with pytest.raises(ValueError, match="returns no numbers"):
        tn.export_c(lambda x: [], tmp_path / "model.c", inputs=1)

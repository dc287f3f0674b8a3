"""C files on a machine without an operating system: a Cortex-M4, cross-compiled and run under qemu, in kilobytes."""

import random
import re

import pytest
from c_files import MODELS
from c_files import exported as exported_model
from devices import M0, M4, measured, printed, program, ran, sizes
from integer_files import classifier, data_set
from shared import matched

import tinygrad_nn as tn
from tinygrad_nn.export.integers.quantizing import quantized

SIZE = "arm-none-eabi-size"
STRICT = ["-std=c99", "-Wall", "-Wextra", "-Wconversion", "-pedantic", "-Werror", "-Os", "-ffunction-sections"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(M4.missing), reason=f"no {M4.missing} here"),
]


def compiled(text, folder, *flags):
    """The object file of a C text."""
    (folder / "model.c").write_text(text, encoding="ascii")
    ran([M4.compiler, *M4.flags, *STRICT, *flags, "-c", folder / "model.c", "-o", folder / "model.o"])
    return folder / "model.o"


def run_on_qemu(text, folder):
    """What the self test of a C text prints on the machine."""
    return printed(M4, program(M4, folder, [compiled(text, folder, "-DMODEL_SELF_TEST")])).strip()


def exported(folder, model, loss, optimizer):
    path = folder / "made.c"
    tn.export_c(model, path, loss=loss, train=optimizer, overwrite=True)
    return path.read_text(encoding="ascii")


@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
def test_exclusive_or_learns_in_four_kilobytes(optimizer, tmp_path, capsys):
    model = tn.MLP(2, [4, 1], "tanh", "sigmoid", rng=random.Random(1))
    train = getattr(tn, optimizer)(model.parameters(), lr=0.1)
    text = exported(tmp_path, model, "binary_cross_entropy", train)
    assert run_on_qemu(text, tmp_path) == "ok"
    code, held = sizes(compiled(text, tmp_path), SIZE)
    state = int(matched(r"RAM: ([\d,]+) bytes of state", text)[1].replace(",", ""))
    with capsys.disabled():
        print(f"\nexclusive or by {optimizer} on a Cortex-M4: {code} bytes of code, {state} of state")
    assert held == 0
    assert code <= 4096
    assert state <= 1024


class Recurrent(tn.Module):
    """One number after the other, and what is left of them."""

    def __init__(self, units, rng):
        self.neurons = [tn.Neuron(1 + units, "tanh", rng=rng) for _ in range(units)]
        self.out = tn.Neuron(units, "linear", rng=rng)
        for value in self.parameters():  # with larger ones it is chaotic
            value.data *= 0.3

    def __call__(self, xs):
        h = [0.0] * len(self.neurons)
        for x in xs:
            h = [neuron([x, *h]) for neuron in self.neurons]
        return self.out(h)


def test_a_recurrent_net_learns_and_is_no_longer_for_more_steps(tmp_path, capsys):
    code = {}
    for times in (3, 30):
        model = Recurrent(16, random.Random(1))
        tn.export_c(
            model, tmp_path / "made.c", loss="squared_error", train=tn.SGD(model.parameters(), 0.01),
            inputs=times, overwrite=True,
        )  # fmt: skip
        text = (tmp_path / "made.c").read_text(encoding="ascii")
        assert run_on_qemu(text, tmp_path) == "ok"
        made = compiled(text, tmp_path)
        listed = ran([SIZE, "-A", made])
        code[times] = sum(int(size) for size in re.findall(r"^\.text\S*\s+(\d+)", listed, re.M))
    with capsys.disabled():
        whole, _ = sizes(made, SIZE)
        print(f"\na recurrent net of 16 units on a Cortex-M4: {code} bytes of code by steps; {whole} with tables")
    assert code[30] <= code[3]


def test_a_classifier_runs(tmp_path):
    model = tn.MLP(4, [8, 8, 3], "relu", rng=random.Random(2))
    text = exported(tmp_path, model, "cross_entropy", tn.SGD(model.parameters(), 0.05, momentum=0.9))
    assert run_on_qemu(text, tmp_path) == "ok"
    wrong = text.replace("expected[12] = {\n        ", "expected[12] = {\n        8.0f + ")
    assert "the prediction of row 0 is" in run_on_qemu(wrong, tmp_path)


@pytest.mark.parametrize(("name", "hidden"), [("digits", (32,)), ("iris", (16,)), ("wine", (16,)), ("moons", (16, 16))])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_eight_bits_take_an_eighth_of_the_instructions_and_a_quarter_of_the_flash(
    name, hidden, activation, tmp_path, capsys
):
    pytest.importorskip("sklearn")
    X, X_held, y, _ = data_set(name)
    model, row = classifier(X, y, hidden, activation), X_held[0].tolist()
    m, taken, network = len(model.layers[-1].neurons), {}, quantized(model, X)[0]
    for dtype, kind, out, numbers in (
        ("float", "float", "float", row), ("int8", "unsigned char", "short", network.quantized(row))
    ):  # fmt: skip
        tn.export_c(model, tmp_path / "model.c", dtype=dtype, rows=X if dtype == "int8" else None, header=True,
                    overwrite=True)  # fmt: skip
        texts = {name: (tmp_path / name).read_text(encoding="ascii") for name in ("model.c", "model.h")}
        held = f"static const {kind} x[] = {{{', '.join(map(str, numbers))}}}; static {out} y[{m}];"
        taken[dtype] = measured(M0, tmp_path, texts, "model_predict(x, y);", held=held, result="y", calls=5)
    result = taken["int8"].result
    assert [int.from_bytes(result[k : k + 2], "little", signed=True) for k in range(0, 2 * m, 2)] == network.outputs(
        network.quantized(row)
    )
    times, part = taken["float"].count / taken["int8"].count, taken["int8"].flash / taken["float"].flash
    with capsys.disabled():
        print(f"\n{name}, {activation}, in 8 bits on a Cortex-M0: {taken['int8'].count:,.0f} instructions, {times:.1f} "
              f"times fewer; {taken['int8'].flash:,} bytes of flash, {part:.3f} of that of floats")  # fmt: skip
    assert times >= 8.0
    assert part <= 0.25


@pytest.mark.parametrize("dtype", ["float", "double"])
@pytest.mark.parametrize("which", MODELS)
def test_every_file_compiles_without_a_warning_and_its_self_test_holds(which, dtype, tmp_path):
    text = exported_model(which, tmp_path, dtype=dtype)[0]
    for device in (M0, M4):
        ran([device.compiler, *device.flags, *STRICT, "-c", tmp_path / "model.c", "-o", tmp_path / "model.o"])
    assert run_on_qemu(text, tmp_path) == "ok"


def test_products_and_sums_are_fused_as_the_comment_says(tmp_path):
    model = tn.MLP(16, [8, 3], "relu", rng=random.Random(3))
    text = exported(tmp_path, model, "squared_error", tn.SGD(model.parameters(), 0.05))
    assert "bits:  with -ffp-contract=off, and by GCC with -std=c99, each product" in text
    (tmp_path / "model.c").write_text(text, encoding="ascii")
    fused = {}
    for flags in (["-std=gnu99"], ["-std=c99"], ["-std=gnu99", "-ffp-contract=off"]):
        made = ran([M4.compiler, *M4.flags, *flags, "-O2", "-S", tmp_path / "model.c", "-o", "-"])
        fused[" ".join(flags)] = bool(re.search(r"\bvfn?m[as]", made))
    assert fused == {"-std=gnu99": True, "-std=c99": False, "-std=gnu99 -ffp-contract=off": False}

"""C files on a machine without an operating system: a Cortex-M4, cross-compiled and run under qemu, in kilobytes."""

import random
import re

import pytest
from devices import M4, printed, program, ran, sizes
from shared import matched

import tinygrad_nn as tn

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

"""C files where numbers lie the other way round: the self tests on a PowerPC, under qemu."""

import random
import shutil

import pytest
from c_files import MODELS, STRICT, exported
from devices import ran

import tinygrad_nn as tn

COMPILER, MACHINE = "powerpc-linux-gnu-gcc", "qemu-ppc"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (shutil.which(COMPILER) and shutil.which(MACHINE)), reason=f"no {COMPILER} and {MACHINE} here"
    ),
]


@pytest.mark.parametrize("dtype", ["float", "double"])
@pytest.mark.parametrize("learns", [False, True])
@pytest.mark.parametrize("which", MODELS)
def test_self_tests_hold(which, learns, dtype, tmp_path):
    if " sin(" in exported(which, tmp_path, learns, dtype)[0]:
        pytest.skip("the C library's sin has an instruction that qemu does not know")
    made = tmp_path / "model"
    options = "-std=c99", "-O2", *STRICT, "-static", "-DMODEL_SELF_TEST"
    ran([COMPILER, *options, tmp_path / "model.c", "-lm", "-o", made])
    assert ran([MACHINE, made]).strip() == "ok"


@pytest.mark.parametrize("activation", ["relu", "tanh", "softplus"])
def test_networks_in_8_bits_are_those_of_python(activation, tmp_path):
    rng = random.Random(1)
    X = [[rng.uniform(-1.0, 1.0) for _ in range(7)] for _ in range(40)]
    model, path, made = tn.MLP(7, [9, 3], activation, rng=rng), tmp_path / "model.c", tmp_path / "made"
    tn.export_c(model, path, dtype="int8", rows=X)
    ran([COMPILER, "-std=c99", "-O2", *STRICT, "-static", "-DMODEL_SELF_TEST", path, "-o", made])
    assert ran([MACHINE, made]).strip() == "ok"


SAVES = """
#include <stdio.h>
int main(void)
{
    static model_state state, other;
    unsigned char bytes[MODEL_STATE_BYTES];
    model_init(&state);
    model_save(&state, bytes);
    for (int k = 0; k < MODEL_STATE_BYTES; ++k) { printf("%02x", bytes[k]); }
    int differs = !model_load(&other, bytes) || other.learning_rate != state.learning_rate;
    for (int k = 0; k < 17; ++k) { differs |= other.weights[k] != state.weights[k]; }
    return differs;
}
"""


@pytest.mark.parametrize("dtype", ["float", "double"])
def test_a_saved_block_is_that_of_every_machine(dtype, tmp_path):
    model = tn.MLP(2, [4, 1], "tanh", "sigmoid", rng=random.Random(1))
    train = tn.SGD(model.parameters(), 0.5, momentum=0.9)
    path, made = tmp_path / "model.c", tmp_path / "made"
    tn.export_c(model, path, loss="binary_cross_entropy", train=train, save=True, dtype=dtype)
    path.write_text(path.read_text(encoding="ascii") + SAVES, encoding="ascii")
    ran([COMPILER, "-std=c99", "-O2", "-static", path, "-lm", "-o", made])
    assert bytes.fromhex(ran([MACHINE, made])) == tn.c_state(model, train, dtype=dtype)

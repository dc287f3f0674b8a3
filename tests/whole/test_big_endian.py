"""C files where numbers lie the other way round: the self tests on a PowerPC, under qemu."""

import shutil

import pytest
from c_files import MODELS, STRICT, exported
from devices import ran

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

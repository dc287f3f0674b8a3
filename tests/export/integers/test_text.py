"""The C of networks in 8 bits: Python's whole numbers on every compiler, without a warning or a float."""

import ctypes
import platform
import random
import re
import shutil
import subprocess

import pytest
from c_files import COMPILERS, built, found, library, needs_cc, of, printed
from integer_files import MODELS, drawn

import tinygrad_nn as tn
from tinygrad_nn.export.integers.quantizing import quantized

pytestmark = needs_cc
SOME = [
    *("relu within", "tanh within", "linear at the end", "relu at the end", "gelu at the end", "sigmoid at the end"),
    *("probabilities", "one probability", "whole inputs", "uneven inputs", "one layer", "one neuron"),
]


def exported(which, folder, **options):
    """The text of a model's file, its network and the rows."""
    model, rows = MODELS[which]()
    tn.export_c(model, folder / "model.c", dtype="int8", rows=rows, overwrite=True, **options)
    return (folder / "model.c").read_text(encoding="ascii"), quantized(model, rows)[0], rows


def called(loaded, name, given, kind, of, count):
    """What a function of an array of numbers fills in."""
    numbers, filled = (kind * len(given))(*given), (of * count)()
    getattr(loaded, name)(numbers, filled)
    return list(filled)


@pytest.mark.parametrize("which", SOME)
def test_whole_numbers_are_those_of_python(which, tmp_path):
    text, network, rows = exported(which, tmp_path)
    loaded, rng, n = library(text, tmp_path, "-DMODEL_FLOATS"), random.Random(6), len(rows[0])
    xs = [[rng.randrange(256) for _ in range(n)] for _ in range(50)] + [[0] * n, [255] * n]
    xs += [network.quantized(row) for row in rows]
    m = len(network.outputs(xs[0]))
    for row in xs:
        assert called(loaded, "model_predict", row, ctypes.c_uint8, ctypes.c_int16, m) == network.outputs(row)
        if network.has_class:
            assert loaded.model_class((ctypes.c_uint8 * n)(*row)) == network.class_of(row)
    for row in rows:
        assert called(loaded, "model_quantize", row, ctypes.c_float, ctypes.c_uint8, n) == network.quantized(row)
        made = called(loaded, "model_predict_floats", row, ctypes.c_float, ctypes.c_float, m)
        assert made == [y * 2.0**-network.bits for y in network.outputs(network.quantized(row))]


@pytest.mark.parametrize("which", ["tanh within", "probabilities"])
def test_files_pass_their_self_test_without_a_warning(which, tmp_path):
    text, *_ = exported(which, tmp_path)
    for compiler in found:
        built(text, tmp_path, "-O2", "-c", "-Wshadow", "-DMODEL_FLOATS", compiler=compiler)
        assert printed(built(text, tmp_path, "-O1", "-DMODEL_SELF_TEST", compiler=compiler)) == ("ok", 0)


@pytest.mark.slow
@pytest.mark.parametrize("which", SOME)
@pytest.mark.parametrize("compiler", COMPILERS)
def test_every_compiler_level_and_sanitizer(which, compiler, tmp_path):
    of(compiler)
    text, *_ = exported(which, tmp_path)
    sanitized = [["-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]] * (compiler != "clang")
    for flags in (["-O0"], ["-O3"], *sanitized):  # Debian's clang comes without a runtime for sanitizers
        built(text, tmp_path, *flags, "-c", "-DMODEL_FLOATS", compiler=compiler)
        assert printed(built(text, tmp_path, *flags, "-DMODEL_SELF_TEST", compiler=compiler)) == ("ok", 0)


@pytest.mark.parametrize("which", SOME)
def test_there_is_no_floating_point_unless_it_is_asked_for(which, tmp_path):
    text, *_ = exported(which, tmp_path)
    code = re.sub(r"/\*.*?\*/|#ifdef MODEL_(FLOATS|SELF_TEST)\n.*?#endif\n", "", text, flags=re.S)
    assert not re.search(r"float|double|\d\.|\.\d|math\.h", code)
    if which in ("probabilities", "tanh within") and platform.machine() == "x86_64":
        (tmp_path / "made.c").write_text(code)
        command = ["gcc", "-mgeneral-regs-only", "-O2", "-c", str(tmp_path / "made.c"), "-o", str(tmp_path / "made.o")]
        assert subprocess.run(command, capture_output=True).returncode == 0


def test_a_header_declares_what_the_file_defines(tmp_path):
    model, rows = drawn((3, 4, 2))
    tn.export_c(model, tmp_path / "net.c", name="net", dtype="int8", rows=rows, header=True)
    assert '#include "net.h"' in (tmp_path / "net.c").read_text()
    uses = "uint8_t x[3] = {9, 8, 7}; int16_t y[2]; net_predict(x, y); return net_class(x) == (y[1] > y[0]) ? 0 : 1;"
    for compiler in ("gcc", "g++"):
        if compiler in found:
            both = f'#include "net.c"\n#include "net.h"\nint main(void) {{ {uses} }}'
            assert printed(built(both, tmp_path, compiler=compiler))[1] == 0


def test_a_processor_of_eight_bits_takes_it(tmp_path):
    if shutil.which("avr-gcc") is None:
        pytest.skip("no avr-gcc here")
    for which in ("tanh within", "probabilities"):
        text, *_ = exported(which, tmp_path)
        (tmp_path / "made.c").write_text(text)
        flags = ["-mmcu=atmega328p", "-std=c99", "-Os", "-Wall", "-Wextra", "-Wconversion", "-pedantic", "-Werror"]
        command = ["avr-gcc", *flags, "-c", str(tmp_path / "made.c"), "-o", str(tmp_path / "made.o")]
        run = subprocess.run(command, capture_output=True, text=True)
        assert run.returncode == 0, run.stderr

"""The self test of a C file: it passes with every compiler without a warning, and tells what differs."""

import math
import random
import re

import pytest
from c_files import (
    COMPILERS,
    MODELS,
    built,
    exported,
    found,
    needs_cc,
    network,
    of,
    printed,
)

import tinygrad_nn as tn

pytestmark = needs_cc


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

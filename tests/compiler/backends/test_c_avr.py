"""What C files have for AVR, built here as if this were one: tables that read themselves, functions that its library
lacks. On an ATmega328 itself they are tried in tests/whole/test_avr.py.
"""

import ctypes
import math
import random
import subprocess

import pytest
from c_files import exported, library, needs_cc, of, printed

import tinygrad_nn as tn
from tinygrad_nn.compiler.backends.c.avr import LACKING, NEAR_FLASH, lacking, table_macro, words_of_avr
from tinygrad_nn.compiler.backends.c.functions import in_precision

pytestmark = needs_cc
PGMSPACE = """#include <string.h>
#define PROGMEM
#define memcpy_P memcpy
"""


def self_test(text, folder, compiler, *flags):
    """What the self test of a text prints, built for an AVR that this machine plays."""
    (folder / "avr").mkdir(exist_ok=True)
    (folder / "avr" / "pgmspace.h").write_text(PGMSPACE, encoding="ascii")
    (folder / "made.c").write_text(text, encoding="ascii")
    command = [*of(compiler), f"-I{folder}", "-D__AVR__", "-DMODEL_SELF_TEST", *flags, "-O1", str(folder / "made.c")]
    run = subprocess.run([*command, "-o", str(folder / "made"), "-lm"], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return printed(folder / "made")


@pytest.mark.parametrize("which", ["classes", "gelu, logits"])
def test_tables_read_themselves_in_c_plus_plus_and_have_a_word_in_c(which, tmp_path):
    text = exported(which, tmp_path)[0]
    assert "\nstatic const float" not in text
    assert self_test(text, tmp_path, "g++") == ("ok", 0)
    assert self_test(text, tmp_path, "gcc", "-D__FLASH", "-U__STRICT_ANSI__", "-D__flash=") == ("ok", 0)
    wrong = text.replace("&read, &held, sizeof read", "&read, &held, 1")
    assert self_test(wrong, tmp_path, "g++")[1] == 1


def test_in_strict_c_and_where_tables_are_many_they_are_constants(tmp_path):
    text = exported("classes", tmp_path)[0]
    assert self_test(text, tmp_path, "gcc", "-D__FLASH", "-D__flash=no such word") == ("ok", 0)
    assert "__flash" in table_macro("model", NEAR_FLASH)[1]
    assert table_macro("model", NEAR_FLASH + 1) == (
        "MODEL_TABLE",
        "#define MODEL_TABLE(number) static const number\n\n",
    )
    model = tn.MLP(200, [100, 1], "relu", rng=random.Random(1))
    tn.export_c(model, tmp_path / "large.c")
    assert "__flash" not in (tmp_path / "large.c").read_text(encoding="ascii")


def test_the_comment_says_what_there_is():
    tables = "its tables stay in flash with -std=gnu99, -Os is faster than -O2"
    doubles = "where its doubles are floats, dtype='float' is the one"
    assert words_of_avr(True, True) == [f"AVR:   {tables}"]
    assert words_of_avr(True, False) == [f"AVR:   {tables}, {doubles} to take"]
    assert words_of_avr(False, True) == []


def test_functions_that_the_library_lacks(tmp_path):
    assert lacking("sqrt(x) + log1p_(x)", "made", False) == ""
    assert "made_erf" not in lacking("y = expm1f(x);", "made", True)
    names = [name for group in LACKING for name in group]
    assert sorted(names) == ["erf", "erfc", "expm1", "log1p"]
    calls = "".join(f"double {name}_of(double x) {{ return {name}(x); }}\n" for name in names)
    text = f"#include <math.h>\n{in_precision(lacking(calls, 'made', False), False)}{calls}"
    loaded = library(text, tmp_path, "-D__AVR__")
    for name in names:
        function, right = getattr(loaded, f"{name}_of"), getattr(math, name)
        function.restype, function.argtypes = ctypes.c_double, [ctypes.c_double]
        for x in (
            *(s * m * 10.0**e for e in range(-300, 3, 4) for m in (1.0, 3.7) for s in (1, -1)),
            0.0,
            0.99,
            1.0,
            5.0,
        ):
            if name != "log1p" or x > -1.0:
                assert function(x) == pytest.approx(right(x), rel=1e-8, abs=1e-300), (name, x)
        assert math.isnan(function(math.nan))
        assert function(math.inf) == {"erf": 1.0, "erfc": 0.0}.get(name, math.inf)
    assert math.isnan(loaded.log1p_of(-2.0))
    assert loaded.log1p_of(-1.0) == -math.inf
    assert loaded.expm1_of(-math.inf) == loaded.erf_of(-math.inf) == -1.0
    assert loaded.erfc_of(-math.inf) == 2.0

"""Names in C files: what C, C++ or their libraries mean by a name is refused where it was asked for, else renamed.

As a function, an argument, a label and a captured Value, many to a file, which each compiler builds; as the name of a
model one by one. The long battery takes its names from the headers of this machine.
"""

import keyword
import random
import re
import shutil
import subprocess
from typing import Any

import pytest
from c_files import STRICT, built, called, found, library, needs_cc
from shared import matched, same

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.compiler.backends.c import file as c_file

pytestmark = needs_cc

WORDS = [
    "while", "restrict", "class", "co_await", "constexpr", "nullptr", "typeof", "and", "asm", "bool", "true", "NAN",
    "INFINITY", "M_PI", "FP_ZERO", "HUGE_VALF", "EOF", "NULL", "SEEK_SET", "INT_MAX", "SIGINT", "EDOM", "PRId64",
    "linux", "unix", "isnan", "signbit", "stdin", "errno", "size_t", "FILE", "va_list", "int32_t", "float_t",
    "off64_t", "asinh", "acosh", "atanh", "sin", "expf", "nextafterl", "exp10", "sincos", "signgam", "gamma",
    "lgamma_r", "jn", "f32addf64", "cexpl", "totalorderf", "roundeven", "beta", "expint", "index", "read", "time",
    "printf", "select", "malloc", "fputs_unlocked", "strtod_l", "open64", "posix_spawn", "pthread_create",
    "square", "itoa", "dtostrf", "eeprom_read_byte", "printf_P", "strtok_rP", "iprintf",
    "sem_init", "environ", "main", "std", "real", "f_grad", "net_state", "m_predict",
]  # fmt: skip
FREE = [
    "NN", "SIGMOID", "ENCODER", "model", "x", "y", "i", "k", "h_t", "process_model", "key_net", "island", "total",
    "value", "slots", "small", "own_relu", "yes", "result", "d_x", "strength", "memory_of", "M",
]  # fmt: skip
MODES = {
    "gcc": [["-xc", "-std=c99"], ["-xc", "-std=gnu17"], ["-xc", "-std=gnu2x"]],
    "clang": [["-xc", "-std=c99"], ["-xc", "-std=gnu17"]],
    "g++": [["-xc++"], ["-xc++", "-std=gnu++20"]],
}


def as_function(name, k):
    """A function of this name, with a branch and helpers."""

    def function(a, b):
        return tn.relu(a) * k + tn.sigmoid(b) * (a if a > b else b)

    function.__name__ = name
    return function


def as_local(name, k):
    """A function that has an argument, a label and a captured Value of this name."""
    argument = name if name.isidentifier() and not keyword.iskeyword(name) and name != "__debug__" else "q"
    scope = {"_tn": tn, "_w": Value(1.5, label=name), "_n": name}
    lines = (
        f"def function({argument}, r_):\n    t = {argument} * r_\n    t.label = _n\n"
        f"    return _tn.relu({argument}) * _w + _tn.sigmoid(r_) * t * t + _tn.exp(t) + {k}.0"
    )
    exec(lines, scope)
    scope["function"].__name__ = f"local{k}"
    return scope["function"]


def texts(names):
    """The C of a function by each name, and of one that has it inside; and their values and derivatives at a point."""
    for make in (as_function, as_local):
        for k, name in enumerate(names):
            f = tn.compile(make(name, k), backend="python")
            wanted = f.value_and_grad(0.5, 0.25)
            text = f.source("c")
            yield matched(r"double (\w+)_grad\(", text)[1], text, wanted


def refused_by(text, compiler, mode):
    """What the compiler says against a text, if anything."""
    command = [compiler, *mode, *STRICT, "-Wno-unused-function", "-fsyntax-only", "-"]
    run = subprocess.run(command, input="#include <stdio.h>\n" + text, capture_output=True, text=True)
    return run.stderr if run.returncode else ""


def test_functions_arguments_and_labels_are_renamed(tmp_path):
    names = [*WORDS[::4], *FREE[::2], "<lambda>", "π", "a\x00b", "", "__", "a__b", "M_SELF_TEST", "local0_grad"]
    made = {name: (text, wanted) for name, text, wanted in texts(names)}
    assert "local0_grad_2" in made
    whole = "".join(text for text, _ in made.values())
    for compiler in found:
        assert not refused_by(whole, compiler, MODES[compiler][0])
    loaded = library(whole, tmp_path, "-O0")
    for name, (_, (value, flows)) in made.items():
        got, slopes = called(loaded, f"{name}_grad", [0.5, 0.25], [1, 1])
        assert all(map(same, [got, slopes[0][0], slopes[1][0]], [value, *flows])), name


def test_the_comment_says_what_was_renamed():
    def double(int, π, free):
        return int * π * free

    f = tn.compile(double, backend="python")
    f(1.0, 2.0, 3.0)
    assert "double_2 is double, int_2 is int, v is \\u03c0 in Python." in f.source("c")
    f = tn.compile(lambda x: x * x, backend="python")
    f(1.0)
    assert "in Python." not in f.source("c")


def network():
    return tn.MLP(1, [2, 1], rng=random.Random(0))


@pytest.mark.parametrize("name", WORDS)
def test_a_name_that_was_asked_for_is_refused_with_the_reason(name, tmp_path):
    with pytest.raises(ValueError, match=f"'{name}' is (a|the|what|where) .*: give another name"):
        tn.export_c(network(), tmp_path / "model.c", name=name)
    f = tn.compile(tn.tanh, backend="python")
    f(1.0)
    with pytest.raises(ValueError, match=f"'{name}' is "):
        tn.export_c(f, tmp_path / "f.c", name=name)
    assert list(tmp_path.iterdir()) == []


def test_what_is_made_from_a_name_is_looked_at_too(tmp_path):
    with pytest.raises(ValueError, match="'sem' has a sem_grad, which is a function of C's library"):
        tn.export_c(network(), tmp_path / "model.c", name="sem")


def test_names_that_mean_nothing_are_taken(tmp_path):
    """All in one program, learning ones and others, with those that differ in case alone."""
    model, whole = network(), ""
    for name in [*FREE, "nn", "Nn", "m"]:
        options: dict[str, Any] = (
            {"loss": "squared_error", "train": tn.Adam(model.parameters())} if len(name) % 2 else {}
        )
        place = tmp_path / f"{name}{len(whole)}.c"
        tn.export_c(model, place, name=name, dtype="double", header=True, **options)
        whole += f'#include "{place.with_suffix(".h").name}"\n' + place.read_text()
    for compiler in found:
        built(whole, tmp_path, "-c", "-O0", compiler=compiler)


def test_operands_of_primitives_are_no_words_of_c(tmp_path):
    kept = tn.primitive(
        "kept", lambda tgamma, while_, real: tn.exp(tgamma) + while_ * real,
        ["g * exp(tgamma)", "g * real", "g * while_"],
        spellings={"c": "exp(tgamma) + while_ * real + 0.0 * tgamma(tgamma)"},
    )  # fmt: skip
    other = tn.primitive(
        "grad", lambda real, real_: real - 2.0 * real_, ["g", "-2.0 * g"], spellings={"c": "real - 2.0 * real_"}
    )
    f = tn.compile(lambda x, y: kept(x, y, 3.0) + other(y, x), backend="python")
    value, flows = f.value_and_grad(-1.5, 0.5)
    loaded = library(f.source("c"), tmp_path)
    assert called(loaded, "lambda_grad", [-1.5, 0.5], [1, 1]) == (value, [[flow] for flow in flows])


def header_names():
    """All identifiers that the headers of C and POSIX declare or define here, in several dialects."""
    headers = """
    assert complex ctype errno fenv float inttypes limits locale math setjmp signal stdarg stdatomic stddef stdint stdio
    stdlib string threads time uchar wchar wctype aio dirent dlfcn fcntl fnmatch ftw glob grp iconv langinfo libgen
    mqueue netdb poll pthread pwd regex sched search semaphore spawn strings sys/mman sys/resource sys/select sys/socket
    sys/stat sys/time sys/types sys/uio sys/wait syslog termios unistd utime wordexp
    """
    names = set()
    for dialect in (["-xc", "-std=c99"], ["-xc", "-std=gnu17", "-D_GNU_SOURCE"], ["-xc++"]):
        for which, kept in (("-P", r"\b[A-Za-z_]\w*"), ("-dM", r"(?m)^#define (\w+)")):
            for header in headers.split() if dialect[0] == "-xc" else ("math", "stdio", "stdlib"):
                command = ["gcc", *dialect, "-E", which, "-"]
                run = subprocess.run(command, input=f"#include <{header}.h>\n", capture_output=True, text=True)
                names |= set(re.findall(kept, re.sub(r'"(\\.|[^"\n])*"', "", run.stdout)))
    return sorted(name for name in names if not name.startswith("_"))


@pytest.mark.parametrize("compiler", ["arm-none-eabi-gcc", "avr-gcc -mmcu=atmega328p"])
def test_functions_of_libraries_of_devices_are_known(compiler):
    command = compiler.split()
    if not shutil.which(command[0]):
        pytest.skip(f"no {command[0]} here")
    headers = ["math", "stdio", "stdlib", "string", *(["avr/pgmspace", "avr/eeprom", "time"] if command[1:] else [])]
    included = "".join(f"#include <{header}.h>\n" for header in headers)
    run = subprocess.run([*command, "-std=gnu99", "-E", "-P", "-"], input=included, capture_output=True, text=True)
    declared = set(re.findall(r"\b([A-Za-z]\w*) *\([^()]*\)(?:\s*__attribute__[^;{]*)?;", run.stdout))
    assert len(declared) > 150
    assert [name for name in sorted(declared) if not c_file.clash_of(name)] == []


@pytest.mark.slow
def test_all_names_of_the_headers():
    """Each as the name of a function, and a tenth of them within one, in every dialect of every compiler here."""
    names = header_names()
    assert len(names) > 3000
    placeholder = next(texts(["placeholder"]))[1]
    functions = "".join(placeholder.replace("placeholder", c_file.free_name(name)) for name in names)
    inside = "".join(text for _, text, _ in texts(random.Random(0).sample(names, 300)))
    for compiler in found:
        for mode in MODES[compiler]:
            assert not refused_by(functions, compiler, mode)
            assert not refused_by(inside, compiler, mode)

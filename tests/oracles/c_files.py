"""What the tests of C share: building a text as a library or a program, and calling it."""

import ctypes
import shutil
import subprocess
import sys
from itertools import count

import pytest

STRICT = ["-Wall", "-Wextra", "-Wconversion", "-pedantic", "-Werror", "-ffp-contract=off"]
COMPILERS = {"gcc": ["-std=c99"], "clang": ["-std=c99"], "g++": ["-xc++"]}
NUMBERS = count()
found = [name for name in COMPILERS if shutil.which(name)]
needs_cc = pytest.mark.skipif("gcc" not in found or sys.platform == "win32", reason="no gcc here")


def of(compiler):
    """The compiler with its flags, or a skip where it is not installed."""
    if compiler not in found:
        pytest.skip(f"no {compiler} here")
    return [compiler, *COMPILERS[compiler], *STRICT]


def built(text, folder, *flags, compiler="gcc", name="made"):
    """A program or, with -shared, a library of a text; its path."""
    place = folder / f"{name}{next(NUMBERS)}"  # a library that is loaded already is not loaded again
    place.mkdir()
    source, made = place / f"{name}.c", place / name
    source.write_text(text, encoding="utf-8")
    command = [*of(compiler), f"-I{folder}", *flags, str(source), "-o", str(made), *([] if "-c" in flags else ["-lm"])]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, f"{run.stderr}\n{text}"
    return made


def library(text, folder, *flags, name="made"):
    """A text as a library that is loaded."""
    return ctypes.CDLL(str(built(text, folder, "-O2", "-shared", "-fPIC", *flags, name=name)))


def printed(made, *arguments):
    """What a program prints, and its exit status."""
    run = subprocess.run([str(made), *arguments], capture_output=True, text=True)
    return run.stdout.strip() or run.stderr.strip(), run.returncode


def called(loaded, name, numbers, outputs=()):
    """The result of a function of scalars and lists, and what it puts into arrays of these lengths."""
    function = getattr(loaded, name)
    function.restype = ctypes.c_double
    given = [(ctypes.c_double * len(n))(*n) if isinstance(n, list) else ctypes.c_double(n) for n in numbers]
    arrays = [(ctypes.c_double * size)() for size in outputs]
    value = function(*given, *arrays)
    return value, [list(array) for array in arrays]

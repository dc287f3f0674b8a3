"""What the tests of C share: building a text as a library or a program, calling it, and models to export."""

import ctypes
import random
import shutil
import subprocess
import sys
from itertools import count
from typing import Any

import pytest

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.compiler.backends.c.file import File
from tinygrad_nn.compiler.backends.c.printer import Printer
from tinygrad_nn.compiler.backends.c.regions import Region
from tinygrad_nn.compiler.loops.roll import rolled

STRICT = ["-Wall", "-Wextra", "-Wconversion", "-pedantic", "-Werror", "-ffp-contract=off"]
COMPILERS = {"gcc": ["-std=c99"], "clang": ["-std=c99"], "g++": ["-xc++"]}
UNUSED = ("-Wno-unused-variable", "-Wno-unused-but-set-variable")  # what no output needs, in random programs
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


def c_of(program, body, dtype="double", name="made"):
    """A body as a C function of x that fills in y, and how many slots of a scratch it takes."""
    file, n, m = File(name, dtype), len(program.inputs), len(program.outputs)
    x, y = Region("x", 0, n), Region("y", 0, m)
    off = f"for (int k = 0; k < {m}; ++k) {{ y[k] = NAN; }} return;"
    printer = Printer(rolled(program, body), [x], [], [y], False, off, "slots", file.constants)
    scratch = file.spelled(f"    real slots[{printer.slots}];\n") if printer.slots else ""
    file.function(f"void {name}(const real x[{n}], real y[{m}])", scratch + printer.text, ["x"])
    return file.texts([name])[0], printer.slots


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


MODELS: dict[str, tuple[Any, ...]] = {
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


def python_step(model, loss, optimizer, x, target):
    found = loss(model(x), target)
    optimizer.zero_grad()
    found.backward()
    optimizer.step()
    return found.data

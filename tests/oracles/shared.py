"""What several tests share: the examples as modules, a small network, equality of doubles, what a test needs."""

import importlib.util
import math
import os
import random
import re
import sys
from pathlib import Path
from typing import Any

import pytest

import tinygrad_nn as tn

ROOT = Path(__file__).parents[2]


def same(a, b):
    """Whether two doubles are the same number: nan equals nan, and -0.0 differs from 0.0."""
    return (a != a and b != b) or (a == b and math.copysign(1, a) == math.copysign(1, b))


def close(a, b, relative=1e-12, absolute=1e-300):
    """Whether two doubles agree, infinities and nan exactly."""
    if not (math.isfinite(a) and math.isfinite(b)):
        return (a != a and b != b) or a == b
    return abs(a - b) <= max(relative * max(abs(a), abs(b)), absolute)


def wrong(given) -> Any:
    """What somebody gives by mistake, which its type tells of already."""
    return given


def matched(pattern, text, flags=0):
    """The match of a pattern that is in a text."""
    match = re.search(pattern, text, flags)
    assert match is not None, text
    return match


def needed(backend):
    """The back end; the test is skipped where what it needs is not installed."""
    package = {"llvm": "llvmlite", "array": "numpy"}.get(backend)
    if package is not None:
        pytest.importorskip(package, reason=f"{package} is not installed")
    return backend


def half_adder(seed=1, activation="sigmoid"):
    """A network of 2 inputs, 3 hidden neurons and 2 outputs, all named."""
    return tn.MLP(
        2, [3, 2], activation=activation, output_activation="sigmoid", init="normal", rng=random.Random(seed),
        input_names=["x1", "x2"], output_names=["carry", "sum"],
    )  # fmt: skip


def half_adder_loss():
    """Its squared error for 1 + 1."""
    loss = tn.losses.squared_error(half_adder()([1.0, 1.0]), [1.0, 0.0])
    loss.label = "loss"
    return loss


def load_example(name):
    """The module of examples/NAME.py."""
    spec = importlib.util.spec_from_file_location(f"example_{name}", ROOT / "examples" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def files_passed(run):
    """The files of the package whose code runs while `run` does: a file that is imported already is passed when one of
    its functions is called, and the body of a module that is imported meanwhile is no call."""
    folder = os.path.dirname(tn.__file__)
    found = set()

    def called(frame, event, argument):
        code = frame.f_code
        if event == "call" and code.co_name != "<module>" and code.co_filename.startswith(folder):
            found.add(os.path.relpath(code.co_filename, folder).partition(",")[0])  # rules are named by their place

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        run()
    finally:
        sys.setprofile(before)
    return found


class Sources:
    """Code that says of itself what it is."""

    def __init__(self, said):
        self.said = said

    def sources(self):
        return self.said

"""What a function may do beside its result is told by what it names: nothing that acts is taken for harmless."""

import io
import math
import operator
import pathlib
import sys
from collections import Counter
from functools import reduce
from typing import Any

import pytest

import tinygrad_nn as tn
from tinygrad_nn.compiler.surroundings.effects import acting
from tinygrad_nn.compiler.surroundings.surroundings import Surroundings

FILE, KEPT, tell = io.StringIO(), [1.0], print
WRITE = FILE.write


class Given:
    def __init__(self, tau):
        self.tau = tau

    def __call__(self, x):
        return x * self.tau


class Telling(Given):
    def __call__(self, x):
        print(x)
        return x


def imported(x):
    import logging

    return logging.Logger("of a test").isEnabledFor(10) + x


def imported_first(x):
    import sched

    return sched.scheduler().empty() + x


def imported_path(x):
    from pathlib import Path

    return Path("a").rename("b") and x


def imported_math(x):
    from math import pi, sqrt

    return x * pi * sqrt(2.0)


def nested(x):
    def inner(y):
        return tell(y) or y

    return inner(x)


def raising(x):
    if x > 1.0:
        raise ValueError(f"too large: {x:.2f}")
    return x


ACTING: dict[str, Any] = {
    "print": lambda x: print(x) or x,
    "print by another name": lambda x: tell(x) or x,
    "print inside": nested,
    "print as a default": lambda x, out=print: out(x) or x,
    "print in a list": lambda x, ways=(print,): ways[0](x) or x,
    "input": lambda x: x + len(input()),
    "open": lambda x, name=__file__: x + len(list(map(open, [name]))),
    "exec": lambda x: list(map(exec, ["y = 1"])) and x,
    "__import__": lambda x: __import__("os").getpid() + x,
    "a file": lambda x: FILE.getvalue() or x,
    "a method of a file": lambda x: WRITE("a") + x,
    "stdout": lambda x: sys.stdout.flush() or x,
    "a path": lambda x: pathlib.Path("a").exists() + x,
    "an object that prints": (lambda found: lambda x: found(x))(Telling(1.0)),
    "a class whose objects print": lambda x: Telling(1.0)(x),
    "what it imports": imported,
    "what it imports first": imported_first,
    "a class that it imports": imported_path,
    "a file of a model": (lambda model: lambda x: list(map(tn.save, [model], "a")) and x)(tn.MLP(1, [1])),
}
HARMLESS: dict[str, Any] = {
    "arithmetic": lambda x: x * 2.0 + 1.0,
    "math": lambda x: x * math.pi + math.sqrt(2.0),
    "what it imports": imported_math,
    "builtins": lambda x: sum(max(abs(y), 0.5) for y in list(map(float, range(len([x])))) + [x]),
    "the library": lambda x: tn.tanh(tn.dot([x, x], [1.0, 2.0])),
    "a network": (lambda model: lambda x: model([x]))(tn.MLP(1, [2, 1])),
    "objects and classes of the user's": (lambda found: lambda x: found(x) + Given(2.0)(x))(Given(1.0)),
    "functools and operator": lambda x: reduce(operator.mul, [x, x], 1.0),
    "a counter": lambda x: x * Counter([1, 1])[1],
    "a list": lambda x: x * KEPT[0],
    "an error": raising,
}


@pytest.mark.parametrize("name", ACTING)
def test_what_may_act_is_told(name):
    sys.modules.pop("sched", None)
    assert acting(Surroundings([ACTING[name]]).walk)


@pytest.mark.parametrize("name", HARMLESS)
def test_what_only_computes_is_harmless(name):
    assert acting(Surroundings([HARMLESS[name]]).walk) == ""


def test_arrays_are_computed_with_and_not_written():
    np = pytest.importorskip("numpy")
    weights = np.array([1.0, 2.0])
    assert acting(Surroundings([lambda x: x * np.dot(weights, weights)]).walk) == ""
    assert acting(Surroundings([lambda x: np.save("a", weights) or x]).walk) == "save"
    assert acting(Surroundings([lambda x: weights.tofile("a") or x]).walk) == "tofile"

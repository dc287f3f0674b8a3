"""C of programs without loops over time stays as it is, to the letter, whatever is done for those with such loops.

Whoever changes it on purpose reads the text, and writes the hash anew.
"""

import hashlib
import random
from typing import Any

import pytest
from c_files import exported

import tinygrad_nn as tn

SQUARE = """\
double square(double x, double y)
{
    const double v2 = x * x;
    const double v3 = y * v2;
    return v3;
}
"""


def smooth(x, y):
    return tn.tanh(x * y) + x if x > y else y


def network(xs):
    return tn.MLP(4, [5, 3, 1], "tanh", rng=random.Random(1))(xs)


def distances(xs, ys):
    return [tn.norm([x - y for y in ys]) for x in xs]


CALLS: dict[str, tuple[Any, list[Any], str]] = {
    "branch": (smooth, [2.0, 1.0], "026e291c932780a8"),
    "network": (network, [[0.1, 0.2, 0.3, 0.4]], "5c99c7ee8c9309fb"),
    "lists": (distances, [[0.1, 0.2, 0.3], [0.4, 0.5]], "15d315854d17e0b3"),
}
MODELS = {
    "tanh, two outputs": "77dc592d1d44040c",
    "classes": "7e1feed4a1d4ef3e",
    "by hand": "674324f12ce9b125",
    "half adder": "0196aad75ac7dd4e",
}


def code(text):
    """A file but for its comment, which names files, and its test of itself, which has numbers of this machine."""
    return text.partition("*/")[2].partition("#ifdef MODEL_SELF_TEST")[0]


def digest(text):
    return hashlib.sha256(code(text).encode()).hexdigest()[:16]


def test_a_product():
    def square(x, y):
        return y * x**2

    f = tn.compile(square, backend="python")
    f(2.0, 3.0)
    assert SQUARE in f.source("c")


@pytest.mark.parametrize("name", CALLS)
def test_functions(name):
    function, arguments, expected = CALLS[name]
    f = tn.compile(function, backend="python")
    f(*arguments)
    assert digest(f.source("c")) == expected, f.source("c")


@pytest.mark.parametrize("name", MODELS)
def test_networks_that_learn(name, tmp_path):
    text, _, _ = exported(name, tmp_path)
    assert digest(text) == MODELS[name], text

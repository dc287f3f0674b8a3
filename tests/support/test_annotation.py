"""Annotations: their names stand for what they say, and cost no import of `typing` or `random`."""

import subprocess
import sys
import typing

from shared import ROOT

from tinygrad_nn import Neuron, Value, data
from tinygrad_nn.support import annotation


def test_names_are_had_without_the_modules_that_type_checkers_take_them_from():
    code = "import sys, tinygrad_nn.support.annotation; print({'typing', 'random'} & sys.modules.keys())"
    run = subprocess.run([sys.executable, "-S", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


def test_hints_can_be_asked_for():
    assert typing.get_type_hints(Value.__init__)["data"] is annotation.Any
    for function in (data.moons, Neuron.__init__):
        assert typing.get_type_hints(function)["rng"] == annotation.Random | None

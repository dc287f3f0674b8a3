"""Annotations: their names stand for what they say, and cost no import of `typing`."""

import subprocess
import sys
import typing

from shared import ROOT

from tinygrad_nn import Value
from tinygrad_nn.support import annotation


def test_any_is_had_without_typing():
    code = "import sys, tinygrad_nn.support.annotation; print('typing' in sys.modules)"
    run = subprocess.run([sys.executable, "-S", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


def test_hints_can_be_asked_for():
    assert typing.get_type_hints(Value.__init__)["data"] is annotation.Any

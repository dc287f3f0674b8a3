"""Every test runs on examples that repeat, and may ask for a module of the examples."""

import os
import signal
import sys
from importlib.util import find_spec

import pytest
from hypothesis import settings
from shared import load_example

os.environ["TINYGRAD_NN_CACHE"] = "off"  # the cache on disk is its own tests' and the user's
collect_ignore = ["benchmarks"]  # they import their peers


@pytest.hookimpl(wrapper=True)
def pytest_collect_file():
    """Files of tests hold no doctests, which would also hide a test file that cannot be imported."""
    return [collector for collector in (yield) if type(collector) is pytest.Module]


DOCTESTS = {
    "tinygrad_nn.training.minimizing.minimize.minimize": "numpy",
    "tinygrad_nn.compiler.flat.FlatFunction": "scipy",
}


def pytest_collection_modifyitems(items):
    """A doctest that wants what not everybody has is skipped where that is not installed."""
    for item in items:
        if item.name in DOCTESTS and find_spec(DOCTESTS[item.name]) is None:
            item.add_marker(pytest.mark.skip(reason=f"{DOCTESTS[item.name]} is not installed"))


settings.register_profile("the same in every run", derandomize=True, deadline=None)
settings.load_profile("the same in every run")
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell starts what runs beside it: tests press Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def example():
    """A function that imports examples/NAME.py."""
    return load_example


@pytest.fixture(autouse=True)
def nothing_kept():
    """A test begins as a process does, with no text of steps that another test left."""
    if (texts := sys.modules.get("tinygrad_nn.training.steps.engines.native_text")) is not None:
        texts.TEXTS.clear()
    if (residuals := sys.modules.get("tinygrad_nn.training.at_weights.residuals")) is not None:
        residuals.PATHS.clear()

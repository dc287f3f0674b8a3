"""Every test runs on examples that repeat, and may ask for a module of the examples."""

import pytest
from hypothesis import settings
from shared import load_example

collect_ignore = ["benchmarks"]  # they import their peers

settings.register_profile("the same in every run", derandomize=True, deadline=None)
settings.load_profile("the same in every run")


@pytest.fixture(scope="session")
def example():
    """A function that imports examples/NAME.py."""
    return load_example

"""What several tests share: the examples as modules, and equality of doubles."""

import importlib.util
import math
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def same(a, b):
    """Whether two doubles are the same number: nan equals nan, and -0.0 differs from 0.0."""
    return (a != a and b != b) or (a == b and math.copysign(1, a) == math.copysign(1, b))


def close(a, b, relative=1e-12, absolute=1e-300):
    """Whether two doubles agree, infinities and nan exactly."""
    if not (math.isfinite(a) and math.isfinite(b)):
        return (a != a and b != b) or a == b
    return abs(a - b) <= max(relative * max(abs(a), abs(b)), absolute)


@pytest.fixture(scope="session")
def example():
    """A function that imports examples/NAME.py."""

    def load(name):
        spec = importlib.util.spec_from_file_location(f"example_{name}", ROOT / "examples" / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load

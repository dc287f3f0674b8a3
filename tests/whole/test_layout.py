"""Tests stand where what they test stands: for any file of the package a newcomer finds its tests by name.

`tinygrad_nn/a/b/c.py` has its tests in `tests/a/b/test_c.py`. A folder that is tested as one thing has them in a file
of its name, beside it or in it.
"""

import pytest
from shared import ROOT

PACKAGE, TESTS = ROOT / "tinygrad_nn", ROOT / "tests"
FILES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")
OF_ALL = {"version.py": "whole/test_package.py"}  # what tests of the package as a whole look at


def places_of(path):
    """Where the tests of a file may stand: in a file of its name, or of a folder that holds it."""
    folders = [folder for folder in path.parents if folder.name]
    own = [TESTS / path.parent / f"test_{path.stem}.py"]
    return own + [
        place for f in folders for place in (TESTS / f.parent / f"test_{f.name}.py", TESTS / f / f"test_{f.name}.py")
    ]


@pytest.mark.parametrize("path", FILES, ids=str)
def test_every_file_has_its_tests_by_name(path):
    places = [TESTS / OF_ALL[str(path)]] if str(path) in OF_ALL else places_of(path)
    assert any(place.exists() for place in places), f"{path} has no tests: write {places[0].relative_to(ROOT)}"

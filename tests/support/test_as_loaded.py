"""Which code runs: what was put in, and what was written since, is no code of the sources that lie there."""

import os
import subprocess
import sys
import time

import pytest

import tinygrad_nn as tn
from tinygrad_nn import losses
from tinygrad_nn.autograd import primitives
from tinygrad_nn.support import as_loaded
from tinygrad_nn.support.as_loaded import AsLoaded, sources_of

LATER = time.time() + 3600.0


@pytest.fixture(autouse=True)
def anew():
    sources_of.cache_clear()
    yield
    sources_of.cache_clear()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "inside").mkdir()
    for name in ("a.py", "inside/b.py"):
        (tmp_path / name).write_text("x = 1\n")
    return tmp_path


def state(folder, since=LATER):
    sources_of.cache_clear()
    return sources_of(str(folder), since)


def test_all_modules_of_the_library_are_its_own_code():
    """What they import by name is of a library that they stand on; else nothing would be kept once one is loaded."""
    code = """
import importlib, pkgutil
import tinygrad_nn
for module in pkgutil.walk_packages(tinygrad_nn.__path__, "tinygrad_nn."):
    try:
        importlib.import_module(module.name)
    except ImportError:
        pass  # of an extra that is not installed
from tinygrad_nn.support.as_loaded import AsLoaded
print(AsLoaded(0.0).own)
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "True\n"


def test_the_sources_are_those_that_lie_there():
    loaded = AsLoaded(LATER)
    assert loaded.sources() == loaded.sources() == state(tn.__path__[0])
    assert as_loaded.__file__ in str(loaded.sources())


@pytest.mark.parametrize("name", ["a.py", "inside/b.py"])
def test_another_source_is_another_state(name, folder):
    before, path = state(folder), folder / name
    for _ in range(2):
        was = path.stat()
        path.write_text("x = 2\n")  # of the same size
        os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))
        if os.name == "posix":  # elsewhere it is as old as it says
            assert state(folder) != before
    path.write_text("x = 123\n")
    assert state(folder) != before
    path.unlink()
    assert state(folder) not in (before, None)


def test_what_is_no_source_is_not_looked_at(folder):
    before = state(folder)
    (folder / "__pycache__").mkdir()
    for name in ("notes.txt", "inside/data.bin", "__pycache__/a.py"):
        (folder / name).write_text("")
    assert state(folder) == before


def test_a_source_that_was_written_since_is_not_what_runs(folder):
    assert state(folder, time.time() - 60.0) is None
    assert state(folder, time.time()) is None  # by a clock that is coarse
    assert state(folder) is not None


@pytest.mark.parametrize("place", ["nowhere", "empty"])
def test_without_sources_nothing_is_said(place, tmp_path):
    (tmp_path / "empty").mkdir()
    assert state(tmp_path / place) is None


@pytest.mark.parametrize(
    ("owner", "name", "entry"),
    [
        (losses, "squared_error", lambda prediction, target: 0.0),
        (primitives, "tanh", primitives.sin),
        (tn.MLP, "__call__", lambda model, inputs: 0.0),
        (tn.Value, "__mul__", tn.Value.__add__),
        (as_loaded, "COARSEST", 2.5),
    ],
)
def test_what_is_put_in_is_seen_until_it_is_taken_out(owner, name, entry, monkeypatch):
    loaded = AsLoaded(LATER)
    expected = loaded.sources()
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, entry)
        assert loaded.sources() is None
    assert loaded.sources() == expected is not None
    with monkeypatch.context() as patch:
        patch.delattr(owner, name)
        assert loaded.sources() is None


def test_a_function_of_somebody_elses_is_seen_that_was_there_before(monkeypatch):
    monkeypatch.setattr(losses, "squared_error", lambda prediction, target: 0.0)
    assert AsLoaded(LATER).sources() is None


def test_what_is_loaded_later_changes_nothing():
    loaded = AsLoaded(LATER)
    expected = loaded.sources()
    from tinygrad_nn.check import explain  # noqa: F401

    vars(tn).get("explain")
    assert loaded.sources() == expected

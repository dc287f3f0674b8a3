"""Every error and warning of the library's travels: between processes, by pickle, and by copy, whole."""

import copy
import importlib
import multiprocessing
import pickle
import pkgutil
import random
from concurrent.futures import ProcessPoolExecutor

import pytest

import tinygrad_nn as tn
from tinygrad_nn.autograd.ieee.floats import NoSuchIndexError
from tinygrad_nn.check.anomaly import AnomalyError
from tinygrad_nn.training.steps.rows import RowError

MADE_OF = {AnomalyError: ("words", None, "file.py, line 3"), RowError: (3, NoSuchIndexError("words"))}
WAYS = [copy.copy, copy.deepcopy, *(lambda e, p=p: pickle.loads(pickle.dumps(e, p)) for p in range(2, 6))]


def errors():
    """All classes of exceptions that modules of the package define."""
    for module in pkgutil.walk_packages(tn.__path__, "tinygrad_nn.", onerror=lambda name: None):
        try:
            names = vars(importlib.import_module(module.name))
        except ImportError:  # a package that is not installed
            continue
        for kind in names.values():
            if isinstance(kind, type) and issubclass(kind, BaseException) and kind.__module__ == module.name:
                yield kind


def same(one, other):
    """Whether two errors say and hold the same, an error within compared as well."""
    if isinstance(one, BaseException):
        return type(one) is type(other) and str(one) == str(other) and same(vars(one), vars(other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return one == other


def test_every_error_is_copied_and_pickled_whole():
    found = sorted(set(errors()), key=lambda kind: kind.__name__)
    assert {"RowError", "AnomalyError", "TraceError", "LintWarning", "OffPath"} <= {kind.__name__ for kind in found}
    for kind in found:
        error = kind(*MADE_OF.get(kind, ("words",)))
        error.add_note("a note")
        error.of_ones_own = [1.0]
        assert "words" in str(error), kind
        for way in WAYS:
            assert same(way(error), error), kind


def failing():
    """A step that a row fails, and what the row is."""
    model = tn.MLP(2, [3], rng=random.Random(0))
    step = tn.compile_step(model, "cross_entropy", tn.SGD(model.parameters(), lr=0.1), backend="python")
    return step, ([[1.0, 2.0], [3.0, 4.0]], [1, 7])


def test_an_error_of_a_row_says_the_same_elsewhere():
    step, rows = failing()
    with pytest.raises(RowError) as found:
        step(*rows)
    assert str(found.value).startswith("row 1 of X and Y: got the index 7")
    for way in WAYS:
        assert same(way(found.value), found.value)
        assert (way(found.value).place, type(way(found.value).error)) == (1, NoSuchIndexError)


def test_an_error_comes_back_from_another_process():
    step, rows = failing()
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        with pytest.raises(RowError, match="row 1 of X and Y: got the index 7"):
            pool.submit(step, *rows).result(timeout=60)
        assert pool.submit(step, rows[0], [1, 2]).result(timeout=60) == step(rows[0], [1, 2])

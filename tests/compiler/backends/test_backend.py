"""The registry of back ends, and a back end in JavaScript that is written by its page, word for word."""

import ast
import inspect
import math
import random
import re
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest
from shared import ROOT

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.compiler import backends
from tinygrad_nn.compiler.backends import backend
from tinygrad_nn.compiler.backends.spellings import UnspelledError

NODE = pytest.mark.skipif(shutil.which("node") is None, reason="no node here")
NAME = f"{backends.__name__}.javascript"


@pytest.fixture
def javascript(tmp_path, monkeypatch):
    """What the page says: a text that is copied to a file, an empty file beside it, and a line."""
    page = inspect.getdoc(backends) or ""
    text, copy, empty = re.findall(r"\b[\w/]+\.py\b", page.partition("a line in")[2])[1:4]
    (tmp_path / copy).parent.mkdir()
    (tmp_path / empty).touch()
    shutil.copy(ROOT / text, tmp_path / copy)
    monkeypatch.setattr(backends, "__path__", [*backends.__path__, str(tmp_path)])
    (line,) = re.findall(r"^    (.*)$", page, re.MULTILINE)
    for name, place in ast.literal_eval("{" + line + "}").items():
        monkeypatch.setitem(backend.BACKENDS, name, place)
    yield
    backend._loaded.cache_clear()
    for module in [module for module in sys.modules if module.startswith(NAME)]:
        del sys.modules[module]
    vars(backends).pop("javascript", None)


def bent(x, y):
    return tn.sigmoid(x) * y - tn.relu(y) ** 3 if x > 0 else tn.exp(-y) * x


def test_the_text_of_a_program(javascript):
    f = tn.compile(bent)
    f(1.0, 2.0)
    assert f.source("javascript").endswith(
        """\
function bent(x, y) {
  if (!(x > 0.0)) return null;
  const v3 = sigmoid(x);
  const v4 = v3 * y;
  const v5 = relu(y);
  const v6 = cube(v5);
  const v7 = v4 - v6;
  return [v7];
}
"""
    )
    assert "function relu(x) { return x <= 0.0 ? 0.0 : x; }" in f.source("javascript", gradient=True)


def test_names_and_numbers_that_javascript_has_already(javascript):
    def new(this, NaN, const):
        return this * math.inf + NaN * math.nan - const * -0.5

    f = tn.compile(new)
    f(1.0, 2.0, 3.0)
    assert f.source("javascript").startswith("function new_(this_2, NaN_2, const_2) {\n  const ")
    assert "* Infinity" in f.source("javascript")
    assert "* -0.5" in f.source("javascript")


@NODE
def test_it_runs(javascript):
    numbers = random.Random(0)
    model = tn.MLP(2, [3, 1], activation="tanh", rng=numbers)
    weight, shrunk = Value(0.5), tn.primitive("shrunk", "x / (1.0 + abs(x))", "g * square(1.0 - abs(y))")
    cases = {
        bent: [[1.0, 2.0], [-1.0, 0.5]],
        lambda x, y: model([x, y]): [[0.5, -2.0]],
        lambda x, y: shrunk(-x) * weight - tn.softplus(y) / x: [[0.5, 800.0]],
    }
    for function, rows in cases.items():
        f, expected = tn.compile(function, backend="javascript"), tn.compile(function, backend="python")
        for row in rows:  # of which one more is on another path
            value, gradient = f.value_and_grad(*row)
            assert [value, *gradient] == pytest.approx([expected(*row), *expected.grad(*row)], rel=1e-14)
    f = tn.compile(lambda x: weight / x, backend="javascript")
    assert f.batch([[0.0], [2.0]]) == [math.inf, 0.25]
    weight.data = -2.0
    assert f(1.0) == -2.0
    assert repr(f).endswith("back end javascript>")


def test_what_it_cannot_do_is_told(javascript):
    f = tn.compile(lambda x: tn.erf(x), backend="javascript")
    with pytest.raises(UnspelledError, match="erf is not in JavaScript yet"):
        f(1.0)
    with pytest.raises(ValueError, match="the javascript back end computes in dtype 'float64', but got 'float32'"):
        tn.compile(lambda x: x, backend="javascript", dtype="float32")
    with pytest.raises(ValueError, match=r"unknown back end 'java': give one of .*, llvm, javascript$"):
        tn.compile(lambda x: x, backend="java")
    model = tn.MLP(1, [1])
    with pytest.raises(ValueError, match=r"training steps run on .* but got 'javascript'"):
        tn.compile_step(model, "squared_error", tn.SGD(model.parameters(), lr=0.1), backend="javascript")


def test_a_back_end_of_texts_alone_runs_nothing():
    for name in ("c", "java", None, ["python"]):
        with pytest.raises((ValueError, TypeError), match=r"give one of auto, python, array, llvm$"):
            tn.compile(lambda x: x, backend=name)  # type: ignore[arg-type]
    f = tn.compile(lambda x: x * x)
    with pytest.raises(ValueError, match=r"unknown back end for source 'java': give one of python, array, llvm, c$"):
        f.source("java")


def test_a_back_end_of_rows_alone_is_called_with_one_and_one_of_calls_with_each(monkeypatch):
    pytest.importorskip("numpy", reason="arrays need NumPy")
    array, python = backend.named("array"), backend.named("python")
    of_calls = replace(array, call=python.call, rows=None)
    for found in (array, of_calls):
        monkeypatch.setattr(backend, "_loaded", lambda module, found=found: found)
        f = tn.compile(bent, backend="array")
        assert f(-1.0, 0.5) == pytest.approx(bent(-1.0, 0.5))
        assert f(1.0, 2.0) == pytest.approx(bent(1.0, 2.0))
        assert f.batch([[1.0, 2.0], [-1.0, 0.5]]) == pytest.approx([bent(1.0, 2.0), bent(-1.0, 0.5)])


def test_only_the_back_end_that_is_asked_for_is_imported():
    script = "import sys, tinygrad_nn as tn; f = tn.compile(lambda x: x * x); f.grad(f(3.0)); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout.split()
    assert f"{backends.__name__}.python.function" in loaded
    assert [name for name in loaded if re.match(rf"{backends.__name__}\.(array|llvm|c)\b", name)] == []

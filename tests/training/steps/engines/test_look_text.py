"""The texts of looks: which programs can look between steps, and what is kept of a text."""

import os
import random
import subprocess
import sys
from typing import Any

import pytest
from shared import ROOT

import tinygrad_nn as tn
from tinygrad_nn.compiler.target import Target
from tinygrad_nn.losses import LOSSES
from tinygrad_nn.training.evaluation import Looked
from tinygrad_nn.training.steps.engines import look_text
from tinygrad_nn.training.steps.engines.engine import UnsupportedError
from tinygrad_nn.training.steps.engines.look_text import LookText, look_written
from tinygrad_nn.training.steps.engines.looking import LookingEngine
from tinygrad_nn.training.steps.recipe import Recipe
from tinygrad_nn.training.steps.rows import rows_of

numpy = pytest.importorskip("numpy", reason="machine code wants NumPy")
pytest.importorskip("llvmlite", reason="machine code wants llvmlite")
TARGET = Target("llvm")


def looked(model, X, Y, loss=tn.losses.squared_error):
    recipe = Recipe(model, loss, tn.SGD(model.parameters(), lr=0.1))
    return Looked(recipe, rows_of(X, Y), "", TARGET, None, {}), recipe


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_no_loss_of_the_library_branches(loss):
    outputs = 3 if loss is tn.losses.cross_entropy else 1
    model = tn.MLP(2, [3, outputs], rng=random.Random(1))
    look, recipe = looked(model, [[0.5, 1.0], [2.0, 3.0]], [1.0, 0.0], loss)
    program, shape = look.traced()
    text = look_written(program, shape, recipe.optimizer.parameters, TARGET, 8)
    assert (text.width, text.shape) == (1 + outputs, None if outputs == 1 else (None,) * 3)
    engine = LookingEngine(recipe, look.shapes, TARGET)
    assert engine.can_look([look], look.rows, 2)


def test_parameters_that_are_not_there_are_refused():
    model = tn.MLP(2, [1], rng=random.Random(1))
    program, shape = looked(model, [[0.5, 1.0]], [1.0])[0].traced()
    with pytest.raises(UnsupportedError, match="no step reads"):
        look_written(program, shape, model.parameters()[1:], TARGET, 8)


@pytest.mark.parametrize("shape", [None, (None,), (None, None, None), ((None,), (None, None))])
@pytest.mark.parametrize("refuses", [False, True])
def test_what_a_text_says_of_itself_is_kept_with_it(shape, refuses):
    text = LookText(8, 640, 3, refuses, shape, "a\nb\n")
    assert LookText.said(text.words()) == text


def test_a_loss_that_is_asked_with_each_label_is_refused():
    model = tn.MLP(2, [1], rng=random.Random(1))
    look, recipe = looked(model, [[0.5, 1.0]], [1.0])
    program, shape = look.traced()
    more = program.returning([*program.outputs, program.outputs[0]])
    with pytest.raises(UnsupportedError, match="each label"):
        look_written(more, shape, recipe.optimizer.parameters, TARGET, 8)


class Sources:
    """Code that says of itself what it is."""

    def __init__(self, said):
        self.said = said

    def sources(self):
        return self.said


LOOKS: list[dict[str, Any]] = [
    {}, {"activation": "relu"}, {"loss": "huber"}, {"loss": "cross_entropy", "sizes": (3, 2)}, {"dtype": "float32"},
    {"first": 3}, {"sizes": (4, 1)},
]  # fmt: skip


def trained(activation="tanh", loss="squared_error", sizes=(3, 1), first=0, dtype="float64"):
    """What a run of its own finds after each epoch, as in a process that begins."""
    look_text.LOOK_TEXTS.clear()
    X, Y = [[0.1 * k, 1.0 - 0.3 * k] for k in range(9)], [k % 2.0 for k in range(9)]
    model = tn.MLP(2, sizes, activation, rng=random.Random(1))
    optimizer = tn.SGD(model.parameters()[first:], lr=0.1)
    options = {"validation": (X[5:], Y[5:]), "progress": False, "dtype": dtype, "backend": "llvm", "shuffle": False}
    metrics = ["accuracy"] if loss == "cross_entropy" else ["accuracy", "rmse"]
    return tn.fit(model, X[:5], Y[:5], loss, optimizer, 3, 2, metrics=metrics, **options).metrics


def test_what_is_taken_from_disk_is_what_would_have_been_written(tmp_path, monkeypatch):
    monkeypatch.setenv("TINYGRAD_NN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(look_text, "LOOKING", Sources("these"))
    told, write = [], look_text.look_written

    def counted(*given):
        told.append(write(*given))
        return told[-1]

    monkeypatch.setattr(look_text, "look_written", counted)
    there = [trained(**look) for look in LOOKS]
    assert len(told) == len(LOOKS)
    assert [trained(**look) for look in LOOKS] == there
    assert len(told) == len(LOOKS)
    for said, count in ((None, 1), (None, 2), ("others", 3), ("others", 3), ("these", 3)):
        monkeypatch.setattr(look_text, "LOOKING", Sources(said))
        assert trained() == there[0]
        assert len(told) == len(LOOKS) + count


def test_the_code_that_looks_is_among_what_a_text_holds_for():
    assert look_text.LOOKING.own
    names = {name for name, _ in look_text.LOOKING.modules}
    assert {Looked.__module__, "tinygrad_nn.losses", "tinygrad_nn.compiler.backends.llvm.printer"} <= names


SCRIPT = """
import sys
import tinygrad_nn as tn
tn.compile_step(tn.MLP(2, [1]), "huber", tn.SGD([tn.Value(1.0)], lr=0.1), backend="llvm")
import tinygrad_nn.training.steps.engines.looking
print("tinygrad_nn.training.steps.engines.look_text" in sys.modules)
"""


def test_it_is_imported_when_somebody_looks():
    surroundings = os.environ | {"PYTHONPATH": str(ROOT)}
    run = subprocess.run([sys.executable, "-c", SCRIPT], env=surroundings, capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"

"""Texts of steps on disk: a second process traces nothing, and what it takes is what it would have written."""

import os
import random
import subprocess
import sys
from itertools import chain
from typing import Any

import pytest
from shared import ROOT, Sources, needed

import tinygrad_nn as tn

needed("llvm")

from tinygrad_nn.autograd import primitives as table  # noqa: E402
from tinygrad_nn.compiler.arguments import array_shape  # noqa: E402
from tinygrad_nn.compiler.backends.llvm import engine as native  # noqa: E402
from tinygrad_nn.compiler.kept_text import kept_text  # noqa: E402
from tinygrad_nn.support.as_loaded import AsLoaded, sources_of  # noqa: E402
from tinygrad_nn.training.steps.engines import native_text  # noqa: E402
from tinygrad_nn.training.steps.recipe import Update  # noqa: E402
from tinygrad_nn.training.steps.state import NUMBER  # noqa: E402
from tinygrad_nn.training.steps.structure import in_words  # noqa: E402

X, Y = tn.data.half_adder()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TINYGRAD_NN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(native_text, "LOADED", Sources("these"))
    return tmp_path / "cache"


@pytest.fixture
def written(monkeypatch):
    """The texts that were written."""
    told, step_text = [], native_text.step_text

    def write(*given):
        told.append(step_text(*given))
        return told[-1]

    monkeypatch.setattr(native_text, "step_text", write)
    return told


def train(activation="tanh", loss="squared_error", kind=tn.SGD, trained=slice(None), sizes=(3, 2), **settings):
    """As in a process that begins: all numbers after some steps, and the source of them."""
    native_text.TEXTS.clear()
    native.native.cache_clear()
    dtype = settings.pop("dtype", "float64")
    model = tn.MLP(2, sizes, activation, rng=random.Random(1))
    optimizer = kind(model.parameters()[trained], lr=0.1, **settings)
    step = tn.compile_step(model, loss, optimizer, backend="llvm", dtype=dtype)
    losses = step.run(X, Y if loss != "cross_entropy" else [0, 1, 1, 0], 3, 2).losses
    return [*losses, *[p.data for p in model.parameters()], *chain.from_iterable(optimizer.state)], step.source()


VARIANTS: list[dict[str, Any]] = [
    {}, {"activation": "relu"}, {"loss": "huber"}, {"loss": "cross_entropy"}, {"kind": tn.Adam}, {"dtype": "float32"},
    {"momentum": 0.5, "nesterov": True}, {"weight_decay": 0.1}, {"weight_decay": 0.2}, {"trained": slice(3, None)},
]  # fmt: skip


def test_what_is_taken_from_disk_is_what_would_have_been_written(folder, written, monkeypatch):
    """Of each variant, with those of all others in the same folder."""
    there = [train(**variant) for variant in VARIANTS]
    texts, count = {text for _, text in there}, len(list(folder.iterdir()))
    written.clear()
    assert [train(**variant) for variant in VARIANTS] == there
    assert not written
    assert len(list(folder.iterdir())) == count == 2 * len(texts)
    for variant in VARIANTS[:3]:
        monkeypatch.setenv("TINYGRAD_NN_CACHE", "off")
        assert train(**variant) == there[VARIANTS.index(variant)]
    assert len(written) == 3


def test_another_state_of_the_sources_takes_nothing(folder, written, monkeypatch):
    expected = train()
    for said, times in (("others", 1), ("others", 0), (None, 1), (None, 1), ("these", 0)):
        written.clear()
        monkeypatch.setattr(native_text, "LOADED", Sources(said))
        assert train() == expected
        assert len(written) == times, said


def test_another_version_takes_nothing(folder, written, monkeypatch):
    train()
    monkeypatch.setattr("tinygrad_nn.compiler.kept_text.__version__", "0.0.1")
    train()
    assert len(written) == 2


def test_a_text_that_was_changed_is_written_anew(folder, written):
    expected = train()
    for path in folder.iterdir():
        content = path.read_bytes()
        path.write_bytes(content.replace(b"fadd", b"fsub") if b"fadd" in content else content[:-1])
    assert train() == expected
    assert len(written) == 2


@pytest.mark.parametrize(("owner", "name"), [(native_text, "update_text"), (tn.MLP, "__call__"), (table, "tanh")])
def test_what_was_put_in_neither_takes_nor_leaves_anything(owner, name, tmp_path, monkeypatch):
    monkeypatch.setenv("TINYGRAD_NN_CACHE", str(tmp_path / "cache"))
    sources_of.cache_clear()
    loaded = AsLoaded(float("inf"))

    def asked(text):
        return kept_text("steps", lambda: [in_words(("a key",))], loaded, lambda: text)

    assert [asked("a text"), asked("another")] == ["a text", "a text"]
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, lambda *given: None)
        assert [asked("a third"), asked("a fourth")] == ["a third", "a fourth"]
    assert asked("a fifth") == "a text"
    sources_of.cache_clear()


KEYS = [
    (), ((),), (None,), (True,), (1,), (1.0,), ("1",), ("None",), (0.0,), (-0.0,), (1, 2), ((1,), 2), (1, (2,)),
    ("1 2",), ("a number",), (NUMBER,), (Ellipsis,), (table.tanh,), ("the primitive tanh",), (table.sigmoid,),
    (tn.MLP,), (tn.Layer,), (tn.SGD.update,), (tn.Adam.update,), (tn.losses.huber,), ("tinygrad_nn.losses.huber",),
    ((None, None),), array_shape((2,)), (array_shape((2,)),), array_shape((2, 1)), ("'",), ('"',), ("\\'",),
]  # fmt: skip


def test_words_tell_keys_apart():
    words = list(map(in_words, KEYS))
    assert None not in words
    assert len(set(words)) == len(KEYS)


def own(prediction, target):
    return 0.0


@pytest.mark.parametrize("part", [object(), [1], {1: 2}, own, lambda: 0, 1j, b"1", tn.primitive, type("Own", (), {})])
def test_what_no_other_process_knows_has_no_words(part):
    found = in_words((1, (part,)))
    assert (found is None) is (part is not tn.primitive)


SCRIPT = """
import random, sys, tinygrad_nn as tn
from tinygrad_nn.training.steps.engines import native_text
native_text.LOADED.since = float("inf")  # of sources that were unpacked a moment ago
if sys.argv[1:]:
    native_text.LOADED.entries.clear()  # so that it does not see what is put in here
    native_text.step_text = None  # which writes each text
X, Y = tn.data.half_adder()
for kind in (tn.SGD, tn.Adam):
    model = tn.MLP(2, [3, 2], "tanh", rng=random.Random(1))
    optimizer = kind(model.parameters(), lr=0.1)
    print(tn.fit(model, X, Y, "squared_error", optimizer, 3, 2, rng=random.Random(2), progress=False).losses)
"""


def test_a_second_process_writes_no_text(tmp_path):
    said = []
    for seed, arguments in (("1", []), ("2", ["takes"])):
        surroundings = {"TINYGRAD_NN_CACHE": str(tmp_path / "cache"), "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", SCRIPT, *arguments]
        run = subprocess.run(command, env=os.environ | surroundings, capture_output=True, text=True, check=False)
        assert not run.returncode, run.stderr
        said.append(run.stdout)
    assert said[0] == said[1] != ""


def test_what_a_text_says_of_itself_is_kept_with_it(folder):
    text = native_text.StepText.__new__(native_text.StepText)
    text.count, text.vectors, text.padded, text.scratch, text.read, text.text = 5, 1, 8, 640, [3, 0], "a\nb"
    for branches in (True, False):
        text.branches = branches
        model = tn.MLP(2, [2, 1])
        step = tn.compile_step(model, "huber", tn.SGD(model.parameters(), 0.1), backend="llvm")
        again = native_text.StepText.said(text.words(), Update(step.recipe))
        assert again.words() == text.words()
        assert (again.branches, again.read, again.text) == (branches, [3, 0], "a\nb")

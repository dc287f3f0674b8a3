"""Models from files: what was cut off, changed, hostile or of the future is refused by name."""

import pickle
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_files import MODELS, facts, resealed

import tinygrad_nn as tn
from tinygrad_nn.nn import saving as storage

ATOMS = ["NaN", "Infinity", "1e999", "-1", "{}", "[]", '"x"', "null", "true", "9" * 5000, "[" * 3000, '"__import__"']


@st.composite
def changes(draw):
    """A model, its file with bytes or words changed, cut, doubled or put in, and whether the digest fits again."""
    model = MODELS[draw(st.sampled_from(list(MODELS)))]()
    body, mended = storage.text_of(model), draw(st.booleans())
    body = body.rpartition("sha256 ")[0] if mended else body
    for _ in range(draw(st.integers(1, 3))):
        a, b = sorted(draw(st.integers(0, len(body))) for _ in range(2))
        part = draw(st.sampled_from([*ATOMS, "", body[a:b], body[: b - a], draw(st.text(max_size=5))]))
        kind = draw(st.sampled_from(["replace", "short", "cut", "insert"]))
        if kind == "cut":
            body = body[:a]
        elif kind == "insert":
            body = body[:a] + part + body[a:]
        else:
            body = body[:a] + part + body[a + min(3, b - a) if kind == "short" else b :]
    return model, resealed(body) if mended else body, mended


@pytest.mark.parametrize("examples", [600, pytest.param(2_000, marks=pytest.mark.slow)])
def test_changed_files_are_refused_or_equal(examples):
    settings(max_examples=examples)(given(changes())(check_change))()


def check_change(change):
    """A changed file is refused with the reason, or holds what the file did before."""
    model, text, mended = change
    found, told = None, ""
    try:
        found = storage.model_of(text)
    except tn.StorageError as error:
        told = str(error)
    if found is None:
        assert 10 < len(told) < 500
    elif not mended:
        assert facts(found) == facts(model)
    else:
        assert storage.model_of(storage.text_of(found)).parameters()  # another model, but a whole one


@pytest.mark.parametrize("wrapped", [False, True])
def test_classes_are_the_same_after_a_file(wrapped, tmp_path):
    X = [[a, b] for a in (0.0, 1.0) for b in (0.0, 1.0)]
    logits, path = tn.losses.binary_cross_entropy_with_logits, tmp_path / "model.txt"
    loss = (lambda prediction, target: 2.0 * logits(prediction, target)) if wrapped else logits
    for output, targets in (("linear", [[0, 0], [0, 1], [0, 1], [1, 1]]), ("tanh", [0, 1, 1, 0])):
        of_row = loss if output == "linear" else "squared_error"
        model = tn.MLP(2, [8, 2 if output == "linear" else 1], "tanh", output, rng=random.Random(0))
        told = {"checkpoint": tmp_path / f"{output}.txt", "progress": False, "rng": random.Random(1)}
        tn.fit(model, X, targets, of_row, tn.Adam(model.parameters(), 0.05), 200, **told)
        tn.save(model, path)
        assert model.predict_classes(X) == targets
        for again in (tn.load(path), tn.load(told["checkpoint"]), pickle.loads(pickle.dumps(model))):
            assert again.predict_classes(X) == targets
        fresh = tn.MLP(2, [8, 2 if output == "linear" else 1], "tanh", output, rng=random.Random(0))
        tn.fit(fresh, X, targets, of_row, tn.Adam(fresh.parameters(), 0.05), 200, resume=True, **told)
        assert fresh.predict_classes(X) == targets  # of a run that is over

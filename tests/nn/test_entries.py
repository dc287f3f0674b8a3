"""Entries of a file: each that is not what it must be is told."""

import pytest
from model_files import network, resealed

import tinygrad_nn as tn
from tinygrad_nn.nn import saving as storage


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text[: len(text) // 2], "was cut off: it does not end"),
        (lambda text: text[:-1], "was cut off: it does not end"),
        (lambda text: text.replace("0.1", "0.2", 1), "was changed after it was saved"),
        (
            lambda text: text.replace("version 2", "version 3"),
            "is of version 3, and this library reads up to version 2: update",
        ),
        (lambda text: "PK\x03\x04" + text, "is no model of tinygrad_nn: its first line is"),
        (lambda text: "", "is no model of tinygrad_nn: its first line is ''"),
        (lambda text: resealed(text.rpartition("sha256 ")[0].replace('"tanh"', '"os.system"')), "unknown activation"),
        (
            lambda text: resealed(text.rpartition("sha256 ")[0].replace('"bias"', '"offset"', 1)),
            "no 'bias' in neuron 1",
        ),
        (lambda text: resealed(text.rpartition("sha256 ")[0].replace('"MLP"', '"object"')), "of the kind 'object'"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(change, words, tmp_path):
    path = tmp_path / "model.txt"
    path.write_text(change(storage.text_of(network())), encoding="utf-8")
    with pytest.raises(tn.StorageError, match=words) as caught:
        tn.load(path)
    assert str(path) in str(caught.value)

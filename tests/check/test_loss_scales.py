"""Losses that are given what they do not take, each told by its kind and its numbers."""

import random

import pytest
from student_scripts import SCALES, named, of_kinds

import tinygrad_nn as tn


@pytest.mark.parametrize("way", of_kinds(*SCALES))
def test_mistakes_as_students_make_them(way):
    named(way)


def test_a_softmax_layer_is_squashed_twice_where_its_outputs_are_put_into_another_list():
    model = tn.MLP(2, [3, 2], "tanh", "softmax", rng=random.Random(1))
    assert tn.lint(model, tn.losses.cross_entropy(model([0.5, -1.0]), 1)) == []
    found = tn.lint(model, tn.losses.cross_entropy([*model([0.5, -1.0])], 1))
    assert [finding.kind for finding in found] == ["probabilities for logits"]

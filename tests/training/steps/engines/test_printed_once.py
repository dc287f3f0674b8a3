"""What the text of native steps repeats, and what it does not."""

import random

import pytest

import tinygrad_nn as tn
from tinygrad_nn.support.latest import Latest
from tinygrad_nn.training.steps.engines import native_text

pytest.importorskip("llvmlite", reason="llvmlite is not installed")


def text_of(optimizer, sizes=(2, 16, 16, 1)):
    """The text of the steps of a network on nine rows."""
    model = tn.MLP(sizes[0], sizes[1:], "tanh", rng=random.Random(1))
    step = tn.compile_step(model, "hinge", optimizer(model.parameters()), backend="llvm")
    given = [[0.5] * sizes[0]] * 9, [1.0] * 9
    found = []

    class Kept(native_text.StepText):
        def __init__(self, *given):
            super().__init__(*given)
            found.append(self.text)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(native_text, "StepText", Kept)
        patched.setattr(native_text, "TEXTS", Latest(native_text.MOST_TEXTS))
        step(*given)
    return found[0]


def test_what_does_not_hang_on_a_parameter_is_computed_before_the_update_of_all():
    """Adam's powers of its settings, a third of its steps, are taken once a step."""
    update = text_of(lambda parameters: tn.Adam(parameters, lr=0.01)).partition("define void @update(")[2]
    before, _, loop = update.partition("\nhead")
    assert "@pow" in before
    assert "@pow" not in loop


def test_the_sums_of_lanes_are_one_function_that_is_called():
    text = text_of(lambda parameters: tn.SGD(parameters, lr=0.01))
    (definition,) = [line for line in text.splitlines() if line.startswith("define") and "@tn.lane_sums." in line]
    assert "noinline" in definition
    assert text.count("@tn.lane_sums.") > 5


def test_sums_lie_one_after_the_other_until_the_last_chunk_of_rows():
    """Gradients that are no products of matrices: the first layer's, biases, the last layer's, 81 in all."""
    text = text_of(lambda parameters: tn.SGD(parameters, lr=0.01))
    assert f"[{32 + 16 + 16 + 16 + 1} x i64]" in text

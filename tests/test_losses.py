"""Losses: formulas by hand, PyTorch where it is installed, and every refusal."""

import copy
import math
import pickle
import random

import pytest
from shared import close

import tinygrad_nn as tn
from tinygrad_nn import Value, losses


def test_losses_of_lists_are_averaged_over_the_outputs():
    predictions, targets = [Value(0.2), 0.7, Value(0.9)], [0.0, 1.0, 0.5]
    for name in ("squared_error", "absolute_error", "huber", "hinge", "binary_cross_entropy"):
        loss = getattr(losses, name)
        alone = [loss(p, t) for p, t in zip(predictions, targets, strict=True)]
        assert loss(predictions, targets).data == sum(a.data if isinstance(a, Value) else a for a in alone) / 3.0
    assert losses.squared_error([Value(3.0)], 1.0).data == losses.squared_error(Value(3.0), [1.0]).data == 4.0
    assert losses.huber(Value(5.0), 1.0, delta=2.0).data == 2.0 * (4.0 - 1.0)


def test_losses_leave_their_scope():
    for name, loss in losses.LOSSES.items():
        target = 1 if name == "cross_entropy" else [1.0, 1.0]
        result = loss([Value(0.2), Value(0.7)], target)
        assert result.scope is loss
        assert result.operands[0].scope is loss
        assert loss.__name__ == name
    assert Value(1.0).exp().scope is None


@pytest.mark.parametrize("logit", [-800.0, 800.0, -40.0, 40.0, 0.0])
@pytest.mark.parametrize("target", [0.0, 1.0])
def test_binary_cross_entropy_of_saturated_units_stays_finite(logit, target):
    z = Value(logit)
    p = z.sigmoid()
    loss = losses.binary_cross_entropy(p, target)
    loss.backward()
    right = (logit > 0) == (target > 0)
    assert math.isfinite(loss.data)
    assert math.isfinite(p.grad)
    assert math.isfinite(z.grad)
    if abs(logit) == 800:
        assert loss.data == (0.0 if right else 100.0)
        assert (p.grad == 0.0) == right
        assert z.grad == p.data - target
    z.grad = 0.0
    stable = losses.binary_cross_entropy_with_logits(z, target)
    stable.backward()
    assert close(stable.data, math.log1p(math.exp(-abs(logit))) + (0.0 if right else abs(logit)), 1e-15)
    assert close(
        z.grad, 1 / (1 + math.exp(-logit)) - target if abs(logit) < 700 else float(logit > 0) - target, 1e-12, 1e-16
    )


LOSS_CASES = [("squared_error", "mse_loss"), ("absolute_error", "l1_loss"), ("huber", "huber_loss"),
              ("binary_cross_entropy", "binary_cross_entropy"),
              ("binary_cross_entropy_with_logits", "binary_cross_entropy_with_logits")]  # fmt: skip


@pytest.mark.parametrize(("ours", "theirs"), LOSS_CASES)
def test_losses_against_pytorch(ours, theirs):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    rng = random.Random(1)
    edge = ([0.0, 1.0, 0.0, 1.0], [0.0, 1.0, 1.0, 0.0])
    for p, t in [([rng.random() * 3 ** ("cross" not in ours) for _ in range(4)], [0.0, 1.0, 0.3, 1.0]), edge]:
        leaves = [Value(x) for x in p]
        loss = getattr(losses, ours)(leaves, t)
        loss.backward()
        tensor = torch.tensor(p, dtype=torch.float64, requires_grad=True)
        expected = getattr(torch.nn.functional, theirs)(tensor, torch.tensor(t, dtype=torch.float64))
        expected.backward()
        assert close(loss.data, expected.item(), 1e-14)
        for leaf, g in zip(leaves, tensor.grad.tolist(), strict=True):
            if abs(g) > 1e9:  # at its floor of 1e-12
                assert leaf.grad == math.copysign(2.0**1010, g)
            else:
                assert close(leaf.grad, g, 1e-12)


def test_cross_entropy_against_pytorch():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    for logits in ([0.1, -2.0, 3.0], [800.0, -800.0, 0.0]):
        for target in range(3):
            leaves = [Value(x) for x in logits]
            loss = losses.cross_entropy(leaves, target)
            loss.backward()
            tensor = torch.tensor([logits], dtype=torch.float64, requires_grad=True)
            expected = torch.nn.functional.cross_entropy(tensor, torch.tensor([target]))
            expected.backward()
            assert close(loss.data, expected.item(), 1e-14)
            assert [v.grad for v in leaves] == pytest.approx(tensor.grad[0].tolist(), rel=1e-12, abs=1e-300)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: losses.named("mse"), ValueError, "unknown loss 'mse': give one of squared_error, absolute_error"),
        (lambda: losses.hinge([1.0, 2.0], [1.0]), ValueError, "hinge wants one target .* got 2 outputs and 1 targets"),
        (lambda: losses.hinge([], []), ValueError, "hinge wants one target for each output"),
        (lambda: losses.hinge("1", 1.0), TypeError, "hinge wants a number or a Value, but got '1'"),
        (lambda: losses.hinge(1.0, None), TypeError, "the target of hinge wants a number or a Value, but got None"),
        (lambda: losses.cross_entropy([1.0, 2.0], 2), ValueError, "whole number from 0 to 1 .*class index"),
        (lambda: losses.cross_entropy([1.0, 2.0], -1), ValueError, "whole number from 0 to 1"),
        (lambda: losses.cross_entropy([1.0, 2.0], 0.5), ValueError, "whole number from 0 to 1"),
        (lambda: losses.cross_entropy(Value(1.0), 0), TypeError, "cross_entropy .*one logit per class.* wants a list"),
        (
            lambda: losses.cross_entropy([1.0, 2.0], [0, 1]),
            TypeError,
            r"index of the right class.*give target.index\(1\)",
        ),
        (lambda: losses.cross_entropy([], 0), ValueError, "cross_entropy wants at least one logit"),
    ],
)
def test_bad_input_of_losses(call, error, words):
    with pytest.raises(error, match=words):
        call()
    assert losses.named(losses.hinge) is losses.hinge


def test_cross_entropy_takes_the_logits_of_a_softmax_layer():
    layer = tn.Layer(2, 3, "softmax", rng=random.Random(1))
    row, sums = [0.5, -2.0], [tn.dot(n.weights, [0.5, -2.0], n.bias) for n in layer.neurons]
    for index in range(3):
        assert losses.cross_entropy(layer(row), index).data == losses.cross_entropy(sums, index).data
    far = losses.Probabilities([Value(0.0), Value(-2000.0)])
    assert losses.cross_entropy(far, 1).data == 2000.0
    assert losses.squared_error(far, [1.0, 0.0]).data == 0.0
    changed = layer(row)
    changed[0] = changed[0] * 1.0
    with pytest.raises(ValueError, match="were changed"):
        losses.cross_entropy(changed, 0)
    assert type(copy.deepcopy(far)) is type(pickle.loads(pickle.dumps(far))) is list

"""Optimisers: formulas by hand, PyTorch where it is installed, every refusal, and what they learn to the end."""

import math
import random
from typing import Any

import pytest
from shared import wrong

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.optim import Optimizer

OPTIMISERS = {
    "plain": (lambda p: tn.SGD(p, lr=0.1), lambda torch, p: torch.optim.SGD(p, lr=0.1)),
    "momentum": (lambda p: tn.SGD(p, lr=0.1, momentum=0.9), lambda torch, p: torch.optim.SGD(p, lr=0.1, momentum=0.9)),
    "nesterov": (
        lambda p: tn.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
        lambda torch, p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    ),
    "decay": (
        lambda p: tn.SGD(p, lr=0.1, weight_decay=0.3),
        lambda torch, p: torch.optim.SGD(p, 0.1, weight_decay=0.3),
    ),
    "adam": (lambda p: tn.Adam(p, lr=0.01), lambda torch, p: torch.optim.Adam(p, lr=0.01)),
    "adam decay": (
        lambda p: tn.Adam(p, 0.01, betas=(0.8, 0.95), epsilon=1e-6, weight_decay=0.1),
        lambda torch, p: torch.optim.Adam(p, 0.01, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.1),
    ),
}


@pytest.mark.parametrize("name", OPTIMISERS)
def test_optimisers_against_pytorch(name):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    make, make_theirs = OPTIMISERS[name]
    start = [0.5, -1.5, 2.0]
    ours = [Value(x) for x in start]
    theirs = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    optimizer, other = make(ours), make_theirs(torch, [theirs])
    for step in range(60):
        if step == 30:
            optimizer.lr = other.param_groups[0]["lr"] = 0.05
        loss = (ours[0] - 1) ** 2 + (ours[1] * ours[2]).sin() + tn.exp(ours[2] * 0.1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        expected = (theirs[0] - 1) ** 2 + (theirs[1] * theirs[2]).sin() + torch.exp(theirs[2] * 0.1)
        other.zero_grad()
        expected.backward()
        other.step()
    assert [v.data for v in ours] == pytest.approx(theirs.tolist(), rel=1e-12)


def test_momentum_by_hand():
    p = Value(1.0)
    optimizer = tn.SGD([p], lr=0.5, momentum=0.5)
    for gradient, velocity, data in ((2.0, 2.0, 0.0), (1.0, 2.0, -1.0), (0.0, 1.0, -1.5)):
        p.grad = gradient
        optimizer.step()
        assert (optimizer.velocity, p.data) == ([velocity], data)
    optimizer.momentum = 0.0
    optimizer.step()
    assert optimizer.velocity == [0.0]
    assert optimizer.steps == 4


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda p: tn.SGD(p, lr=-0.1), ValueError, "lr must be 0 or more and finite, but got -0.1"),
        (lambda p: tn.SGD(p, lr=math.nan), ValueError, "lr must be 0 or more and finite, but got nan"),
        (lambda p: tn.SGD(p, lr=wrong("fast")), TypeError, "lr must be a number or a function of the step, got 'fast'"),
        (lambda p: tn.SGD(p, lr=0.1, momentum=1.0), ValueError, r"momentum must be in \[0, 1\), but got 1.0"),
        (lambda p: tn.SGD(p, lr=0.1, momentum=-0.1), ValueError, r"momentum must be in \[0, 1\), but got -0.1"),
        (lambda p: tn.SGD(p, lr=0.1, weight_decay=-1), ValueError, "weight_decay must be 0 or more"),
        (lambda p: tn.SGD(p, lr=0.1, nesterov=True), ValueError, "give a momentum above 0"),
        (lambda p: tn.SGD([], lr=0.1), ValueError, "SGD got no parameters: give it model.parameters()"),
        (lambda p: tn.Adam([], lr=0.1), ValueError, "Adam got no parameters"),
        (lambda p: tn.SGD([wrong(1.0)], lr=0.1), TypeError, "SGD updates Values, but one of the parameters is 1.0"),
        (lambda p: tn.SGD(p + p, lr=0.1), ValueError, "SGD got a parameter twice"),
        (
            lambda p: tn.SGD(wrong(3), lr=0.1),
            TypeError,
            "the parameters of SGD must be a list of Values, such as .*, but got 3",
        ),
        (lambda p: tn.Adam(p, betas=(0.9, 1.0)), ValueError, r"beta2 must be in \[0, 1\)"),
        (lambda p: Optimizer(p, 0.1).step(), NotImplementedError, "define the formula of one parameter"),
        (lambda p: tn.optim.linear(1.0, 0.0, 0), ValueError, "steps must be a whole number of 1 or more, but got 0"),
    ],
)
def test_bad_input_of_optimisers(call, error, words):
    with pytest.raises(error, match=words):
        call([Value(1.0)])


def test_a_step_with_a_bad_learning_rate_changes_nothing():
    p = Value(1.0)
    optimizer = tn.SGD([p], lr=0.1, momentum=0.5)
    p.grad = 1.0
    optimizer.lr = lambda step: -1.0
    with pytest.raises(ValueError, match="lr must be 0 or more"):
        optimizer.step()
    assert (p.data, optimizer.velocity, optimizer.steps) == (1.0, [0.0], 0)


@pytest.mark.parametrize("backend", ["recorded", "eager", "python", "llvm"])
@pytest.mark.parametrize(("steps", "error"), [("a", TypeError), (1.5, TypeError), (None, TypeError), (-1, ValueError)])
def test_steps_that_are_no_count_are_said_and_change_nothing(backend, steps, error):
    if backend == "llvm":
        pytest.importorskip("llvmlite", reason="llvmlite is not installed")
    model = tn.MLP(2, [2, 1], "tanh", rng=random.Random(0))
    optimizer = tn.SGD(model.parameters(), lr=0.1, momentum=0.5)
    loss = tn.losses.squared_error
    loss(model([1.0, 2.0]), 1.0).backward()
    optimizer.steps, before = steps, (model.state_dict(), optimizer.state)
    calls: list[Any] = [optimizer.step]
    if backend != "recorded":
        calls = [lambda: tn.fit(model, [[1.0, 2.0]], [1.0], loss, optimizer, 1, progress=False, backend=backend)]
    if backend in ("python", "llvm"):
        step = tn.compile_step(model, loss, optimizer, backend=backend)
        calls.append(lambda: step([[1.0, 2.0]], [1.0]))
    for call in calls:
        with pytest.raises(error, match="the steps of an optimizer must be a whole number of 0 or more, but got"):
            call()
    assert (model.state_dict(), optimizer.state) == before

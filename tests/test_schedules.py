"""Schedules of a learning rate: PyTorch's where it is installed, frozen, told by their settings, every refusal."""

import copy
import pickle

import pytest
from shared import wrong

import tinygrad_nn as tn
from tinygrad_nn import Value


def test_the_learning_rate_may_be_a_function_of_the_step():
    p = Value(0.0)
    optimizer = tn.SGD([p], lr=lambda step: 1.0 / (step + 1))
    p.grad = 1.0
    for _ in range(3):
        optimizer.step()
    assert p.data == -1.0 - 0.5 - 1.0 / 3.0
    assert [tn.optim.linear(1.0, 0.1, 100)(k) for k in range(100)] == [1.0 - 0.9 * k / 100 for k in range(100)]
    falling = tn.optim.cosine(1.0, 0.2, 10)
    assert [falling(0), falling(10), falling(99)] == [1.0, 0.2, 0.2]
    assert falling(5) == pytest.approx(0.6)


SCHEDULES = {
    "linear": (tn.optim.linear(0.5, 0.1, 10), "linear(start=0.5, end=0.1, steps=10)"),
    "cosine": (tn.optim.cosine(0.5, 0.1, 10), "cosine(start=0.5, end=0.1, steps=10)"),
    "step_decay": (tn.optim.step_decay(0.5, 0.25, 4), "step_decay(start=0.5, factor=0.25, every=4)"),
    "warmup": (
        tn.optim.warmup(tn.optim.cosine(0.5, 0.1, 10), 5),
        "warmup(after=cosine(start=0.5, end=0.1, steps=10), steps=5)",
    ),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_are_pytorchs(name):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    rates = torch.optim.lr_scheduler
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))], lr=0.5)
    theirs = {
        "linear": lambda: rates.LinearLR(optimizer, 1.0, 0.2, total_iters=10),
        "cosine": lambda: rates.CosineAnnealingLR(optimizer, 10, eta_min=0.1),
        "step_decay": lambda: rates.StepLR(optimizer, 4, gamma=0.25),
        "warmup": lambda: rates.LinearLR(optimizer, 0.2, 1.0, total_iters=4),
    }[name]()
    ours = SCHEDULES[name][0]
    for step in range(5 if name == "warmup" else 11):
        assert ours(step) == pytest.approx(theirs.get_last_lr()[0], rel=1e-12)
        optimizer.step()
        theirs.step()
    if name == "warmup":
        assert [ours(5 + k) for k in range(20)] == [SCHEDULES["cosine"][0](k) for k in range(20)]


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_are_frozen_and_compare(name):
    schedule, told = SCHEDULES[name]
    assert repr(schedule) == told
    for again in (eval(told, vars(tn.optim)), pickle.loads(pickle.dumps(schedule)), copy.deepcopy(schedule)):
        assert again == schedule
        assert hash(again) == hash(schedule)
        assert [again(k) for k in range(30)] == [schedule(k) for k in range(30)]
    assert [other for other, _ in SCHEDULES.values() if other == schedule] == [schedule]
    assert schedule != told
    with pytest.raises(AttributeError, match="does not change: set the lr of the optimizer"):
        schedule.name = "other"
    with pytest.raises(AttributeError, match="does not change"):
        del schedule.name
    schedule.settings.clear()
    assert repr(schedule) == told


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: tn.optim.linear(-1.0, 0.0, 5), ValueError, "start must be 0 or more and finite, but got -1.0"),
        (lambda: tn.optim.cosine(1.0, wrong("0"), 5), TypeError, "end must be a number, got '0'"),
        (
            lambda: tn.optim.cosine(1.0, 0.0, wrong(2.5)),
            TypeError,
            "steps must be a whole number of 1 or more, but got 2.5",
        ),
        (lambda: tn.optim.step_decay(1.0, 1.5, 5), ValueError, "step_decay wants a factor of at most 1, but got 1.5"),
        (lambda: tn.optim.step_decay(1.0, 0.5, 1)(-5_000), ValueError, "step of a schedule must be .* 0 or more"),
        (lambda: tn.optim.linear(1.0, 0.0, 3)(-1), ValueError, "step of a schedule must be a number of 0 or more"),
        (lambda: tn.optim.step_decay(1.0, 0.5, 0), ValueError, "every must be a whole number of 1 or more, but got 0"),
        (
            lambda: tn.optim.warmup(wrong("fast"), 5),
            TypeError,
            "after must be a number or a function of the step, got 'fast'",
        ),
    ],
)
def test_bad_input_of_schedules(call, error, words):
    with pytest.raises(error, match=words):
        call()

"""Losses, optimisers, schedules and data: formulas by hand, PyTorch where it is installed, and every refusal."""

import copy
import math
import pickle
import random

import pytest
from shared import close

import tinygrad_nn as tn
from tinygrad_nn import Value, losses
from tinygrad_nn.optim import Optimizer


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


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda p: tn.SGD(p, lr=-0.1), ValueError, "lr must be 0 or more and finite, but got -0.1"),
        (lambda p: tn.SGD(p, lr=math.nan), ValueError, "lr must be 0 or more and finite, but got nan"),
        (lambda p: tn.SGD(p, lr="fast"), TypeError, "lr must be a number or a function of the step, got 'fast'"),
        (lambda p: tn.SGD(p, lr=0.1, momentum=1.0), ValueError, r"momentum must be in \[0, 1\), but got 1.0"),
        (lambda p: tn.SGD(p, lr=0.1, momentum=-0.1), ValueError, r"momentum must be in \[0, 1\), but got -0.1"),
        (lambda p: tn.SGD(p, lr=0.1, weight_decay=-1), ValueError, "weight_decay must be 0 or more"),
        (lambda p: tn.SGD(p, lr=0.1, nesterov=True), ValueError, "give a momentum above 0"),
        (lambda p: tn.SGD([], lr=0.1), ValueError, "SGD got no parameters: give it model.parameters()"),
        (lambda p: tn.Adam([], lr=0.1), ValueError, "Adam got no parameters"),
        (lambda p: tn.SGD([1.0], lr=0.1), TypeError, "SGD updates Values, but one of the parameters is 1.0"),
        (lambda p: tn.SGD(p + p, lr=0.1), ValueError, "SGD got a parameter twice"),
        (
            lambda p: tn.SGD(3, lr=0.1),
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


def test_data_sets():
    for make, classes in ((tn.data.moons, 2), (tn.data.circles, 2), (tn.data.spirals, 3)):
        X, Y = make(101, rng=random.Random(1))
        assert make(101, rng=random.Random(1)) == (X, Y)
        assert len(X) == len(Y) == 101
        assert all(type(c) is float for x in X for c in x)
        counts = [Y.count(label) for label in range(classes)]
        assert sum(counts) == 101
        assert max(counts) - min(counts) <= 1
        random.seed(5)
        again = make(10)
        random.seed(5)
        assert make(10) == again
    X, Y = tn.data.moons(200, noise=0.0, rng=random.Random(0))
    for (x, y), label in zip(X, Y, strict=True):
        assert math.hypot(x - label, y - 0.5 * label) == pytest.approx(1.0)
    assert tn.data.xor()[1] == [float(a != b) for a, b in tn.data.xor()[0]]
    assert tn.data.half_adder()[1] == [[float(a and b), float(a != b)] for a, b in tn.data.half_adder()[0]]


def test_batches_hand_out_every_row_once():
    X, Y = [[float(i)] for i in range(10)], list(range(10))
    parts = list(tn.data.batches(X, Y, size=4, rng=random.Random(0)))
    assert [len(x) for x, _ in parts] == [4, 4, 2]
    assert sorted(y for _, ys in parts for y in ys) == Y
    assert all(x == [float(y)] for xs, ys in parts for x, y in zip(xs, ys, strict=True))
    assert list(tn.data.batches([], [], size=4)) == []


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: tn.data.batches([[1.0]], [], 1), "1 rows and 0 targets"),
        (lambda: tn.data.batches([[1.0]], [1], 0), "the size of .* must be a whole number of 1 or more, but got 0"),
        (lambda: tn.data.moons(-1), "n must be a whole number of 0 or more, but got -1"),
        (lambda: tn.data.circles(1.5), "n must be a whole number of 0 or more, but got 1.5"),
        (lambda: tn.data.spirals(10, classes=0), "classes must be a whole number of 1 or more, but got 0"),
        (lambda: tn.data.moons(10, noise=-1.0), "noise must be a number of 0 or more"),
    ],
)
def test_bad_input_of_data(call, words):
    with pytest.raises((TypeError, ValueError), match=words):
        call()


def test_the_half_adder_learns(example):
    reach_error(example("half_adder"), seed=1, until=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_the_half_adder_learns_from_twenty_seeds(example, seed):
    reach_error(example("half_adder"), seed, until=0.05)


@pytest.mark.slow
def test_the_half_adder_learns_to_a_hundredth(example):
    history = reach_error(example("half_adder"), seed=1, until=0.01)
    assert 1_000_000 < history.epochs[-1] < 1_200_000


def reach_error(half_adder, seed, until):
    model = half_adder.make_model(seed)
    optimizer = tn.SGD(model.parameters(), lr=0.09, momentum=0.015)
    history = half_adder.train(model, optimizer, until)
    assert history.stopped == "until"
    X, Y = tn.data.half_adder()
    assert model.predict_classes(X, threshold=0.5) == [[int(t) for t in target] for target in Y]
    error = sum(half_adder.root_mean_square(model.predict(x), y) for x, y in zip(X, Y, strict=True))
    assert error < until  # after the last updates of the epoch, too
    return history


@pytest.mark.slow
def test_exclusive_or_learns_from_fifty_seeds(example):
    xor = example("xor")
    learned = 0
    for seed in range(50):
        rng = random.Random(seed)
        learned += xor.train(xor.make_model(rng), rng, report=lambda line: None) is not None
    assert learned >= 48


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
        (lambda: tn.optim.cosine(1.0, "0", 5), TypeError, "end must be a number, got '0'"),
        (lambda: tn.optim.cosine(1.0, 0.0, 2.5), TypeError, "steps must be a whole number of 1 or more, but got 2.5"),
        (lambda: tn.optim.step_decay(1.0, 1.5, 5), ValueError, "step_decay wants a factor of at most 1, but got 1.5"),
        (lambda: tn.optim.step_decay(1.0, 0.5, 1)(-5_000), ValueError, "step of a schedule must be .* 0 or more"),
        (lambda: tn.optim.linear(1.0, 0.0, 3)(-1), ValueError, "step of a schedule must be a number of 0 or more"),
        (lambda: tn.optim.step_decay(1.0, 0.5, 0), ValueError, "every must be a whole number of 1 or more, but got 0"),
        (lambda: tn.optim.warmup("fast", 5), TypeError, "after must be a number or a function of the step, got 'fast'"),
    ],
)
def test_bad_input_of_schedules(call, error, words):
    with pytest.raises(error, match=words):
        call()


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
    calls = [optimizer.step]
    if backend != "recorded":
        calls = [lambda: tn.fit(model, [[1.0, 2.0]], [1.0], loss, optimizer, 1, progress=False, backend=backend)]
    if backend in ("python", "llvm"):
        step = tn.compile_step(model, loss, optimizer, backend=backend)
        calls.append(lambda: step([[1.0, 2.0]], [1.0]))
    for call in calls:
        with pytest.raises(error, match="the steps of an optimizer must be a whole number of 0 or more, but got"):
            call()
    assert (model.state_dict(), optimizer.state) == before

"""Momentum 0 and another are two programs on every back end: without momentum nothing is remembered."""

import random
from typing import Any

import pytest
from shared import needed

import tinygrad_nn as tn
from tinygrad_nn.training.steps.recipe import Recipe, Update

MOMENTA = [0.0, 0.9, 0.9, 0.0, 0.0, 0.5]


def by_hand(weights, gradients, momentum, nesterov, decay, velocities, lr=0.1):
    """The step of PyTorch's documentation, and velocities that are 0 without momentum."""
    new, moved = [], []
    for w, g, v in zip(weights, gradients, velocities, strict=True):
        g = g + decay * w if decay else g
        v = momentum * v + g if momentum else 0.0
        new.append(w - lr * (g + momentum * v if nesterov and momentum else v if momentum else g))
        moved.append(v)
    return new, moved


@pytest.mark.parametrize("settings", [{}, {"weight_decay": 0.1}, {"nesterov": True, "momentum": 0.5}])
@pytest.mark.parametrize("how", ["recorded", "python", "run in python", "llvm", "run in llvm", "arrays"])
def test_a_momentum_that_is_set_goes_on_in_another_program(how, settings):
    backend = how.removeprefix("run in ")
    needed("array" if how == "arrays" else "llvm" if backend == "llvm" else backend)
    model = tn.MLP(2, [3, 1], "tanh", rng=random.Random(1))
    parameters = model.parameters()
    optimizer = tn.SGD(parameters, lr=0.1, **settings)
    X, Y = [[0.1, -0.4], [0.7, 0.2]], [0.3, -0.8]
    weights, velocities = [p.data for p in parameters], [0.0] * len(parameters)
    step: Any = None if how == "recorded" else tn.compile_step(
        model, "squared_error", optimizer, backend="python" if how == "arrays" else backend
    )  # fmt: skip
    function = step.as_function() if how == "arrays" else None
    for momentum in MOMENTA:
        optimizer.momentum = momentum
        for p, w in zip(parameters, weights, strict=True):
            p.data = w
        losses = [tn.losses.squared_error(model(x), t) for x, t in zip(X, Y, strict=True)]
        gradients = tn.grad(sum(losses) / 2, parameters)
        expected, velocities = by_hand(
            weights, gradients, momentum, optimizer.nesterov, optimizer.weight_decay, velocities
        )
        if step is None:
            for p, g in zip(parameters, gradients, strict=True):
                p.grad = g
            optimizer.step()
        elif function is not None:
            import numpy

            function.restore(function(function.state(), numpy.array(X), numpy.array(Y))[0])
        elif how.startswith("run"):
            step.run(X, Y, epochs=1, batch_size=2)
        else:
            step(X, Y)
        assert [p.data for p in parameters] == pytest.approx(expected, rel=1e-12)
        assert optimizer.velocity == pytest.approx(velocities, rel=1e-9)
        if not momentum:
            assert optimizer.velocity == [0.0] * len(parameters)
        weights = [p.data for p in parameters]


@pytest.mark.parametrize("backend", ["python", "llvm"])
def test_two_networks_of_one_structure_each_have_the_program_of_their_momentum(backend):
    """Which in machine code is written once for a structure."""
    needed(backend)
    found = []
    for momentum in (0.0, 0.9, 0.0, 0.9):
        model = tn.MLP(2, [2, 1], "tanh", rng=random.Random(1))
        optimizer = tn.SGD(model.parameters(), lr=0.1, momentum=momentum)
        other = tn.MLP(2, [2, 1], "tanh", rng=random.Random(1))
        eager = tn.SGD(other.parameters(), lr=0.1, momentum=momentum)
        tn.compile_step(model, "squared_error", optimizer, backend=backend).run([[0.1, 0.2]], [0.3], 4)
        for _ in range(4):
            eager.zero_grad()
            tn.losses.squared_error(other([0.1, 0.2]), 0.3).backward()
            eager.step()
        assert [p.data for p in model.parameters()] == pytest.approx([p.data for p in other.parameters()], rel=1e-12)
        assert optimizer.velocity == pytest.approx(eager.velocity, rel=1e-9)
        found.append(optimizer.velocity)
    assert found[0] == found[2] == [0.0] * 9 != found[1] == found[3]


def test_a_gradient_that_is_not_finite_leaves_no_trace_in_the_next_step():
    """0 times an infinite velocity would be nan."""
    p = tn.Value(1.0)
    optimizer = tn.SGD([p], lr=0.1)
    p.grad = float("inf")
    optimizer.step()
    p.data, p.grad = 1.0, 2.0
    optimizer.step()
    assert (p.data, optimizer.velocity) == (0.8, [0.0])


def test_what_was_remembered_without_momentum_by_an_older_version_loads(tmp_path):
    """Its velocities were the gradients of the latest step."""
    model = tn.MLP(2, [1], rng=random.Random(1))
    optimizer = tn.SGD(model.parameters(), lr=0.1)
    optimizer.state = [(0.5,), (0.25,), (1.0,)]
    tn.save(model, tmp_path / "old.json", optimizer=optimizer)
    again, its = tn.load(tmp_path / "old.json", optimizer=True)
    tn.compile_step(again, "squared_error", its, backend="python")([[0.1, 0.2]], [0.3])
    optimizer.zero_grad()
    tn.losses.squared_error(model([0.1, 0.2]), 0.3).backward()
    optimizer.step()
    assert [p.data for p in again.parameters()] == [p.data for p in model.parameters()]
    assert its.velocity == optimizer.velocity == [0.0] * 3


def test_the_program_without_momentum_reads_no_velocity():
    model = tn.MLP(2, [1], rng=random.Random(1))
    for momentum in (0.0, 0.5):
        optimizer = tn.SGD(model.parameters(), lr=0.1, momentum=momentum, weight_decay=0.1)
        update = Update(Recipe(model, tn.losses.squared_error, optimizer))
        read = {slot for entry in update.program.instructions for slot in entry.slots()}
        assert (update.states[0] in read) is bool(momentum)

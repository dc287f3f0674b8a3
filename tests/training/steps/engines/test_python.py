"""Steps on the python back end: rows and parameters that branch, floats that Python refuses, classes that are none."""

import math
import random
from contextlib import nullcontext

import pytest
from shared import same
from training import (
    compile_step,
    eager,
    equal,
    numbers,
    root_mean_square,
    wrong_class,
)

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.compiler.paths import PathError
from tinygrad_nn.training.steps.run import Pace


def branching(x):
    """A model with a branch, of one trained Value."""
    return x[0] * WEIGHT if x[0] > 0.0 else x[0] * x[0] - WEIGHT


WEIGHT = Value(0.5, label="weight")


@pytest.mark.parametrize("batch_size", [1, 2, 3, 7])
@pytest.mark.parametrize("stretch", [0.02, 0.0])
def test_rows_that_disagree_take_their_own_paths(batch_size, stretch, monkeypatch):
    monkeypatch.setattr(Pace, "STRETCH", stretch)  # with 0, a row at a time
    rows = [[1.0], [-2.0], [3.0], [0.0], [-1.0], [math.nan], [2.0]]
    targets = [float(i) for i in range(7)]
    epochs = 1 if batch_size == 7 else 6  # one with a nan in it is the last

    def trained(compiled):
        WEIGHT.data = 0.5
        optimizer = tn.SGD([WEIGHT], lr=0.05, momentum=0.5)
        order = rows if batch_size == 7 else [row for row in rows if row[0] == row[0]]
        loss = tn.losses.squared_error
        if compiled:
            step = compile_step(branching, loss, optimizer)
            with nullcontext() if epochs > 1 else pytest.warns(RuntimeWarning, match="the run diverged in epoch 1"):
                history = step.run(order, targets[: len(order)], 6, batch_size, until=(root_mean_square, -1.0))
            return [*numbers(optimizer), *history.losses, *history.metrics["root_mean_square"]]
        losses, metrics = [], []
        for _ in range(epochs):
            losses.append(0.0)
            metrics.append(0.0)
            for xs, ys in tn.data.batches(order, targets[: len(order)], batch_size, shuffle=False):
                part = 0.0
                for x, y in reversed(list(zip(xs, ys, strict=True))):
                    part += root_mean_square(branching(x), y).data
                metrics[-1] += part
                losses[-1] += len(xs) * eager(branching, loss, optimizer, xs, ys)
            losses[-1] /= len(order)
        return [*numbers(optimizer), *losses, *metrics]

    expected, got = trained(False), trained(True)
    assert equal(got[:3], expected[:3])
    assert got == pytest.approx(expected, rel=1e-13, nan_ok=True)


def test_a_branch_on_a_parameter_flips_within_a_run():
    """The path is left in the middle of a pass, when training has moved the parameter over the threshold."""

    def trained(compiled):
        weight = Value(2.0)
        optimizer = tn.SGD([weight], lr=0.1)

        def model(x):
            return weight * x[0] if weight > 1.0 else weight * x[0] + 1.0

        data = [[1.0], [0.5], [2.0]], [0.0, 0.0, 0.0]
        if compiled:
            compile_step(model, "squared_error", optimizer).run(*data, epochs=20)
        else:
            for _ in range(20):
                for x, y in zip(*data, strict=True):
                    eager(model, tn.losses.squared_error, optimizer, [x], [y])
        return numbers(optimizer)

    assert trained(True) == trained(False)


def test_too_many_paths_name_the_line():
    def model(x):
        return x[0] * float(sum(x[0] > float(k) for k in range(40))) + WEIGHT

    optimizer = tn.SGD([WEIGHT], lr=0.0)
    step = compile_step(model, "squared_error", optimizer)
    with pytest.raises(PathError, match=r"taken 16 paths.*test_python.py:\d+.*tn.relu, tn.maximum or tn.take"):
        step.run([[k + 0.5] for k in range(20)], [0.0] * 20)
    with pytest.raises(PathError, match="taken 16 paths"):
        step([[k + 0.5] for k in range(20)], [0.0] * 20)


@pytest.mark.parametrize("batch_size", [1, 2])
def test_where_pythons_floats_refuse_the_run_goes_on(batch_size):
    """1/0, log(0) and exp(1000) in the middle of an epoch: the numbers are IEEE's, and the engine's."""

    def trained(compiled):
        weight = Value(1.0)
        optimizer = tn.Adam([weight], lr=0.01)

        def model(x):
            return tn.exp(x[0]) * 1e-300 + weight / x[1] + tn.log(x[2]) * weight

        rows = [[1.0, 2.0, 3.0], [1000.0, 1.0, 1.0], [0.0, 4.0, 0.5], [1.0, 1.0, 0.0], [1.0, 0.0, 1.0], [1.0, 1.0, 1.0]]
        told = []
        if compiled:
            step = compile_step(model, tn.losses.huber, optimizer)
            with pytest.warns(RuntimeWarning, match="the run diverged in epoch 1"):
                told = step.run(rows, [0.0] * 6, 2, batch_size, progress=lambda h: None).losses
        else:
            total = 0.0
            for xs, ys in tn.data.batches(rows, [0.0] * 6, batch_size, shuffle=False):
                total += len(xs) * eager(model, tn.losses.huber, optimizer, xs, ys)
            told.append(total / 6)
        return [*numbers(optimizer), *told]

    expected, got = trained(False), trained(True)
    assert all(same(a, b) or a == pytest.approx(b) for a, b in zip(got, expected, strict=True)), (got, expected)
    assert equal(got[:4], expected[:4])


def test_the_source_and_the_program_are_readable():
    model = tn.MLP(1, [1], output_activation="tanh", rng=random.Random(1))
    step = compile_step(model, "squared_error", tn.SGD(model.parameters(), lr=0.1, momentum=0.5))
    step.run([[1.0]], [0.5], until=(root_mean_square, 0.0))
    body = [line.strip() for line in step.source().splitlines()]
    for line in (
        "# layer 1, neuron 1",
        "h1_1 = tanh(b1_1 + w1_1_1 * x1)",
        "velocity_w1_1_1 = momentum * velocity_w1_1_1 + d_z1_1 * x1",
        "w1_1_1 = w1_1_1 - lr * velocity_w1_1_1",
        "error += root_mean_square",
        "put(loss)",
    ):
        assert line in body, step.source()
    assert "h1.1 = tanh z1.1" in str(step.program)
    step([[1.0], [2.0]], [0.5, 0.5])
    assert step.source().count("def ") == 2  # the rows, the update
    assert "row_of_MLP" in str(step.program)
    assert repr(step) == "<compiled step of MLP, back end python>"


def test_names_that_python_or_the_loop_use_are_taken():
    names = ["passes", "put", "rows", "error", "e", "class", "exp", "lr", "momentum", "found"]
    values = [Value(0.1 * i, label=name) for i, name in enumerate(names)]
    for value in values:
        value.grad = 0.0

    def model(x):
        return tn.dot(values, x)

    before = [value.data for value in values]
    optimizer = tn.SGD(values, lr=0.1, momentum=0.5)
    step = compile_step(model, "squared_error", optimizer)
    step([[1.0] * 10], [0.0])
    twins = [Value(number) for number in before]
    twin = tn.SGD(twins, lr=0.1, momentum=0.5)
    eager(lambda x: tn.dot(twins, x), tn.losses.squared_error, twin, [[1.0] * 10], [0.0])
    assert equal(numbers(optimizer), numbers(twin))


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("batch_size", [0, 1, 3, 20])
@pytest.mark.parametrize("bad", [0, 13, 19])
def test_a_class_that_is_none_names_its_row_and_updates_nothing(bad, batch_size, shuffle):
    _, before, after = wrong_class("python", bad, batch_size, shuffle)
    assert after == before

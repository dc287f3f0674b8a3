"""Steps as pure functions of arrays: the losses and states of any other step, with NumPy, JAX, scan and sharding."""

import math
import os
import random
import re
import subprocess
import sys
from typing import Any

import pytest
from shared import ROOT

import tinygrad_nn as tn
from tinygrad_nn import Value

np = pytest.importorskip("numpy", reason="NumPy is not installed")


def l2(model):
    return 1e-3 * tn.dot(model.parameters(), model.parameters())


class Frozen(tn.Module):
    """A layer that learns, on numbers of which one does not, read by a neuron used twice."""

    def __init__(self):
        rng = random.Random(2)
        self.layer, self.neuron, self.scale = (
            tn.Layer(2, 3, "gelu", rng=rng),
            tn.Neuron(3, "linear", rng=rng),
            Value(0.7),
        )

    def __call__(self, x):
        return self.neuron(self.layer(x)) * self.scale + self.neuron([h * h for h in self.layer(x)])


def own(parameters):
    return [p for p in parameters if p.data != 0.7]


CASES: dict[str, tuple[Any, ...]] = {
    "sgd": (lambda: tn.MLP(2, [5, 1], "tanh", rng=random.Random(1)), "squared_error", lambda p: tn.SGD(p, 0.1), None),
    "momentum, decay": (
        lambda: tn.MLP(2, [6, 4, 1], "relu", rng=random.Random(1)), "hinge",
        lambda p: tn.SGD(p, 0.05, momentum=0.9, nesterov=True, weight_decay=1e-3), l2,
    ),
    "adam": (
        lambda: tn.MLP(2, [16, 2], "sigmoid", rng=random.Random(1)), "cross_entropy", lambda p: tn.Adam(p, 0.01), None,
    ),
    "frozen": (Frozen, "huber", lambda p: tn.Adam(own(p), 0.01), None),
    "one neuron": (
        lambda: tn.Neuron(2, "linear", rng=random.Random(1)), "binary_cross_entropy_with_logits",
        lambda p: tn.SGD(p, lambda step: 0.1 / (1.0 + step)), l2,
    ),
}  # fmt: skip


def data(loss, rows=33):
    X, Y = tn.data.moons(rows, rng=random.Random(3))
    return np.array(X), np.array([2.0 * y - 1.0 for y in Y] if loss == "hinge" else Y, dtype=float)


def made(case):
    make, loss, made_for, regularizer = CASES[case]
    model = make()
    optimizer = made_for(model.parameters())
    return tn.compile_step(model, loss, optimizer, regularizer, backend="python"), optimizer, *data(loss)


@pytest.mark.parametrize("case", CASES)
def test_it_makes_the_steps_of_any_other_step(case):
    step, optimizer, X, Y = made(case)
    function = step.as_function()
    state, losses = function.state(), []
    before = [p.data for p in optimizer.parameters]
    for _ in range(12):
        state, loss = function(state, X, Y)
        losses.append(float(loss))
    assert [p.data for p in optimizer.parameters] == before  # it changes nothing
    assert losses == pytest.approx(step.run(X, Y, epochs=12, batch_size=len(X)).losses, rel=1e-11)
    assert state.parameters == pytest.approx([p.data for p in optimizer.parameters], rel=1e-9, abs=1e-12)
    assert float(state.steps) == optimizer.steps == 12
    numbers, states = [p.data for p in optimizer.parameters], list(optimizer.state)
    function.restore(state)
    assert [p.data for p in optimizer.parameters] == pytest.approx(numbers, rel=1e-9, abs=1e-12)
    assert [n for s in optimizer.state for n in s] == pytest.approx([n for s in states for n in s], rel=1e-9, abs=1e-12)
    assert optimizer.steps == 12


@pytest.mark.filterwarnings("ignore:Explicitly requested dtype float64")  # which is then refused
@pytest.mark.parametrize("case", ["momentum, decay", "adam", "frozen"])
def test_under_jit_and_scan(case):
    jax = pytest.importorskip("jax", reason="JAX is not installed")
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    try:
        step, _, X, Y = made(case)
        function = step.as_function(jax.numpy)
        state, losses = function.state(), []
        jitted = jax.jit(function)
        for _ in range(10):
            state, loss = jitted(state, X, Y)
            losses.append(float(loss))
        _, scanned = jax.lax.scan(lambda s, _: function(s, X, Y), function.state(), length=10)
        assert losses == pytest.approx(list(map(float, scanned)), rel=1e-12)
        assert losses == pytest.approx(step.run(X, Y, epochs=10, batch_size=len(X)).losses, rel=1e-11)
        jax.config.update("jax_enable_x64", False)
        with pytest.raises(ValueError, match="jax_enable_x64"):
            step.as_function(jax.numpy).state()
        single = step.as_function(jax.numpy, dtype="float32")
        _, loss = single(single.state(), X, Y)
        assert str(loss.dtype) == "float32"
    finally:
        jax.config.update("jax_enable_x64", before)


def test_gradients_of_weights_are_products_of_matrices():
    step, _, X, Y = made("adam")
    function = step.as_function()
    function(function.state(), X, Y)
    from tinygrad_nn.compiler.backends.array.sums import SumPrinter
    from tinygrad_nn.compiler.loops.roll import rolled
    from tinygrad_nn.training.steps.recipe import row_gradient

    program = row_gradient(step.recipe, ((None, None), None), [0.0] * 3)
    text = SumPrinter(rolled(program)).source()
    assert len(re.findall(r"xp\.swapaxes\(.*\) @ ", text)) >= 2
    assert "xp.sum(" in text


def test_bad_input():
    step, _, X, Y = made("sgd")
    function = step.as_function()
    with pytest.raises(ValueError, match="X has 33 rows and Y 32: give one target for each row"):
        function(function.state(), X, Y[:32])
    branches = tn.compile_step(lambda x: x[0] if x[0] > 0.0 else W * x[1], "squared_error", tn.SGD([W], 0.1))
    with pytest.raises(TypeError, match=r"takes one of several paths at .*test_as_function.py"):
        (pure := branches.as_function())(pure.state(), X, Y)


W = Value(0.5)


def test_more_bad_input():
    step, optimizer, X, Y = made("adam")
    function = step.as_function()
    state = function.state()
    for wrong in ([[0.0]], np.float64(1.0), X[:0]):
        with pytest.raises(ValueError, match="X must be an array of one row or more"):
            function(state, wrong, Y)
    before = [p.data for p in optimizer.parameters], list(optimizer.state), optimizer.steps
    for wrong in (
        state._replace(states=()), state._replace(parameters=np.ones(5)), state._replace(steps=-1.0),
        state._replace(steps=math.nan), state._replace(steps=math.inf),
        state._replace(states=(state.states[0], state.states[0][:3])),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="a state of this step is a vector of"):
            function.restore(wrong)
        assert ([p.data for p in optimizer.parameters], list(optimizer.state), optimizer.steps) == before
    for options, words in (({"namespace": "numpy"}, "namespace must be"), ({"dtype": "float16"}, "dtype must be")):
        with pytest.raises((TypeError, ValueError), match=words):
            step.as_function(**options)
    branching = tn.compile_step(
        lambda x: W * x[0], "squared_error", tn.SGD([W], 0.1), lambda model: W if W > 0 else -W, backend="python"
    )
    with pytest.raises(TypeError, match="takes one of several paths"):
        (pure := branching.as_function())(pure.state(), X, Y)


def test_schedules_and_slopes_of_jax():
    jax = pytest.importorskip("jax", reason="JAX is not installed")
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    try:
        optimizer = tn.SGD([W], lr=tn.optim.linear(0.2, 0.1, steps=4))
        step = tn.compile_step(lambda x: W * x, "binary_cross_entropy_with_logits", optimizer, backend="python")
        X, Y = np.ones(3), np.zeros(3)
        function = step.as_function(jax.numpy)
        state, losses = function.state(), []
        for _ in range(6):
            state, loss = function(state, X, Y)
            losses.append(float(loss))
        with pytest.raises(TypeError, match="write the schedule with"):
            jax.jit(function)(function.state(), X, Y)
        assert losses == pytest.approx(step.run(X, Y, epochs=6, batch_size=3).losses, rel=1e-12)
        at_zero = function.state()._replace(parameters=jax.numpy.zeros(1))
        slope = jax.grad(lambda p: function(at_zero._replace(parameters=p), X, Y)[1])(at_zero.parameters)
        assert float(slope[0]) == 0.5
    finally:
        W.data = 0.5
        jax.config.update("jax_enable_x64", before)


def test_many_devices_have_the_losses_of_one():
    pytest.importorskip("jax", reason="JAX is not installed")
    run = subprocess.run(
        [sys.executable, ROOT / "examples" / "many_devices.py"],
        capture_output=True, text=True, timeout=500, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-2000:]
    assert "8 devices (cpu)" in run.stdout
    rows = [line.split() for line in run.stdout.splitlines() if re.match(r" +\d+ ", line)]
    assert [row[0] for row in rows] == ["512", "4096", "32768"]
    assert all(len(row) == 6 and float(row[-1]) < 1e-12 for row in rows), run.stdout

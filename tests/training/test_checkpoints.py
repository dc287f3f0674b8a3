"""Checkpoints of fit, whatever happens while they are written; and runs that are long, interrupted, or shown."""

import collections
import errno
import math
import os
import random
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
import warnings
from typing import Any

import pytest
from shared import needed

import tinygrad_nn as tn
from tinygrad_nn.training import checkpoints, history, progress
from tinygrad_nn.training.steps.run import Pace

RUN = """
import random, sys
import tinygrad_nn as tn
from tinygrad_nn.training import progress
progress.CHECKPOINTS = 0.0  # at every chance

def run(path=None, epochs=1_000_000, seen=lambda model, optimizer: None):
    rng = random.Random(7)
    X, Y = tn.data.moons(12, rng=rng)
    model = tn.MLP(2, [20, 20, 1], "tanh", rng=rng)
    optimizer = tn.Adam(model.parameters(), lr=0.01)

    def look(history):
        if len(history) == 2:
            print("begun", flush=True)
        seen(model, optimizer)

    seen(model, optimizer)
    tn.fit(model, X, Y, "squared_error", optimizer, epochs=epochs, batch_size=12, rng=rng, checkpoint=path,
           callbacks=look, progress=False, backend="python")
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
@pytest.mark.parametrize("kills", [5, pytest.param(50, marks=pytest.mark.slow)])
def test_a_run_of_fit_that_is_killed_leaves_a_state_that_it_was_in(kills, tmp_path):
    path, rng, program = tmp_path / "model.txt", random.Random(kills), dict[str, Any]()
    exec(RUN, program)
    found = {}
    for _ in range(kills):
        code = f"{RUN}\nrun(sys.argv[1])"
        with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE) as run:
            assert run.stdout is not None
            assert run.stdout.readline().strip() == b"begun"
            time.sleep(0.1 * rng.random())
            run.kill()
        model, optimizer = tn.load(path, optimizer=True)
        found[optimizer.steps] = (model.state_dict(), optimizer.state)
        for left in tmp_path.glob(".model.txt.*.part"):  # what was being written, which a killed run cannot clear
            left.unlink()
    assert max(found) >= 1
    states = {}

    def seen(model, optimizer):
        states[optimizer.steps] = (model.state_dict(), optimizer.state)

    program["run"](epochs=max(found), seen=seen)
    assert found == {steps: states[steps] for steps in found}


@pytest.mark.parametrize("fails", ["fsync", "replace"])
def test_a_full_disk_costs_a_checkpoint_and_not_the_run(fails, tmp_path, monkeypatch):
    path, done = tmp_path / "model.txt", getattr(os, fails)
    monkeypatch.setattr(progress, "CHECKPOINTS", 0.0)
    full: list[Any] = []

    def filling(*given):
        if full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return done(*given)

    def fill(history):
        if history.epochs[-1] == 5:
            full.append(tn.load(path).state_dict())

    monkeypatch.setattr(os, fails, filling)
    model = tn.MLP(2, [3, 1], "tanh")
    X, Y = tn.data.xor()
    optimizer = tn.SGD(model.parameters(), lr=0.1)
    with pytest.warns(RuntimeWarning, match=r"checkpoint .*model.txt could not be written.*No space left on device"):
        history = tn.fit(
            model, X, Y, "squared_error", optimizer, epochs=9, checkpoint=path, callbacks=fill, progress=False
        )
    assert history.epochs[-1] == 9
    assert tn.load(path).state_dict() == full[0] != model.state_dict()
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.txt"]
    full.clear()
    tn.fit(model, X, Y, "squared_error", optimizer, epochs=1, checkpoint=path, progress=False)
    assert tn.load(path).state_dict() == model.state_dict()


def interrupted_after(seconds):
    def interrupt():
        time.sleep(seconds)
        signal.raise_signal(signal.SIGINT)

    threading.Thread(target=interrupt).start()


@pytest.mark.parametrize("where", ["metric", "callback"])
def test_ctrl_c_does_not_wait_for_a_slow_metric_or_callback(where):
    X, Y = tn.data.xor()
    model = tn.MLP(2, [3, 1], "tanh")
    optimizer = tn.SGD(model.parameters(), lr=0.1)
    slow, naps = list[int](), list[int]()

    def look(*given):
        for _ in range(600 if slow or where == "callback" else 0):
            time.sleep(0.1)
            naps.append(1)
        slow.extend([1] * (optimizer.steps > 0))
        return 1.0

    options: dict[str, Any] = {"metrics": look} if where == "metric" else {"callbacks": look}
    interrupted_after(0.5)
    history = tn.fit(model, X, Y, "squared_error", optimizer, epochs=10, batch_size=4, progress=False, **options)
    assert 0 < len(naps) < 600
    assert history.stopped == "interrupt"
    assert optimizer.steps - 1 <= len(history.losses) == len(history.epochs) <= optimizer.steps


@pytest.mark.parametrize("backend", ["python", "llvm"])
def test_ctrl_c_ends_a_loop_of_single_steps(backend):
    needed(backend)
    X, Y = tn.data.moons(50, rng=random.Random(1))
    model = tn.MLP(2, [8, 1], "tanh")
    step = tn.compile_step(model, "squared_error", tn.SGD(model.parameters(), lr=0.01), backend=backend)
    step(X, Y)
    for _ in range(10):
        interrupted_after(0.05)
        with pytest.raises(KeyboardInterrupt):
            collections.deque(iter(lambda: step(X, Y), None), maxlen=0)


@pytest.mark.parametrize("when", ["first look", "last save"])
def test_ctrl_c_at_either_end_keeps_the_history(when, tmp_path, monkeypatch):
    X, Y = tn.data.xor()
    model = tn.MLP(2, [3, 1], "tanh")
    optimizer = tn.SGD(model.parameters(), lr=0.1)
    pressed: list[int] = []

    def press(*given):
        if not pressed:
            pressed.append(1)
            signal.raise_signal(signal.SIGINT)
        return 1.0

    monkeypatch.setattr(progress, "CHECKPOINTS", math.inf)
    if when == "last save":
        monkeypatch.setattr(checkpoints, "write_all", press)
    options = {"metrics": press} if when == "first look" else {"checkpoint": tmp_path / "model.txt"}
    found = tn.fit(model, X, Y, "squared_error", optimizer, epochs=3, progress=False, **options)
    assert (found.stopped, len(found)) == (("interrupt", 0) if when == "first look" else ("epochs", 3))


def test_an_optimizer_that_no_file_can_hold_any_more_costs_its_state_and_not_the_run(tmp_path):
    X, Y = tn.data.xor()
    model = tn.MLP(2, [3, 1], "tanh")
    optimizer = tn.SGD(model.parameters(), lr=0.1)

    def change(history):
        optimizer.lr = tn.optim.linear(0.1, 0.01, 10)

    path = tmp_path / "model.txt"
    found = tn.fit(model, X, Y, "squared_error", optimizer, 5, callbacks=change, checkpoint=path, progress=False)
    assert found.stopped == "epochs"
    assert tn.load(path).state_dict() == model.state_dict()


def test_ctrl_c_before_the_first_step_returns_an_empty_history(monkeypatch):
    from tinygrad_nn.training.steps import step

    def pressed(*given, **named):
        raise KeyboardInterrupt

    X, Y = tn.data.xor()
    model = tn.MLP(2, [3, 1], "tanh")
    before = model.state_dict()
    monkeypatch.setattr(step.Step, "run_on", pressed)
    history = tn.fit(model, X, Y, "squared_error", tn.SGD(model.parameters(), lr=0.1))
    assert (history.stopped, history.epochs, history.losses) == ("interrupt", [], [])
    assert model.state_dict() == before


@pytest.mark.parametrize("looked_at", [False, True])
def test_a_long_run_does_not_grow(looked_at, monkeypatch):
    monkeypatch.setattr(history, "MOST_POINTS", 500)
    monkeypatch.setattr(Pace, "took", lambda pace, *given: setattr(pace, "steps", 400))  # on any machine
    X, Y = tn.data.xor()
    model = tn.MLP(2, [2, 1], "tanh", rng=random.Random(1))
    optimizer = tn.SGD(model.parameters(), lr=0.01)
    epochs, held = 2_000 if looked_at else 6_000, list[Any]()

    def weigh(history):
        if len(held) < 2 and history.epochs[-1] >= (epochs // 2, epochs)[len(held)]:
            held.append(tracemalloc.get_traced_memory()[0])

    tracemalloc.start()
    try:
        if looked_at:
            found = tn.fit(
                model, X, Y, "squared_error", optimizer, epochs, 4, metrics="accuracy", callbacks=weigh, progress=False
            )
        else:
            found = tn.compile_step(model, "squared_error", optimizer).run(X, Y, epochs, progress=weigh)
    finally:
        tracemalloc.stop()
    assert len(found) <= 500
    assert (found.epochs[0], found.epochs[-1]) == (1, epochs)
    assert held[1] - held[0] < 100_000  # the numbers of all epochs would be far more


def test_the_bar_of_tqdm(monkeypatch, capsys):
    pytest.importorskip("tqdm", reason="tqdm is not installed")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    X, Y = tn.data.xor()
    model = tn.MLP(2, [3, 1], "tanh")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tn.fit(model, X, Y, "squared_error", tn.SGD(model.parameters(), lr=0.1), epochs=50, metrics="mae")
    shown = capsys.readouterr().err
    assert "50/50" in shown
    assert "loss 0." in shown
    assert "mae 0." in shown

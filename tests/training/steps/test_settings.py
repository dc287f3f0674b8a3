"""Settings of an optimizer: whatever changes is seen by the next step, what could change unseen is refused."""

from collections import namedtuple
from types import SimpleNamespace

import pytest
from training import Configured, compile_step, eager, line, numbers, steps_agree

import tinygrad_nn as tn
from tinygrad_nn import Value

SQUARED = tn.losses.squared_error


def changed(**settings):
    return lambda optimizer: optimizer.__dict__.update(settings)


Limits = namedtuple("Limits", "low high")


@pytest.mark.parametrize(
    ("settings", "change"),
    [
        ({"limits": [0.5, None]}, changed(limits=[None, 0.25])),
        ({"limits": [0.5]}, changed(limits=[0.5, 0.5])),
        ({"limits": (0.5, 2.0)}, lambda optimizer: None),
        ({"limits": Limits(0.5, 0.25)}, changed(limits=Limits(1.0, 0.125))),
        ({"factor": 2}, changed(factor=0.5)),
        ({}, lambda optimizer: setattr(Configured, "factor", 1.5)),
        ({}, changed(nesterov=True)),
        ({}, lambda optimizer: setattr(optimizer, "state", [(0.25,)])),
        ({}, lambda optimizer: setattr(optimizer.parameters[0], "data", 3)),
    ],
)
def test_settings_that_change_are_seen(settings, change, monkeypatch):
    monkeypatch.setattr(Configured, "factor", 1.0)

    def reset(optimizer):
        change(optimizer)

    steps_agree(line(lambda ps: Configured(ps, **settings)), [[2.0]], [1.0], change=reset)


def test_arrays_of_settings_change_in_place():
    numpy = pytest.importorskip("numpy", reason="numpy is not installed")

    def change(optimizer):
        optimizer.limits[0] *= 0.5

    steps_agree(line(lambda ps: Configured(ps, limits=numpy.array([0.5, 1.0]))), [[2.0]], [1.0], change=change)


def test_settings_that_change_within_a_run_are_seen():
    def trained(compiled):
        slope = Value(0.5)
        optimizer = tn.SGD([slope], lr=0.01, momentum=0.5)

        def progress(history):
            if history.epochs[-1] == 1:
                optimizer.nesterov = True

        step = compile_step(lambda x: slope * x[0], SQUARED, optimizer)
        if compiled:
            step.run([[1.0], [2.0]], [0.0, 1.0], epochs=3, batch_size=2, progress=progress)
        else:
            for epoch in range(3):
                eager(lambda x: slope * x[0], SQUARED, optimizer, [[1.0], [2.0]], [0.0, 1.0])
                progress(SimpleNamespace(epochs=[epoch + 1]))
        return numbers(optimizer)

    assert trained(True) == trained(False)

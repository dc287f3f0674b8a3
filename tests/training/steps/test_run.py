"""Runs of steps: they stop after the epoch that is good enough, in any thread, and tell of their progress."""

import threading

from shared import half_adder
from training import (
    X,
    Y,
    compile_step,
)

import tinygrad_nn as tn


def test_a_run_outside_of_the_main_thread():
    model = half_adder()
    step = compile_step(model, "squared_error", tn.SGD(model.parameters(), lr=0.1))
    found = []
    thread = threading.Thread(target=lambda: found.append(step.run(X, Y, epochs=10)))
    thread.start()
    thread.join()
    assert found[0].stopped == "epochs"

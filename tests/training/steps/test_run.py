"""Runs of steps: they stop after the epoch that is good enough, in any thread, and tell of their progress."""

import gc
import threading
import warnings
import weakref
from unittest import mock

import pytest
from shared import half_adder
from training import (
    BACKENDS,
    X,
    Y,
    compile_step,
)

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.compiler.surroundings.traced_in import SurroundingsError
from tinygrad_nn.training.steps.run import Run


def test_a_run_outside_of_the_main_thread():
    model = half_adder()
    step = compile_step(model, "squared_error", tn.SGD(model.parameters(), lr=0.1))
    found = []
    thread = threading.Thread(target=lambda: found.append(step.run(X, Y, epochs=10)))
    thread.start()
    thread.join()
    assert found[0].stopped == "epochs"


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_error_of_a_callback_is_the_callbacks_own(backend):
    """Also one of compiling, which is no reason to make the steps by another engine."""
    seen = []

    def counting(x):
        seen.append(1)
        return x * len(seen)

    def callback(history):
        tn.compile(counting)(1.0)

    model = half_adder()
    optimizer = tn.SGD(model.parameters(), lr=0.1)
    with pytest.raises(SurroundingsError, match="seen"):
        tn.fit(model, X, Y, "squared_error", optimizer, callbacks=callback, progress=False, backend=backend)
    with pytest.raises(SurroundingsError, match="seen"):
        tn.compile_step(model, "squared_error", optimizer).run(X, Y, progress=callback)


@pytest.mark.parametrize("backend", [*BACKENDS, "auto"])
def test_an_error_of_a_model_that_no_engine_helps_against_is_raised(backend):
    weight = Value(0.5)
    seen = []

    def counting(x):
        seen.append(1)
        return x * len(seen)

    inner = tn.compile(counting)

    def model(x):
        return weight * x[0] + (0.0 if weight.data < 0.0 else inner(1.0))

    optimizer = tn.SGD([weight], lr=0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(SurroundingsError):
            tn.fit(model, [[1.0]], [1.0], "squared_error", optimizer, progress=False, backend=backend)
    assert (weight.data, optimizer.steps) == (0.5, 0)


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_a_fit_made_goes_when_it_is_over(backend):
    """A step, its engines and its run hold one another in one direction: nothing waits for the garbage collector."""
    made = []
    begins = Run.go

    def noting(this):
        made.append(weakref.ref(this))
        made.append(weakref.ref(this.engine))
        return begins(this)

    model = half_adder()
    optimizer = tn.SGD(model.parameters(), lr=0.1)
    gc.collect()
    gc.disable()
    try:
        with mock.patch.object(Run, "go", noting):
            tn.fit(
                model, X, Y, "squared_error", optimizer, 3, progress=False, backend=backend, callbacks=lambda h: None
            )
        assert [found() for found in made] == [None, None]
    finally:
        gc.enable()

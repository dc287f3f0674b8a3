"""A recorded result in the place of a parameter, whose gradient goes on to another one: on the recorded graph alone."""

import random
import warnings
from functools import partial
from typing import Any

import pytest
from shared import needed

import tinygrad_nn as tn
from tinygrad_nn import Value

X, Y = [[0.1, 0.2], [0.3, -0.4], [0.5, 0.6]], [0.1, 0.2, 0.3]


def tied(model):
    """The bias of a neuron is computed from that of another one."""
    model.layers[0].neurons[1].bias = model.layers[0].neurons[0].bias * 2.0


def tied_at_length(model):
    a, b = model.layers[0].neurons[0].bias, model.layers[0].neurons[0].weights[0]
    model.layers[1].neurons[0].weights[1] = tn.tanh(tn.dot([a, b], [b, a]) + 1.0)


def tied_and_trained(model):
    """It is trained itself, too, as it has been since the optimizer was made."""


def of_no_parameter(model):
    model.layers[0].neurons[1].bias = Value(0.5) * 2.0


TIES = [tied, tied_at_length, tied_and_trained]


def made(tie):
    model = tn.MLP(2, [2, 1], "tanh", rng=random.Random(1))
    optimizer = tn.SGD(model.parameters(), lr=0.1, momentum=0.5)
    if tie is of_no_parameter:
        optimizer.parameters.remove(model.layers[0].neurons[1].bias)
        optimizer.state.pop()
    if tie is tied_and_trained:
        tied(model)
        optimizer = tn.SGD([*optimizer.parameters, model.layers[0].neurons[1].bias], lr=0.1, momentum=0.5)
    return model, optimizer


def by_hand(model, optimizer):
    total = tn.mean([(model(x) - y) ** 2 for x, y in zip(X, Y, strict=True)])
    optimizer.zero_grad()
    total.backward()
    optimizer.step()
    return total.data


@pytest.mark.parametrize("backend", ["python", "llvm"])
@pytest.mark.parametrize("tie", TIES)
@pytest.mark.parametrize("before", [False, True])
def test_compiled_steps_refuse_it_in_words(backend, tie, before):
    model, optimizer = made(tie)
    step = tn.compile_step(model, "squared_error", optimizer, backend=needed(backend))
    if before and tie is not tied_and_trained:
        step(X, Y)
    tie(model)
    numbers = [p.data for p in optimizer.parameters]
    with pytest.raises(TypeError, match="reads a result that was recorded before"):
        step(X, Y)
    assert numbers == [p.data for p in optimizer.parameters]


@pytest.mark.parametrize("tie", TIES)
@pytest.mark.parametrize("before", [False, True])
def test_steps_left_to_the_library_are_those_of_the_recorded_graph(tie, before):
    pairs = []
    for recorded in (True, False):
        model, optimizer = made(tie)
        step: Any = tn.compile_step(model, "squared_error", optimizer)
        make = partial(by_hand, model, optimizer) if recorded else partial(step, X, Y)
        losses = [make()] if before and tie is not tied_and_trained else []
        tie(model)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            losses += [make() for _ in range(3)]
        assert [str(w.message).partition(", not compiled")[0] for w in told] == ["training on the recorded graph"] * (
            not recorded
        )
        pairs.append([*losses, *(p.data for p in optimizer.parameters)])
    assert pairs[0] == pytest.approx(pairs[1], rel=1e-12)


@pytest.mark.parametrize("backend", ["python", "llvm"])
def test_a_result_of_what_no_step_changes_is_a_number(backend):
    model, optimizer = made(of_no_parameter)
    of_no_parameter(model)
    twin, twins = made(of_no_parameter)
    of_no_parameter(twin)
    step = tn.compile_step(model, "squared_error", optimizer, backend=needed(backend))
    losses = [[step(X, Y), by_hand(twin, twins)] for _ in range(3)]
    for a, b in losses:
        assert a == pytest.approx(b, rel=1e-12)


def test_pure_steps_and_c_files_refuse_it_too(tmp_path):
    needed("array")
    import numpy as np

    model, optimizer = made(tied)
    tied(model)
    function = tn.compile_step(model, "squared_error", optimizer).as_function()
    with pytest.raises(TypeError, match="reads a result that was recorded before"):
        function(function.state(), np.array(X), np.array(Y))
    with pytest.raises(TypeError, match="reads a result that was recorded before"):
        tn.export_c(model, tmp_path / "model", loss="squared_error", train=optimizer)
    assert not list(tmp_path.iterdir())

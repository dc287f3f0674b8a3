"""What a user sets the state of an optimizer, or the data of a parameter, to: refused in words, or floats after a step.

The words are the same from the recorded graph, from Python and from machine code, before the first step and later.
"""

import random
import warnings

import pytest
from shared import needed, wrong
from training import BACKENDS, X, Y, l2

import tinygrad_nn as tn

WRONG = {
    "nothing": (lambda n: [], ValueError, "has 13 parameters, but its state was set to 0"),
    "one less": (lambda n: [(0.0,)] * (n - 1), ValueError, "has 13 parameters, but its state was set to 12"),
    "one more": (lambda n: [(0.0,)] * (n + 1), ValueError, "has 13 parameters, but its state was set to 14"),
    "None": (lambda n: None, TypeError, "a list of tuples of numbers, but was set to None"),
    "text": (lambda n: "a" * n, TypeError, "a list of tuples of numbers, but was set to 'aaa"),
    "a dict": (lambda n: dict.fromkeys(range(n), (0.0,)), TypeError, "a list of tuples of numbers"),
    "numbers": (lambda n: [1.0] * n, TypeError, "that of parameter 0 was set to 1.0"),
    "letters": (lambda n: [("a",)] * n, TypeError, "the state of the optimizer was set to 'a', which is no number"),
    "Nones": (lambda n: [(None,)] * n, TypeError, "the state of the optimizer was set to None"),
    "empty ones": (lambda n: [()] * n, ValueError, r"SGD keeps velocity .* parameter 0 was set to \(\)"),
    "longer ones": (lambda n: [(0.0, 0.0)] * n, ValueError, r"parameter 0 was set to \(0.0, 0.0\)"),
    "as many in all": (lambda n: [(0.0,)] * (n - 2) + [(), (1.0, 2.0)], ValueError, r"parameter 11 was set to \(\)"),
    "one short at the end": (lambda n: [(0.0,)] * (n - 1) + [()], ValueError, r"parameter 12 was set to \(\)"),
}


def made(backend, parameters=None, **given):
    """A model, its optimizer, and a step."""
    model = tn.MLP(2, [3, 1], "tanh", rng=random.Random(1))
    optimizer = tn.SGD(parameters(model) if parameters else model.parameters(), lr=0.1, momentum=0.5)
    targets = [y[0] for y in Y]
    if backend != "eager":
        step = tn.compile_step(model, "squared_error", optimizer, backend=needed(backend), **given)
        return model, optimizer, lambda rows=4: step(X[:rows], targets[:rows])

    def recorded(rows=4):
        losses = [tn.losses.squared_error(model(x), y) for x, y in zip(X[:rows], targets[:rows], strict=True)]
        total = tn.mean(losses) + (given["regularizer"](model) if given.get("regularizer") else 0.0)
        optimizer.zero_grad()
        total.backward()
        optimizer.step()

    return model, optimizer, recorded


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", WRONG)
def test_a_state_that_is_none_is_refused_in_words(name, backend):
    state, error, words = WRONG[name]
    for rows in (1, 4):
        for before in (0, 1):
            _, optimizer, step = made(backend)
            for _ in range(before):
                step(rows)
            optimizer.state = wrong(state(len(optimizer.parameters)))
            numbers = [p.data for p in optimizer.parameters]
            with pytest.raises(error, match=words):
                step(rows)
            assert ([p.data for p in optimizer.parameters], optimizer.steps) == (numbers, before)
            optimizer.state = [(0.0,)] * len(optimizer.parameters)
            step(rows)


def test_a_pure_step_says_so_too():
    needed("array")
    _, optimizer, _ = made("python")
    step = tn.compile_step(lambda x: optimizer.parameters[0] * x[0], "squared_error", optimizer, backend="python")
    function = step.as_function()
    optimizer.state = [(0.0,)] * 11 + [(), (1.0, 2.0)]
    with pytest.raises(ValueError, match="states of 1 numbers"):
        function.state()
    with pytest.raises(ValueError, match=r"parameter 11 was set to \(\)"):
        step.as_function()


class Longer(tn.optim.Optimizer):
    """Remembers as many gradients as its state has room for."""

    initial_state = (0.0,)

    def update(self, parameter, gradient, state, lr, step):
        return parameter - lr * sum(state, start=gradient), (gradient, *state[:-1])


@pytest.mark.parametrize("backend", ["python", "llvm", "auto"])
def test_states_of_other_lengths_are_other_programs(backend):
    pairs = []
    for kind in ("eager", backend):
        if backend != "auto":
            needed(backend)
        w, b = tn.Value(0.5), tn.Value(0.25)
        optimizer = Longer([w, b], lr=0.1)
        step = tn.compile_step(lambda x, w=w, b=b: w * x[0] + b, "squared_error", optimizer, backend=backend)

        def recorded(w=w, b=b, optimizer=optimizer):
            total = tn.mean([(w * x + b - y) ** 2 for x, y in ((1.0, 2.0), (2.0, -1.0))])
            optimizer.zero_grad()
            total.backward()
            optimizer.step()

        make = recorded if kind == "eager" else lambda step=step: step([[1.0], [2.0]], [2.0, -1.0])
        make(), make()
        optimizer.state = [(1.0, 2.0)] * 2
        make(), make()
        if backend != "llvm":
            optimizer.state = [(1.0,), (2.0, 3.0, 4.0)]
            make(), make()
        pairs.append([w.data, b.data, *(number for state in optimizer.state for number in state)])
    assert pairs[0] == pytest.approx(pairs[1], rel=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
def test_steps_leave_floats_whatever_was_set(backend):
    np = pytest.importorskip("numpy")
    for number in (np.float64(0.5), np.float32(0.5), np.array(0.5), 1, True):
        for rows, regularizer in ((1, None), (4, None), (4, l2)):
            for where in ("data", "state", "lr", "weight_decay", "frozen"):
                model, optimizer, step = made(backend, lambda m: m.parameters()[1:], regularizer=regularizer)
                if where == "state":
                    optimizer.state = [(number,)] * 12
                elif where in ("data", "frozen"):
                    model.parameters()[3 if where == "data" else 0].data = number
                else:
                    setattr(optimizer, where, number)
                with warnings.catch_warnings():
                    warnings.simplefilter("error")
                    step(rows)
                found = [p.data for p in optimizer.parameters] + [s for state in optimizer.state for s in state]
                assert set(map(type, found)) == {float}, (number, rows, where)
                assert where != "frozen" or model.parameters()[0].data == number


def test_functions_of_several_numbers_give_floats():
    np = pytest.importorskip("numpy")
    v, w = tn.Value(1.0), tn.Value(2.0)
    f = tn.compile(lambda x: [v * x, w * x], backend="python")
    w.data = wrong(np.float64(2.0))
    assert list(map(type, f(3.0))) == [float, float]

"""What a step is made of: updates and states of any kind, or an error that names what cannot be traced."""

import random
from types import SimpleNamespace

import pytest
from training import Configured, compile_step, eager, line, steps_agree

import tinygrad_nn as tn
from tinygrad_nn import Value

SQUARED = tn.losses.squared_error


class Stepping(tn.SGD):
    def step(self):
        super().step()


class Rated(tn.SGD):
    def rate(self, step=None):
        return 0.1


class Remembering(tn.SGD):
    def update(self, parameter, gradient, state, lr, step):
        self.calls = getattr(self, "calls", 0) + 1
        self.lr = lr
        self.momentum = self.momentum * 0.5
        return super().update(parameter, gradient, state, lr, step)


class Normed(tn.SGD):
    def update(self, parameter, gradient, state, lr, step):
        norm = tn.sum([p.grad**2 for p in self.parameters])
        return super().update(parameter, gradient / norm, state, lr, step)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda ps: Stepping(ps, lr=0.1), r"Stepping has a step\(\) of its own"),
        (lambda ps: Rated(ps, lr=0.1), r"Rated has a rate\(\) of its own"),
        (lambda ps: Remembering(ps, lr=0.1), "changed an attribute: what it remembers belongs into the state"),
        (lambda ps: Normed(ps, lr=0.1), "cannot read self.parameters when it is compiled"),
        (lambda ps: Configured(ps, box=SimpleNamespace(c=1.0)), "the setting box of Configured is namespace"),
        (lambda ps: Configured(ps, rng=random.Random(1)), "whose changes a compiled step cannot see"),
    ],
)
def test_optimizers_that_cannot_be_compiled_are_refused(make, words):
    slope = Value(0.5)
    with pytest.raises(TypeError, match=words):
        compile_step(lambda x: slope * x[0], SQUARED, make([slope]))([[1.0]], [0.0])
    assert slope.data == 0.5


class Counting(tn.optim.Optimizer):
    initial_state = (0.0,)

    def update(self, parameter, gradient, state, lr, step):
        return parameter - lr * gradient, (step,)


class Twofold(tn.SGD):
    initial_state = (0.0, 0.0)

    def update(self, parameter, gradient, state, lr, step):
        return parameter - lr * gradient - 0.1 * state[1], (gradient, state[0])


class Rooted(tn.optim.Optimizer):
    """RMSProp as a user writes it, with Python's powers."""

    initial_state = (0.0,)

    def update(self, parameter, gradient, state, lr, step):
        mean = 0.9 * state[0] + 0.1 * gradient**2
        return parameter - lr * gradient / (mean**0.5 + 1e-8), (mean,)


@pytest.mark.parametrize("kind", [Counting, Twofold, Rooted])
def test_states_of_any_kind(kind):
    steps_agree(line(lambda ps: kind(ps, lr=0.01)), [[2.0]], [1.0], steps=300)


def test_the_optimizer_may_be_given_other_parameters():
    told = []
    for compiled in (False, True):
        a, b = Value(1.0), Value(2.0)
        optimizer = tn.SGD([a], lr=0.1)

        def model(x, a=a, b=b):
            return a * x[0] + b

        step = compile_step(model, SQUARED, optimizer)
        for parameters in ([a], [b], [a]):
            optimizer.parameters = parameters
            if compiled:
                step([[1.0]], [0.0])
            else:
                eager(model, SQUARED, optimizer, [[1.0]], [0.0])
        told.append([a.data, b.data])
    assert told[0] == told[1]
    assert 2.0 not in told[0]


def test_a_recorded_value_may_be_a_parameter():
    def make():
        product = Value(1.0) * 2.0
        return (lambda x: product * x[0]), tn.SGD([product], lr=0.01, momentum=0.5)

    steps_agree(make, [[3.0]], [0.0])

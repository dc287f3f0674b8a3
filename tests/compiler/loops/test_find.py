"""Loops over time are found in flat programs, value and gradient, and change no number."""

import random

import pytest
from shared import same

import tinygrad_nn as tn
from tinygrad_nn.compiler.function import compile
from tinygrad_nn.compiler.loops.find import repeats_in
from tinygrad_nn.compiler.loops.repeats import Repeat, entries_written, run, verify
from tinygrad_nn.compiler.program.program import Guard, OffPath


def numbers(rng, *shape):
    """Nested lists of random numbers."""
    return [numbers(rng, *shape[1:]) for _ in range(shape[0])] if shape else rng.gauss(0.0, 0.3)


def outcome(program, body, inputs):
    """What a body gives back, or the line where it leaves the path."""
    held = dict(zip(program.inputs, inputs, strict=True)) | program.literals
    held |= {slot: value.data for slot, value in program.parameters.items()}
    try:
        run(body, held)
    except OffPath as error:
        return str(error)
    return [held[slot] for slot in program.outputs]


def claims(program, body):
    """What a body computes, as numbers that stand for expressions: of the outputs, and of the guards in order."""
    known: dict[object, int] = {}
    asked = []

    def number(key):
        return known.setdefault(key, len(known))

    def walk(entries, held):
        for entry in entries:
            if isinstance(entry, Repeat):
                repeated(entry, held)
                continue
            read = tuple(tuple(held[slot] for slot in o) if isinstance(o, tuple) else held[o] for o in entry.operands)
            if isinstance(entry, Guard):
                asked.append((entry.comparison, entry.expected, entry.where, read))
            else:
                held[entry.slot] = number((entry.primitive, read))

    def repeated(repeat, held):
        handed = {slot: held[first] for slot, (first, _) in repeat.carried.items()}
        for t in range(repeat.times):
            inside = held | handed | {slot: held[series[t]] for slot, series in repeat.each.items()}
            walk(repeat.body, inside)
            handed = {slot: inside[later] for slot, (_, later) in repeat.carried.items()}
            held |= {series[t]: inside[slot] for slot, series in repeat.kept.items()}
            if t == repeat.times - 1:
                held |= {outer: inside[slot] for slot, outer in repeat.last.items()}

    given = [*program.inputs, *program.parameters, *program.literals]
    held = {slot: number(("given", slot)) for slot in given}
    walk(body, held)
    return [held[slot] for slot in program.outputs], asked


def found(program, inputs):
    """The body with repeats, which is well formed and computes the same."""
    body = repeats_in(program)
    verify(program, body)
    assert claims(program, body) == claims(program, program.body)
    expected, got = outcome(program, program.body, inputs), outcome(program, body, inputs)
    assert type(expected) is type(got)
    assert all(map(same, expected, got)) if isinstance(expected, list) else expected == got
    return body


def programs(function, *args):
    """The programs of the value and of the gradient, and the numbers of a call."""
    f = compile(function, backend="python")
    f.value_and_grad(*args)
    path = f._latest()
    return path.value, path.gradient, [leaf for arg in args for leaf in flattened(arg)]


def flattened(arg):
    return [leaf for each in arg for leaf in flattened(each)] if isinstance(arg, list) else [arg]


def loops(body):
    """The size and the times of each repeat, those inside it after it."""
    found = []
    for entry in body:
        if isinstance(entry, Repeat):
            found.append((entries_written(entry.body), entry.times))
            found += loops(entry.body)
    return found


def pendulum(theta, omega, g, length):
    for _ in range(200):
        omega = omega - 0.01 * (g / length) * tn.sin(theta)
        theta = theta + 0.01 * omega
    return theta


def predator_and_prey(x, y, a, b, c, d, steps=100):
    def slope(x, y):
        return a * x - b * x * y, -c * y + d * x * y

    h = 0.02
    for _ in range(steps):
        k = slope(x, y)
        l = slope(x + h / 2 * k[0], y + h / 2 * k[1])
        m = slope(x + h / 2 * l[0], y + h / 2 * l[1])
        n = slope(x + h * m[0], y + h * m[1])
        x = x + h / 6 * (k[0] + 2 * l[0] + 2 * m[0] + n[0])
        y = y + h / 6 * (k[1] + 2 * l[1] + 2 * m[1] + n[1])
    return x * x + y * y


def recurrent_net(xs, W, U, b, v):
    h = [0.0] * len(b)
    for x in xs:
        h = [tn.tanh(tn.dot(W[i], h, b[i]) + U[i] * x) for i in range(len(b))]
    return tn.dot(v, h, 0.0)


def garch(returns, w, a, b):
    variance, likelihood = 0.01, 0.0
    for x in returns:
        likelihood = likelihood + tn.log(variance) + x * x / variance
        variance = w + a * x * x + b * variance
    return likelihood


RNG = random.Random(0)
RECURRENT = [numbers(RNG, 30), numbers(RNG, 8, 8), numbers(RNG, 8), numbers(RNG, 8), numbers(RNG, 8)]
CASES = {
    "pendulum": (pendulum, [0.5, 0.0, 9.8, 1.0], [(5, 200)], [(5, 200), (13, 199)], 50),
    "predator and prey": (predator_and_prey, [1.0, 1.0, 1.1, 0.4, 0.4, 0.1], [(44, 99)], [(44, 99), (46, 99)], 188),
    "recurrent net": (recurrent_net, RECURRENT, [(32, 30)], [(32, 30), (33, 29)], 180),
    "garch": (garch, [numbers(RNG, 300), 0.01, 0.1, 0.8], [(5, 299)], [(5, 299), (11, 298)], 38),
}


@pytest.mark.parametrize("name", CASES)
def test_loops_over_time_are_found(name):
    function, args, of_value, of_gradient, most = CASES[name]
    value, gradient, inputs = programs(function, *args)
    assert loops(found(value, inputs)) == of_value
    body = found(gradient, inputs)
    assert loops(body) == of_gradient
    assert entries_written(body) <= most

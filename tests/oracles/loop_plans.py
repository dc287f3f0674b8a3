"""Random programs that are loops over time as a person writes them: nests, lags, series, branches, several loops."""

import random

from hypothesis import strategies as st
from programs import OPERATIONS

import tinygrad_nn as tn
from tinygrad_nn import Value

REGULAR = ["add", "subtract", "multiply", "divide", "negative", "sin", "sum of products", "square", "tanh", "exp",
           "relu", "sigmoid", "maximum", "dot", "take", "where", "hypot", "logsumexp", "norm", "twice"]  # fmt: skip
LAGS = 3
MOST_INSIDE = 12  # times that an inner loop runs
WAYS = ["forwards", "backwards", "every other", "literals"]

places = st.integers(0, 40)
steps = st.tuples(st.sampled_from(REGULAR), places, places, places)


@st.composite
def bodies(draw, irregular, lags, depth=1):
    """What an iteration does: where it reads series, its steps, what it hands on, and the loop in it."""
    return {
        "series": draw(st.lists(st.tuples(st.sampled_from(WAYS), st.integers(0, 2)), max_size=2)),
        "steps": draw(st.lists(steps, min_size=1, max_size=4)),
        "states": draw(st.lists(st.tuples(st.integers(1, lags), places, st.booleans()), min_size=1, max_size=3)),
        "vector": draw(st.integers(0, 3)),
        "guard": draw(st.booleans()),
        "branch": irregular and draw(st.booleans()),
        "first": draw(st.booleans()) and draw(steps),
        "last": draw(st.booleans()) and draw(steps),
        "inner": (draw(st.sampled_from([2, 3, 9, MOST_INSIDE])), draw(bodies(irregular, lags, 0)))
        if depth and draw(st.booleans())
        else None,
        "kept": draw(st.booleans()),
    }


def recurrences(irregular=False, lags=LAGS):
    """Functions of a number of iterations: one loop, or two one after the other."""
    return st.lists(bodies(irregular, lags), min_size=1, max_size=2)


def arguments(times, seed=0):
    """Three series for outer loops and three for inner ones, which are long enough, and four numbers."""
    rng = random.Random(seed)
    lengths = [2 * times + 3] * 3 + [2 * MOST_INSIDE + 3] * 3
    return [[[rng.uniform(-1.0, 1.0) for _ in range(n)] for n in lengths], *[rng.uniform(0.2, 0.9) for _ in range(4)]]


def written_out(plan, times):
    """The function of a plan, whose loops run so many times."""

    def function(series, a, b, c, d):
        settled, kept = [a, b, c, d], list[Value]()
        for number, body in enumerate(plan):
            settled = settled + looped(body, times, (series[:3], series[3:]), settled, kept, number)
        return tn.sum(settled[4:]) + tn.dot(kept, kept, 0.0) + 0.0 * a

    return function


def looped(body, times, series, settled, kept, number):
    """The last states of a loop; what the first state was after each iteration is kept, where that is wanted."""
    rng = random.Random(number)
    literals = [rng.uniform(-1.0, 1.0) for _ in range(times + 3)]
    firsts = [0.0, 0.5, *settled]
    states = [[firsts[(k + lag) % len(firsts)] for lag in range(LAGS)] for k in range(len(body["states"]))]
    for t in range(times):
        pool = [settled[0], settled[-1], 0.75]
        pool += [read(series[0], literals, way, t, offset) for way, offset in body["series"]]
        for history, (lag, _, _) in zip(states, body["states"], strict=True):
            pool += [history[-1], history[-lag]]
        if body["inner"]:
            inside, deep = body["inner"]
            pool += looped(deep, inside, series[1:], pool[-4:], [], number + 7)
        if body["vector"]:
            now = [history[-1] for history in states]
            pool += [tn.dot(pool[j : j + len(now)], now, 0.25) for j in range(body["vector"])]
        for step in [body["first"]] * (t == 0) + body["steps"] + [body["last"]] * (t == times - 1):
            if step:
                kind, *at = step
                pool.append(OPERATIONS[kind](*[pool[-1 - k % len(pool)] for k in at]))
        if body["guard"]:
            pool.append(pool[-1] * 0.5 if pool[-1] * pool[-1] >= 0.0 else pool[-1])
        if body["branch"]:
            pool.append(OPERATIONS["branch"](pool[-1], pool[-2], pool[-3]))
        for history, (_, place, squashed) in zip(states, body["states"], strict=True):
            new = pool[-1 - place % len(pool)]
            history.append(tn.tanh(new) if squashed else 0.5 * new + 0.25 * history[-1])
        if body["kept"]:
            kept.append(states[0][-1])
    return [history[-1] for history in states]


def read(series, literals, way, t, offset):
    """What an iteration reads of a series."""
    forwards, backwards, every_other = series
    if way == "literals":
        return literals[t + offset]
    if way == "backwards":
        return backwards[-1 - offset - t]
    return every_other[2 * t] if way == "every other" else forwards[t + offset]

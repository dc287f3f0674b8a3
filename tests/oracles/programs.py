"""Programs that tests of several back ends share: operations to draw from, corners of every primitive, plans."""

import math
import random
from importlib.util import find_spec

from hypothesis import strategies as st
from shared import same

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.autograd import primitives as table
from tinygrad_nn.autograd.primitives import TABLE
from tinygrad_nn.autograd.rules import is_column

BACKENDS = ["python", *(["array", "llvm"] if find_spec("numpy") and find_spec("llvmlite") else [])]  # of functions
BATCHES = [1, 7, 8, 100]  # one row, less than a vector of lanes, a vector, and many with a rest
CORNERS = [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.0, 1e308, -1e308, 1e-308, math.inf, -math.inf, math.nan, 710.0, -710.0]
ROWS = [row for row in TABLE.values() if row.name not in ("take", "where_equal")]

OPERATIONS = {
    "add": lambda x, y, z: x + y, "subtract": lambda x, y, z: x - y, "multiply": lambda x, y, z: x * y,
    "divide": lambda x, y, z: x / (y * y + 1.0), "negative": lambda x, y, z: -x, "sin": lambda x, y, z: tn.sin(x),
    "sum of products": lambda x, y, z: x * y + y * z + x * z, "square": lambda x, y, z: x**2,
    "tanh": lambda x, y, z: tn.tanh(x), "exp": lambda x, y, z: tn.exp(0.1 * x),
    "relu": lambda x, y, z: tn.relu(x), "sigmoid": lambda x, y, z: tn.sigmoid(x),
    "maximum": lambda x, y, z: tn.maximum(x, y, z), "dot": lambda x, y, z: tn.dot([x, y], [y, z], x),
    "logsumexp": lambda x, y, z: tn.logsumexp([x, y, z]), "take": lambda x, y, z: tn.take([x, y, z], 1),
    "softmax": lambda x, y, z: tn.softmax([x, y, z])[0], "branch": lambda x, y, z: x * y if x > y else y - z,
    "mod": lambda x, y, z: x % (y * y + 1.0), "floor_divide": lambda x, y, z: x // (y * y + 1.0) + z,
    "where": lambda x, y, z: tn.where(x > y, x * y, y - z), "norm": lambda x, y, z: tn.norm([x, y, z]),
    "prod": lambda x, y, z: tn.prod([x, y, z]), "std": lambda x, y, z: tn.std([x, y, z]),
    "hypot": lambda x, y, z: table.hypot(x, y), "atan2": lambda x, y, z: table.atan2(x, y * y + 1.0),
    "fmod": lambda x, y, z: table.fmod(x, z * z + 0.5), "asinh": lambda x, y, z: table.asinh(x),
    "acosh": lambda x, y, z: table.acosh(x * x + 2.0), "atanh": lambda x, y, z: table.atanh(0.9 * tn.tanh(x)),
    "log2": lambda x, y, z: table.log2(x * x + 1.0), "log10": lambda x, y, z: table.log10(x * x + 1.0),
    "exp2": lambda x, y, z: table.exp2(0.1 * x), "cbrt": lambda x, y, z: table.cbrt(x * x + 1.0),
    "floor": lambda x, y, z: table.floor(x) + y, "ceil": lambda x, y, z: table.ceil(x) * y,
    "trunc": lambda x, y, z: table.trunc(x) - z, "round": lambda x, y, z: table.round(x) * z,
    "erfc": lambda x, y, z: table.erfc(x), "erfinv": lambda x, y, z: table.erfinv(0.9 * tn.tanh(x)),
    "lgamma": lambda x, y, z: table.lgamma(x * x + 3.0), "digamma": lambda x, y, z: table.digamma(x * x + 3.0),
    "sinc": lambda x, y, z: table.sinc(0.1 * x), "softsign": lambda x, y, z: table.softsign(x),
    "hardtanh": lambda x, y, z: table.hardtanh(x), "sign": lambda x, y, z: table.sign(x) * y,
    "cross entropy": lambda x, y, z: tn.losses.cross_entropy([x, y, z], 2), "twice": lambda x, y, z: x * x + x,
}  # fmt: skip
KINDS = sorted(OPERATIONS)
SMOOTH = [kind for kind in KINDS if kind != "branch"]  # of one path whatever the numbers
ARITHMETIC = ["add", "subtract", "multiply", "divide", "negative", "sum of products", "square", "relu", "dot", "twice"]


def bits(a, b):
    """Whether two doubles are equal, nan to nan; the sign of a zero is not compared."""
    return same(a + 0.0, b + 0.0)


def near(a, b, bound):
    """Whether two doubles agree within a bound, relative above 1 and absolute below."""
    return (a != a and b != b) or a == b or abs(a - b) <= bound * max(1.0, abs(a), abs(b))


def eager(function, numbers):
    """The value and the gradients as the engine computes them."""
    values = [Value(number) for number in numbers]
    result = function(*values)
    result = result if isinstance(result, Value) else Value(result)
    result.backward()
    return result.data, [value.grad for value in values]


def corner_call(row):
    """A primitive as a function of scalars, a column being two of them."""

    def call(*scalars):
        rest, groups = list(scalars), []
        for name in row.operands:
            groups.append(tuple(rest[:2]) if is_column(name) else rest[0])
            del rest[: 2 if is_column(name) else 1]
        return row(*groups)

    return call


def corner_rows(row):
    """The corners of a primitive: all of them, or of several operands sixty draws."""
    width = sum(2 if is_column(name) else 1 for name in row.operands)
    rng = random.Random(row.name)
    return [[rng.choice(CORNERS) for _ in range(width)] for _ in range(60)] if width > 1 else [[x] for x in CORNERS]


def tame(rows):
    """The rows on which a gradient is to be compared."""
    return [row for row in rows if all(math.isfinite(x) and abs(x) < 1e300 for x in row)]


def plans(kinds, most, least=1):
    """Steps of a program: an operation and three places to read from."""
    return st.lists(st.tuples(st.sampled_from(kinds), *[st.integers(0, 90)] * 3), min_size=least, max_size=most)


def extended(pool, plan):
    """The pool with what each step of a plan makes of it."""
    pool = list(pool)
    for kind, *places in plan:
        pool.append(OPERATIONS[kind](*(pool[place % len(pool)] for place in places)))
    return pool


def extended_by_lists(pool, plan, n, squash=lambda x: x):
    """The pool with lists of n numbers, each made by one step of a plan: what a program's loops are found in."""
    pool = list(pool)
    for kind, *places in plan:
        pool += [squash(OPERATIONS[kind](*(pool[(place + m) % len(pool)] for place in places))) for m in range(n)]
    return pool


def with_lanes_exchanged(turned):
    """Turned squares with two of their vectors exchanged."""

    def wrong(b, vectors):
        found = turned(b, vectors)
        return [*found[1::-1], *found[2:]]

    return wrong


def with_a_group_after_its_reader(clusters):
    def wrong(groups, read, dear):
        found = clusters(groups, read, dear)
        return [*found[1:], found[0]] if len(found) > 1 else found

    return wrong


def agree_on_python(function, numbers):
    """Eager, interpreter and python give the same bits."""
    value, gradients = eager(function, numbers)
    compiled = tn.compile(function)
    got, flows = compiled.value_and_grad(*numbers)
    assert bits(got, value), (got, value)
    assert all(map(bits, flows, gradients)), (flows, gradients)
    assert bits(compiled(*numbers), value)
    interpreted = compiled.gradient_program.flat.run(numbers)
    assert all(map(bits, interpreted, [value, *gradients])), (interpreted, value, gradients)

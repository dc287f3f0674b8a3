"""Random training programs in machine code against the engine, and sums of ten thousand rows, within the bound."""

import functools
import math
import random
from typing import Any

import pytest
from bounds import UNITS, Running, bounded, single, summed
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import BATCHES, KINDS, extended_by_lists, plans, with_a_group_after_its_reader, with_lanes_exchanged
from training import OPTIMIZERS, eager, l2, numbers

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.compiler.arguments import shape_of
from tinygrad_nn.compiler.backends.llvm import printer as llvm
from tinygrad_nn.compiler.backends.llvm import row_products, vector_math
from tinygrad_nn.training.steps.recipe import Recipe, Update, penalty, row_gradient
from tinygrad_nn.training.steps.state import settings_of

numpy = pytest.importorskip("numpy", reason="numpy is not installed")
pytest.importorskip("llvmlite", reason="llvmlite is not installed")

DTYPES = ["float64", "float32"]
SIZES = [*BATCHES, 129]  # the last has one row more than are kept at a time


def l1(model):
    return 1e-2 * tn.sum([abs(parameter) for parameter in model.parameters()])


REGULARIZERS = {"none": None, "l2": l2, "l1": l1}


class Shared:
    """A model that is a function of Values, of which it uses some many times over and which are not all trained."""

    def __init__(self, plan, n, branch):
        self.plan, self.n, self.branch = plan, n, branch
        self.weights = [Value(0.375 * i - 0.5) for i in range(n + 2)]

    def parameters(self):
        return self.weights

    def __call__(self, x):
        given = [Value(number) if type(number) is float else number for number in x]
        pool = extended_by_lists([*self.weights, *given], self.plan, self.n, tn.tanh)
        total = tn.sum(pool[-self.n :]) + tn.dot(pool[-self.n :], pool[: self.n])
        if self.branch is not None:
            x, y = (pool[place % len(pool)] for place in self.branch)
            total = total * x if x > y else total - y
        return total + 0.0 * self.weights[0]


class Trained:
    """Twin models, of which one makes its steps in machine code; what each step may differ by is told by the bound."""

    def __init__(self, make, loss, optimizer, regularizer, dtype, frozen):
        self.models = [make() for _ in range(2)]
        for model in self.models if dtype == "float32" else []:
            for parameter in model.parameters():
                parameter.data = single(parameter.data)
        trained = [[p for k, p in enumerate(model.parameters()) if k not in frozen] for model in self.models]
        self.optimizers = [optimizer(parameters) for parameters in trained]
        self.loss, self.regularizer, self.dtype = loss, regularizer, dtype
        self.step = tn.compile_step(
            self.models[1], loss, self.optimizers[1], regularizer, backend="llvm", dtype=dtype
        )  # fmt: skip
        self.recipe = Recipe(self.models[0], loss, self.optimizers[0], regularizer)
        self.programs = []

    def row(self, x, y):
        """Loss and gradients of a row with their bounds."""
        shapes = shape_of(x), shape_of(y)
        given = [*x, *(y if isinstance(y, list) else [float(y)])]
        return bounded(lambda row: row_gradient(self.recipe, shapes, row), self.programs, given, self.dtype)

    def allowed(self, X, Y):
        """The bounds on the loss, and on each parameter and its state, after the next step; None where undecided."""
        rows = [self.row(x, y) for x, y in zip(X, Y, strict=True)]
        if None in rows:
            return None
        means = [
            (total / len(rows), off / len(rows))
            for total, off in (summed(c, self.dtype) for c in zip(*rows, strict=True))
        ]
        if self.regularizer is not None:
            regular = Running(penalty(self.recipe), [], self.dtype).outputs
            means = [summed(pair, self.dtype) for pair in zip(means, regular, strict=True)]
        optimizer = self.optimizers[0]
        update, parts = Update(self.recipe).program, []
        common = [optimizer.rate(), float(optimizer.steps), *settings_of(optimizer)[0]]
        for parameter, state, (gradient, off) in zip(optimizer.parameters, optimizer.state, means[1:], strict=True):
            given = [gradient, *common, *state]
            parts.append(Running(update, given, self.dtype, [parameter.data], offs=[off]).outputs)
        return means[0], parts

    def check(self, X, Y):
        """One step on these rows. The engine then goes on from the numbers of machine code."""
        allowed = self.allowed(X, Y)
        told = eager(self.models[0], self.loss, self.optimizers[0], X, Y, self.regularizer)
        got = self.step(X, Y)
        assert self.step.backend == "llvm"
        assert self.optimizers[1].steps == self.optimizers[0].steps
        if allowed is not None:
            (_, off), parts = allowed
            assert not off < math.inf or abs(got - told) <= off, (len(X), got, told, off)
            engines, machines = (
                [[p.data, *state] for p, state in zip(o.parameters, o.state, strict=True)] for o in self.optimizers
            )
            for k, (expected, found, part) in enumerate(zip(engines, machines, parts, strict=True)):
                for a, b, (_, off) in zip(found, expected, part, strict=True):
                    assert not off < math.inf or abs(a - b) <= off, (len(X), k, found, expected, part)
        for parameter, other in zip(*(model.parameters() for model in self.models), strict=True):
            parameter.data = other.data
        self.optimizers[0].state = list(self.optimizers[1].state)
        return allowed


def rows_of(count, width, dtype, seed):
    rng = random.Random(seed)
    rows = [[rng.gauss(0, 1) for _ in range(width)] for _ in range(count)]
    return [list(map(single, row)) for row in rows] if dtype == "float32" else rows


LOSSES: dict[str, list[Any]] = {
    "squared_error": [-1.0, 0.5, 1.0], "hinge": [-1.0, 1.0], "huber": [-2.0, 0.25, 2.0], "absolute_error": [-1.0, 0.5],
    "binary_cross_entropy_with_logits": [0.0, 1.0], "cross_entropy": [0, 1, 2],
}  # fmt: skip


def train(data, dtype, networks, sizes=SIZES):
    """Draw a model, a loss, an optimizer and what is frozen, and check steps of all sizes."""
    seed = data.draw(st.integers(0, 10**6))
    names = sorted(LOSSES)
    if networks:
        width = data.draw(st.sampled_from([7, 8, 9, 16, 17]))
        activation = data.draw(st.sampled_from(["tanh", "relu", "sigmoid", "gelu", "softplus"]))
        loss = data.draw(st.sampled_from(names))
        outputs = 3 if loss == "cross_entropy" else 1
        inputs, count = 3, 4 * width + (width + 1) * outputs

        def make():
            return tn.MLP(3, [width, outputs], activation, rng=random.Random(seed))
    else:
        inputs, n = 4, data.draw(st.integers(1, 8))
        plan = data.draw(plans([kind for kind in KINDS if kind != "branch"], 3))
        branch = data.draw(st.none() | st.tuples(st.integers(0, 90), st.integers(0, 90)))
        loss, count = data.draw(st.sampled_from([name for name in names if name != "cross_entropy"])), n + 2

        def make():
            return Shared(plan, n, branch)

    regularizer = REGULARIZERS[data.draw(st.sampled_from(sorted(REGULARIZERS)))]
    optimizer = OPTIMIZERS[data.draw(st.sampled_from(sorted(OPTIMIZERS)))]
    frozen = data.draw(st.sets(st.integers(0, count - 1), max_size=min(count - 1, 5)))
    X, rng = rows_of(max(sizes), inputs, dtype, seed), random.Random(seed)
    Y = [rng.choice(LOSSES[loss]) for _ in X]
    twins = Trained(make, getattr(tn.losses, loss), optimizer, regularizer, dtype, frozen)
    for size in sizes:
        twins.check(X[-size:], Y[-size:])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("networks", [False, True], ids=["functions", "networks"])
def test_random_training_programs(networks, dtype):
    @settings(max_examples=3)
    @given(st.data())
    def battery(data):
        train(data, dtype, networks)

    battery()


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("networks", [False, True], ids=["functions", "networks"])
def test_many_random_training_programs(networks, dtype):
    @settings(max_examples=15)
    @given(st.data())
    def battery(data):
        train(data, dtype, networks)

    battery()


def ten_thousand(dtype):
    """Rows, targets, and what makes a small network for them."""
    X = rows_of(10_000, 2, dtype, seed=7)
    Y = [1.0 if x[0] * x[1] > 0.0 else -0.5 for x in X]
    return X, Y, lambda: tn.MLP(2, [4, 1], "tanh", rng=random.Random(7))


def exact_sums(rows):
    """The sums of the columns of rows, rounded once."""
    return [math.fsum(column) for column in zip(*rows, strict=True)]


def engine_sums(model, X, Y):
    """The sums of losses and gradients of some rows, by the engine."""
    total = tn.sum([tn.losses.squared_error(model(x), y) for x, y in zip(X, Y, strict=True)])
    return [total.data, *tn.grad(total, model.parameters())]


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_step_on_ten_thousand_rows(dtype):
    """The loss, and the velocity after a first step, are the means of the rows' losses and gradients."""
    X, Y, make = ten_thousand(dtype)
    twins = Trained(make, tn.losses.squared_error, lambda ps: tn.SGD(ps, 0.01, momentum=0.5), None, dtype, ())
    rows = [twins.row(x, y) for x, y in zip(X, Y, strict=True)]
    bounds = [off for _, off in (summed(column, dtype) for column in zip(*rows, strict=True))]
    exact = exact_sums([[number for number, _ in row] for row in rows])
    engine = engine_sums(twins.models[0], X[:100], Y[:100])  # those of the program that is bounded are the engine's
    assert engine == pytest.approx(exact_sums([[n for n, _ in row] for row in rows[:100]]), rel=1e-12)
    loss = twins.step(X, Y)
    assert twins.step.backend == "llvm"
    got = [loss, *(velocity for (velocity,) in twins.optimizers[1].state)]
    for found, total, off in zip(got, exact, bounds, strict=True):
        assert abs(found - total / len(X)) <= off / len(X), (found, total, off)
    assert max(bounds) / len(X) < (1e-11 if dtype == "float64" else 5e-3)


@functools.cache
def small_network(dtype):
    """A network as a function of two numbers, ten thousand rows, and their values and gradients with their bounds."""
    X, _, make = ten_thousand(dtype)
    model = make()
    for parameter in model.parameters() if dtype == "float32" else []:
        parameter.data = single(parameter.data)

    def function(a, b):
        return model([a, b])

    plain, programs = tn.compile(function, backend="python"), list[Any]()

    def trace(row):
        plain.value_and_grad(*row)
        return plain.gradient_program.flat

    return function, X, [bounded(trace, programs, x, dtype) for x in X]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("backend", ["array", "llvm"])
def test_functions_of_ten_thousand_rows_and_of_ten_thousand_numbers(backend, dtype):
    function, X, rows = small_network(dtype)
    values, gradients = tn.compile(function, backend=backend, dtype=dtype).batch(X, gradients=True)
    got = exact_sums([[value, *slopes] for value, slopes in zip(values, gradients, strict=True)])
    for found, column in zip(got, zip(*rows, strict=True), strict=True):
        total, off = (math.fsum(numbers) for numbers in zip(*column, strict=True))
        assert abs(found - total) <= off, (found, total)
    xs, ys = [x for x, _ in X], [y for _, y in X]
    unit = 2.0**-52 if dtype == "float64" else 2.0**-23
    dot = tn.compile(lambda xs, ys: tn.dot(xs, ys), backend=backend, dtype=dtype)
    products = [x * y for x, y in X]
    bound = (UNITS + len(X)) * unit * math.fsum(map(abs, products))
    for found in (dot(xs, ys), *dot.batch([[xs, ys]] * 3)):
        assert abs(found - math.fsum(products)) <= bound


def without_its_last_row(tile):
    """Sums of products in which the last row of each chunk is left out."""

    def wrong(self, *given):
        many, self.many = self.many, self.block.let(f"sub nsw i64 {self.many}, 1")
        tile(self, *given)
        self.many = many

    return wrong


def with_a_lane_twice(lane_sums):
    return lambda b, vectors: lane_sums(b, [vectors[0], vectors[0], *vectors[2:]])


FAULTS = {
    "a row left out": (row_products.RowProducts, "_tile", without_its_last_row),
    "a lane of the sums": (vector_math, "lane_sums", with_a_lane_twice),
    "a lane of the kept rows": (row_products, "turned", with_lanes_exchanged),
    "a lane of the inputs": (llvm, "turned", with_lanes_exchanged),
    "a group after its reader": (llvm, "clusters", with_a_group_after_its_reader),
}


def fixed_program(dtype, sizes):
    X = rows_of(max(sizes), 3, dtype, seed=3)
    Y = [1.0 if sum(x) > 0.0 else -1.0 for x in X]
    twins = Trained(
        lambda: tn.MLP(3, [17, 4, 1], "tanh", rng=random.Random(3)),
        tn.losses.squared_error, OPTIMIZERS["momentum"], l2, dtype, {2},
    )  # fmt: skip
    for size in sizes:
        allowed = twins.check(X[:size], Y[:size])
        assert allowed is not None
    return twins


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_caught(name, monkeypatch):
    module, function, spoiled = FAULTS[name]
    monkeypatch.setattr(module, function, spoiled(getattr(module, function)))
    with pytest.raises(AssertionError):
        fixed_program("float64", [40])


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_network_of_products_on_all_sizes(dtype):
    """What the faults above are planted in: whole vectors of products, a rest, and sums over lanes."""
    twins = fixed_program(dtype, [1, 129])
    assert twins.optimizers[1].steps == 2
    assert len(numbers(twins.optimizers[1])) == len(numbers(twins.optimizers[0]))

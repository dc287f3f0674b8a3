"""detect_anomaly: for each way to get nan or inf, the right operation and the right line, recorded and compiled."""

import copy
import math
import pickle
import random
from typing import Any

import pytest

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.autograd.recording import Watcher, watched
from tinygrad_nn.check.anomaly import AnomalyError, detect_anomaly

BACKENDS = ["python"]


try:
    import llvmlite  # noqa: F401
    import numpy  # noqa: F401

    BACKENDS.append("llvm")
except ImportError:
    pass


# The line that goes wrong, where x and y are these numbers, the operation that is to be named, and a word of advice.
FORWARD = {
    "log of 0": ("tn.log(x)", 0.0, 1.0, "log", "tn.log_softmax"),
    "log of less": ("tn.log(x - y)", 1.0, 2.0, "log", "a number above 0"),
    "exp": ("tn.exp(x * y)", 30.0, 30.0, "exp", "beyond 709"),
    "division by 0": ("y / x", 0.0, 1.0, "divide", "denominator"),
    "0 / 0": ("x / (x * y)", 0.0, 1.0, "divide", "denominator"),
    "division by a difference": ("1.0 / (x - y)", 3.0, 3.0, "divide", "are equal"),
    "sqrt of less": ("tn.sqrt(x)", -1.0, 1.0, "sqrt", "0 or more"),
    "a fractional power": ("x ** y", -2.0, 0.5, "power", "tn.clip"),
    "asin": ("tn.asin(x + y)", 1.0, 1.0, "asin", "from -1 to 1"),
    "a product": ("x * y * x", 1e200, 1.0, "multiply", "too large"),
    "log(1 + exp(x))": ("tn.log(1.0 + tn.exp(x))", 1000.0, 1.0, "exp", "softplus"),
    "log of a softmax": ("tn.log(tn.softmax([x, y])[1])", 1000.0, 0.0, "log", "a log of a softmax: tn.log_softmax"),
    "cosh": ("tn.cosh(x)", 800.0, 1.0, "cosh", "overflows"),
    "log1p": ("tn.log1p(x)", -1.0, 1.0, "log1p", "above -1"),
    "a dot": ("tn.dot([x, y], [x, y], 0.0)", 1e160, 1.0, "dot", "too large"),
    "nan in the data": ("tn.tanh(x) * y", math.nan, 1.0, "tanh", "nan already"),
}


BACKWARD = {
    "sqrt at 0": ("tn.sqrt(x)", 0.0, 1.0, "sqrt", "no finite slope at 0"),
    "a norm at 0": ("tn.sqrt(x * x + y * y)", 0.0, 0.0, "sqrt", "sqrt(x + 1e-12)"),
    "a root as a power": ("x ** 0.5", 0.0, 1.0, "power", "above 0"),
    "asin at 1": ("tn.asin(x)", 1.0, 1.0, "asin", "either end"),
    "log of next to nothing": ("tn.log(x)", 1e-310, 1.0, "log", ""),
    "a quotient": ("y / x", 1e-200, 1.0, "divide", ""),
}


SCRIPT = """import tinygrad_nn as tn

def work(x, y):
    z = y * 1.0
    bad = {}
    return bad * 1.0 + 0.0 * z
"""


def script(expression, folder):
    """The function of a user's script, whose line 5 goes wrong."""
    path = folder / "script.py"
    path.write_text(SCRIPT.format(expression), encoding="utf-8")
    namespace: dict[str, Any] = {}
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), namespace)
    return namespace["work"]


def caught(run, folder, operation, advice):
    with pytest.raises(AnomalyError) as found, detect_anomaly():
        run()
    error = found.value
    assert error.operation is not None
    assert error.operation.op is not None
    assert error.operation.op.name == operation, str(error)
    assert error.where == f"{folder / 'script.py'}, line 5"
    assert error.where in str(error)
    assert advice in str(error)
    return str(error)


@pytest.mark.parametrize("way", FORWARD)
def test_values_recorded_and_compiled(way, tmp_path):
    expression, x, y, operation, advice = FORWARD[way]
    work = script(expression, tmp_path)
    caught(lambda: work(Value(x, label="the input"), Value(y)), tmp_path, operation, advice)
    for backend in BACKENDS:
        f = tn.compile(work, backend=backend)
        f(2.0, 0.5)
        caught(lambda f=f: f(x, y), tmp_path, operation, advice)
        caught(lambda f=f: f.batch([[2.0, 0.5], [x, y]]), tmp_path, operation, advice)
        assert f(2.0, 0.5) == pytest.approx(work(Value(2.0), Value(0.5)).data, nan_ok=True)  # as before


@pytest.mark.parametrize("way", BACKWARD)
def test_gradients_recorded_and_compiled(way, tmp_path):
    expression, x, y, operation, advice = BACKWARD[way]
    work = script(expression, tmp_path)
    values = [Value(x), Value(y)]

    def backward():
        assert math.isfinite(work(*values).data)
        work(*values).backward()

    told = caught(backward, tmp_path, operation, advice)
    assert [value.grad for value in values] == [0.0, 0.0]
    assert f"its way to the result: {operation} -> multiply -> add" in told
    assert f"the derivative of {operation} made the gradient of its" in told
    caught(lambda: tn.grad(work(*values), values), tmp_path, operation, advice)
    for backend in BACKENDS:
        f = tn.compile(work, backend=backend)
        caught(lambda f=f: f.grad(x, y), tmp_path, operation, advice)
        caught(lambda f=f: f.batch([[2.0, 0.5], [x, y]], gradients=True), tmp_path, operation, advice)


def test_sums_of_gradients_that_overflow():
    x = Value(1.0, label="x")
    with pytest.raises(AnomalyError, match="flow into the a of multiply sum to inf"), detect_anomaly():
        ((x * 1.5e308 - 1.5e308) + (x * 1e308 - 1e308)).backward()


def test_operands_labels_and_owners_are_told():
    model = tn.MLP(2, [3, 1], rng=random.Random(1))
    model.layers[0].neurons[1].bias.data = math.inf
    with pytest.raises(AnomalyError) as found, detect_anomaly():
        model([1.0, 2.0])
    told = str(found.value)
    assert "dot gave inf" in told
    assert "b: inf (b)" in told
    assert "recorded by layer 1, neuron 2" in told
    p = Value(0.0, label="probability")
    with pytest.raises(AnomalyError, match=r"x: 0.0 \(probability\)"), detect_anomaly():
        tn.log(p)
    with pytest.raises(AnomalyError, match="and 13 more"), detect_anomaly():
        tn.dot([1e200] * 10, [Value(1e200)] * 9 + [1.0], 0.0)


def test_a_result_that_is_nan_already_is_caught():
    x = Value(0.0)
    y = tn.log(x) * 0.0 + 1.0
    with (
        pytest.raises(
            AnomalyError, match=r"log gave -inf; it was recorded before .*\n.*\n.*way .* log -> multiply -> add"
        ),
        detect_anomaly(),
    ):
        y.backward()
    assert x.grad == 0.0


def test_what_is_finite_runs_as_before():
    def work(x, y):
        return tn.sin(x) * y if x > 0.0 else y * y

    with detect_anomaly() as outer:
        a, b = Value(0.5), Value(2.0)
        work(a, b).backward()
        with tn.no_grad():
            assert tn.log(Value(0.0)).data == -math.inf  # nothing is recorded there
        assert tn.compile(work).value_and_grad(0.5, 2.0) == (math.sin(0.5) * 2.0, [a.grad, b.grad])
        assert tn.MLP.from_weights([[[1.0], [2.0]]], [[3.0]]).predict([1.0, 2.0]) == 8.0
    assert outer.lines
    assert tn.log(Value(0.0)).data == -math.inf  # and nothing outside
    with pytest.raises(ZeroDivisionError), detect_anomaly():
        raise ZeroDivisionError
    assert tn.log(Value(0.0)).data == -math.inf


def numbers(model):
    return [parameter.data for parameter in model.parameters()]


@pytest.mark.skipif("llvm" not in BACKENDS, reason="float32 needs llvmlite")
def test_what_only_float32_cannot_hold():
    model = tn.MLP.from_weights([[[1e30]]], [[0.0]])
    optimizer = tn.SGD(model.parameters(), lr=0.0)
    step = tn.compile_step(model, "squared_error", optimizer, backend="llvm", dtype="float32")
    with pytest.raises(AnomalyError, match="in float32 gave a number that is not finite") as found, detect_anomaly():
        step([[1.0]], [0.0])
    assert found.value.operation is None
    with pytest.raises(AnomalyError, match="in float32 gave"), detect_anomaly():
        step.run([[1.0]], [0.0], epochs=3)
    assert optimizer.steps == 0
    f = tn.compile(lambda x: x * x, backend="llvm", dtype="float32")
    with pytest.raises(AnomalyError, match="in float32, gave"), detect_anomaly():
        f(1e30)
    with pytest.raises(AnomalyError, match="in float32, gave"), detect_anomaly():
        f.value_and_grad(1e30)


@pytest.mark.parametrize("backend", BACKENDS)
def test_numbers_that_no_operation_made_are_left_alone(backend):
    f = tn.compile(lambda x, y: y, backend=backend)
    model = tn.MLP(2, [3, 1], rng=random.Random(1))
    unused = Value(math.inf)
    optimizer = tn.SGD([*model.parameters(), unused], lr=0.01)
    with detect_anomaly():
        assert f(1.0, math.inf) == math.inf
        history = tn.compile_step(model, "squared_error", optimizer, backend=backend).run(*tn.data.xor(), epochs=5)
    assert math.isfinite(history.losses[-1])


def test_errors_travel_and_iterators_are_rows():
    with pytest.raises(AnomalyError) as found, detect_anomaly():
        tn.log(Value(0.0))
    for twin in (copy.copy(found.value), pickle.loads(pickle.dumps(found.value))):
        assert (str(twin), twin.where, twin.operation) == (str(found.value), found.value.where, None)
    for backend in BACKENDS:
        f = tn.compile(lambda x, y: x * y, backend=backend)
        with detect_anomaly():
            assert f.batch(iter([[1.0, 2.0], [2.0, 3.0]])) == [2.0, 6.0]


def test_second_derivatives_are_named_by_the_users_line():
    z = Value(0.0)
    with pytest.raises(AnomalyError) as found, detect_anomaly():
        tn.grad(tn.grad(z**1.5, z, create_graph=True), z)
    assert "test_anomaly.py, line" in found.value.where


@pytest.mark.skipif("llvm" not in BACKENDS, reason="float32 needs llvmlite")
def test_gradients_that_overflow_in_float32_leave_parameters_alone():
    model = tn.MLP.from_weights([[[1e30]]], [[0.0]])
    f = tn.compile(lambda x: model([x]) * x * 1e10, backend="llvm", dtype="float32")
    with pytest.raises(AnomalyError), detect_anomaly():
        f.value_and_grad(1.0)
    assert [p.grad for p in model.parameters()] == [0.0, 0.0]


class Told(Watcher):
    """Who lets everything be as it is, and keeps what it was told of."""

    def __init__(self):
        self.results = []

    def recorded(self, result):
        self.results.append(result)


def all_that_is_told():
    """All that a watcher is told of or asked, and what comes of it."""
    x, f = Value(2.0), tn.compile(lambda a: a * a)
    y = x * x + 1.0
    y.backward()
    optimizer = tn.SGD([x], lr=0.1)
    optimizer.step()
    with tn.no_grad():
        z = x * 3.0
    found = [y < z, x > 5, z.data, y.data, x.data, tn.grad(y, x), tn.derivative(lambda a: a**3, x).data]
    found += [tn.jvp(lambda a: [a[0] * a[1]])([1.0, 2.0], [0.0, 1.0]), f(3.0), f.grad(3.0), f.batch([[1.0], [2.0]])]
    step = tn.compile_step(lambda a: x * a, "squared_error", optimizer, backend="python")
    return [*found, step([1.0], [2.0]), x.data]


def test_a_watcher_of_nothing_changes_nothing():
    with watched(Told()):
        found = all_that_is_told()
    assert found == all_that_is_told()


def test_a_watcher_is_told_of_every_result():
    told = Told()
    with watched(told):
        x = Value(2.0)
        made = [x + 1.0, x * x, tn.exp(x), *tn.MLP(2, [2, 1])([x, x * 3.0]).operands]
    assert all(any(result is each for each in told.results) for result in made if result.op is not None)
    assert all(result.op is not None and math.isfinite(result.data) for result in told.results)
    numbers = [result.number for result in told.results]
    assert numbers == sorted(set(numbers))


def test_the_side_of_where_that_is_not_taken_is_no_anomaly():
    x = tn.Value(0.0)
    y = tn.where(tn.Value(0.0), tn.sqrt(x), 2.0 * x)
    with tn.detect_anomaly():
        y.backward()
        tn.where(tn.Value(0.0), tn.sqrt(x), 2.0 * x).backward()
    assert x.grad == 4.0


@pytest.mark.parametrize("f", [
    lambda x: tn.where(x > 0, tn.sqrt(x), 2.0 * x), lambda x: tn.norm([x, 0.0]) + x, lambda x: tn.std([x, 0.0]) + x,
    lambda x: tn.detach(tn.sqrt(x)) + 2.0 * x,
])  # fmt: skip
def test_what_gets_no_gradient_raises_no_alarm(f):
    """An infinite slope behind the side that `where` does not take, or behind a constant, is multiplied by nothing."""
    with tn.detect_anomaly():
        x = Value(0.0)
        y = f(x)
        y.backward()
        assert x.grad == tn.grad(y, x) == tn.jvp(f)(0.0, 1.0)[1] > 0.0

"""What a value answers when Python asks it for its number, its truth or its text: recorded, and while it is traced."""

import copy
import math
import random
from typing import Any

import c_files
import pytest
from shared import needed, same

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.compiler.paths import PathError
from tinygrad_nn.compiler.tracing.traced import TraceError

BACKENDS = ["eager", "python", "llvm"]
SQUARED = tn.losses.squared_error


def trained(backend, loss, X, Y, model=None, epochs=2, batch_size=1, **options):
    """The losses of a run, and the weights after it."""
    w = [Value(0.5), Value(-0.25)]
    model = model or (lambda x, w: w[0] * x[0] + w[1])
    history = tn.fit(
        lambda x: model(x, w), X, Y, loss, tn.SGD(w, lr=0.05),
        epochs=epochs, batch_size=batch_size, backend=needed(backend), shuffle=False, progress=False, **options,
    )  # fmt: skip
    return [*history.losses, *(v.data for v in w)]


def agree(loss, X, Y, model=None, native=True, **options):
    """The same run on every back end: in bits on Python, within rounding in machine code."""
    recorded = trained("eager", loss, X, Y, model, **options)
    assert trained("python", loss, X, Y, model, **options) == recorded
    assert all(map(math.isfinite, recorded))
    if native and pytest.importorskip("llvmlite"):
        assert trained("llvm", loss, X, Y, model, **options) == pytest.approx(recorded, rel=1e-12)


def sinc(x):
    return 1.0 if x == 0 else tn.sin(x) / x


@pytest.mark.parametrize("backend", ["recorded", "python", "array", "llvm"])
def test_sinc_is_one_at_zero_everywhere(backend):
    points = [0.0, -0.0, 1.0, -2.5, *[0.0, 0.5] * 20]
    right = [sinc(x) for x in points]
    slopes = [0.0 if x == 0 else math.cos(x) / x - math.sin(x) / x**2 for x in points]
    if backend == "recorded":
        values = [Value(x) for x in points]
        found = [sinc(value) for value in values]
        for result in found:
            if isinstance(result, Value):
                result.backward()
        assert [result.data if isinstance(result, Value) else result for result in found] == right
        assert [value.grad for value in values] == pytest.approx(slopes, abs=1e-15)
        return
    f = tn.compile(sinc, backend=needed(backend))
    assert [f(x) for x in points] == pytest.approx(right, rel=1e-15)
    assert f.batch([[x] for x in points]) == pytest.approx(right, rel=1e-15)
    assert [f.grad(x)[0] for x in points] == pytest.approx(slopes, abs=1e-15)
    values, flows = f.batch([[x] for x in points], gradients=True)
    assert values == pytest.approx(right, rel=1e-15)
    assert [flow for (flow,) in flows] == pytest.approx(slopes, abs=1e-15)


@c_files.needs_cc
def test_sinc_in_c(tmp_path):
    f = tn.compile(sinc)
    f(0.0), f(1.0)
    loaded = c_files.library(f.source("c"), tmp_path)
    assert [c_files.called(loaded, "sinc", [x])[0] for x in (0.0, -0.0, 1.0)] == pytest.approx([1.0, 1.0, sinc(1.0)])


def test_a_value_equals_its_number_and_otherwise_itself():
    numpy = pytest.importorskip("numpy")
    a, b, nan = Value(2.0), Value(2.0), Value(math.nan)
    assert a == 2
    assert a == 2.0
    assert a == 2.0
    assert a != 3
    assert a == numpy.float64(2)
    assert numpy.float64(2) == a
    assert numpy.float64(2) == a
    assert numpy.int64(3) != a
    assert a == numpy.int64(2)
    assert a == a
    assert a == a
    assert a != b
    assert a != b
    assert nan != nan
    assert nan != nan
    assert nan != math.nan
    assert a != "2"
    assert a is not None
    assert a != [2.0]
    assert len({a, b, a}) == 2
    assert {a: 1, b: 2}[b] == 2
    assert [a, b].index(b) == 1
    assert b not in [a]
    assert 2.0 in [a]
    assert [a, b] == [a, b]
    assert [a] != [b]
    assert Value(1.0) in [0.5, 1.0]
    assert (a * b) == 4.0
    assert a**2 + b != 5.0


@pytest.mark.parametrize(
    "ask", [bool, lambda v: v or 1.0, lambda v: not v, lambda v: any([v]), lambda v: 1 if v else 0]
)
def test_a_value_is_neither_true_nor_false(ask):
    for asked in (lambda: ask(Value(1.0)), lambda: ask(Value(1.0) * 2.0), lambda: tn.compile(ask)(1.0)):
        with pytest.raises(TypeError, match=r"write v != 0 for its number, or v is not None"):
            asked()


def test_recorded_and_compiled_steps_branch_alike_on_values():
    seen = set()

    def model(x, w):
        p = tn.relu(w[0] * x[0] + w[1]) if w[0] == 0.5 else w[0] * x[0]
        seen.add(w[0] == 0.5)
        return p

    def loss(p, t):
        seen.add("zero" if p == 0 else "one" if p == 1.75 else "other")
        if p == 0:
            return (p - 3.0) ** 2
        return abs(p - t) if p != p or p == 1.75 else (p - t) ** 2

    agree(loss, [[4.0], [0.25], [0.5], [4.0]], [1.75, 1.0, 2.0, 1.0], model)
    assert seen == {True, False, "zero", "one", "other"}


def test_two_traced_values_are_not_compared_by_equality():
    w = Value(1.0)
    for compare in (
        lambda x, y: x if x == y else y, lambda x, y: x if x != y + 1.0 else y, lambda x, y: x if x == w else y,
        lambda x, y: x if w == x else y, lambda x, y: x if x in [y] else y,
    ):  # fmt: skip
        with pytest.raises(TraceError, match=r"write a is b for that, or a - b == 0"):
            tn.compile(compare)(1.0, 2.0)
    f = tn.compile(lambda x, y: (0.0 if x != x else 1.0) + (2.0 if w == w else 4.0) + (8.0 if x - y == 0 else 16.0))
    assert (f(math.nan, 1.0), f(1.0, 1.0), f(2.0, 1.0)) == (18.0, 11.0, 19.0)
    w.data = math.nan  # v == v of a captured Value is a branch, too
    assert f(1.0, 1.0) == 13.0


TABLE = [0.5, 1.0, 2.0, 4.0, 8.0]


def matched(t):
    match t:
        case 0 | 1:
            return 2.0
        case float(found) if found > 2:
            return 0.25
        case _:
            return 1.0


def or_of_zero(compute, t):
    try:
        return 1.0 + min(abs(compute(t)), 2.0)
    except ZeroDivisionError:
        return 0.5


ON_DATA = {
    "equal": lambda t: 2.0 if t == 1 else 0.5,
    "unequal": lambda t: 2.0 if t != 1.0 and t > -2 else 0.5,
    "truth": lambda t: 2.0 if t else 0.5,
    "not": lambda t: 2.0 if not t else 0.5,
    "or": lambda t: 1.0 + abs(t or 7.0),
    "and": lambda t: 3.0 if t == 1 and t == t else 1.0,
    "bool": lambda t: 1.0 + bool(t),
    "int": lambda t: TABLE[int(t) % 5],
    "trunc": lambda t: TABLE[math.trunc(t) % 5],
    "floor": lambda t: TABLE[math.floor(t) % 5],
    "ceil": lambda t: TABLE[math.ceil(t) % 5],
    "round": lambda t: TABLE[round(t) % 5],
    "digits": lambda t: 1.0 + abs(round(t, 1)),
    "float": lambda t: 1.0 + math.exp(float(t)),
    "math": lambda t: 1.0 + math.copysign(0.5, t),
    "in": lambda t: 2.0 if t in (0, 1) else 0.5,
    "in a set": lambda t: 2.0 if t in {0.0, 1.0} else 0.5,
    "dictionary": lambda t: {0.0: 2.0, 1: 3.0}.get(t, 1.0),
    "near": lambda t: 2.0 if abs(t - 1) < 0.5 else 0.5,
    "computed": lambda t: 2.0 if 2 * t + 1 == 3 else 0.5,
    "least": lambda t: 3.0 + min(t, 1.0) + max(0.0, t),
    "sorted": lambda t: 3.0 + sorted([t, 0.5, -0.5])[1],
    "match": matched,
    "remainder": lambda t: 2.0 if t % 2 == 1 else 1.0 + t // 2 + divmod(7.0, 2.0 + abs(t))[0],
    "whole": lambda t: 2.0 if t.is_integer() else 1.0,
    "kind": lambda t: 2.0 if isinstance(t, float) else 1.0,
    "attribute": lambda t: 2.0 if hasattr(t, "data") or hasattr(t, "grad") or hasattr(t, "backward") else 1.0,
    "copy": lambda t: 1.0 + copy.copy(t) * copy.deepcopy([t])[0],
    "range": lambda t: 1.0 + sum(range(int(abs(t)))),
    "caught": lambda t: 2.0 if math.isnan(t) else 1.0,
    "text of int": lambda t: {"0": 2.0, "1": 3.0}.get(str(int(t)), 1.0),
    "sum": lambda t: 5.0 + sum([t, 1]),
    "divided": lambda t: or_of_zero(lambda t: 2.0 / t, t),
    "divided by data": lambda t: or_of_zero(lambda t: t / (t - 1.0), t),
    "reciprocal": lambda t: or_of_zero(lambda t: t**-1, t),
    "reciprocal of a base": lambda t: or_of_zero(lambda t: 0.0**t, t),
    "power of a base": lambda t: 2.0 if isinstance((-2.0) ** t, complex) else 1.0,
    "power of data": lambda t: or_of_zero(lambda t: t ** (t + 1.0), t),
    "root": lambda t: 2.0 if isinstance(t**0.5, complex) else 1.0 + t**0.5,
}  # fmt: skip
LABELS = [0.0, 1.0, -1.0, 2.0, -2.0, 1.5, -1.5, 0.5, -0.5, 2.5, -0.0, 0.25]
IN_MACHINE_CODE = ("equal", "truth", "int", "dictionary", "divided")


@pytest.mark.parametrize("native", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", ON_DATA)
def test_targets_and_inputs_are_data(name, native):
    weight, native = ON_DATA[name], native or name in IN_MACHINE_CODE
    X = [[0.25 * k - 1.0] for k in range(len(LABELS))]
    agree(lambda p, t: weight(t) * (p - t) ** 2, X, LABELS, native=native)
    model = lambda x, w: weight(x[0]) * w[0] + w[1] * x[0]  # noqa: E731
    agree(SQUARED, [[x] for x in LABELS], LABELS, model, native)


@pytest.mark.parametrize("backend", ["eager", "python"])
def test_entries_of_arrays_are_divided_as_numpy_divides(backend):
    np = pytest.importorskip("numpy")
    w = Value(0.5)
    with np.errstate(divide="ignore"):
        history = tn.fit(
            lambda x: w * tn.minimum(1.0 / x[0], 3.0), np.array([[0.0], [2.0]]), [1.0, 2.0], loss=SQUARED,
            optimizer=tn.SGD([w], lr=0.01), epochs=1, batch_size=2, shuffle=False, progress=False, backend=backend,
        )  # fmt: skip
    assert history.losses == [((1.5 - 1.0) ** 2 + (0.25 - 2.0) ** 2) / 2]


@pytest.mark.parametrize("backend", BACKENDS)
def test_metrics_and_validation_see_data_too(backend):
    def loss(p, t):
        return (p - t[0]) ** 2 if t[0] == t[1] else TABLE[int(t[1])] * abs(p - t[0])

    def first(p, t):
        return float(t[0])

    def wanted(p, t):
        return 1.0 if t[1] else abs(p)

    X, Y = [[0.5], [1.0], [2.0], [-1.0]], [[1.0, 1.0], [0.0, 1.0], [1.0, 0.0], [0.0, 0.0]]
    found = []
    for kind in ("eager", backend):
        w = Value(0.5)
        history = tn.fit(
            lambda x, w=w: w * x[0], X, Y, loss, tn.SGD([w], lr=0.1), epochs=2, backend=needed(kind), metrics=first,
            validation=(X, Y), until=(wanted, 0.0), shuffle=False, progress=False,
        )  # fmt: skip
        found.append((history.losses, dict(history.metrics)))
    assert found[1][0] == pytest.approx(found[0][0])
    assert {"first", "wanted", "validation loss"} <= set(found[0][1])
    for name, numbers in found[0][1].items():
        assert found[1][1][name] == pytest.approx(numbers), name


def test_what_a_step_computes_from_values_is_a_value():
    def model(x, w):
        h = w[0] * x[0] if not isinstance(x[0], Value) else w[1]
        kinds = isinstance(h, Value), isinstance(h, float), isinstance(h, tn.Module), h.op is None
        assert kinds == (True, False, False, False)
        return h * (2.0 if isinstance(h, Value) else 1.0) + w[1]

    agree(lambda p, t: tn.losses.huber(p if isinstance(p, Value) else p * 3.0, t), [[1.0], [2.0]], [1.0, 0.5], model)


def test_more_classes_than_paths_name_what_is_one_path():
    rows = [[0.1]] * 20
    with pytest.raises(PathError, match=r"tn.take\(values, t\) for values\[int\(t\)\]"):
        trained("python", lambda p, t: list(range(20))[int(t)] * p, rows, [float(k) for k in range(20)])
    with pytest.raises(TraceError, match=r"tn.take\(values, t\), which is one path"):
        trained("python", lambda p, t: TABLE[t] * p, rows[:2], [0.0, 1.0])


SWALLOWED: dict[str, Any] = {
    "index": lambda v: TABLE[v],
    "float": float,
    "int": int,
    "truth": bool,
    "hash": lambda v: {1.0: 2.0}[v],
    "text": str,
    "format": lambda v: float(f"{v:.3f}"),
    "f-string": lambda v: {"1.0": 1.0}[f"{v}"],
    "data": lambda v: v.data,
    "grad": lambda v: v.grad,
    "equality": lambda v: 1.0 / (v == v + 1.0),
    "backward": lambda v: v.backward(),
    "copy": lambda v: copy.copy(v),
    "round": round,
    "floor": math.floor,
    "predict": lambda v: tn.MLP(1, [1]).predict([1.0]),
    "array": lambda v: pytest.importorskip("numpy").asarray([v], dtype=float)[0],
}


@pytest.mark.parametrize("name", SWALLOWED)
def test_a_refusal_that_is_caught_is_no_refusal_less(name):
    asked = SWALLOWED[name]

    def weight(v):
        try:
            return asked(v)
        except Exception:
            return 1.0

    def other_error(v):
        try:
            return asked(v)
        except TypeError:
            raise KeyError("nothing") from None

    for function in (weight, other_error):
        with pytest.raises(TraceError, match=r"\.py:\d+\); the error was caught"):
            tn.compile(lambda x, function=function: x * function(2.0 * x))(1.0)

    w = Value(0.5)
    for step in (
        tn.compile_step(
            lambda x: w * x[0], lambda p, t: weight(p) * (p - t) ** 2, tn.SGD([w], lr=0.1), backend="python"
        ),
        tn.compile_step(lambda x: weight(w * x[0]) * w, SQUARED, tn.SGD([w], lr=0.1), backend="python"),
    ):
        with pytest.raises(TraceError, match="the error was caught"):
            step([[1.0]], [1.0])
    assert w.data == 0.5


@pytest.mark.parametrize("name", ["real", "imag", "is_integer", "hex", "as_integer_ratio"])
def test_what_only_floats_have_is_refused_where_values_may_come(name):
    with pytest.raises(TraceError, match="is of plain numbers"):
        tn.compile(lambda x: x if hasattr(x, name) else 2.0 * x)(1.0)


def test_a_refusal_inside_an_update_is_remembered():
    class Guessing(tn.SGD):
        def update(self, parameter, gradient, state, lr, step):
            try:
                size = math.sqrt(gradient * gradient)
            except TypeError:
                size = 1.0
            return parameter - lr * gradient / size, state

    w = Value(1.0)
    with pytest.raises(TraceError, match=r"tn.exp\(v\).*the error was caught"):
        tn.compile_step(lambda x: w * x[0], SQUARED, Guessing([w], lr=0.1), backend="python")([[1.0]], [0.0])


def test_asking_what_a_value_is_refuses_nothing():
    def function(x):
        kinds = hasattr(x, "__len__"), getattr(x, "shape", 1.0), isinstance(x, int | str | list), callable(x), repr(x)
        assert kinds[:4] == (False, 1.0, False, False)
        return tn.maximum(x, 1.0) * tn.mean([x, 2.0]) + tn.losses.squared_error([x, x], [1.0, 2.0])

    assert tn.compile(function)(2.0) == function(2.0)


CONDITIONS = ["t == {k}", "t != {k}", "t", "not t", "int(t) == {k}", "round(t) > {k}", "t in ({k}, 0.5)",
              "t % 2 == {k}", "abs(t - {k}) < 0.75", "x[0] > t", "x[1] == {k}", "math.floor(x[1]) < {k}",
              "p > {k}", "p == {k}", "p != p", "p * t <= {k}", "isinstance(t, float) and t", "t or x[0]"]  # fmt: skip
RESULTS = ["(p - t) ** 2", "abs(p - t)", "{k}.5 * p", "tn.tanh(p) * t + p * p", "table[int(t) % 4] * p * p",
           "max(t, {k}) * (p - 1.0) ** 2", "round(x[1]) * p", "sorted([t, x[0], 0.5])[1] * p"]  # fmt: skip


def drawn(rng):
    """The text of a loss with two or three branches on data and on the prediction."""
    lines = ["def loss(p, t, x, table):"]
    for _ in range(rng.randint(1, 3)):
        condition = rng.choice([" and ", " or "]).join(rng.sample(CONDITIONS, rng.randint(1, 2)))
        if "p" in condition or "x" in condition or "t" in condition:
            lines.append(f"    if {condition}:\n        return {rng.choice(RESULTS)}")
    lines.append(f"    return {rng.choice(RESULTS)}")
    return "\n".join(line.replace("{k}", str(rng.randint(-1, 2))) for line in lines)


@pytest.mark.parametrize("seed", [*range(12), *[pytest.param(k, marks=pytest.mark.slow) for k in range(12, 200)]])
def test_random_losses_with_branches_on_data(seed):
    rng = random.Random(seed)
    text = drawn(rng)
    space: dict[str, Any] = {"tn": tn, "math": math}
    exec(text, space)
    written = space["loss"]
    X = [[rng.choice([-1.5, -1.0, 0.0, 0.5, 1.0, 2.0]), rng.choice([-2.0, -0.5, 0.0, 1.0])] for _ in range(6)]
    Y = [rng.choice([-1.0, 0.0, 0.5, 1.0, 2.0]) for _ in X]
    found, batch_size = [], rng.choice([1, 3])
    for backend in BACKENDS:
        needed(backend)
        w = [Value(0.5), Value(-0.25)]
        model = lambda x, w=w: [w[0] * x[0] + w[1] * x[1], x]  # noqa: E731
        loss = lambda p, t: written(p[0], t, p[1], TABLE)  # noqa: E731
        history = tn.fit(
            model, X, Y, loss, tn.SGD(w, lr=0.05), 2, batch_size, backend=backend, shuffle=False, progress=False
        )
        found.append([*history.losses, *(v.data for v in w)])
    assert batch_size > 1 or all(map(same, found[0], found[1])), text
    assert found[1] == pytest.approx(found[0], rel=1e-12, nan_ok=True), text
    assert found[2] == pytest.approx(found[0], rel=1e-10, abs=1e-12, nan_ok=True), text

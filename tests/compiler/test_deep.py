"""Deep and narrow networks: what compiling takes grows with the program alone, and cut functions give its numbers."""

import random
import re
import signal
import threading

import pytest

import tinygrad_nn as tn
from tinygrad_nn.compiler.backends.llvm import engine as native
from tinygrad_nn.compiler.backends.llvm import long_functions as parts
from tinygrad_nn.compiler.loops import clusters
from tinygrad_nn.compiler.loops.roll import rolled
from tinygrad_nn.training.steps.engines import native_text

pytest.importorskip("llvmlite", reason="llvmlite is not installed")


def network(depth, width=4, activation="tanh"):
    return tn.MLP(width, [width] * depth, activation, rng=random.Random(depth))


def total_of(model):
    return lambda x: sum(model(x))


def step_of(model, backend="llvm", **options):
    optimizer = tn.SGD(model.parameters(), lr=0.01, momentum=0.5)
    return tn.compile_step(model, tn.losses.squared_error, optimizer, backend=backend, **options)


def data(rows, width=4):
    rng = random.Random(1)
    return [[rng.uniform(-1, 1) for _ in range(width)] for _ in range(rows)], [[0.5] * width] * rows


@pytest.fixture
def texts(monkeypatch):
    """The texts that were to be compiled, which are not."""
    found = []

    def kept(text):
        found.append(text)
        raise RuntimeError("enough")

    monkeypatch.setattr(native, "_engine", kept)
    return found


def functions(text):
    """The length of each function of a text."""
    return [body.count("\n") for body in re.findall(r"^define .*?^}", text, flags=re.S | re.M)]


@pytest.mark.parametrize("batch", [1, 16])
def test_functions_of_machine_code_are_of_bounded_length(texts, batch):
    lengths = []
    for depth in (20, 40):
        with pytest.raises(RuntimeError, match="enough"):
            step_of(network(depth)).run(*data(16), epochs=1, batch_size=batch)
        f = tn.compile(total_of(network(depth)), backend="llvm")
        with pytest.raises(RuntimeError, match="enough"):
            f.batch([[row] for row in data(16)[0]], gradients=True)
        lengths.append([max(functions(text)) for text in texts[-2:]])
    assert all(longest < 2 * parts.LONGEST_FUNCTION for each in lengths for longest in each)
    assert max(b / a for a, b in zip(*lengths, strict=True)) < 1.5  # of twice the depth


CASES = [(a, b, d) for a in ("tanh", "relu") for b in (1, 5, 20) for d in ("float64", "float32")]
FEW = [("tanh", 20, "float64"), ("relu", 5, "float32"), ("tanh", 1, "float64")]


@pytest.mark.parametrize(
    ("activation", "batch", "dtype"),
    [pytest.param(*case, marks=() if case in FEW else pytest.mark.slow) for case in CASES],
)
def test_cut_functions_train_as_whole_ones(monkeypatch, activation, batch, dtype):
    """The same losses and weights to the bit, whether the loops of a step stand in one function or in many."""
    X, Y = data(20)
    found = []
    for longest, part in ((10**9, 10**9), (50, 20)):
        monkeypatch.setattr(parts, "LONGEST_FUNCTION", longest)
        monkeypatch.setattr(parts, "PART", part)
        native.native.cache_clear()
        native_text.TEXTS.clear()
        model = network(3, activation=activation)
        step = step_of(model, dtype=dtype)
        history = step.run(X, Y, epochs=4, batch_size=batch)
        found.append((history.losses, [p.data for p in model.parameters()], step.source("llvm").count("noinline {")))
    whole, cut = found
    assert cut[2] > whole[2] + 2
    assert cut[:2] == whole[:2]


def test_cut_functions_with_kept_rows_and_products_train_as_whole_ones(monkeypatch):
    """Layers wide enough for products of matrices, and more rows than a chunk has."""
    rng = random.Random(0)
    X = [[rng.uniform(-1, 1) for _ in range(9)] for _ in range(150)]
    Y = [rng.choice([-1.0, 1.0]) for _ in X]
    found = []
    for longest, part in ((10**9, 10**9), (50, 20)):
        monkeypatch.setattr(parts, "LONGEST_FUNCTION", longest)
        monkeypatch.setattr(parts, "PART", part)
        native.native.cache_clear()
        native_text.TEXTS.clear()
        model = tn.MLP(9, [17, 9, 1], "relu", rng=random.Random(3))
        step = tn.compile_step(model, tn.losses.hinge, tn.Adam(model.parameters(), lr=0.01), backend="llvm")
        losses = step.run(X, Y, epochs=3, batch_size=150).losses
        found.append((losses, [p.data for p in model.parameters()]))
    assert found[0] == found[1]


def test_cut_functions_compute_as_whole_ones(monkeypatch):
    X, _ = data(11)
    model = network(4)
    rows = [[row] for row in X]
    found = []
    for longest, part in ((10**9, 10**9), (30, 10)):
        monkeypatch.setattr(parts, "LONGEST_FUNCTION", longest)
        monkeypatch.setattr(parts, "PART", part)
        native.native.cache_clear()
        native_text.TEXTS.clear()
        f = tn.compile(lambda x: sum(model(x)) * 2.0 if x[0] > 0.0 else sum(model(x)), backend="llvm")
        values, gradients = f.batch(rows, gradients=True)
        found.append((list(map(float, values)), repr(gradients), f(X[0]), f.grad(X[1])))
    assert found[0] == found[1]
    plain = [sum(model(x)) * 2.0 if x[0] > 0.0 else sum(model(x)) for x in X]
    assert found[1][0] == pytest.approx([value.data for value in plain], rel=1e-12)


@pytest.mark.slow
def test_a_hundred_layers_train_as_on_python():
    """Whole, it took 24 s and four times as long for twice the depth."""
    X, Y = data(8)
    losses = []
    for backend in ("llvm", "python"):
        losses.append(step_of(network(100), backend).run(X, Y, epochs=3, batch_size=8).losses)
    assert losses[0] == pytest.approx(losses[1], rel=1e-9)


def test_ctrl_c_is_heard_while_machine_code_is_made(monkeypatch):
    if not hasattr(signal, "pthread_kill"):
        pytest.skip("this system sends no signals to threads")
    begun, over = threading.Event(), threading.Event()
    make = native._engine

    def long(text):
        begun.set()
        assert over.wait(60.0)
        return make(text)

    def interrupt():
        begun.wait(60.0)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    monkeypatch.setattr(native, "LONGEST_TEXT", 0)
    monkeypatch.setattr(native, "_engine", long)
    native.native.cache_clear()
    model = network(2)
    before = [p.data for p in model.parameters()]
    step = step_of(model)
    asking = threading.Thread(target=interrupt)
    asking.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            step(*data(8))
    finally:
        over.set()
        asking.join()
    assert [p.data for p in model.parameters()] == before
    monkeypatch.setattr(native, "_engine", make)
    step(*data(8))  # the next one compiles, and is made
    assert [p.data for p in model.parameters()] != before


def test_sinking_looks_at_each_array_a_few_times():
    """Which arrays are read elsewhere is one set, and not one for each group."""

    class Counted(set):
        made = 0

        def __or__(self, other):
            Counted.made += 1
            return set(self) | set(other)

    model = network(12)
    f = tn.compile(total_of(model), backend="python")
    f([0.1, 0.2, 0.3, 0.4])
    flat = f.program.flat
    groups = rolled(flat, flat.body).groups
    clusters.clusters(groups, Counted(), set())
    assert len(groups) > 20
    assert Counted.made <= 2

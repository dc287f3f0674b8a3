"""The text of steps in machine code: layers and batches of any width, parameters in any order, updates of any kind."""

import copy
import random
import tracemalloc

import pytest
from shared import half_adder
from training import (
    X,
    Y,
    all_near,
    eager,
    l2,
    native_step,
    numbers,
)

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.compiler.backends.llvm.row_sums import RowSums
from tinygrad_nn.compiler.loops.groups import Repeated
from tinygrad_nn.training.steps.engines import native_text

pytest.importorskip("numpy", reason="numpy is not installed")


pytest.importorskip("llvmlite", reason="llvmlite is not installed")


def test_the_program_and_the_source_show():
    model = half_adder()
    step = native_step(model, "squared_error", tn.SGD(model.parameters(), lr=0.1, momentum=0.5))
    with pytest.raises(ValueError, match="no program yet"):
        step.source()
    step(X, Y)
    assert "define void @run(" in step.source()
    assert "z1.1 = dot" in str(step.program)
    with pytest.raises(ValueError, match="runs on 'llvm', so its source is not in 'python'"):
        step.source("python")


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("widths", [[40, 37, 3], [64, 3], [3, 129, 16, 3]])
@pytest.mark.parametrize("batch_size", [1, 5, 130])
def test_wide_layers_fill_vectors_and_what_is_left_over(widths, dtype, batch_size):
    rng = random.Random(7)
    X = [[rng.gauss(0.0, 1.0) for _ in range(41)] for _ in range(130)]
    Y = [rng.randrange(3) for _ in X]
    models = [tn.MLP(41, widths, "tanh", rng=random.Random(2)) for _ in range(2)]
    optimizers = [tn.SGD(model.parameters(), lr=0.05, momentum=0.5) for model in models]
    step, bound = (
        native_step(models[1], "cross_entropy", optimizers[1], dtype=dtype),
        1e-11 if dtype == "float64" else 1e-4,
    )
    for k in range(2):
        rows, targets = X[k * batch_size :][:batch_size] or X, Y[k * batch_size :][:batch_size] or Y
        told = eager(models[0], tn.losses.cross_entropy, optimizers[0], rows, targets, None)
        all_near(step(rows, targets), told, bound)
    all_near(numbers(optimizers[1]), numbers(optimizers[0]), bound)


def test_a_prediction_that_no_row_changes():
    """The slope of the weight is computed once, before the rows, and read by the sums over them."""
    weights = [Value(0.5), Value(0.5)]
    optimizers = [tn.SGD([weight], lr=0.1) for weight in weights]
    step = native_step(lambda x: tn.tanh(weights[1]), "squared_error", optimizers[1])
    X, Y = [[1.0], [2.0]], [0.0, 0.25]
    all_near(step(X, Y), eager(lambda x: tn.tanh(weights[0]), tn.losses.squared_error, optimizers[0], X, Y))
    all_near(numbers(optimizers[1]), numbers(optimizers[0]))


@pytest.mark.parametrize("trained", [None, 100, 200])
def test_parameters_in_another_order_are_found_by_a_table(trained):
    """Shuffled or pruned, the gradients do not lie in loops: compiling them one by one took half a minute."""
    rng = random.Random(5)
    X = [[rng.gauss(0.0, 1.0) for _ in range(16)] for _ in range(21)]
    Y = [rng.randrange(4) for _ in X]
    models = [tn.MLP(16, [16, 4], "tanh", rng=random.Random(2)) for _ in range(2)]
    order = random.Random(3).sample(range(340), 340)[:trained]
    optimizers = [tn.SGD([model.parameters()[i] for i in order], lr=0.1, momentum=0.5) for model in models]
    step = native_step(models[1], "cross_entropy", optimizers[1], l2)
    for size in (21, 1):
        told = eager(models[0], tn.losses.cross_entropy, optimizers[0], X[:size], Y[:size], l2)
        all_near(step(X[:size], Y[:size]), told)
    all_near([p.data for p in models[1].parameters()], [p.data for p in models[0].parameters()])
    assert len(step.source("llvm").splitlines()) < 5000


class OfLists(tn.optim.Optimizer):
    """A user's own: it calls a function of lists, and reads a Value that it keeps."""

    initial_state = ()

    def __init__(self, parameters, lr, keeps):
        super().__init__(parameters, lr)
        self.kept = Value(0.5) if keeps else 0.5

    def update(self, parameter, gradient, state, lr, step):
        limited = self.kept * gradient if isinstance(self.kept, Value) else tn.logsumexp([gradient, parameter, 0.0])
        return parameter - lr * limited, ()


@pytest.mark.parametrize("keeps", [False, True])
def test_updates_that_machine_code_has_no_words_for_run_on_python(keeps):
    model = half_adder()
    step = tn.compile_step(model, "squared_error", OfLists(model.parameters(), 0.1, keeps))
    step(X, Y)
    assert step.backend == "python"
    with pytest.raises(TypeError, match="give backend='python'"):
        native_step(model, "squared_error", OfLists(model.parameters(), 0.1, keeps))(X, Y)


def test_steps_of_an_optimizer_whose_parameters_were_taken_away_are_python_s():
    model = half_adder()
    optimizer = tn.SGD(model.parameters(), lr=0.1)
    optimizer.parameters, optimizer.state = [], []
    step = tn.compile_step(model, "squared_error", optimizer)
    step(X, Y)
    assert step.run(X, Y, epochs=2, batch_size=3).stopped == "epochs"
    assert (step.backend, optimizer.steps) == ("python", 2 * 2 + 1)
    with pytest.raises(TypeError, match="without parameters"):
        native_step(model, "squared_error", optimizer)(X, Y)


class Recurrent(tn.Module):
    """h = tanh(W h + u x) over a row, and a layer of eight on the last h."""

    def __init__(self, units, rng):
        self.W = [[Value(rng.gauss(0.0, 0.3)) for _ in range(units)] for _ in range(units)]
        self.u = [Value(rng.gauss(0.0, 0.3)) for _ in range(units)]
        self.V = [[Value(rng.gauss(0.0, 0.3)) for _ in range(units)] for _ in range(8)]

    def __call__(self, xs):
        h = [0.0] * len(self.u)
        for x in xs:
            h = [tn.tanh(tn.dot(w, h, u * x)) for w, u in zip(self.W, self.u, strict=True)]
        return tn.sum([tn.tanh(tn.dot(v, h)) for v in self.V])


@pytest.mark.parametrize("deep", [True, False], ids=["layers", "time"])
def test_layers_that_are_alike_keep_factors_and_iterations_over_time_are_a_loop(deep, monkeypatch):
    """A loop over layers would keep each product of a weight's gradient for each row, which took half as long again."""
    made = list[RowSums]()

    def sums(*given):
        made.append(RowSums(*given))
        return made[-1]

    monkeypatch.setattr(native_text, "RowSums", sums)
    rng = random.Random(1)
    model = tn.MLP(30, [16] * 14 + [1], "tanh", rng=rng) if deep else Recurrent(16, rng)
    rows, targets = [[rng.gauss(0.0, 1.0) for _ in range(30)] for _ in range(9)], [0.5] * 9
    twin = copy.deepcopy(model)
    optimizer, its = (tn.SGD(m.parameters(), lr=0.01, momentum=0.5) for m in (model, twin))
    step = native_step(model, "squared_error", optimizer)
    for _ in range(2):
        assert step(rows, targets) == pytest.approx(eager(twin, tn.losses.squared_error, its, rows, targets), rel=1e-9)
    all_near(numbers(optimizer), numbers(its), 1e-9)
    (only,) = made
    assert any(isinstance(group, Repeated) for group in only.roll.groups) is not deep
    if deep:
        assert sum(term.matrix(only.roll, only.full.lanes) is not None for term in only.terms) >= 14


def test_a_text_is_written_in_a_few_hundred_bytes_a_weight():
    """Most of them are what the trace knows of a weight: it was 1,100 once, ten times the network."""
    model = tn.MLP(60, [60, 1], "tanh", rng=random.Random(1))
    step = native_step(model, "squared_error", tn.SGD(model.parameters(), lr=0.1, momentum=0.5))
    X, Y = [[0.01 * k for k in range(60)]], [0.5]
    small = tn.MLP(3, [1], rng=random.Random(1))
    native_step(small, "squared_error", tn.SGD(small.parameters(), lr=0.1, momentum=0.5))([[0.1] * 3], Y)  # imports all
    tracemalloc.start()
    step(X, Y)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most / len(model.parameters()) < 800

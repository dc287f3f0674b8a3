"""Compiled steps and functions in many threads: no step is lost, no number wrong, nothing compiled twice at once."""

import copy
import gc
import pickle
import random
import sys
import threading
import time
from collections import Counter
from typing import Any

import pytest
from shared import needed

import tinygrad_nn as tn
from tinygrad_nn import Value

THREADS = 8
BACKENDS = ["python", "llvm"]


@pytest.fixture(autouse=True)
def eager_switches():
    """Threads that take turns as often as Python can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def in_threads(work):
    """What `work` gives in each of eight threads that begin at once; what one raised is raised here."""
    ready, found, failed = threading.Barrier(THREADS), [None] * THREADS, []

    def run(k):
        ready.wait()
        try:
            found[k] = work(k)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(k,)) for k in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return found


def trained(backend, activation="tanh"):
    model = tn.MLP(2, [3, 1], activation, rng=random.Random(0))
    optimizer = tn.SGD(model.parameters(), lr=0.01, momentum=0.5)
    return model, optimizer, tn.compile_step(model, "squared_error", optimizer, backend=backend)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("rows", [1, 3])
def test_every_step_counts_and_follows_another(backend, rows):
    """300 steps in each thread give the losses of 2,400 in one, and the same model."""
    needed(backend)
    X, Y = [[0.3, -0.4], [0.5, 0.1], [-0.7, 0.2]][:rows], [0.7, -0.2, 0.1][:rows]
    count = 300 if rows == 1 else 60
    model, optimizer, step = trained(backend)
    found = in_threads(lambda k: [step(X, Y) for _ in range(count)])
    alone, counted, again = trained(backend)
    wanted = [again(X, Y) for _ in range(THREADS * count)]
    assert optimizer.steps == counted.steps == THREADS * count
    assert Counter(loss for losses in found for loss in losses) == Counter(wanted)
    assert [p.data for p in model.parameters()] == [p.data for p in alone.parameters()]
    for losses in found:  # each thread saw them in their order
        assert [wanted.index(loss) for loss in losses] == sorted(wanted.index(loss) for loss in losses)


@pytest.mark.parametrize("backend", BACKENDS)
def test_runs_and_steps_take_turns(backend):
    needed(backend)
    X, Y = [[0.3, -0.4], [0.5, 0.1], [-0.7, 0.2]], [0.7, -0.2, 0.1]
    _, optimizer, step = trained(backend, "relu")
    in_threads(lambda k: step.run(X, Y, epochs=20, batch_size=1 + k % 3) if k % 2 else [step(X, Y) for _ in range(40)])
    assert optimizer.steps == 4 * 40 + 20 * (2 + 3 + 1 + 2)  # batches of 2, 1, 3 and 2 rows of the three


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_callback_may_call_the_step_that_calls_it(backend):
    needed(backend)
    _, optimizer, step = trained(backend)
    X, Y = [[0.3, -0.4], [0.5, 0.1]], [0.7, -0.2]
    inner: list[float] = []

    def progress(history):
        if len(inner) < 3:
            inner.append(step(X, Y))

    history = step.run(X, Y, epochs=500, batch_size=2, progress=progress)
    assert history.stopped == "epochs"
    assert optimizer.steps == 500 + len(inner)
    assert len(inner) >= 1


@pytest.mark.parametrize("backend", ["python", "array", "llvm"])
def test_functions_are_compiled_once_and_agree(backend):
    """Values first, so that all threads want the gradient of one path at once; then paths that none has taken."""
    needed(backend)
    rng = random.Random(1)
    for k in range(3):
        w = Value(0.5)

        def f(x, y, k=k, w=w):
            return tn.tanh(w * x + y * k) + (x * y if x > y else y - x) + tn.softmax([x, y, x * y])[1]

        compiled, alone = tn.compile(f, backend=backend), tn.compile(f, backend=backend)
        rows = [[rng.uniform(-2, 2), rng.uniform(-2, 2)] for _ in range(40)]
        compiled(*rows[0])

        def work(_, compiled=compiled, rows=rows):
            flows = [compiled.value_and_grad(*row) for row in rows[:10]]
            return flows, compiled.batch(rows), compiled.batch(rows, gradients=True)

        wanted = work(0, alone)
        assert all(found == wanted for found in in_threads(work))
        assert len(compiled.latest_paths()) == 2


@pytest.mark.parametrize("backend", BACKENDS)
def test_fits_of_one_model_at_once_end_well(backend):
    """Whose numbers stay is the user's matter; none is lost on the way to another's."""
    needed(backend)
    X, Y = tn.data.xor()
    model = tn.MLP(2, [3, 1], "tanh", rng=random.Random(0))

    def work(k):
        optimizer = tn.SGD(model.parameters(), lr=0.01)
        options: dict[str, Any] = {
            "epochs": 20,
            "progress": False,
            "rng": random.Random(k),
        }  # of its own, which nobody else draws from
        return tn.fit(model, X, Y, "squared_error", optimizer, backend=backend, **options)

    assert all(history.stopped == "epochs" for history in in_threads(work))
    assert all(-10.0 < p.data < 10.0 for p in model.parameters())


@pytest.mark.parametrize("backend", BACKENDS)
def test_fits_of_many_models_at_once_shuffle_by_one_generator(backend):
    """An order that one draws while another is traced is no draw of the traced model's."""
    needed(backend)
    X, Y = [[k / 100, 0.5 - k / 70] for k in range(100)], [k / 300 for k in range(100)]

    def work(k):
        model = tn.MLP(2, [4 + k, 1], "tanh", rng=random.Random(k))
        options = {"epochs": 3, "batch_size": 16, "progress": False, "backend": backend}
        return tn.fit(model, X, Y, "squared_error", tn.SGD(model.parameters(), lr=0.01), **options)

    assert all(len(history.losses) == 3 for history in in_threads(work))


@pytest.mark.parametrize("backend", ["python", "array", "llvm"])
def test_copies_compile_for_themselves(backend):
    needed(backend)
    f = tn.compile(tn.softplus, backend=backend)
    for _ in range(2):  # before it has run, and after
        for way in (copy.copy, copy.deepcopy, lambda g: pickle.loads(pickle.dumps(g))):
            assert way(f).backend == backend
            assert way(f).grad(0.0) == [0.5]
        f.batch([[1.0]] * 50)


@pytest.mark.parametrize("backend", BACKENDS)
def test_copies_of_steps_train_their_own_model(backend):
    needed(backend)
    _, optimizer, step = trained(backend)
    for _ in range(2):
        for way in (copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))):
            twin, steps = way(step), optimizer.steps
            assert twin([[1.0, 2.0]], [0.5]) == way(step)([[1.0, 2.0]], [0.5])
            assert (twin.recipe.optimizer.steps, optimizer.steps) == (steps + 1, steps)
        step([[1.0, 2.0]], [0.5])


def test_a_text_that_threads_want_at_once_is_compiled_once(monkeypatch):
    needed("llvm")
    from tinygrad_nn.compiler.backends.llvm import engine

    compiled, make = [], engine._engine

    def slowly(text):
        compiled.append(text)
        time.sleep(0.02)
        return make(text)

    monkeypatch.setattr(engine, "_engine", slowly)
    f = tn.compile(lambda x: x * 1.0625 - 0.03125, backend="llvm")
    f(1.0)
    (text,) = compiled
    engine.native.cache_clear()
    del f
    gc.collect()
    compiled.clear()
    found = in_threads(lambda k: engine.native(text, pointers=5))
    assert len(compiled) == 1
    assert len({id(each._engine) for each in found}) == 1

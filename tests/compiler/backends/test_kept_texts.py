"""What has the text of something that was compiled before is not compiled again: traced, printed and compared alone."""

import random

import pytest
from shared import needed
from training import l2

import tinygrad_nn as tn
from tinygrad_nn.support.source import kept_code

X = [[0.1 * i, 0.5 - 0.02 * i] for i in range(40)]
Y = [float(i % 2) for i in range(40)]


def own(prediction, target):
    return (prediction - target) ** 2 * 0.5


def model(seed):
    return tn.MLP(2, [4, 1], "tanh", rng=random.Random(seed))


def function(backend, seed):
    made = model(seed)

    def f(a, b):
        return made([a, b])

    compiled = tn.compile(f, backend=backend)
    return [*compiled.value_and_grad(0.5, -0.5)[1], *compiled.batch(X)]


def steps(backend, seed):
    made = model(seed)
    step = tn.compile_step(made, own, tn.SGD(made.parameters(), lr=0.1), l2, backend=backend)
    return [step(X, Y), step(X[:1], Y[:1])]


def fit(backend, seed):
    made = model(seed)
    optimizer, rng = tn.SGD(made.parameters(), lr=0.1), random.Random(1)
    history = tn.fit(
        made, X, Y, loss=own, optimizer=optimizer, epochs=2, batch_size=8, rng=rng, progress=False, metrics="mae",
        validation=(X[:20], Y[:20]), backend=backend,
    )  # fmt: skip
    return [*history.losses, *history.metrics["mae"]]


CASES = [(function, "python"), (function, "array"), (function, "llvm"), (steps, "python"), (steps, "llvm"),
         (fit, "python"), (fit, "llvm")]  # fmt: skip


@pytest.mark.parametrize(("made", "backend"), CASES, ids=lambda given: getattr(given, "__name__", given))
def test_the_same_text_is_compiled_once(made, backend, monkeypatch):
    needed(backend)
    counted = [kept_code.cache_info]
    if backend == "llvm":
        from tinygrad_nn.compiler.backends.llvm.engine import native

        counted.append(native.cache_info)
    first = [made(backend, seed) for seed in (1, 2)]
    before = [each().misses for each in counted]
    again = [made(backend, seed) for seed in (1, 2)]
    assert [each().misses for each in counted] == before
    assert again == first
    assert first[0] != first[1]

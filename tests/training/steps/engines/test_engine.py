"""What every engine must do: steps and stretches with the same numbers, that can be kept and brought back."""

import math
from typing import Any

import pytest
from shared import half_adder, needed
from training import BACKENDS, X, Y, numbers

import tinygrad_nn as tn
from tinygrad_nn.training.steps.engines.engine import Engine, Stretch, all_finite, made
from tinygrad_nn.training.steps.rows import Orders
from tinygrad_nn.training.steps.run import Pace


def test_each_engine_makes_its_own_steps_and_stretches():
    from tinygrad_nn.training.steps.engines import checked, python, recorded

    modules = [python, recorded, checked]
    if "llvm" in BACKENDS:
        from tinygrad_nn.training.steps.engines import native

        modules.append(native)
    for module in modules:
        own = [kind for kind in vars(module).values() if isinstance(kind, type) and issubclass(kind, Engine)]
        engine = max(own, key=lambda kind: len(kind.__mro__))
        assert engine is not Engine
        for name in ("step", "stretch"):
            assert getattr(engine, name) is not getattr(Engine, name), (module, name)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_run_in_stretches_of_any_length_is_one_run(backend, monkeypatch):
    needed(backend)
    told = []
    for stretch in (0.0, 1e-4, 10.0):
        monkeypatch.setattr(Pace, "STRETCH", stretch)
        model = half_adder()
        optimizer = tn.SGD(model.parameters(), lr=0.1, momentum=0.5)
        options: dict[str, Any] = {
            "epochs": 7,
            "batch_size": 3,
            "shuffle": False,
            "progress": False,
            "backend": backend,
        }
        history = tn.fit(model, X, Y, "squared_error", optimizer, **options)
        told.append([*history.losses, *numbers(optimizer)])
    assert told[0] == told[1] == told[2]


def test_losses_of_batches_are_means_over_the_rows():
    orders: Any = Orders.__new__(Orders)
    orders.rows = [None] * 5
    stretch = Stretch(orders, 2, [1.0], 0.0, 9, 9, -1.0)
    assert (stretch.start, stretch.batches) == (2, 3)
    found = made(stretch, [2.0, 4.0, 8.0], [], 0.5)
    assert found.means == [(2 * 1.0 + 2 * 2.0 + 1 * 4.0) / 5]
    assert (list(found.losses), found.error) == ([8.0], 0.5)


def test_numbers_that_may_be_anything_are_passed_over():
    assert all_finite([1.0, 2.0])
    assert not all_finite([1.0, math.nan])
    assert all_finite([1.0, math.inf], unbounded={1})
    assert all_finite([1e308, 1e308])  # whose sum is not

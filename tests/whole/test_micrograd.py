"""Drop-in: code written for micrograd runs with the import line changed, and gives its numbers."""

import json
import os
import random
import re
from pathlib import Path
from typing import Any

import pytest
from record_micrograd_demo import PATH, demo, record

import tinygrad_nn as tn
from tinygrad_nn import MLP, Layer, Neuron, Value


def test_the_hundred_losses_of_the_demonstration():
    recorded = json.loads(PATH.read_text(encoding="utf-8"))
    losses = demo(Value, MLP, recorded["points"], recorded["targets"])
    assert len(losses) == 100
    assert max(abs(a - b) for a, b in zip(losses, recorded["losses"], strict=True)) <= 1e-9


@pytest.mark.slow
def test_the_record_is_what_micrograd_gives():
    for name in ("micrograd", "sklearn", "numpy"):
        pytest.importorskip(name, reason=f"{name} is not installed")
    stored, again = json.loads(PATH.read_text(encoding="utf-8")), record()
    assert (again["points"], again["targets"]) == (stored["points"], stored["targets"])
    # micrograd adds gradients in the order of a set, so its last bits change from run to run.
    assert max(abs(a - b) for a, b in zip(again["losses"], stored["losses"], strict=True)) <= 1e-12


@pytest.mark.slow
def test_micrograds_own_tests_pass_with_the_import_line_changed():
    pytest.importorskip("torch", reason="micrograd's tests compare with PyTorch, which is not installed")
    path = Path(os.environ.get("MICROGRAD_TESTS", ""))
    if not path.is_file():
        pytest.skip("MICROGRAD_TESTS does not name the test_engine.py of micrograd's source distribution")
    source, changed = re.subn(
        r"from micrograd\.engine import Value", "from tinygrad_nn import Value", path.read_text(encoding="utf-8")
    )
    assert changed == 1
    namespace: dict[str, Any] = {}
    exec(compile(source, str(path), "exec"), namespace)
    tests = [test for name, test in namespace.items() if name.startswith("test_")]
    assert len(tests) == 2
    for test in tests:
        test()


def test_the_readme_expression(example):
    a, b = Value(-4.0), Value(2.0)
    g = example("expression").expression(a, b)
    g.backward()
    assert [f"{number:.4f}" for number in (g.data, a.grad, b.grad)] == ["24.7041", "138.8338", "645.5773"]


def test_names_and_shapes():
    random.seed(1337)
    neuron = Neuron(2, nonlin=False)
    random.seed(1337)
    draws = [random.uniform(-1, 1) for _ in range(2)]
    assert [w.data for w in neuron.w] == draws
    assert isinstance(neuron.w, list)
    assert neuron.b.data == 0
    assert neuron.w + [neuron.b] == neuron.parameters()
    assert Neuron(2, True).activation == "relu"
    assert Neuron(2, False).activation == "linear"
    assert Layer(2, 3, nonlin=False).neurons[0].activation == "linear"
    model = MLP(3, [4, 4, 1])
    assert len(model.parameters()) == 41
    assert [layer.neurons[0].activation for layer in model.layers] == ["relu", "relu", "linear"]
    out = model([1.0, 2.0, 3.0])
    assert isinstance(out, Value)
    assert isinstance(Layer(2, 1)([1.0, 2.0]), Value)
    assert isinstance(Layer(2, 2)([1.0, 2.0]), list)
    out.backward()
    assert any(p.grad for p in model.parameters())
    model.zero_grad()
    assert not any(p.grad for p in model.parameters())


def test_prev_and_op_are_read_only():
    a, b = Value(2.0), Value(3.0)
    c = a * b
    assert c._prev == {a, b}
    assert (a + a)._prev == {a}
    assert (c._op, (a**5)._op, (a**2)._op, a.relu()._op, a._op) == ("*", "**5", "**2", "ReLU", "")
    for name in ("_prev", "_op"):
        with pytest.raises(AttributeError):
            setattr(c, name, None)


def test_micrograds_training_loop_by_hand():
    random.seed(0)
    model = MLP(2, [4, 1])
    X, Y = tn.data.xor()
    first = last = 0.0
    for _ in range(100):
        losses = [(model(x) - y) ** 2 for x, y in zip(X, Y, strict=True)]
        total = sum(losses) * (1.0 / len(losses)) + 1e-4 * sum(p * p for p in model.parameters())
        model.zero_grad()
        total.backward()
        for p in model.parameters():
            p.data -= 0.1 * p.grad
        first, last = first or total.data, total.data
    assert last < first / 2

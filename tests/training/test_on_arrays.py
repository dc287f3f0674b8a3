"""The metrics on arrays are to the bit those of the loop over the rows, and those of the recorded graph."""

import math
import random
from typing import Any

import pytest
from training import BACKENDS

import tinygrad_nn as tn
from tinygrad_nn import losses
from tinygrad_nn.compiler.backends.spellings import UnspelledError
from tinygrad_nn.compiler.function import Function
from tinygrad_nn.compiler.target import WORTH_LLVM
from tinygrad_nn.training import on_arrays
from tinygrad_nn.training.thresholds import Answers

numpy = pytest.importorskip("numpy", reason="the metrics of arrays want NumPy")
ODD = (math.nan, math.inf, -math.inf, 0.0, -0.0, 0.5, 1.0, 1e200, -1e200)
METRICS = {"mae": tn.metrics.mean_absolute_error, "rmse": tn.metrics.root_mean_squared_error}
ONE = {
    losses.squared_error: (0.0, 1.0, 3.0), losses.absolute_error: (-1.0, 1.0), losses.huber: (2.0,),
    losses.hinge: (-1.0, 1.0), losses.binary_cross_entropy: (0.0, 1.0),
    losses.binary_cross_entropy_with_logits: (0.0, 1.0),
}  # fmt: skip


def same(found, wanted):
    return found == wanted or (found != found and wanted != wanted)


def drawn(rng, outputs, odd):
    """A prediction, among whose numbers are ties, labels, halves and what is not finite."""
    return [rng.choice(ODD) if rng.random() < odd else rng.choice((rng.gauss(0, 2), 1.5, 2.0)) for _ in range(outputs)]


def on_array(metric, predictions, targets):
    found = on_arrays.measured(metric, numpy.array([predictions, predictions]), numpy.array(targets), numpy)
    assert found is not None
    assert set(map(type, found)) == {float}
    assert same(*found)
    return found[0]


@pytest.mark.parametrize("odd", [0.0, 0.3])
def test_errors_are_those_of_the_loop(odd):
    rng = random.Random(1)
    for outputs in (1, 3):
        for _ in range(60):
            predictions, targets = ([drawn(rng, outputs, odd) for _ in range(rng.randint(1, 9))] for _ in range(2))
            count = min(len(predictions), len(targets))
            for metric in METRICS.values():
                assert same(
                    on_array(metric, predictions[:count], targets[:count]), metric(predictions[:count], targets[:count])
                )


@pytest.mark.parametrize("odd", [0.0, 0.3])
def test_accuracy_is_that_of_the_loop(odd):
    rng = random.Random(2)
    kinds: list[Any] = [(loss, 1, lambda labels=labels: [rng.choice(labels)]) for loss, labels in ONE.items()]
    kinds += [(loss, 3, lambda labels=labels: [rng.choice(labels) for _ in range(3)]) for loss, labels in ONE.items()]
    kinds += [(loss, 3, lambda: rng.sample((1.0, 0.0, 0.0), 3)) for loss in ONE]
    kinds += [(losses.cross_entropy, 3, lambda: [float(rng.randrange(3))])]
    for loss, outputs, target in kinds:
        for _ in range(12):
            targets = [target() for _ in range(rng.randint(1, 12))]
            predictions = [drawn(rng, outputs, odd) for _ in targets]
            answers = Answers(loss, targets)
            assert on_array(answers, predictions, targets) == answers.share(predictions, targets, [[]] * len(targets))


def test_what_has_no_array_form_is_left_to_the_loop():
    asked = Answers(lambda p, t: losses.hinge(p, t), [[1.0], [-1.0]])
    both = numpy.ones((3, 2, 1)), numpy.ones((2, 1))
    assert on_arrays.measured(asked, *both, numpy) is None
    assert on_arrays.measured(lambda p, t: 1.0, *both, numpy) is None
    assert on_arrays.measured(METRICS["mae"], numpy.ones((3, 2, 2)), numpy.ones((2, 1)), numpy) is None


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("loss", ["squared_error", "hinge", "cross_entropy"])
def test_after_an_epoch_they_are_those_of_the_recorded_graph(backend, loss):
    rng = random.Random(3)
    rows = [[rng.gauss(0, 1), rng.gauss(0, 1)] for _ in range(90)]
    outputs = 3 if loss == "cross_entropy" else 1
    targets = [float(k % 3) if outputs > 1 else math.copysign(1.0, a * b) for k, (a, b) in enumerate(rows)]
    model = tn.MLP(2, [4, outputs], "tanh", rng=rng)
    names = ["accuracy"] if outputs > 1 else ["accuracy", "mae", "rmse"]
    history = tn.fit(
        model, numpy.array(rows[:50]), targets[:50], loss, tn.SGD(model.parameters(), lr=0.1), 2, 10, rng=rng,
        metrics=names, validation=(rows[50:], targets[50:]), backend=backend, progress=False,
    )  # fmt: skip
    lost, found = getattr(losses, loss), {name: column[-1] for name, column in history.metrics.items()}
    wanted: dict[str, float] = {}
    for prefix, part in (("", slice(50)), ("validation ", slice(50, None))):
        recorded = [model(row) for row in rows[part]]
        each = [lost(p, t).data for p, t in zip(recorded, targets[part], strict=True)]
        flat: Any = [[o.data for o in p] if outputs > 1 else p.data for p in recorded]
        wanted |= {"validation loss": math.fsum(each) / len(each)} if prefix else {}
        wanted |= {prefix + name: METRICS[name](flat, targets[part]) for name in names if name in METRICS}
        answered = [max(range(3), key=p.__getitem__) if outputs > 1 else math.copysign(1.0, p) for p in flat]
        right = sum(a == t for a, t in zip(answered, targets[part], strict=True))
        wanted[prefix + "accuracy"] = right / len(flat)
    assert found == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("spelled", [True, False])
def test_a_few_rows_beside_many_run_as_machine_code_too(monkeypatch, spelled):
    pytest.importorskip("llvmlite", reason="machine code wants llvmlite")
    given, batch = [], Function.batch

    def told(self, rows, gradients=False):
        given.append((self.backend, len(rows)))
        if not spelled:
            raise UnspelledError("no words for it")
        return batch(self, rows, gradients)

    monkeypatch.setattr(Function, "batch", told)
    X = numpy.random.default_rng(1).normal(size=(WORTH_LLVM + 40, 2))
    Y = numpy.sign(X[:, 0] + 0.1)
    model = tn.MLP(2, [2, 1], "tanh", rng=random.Random(1))
    history = tn.fit(
        model, X[:-40], Y[:-40], "squared_error", tn.SGD(model.parameters(), lr=0.01), 1, 1000, progress=False,
        validation=(X[-40:], Y[-40:]), metrics=["mae"] * spelled + ["gradients"], backend="llvm", rng=random.Random(1),
    )  # fmt: skip
    assert given[-1] == ("llvm", 40)
    recorded = [model([*map(float, row)]).data for row in X[-40:]]
    wanted = math.fsum((p - t) ** 2 for p, t in zip(recorded, Y[-40:].tolist(), strict=True)) / 40
    assert history.metrics["validation loss"][-1] == pytest.approx(wanted, rel=1e-12)

"""lint: mistakes as a student makes them, each named by its kind, and scripts without one, of which nothing is said."""

import random

import pytest
from shared import wrong
from student_scripts import HEALTHY, PLANTED, SCALES, UNITS, findings, fitted, named, of_kinds
from training import BACKENDS

import tinygrad_nn as tn
from tinygrad_nn import MLP, Module, Value
from tinygrad_nn.autograd import primitives as table
from tinygrad_nn.autograd.value import Result
from tinygrad_nn.compiler.surroundings.traced_in import SurroundingsError


@pytest.mark.parametrize("way", sorted({*PLANTED} - {*of_kinds(*UNITS, *SCALES)}))
def test_mistakes_as_students_make_them(way):
    named(way)


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("script", HEALTHY)
def test_healthy_scripts(script, before):
    for seed in range(3):
        for steps in (1, 2, 20):
            assert findings(HEALTHY[script], seed, STEPS=steps, BEFORE=before) == [], (seed, steps)


@pytest.mark.parametrize("backend", BACKENDS)
def test_fit_warns_of_them(backend):
    rng = random.Random(1)
    with pytest.warns(tn.LintWarning, match=r"probabilities for logits: .* results of sigmoid, such as 0\.") as told:
        fitted(backend, tn.MLP(2, [3, 1], "tanh", "sigmoid", rng=rng), "binary_cross_entropy_with_logits")
    assert [warning.filename for warning in told] == [fitted.__code__.co_filename]
    with pytest.warns(tn.LintWarning, match="logits for probabilities"), pytest.warns(RuntimeWarning, match="diverged"):
        fitted(backend, tn.MLP(2, [3, 1], "tanh", rng=rng), "binary_cross_entropy")
    model = tn.MLP(2, [3, 2], "tanh", rng=rng)
    with pytest.warns(tn.LintWarning, match=r"depend on 4 of 17 parameters \(layers.1.neurons.1.weights.0, "):
        fitted(backend, model, lambda prediction, target: tn.losses.squared_error(prediction[0], target))
    model = tn.MLP(2, [3, 1], "relu", rng=rng)
    for neuron in model.layers[0].neurons:
        neuron.bias.data = -5.0
    with pytest.warns(tn.LintWarning, match="3 of 3 relu units of layer 1 are 0 on all of 4 rows"):
        fitted(backend, model)
    large = [[1000.0 * x for x in row] for row in tn.data.moons(40, rng=rng)[0]], [2 * k % 4 - 1 for k in range(40)]
    with pytest.warns(tn.LintWarning, match="units of layer 1 have a mean slope of at most") as told:
        fitted(backend, tn.MLP(2, [5, 1], "tanh", rng=rng), "hinge", large)
    assert len(told) == 1


def test_fit_on_the_graph_warns_of_a_penalty_that_was_recorded_once():
    model = tn.MLP(2, [3, 1], "tanh", rng=random.Random(1))
    penalty = 0.01 * sum(p * p for p in model.parameters())
    with pytest.warns(tn.LintWarning, match="data changed: square|data changed: multiply"):
        fitted("eager", model, regularizer=lambda model: penalty)
    again = tn.MLP(2, [3, 1], "tanh", rng=random.Random(1))
    penalty = 0.01 * sum(p * p for p in again.parameters())
    with pytest.raises(SurroundingsError, match="a result that was recorded before"):
        fitted("python", again, regularizer=lambda model: penalty)


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_lint_cannot_look_at_is_for_the_run_to_say(backend):
    model = tn.MLP(2, [3, 2], "tanh", rng=random.Random(1))
    with pytest.raises(ValueError, match="row 3"):
        fitted(backend, model, "cross_entropy", (tn.data.xor()[0], [0, 1, 1, 2]), batch_size=1, shuffle=False)
    model.layers[0].neurons[0].weights[0].data = float("nan")
    with pytest.raises(tn.AnomalyError), tn.detect_anomaly():
        fitted(backend, model, lambda prediction, target: (prediction[0] + prediction[1] - target) ** 2)


def test_bad_input():
    model = tn.MLP(2, [1], "tanh")
    with pytest.raises(
        TypeError, match=r"lint\(model, loss\) looks at a Module or a list of parameters, but got <function"
    ):
        tn.lint(wrong(lambda x: x), model([1.0, 2.0]))
    for loss in (Value(1.0), 0.5):
        with pytest.raises(TypeError, match="a loss that was recorded"):
            tn.lint(model, wrong(loss))
    with pytest.raises(TypeError, match="rows are for a model that can be called"):
        tn.lint(model.parameters(), model([1.0, 2.0]), rows=[[1.0, 2.0]])
    with pytest.raises(ValueError, match="takes 2 inputs"):
        tn.lint(model, model([1.0, 2.0]), rows=[[1.0]])


@pytest.mark.parametrize("check", ["holds", "contributions"])
def test_a_planted_fault_in_lint_is_caught(check, monkeypatch):
    from tinygrad_nn.check import lint as mistakes

    wrong = {"holds": lambda result: False, "contributions": lambda result, g: [2.0 * g] * len(result.operands)}
    monkeypatch.setattr(mistakes, check, wrong[check])
    script = HEALTHY["an optimizer, all rows"]
    assert findings(script, STEPS=3, BEFORE=True) != []


@pytest.mark.parametrize("name", ["expression", "forward_pass", "xor", "wiring"])
def test_examples_are_healthy(name, example, tmp_path, monkeypatch, capsys):
    """After some of their backward passes, before a step and at the end; those with fit warn in their own tests."""
    models: list[tn.MLP] = []
    looked: list[Value] = []
    right, made = Value.backward, tn.MLP.__init__

    def backward(self):
        right(self)
        if models and len(looked) % 10 == 0:
            assert tn.lint(models[-1], self) == []
        looked.append(self)

    def keep(self, *given, **options):
        made(self, *given, **options)
        models.append(self)

    monkeypatch.setattr(Value, "backward", backward)
    monkeypatch.setattr(tn.MLP, "__init__", keep)
    module = example(name)
    if hasattr(module, "PICTURES"):
        monkeypatch.setattr(module, "PICTURES", tmp_path)
    module.main()
    if name == "xor":
        assert len(looked) > 100
        assert tn.lint(models[-1], looked[-1], rows=tn.data.xor()[0]) == []


def prefix_sums(n):
    """A loss of each of n sums that go on from one another, scaled to probabilities."""
    weight, total, terms = Value(0.5), Value(0.0), []
    for _ in range(n):
        total = total + weight * 0.001
        terms.append(tn.losses.binary_cross_entropy_with_logits(total / 1000.0, 1.0))
    return [weight], sum(terms), None


def chain(n):
    weight = Value(0.5)
    y = weight * 1.0
    for _ in range(n):
        y = y * 0.9999 + weight
    return [weight], y, None


class Trunk(Module):
    """Many outputs of one long computation."""

    def __init__(self, n):
        self.n, self.weight = n, Value(0.5)

    def __call__(self, row):
        y = self.weight * row[0]
        outputs = []
        for _ in range(self.n):
            y = y * 0.99 + 1.0
            outputs.append(y * 2.0)
        return outputs


def trunk(n):
    model = Trunk(n)
    return model, sum(model([1.0])), [[1.0]]


def network(n):
    model = MLP(2, [3, 1], "tanh", rng=random.Random(0))
    return model, sum(tn.losses.squared_error(model([0.1 * k, 1.0]), 1.0) for k in range(n)), None


@pytest.mark.parametrize("make", [prefix_sums, chain, trunk, network])
def test_what_lint_looks_at_grows_with_the_graph_alone(make, monkeypatch):
    looked: list[int] = []
    operands = Result.operands.fget

    def counted(result):
        looked[-1] += 1
        return operands(result)

    monkeypatch.setattr(Result, "operands", property(counted))
    for n in (100, 200, 400):
        looked.append(0)
        model, loss, rows = make(n)
        loss.backward()
        tn.lint(model, loss, rows)
    assert looked[1] <= 2.2 * looked[0]
    assert looked[2] <= 2.2 * looked[1]


def test_an_index_that_is_none_any_more_is_no_crash():
    index, numbers = Value(1.0), [Value(2.0), Value(3.0)]
    loss = 2.0 * table.take(tuple(numbers), index)
    loss.backward()
    index.data = 7.0
    assert all(isinstance(finding, tn.Finding) for finding in tn.lint(numbers, loss))


def test_the_side_of_where_that_is_not_taken_hides_no_finding():
    x = Value(0.0)
    for _ in range(2):
        loss = tn.where(Value(0.0), tn.sqrt(x), 2.0 * x)
        loss.backward()
    assert [finding.kind for finding in tn.lint([x], loss)] == ["gradients add up"]

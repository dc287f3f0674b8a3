"""What changes around a step within a run, by a callback or between calls, is seen by the next step."""

import random

import pytest
from shared import needed
from training import Line, a_dropout

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.compiler.surroundings.traced_in import SurroundingsError

X, Y = [[1.0], [2.0]], [1.0, 3.0]


def doubles_tau():
    model = Line()
    return model, "squared_error", None, lambda optimizer: setattr(model, "tau", 2.0 * model.tau)


def moves_a_position():
    model = Line()
    return model, "squared_error", None, lambda optimizer: setattr(model, "which", 1 - model.which)


def sets_an_activation():
    model = tn.Neuron(1, "linear", rng=random.Random(1))
    return model, "squared_error", None, lambda optimizer: setattr(model, "activation", "tanh")


def sets_a_bias():
    model = tn.Neuron(1, "linear", rng=random.Random(1))
    return model, "squared_error", None, lambda optimizer: setattr(model, "bias", Value(0.5))


def sets_a_weight_of_a_list():
    model = tn.Neuron(1, "linear", rng=random.Random(1))
    return model, "squared_error", None, lambda optimizer: model.w.__setitem__(0, Value(-0.5))


def replaces_a_neuron_and_its_parameters():
    model, drawn = tn.MLP(1, [2, 1], "tanh", rng=random.Random(1)), random.Random(2)

    def change(optimizer):
        model.layers[0].neurons[1] = tn.Neuron(1, "tanh", rng=drawn)
        optimizer.parameters = model.parameters()

    return model, "squared_error", None, change


def changes_a_loss():
    scale = [1.0]
    return Line(), lambda p, t: scale[0] * (p - t) ** 2, None, lambda optimizer: scale.__setitem__(0, scale[0] * 0.5)


def changes_a_regularizer():
    model, strength = Line(), {"l2": 0.1}

    def regularizer(model):
        return sum(p * p for p in model.parameters()) * strength["l2"]

    return model, "squared_error", regularizer, lambda optimizer: strength.update(l2=2.0 * strength["l2"])


def changes_an_update():
    settings = {"factor": 1.0}

    class Factored(tn.SGD):
        def update(self, parameter, gradient, state, lr, step):
            return super().update(parameter, gradient * settings["factor"], state, lr, step)

    model = Line()
    model.optimizer_class = Factored
    return model, "squared_error", None, lambda optimizer: settings.update(factor=0.5 * settings["factor"])


RUNS = [
    doubles_tau, moves_a_position, sets_an_activation, sets_a_bias, sets_a_weight_of_a_list,
    replaces_a_neuron_and_its_parameters, changes_a_loss, changes_a_regularizer, changes_an_update,
]  # fmt: skip


@pytest.mark.parametrize(("backend", "batch_size"), [("python", 1), ("python", 2), ("llvm", 2)])
@pytest.mark.parametrize("make", RUNS, ids=lambda make: make.__name__)
def test_what_a_callback_changes_holds_from_the_next_step_on(make, backend, batch_size):
    needed(backend)

    def run(backend):
        model, loss, regularizer, change = make()
        optimizer = getattr(model, "optimizer_class", tn.SGD)(model.parameters(), lr=0.05)
        history = tn.fit(
            model, X, Y, loss, optimizer, 4, batch_size, False, None, regularizer, "mae", (X, Y), None, None, None,
            lambda history: change(optimizer), False, backend,
        )  # fmt: skip
        return [*history.losses, *history.metrics["validation loss"], *history.metrics["mae"], *model.predict(X)]

    assert run(backend) == pytest.approx(run("eager"), rel=1e-12)


@pytest.mark.parametrize("backend", ["python", "llvm"])
def test_the_case_of_the_attribute_that_is_doubled(backend):
    needed(backend)
    model = Line()
    model.ws[0].data = model.ws[1].data = 0.0
    step = tn.compile_step(model, lambda p, t: p, tn.SGD([Value(0.0)], lr=0.1), backend=backend)
    found = []
    for _ in range(4):
        found.append(step([[1.0]], [0.0]) ** 2 / 4.0)
        model.tau *= 2.0
    assert found == [4.0, 1.0, 0.25, 0.0625]


def test_the_program_is_that_of_the_latest_surroundings():
    for backend in ("python", "auto"):
        model = Line()
        step = tn.compile_step(model, "squared_error", tn.SGD(model.parameters(), lr=0.01), backend=backend)

        def progress(history, model=model):
            model.tau = 7.125

        step.run(X, Y, epochs=50, progress=progress)
        assert 7.125 in step.program.flat.literals.values()
    model = a_dropout()[0]
    step = tn.compile_step(model, "squared_error", tn.SGD(model.parameters(), lr=0.01))
    with pytest.warns(RuntimeWarning, match="recorded graph"):
        step(X, Y)
    with pytest.raises(ValueError, match="it has no program"):
        step.source()


def test_lint_leaves_surroundings_as_they_were():
    calls = []

    def loss(p, t):
        calls.append(1)
        return (p - t) ** 2

    model = Line()
    tn.fit(model, X, Y, loss, tn.SGD(model.parameters(), lr=0.01), 3, 1, progress=False, backend="eager")
    assert len(calls) == 6


def test_a_pure_step_follows_its_surroundings():
    np = pytest.importorskip("numpy")
    model = Line()
    step = tn.compile_step(model, "squared_error", tn.SGD(model.parameters(), lr=0.01))
    pure = step.as_function(np)
    for tau in (1.0, 2.0, 1.0):
        model.tau = tau
        assert float(pure(pure.state(), np.array(X), np.array(Y))[1]) == pytest.approx(
            sum((model(x).data - y) ** 2 for x, y in zip(X, Y, strict=True)) / 2
        )
    drawn = tn.compile_step(a_dropout()[0], "squared_error", tn.SGD(model.parameters(), lr=0.01)).as_function(np)
    with pytest.raises(SurroundingsError, match="draws"):
        drawn(drawn.state(), np.array(X), np.array(Y))

"""Random interleavings of all that may be done with a model that is trained by compiled steps: the recorded graph's
numbers after each action, and the scripts notice it where a way into compiled steps or out of them is lost."""

from typing import Any

import pytest
from interleavings import WEIGHTS, World, check_many
from shared import needed

from tinygrad_nn.training import prediction
from tinygrad_nn.training.steps.step import Step

pytest.importorskip("numpy", reason="numpy is not installed")


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    """A module of one's own is traced for few rows."""
    monkeypatch.setattr(prediction, "WORTH_TRACING", 40)


@pytest.mark.parametrize(("backend", "scripts"), [("python", 90), ("llvm", 15)])
def test_scripts_come_to_the_numbers_of_the_recorded_graph(backend, scripts, tmp_path):
    counts = check_many(needed(backend), range(scripts), tmp_path)
    if backend == "python":
        assert {name for name, is_refused in counts if not is_refused} == set(WEIGHTS)


@pytest.mark.slow
@pytest.mark.parametrize(("backend", "scripts"), [("python", 900), ("llvm", 100)])
@pytest.mark.parametrize("part", range(10))
def test_ten_thousand_scripts(part, backend, scripts, tmp_path):
    check_many(needed(backend), range(1000 + part * scripts, 1000 + (part + 1) * scripts), tmp_path)


def around_steps(before, after):
    """A fault around each compiled step and run, which the recorded ones do not have."""

    def plant(monkeypatch):
        def wrapped(original):
            def call(self, *given):
                kept = before(self, self.recipe.optimizer)
                found = original(self, *given)
                if not self.records:
                    after(self, self.recipe.optimizer, kept)
                return found

            return call

        for name in ("on", "run_on"):
            monkeypatch.setattr(Step, name, wrapped(getattr(Step, name)))

    return plant


def nothing(*_):
    pass


def set_first(step, optimizer, number):
    optimizer.parameters[-1].data = number


def load_what_was_there(step, optimizer):
    """The numbers of the step before, whoever has set them since."""
    if not step.records:
        for parameter, number in vars(step).get("left", ()):
            parameter.data = number


def leave(step, optimizer, _):
    step.left = [(parameter, parameter.data) for parameter in optimizer.parameters]


def forget_a_state(step, optimizer, _):
    optimizer.state = [*optimizer.state[:-1], optimizer.initial_state]


def keep_the_list(step, optimizer, state):
    """The list of states that was there is changed in its place, which a user may have kept."""
    state[:] = optimizer.state
    optimizer.state = state


def count_none(step, optimizer, steps):
    optimizer.steps = steps


def first_rate(step, optimizer):
    """The learning rate that was there first, whoever has set it since."""
    if not step.records:
        step.rate = optimizer.lr = vars(step).get("rate", optimizer.lr)


def stale_predictions(monkeypatch):
    predict = World.predict
    known: dict[Any, Any] = {}

    def stale(self, model, **given):
        found = predict(self, model, **given)
        return found if self.recorded else known.setdefault((self, model < 0.5), found)

    monkeypatch.setattr(World, "predict", stale)


def a_gradient_is_left(step, optimizer, _):
    optimizer.parameters[0].grad += 0.5


FAULTS = {
    "a parameter is not put back": around_steps(lambda s, o: o.parameters[-1].data, set_first),
    "numbers are not loaded": around_steps(load_what_was_there, leave),
    "a velocity is not put back": around_steps(nothing, forget_a_state),
    "a list of states that was kept changes": around_steps(lambda s, o: o.state, keep_the_list),
    "steps are not counted": around_steps(lambda s, o: o.steps, count_none),
    "the learning rate is that of the first step": around_steps(first_rate, nothing),
    "a step leaves gradients": around_steps(nothing, a_gradient_is_left),
    "predictions are those of before": stale_predictions,
}


def said_of_a_fault(name, monkeypatch, folder):
    """What the first script says that notices a fault."""
    FAULTS[name](monkeypatch)
    with pytest.raises(AssertionError, match="script") as caught:
        check_many("python", range(300), folder)
    return str(caught.value)


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_noticed(name, monkeypatch, tmp_path):
    assert " on python: action " in said_of_a_fault(name, monkeypatch, tmp_path)


def test_a_script_that_fails_is_told_by_the_actions_that_it_takes(monkeypatch, tmp_path):
    _, setting, *actions = said_of_a_fault("steps are not counted", monkeypatch, tmp_path).splitlines()
    assert "optimizers" in setting
    assert len(actions) == 1

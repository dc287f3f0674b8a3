"""Numbers of a compiled model stand in arrays that Values and optimizer look at: nothing is loaded between steps."""

import copy
import gc
import pickle
import random
import signal
from contextlib import suppress
from typing import Any

import pytest
from own_optimizers import OWN_OPTIMIZERS
from shared import needed
from training import X, Y, eager, held, numbers

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.autograd.packs import StatesInArrays
from tinygrad_nn.autograd.value import Packed
from tinygrad_nn.nn.structure import structure_of
from tinygrad_nn.training.steps.engines import arrays


def pair(kind=tn.SGD, **settings):
    """Two equal models and their optimizers; the second is for compiled steps."""
    needed("llvm")
    models = [tn.MLP(2, [3, 2], "tanh", rng=random.Random(1)) for _ in range(2)]
    settings = settings or ({"momentum": 0.9} if kind is tn.SGD else {})
    return models, [kind(model.parameters(), lr=0.1, **settings) for model in models]


def stepped(model, optimizer, **options):
    return tn.compile_step(model, "squared_error", optimizer, backend="llvm", **options)


def check(models, optimizers, step, X=X, Y=Y):
    """A step of both, and that they are equal afterwards."""
    told = eager(models[0], tn.losses.squared_error, optimizers[0], X, Y)
    assert step(X, Y) == pytest.approx(told, rel=1e-12)
    assert numbers(optimizers[1]) == pytest.approx(numbers(optimizers[0]), rel=1e-12)
    assert optimizers[1].steps == optimizers[0].steps


@pytest.mark.parametrize("kind", [tn.SGD, tn.Adam])
def test_nothing_is_loaded_or_committed_between_steps(kind, monkeypatch):
    models, optimizers = pair(kind)
    step = stepped(models[1], optimizers[1])
    step(X, Y)
    asked = []
    for name in ("data_of", "states_of", "commit", "pack_of"):
        monkeypatch.setattr(arrays, name, lambda *_, name=name: asked.append(name))
    for _ in range(3):
        step(X, Y)
    step.run(X, Y, epochs=4, batch_size=2)
    assert asked == []
    assert {type(p) for p in models[1].parameters()} == {Packed}
    assert type(vars(optimizers[1])["held_state"]) is StatesInArrays


ACTIONS: dict[str, Any] = {
    "a number is set": lambda m, o: setattr(m.parameters()[2], "data", 0.25),
    "a number is set to an int": lambda m, o: setattr(m.parameters()[2], "data", 2),
    "all are set": lambda m, o: halved(m.parameters()),
    "the state is set": lambda m, o: setattr(o, "state", [tuple(0.5 for _ in s) for s in o.state]),
    "one of the states is set": lambda m, o: o.state.__setitem__(3, tuple(0.25 for _ in o.state[3])),
    "a list that was handed out is changed": lambda m, o: o.state.reverse(),
    "the state is looked at": lambda m, o: o.state,
    "the velocity is looked at": lambda m, o: getattr(o, "velocity", None),
    "the steps are set": lambda m, o: setattr(o, "steps", 3),
    "the rate is set": lambda m, o: setattr(o, "lr", 0.05),
    "an eager step": lambda m, o: eager(m, tn.losses.squared_error, o, X[:2], Y[:2]),
    "a step on Python": lambda m, o: tn.compile_step(m, "squared_error", o, backend="python")(X, Y),
    "other compiled steps": lambda m, o: stepped(m, o)(X[:1], Y[:1]),
    "a run": lambda m, o: stepped(m, o).run(X, Y, epochs=2, batch_size=3),
    "another optimizer": lambda m, o: stepped(m, tn.SGD(m.parameters()[::-1], lr=0.1))(X, Y),
    "one of some parameters": lambda m, o: stepped(m, tn.SGD(m.parameters()[2:5], lr=0.1))(X, Y),
    "a copy learns": lambda m, o: stepped(*copy.deepcopy((m, o)))(X, Y),
    "a shallow copy of the optimizer is set": lambda m, o: setattr(copy.copy(o), "state", []),
    "a pickled one learns": lambda m, o: stepped(*pickle.loads(pickle.dumps((m, o))))(X, Y),
    "a layer is lent": lambda m, o: lent(m),
    "single precision": lambda m, o: None,
    "predictions": lambda m, o: (m.predict(X), m(X[0]), tn.lint(m, m(X[0])[0])),
    "nothing": lambda m, o: None,
}


def halved(parameters):
    for parameter in parameters:
        parameter.data *= 0.5


def lent(model):
    """Another model of the first layer learns."""
    other = tn.MLP(2, [3, 2], "tanh", rng=random.Random(5))
    other.layers[0] = model.layers[0]
    stepped(other, tn.SGD(other.parameters(), lr=0.1))(X, Y)


@pytest.mark.parametrize("kind", [tn.SGD, tn.Adam])
@pytest.mark.parametrize("action", ACTIONS)
def test_what_comes_between_steps_counts(action, kind):
    """Compiled steps with an action between them against eager ones with the same."""
    models, optimizers = pair(kind)
    step = stepped(models[1], optimizers[1])
    for _ in range(2):
        check(models, optimizers, step)
        for model, optimizer in zip(models, optimizers, strict=True):
            ACTIONS[action](model, optimizer)
        check(models, optimizers, step, X[:3], Y[:3])
        check(models, optimizers, step, X[:1], Y[:1])


def test_an_action_between_epochs_counts():
    """What a callback sets is what the next epoch begins with, whatever it is."""
    for number in (0.25, 2):
        models, optimizers = pair()
        for model, optimizer, backend in zip(models, optimizers, ("eager", "llvm"), strict=True):
            value = model.parameters()[1]

            def set_it(history, value=value, number=number, optimizer=optimizer):
                value.data = number
                optimizer.state[0] = (0.5,)

            tn.fit(
                model, X, Y, "squared_error", optimizer, epochs=3, batch_size=2, shuffle=False, backend=backend,
                callbacks=set_it, progress=False,
            )  # fmt: skip
        assert numbers(optimizers[1]) == pytest.approx(numbers(optimizers[0]), rel=1e-12)
        assert models[1].parameters()[1].data == number


def test_two_optimizers_take_turns():
    """Each has the parameters in another order, and one of them some alone."""
    models, optimizers = pair()
    others = [tn.Adam([*model.parameters()[5:], model.parameters()[0]], lr=0.05) for model in models]
    steps = [stepped(models[1], optimizer) for optimizer in (optimizers[1], others[1])]
    for _ in range(3):
        check(models, optimizers, steps[0])
        check(models, others, steps[1])
        assert numbers(optimizers[1]) == pytest.approx(numbers(optimizers[0]), rel=1e-12)


class Own(Value):
    """A user's own kind of Value."""


def test_what_cannot_be_packed_is_loaded_and_committed():
    models, optimizers = pair()
    for model in models:
        neuron = model.layers[0].neurons[0]
        neuron.bias = Own(0.5)
    optimizers = [tn.SGD(model.parameters(), lr=0.1, momentum=0.9) for model in models]
    step = stepped(models[1], optimizers[1])
    for _ in range(3):
        check(models, optimizers, step)
    assert {type(p) for p in models[1].parameters()} == {Value, Own}
    step = stepped(models[1], optimizers[1], dtype="float32")
    step(X, Y)
    assert {type(p) for p in models[1].parameters()} == {Value, Own}


def test_parameters_that_are_only_read_are_packed_too():
    models, _ = pair()
    optimizers = [tn.SGD(model.layers[1].parameters(), lr=0.1, momentum=0.5) for model in models]
    step = stepped(models[1], optimizers[1])
    check(models, optimizers, step)
    assert {type(p) for p in models[1].parameters()} == {Packed}
    for model in models:
        model.parameters()[0].data = -0.5
    check(models, optimizers, step)
    for model in models:
        model.parameters()[1].data = -2
    check(models, optimizers, step)


def test_what_is_given_away_stays_as_it_was():
    models, optimizers = pair()
    step = stepped(models[1], optimizers[1])
    step(X, Y)
    state, data = optimizers[1].state, [p.data for p in models[1].parameters()]
    assert type(state) is list
    assert all(type(number) is float for numbers in state for number in numbers)
    before = list(state), list(data)
    step(X, Y)
    assert (state, data) == before
    assert optimizers[1].state != state


def test_bad_numbers_change_nothing():
    models, optimizers = pair()
    step = stepped(models[1], optimizers[1])
    step(X, Y)
    model, optimizer = models[1], optimizers[1]
    value = model.parameters()[1]
    for spoil, mend, error in [
        (lambda: setattr(value, "data", "much"), lambda: setattr(value, "data", 0.5), TypeError),
        (lambda: setattr(optimizer, "state", [()]), lambda: setattr(optimizer, "state", [(0.25,)] * 17), ValueError),
        (lambda: optimizer.state.__setitem__(1, ("x",)), lambda: optimizer.state.__setitem__(1, (0.5,)), TypeError),
    ]:
        spoil()
        before = [p.data for p in model.parameters()], list(optimizer.state), optimizer.steps
        with pytest.raises(error):
            step(X, Y)
        assert ([p.data for p in model.parameters()], list(optimizer.state), optimizer.steps) == before
        mend()
        step(X, Y)


def test_a_run_goes_on_with_its_own_numbers_where_a_value_leaves_meanwhile():
    """As a run that commits at its end does: the schedule is asked after the numbers were taken."""
    found = []
    for meddle in (False, True):
        models, optimizers = pair()
        value = models[1].parameters()[0]

        def rate(k, value=value, meddle=meddle):
            if meddle and k == 2:
                value.data = 3
            return 0.1

        optimizers[1].lr = rate
        stepped(models[1], optimizers[1]).run(X, Y, epochs=3, batch_size=4)
        found.append(numbers(optimizers[1]))
    assert found[0] == found[1]


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers here")
def test_an_interrupt_between_steps_leaves_whole_ones():
    """Wherever in a step it comes, numbers and count are of the same step."""
    models, optimizers = pair()
    step = stepped(models[1], optimizers[1])
    step(X, Y)
    before = signal.signal(signal.SIGALRM, interrupted)
    try:
        for k in range(60):
            with suppress(KeyboardInterrupt):
                signal.setitimer(signal.ITIMER_REAL, 0.0005 + 0.00001 * k)
                while True:
                    step(X, Y)
    finally:
        signal.signal(signal.SIGALRM, before)
    step = stepped(models[0], optimizers[0])
    for _ in range(optimizers[1].steps):
        step(X, Y)
    assert numbers(optimizers[0]) == numbers(optimizers[1])


def interrupted(*_):
    raise KeyboardInterrupt


def test_it_makes_no_cycle():
    models, optimizers = pair()
    stepped(models[1], optimizers[1])(X, Y)
    ids = {id(value) for value in models[1].parameters()} | {id(optimizers[1])}
    waiting: list[Any] = [models[1].parameters()[0].cell, vars(optimizers[1])["held_state"]]
    for found in waiting:  # a list that grows as more are met
        waiting += [part for part in gc.get_referents(found) if not isinstance(part, type)]
        assert id(found) not in ids
    assert len(waiting) < 50


def orders(parameters):
    """Parameters in several orders, each of which stands in a pack of its own; one of them after another Value."""
    n = len(parameters)
    turned = [parameters[n // 2 :] + parameters[: n // 2], parameters[::-1], [Value(0.25), *parameters]]
    return [parameters, parameters[1:], parameters[:-1], *turned]


@pytest.mark.parametrize("make", [lambda: tn.Layer(2, 9, "tanh"), lambda: tn.Neuron(3), lambda: tn.MLP(2, [3, 2])])
def test_parameters_in_any_order_are_those_that_predictions_and_steps_read(make):
    """Of a length that fills the same vectors with one more or one less."""
    needed("llvm")
    random.seed(1)
    models = [make() for _ in range(2)]
    models[1].load_state_dict(models[0].state_dict())
    n = 3 if isinstance(models[0], tn.Neuron) else 2
    rows = [[random.uniform(-1.0, 1.0) for _ in range(n)] for _ in range(40)]

    def loss(prediction, target):
        return tn.dot(prediction, prediction) if isinstance(prediction, list) else prediction * prediction

    every = [[tn.SGD(list(ps), lr=0.1, momentum=0.5) for ps in orders(model.parameters())] for model in models]
    steps = [tn.compile_step(models[1], loss, optimizer, backend="llvm") for optimizer in every[1]]
    for k in (0, 1, 2, 1, 0, 3, 4, 3, 5, 0, 5, 1, 2, 4, 0):
        eager(models[0], loss, every[0][k], rows[:4], [0.0] * 4)
        steps[k](rows[:4], [0.0] * 4)
        assert numbers(every[1][k]) == pytest.approx(numbers(every[0][k]), rel=1e-12)
        for found, told in zip(models[1].predict(rows), [models[0].predict(row) for row in rows], strict=True):
            assert found == pytest.approx(told, rel=1e-12)


def test_two_networks_of_one_trained_layer_have_frozen_ones_of_their_own():
    models, _ = pair()
    others = [tn.MLP(2, [3, 2], "tanh", rng=random.Random(9)) for _ in range(2)]
    for model, other in zip(models, others, strict=True):
        other.layers[1] = model.layers[1]
    optimizers = [tn.SGD(model.layers[1].parameters(), lr=0.1, momentum=0.5) for model in models]
    steps = [stepped(model, optimizers[1]) for model in (models[1], others[1])]
    for _ in range(3):
        check(models, optimizers, steps[0])
        check(others, optimizers, steps[1])


def test_a_shallow_copy_of_the_optimizer_keeps_its_state():
    models, optimizers = pair()
    step = stepped(models[1], optimizers[1])
    step(X, Y)
    twin, before = copy.copy(optimizers[1]), held(optimizers[1])
    step(X, Y)
    assert twin.state == before
    assert optimizers[1].state != before


def test_one_less_parameter_than_states_is_an_error():
    needed("llvm")
    layer = tn.Layer(2, 9, rng=random.Random(1))
    optimizer = tn.SGD(layer.parameters(), lr=0.1, momentum=0.5)

    def loss(prediction, target):
        return tn.dot(prediction, prediction)

    step = tn.compile_step(layer, loss, optimizer, backend="llvm")
    step(X, [0.0] * 4)
    optimizer.parameters.pop()
    with pytest.raises(ValueError, match="has 26 parameters, but its state was set to 27"):
        step(X, [0.0] * 4)
    optimizer.state.pop()
    step(X, [0.0] * 4)
    assert optimizer.steps == 2


def test_a_parameter_that_stands_there_twice_is_as_on_python():
    found = []
    for backend in ("python", "llvm"):
        models, optimizers = pair()
        optimizers[0].parameters.append(optimizers[0].parameters[0])
        optimizers[0].state.append((0.0,))
        step = tn.compile_step(models[0], "squared_error", optimizers[0], backend=backend)
        for _ in range(3):
            step(X, Y)
        found.append(numbers(optimizers[0]))
    assert found[1] == pytest.approx(found[0], rel=1e-12)


def test_what_a_run_was_taken_back_to_is_read():
    """Also by columns that knew later numbers, and where a Value has left meanwhile."""
    models, optimizers = pair()
    step: Any = stepped(models[1], optimizers[1])
    step(X, Y)
    taken = step._latest._steps[True].arrays
    column = models[1].layers[0].neurons[0].weights.shared()
    before, kept = (column.packed(), numbers(optimizers[1])), taken.kept()
    step(X, Y)
    assert column.packed() != before[0]
    taken.back(kept)
    assert (column.packed(), numbers(optimizers[1])) == before
    step(X, Y)
    models[1].parameters()[0].data = 1
    taken.back(kept)
    taken.commit()
    assert numbers(optimizers[1]) == before[1]


@pytest.mark.parametrize("backend", ["python", "array", "llvm"])
@pytest.mark.parametrize("reverse", [False, True])
def test_compiled_functions_read_packed_parameters_where_they_stand(backend, reverse):
    """Wherever they move to between calls, and whichever of them leaves."""
    needed("llvm")
    model = tn.MLP(2, [3, 2], "tanh", rng=random.Random(1))
    plain = tn.compile(lambda x: model(x)[1], backend=needed(backend))
    optimizers = [tn.SGD(model.parameters()[:: -1 if k ^ reverse else 1], lr=0.1) for k in (False, True)]
    steps = [stepped(model, optimizer) for optimizer in optimizers]
    value = model.parameters()[3]

    def left(number):
        value.data = number

    changes = [
        None, lambda: steps[0](X, Y), lambda: steps[0](X, Y), lambda: left(0.5), lambda: left(2),
        lambda: steps[0](X, Y), lambda: steps[1](X, Y), lambda: steps[0].run(X, Y, 2), lambda: left(1),
        lambda: steps[1](X[:1], Y[:1]),
    ]  # fmt: skip
    for change in changes:
        if change is not None:
            change()
        x = [Value(0.5), Value(-1.0)]
        told = model(x)[1]
        told.backward()
        number, (gradient,) = plain.value_and_grad([0.5, -1.0])
        assert [number, *gradient] == pytest.approx([told.data, x[0].grad, x[1].grad], rel=1e-12)
        assert plain([0.5, -1.0]) == pytest.approx(told.data, rel=1e-12)
        assert list(plain.batch([[[0.5, -1.0]]] * 9)) == pytest.approx([told.data] * 9, rel=1e-12)


@pytest.mark.parametrize("width", [1, 2, 3, 4, 5, 6, 7, 8])
def test_a_pack_that_predictions_have_made_is_left_for_one_of_steps(width):
    """Of as many numbers as vectors hold, or not."""
    backend = needed("llvm")
    models = [tn.Layer(3, width, "tanh", rng=random.Random(1)) for _ in range(2)]
    optimizers = [tn.SGD(model.parameters(), lr=0.1, momentum=0.5) for model in models]
    structure: Any = structure_of(models[1])
    assert structure.packed()
    rows, targets = [[0.5, -1.0, 0.25], [1.0, 2.0, -3.0]], [[0.25] * width] * 2 if width > 1 else [0.25] * 2
    step = tn.compile_step(models[1], "squared_error", optimizers[1], backend=backend)
    for _ in range(2):
        told = eager(models[0], tn.losses.squared_error, optimizers[0], rows, targets)
        assert step(rows, targets) == pytest.approx(told, rel=1e-12)
        assert numbers(optimizers[1]) == pytest.approx(numbers(optimizers[0]), rel=1e-12)
        structure = structure_of(models[1])
        assert structure.packed()


def scaled(model, scale):
    return lambda x: model(x) * scale


def test_parameters_of_others_stay_what_they_are():
    """Of as many vectors, of which the last is another's where this one has none."""
    needed("llvm")
    found = []
    for backend in ("python", "llvm"):
        model, scale = tn.MLP(2, [4, 1], "tanh", rng=random.Random(1)), Value(2.0)
        both = tn.Adam([*model.parameters(), scale], lr=0.1)
        targets = [0.5] * len(X)
        tn.compile_step(scaled(model, scale), "squared_error", both, backend=backend).run(X, targets, 2)
        alone = tn.Adam(model.parameters(), lr=0.1, weight_decay=0.5)
        tn.compile_step(model, "squared_error", alone, backend=backend).run(X, targets, 5)
        found.append([scale.data, *numbers(alone)])
    assert found[1] == pytest.approx(found[0], rel=1e-9)


def test_a_state_that_is_read_in_a_step_is_not_the_one_that_counts():
    """Such as by a schedule, or by another thread that shows it."""
    models, optimizers = pair()
    for optimizer in optimizers:
        optimizer.lr = lambda k, optimizer=optimizer: 0.1 + 0.0 * len(optimizer.state)
    step = stepped(models[1], optimizers[1])
    for _ in range(3):
        check(models, optimizers, step)
    step.run(X, Y, 3, 4)
    tn.compile_step(models[0], "squared_error", optimizers[0], backend="python").run(X, Y, 3, 4)
    assert numbers(optimizers[1]) == pytest.approx(numbers(optimizers[0]), rel=1e-12)


@pytest.mark.parametrize("kind", OWN_OPTIMIZERS)
def test_optimizers_of_ones_own_learn_and_are_copied(kind):
    """A copy has the state that was, whatever the steps of either do afterwards."""
    models, _ = pair()
    optimizers = [kind(model.parameters(), lr=0.1) for model in models]
    step = stepped(models[1], optimizers[1])
    for _ in range(2):
        check(models, optimizers, step)
        twins = copy.copy(optimizers[1]), copy.deepcopy(optimizers[1]), pickle.loads(pickle.dumps(optimizers[1]))
        before = list(optimizers[1].state)
        check(models, optimizers, step)
        taken: Any = step._latest
        taken._steps[True].arrays.back(taken._steps[True].arrays.kept())
        check(models, optimizers, step)
        step.run(X, Y, 2, 4)
        tn.compile_step(models[0], "squared_error", optimizers[0], backend="python").run(X, Y, 2, 4)
        assert numbers(optimizers[1]) == pytest.approx(numbers(optimizers[0]), rel=1e-12)
        for twin in twins:
            assert list(twin.state) == before != list(optimizers[1].state)
            assert getattr(twin, "rho", 0.75) == 0.75


def test_steps_of_one_that_has_the_state_of_another_make_their_own():
    """However it came to have it."""
    models, optimizers = pair()
    step = stepped(models[1], optimizers[1])
    for _ in range(2):
        check(models, optimizers, step)
    other, _ = pair()
    twin = tn.SGD(other[0].parameters(), lr=0.1, momentum=0.9)
    vars(twin)["held_state"] = vars(optimizers[1])["held_state"]
    for _ in range(2):
        stepped(other[0], twin)(X, Y)
        check(models, optimizers, step)


def test_a_number_too_large_for_a_float_is_infinite():
    models, optimizers = pair()
    steps = [
        tn.compile_step(m, "squared_error", o, backend=b)
        for m, o, b in zip(models, optimizers, ("python", "llvm"), strict=True)
    ]
    for k in range(2):
        for model, step in zip(models, steps, strict=True):
            step(X, Y)
            model.parameters()[k].data = 10**400
    assert list(map(str, numbers(optimizers[1]))) == list(map(str, numbers(optimizers[0])))


def test_one_more_of_its_class_is_a_value():
    models, optimizers = pair()
    stepped(models[1], optimizers[1])(X, Y)
    value = models[1].parameters()[0]
    twin = type(value)(1.5, label="w")
    assert (type(twin), twin.data, twin.label) == (Value, 1.5, "w")
    assert tn.compile(lambda x: value * type(value)(x, label="w") * value.__class__(2.0))(3.0) == value.data * 3.0 * 2.0

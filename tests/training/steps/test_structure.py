"""One compiled thing for a structure: a second model of it compiles and traces nothing, and each difference is seen."""

import gc
import random
import threading
import weakref
from typing import Any

import pytest
from shared import needed
from training import equal, numbers

import tinygrad_nn as tn
from tinygrad_nn import Value

needed("llvm")

from tinygrad_nn.compiler.backends.llvm import engine as native  # noqa: E402
from tinygrad_nn.compiler.tracing.writer import Writer  # noqa: E402
from tinygrad_nn.training.steps.engines.native_text import MOST_TEXTS, TEXTS  # noqa: E402

RNG = random.Random(5)
X = [[RNG.uniform(-1.0, 1.0) for _ in range(3)] for _ in range(10)]
Y = [[RNG.uniform(0.0, 1.0) for _ in range(2)] for _ in X]
CLASSES = [RNG.randrange(2) for _ in X]


class Twice(tn.MLP):
    def __call__(self, inputs):
        return [2.0 * output for output in super().__call__(inputs)]


class Plain:
    """What is trained and how; each variant changes one thing of it."""

    def __init__(self, **changes):
        kind, given = changes.pop("kind", tn.MLP), {"activation": "tanh", "output_activation": "sigmoid"}
        given |= {name: changes.pop(name) for name in list(changes) if name in (*given, "input_names", "output_names")}
        self.model = kind(3, changes.pop("sizes", [4, 2]), rng=random.Random(1), **given)
        self.surgery = changes.pop("surgery", lambda model: None)
        self.surgery(self.model)
        optimizer = changes.pop("optimizer", lambda ps: tn.SGD(ps, lr=0.1, momentum=0.5))
        self.optimizer = optimizer(changes.pop("trained", lambda model: model.parameters())(self.model))
        self.tune = changes.pop("tune", lambda optimizer: None)
        self.tune(self.optimizer)
        self.loss, self.regularizer = changes.pop("loss", "squared_error"), changes.pop("regularizer", None)
        self.dtype = changes.pop("dtype", "float64")
        self.X, self.Y = changes.pop("X", X), changes.pop("Y", Y)
        self.run = {"epochs": 3, "batch_size": 4} | changes

    def train(self):
        """All numbers after a run, and the losses of it."""
        step = tn.compile_step(self.model, self.loss, self.optimizer, self.regularizer, "llvm", self.dtype)
        history = step.run(self.X, self.Y, **self.run)
        self.source = step.source()
        frozen = [p.data for p in self.model.parameters()]
        return [
            *history.losses,
            *(m for metric in history.metrics.values() for m in metric),
            *numbers(self.optimizer),
            *frozen,
        ]


def with_other_numbers(model):
    for k, parameter in enumerate(model.parameters()):
        parameter.data = 0.1 * k


def with_number(model):
    model.layers[0].neurons[1].weights[2] = 0.25


def with_another_number(model):
    model.layers[0].neurons[1].weights[2] = -0.75


def with_shared_bias(model):
    model.layers[1].neurons[0].bias = model.layers[1].neurons[1].bias


def with_shared_weight(model):
    model.layers[1].neurons[0].weights[1] = model.layers[1].neurons[1].weights[1]


def with_shared_neuron(model):
    model.layers[0].neurons[2] = model.layers[0].neurons[3]


def with_relu(model):
    model.layers[0].neurons[2].activation = "relu"


def with_own_activation(model):
    model.layers[0].neurons[2].activation = lambda z: 3.0 * tn.tanh(z)


def without_neuron(model):
    model.layers[0].neurons.pop()
    for neuron in model.layers[1].neurons:
        neuron.weights.pop()


def with_another_layer(model):
    model.layers.insert(1, tn.Layer(4, 4, "tanh", rng=random.Random(9)))


def with_private_activation(model):
    model.layers[0].neurons[0]._activate = lambda z: 0.5 * z


def with_method(model):
    model.layers[0].neurons[0]._output_of_any = lambda xs: tn.tanh(xs[0])


def with_quadratic(model):
    class Quadratic(tn.Neuron):
        def _output_of_any(self, xs):
            return xs[0] * xs[1] * self.bias

    model.layers[0].neurons[1] = Quadratic(3, rng=random.Random(4))


def own_loss(prediction, target):
    return tn.losses.squared_error(prediction, target) * 2.0


def own_metric(prediction, target):
    return abs(prediction[0] - target[0])


def with_own_update(optimizer):
    optimizer.update = lambda parameter, gradient, state, lr, step: (parameter - 2.0 * lr * gradient, state)


class Slow(tn.SGD):
    def update(self, parameter, gradient, state, lr, step):
        return super().update(parameter, gradient, state, 0.1 * lr, step)


VARIANTS: dict[str, Any] = {
    "plain": {},
    "other numbers": {"surgery": with_other_numbers},
    "activation": {"activation": "relu"},
    "output activation": {"output_activation": "linear"},
    "width": {"sizes": [5, 2]},
    "depth": {"sizes": [4, 4, 2]},
    "a layer more": {"surgery": with_another_layer},
    "one output": {"sizes": [4, 1], "Y": [[y[0]] for y in Y]},
    "target in no list": {"sizes": [4, 1], "Y": [y[0] for y in Y]},
    "loss": {"loss": "absolute_error"},
    "loss of a class": {"loss": "cross_entropy", "Y": CLASSES, "output_activation": "linear"},
    "own loss": {"loss": own_loss},
    "regularizer": {"regularizer": lambda model: 0.1 * model.layers[0].neurons[0].bias ** 2},
    "one row a step": {"batch_size": 1},
    "all rows a step": {"batch_size": 10},
    "float32": {"dtype": "float32"},
    "until": {"until": (tn.losses.squared_error, 1e-3)},
    "until of another": {"until": (tn.losses.absolute_error, 1e-3)},
    "until of one's own": {"until": (own_metric, 1e-3)},
    "no momentum": {"optimizer": lambda ps: tn.SGD(ps, lr=0.1)},
    "nesterov": {"optimizer": lambda ps: tn.SGD(ps, lr=0.1, momentum=0.5, nesterov=True)},
    "decay": {"optimizer": lambda ps: tn.SGD(ps, lr=0.1, momentum=0.5, weight_decay=0.1)},
    "more decay": {"optimizer": lambda ps: tn.SGD(ps, lr=0.1, momentum=0.5, weight_decay=0.2)},
    "whole decay": {"tune": lambda optimizer: setattr(optimizer, "weight_decay", 2)},
    "rate": {"optimizer": lambda ps: tn.SGD(ps, lr=0.2, momentum=0.5)},
    "schedule": {"optimizer": lambda ps: tn.SGD(ps, lr=tn.optim.linear(0.2, 0.1, steps=5), momentum=0.5)},
    "adam": {"optimizer": lambda ps: tn.Adam(ps, lr=0.1)},
    "adam of other betas": {"optimizer": lambda ps: tn.Adam(ps, lr=0.1, betas=(0.5, 0.75))},
    "adam with decay": {"optimizer": lambda ps: tn.Adam(ps, lr=0.1, weight_decay=0.1)},
    "optimizer of one's own": {"optimizer": lambda ps: Slow(ps, lr=0.1, momentum=0.5)},
    "update of one's own": {"tune": with_own_update},
    "steps made before": {"tune": lambda optimizer: setattr(optimizer, "steps", 7)},
    "last layer": {"trained": lambda m: m.layers[1].parameters()},
    "first layer": {"trained": lambda m: m.layers[0].parameters()},
    "reversed": {"trained": lambda m: m.parameters()[::-1]},
    "one frozen": {"trained": lambda m: m.parameters()[1:]},
    "another frozen": {"trained": lambda m: m.parameters()[:-1]},
    "one beside": {"trained": lambda m: [*m.parameters(), Value(1.0)]},
    "one beside, first": {"trained": lambda m: [Value(1.0), *m.parameters()]},
    "number": {"surgery": with_number},
    "another number": {"surgery": with_another_number},
    "shared bias": {"surgery": with_shared_bias},
    "shared weight": {"surgery": with_shared_weight},
    "shared neuron": {"surgery": with_shared_neuron},
    "one relu": {"surgery": with_relu},
    "own activation": {"surgery": with_own_activation},
    "private activation": {"surgery": with_private_activation},
    "a neuron less": {"surgery": without_neuron},
    "method of an object": {"surgery": with_method},
    "neuron of one's own": {"surgery": with_quadratic},
    "network of one's own": {"kind": Twice},
    "names": {"input_names": ["a", "b", "c"], "output_names": ["p", "q"]},
}
KNOWN = {
    "plain",
    "other numbers",
    "names",
    "rate",
    "schedule",
    "no momentum",
    "more decay",
    "adam of other betas",
    "steps made before",
}  # fmt: skip  whose structure is that of another


QUICK = {
    "plain", "activation", "one relu", "loss", "own loss", "float32", "one row a step", "decay", "nesterov", "rate",
    "update of one's own", "reversed", "one frozen", "another frozen", "number", "shared bias", "method of an object",
    "network of one's own", "names", "regularizer", "until", "until of another",
}  # fmt: skip


class Alone(dict):
    """What each variant gives where nothing was kept."""

    def __missing__(self, name):
        TEXTS.clear()
        self[name] = found = Plain(**VARIANTS[name]).train()
        return found


@pytest.fixture(scope="module")
def alone():
    return Alone()


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] * (n not in QUICK)) for n in VARIANTS])
def test_a_difference_in_structure_gives_what_it_gives_alone(name, alone):
    for other in ("plain",) if name in QUICK else ("plain", "decay"):
        expected = alone[other], alone[name]
        TEXTS.clear()
        for variant, numbers_alone in zip((other, name, other), (*expected, expected[0]), strict=True):
            assert equal(Plain(**VARIANTS[variant]).train(), numbers_alone), variant
    assert name in KNOWN or not equal(alone[name], alone["plain"])


@pytest.mark.slow
def test_all_of_them_in_one_process(alone):
    assert [alone[name] for name in VARIANTS]
    TEXTS.clear()
    names = [name for name in VARIANTS for _ in range(2)]
    random.Random(3).shuffle(names)
    for name in names:
        assert equal(Plain(**VARIANTS[name]).train(), alone[name]), name


@pytest.fixture
def made(monkeypatch):
    """What was traced and compiled."""
    told = []
    init, compiled = Writer.__init__, native.native

    def traced(self, name):
        told.append(name)
        init(self, name)

    monkeypatch.setattr(Writer, "__init__", traced)

    def run(text, pointers):
        told.append("a text")
        return compiled(text, pointers)

    monkeypatch.setattr(native, "native", run)
    return told


def traced(made):
    return [entry for entry in made if entry != "a text"]


def test_a_second_model_of_a_structure_is_not_traced(made):
    TEXTS.clear()
    for name in ("plain", "adam", "decay", "last layer", "shared bias", "float32"):
        Plain(**VARIANTS[name]).train()
    assert len(traced(made)) == 12  # a row and an update each
    made.clear()
    for name in ("plain", *KNOWN - {"no momentum"}, "adam", "last layer", "shared bias", "float32"):
        Plain(**VARIANTS[name]).train()
    assert not traced(made)
    assert made


def test_a_second_fit_and_a_second_step_of_one_model_are_not_traced(made):
    TEXTS.clear()
    plain = Plain()
    first = tn.compile_step(plain.model, "squared_error", plain.optimizer, backend="llvm")
    first(X, Y)
    made.clear()
    fitted = Plain()
    for _ in range(2):
        tn.fit(fitted.model, X, Y, "squared_error", fitted.optimizer, 2, 4, progress=False, backend="llvm")
    tn.compile_step(plain.model, "squared_error", plain.optimizer, backend="llvm")(X, Y)
    assert not traced(made)


def test_settings_on_another_path_are_another_program(made):
    TEXTS.clear()
    plain = Plain()
    step = tn.compile_step(plain.model, "squared_error", plain.optimizer, backend="llvm")
    for decay in (0.0, 0.1, 0.0, 0.2, 0.0):
        plain.optimizer.weight_decay = decay
        step(X, Y)
    assert len(traced(made)) == 4  # a row and an update for each of two paths


def test_a_model_is_not_kept_by_what_is_kept_of_it():
    TEXTS.clear()
    plain = Plain(**VARIANTS["one frozen"])
    plain.train()
    tn.fit(plain.model, X, Y, "squared_error", plain.optimizer, 1, progress=False, backend="llvm")
    others = [plain.optimizer, plain.model, *plain.model.layers, *plain.model.layers[0].neurons]
    gone = [weakref.ref(found) for found in others]
    kept = {id(p) for p in plain.model.parameters()}
    assert len(TEXTS)
    reached, seen = [TEXTS], set()
    while reached:
        found = reached.pop()
        if id(found) not in seen and not isinstance(found, type | type(gc) | type(made)):
            seen.add(id(found))
            reached += gc.get_referents(found)
    assert kept.isdisjoint(seen)
    del plain, others, found
    gc.collect()
    assert not any(reference() for reference in gone)


def test_the_program_of_a_second_model_is_its_own():
    first, second = Plain(), Plain(input_names=["width", "height", "depth"], output_names=["p", "q"])
    for plain in (first, second):
        step = tn.compile_step(plain.model, "squared_error", plain.optimizer, backend="llvm")
        step(X, Y)
        listing, source = str(step.program), step.source()
        TEXTS.clear()
        step = tn.compile_step(plain.model, "squared_error", plain.optimizer, backend="llvm")
        step(X, Y)
        assert str(step.program) == listing
        assert step.source() == source
        assert ("width" in listing) is (plain is second)
        Plain().train()
    assert step.program.flat.parameters.keys()
    assert set(step.program.flat.parameters.values()) <= {*second.model.parameters()}


@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("place", [0, 5])
def test_a_class_that_there_is_not_is_told_as_in_the_first_run(place, batch_size):
    wrong = list(CLASSES)
    wrong[place] = 7
    changes = {"loss": "cross_entropy", "output_activation": "linear", "batch_size": batch_size}
    said = []
    for known in (False, True):
        TEXTS.clear()
        if known:
            Plain(**changes, Y=CLASSES).train()
        plain = Plain(**changes, Y=wrong)
        before = numbers(plain.optimizer)
        with pytest.raises(ValueError, match=f"row {place} of X and Y") as error:
            plain.train()
        said.append(str(error.value))
        assert numbers(plain.optimizer) == before
    assert said[0] == said[1]


@pytest.mark.parametrize("name", ["one row a step", "float32", "until"])
def test_the_source_of_a_known_structure_is_its_own(name):
    sources = []
    for others in ([], ["plain"]):
        TEXTS.clear()
        for variant in others:
            Plain(**VARIANTS[variant]).train()
        plain = Plain(**VARIANTS[name])
        plain.train()
        sources.append(plain.source)
    assert sources[0] == sources[1]


FACTORS = {"lr": 1.0}


class Following(tn.SGD):
    """Its update reads a number that is none of its settings."""

    def update(self, parameter, gradient, state, lr, step):
        return super().update(parameter, gradient, state, FACTORS["lr"] * lr, step)


def test_an_optimizer_of_the_users_own_is_traced_again(monkeypatch):
    found = []
    for factor in (1.0, 0.5):
        monkeypatch.setitem(FACTORS, "lr", factor)
        found.append(Plain(optimizer=lambda ps: Following(ps, lr=0.1, momentum=0.5)).train())
    assert equal(found[0], Plain().train())
    halved = Plain(optimizer=lambda ps: tn.SGD(ps, lr=0.05, momentum=0.5)).train()
    assert all(abs(a - b) < 1e-9 for a, b in zip(found[1], halved, strict=True))


def test_a_patched_method_is_traced(monkeypatch, alone):
    plain, twice, slow = (alone[name] for name in ("plain", "network of one's own", "optimizer of one's own"))
    Plain().train()
    whole = tn.MLP.__call__
    with monkeypatch.context() as patch:
        patch.setattr(tn.MLP, "__call__", lambda model, inputs: [2.0 * output for output in whole(model, inputs)])
        assert equal(Plain().train(), twice)
    update = tn.SGD.update
    with monkeypatch.context() as patch:
        patch.setattr(tn.SGD, "update", lambda self, p, g, state, lr, step: update(self, p, g, state, 0.1 * lr, step))
        assert equal(Plain().train(), slow)
    assert equal(Plain().train(), plain)


def test_what_is_kept_is_bounded(monkeypatch):
    assert TEXTS.most == MOST_TEXTS
    monkeypatch.setattr(TEXTS, "most", 3)
    TEXTS.clear()
    for width in range(1, 6):
        Plain(sizes=[width, 2], epochs=1).train()
        assert len(TEXTS) == min(width, 3)


def test_threads_train_models_of_one_structure(alone):
    names, found = ["plain", "one frozen", "decay"] * 3, {}
    assert [alone[name] for name in names]

    def train(k):
        found[k] = Plain(**VARIANTS[names[k]]).train()

    TEXTS.clear()
    threads = [threading.Thread(target=train, args=(k,)) for k in range(len(names))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(equal(found[k], alone[name]) for k, name in enumerate(names))


CHANGES = {
    "nothing": lambda plain: None,
    "activation": lambda plain: with_relu(plain.model),
    "own activation": lambda plain: with_own_activation(plain.model),
    "number": lambda plain: with_number(plain.model),
    "another Value": lambda plain: setattr(plain.model.layers[0].neurons[0], "bias", Value(0.5)),
    "another Value in the list": lambda plain: plain.model.layers[0].neurons[0].weights.__setitem__(0, Value(0.5)),
    "shared": lambda plain: with_shared_bias(plain.model),
    "a neuron less": lambda plain: without_neuron(plain.model),
    "method": lambda plain: with_method(plain.model),
    "setting": lambda plain: setattr(plain.optimizer, "nesterov", True),
    "decay": lambda plain: setattr(plain.optimizer, "weight_decay", 0.1),
    "order": lambda plain: (plain.optimizer.parameters.reverse(), plain.optimizer.state.reverse()),
    "frozen": lambda plain: (plain.optimizer.parameters.pop(), plain.optimizer.state.pop()),
}


LOOKED = [pytest.param(0, marks=pytest.mark.slow), 1, pytest.param(2, marks=pytest.mark.slow)]  # steps made before it


@pytest.mark.parametrize("looked", LOOKED)
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_between_two_steps_is_seen(change, looked):
    """Whether or not the surroundings of the first step were walked through before it, and when it is taken back."""
    found = []
    for anew in (False, True):
        plain = Plain()
        steps = [tn.compile_step(plain.model, "squared_error", plain.optimizer, backend="llvm")]

        def run(count, plain=plain, steps=steps, anew=anew):
            if anew:
                TEXTS.clear()
                steps.append(tn.compile_step(plain.model, "squared_error", plain.optimizer, backend="llvm"))
            return [steps[-1](X, Y) for _ in range(count)]

        losses = run(looked)
        before = [*plain.model.layers[0].neurons]
        CHANGES[change](plain)
        losses += run(2)
        plain.model.layers[0].neurons[:] = before
        losses += run(1) if change != "a neuron less" else []
        found.append([*losses, *numbers(plain.optimizer)])
    assert equal(*found)


def test_names_given_between_two_steps_show():
    plain = Plain()
    step = tn.compile_step(plain.model, "squared_error", plain.optimizer, backend="llvm")
    step(X, Y)
    plain.model.input_names = ["width", "height", "depth"]
    step(X, Y)
    assert "width" in str(step.program)


@pytest.mark.parametrize("changes", [{"loss": own_loss}, VARIANTS["regularizer"], VARIANTS["own activation"]])
def test_code_of_the_users_own_is_traced_again_and_not_compiled_again(changes, monkeypatch, made):
    Plain(**changes).train()
    compiled = []
    monkeypatch.setattr(native, "_engine", lambda *given: compiled.append(given))
    made.clear()
    Plain(**changes).train()
    assert traced(made)
    assert not compiled


def drawn(seed):
    """What is trained and how, drawn from a seed; few enough that some are of one structure."""
    rng = random.Random(seed)
    surgeries = [None, None, None, with_number, with_shared_bias, with_shared_weight, with_relu, with_own_activation,
                 with_shared_neuron, with_other_numbers]  # fmt: skip
    loss, last = rng.choice(["squared_error", "huber", "hinge", "cross_entropy"]), rng.choice(["linear", "tanh"])
    sizes = [rng.choice([[4, 2], [5, 2], [4, 4, 2]]), rng.choice(["tanh", "relu", "gelu"])]
    keep, order = rng.choice([0.0, 0.0, 0.3]), rng.random() < 0.3
    surgery, frozen = rng.choice(surgeries), rng.randrange(3)

    def trained(model):
        chosen = random.Random(frozen)
        found = [p for p in model.parameters() if chosen.random() >= keep]
        return found[::-1] if order else found

    return Plain(
        sizes=sizes[0], activation=sizes[1], output_activation=last, loss=loss, trained=trained,
        Y=CLASSES if loss == "cross_entropy" else Y, surgery=surgery or (lambda model: None),
        optimizer=rng.choice([lambda ps: tn.SGD(ps, lr=0.05, momentum=0.5), lambda ps: tn.Adam(ps, lr=0.05)]),
        batch_size=rng.choice([1, 4]), dtype=rng.choice(["float64", "float64", "float32"]), epochs=2,
    )  # fmt: skip


@pytest.mark.slow
def test_architectures_at_random_give_what_they_give_alone():
    alone_of = {}
    for seed in range(80):
        TEXTS.clear()
        alone_of[seed] = drawn(seed).train()
    TEXTS.clear()
    seeds = [*range(80), *range(80)]
    random.Random(4).shuffle(seeds)
    for seed in seeds:
        assert equal(drawn(seed).train(), alone_of[seed]), seed

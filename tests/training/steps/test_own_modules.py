"""Whatever is done to a network of the library's own between two steps, the next step is that of the network as it is.

So fast a step looks at it (a neuron is watched by one object, which goes with every change) that each way to change it
is tried here, by methods and past them.
"""

import copy
import pickle
import random
from typing import Any

import pytest
from shared import needed
from training import X, Y, compile_step, eager, equal, numbers

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.autograd import primitives as table


class Mine(tn.Neuron):
    """A neuron of a user's class."""


class Scaled(tn.MLP):
    """A network of a user's class."""

    factor = 2.0

    def scale(self, output):
        return output * self.factor

    def __call__(self, inputs):
        return [self.scale(output) for output in super().__call__(inputs)]


def data_of(weight: Any) -> float:
    return getattr(weight, "data", weight)


def set_bias(neuron: Any) -> None:
    neuron.bias = Value(0.25)


def put(weights: Any, *given: Any) -> None:
    """The same number of weights as before, of which the last are those given."""
    del weights[-len(given) :]
    weights.extend(given)


WEIGHTS = {
    "setting one": lambda ws: ws.__setitem__(0, Value(0.25)),
    "setting one to a number": lambda ws: ws.__setitem__(0, 0.25),
    "setting a slice": lambda ws: ws.__setitem__(slice(None), [Value(0.5), Value(0.25)]),
    "append": lambda ws: (ws.pop(), ws.append(Value(0.25))),
    "extend": lambda ws: put(ws, Value(0.5), Value(0.25)),
    "insert": lambda ws: (ws.insert(0, Value(0.25)), ws.pop()),
    "+=": lambda ws: (ws.clear(), ws.__iadd__([Value(0.5), Value(0.25)])),
    "*=": lambda ws: (ws.pop(), ws.__imul__(2)),
    "del": lambda ws: (ws.append(Value(0.25)), ws.__delitem__(0)),
    "pop": lambda ws: ws.append(ws.pop(0)),
    "remove": lambda ws: (ws.remove(ws[1]), ws.append(0.5)),
    "reverse": lambda ws: ws.reverse(),
    "sort": lambda ws: ws.sort(key=lambda w: -data_of(w)),
    "setting the same": lambda ws: ws.__setitem__(0, ws[0]),
}
NEURONS = {
    "a bias": lambda n: setattr(n, "bias", Value(0.25)),
    "a bias that is frozen": lambda n: setattr(n, "bias", data_of(n.bias)),
    "a bias by micrograd's name": lambda n: setattr(n, "b", Value(0.25)),
    "weights": lambda n: setattr(n, "weights", [Value(0.25), Value(0.5)]),
    "weights by micrograd's name": lambda n: setattr(n, "w", [Value(0.25), Value(0.5)]),
    "an activation": lambda n: setattr(n, "activation", "sigmoid"),
    "an activation that is a function": lambda n: setattr(n, "activation", lambda v: v * v),
    "an activation past the name": lambda n: setattr(n, "_activate", table.sin),
    "a bias in the dict": lambda n: n.__dict__.update(bias=Value(0.25)),
    "a bias that is a number in the dict": lambda n: n.__dict__.update(bias=data_of(n.bias)),
    "weights in the dict": lambda n: n.__dict__.update(weights=tn.Neuron(2, rng=random.Random(5)).weights),
    "an activation in the dict": lambda n: n.__dict__.update(_activate=table.sin),
    "another dict": lambda n: setattr(n, "__dict__", vars(tn.Neuron(2, "sigmoid", rng=random.Random(5)))),
    "all by a copy's state": lambda n: n.__dict__.update(copy.deepcopy(vars(tn.Neuron(2, rng=random.Random(5))))),
    "a bias taken away and back": lambda n: [change(n) for change in (lambda n: n.__delattr__("bias"), set_bias)],
}


def swapped(model: Any) -> None:
    first, second = model.layers
    first.neurons[0], first.neurons[1] = first.neurons[1], first.neurons[0]
    second.neurons.reverse()


def grown(model: Any) -> None:
    model.layers[0].neurons.append(tn.Neuron(2, "tanh", rng=random.Random(5)))
    for neuron in model.layers[1].neurons:
        neuron.weights.append(Value(0.5))


def of_another_class(model: Any) -> None:
    model.__class__ = Scaled


LARGER = {
    "neurons swapped": swapped,
    "a neuron replaced": lambda m: m.layers[0].neurons.__setitem__(1, tn.Neuron(2, rng=random.Random(5))),
    "a neuron more": grown,
    "a layer more": lambda m: m.layers.append(tn.Layer(2, 2, "tanh", rng=random.Random(5))),
    "a layer replaced": lambda m: m.layers.__setitem__(0, tn.Layer(2, 3, rng=random.Random(5))),
    "layers assigned": lambda m: setattr(m, "layers", [m.layers[0], tn.Layer(3, 2, rng=random.Random(5))]),
    "neurons assigned": lambda m: setattr(m.layers[1], "neurons", m.layers[1].neurons[::-1]),
    "neurons in the dict": lambda m: vars(m.layers[1]).update(neurons=m.layers[1].neurons[::-1]),
    "a neuron of a class": lambda m: m.layers[0].neurons.__setitem__(1, Mine(2, "tanh", rng=random.Random(5))),
    "another class": of_another_class,
}
CHANGES = (
    {f"weights, {name}": lambda m, by=by: by(m.layers[0].neurons[1].weights) for name, by in WEIGHTS.items()}
    | {f"a neuron, {name}": lambda m, by=by: by(m.layers[0].neurons[1]) for name, by in NEURONS.items()}
    | LARGER
)


def network() -> Any:
    return tn.MLP(2, [3, 2], "tanh", rng=random.Random(1))


def agree(change: Any, make: Any = network, backend: str = "python") -> int:
    """Steps of a user's and compiled ones, with a change between them; how many entries the watch looked at."""
    models = [make() for _ in range(2)]
    optimizers = [tn.SGD(model.parameters(), lr=0.1, momentum=0.5) for model in models]
    step = compile_step(models[1], "squared_error", optimizers[1], backend=backend)
    told = []
    for k in range(4):
        if k in (1, 2):  # the second time what was changed once is changed again
            for model in models:
                change(model)
        told = [eager(models[0], tn.losses.squared_error, optimizers[0], X, Y), step(X, Y)]
        if backend == "python":
            assert equal(told[:1], told[1:]), (k, told)
            assert equal(*map(numbers, optimizers)), k
        assert told[1] == pytest.approx(told[0], rel=1e-12), (k, told)
        assert numbers(optimizers[1]) == pytest.approx(numbers(optimizers[0]), rel=1e-12)
    known: Any = next(iter(step._known.values()))
    return len(known._found[0][0].walk.entries)


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_done_to_a_network_between_steps_is_seen(name):
    agree(CHANGES[name])


def test_neurons_are_watched_by_one_object_each():
    """Not by their attributes, nor by their weights: only lists and dicts of layers are looked through."""
    assert agree(lambda model: None) == 2 + 3 + 2 + 2 * 2 + 4  # layers, neurons, and the attributes of layers and model
    assert agree(lambda model: vars(model.layers[0].neurons[0])) == 2 + 3 + 2 + 2 * 2 + 4 + 6


def test_the_library_itself_takes_no_dict_of_a_neuron(tmp_path):
    """Whoever has the dict may change a neuron unseen, which is then watched entry by entry."""
    model = network()
    optimizer = tn.SGD(model.parameters(), lr=0.1)
    tn.fit(model, X, Y, "squared_error", optimizer, 3, metrics="mae", validation=(X, Y), patience=2, progress=False)
    compile_step(model, "squared_error", optimizer).run(X, Y, epochs=2)
    compiled = tn.compile(model)
    compiled.batch([[x] for x in X])
    tn.save(model, tmp_path / "model.txt")
    model.load_state_dict(tn.load(tmp_path / "model.txt").state_dict())
    told: list[Any] = [model.summary(), repr(model), list(model.named_parameters()), model.predict(X)]
    told += [tn.lint(model, tn.sum(model(X[0]))), tn.draw(tn.sum(model(X[0]))), tn.draw_network(model)]
    tn.export_c(model, tmp_path / "model.c")
    copy.deepcopy(model), pickle.dumps(model)
    assert told
    assert all(n._stamp_of_attributes() is not None for layer in model.layers for n in layer.neurons)


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda n: pickle.loads(pickle.dumps(n))])
def test_a_copy_is_watched_as_what_it_was_made_from_is(again):
    neuron = tn.Neuron(2)
    assert again(neuron)._stamp_of_attributes() is not None
    assert neuron._stamp_of_attributes() is not None
    assert vars(neuron)["bias"] is neuron.bias
    assert neuron._stamp_of_attributes() is None
    assert again(neuron).parameters()[0].data == neuron.parameters()[0].data


def test_a_dict_that_was_taken_before_the_first_step_may_be_changed_after_it():
    taken: list[Any] = []

    def make() -> Any:
        model = network()
        taken.append((model, vars(model.layers[0].neurons[0])))
        return model

    def change(model: Any) -> None:
        next(held for owner, held in taken if owner is model)["bias"] = Value(0.25)

    agree(change, make)


def patched(model: Any) -> None:
    Scaled.scale = lambda self, output: output * 3.0  # type: ignore[method-assign]


OF_A_CLASS = {
    "a method of the class": patched,
    "an attribute": lambda m: setattr(m, "factor", 2.0 * m.factor),
    "a method shadowed": lambda m: setattr(m, "scale", lambda output: output * 0.5),
    "an attribute of the class": lambda m: setattr(Scaled, "factor", 0.5),
    "a bias": lambda m: setattr(m.layers[0].neurons[1], "bias", Value(0.25)),
}


@pytest.mark.parametrize("name", OF_A_CLASS)
def test_a_class_of_the_users_is_watched_as_a_whole(name, monkeypatch):
    monkeypatch.setattr(Scaled, "scale", Scaled.scale)
    monkeypatch.setattr(Scaled, "factor", Scaled.factor)
    agree(OF_A_CLASS[name], lambda: Scaled(2, [3, 2], "tanh", rng=random.Random(1)))


@pytest.mark.parametrize("name", ["weights, setting one", "a neuron, an activation", "a neuron more"])
def test_machine_code_sees_it_too(name):
    agree(CHANGES[name], backend=needed("llvm"))


def test_random_changes_are_all_seen():
    for seed in range(12):
        drawn = [random.Random(seed), random.Random(seed)]
        models: list[Any] = []

        def change(model: Any, drawn: Any = drawn, models: Any = models) -> None:
            if all(model is not known for known in models):
                models.append(model)
            rng = drawn[next(k for k, known in enumerate(models) if known is model)]
            for _ in range(rng.randrange(1, 4)):
                neuron = rng.choice(model.layers[0].neurons)
                changes = rng.choice([WEIGHTS, NEURONS])
                change = changes[rng.choice(sorted(changes))]
                change(neuron.weights if changes is WEIGHTS else neuron)

        agree(change)

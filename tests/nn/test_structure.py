"""The structure of a network: one for networks that differ in numbers and names, unknown for what is not ours."""

import random
from typing import Any

import pytest

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.nn import structure
from tinygrad_nn.nn.structure import places_in

structure_of: Any = structure.structure_of


def small(**options):
    given: Any = {"activation": "tanh", "rng": random.Random(1)} | options
    return tn.MLP(2, [3, 1], **given)


@pytest.mark.parametrize("model", [small(), tn.Layer(2, 3), tn.Neuron(2)], ids=["MLP", "Layer", "Neuron"])
def test_the_parameters_are_those_of_the_model_in_order(model):
    parameters = structure_of(model).parameters()
    assert list(map(id, parameters)) == list(map(id, model.parameters()))


def test_numbers_and_names_are_none_of_it():
    other = small(rng=random.Random(2), name="other", input_names=["a", "b"], output_names=["c"])
    other.layers[0].neurons[0].weights[0].label = "w"
    other._learned = [0.5]
    assert structure_of(other).key == structure_of(small()).key
    assert hash(structure_of(other).key) == hash(structure_of(small()).key)


def test_what_a_trace_follows_from_is():
    one_relu = small()
    one_relu.layers[0].neurons[1].activation = "relu"
    models = [
        small(), tn.MLP(2, [4, 1], "tanh"), tn.MLP(3, [3, 1], "tanh"), tn.MLP(2, [3, 3, 1], "tanh"), small(),
        small(activation="relu"), small(output_activation="tanh"), one_relu, tn.Layer(2, 1), tn.Neuron(2),
    ]  # fmt: skip
    assert len({structure_of(model).key for model in models}) == len(models) - 1


class Own(tn.MLP):
    pass


class Weight(Value):
    pass


def put(path, entry):
    """A small network with another thing in one place."""
    model = found = small()
    *holders, last = path.split(".")
    for name in holders:
        found = found[int(name)] if name.isdigit() else getattr(found, name)
    if last.isdigit():
        found[int(last)] = entry
    else:
        setattr(found, last, entry)
    return model


def without(path, name):
    """A small network that lacks an attribute."""
    model = small()
    holder = model.layers[0].neurons[0] if path == NEURON else model.layers[0]
    delattr(holder, name)
    return model


class Curve:
    __hash__ = None  # type: ignore[assignment]

    def __call__(self, z):
        return z * z


NEURON = "layers.0.neurons.0"
UNKNOWN = {
    "no model": lambda: 3,
    "function": lambda: abs,
    "subclass": lambda: Own(2, [3, 1]),
    "method": lambda: put("predict", abs),
    "attribute": lambda: put("layers.0.note", "mine"),
    "attribute of a neuron": lambda: put(f"{NEURON}._output_of_any", abs),
    "own activation": lambda: small(activation=lambda z: z * z),
    "own primitive": lambda: small(activation=tn.primitive("halved_by_structure", "0.5 * x", "0.5 * g")),
    "private activation": lambda: put(f"{NEURON}._activate", abs),
    "number": lambda: put(f"{NEURON}.weights.0", 1.0),
    "number as bias": lambda: put(f"{NEURON}.bias", 1.0),
    "recorded": lambda: put(f"{NEURON}.weights.0", Value(1.0) * 2.0),
    "subclass of Value": lambda: put(f"{NEURON}.bias", Weight(1.0)),
    "tuple of layers": lambda: put("layers", tuple(small().layers)),
    "layers that are none": lambda: put("layers.1", small()),
    "neurons that are none": lambda: put("layers.0.neurons.1", tn.Layer(2, 1)),
    "names of fewer outputs": lambda: put("output_names", ["a", "b"]),
    "no bias": lambda: without(f"{NEURON}", "bias"),
    "no neurons": lambda: without("layers.0", "neurons"),
    "activation that has no hash": lambda: put(f"{NEURON}.activation", Curve()),
    "no names": lambda: put("input_names", 5),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_is_not_the_librarys_own_in_every_part_is_unknown(name):
    assert structure_of(UNKNOWN[name]()) is None


def test_a_patched_class_is_unknown_until_it_is_as_before(monkeypatch):
    model = small()
    for kind, name in ((tn.MLP, "__call__"), (tn.Neuron, "_output_of_any"), (tn.Module, "predict"), (tn.MLP, "mine")):
        with monkeypatch.context() as patch:
            patch.setattr(kind, name, lambda *_: None, raising=False)
            assert structure_of(model) is None
        assert structure_of(model) is not None


def test_places_tell_which_values_are_one_and_which_are_trained():
    a, b, c = Value(1.0), Value(2.0), Value(3.0)
    lists = [
        ([a, b, c], [a, b, c]), ([a, b, c], [b, a, c]), ([a, b, c], [a, b]), ([a, b, c], [a, c]), ([a, a, c], [a, c]),
        ([a, c, c], [a, c]), ([a, b, a], []), ([a, b, b], []), ([a, b, c], []),
    ]  # fmt: skip
    found = [places_in(values, trained) for values, trained in lists]
    assert len(set(found)) == len(found)
    x, y, z = Value(1.0), Value(1.0), Value(1.0)
    new = {id(a): x, id(b): y, id(c): z}
    for values, trained in lists:
        again = [[new[id(value)] for value in given] for given in (values, trained)]
        assert places_in(*again) == places_in(values, trained)

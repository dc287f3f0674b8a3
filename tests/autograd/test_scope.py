"""Whose an operation is: places inside one another, and what a scope is called."""

import pytest
from shared import wrong

import tinygrad_nn as tn
from tinygrad_nn.autograd.scope import Place, scope_name


def test_a_place_tells_those_around_it():
    outer = Place("net")
    inner = Place("neuron 2", Place("layer 1", outer))
    assert [place.name for place in inner.path()] == ["net", "layer 1", "neuron 2"]
    assert inner.path()[0] is outer
    assert str(inner) == "net, layer 1, neuron 2"
    with pytest.raises(TypeError, match="the name of a module is text, but got 3"):
        Place(wrong(3))


def test_what_a_scope_is_called():
    class Unnamed:
        pass

    assert scope_name(None) == ""
    assert scope_name("mine") == "mine"
    assert scope_name(tn.losses.hinge) == "hinge"
    assert scope_name(Unnamed()) == "Unnamed"
    neuron = tn.MLP(2, [1]).layers[0].neurons[0]
    assert scope_name(neuron([1.0, 2.0]).scope) == neuron.name == "layer 1, neuron 1"

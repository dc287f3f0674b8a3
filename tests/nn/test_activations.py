"""Activations: by name and as functions."""

import random

import pytest

import tinygrad_nn as tn
from tinygrad_nn import Neuron
from tinygrad_nn.nn.activations import ACTIVATIONS


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_by_name_and_as_functions(name):
    by_name = Neuron(2, name, rng=random.Random(1))
    function = (lambda v: v) if name == "linear" else getattr(tn, name)
    by_function = Neuron(2, function, rng=random.Random(1))
    assert by_name([0.3, -0.8]).data == by_function([0.3, -0.8]).data
    assert by_function([0.3, -0.8]).scope is by_function

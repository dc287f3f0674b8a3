"""The structure of training steps: what their code follows from, apart from the numbers.

It is known without a trace where network, loss and optimizer are the library's own in every part. Steps of one
structure have one code, so that a second fit, a fold of a cross-validation or a new network of a known architecture
compiles nothing.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from ...autograd.value import Value
from ...losses import LOSSES
from ...nn.structure import are_leaves, as_classes_are, places_in, structure_of
from ...optim import SGD, Adam, Optimizer
from .recipe import Recipe
from .state import settings_of

OPTIMIZERS = (Optimizer, SGD, Adam)
AS_WRITTEN = as_classes_are(OPTIMIZERS)
AS_MADE: dict[type, Any] = {kind: vars(kind([Value(0.0)], 0.1)).keys() for kind in (SGD, Adam)}
OWN_LOSSES = tuple(LOSSES.values())


def structure_of_steps(recipe: Recipe) -> tuple[Hashable, list[Value]] | None:
    """The key of the structure of a recipe's steps, and the parameters of its network; None where it is unknown.

    The key has the network's structure, which of its parameters are trained and in which order, the loss, the metric of
    `until`, and the optimizer with all of its settings that are no numbers.
    """
    optimizer, trained = recipe.optimizer, recipe.optimizer.parameters
    own = _is_listed(recipe.loss) and (recipe.metric is None or _is_listed(recipe.metric))
    if not own or recipe.regularizer is not None or not _is_as_made(optimizer):
        return None
    found = structure_of(recipe.model)
    if found is None or not are_leaves(trained) or len(set(trained)) < len(trained):
        return None
    of_model, parameters = found
    places = places_in(parameters, trained)
    return (of_model, len(trained), places, recipe.loss, recipe.metric, *_settled(optimizer)), parameters


def _is_listed(loss: object) -> bool:
    """Whether a loss, or a metric, is a function of `losses`."""
    return any(loss is one for one in OWN_LOSSES)


def _is_as_made(optimizer: Optimizer) -> bool:
    """Whether an optimizer is one of the library's, as it was written and with the attributes that it was made with."""
    attributes = AS_MADE.get(type(optimizer))
    as_made = attributes is not None and vars(optimizer).keys() == attributes
    return as_made and bool(optimizer.state) and as_classes_are(OPTIMIZERS) == AS_WRITTEN


def _settled(optimizer: Optimizer) -> tuple[Hashable, ...]:
    """What of an optimizer code follows from: its settings that are no numbers, and how many numbers its state has."""
    return (*settings_of(optimizer)[1], len(optimizer.state[0]))

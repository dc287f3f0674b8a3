"""A quick look at a network of the library's own: whether lint surely finds nothing, by a few matrix products.

Whatever is not sure is left to lint, which looks at the recorded graph and has the words for what it finds.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from importlib.util import find_spec
from itertools import pairwise
from typing import Any

from .. import losses
from ..autograd import primitives as table
from ..autograd.primitives import Primitive
from ..autograd.value import Value
from ..nn.activations import ACTIVATIONS
from ..nn.structure import matrices_of, places_in, structure_of
from .idle_units import FEWEST_ROWS, FLAT, too_many
from .loss_scales import DISTANCES, RANGES

MARGIN = 1e-6  # by which a slope, or a number relative to what it is the sum of, is told from one that lint would name


def surely_clean(
    model: Any, loss: Any, trained: Sequence[Value], rows: Sequence[Sequence[float]], inputs: int, ended: bool
) -> bool:
    """Whether `of_training` surely finds nothing on some rows, of so many inputs and then the targets."""
    found = structure_of(model)
    if found is None or not rows or find_spec("numpy") is None:
        return False
    import numpy

    (_, shape), parameters = found
    used = {activation for units in shape for _, activation in units}
    data = [parameter.data for parameter in parameters]
    if not set(map(type, data)) <= {float}:
        return False
    given, numbers = numpy.array(rows), numpy.frombuffer(array("d", data))
    if not numpy.isfinite(numbers).all():
        return False
    layers = matrices_of(shape, numbers, inputs)
    if not used <= {*ACTIVATIONS.values()} or layers is None:
        return False
    if not ended:
        outputs = {activation for _, activation in shape[-1]}
        own = places_in(parameters, trained) is None or set(trained) <= set(parameters)
        known = own and _takes(loss, outputs, given[:, inputs:])
        if not known or any(_alike(layer, after) for layer, after in pairwise(layers)):
            return False
    if len(rows) < FEWEST_ROWS or used.isdisjoint(FLAT):
        return True
    activations = [[activation for _, activation in units] for units in shape]
    with numpy.errstate(all="ignore"):
        idle = _idle(numpy, given[:, :inputs], layers, activations)
    return _enough_left(model, activations, idle, whole=not ended)


def _alike(layer: Any, after: Any) -> bool:
    """Whether all units of a hidden layer may have equal weights, into them and out of them."""
    return len(layer) > 1 and bool((layer == layer[0]).all())


def _takes(loss: Any, outputs: set[Any], targets: Any) -> bool:
    """Whether a loss of the library's surely takes such outputs and such targets."""
    if loss is losses.hinge:
        return bool((abs(targets) == 1.0).all())
    if loss is losses.cross_entropy:
        return table.sigmoid not in outputs
    if loss in DISTANCES:
        reaches = [RANGES[activation] for activation in outputs if activation in RANGES]
        return all(bool(((targets >= low) & (targets <= high)).all()) for low, high in reaches)
    of_logits = loss is losses.binary_cross_entropy_with_logits and table.sigmoid not in outputs
    of_probability = loss is losses.binary_cross_entropy and outputs == {table.sigmoid}
    return (of_logits or of_probability) and bool(((targets >= 0.0) & (targets <= 1.0)).all())


def _idle(xp: Any, x: Any, layers: list[Any], activations: list[list[Any]]) -> list[Any]:
    """For each layer, which of its units may be idle on all rows."""
    found = []
    for layer, of_units in zip(layers, activations, strict=True):
        weights, bias = layer[:, :-1].T, layer[:, -1]
        z = x @ weights + bias
        sizes = abs(x) @ abs(weights) + abs(bias)
        y, idle = z.copy(), xp.zeros(len(layer), dtype=bool)
        for activation in set(of_units):
            if activation is None:
                continue
            units = xp.array([one is activation for one in of_units])
            y[:, units] = outputs = _outputs(xp, activation, z[:, units])
            if activation is table.relu:
                idle[units] = ~(z[:, units] > MARGIN * sizes[:, units]).any(axis=0)
            elif activation in FLAT:
                slopes = 1.0 - outputs * outputs if activation is table.tanh else outputs * (1.0 - outputs)
                idle[units] = ~(slopes.mean(axis=0) > FLAT[activation] + MARGIN)
        found.append(idle)
        x = y
    return found


def _outputs(xp: Any, activation: Primitive, z: Any) -> Any:
    """An activation of an array of numbers."""
    if activation is table.relu:
        return xp.maximum(z, 0.0)
    if activation is table.tanh:
        return xp.tanh(z)
    if activation is table.sigmoid:
        return 1.0 / (1.0 + xp.exp(-z))
    return xp.frompyfunc(activation.value, 1, 1)(z).astype("float64")


def _enough_left(model: Any, activations: list[list[Any]], idle: list[Any], whole: bool) -> bool:
    """Whether enough units of each activation are left in each layer, as lint counts them."""
    layers = [layer.neurons for layer in getattr(model, "layers", [])] or [getattr(model, "neurons", [model])]
    every = [unit for units in layers for unit in units]
    if len(set(map(id, every))) < len(every):
        return False
    counts: dict[Any, list[bool]] = {}
    of_units = [activation for units in activations for activation in units]
    silent = [one for units in idle for one in units.tolist()]
    for unit, activation, one in zip(every, of_units, silent, strict=True):
        if activation in FLAT:
            counts.setdefault((activation, unit.place.within or str(unit.place)), []).append(one)
    return not any(too_many(sum(found), len(found), whole) for found in counts.values())

"""A quick look at a network of the library's own: whether lint surely finds nothing, by a few matrix products.

Whatever is not sure is left to lint, which looks at the recorded graph and has the words for what it finds.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from .. import losses
from ..autograd import primitives as table
from ..autograd.value import Value
from ..compiler.backends.array.functions import functions
from ..nn.activations import ACTIVATIONS
from ..nn.structure import Units, matrices_of, outputs_of_layers, places_in, structure_of
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

    _, shape = found.key
    used = {activation for units in shape for _, activation in units}
    if (data := found.numbers()) is None:
        return False
    given, numbers = numpy.array(rows), numpy.frombuffer(data)
    if not numpy.isfinite(numbers).all():
        return False
    layers = matrices_of(shape, numbers, inputs)
    if not used <= {*ACTIVATIONS.values()} or layers is None:
        return False
    if not ended:
        outputs = {activation for _, activation in shape[-1]}
        parameters = found.parameters()
        own = places_in(parameters, trained) is None or set(trained) <= set(parameters)
        known = own and _takes(loss, outputs, given[:, inputs:])
        if not known or any(map(_alike, layers[:-1])):
            return False
    if len(rows) < FEWEST_ROWS or used.isdisjoint(FLAT):
        return True
    with numpy.errstate(all="ignore"):
        idle = _idle(numpy, given[:, :inputs], layers, shape)
    return _enough_left(model, shape, idle, whole=not ended)


def _alike(layer: Any) -> bool:
    """Whether all units of a hidden layer have equal weights into them."""
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


def _idle(xp: Any, x: Any, matrices: list[Any], layers: Sequence[Units]) -> list[Any]:
    """For each layer, which of its units may be idle on all rows: by the table's slopes."""
    found, activations = [], functions({row for units in layers for _, row in units if row is not None}, xp)
    parameters = [(matrix[:, :-1].T, matrix[:, -1]) for matrix in matrices]
    outputs = outputs_of_layers(x, parameters, layers, activations)
    for matrix, units, (sums, y) in zip(matrices, layers, outputs, strict=True):
        idle = xp.zeros(len(units), dtype=bool)
        used = {one for _, one in units}
        for activation in {one for one in used if one in FLAT}:
            mine = xp.array([one is activation for _, one in units]) if len(used) > 1 else slice(None)
            if activation is table.relu:
                sizes = abs(x) @ abs(matrix[:, :-1]).T + abs(matrix[:, -1])
                idle[mine] = ~(sums[:, mine] > MARGIN * sizes[:, mine]).any(axis=0)
            else:
                slopes = activation.rules[0](1.0, y[:, mine], sums[:, mine])  # type: ignore[misc]
                idle[mine] = ~(slopes.mean(axis=0) > FLAT[activation] + MARGIN)
        found.append(idle)
        x = y
    return found


def _enough_left(model: Any, layers: Sequence[Units], idle: list[Any], whole: bool) -> bool:
    """Whether enough units of each activation are left in each layer, as lint counts them."""
    neurons = [layer.neurons for layer in getattr(model, "layers", [])] or [getattr(model, "neurons", [model])]
    every = [unit for units in neurons for unit in units]
    if len(set(map(id, every))) < len(every):
        return False
    if not any(units.any() for units in idle):
        return True
    counts: dict[Any, list[bool]] = {}
    of_units = [activation for units in layers for _, activation in units]
    silent = [one for units in idle for one in units.tolist()]
    for unit, activation, one in zip(every, of_units, silent, strict=True):
        if activation in FLAT:
            counts.setdefault((activation, unit.place.within or str(unit.place)), []).append(one)
    return not any(too_many(sum(found), len(found), whole) for found in counts.values())

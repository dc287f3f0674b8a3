"""Units that let nothing through: relu that are 0 on every row, sigmoid and tanh that are flat on nearly all.

A unit's slope is the derivative of its activation, by the table's rule. Where its mean is next to nothing, while the
loss still has a slope at the unit's output, the weights before it do not learn (Hochreiter, 1991; Glorot & Bengio,
2010; Lu et al., Dying ReLU and Initialization, 2020).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from ..autograd import primitives as table
from ..autograd.reverse import adjoints, contributions
from ..autograd.scope import Place
from ..autograd.value import Result
from ..nn.layers import MLP

Unit = tuple[object, object]  # the activation, and the neuron
Slopes = dict[Unit, list[float]]

FEWEST_ROWS = 4  # rows that a unit must have seen
FLAT = {table.relu: 0.0, table.sigmoid: 0.01, table.tanh: 0.04}  # the largest mean slope that counts as none
STEEP = (table.log, table.log1p, table.binary_cross_entropy, table.sigmoid_cross_entropy)
# The slope of a row's loss at a unit's output from which on its silence matters; a saturated one that is right has some
PUSHED = {table.relu.name: 0.01, table.sigmoid.name: 0.1, table.tanh.name: 0.1}


def slopes_of(results: Sequence[Result]) -> Slopes:
    """The slope of each unit on each row."""
    slopes: Slopes = {}
    for result in results:
        if result.op in FLAT and getattr(result.scope, "place", None) is not None:
            (slope,) = contributions(result, 1.0)
            slopes.setdefault((result.op, result.scope), []).append(abs(slope))
    return slopes


def alike_units(model: Any) -> Iterator[tuple[str, str]]:
    """The hidden layers of an MLP whose units are all one: with equal weights into them, and equal ones out of them.

    Their gradients are equal, too, whatever the rows are, so that they stay equal for good.
    """
    layers = model.layers if isinstance(model, MLP) else []
    for layer, after in pairwise(layers):
        units = layer.neurons
        into = {(*(weight.data for weight in unit.weights), unit.bias.data) for unit in units}
        if len(units) < 2 or len(into) > 1 or any(len(unit.weights) != len(units) for unit in after.neurons):
            continue
        if all(len({weight.data for weight in unit.weights}) == 1 for unit in after.neurons):
            first = units[0].weights[0].data
            yield (
                "equal weights",
                f"the {len(units)} units of {layer.name} have equal weights, such as {first:.4g}, and equal ones "
                "out of them, so that their gradients are equal, too, and they learn as one unit would: draw "
                "the weights, as every init does, or start them apart",
            )


def idle_units(results: Sequence[Result], slopes: Slopes, whole: bool = False) -> Iterator[tuple[str, str]]:
    """The layers that too few units are left of, or with `whole` none: the kind of finding, and its words.

    `results` is the graph of a loss, which says how much is asked of the units, and `slopes` those of its rows or of
    others.
    """
    pushes: dict[Unit, float] | None = None  # which take longest, and are asked for where units are idle
    layers: dict[tuple[str, Place | str], list[tuple[Unit, list[float]]]] = {}
    for unit, seen in slopes.items():
        op, neuron = unit
        place = neuron.place  # type: ignore[attr-defined]
        layers.setdefault((op.name, place.within or str(place)), []).append((unit, seen))  # type: ignore[attr-defined]
    for (name, layer), units in layers.items():
        idle = [unit for unit, seen in units if sum(seen) <= FLAT[unit[0]] * len(seen)]  # type: ignore[index]
        rows = min(len(seen) for _, seen in units)
        if rows < FEWEST_ROWS or not too_many(len(idle), len(units), whole):
            continue
        pushes = _pushes(results) if pushes is None else pushes
        flat = max(sum(slopes[unit]) / len(slopes[unit]) for unit in idle)
        push = max(pushes.get(unit, 0.0) for unit in idle)
        if push < PUSHED[name]:
            continue
        kind, are, init = "saturated units", f"have a mean slope of at most {flat:.2g} on {rows} rows", "xavier"
        if name == table.relu.name:
            kind, are, init = "dead units", f"are 0 on all of {rows} rows", "he"
        yield (
            kind,
            f"{len(idle)} of {len(units)} {name} units of {str(layer) or 'the network'} {are}, so that the weights "
            f"before them do not learn, though the loss has a slope of up to {push:.2g} a row there: scale the inputs "
            f"to about 1, take smaller initial weights (init={init!r}) or a smaller learning rate",
        )


def too_many(idle: int, units: int, whole: bool) -> bool:
    """Whether too few are left: a quarter of them, or two, and no more than half."""
    return idle == units if whole else 2 * idle >= units and (units - idle <= 2 or 4 * idle >= 3 * units)


def _pushes(results: Sequence[Result]) -> dict[Unit, float]:
    """The mean size of a row's loss's slope at the output of each unit.

    A sigmoid that goes into a logarithm, or a cross-entropy, is left out: their steepness makes up for its flatness.
    """
    steep = {id(result.first) for result in results if result.op in STEEP}
    units = {id(result): result for result in results if result.op in FLAT}
    pushes = adjoints(results[0], units, create_graph=False)
    found: dict[Unit, list[float]] = {}
    for key, unit in units.items():
        if key not in steep:
            found.setdefault((unit.op, unit.scope), []).append(abs(pushes.get(key, 0.0)))
    rows = _weight(results)
    return {unit: sum(seen) / rows for unit, seen in found.items()}


def _weight(results: Sequence[Result]) -> float:
    """How much all terms of a loss count for together: 1 for a mean over rows, their number for a sum."""
    total, weights = 0.0, {id(results[0]): 1.0}
    for result in results:
        weight = weights.get(id(result))
        if weight is None:
            continue
        terms: list[tuple[Any, float]] = [
            (o, w) for o, w in zip(result.operands, contributions(result, weight), strict=True) if type(o) is Result
        ]
        if result.op in (table.add, table.subtract, table.negative) or (terms and _is_scaled(result)):
            for operand, share in terms:
                weights[id(operand)] = weights.get(id(operand), 0.0) + share
        elif not terms or any(any(operand.op.formulas) for operand, _ in terms):  # no function of constants
            total += abs(weight)
    return total or 1.0


def _is_scaled(result: Result) -> bool:
    """Whether a result is another one times a number, or a sum of such."""
    numbers = [type(o) is float for o in result.operands]
    if result.op in (table.multiply, table.divide, table.scaled):
        return any(numbers)
    n = len(result.groups[0]) if result.op is table.dot else 0
    return n > 0 and (all(numbers[:n]) or all(numbers[n : 2 * n]))

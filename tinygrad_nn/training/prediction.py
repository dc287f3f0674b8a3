"""Predictions for many rows at once: those of a network of the library's own are a few products of matrices.

They are the numbers of the recorded way within rounding, as those of the array back end are. Whatever is not sure to
be that is left to the recorded way, which has the words for what is wrong with it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.util import find_spec
from itertools import chain
from typing import Any

from ..autograd.primitives import Primitive
from ..compiler.arguments import data_of
from ..compiler.backends.array.functions import functions
from ..nn.structure import matrices_of, structure_of
from ..support.nested import is_array

LOADING = 2_000_000  # rows times parameters, whose recording takes as long as the import of NumPy
AT_ONCE = 1024  # rows, whose hidden numbers fit the processor's cache


def predicted(model: Any, rows: Any) -> Any:
    """The outputs for all rows, an array of (rows,) or (rows, outputs); None where the model is to be recorded."""
    found = structure_of(model)
    if found is None:
        return None
    (_, shape), parameters = found
    if "numpy" not in sys.modules and (len(rows) * len(parameters) < LOADING or find_spec("numpy") is None):
        return None
    import numpy

    matrix = _matrix(numpy, rows)
    try:
        numbers = numpy.array(data_of(parameters))
    except TypeError:  # one that was set to no number
        return None
    layers = None if matrix is None else matrices_of(shape, numbers, matrix.shape[1])
    if layers is None:
        return None
    activations = [[activation for _, activation in units] for units in shape]
    used = {activation for units in activations for activation in units if activation is not None}
    by_name = functions(sorted(used, key=lambda row: row.name), numpy)
    steps = [
        (layer[:, :-1].T, layer[:, -1], _by_activation(numpy, units, by_name))
        for layer, units in zip(layers, activations, strict=True)
    ]
    with numpy.errstate(all="ignore"):  # IEEE 754 defines what NumPy warns of
        parts = [_outputs(matrix[k : k + AT_ONCE], steps) for k in range(0, len(matrix), AT_ONCE)]
    outputs = numpy.concatenate(parts)
    return outputs[:, 0] if outputs.shape[1] == 1 else outputs


def _matrix(xp: Any, rows: Any) -> Any:
    """The rows as a matrix of doubles; None where they may be anything else."""
    if is_array(rows):
        return rows.astype("float64", copy=False) if rows.ndim == 2 and rows.dtype.kind in "biuf" else None
    if not set(map(type, rows)) <= {list, tuple, xp.ndarray} or len(set(map(len, rows))) != 1:
        return None
    kinds = set(map(type, chain.from_iterable(rows)))
    if not all(issubclass(kind, (float, int, xp.floating, xp.integer)) for kind in kinds):
        return None
    try:
        return xp.array(rows, dtype="float64")
    except OverflowError:  # an int past the largest float
        return None


def _by_activation(xp: Any, units: Sequence[Primitive | None], by_name: dict[str, Any]) -> list[tuple[Any, Any]]:
    """Each activation of a layer as a function of arrays, and the units that have it."""
    found = []
    for row in dict.fromkeys(units):
        if row is not None:
            mine = [k for k, unit in enumerate(units) if unit is row]
            found.append((by_name[row.name], slice(None) if len(mine) == len(units) else xp.array(mine)))
    return found


def _outputs(x: Any, steps: Sequence[tuple[Any, Any, list[tuple[Any, Any]]]]) -> Any:
    """The outputs for some rows."""
    for weights, biases, activations in steps:
        x = x @ weights
        x += biases
        for activation, units in activations:
            x[:, units] = activation(x[:, units])
    return x

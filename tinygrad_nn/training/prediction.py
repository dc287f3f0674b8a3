"""Predictions for many rows at once: those of a network of the library's own are a few products of matrices.

They are the numbers of the recorded way within rounding, as those of the array back end are. Whatever is not sure to
be that is left to the recorded way, which has the words for what is wrong with it.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from itertools import chain
from typing import Any

from ..compiler.backends.array.functions import functions
from ..nn.structure import matrices_of, outputs_of_layers, structure_of
from ..support.nested import is_array

LOADING = 2_000_000  # rows times parameters, whose recording takes as long as the import of NumPy
AT_ONCE = 1024  # rows, whose hidden numbers fit the processor's cache


def predicted(model: Any, rows: Any) -> Any:
    """The outputs for all rows, an array of (rows,) or (rows, outputs); None where the model is to be recorded."""
    if (structure := structure_of(model)) is None:
        return None
    _, shape = structure.key
    size = sum(width + 1 for units in shape for width, _ in units)
    if "numpy" not in sys.modules and (len(rows) * size < LOADING or find_spec("numpy") is None):
        return None
    import numpy

    matrix = _matrix(numpy, rows)
    if matrix is None or (data := structure.numbers()) is None:
        return None
    layers = matrices_of(shape, numpy.frombuffer(data), matrix.shape[1])
    if layers is None:
        return None
    activations = functions({row for units in shape for _, row in units if row is not None}, numpy)
    found = []
    with numpy.errstate(all="ignore"):  # IEEE 754 defines what NumPy warns of
        for k in range(0, len(matrix), AT_ONCE):
            *_, (_, outputs) = outputs_of_layers(matrix[k : k + AT_ONCE], layers, shape, activations)
            found.append(outputs)
    outputs = numpy.concatenate(found)
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

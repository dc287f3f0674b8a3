"""Predictions for many rows at once: those of a network of the library's own are a few products of matrices, and those
of a module of one's own are its program, on arrays.

They are the numbers of the recorded way within rounding, as those of the array back end are, and of machine code, which
products become where that pays. Whatever is not sure to be that is left to the recorded way, which has the words for
what is wrong with it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from itertools import chain
from math import inf
from typing import Any
from weakref import ref

from ..autograd.containers import dict_of
from ..compiler.backends.array.functions import functions
from ..nn.structure import Units, matrices_of, outputs_of_layers, structure_of
from ..support.latest import Latest
from ..support.nested import is_array

WORTH_TRACING = 2000  # rows, whose recording takes as long as a trace, whatever the module is
LOADING_OWN = 10_000  # rows of a module of one's own, whose recording takes longer than the import of NumPy
LOADING = 2_000_000  # rows times parameters of the library's, likewise
WORTH_PACKING = 8192  # rows, whose products take as long as it takes to pack the parameters
AT_ONCE = 1024  # rows, whose hidden numbers fit the processor's cache
# Rows times parameters, which take as long on arrays as machine code takes to make, and as what makes it takes to load.
WORTH_CODE, LOADING_LLVM = 1_000_000_000, 4_000_000_000
OF_A_UNIT = 50  # parameters, whose products take as long as an activation does
LEAST = 100_000  # rows times parameters, which take as long on arrays as machine code takes to be called


class Predicted:
    """How much was predicted by networks of one structure, and the machine code that does it from then on.

    It is written where vectors are of 512 bits, for which the products of NumPy take twice as long on some processors.
    """

    def __init__(self) -> None:
        self.work: float = 0.0
        self.code: Any = None

    def code_for(self, layers: Sequence[Units], rows: int) -> Any:
        """The code of the layers, where so many rows more are worth it; else None."""
        work = rows * sum(width + 1 + OF_A_UNIT for units in layers for width, _ in units)
        if work < LEAST:
            return None
        if self.code is None:
            self.work += work
            if self.work < (WORTH_CODE if "llvmlite" in sys.modules else LOADING_LLVM):
                return None
            self.work = -inf  # where there can be none
            if find_spec("llvmlite") is None:
                return None
            with suppress(Exception):  # whatever is wrong with what makes machine code, arrays do
                from . import many_rows

                program = many_rows.program_of(layers) if many_rows.pays() else None
                self.code = None if program is None else many_rows.LayersCode(program)
        return self.code


PREDICTED: Latest[Predicted] = Latest(32)


def predicted(model: Any, rows: Any) -> Any:
    """The outputs for all rows, an array of (rows,) or (rows, outputs); None where the model is to be recorded."""
    structure, of_softmax = structure_of(model), False
    if structure is None:
        structure, of_softmax = structure_of(model, logits=True), True
    if structure is None:
        return _of_ones_own(model, rows)
    _, shape = structure.key
    size = sum(width + 1 for units in shape for width, _ in units)
    if "numpy" not in sys.modules and (len(rows) * size < LOADING or find_spec("numpy") is None):
        return None
    import numpy

    matrix = _matrix(numpy, rows)
    if matrix is not None and len(matrix) >= WORTH_PACKING:
        structure.packed()
    if matrix is None or (data := structure.numbers()) is None:
        return None
    layers = matrices_of(shape, numpy.frombuffer(data), matrix.shape[1])
    if layers is None:
        return None
    if (known := PREDICTED.get(shape)) is None:
        PREDICTED.put(shape, known := Predicted())
    if (code := known.code_for(shape, len(matrix))) is not None:
        return _as_told(numpy, code(matrix, numpy.frombuffer(data)), of_softmax)
    activations = functions({row for units in shape for _, row in units if row is not None}, numpy)
    # weights that lie as the product reads them, which then takes a tenth less
    parameters = [(numpy.ascontiguousarray(layer[:, :-1].T), layer[:, -1]) for layer in layers]
    found = []
    with numpy.errstate(all="ignore"):  # IEEE 754 defines what NumPy warns of
        for k in range(0, len(matrix), AT_ONCE):
            *_, (_, outputs) = outputs_of_layers(matrix[k : k + AT_ONCE], parameters, shape, activations)
            found.append(outputs)
    return _as_told(numpy, numpy.concatenate(found), of_softmax)


def _as_told(xp: Any, outputs: Any, of_softmax: bool) -> Any:
    """The outputs, a column for each or one alone, or the softmax of each row."""
    if of_softmax:
        top = outputs.max(axis=1, keepdims=True)
        with xp.errstate(all="ignore"):
            shares = xp.exp(xp.where(outputs == top, 0.0, outputs - top))
            total = shares.sum(axis=1, keepdims=True)
            outputs = shares / xp.where(xp.isfinite(top) | (total == 1.0), total, xp.nan)
    return outputs[:, 0] if outputs.shape[1] == 1 else outputs


class Predicting:
    """How a module of one's own predicts many rows: recorded, until so many were as a trace takes as long as.

    What the program cannot follow is tried again after twice as many. A copy of the module begins anew.
    """

    def __init__(self, model: Any) -> None:
        self.model = ref(model)  # since a shallow copy has what the module has
        self.waited: int | None = 0  # rows since there was no program; None where there is one
        self.worth = WORTH_TRACING
        self.program: Any = None

    def outputs(self, rows: Any, matrix: Any) -> Any:
        """The outputs for the rows of a matrix; None where they are to be recorded."""
        waited = self.waited  # which another thread may set
        if waited is None and not self.program.is_known(rows, matrix):  # what it reads is not as it was
            waited = 0
        if waited is not None:
            self.waited = waited = waited + len(rows)
            if waited < self.worth:
                return None
        if self.program is None:
            from .own_program import OwnProgram  # which imports all that traces

            self.program = OwnProgram(self.model())
        found = self.program.outputs(rows, matrix)
        self.waited = None
        if found is None:
            self.waited, self.worth = 0, 2 * self.worth
        return found

    def __reduce__(self) -> tuple[Any, ...]:
        return type(None), ()


def _of_ones_own(model: Any, rows: Any) -> Any:
    """The outputs of a module of one's own, as an array; None where they are to be recorded."""
    if "numpy" not in sys.modules and (len(rows) < LOADING_OWN or find_spec("numpy") is None):
        return None
    import numpy

    matrix = _floats(numpy, rows)
    if matrix is None:
        return None
    attributes = dict_of(model)
    found = attributes.get("_predicting")
    if found is None or found.model() is not model:
        found = attributes["_predicting"] = Predicting(model)
    return found.outputs(rows, matrix)


def _floats(xp: Any, rows: Any) -> Any:
    """The rows as a matrix, where they are an array of doubles or lists of floats, as many each; else None."""
    if is_array(rows):
        return rows if rows.ndim == 2 and rows.dtype.char == "d" else None
    if set(map(type, rows)) != {list} or len(set(map(len, rows))) != 1:
        return None
    return xp.array(rows) if set(map(type, chain.from_iterable(rows))) == {float} else None


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

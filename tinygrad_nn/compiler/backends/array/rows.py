"""The `array` back end: a program for all rows of a batch at once, in NumPy or a namespace like it, such as JAX's."""

from __future__ import annotations

from typing import Any

from ....autograd.column import SharingList
from ...arguments import data_of
from ...loops.roll import rolled
from ...loops.rolled import Rolled
from ...target import DTYPES, Target
from ..backend import Backend
from .printer import Printer

IN_CACHE = 16384  # numbers of an array


class ArrayProgram:
    """A program compiled for whole arrays, with its parameters read at each call."""

    def __init__(self, roll: Rolled, target: Target) -> None:
        self.parameters, self.target, self.roll = SharingList(roll.flat.parameters.values()), target, roll
        self.compiled = Printer(roll).function(target.namespace, target.dtype)
        self.widest = max([1, *(size for size, by_row in zip(roll.sizes, roll.by_row, strict=True) if by_row)])

    def __call__(self, rows: Any) -> tuple[Any, Any]:
        """Outputs of shape (rows, n), and whether each row's comparisons are those of this path.

        NumPy takes the rows in parts whose arrays fit the processor's cache: each of its operations walks all of one.
        """
        xp, count = self.target.namespace, rows.shape[0]
        parameters = self.target.array(data_of(self.parameters))
        if xp.__name__ != "numpy":
            return self.compiled(rows, parameters)  # type: ignore[no-any-return]
        part = max(64, IN_CACHE // self.widest)
        with xp.errstate(all="ignore"):  # IEEE 754 defines what NumPy warns of
            if count <= part:
                return self.compiled(rows, parameters)  # type: ignore[no-any-return]
            parts = [self.compiled(rows[k : k + part], parameters) for k in range(0, count, part)]
        outputs, on_path = (xp.concatenate(column) for column in zip(*parts, strict=True))
        return outputs, on_path


BACKEND = Backend(
    source=lambda program, function: Printer(rolled(program, program.body)).source(),
    rows=lambda program, target: ArrayProgram(rolled(program, program.body), target),
    dtypes=DTYPES,
    needs=("numpy", "fast"),
)

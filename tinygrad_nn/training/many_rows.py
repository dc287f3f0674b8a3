"""Layers in machine code, for the predictions of many rows: a program of loops that is written without a trace.

Rows are lanes of two vectors, and as many threads as there are processors take a part of them each.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from threading import Thread
from typing import Any

from ..autograd import primitives as table
from ..compiler.backends.llvm import engine as native
from ..compiler.backends.llvm.printer import Printer
from ..compiler.loops.groups import Access, Group
from ..compiler.loops.rolled import Rolled
from ..compiler.program.program import INPUTS, PARAMETERS, Program
from ..nn.structure import Units

IN_A_CALL = 500_000_000  # rows times parameters of a thread, in some ten milliseconds, after which Ctrl-C is heard
WORTH_THREAD = 20_000_000  # rows times parameters, which take as long as a thread to begin, and several times that


def program_of(layers: Sequence[Units]) -> Rolled | None:
    """The outputs of layers of units that are alike, one after the other: parameters lie as a `Structure` has them.

    None where the units of a layer have several activations.
    """
    groups, before, start = list[Group](), INPUTS, 0
    sizes = [layers[0][0][0], sum(width + 1 for units in layers for width, _ in units), 0]
    for units in layers:
        (width, activation), extents = units[0], (len(units),)
        if {*units} != {units[0]}:
            return None
        weights = Access(PARAMETERS, start, (width + 1,), width, 1)
        bias = Access(PARAMETERS, start + width, (width + 1,))
        sums = weights, Access(before, 0, (0,), width, 1), bias
        for row, operands in ((table.dot, sums), (activation, (Access(len(sizes), 0, (1,)),))):
            if row is not None:
                groups.append(Group(before := len(sizes), row, extents, operands, by_row=True))
                sizes.append(len(units))
        start += len(units) * (width + 1)
    by_row, outputs = [True, False, False, *[True] * len(groups)], [(before, k) for k in range(len(layers[-1]))]
    return Rolled(Program("predict"), groups, sizes, by_row, outputs=outputs)


def pays() -> bool:
    """Whether vectors are long here, for which NumPy's products may not be made."""
    return native.register_bytes() == 64


class LayersCode:
    """The machine code of layers: called with rows and with the numbers of the parameters, it gives the outputs."""

    def __init__(self, roll: Rolled) -> None:
        self.lanes = native.register_bytes() // 8 * (2 if native.register_bytes() == 64 else 1)
        printer = Printer(roll, self.lanes)
        self.compiled, self.scratch = native.native(printer.text, pointers=5), printer.scratch
        self.inputs, self.parameters, self.outputs = *roll.sizes[:2], len(roll.outputs)

    def __call__(self, xp: Any, x: Any, numbers: Any) -> Any:
        """The outputs, (rows, outputs), for an array of rows of doubles."""
        numbers = numbers.copy()  # which another thread may set meanwhile
        given = xp, (x := xp.ascontiguousarray(x)), numbers, (found := xp.empty((len(x), self.outputs)))
        (blocks, rest), processors = divmod(len(x), self.lanes), native.processors()
        most = max(1, IN_A_CALL * processors // (self.parameters * self.lanes))
        for first in range(0, blocks, most):
            count = min(most, blocks - first)
            parts = max(1, min(processors, count * self.lanes * self.parameters // WORTH_THREAD))
            ends = [first + count * k // parts for k in range(parts + 1)]
            threads = [Thread(target=self._run, args=(*given, *part)) for part in pairwise(ends)]
            for thread in threads[1:]:
                thread.start()
            self._run(*given, *ends[:2])
            for thread in threads[1:]:
                thread.join()
        if rest:
            last = xp.zeros((self.lanes, self.inputs))
            last[:rest], told = x[-rest:], xp.empty((self.lanes, self.outputs))
            self._run(xp, last, numbers, told, 0, 1)
            found[-rest:] = told[:rest]
        return found

    def _run(self, xp: Any, x: Any, numbers: Any, found: Any, first: int, end: int) -> None:
        """Blocks of rows from one on to another."""
        flags, scratch = xp.empty((end - first) * self.lanes, dtype="uint8"), xp.empty(self.scratch + 64, dtype="uint8")
        aligned = scratch.ctypes.data + -scratch.ctypes.data % 64
        places = [array.ctypes.data + first * self.lanes * array.strides[0] for array in (x, found)]
        self.compiled.run(places[0], numbers.ctypes.data, places[1], flags.ctypes.data, aligned, end - first)

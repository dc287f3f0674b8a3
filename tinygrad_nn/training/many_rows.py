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
from ..compiler.backends.llvm.call import NativeProgram
from ..compiler.loops.groups import Access, Group
from ..compiler.loops.rolled import Rolled
from ..compiler.program.program import INPUTS, PARAMETERS, Program
from ..compiler.target import Target
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


class LayersCode(NativeProgram):
    """The machine code of layers: called with rows and with the numbers of the parameters, it gives the outputs."""

    def __init__(self, roll: Rolled) -> None:
        super().__init__(roll, Target("llvm"), vectors=2 if native.register_bytes() == 64 else 1)

    def __call__(self, x: Any, numbers: Any) -> Any:  # type: ignore[override]
        """The outputs, (rows, outputs), for an array of rows of doubles."""
        xp, whole, numbers = self.target.namespace, len(x) // self.lanes * self.lanes, numbers.copy()
        parts = [x[:whole], x[whole:]] if 0 < whole < len(x) else [x]  # so that not all rows are copied for the last
        found = [self.at(part, numbers)[0] for part in parts]  # of numbers that another thread may set meanwhile
        return xp.concatenate(found) if found[1:] else found[0]

    def run(self, rows: Any, parameters: Any, outputs: Any, flags: Any, first: int, end: int) -> None:
        given, processors, each = (rows, parameters, outputs, flags), native.processors(), len(parameters) * self.lanes
        most, run = max(1, IN_A_CALL * processors // each), super().run
        for start in range(first, end, most):
            count = min(most, end - start)
            parts = max(1, min(processors, count * each // WORTH_THREAD))
            ends = [start + count * k // parts for k in range(parts + 1)]
            threads = [Thread(target=run, args=(*given, *part)) for part in pairwise(ends)]
            for thread in threads[1:]:
                thread.start()
            run(*given, *ends[:2])
            for thread in threads[1:]:
                thread.join()

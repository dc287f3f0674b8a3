"""The bound on results that are not the engine's to the bit: what errors of some units in each operation amount to.

Every operation may be off by `UNITS` units in the last place of its result; a sum of n numbers by n more, of the sum of
their magnitudes. How far that puts a result is found by carrying, beside each number of a program, how far it may be
off: a running error analysis (Wilkinson, Rounding errors in algebraic processes, 1963). At a jump, such as the slope of
relu at 0, it is the height of the jump.
"""

import ctypes
import itertools
import math
from typing import Any

from tinygrad_nn.compiler.program.program import COMPARISONS, Guard, OffPath

UNITS = 8
EXACT = {
    "negative", "absolute", "zeroth_power", "detached", "relu", "maximum", "minimum", "largest", "ties", "take", "step",
    "sign", "tie", "equal", "where_equal", "less", "less_equal", "where", "floor", "ceil", "trunc", "round", "fmod",
    "hardtanh", "norm_scale",
}  # fmt: skip


class UndecidedError(Exception):
    """A comparison that comes out either way within the bound."""


def single(x):
    """The number as a float32."""
    return ctypes.c_float(x).value


def spread(x, off):
    return (x - off, x, x + off) if off else (x,)


class Running:
    """A run of a program, with how far each of its numbers may be off."""

    def __init__(self, program, inputs, dtype, parameters=None, offs=None):
        self.is_single = dtype == "float32"
        self.unit, self.least = (2.0**-23, 2.0**-126) if self.is_single else (2.0**-52, 2.0**-1022)
        if parameters is None:
            parameters = [value.data for value in program.parameters.values()]
        self.numbers = dict(zip(program.inputs, inputs, strict=True))
        self.numbers |= zip(program.parameters, parameters, strict=True)
        self.numbers |= program.literals
        self.offs = {slot: abs(x - single(x)) if self.is_single else 0.0 for slot, x in self.numbers.items()}
        self.offs |= dict(zip(program.inputs, offs or [], strict=False))
        self.columns = {}  # of the largest of a column, its slots
        for entry in program.body:
            if isinstance(entry, Guard):
                self._guard(entry)
            else:
                self._instruction(entry)
        self.outputs = [(self.numbers[slot], self.offs[slot]) for slot in program.outputs]

    def _guard(self, guard):
        left, right = self.numbers[guard.left], self.numbers[guard.right]
        off = self.offs[guard.left] + self.offs[guard.right]
        if off and not abs(left - right) > off:
            raise UndecidedError(guard.where)
        if COMPARISONS[guard.comparison](left, right) is not guard.expected:
            raise OffPath(guard.where)

    def _instruction(self, entry):
        name, operands = entry.primitive.name, entry.operands
        get, offs = self.numbers.__getitem__, self.offs
        given: list[Any] = [tuple(map(get, o)) if isinstance(o, tuple) else get(o) for o in operands]
        result = entry.primitive.value(*given)
        own = magnitude = abs(result)
        count = 0
        if name == "dot":
            (ws, xs, b), (dws, dxs) = given, ([offs[s] for s in o] for o in operands[:2])
            magnitude, off = abs(b), offs[operands[2]]
            for w, x, dw, dx in zip(ws, xs, dws, dxs, strict=True):
                w, x = abs(w), abs(x)
                magnitude += w * x
                off += w * dx + x * dw + dx * dw
            count = len(ws)
        elif name == "logsumexp":
            off, count = max(offs[s] for s in operands[0]), len(given[0])
            magnitude += 1.0 + max(map(abs, given[0]))
        elif name in ("normalizer", "partition"):
            off, count = sum(offs[s] for s in operands[0]), len(given[0])
        elif name == "multiply":
            (a, b), (da, db) = given, map(offs.__getitem__, operands)
            off = abs(a) * db + abs(b) * da + da * db
        elif name in ("add", "subtract", "negative"):
            off = sum(offs[o] for o in operands)
        elif name == "largest":
            off = max(offs[s] for s in operands[0])
            self.columns[entry.slot] = operands[0]
        elif name == "ties":
            off = 0.0 if self._leaders(operands[0]) <= 1 else float(len(operands[0]))
        elif name == "take":
            off = max(offs[s] for s in operands[0])
        elif name == "equal" and operands[1] in self.columns:
            top = given[1] - offs[operands[1]]
            apart = given[0] + offs[operands[0]] < top or self._leaders(self.columns[operands[1]]) <= 1
            off = 0.0 if apart else 1.0
        elif any(offs[o] for o in operands):
            points = itertools.product(*(spread(get(o), offs[o]) for o in operands))
            off = max((self._apart(entry.primitive.value(*point), result) for point in points), default=0.0)
        else:
            off = 0.0
        if name not in EXACT:
            off += (UNITS + count) * self.unit * magnitude
            if own and own < 2.0 * self.least / self.unit:
                off += UNITS * self.least
        self.numbers[entry.slot], offs[entry.slot] = result, off if off == off else math.inf

    def _leaders(self, slots):
        """How many slots of a column may be its largest, if any may be off."""
        slots = set(slots)
        floor = max(self.numbers[s] - self.offs[s] for s in slots)
        leaders = [s for s in slots if self.numbers[s] + self.offs[s] >= floor]
        return len(leaders) if any(self.offs[s] for s in leaders) else 1

    @staticmethod
    def _apart(a, b):
        apart = abs(a - b)
        return apart if apart == apart else math.inf


def bounded(trace, programs, row, dtype):
    """Outputs of the program that a row takes, each with how far it may be off; None where that is not decided.

    `programs` are those that are known; trace(row) gives another.
    """
    for program in programs:
        try:
            return Running(program, row, dtype).outputs
        except OffPath:
            continue
        except UndecidedError:
            return None
    programs.append(trace(row))
    try:
        return Running(programs[-1], row, dtype).outputs
    except UndecidedError:
        return None


def summed(parts, dtype):
    """The sum of numbers that may each be off, and how far it may be off."""
    unit = 2.0**-23 if dtype == "float32" else 2.0**-52
    numbers = [number for number, _ in parts]
    magnitude = math.fsum(map(abs, numbers))
    return math.fsum(numbers), math.fsum(off for _, off in parts) + (UNITS + len(parts)) * unit * magnitude

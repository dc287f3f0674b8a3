"""Looks as LLVM text: what finds losses and predictions of rows at the parameters of steps, where those have them.

The latest texts are kept by the structure of what they were written for, here and on disk. This is imported when
somebody looks, so that the code of who does is among what a text on disk holds for.
"""

from __future__ import annotations

from ast import literal_eval
from collections.abc import Sequence
from typing import NamedTuple

from ....autograd import primitives as table
from ....autograd.value import Value
from ....compiler.arguments import Shape, size_of
from ....compiler.backends.llvm.engine import full_register, register_bytes
from ....compiler.backends.llvm.printer import Printer
from ....compiler.kept_text import kept_text
from ....compiler.loops.roll import rolled
from ....compiler.program.program import Program
from ....compiler.target import Target
from ....support.as_loaded import AsLoaded
from ....support.latest import Latest
from ....version import IMPORTED
from ..recipe import Recipe
from ..structure import KeyAndValues, in_words
from .engine import Look, UnsupportedError
from .native_text import StepText

MOST_LOOKS = 64  # that are kept


class LookText(NamedTuple):
    """The text of a look by so many rows at a time, and the shape of a prediction."""

    lanes: int
    scratch: int  # bytes
    width: int  # numbers that are found of a row
    refuses: bool  # whether it may refuse a row, whose class there is not
    shape: Shape
    text: str

    def words(self) -> str:
        """What `said` makes such a text of again."""
        *told, text = self
        return f"{tuple(told)}\n{text}"

    @classmethod
    def said(cls, words: str) -> LookText:
        """A text that was kept apart."""
        told, _, text = words.partition("\n")
        lanes, scratch, width, refuses, shape = literal_eval(told)
        return cls(lanes, scratch, width, refuses, shape, text)


def look_written(program: Program, shape: Shape, order: Sequence[Value], target: Target, lanes: int) -> LookText:
    """The text of a program that looks at parameters in this order.

    Raises UnsupportedError where a row may take several paths, where more is asked than the loss and the prediction, or
    where it reads what steps do not.
    """
    if len(program.outputs) != 1 + size_of(shape):
        raise UnsupportedError("a loss that is asked with each label is not looked at between steps")
    taken = [entry.operands[1] for entry in program.instructions if entry.primitive is table.take]
    if program.guards or not all(index in program.inputs or index in program.literals for index in taken):
        raise UnsupportedError("rows that take several paths are not looked at between steps")
    if not {*map(id, program.parameters.values())} <= {*map(id, order)}:
        raise UnsupportedError("parameters that no step reads are not where the steps have theirs")
    printer = Printer(rolled(program.reading(order)), lanes, target.dtype == "float32", target.exact)
    return LookText(lanes, printer.scratch, len(program.outputs), bool(taken), shape, printer.text)


LOOK_TEXTS: Latest[LookText] = Latest(MOST_LOOKS)


def text_for_look(look: Look, recipe: Recipe, found: KeyAndValues | None, steps: StepText, target: Target) -> LookText:
    """The text of a look: one that was written before where the structure of steps is known, else a new one."""
    lanes, unused = lanes_for(len(look.rows), target), [Value(0.0) for _ in range(steps.padded - steps.count)]

    def write() -> LookText:
        order = [*recipe.optimizer.parameters, *unused, *steps.untrained]
        return look_written(*look.traced(), order, target, lanes)

    if found is None:
        return write()
    structure, parameters = found
    places = {id(value): k for k, value in enumerate(parameters)} if steps.untrained else {}
    read = tuple([places[id(value)] for value in steps.untrained])
    key = structure, look.shapes, read, target.dtype, target.exact, lanes
    if (known := LOOK_TEXTS.get(key)) is None:
        known = LookText.said(kept_text("looks", lambda: [in_words(key)], LOOKING, lambda: write().words()))
        LOOK_TEXTS.put(key, known)
    return known


def lanes_for(rows: int, target: Target) -> int:
    """How many of so many rows are looked at at a time: of many two vectors' where there are registers for it."""
    return full_register(target).lanes * (2 if register_bytes() == 64 and rows >= 256 else 1)


LOOKING = AsLoaded(IMPORTED)  # last, when all that writes texts is there

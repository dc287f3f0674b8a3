"""The `llvm` back end: a program in machine code, for call after call and for many rows at once.

The numbers of one call go in, its results come out, and nothing is made in between; of many rows, each has a lane.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from functools import partial
from json import dumps, loads
from struct import Struct
from typing import Any, NamedTuple

from ....autograd.column import SharingList
from ....autograd.packs import Copies, Pack
from ....autograd.value import Packed, Value
from ....support.as_loaded import AsLoaded
from ....version import IMPORTED
from ...arguments import data_of
from ...kept_text import kept_text
from ...loops.find import least_groups, may_repeat, repeats_in
from ...loops.roll import rolled
from ...loops.rolled import Rolled
from ...program.program import OffPath, Program
from ...target import DTYPES, Target
from ..backend import Backend, Runner
from ..spellings import UnspelledError
from . import engine as native
from . import printer as llvm


class CallText(NamedTuple):
    """The text of a program for one row at a time, and what calls of it have to know."""

    inputs: int
    outputs: int
    scratch: int  # bytes
    read: list[int]  # the places of the Values that it reads, among those that were traced
    guards: list[str]  # the user's lines
    text: str

    @classmethod
    def written(cls, roll: Rolled, target: Target, values: Sequence[Value]) -> CallText:
        full = native.full_register(target)
        printer = llvm.Printer(roll, 1, full.single, target.exact, full=full.lanes)
        places = {id(value): k for k, value in enumerate(values)}
        read = [places[id(value)] for value in roll.flat.parameters.values()]
        guards = [guard.where for guard in roll.flat.guards]
        return cls(roll.sizes[0], len(roll.outputs), printer.scratch, read, guards, printer.text)

    def words(self) -> str:
        """All of it in words, which `said` makes it of again."""
        return dumps(self)

    @classmethod
    def said(cls, words: str) -> CallText:
        return cls(*loads(words))


class NativeCall:
    """A program compiled for one row at a time, with its parameters read at each call."""

    def __init__(self, written: CallText, values: Sequence[Value], target: Target) -> None:
        self.parameters, self.target = SharingList([values[k] for k in written.read]), target
        self.compiled = native.native(written.text, pointers=5)
        letter = "f" if target.dtype == "float32" else "d"
        self.layouts = [  # which, with the =, tell of a number that no float32 holds
            Struct(f"={count}{letter}") for count in (written.inputs, len(self.parameters), written.outputs)
        ]
        self.count, self.scratch, self.guards = written.outputs, written.scratch, written.guards
        self._latest: tuple[Pack | Copies | None, int] = None, 0  # where parameters stood, and the address of the first
        self.free: list[_Places] = []  # as many as there were calls at a time

    def run(self, numbers: Any) -> Any:
        """The outputs: an array for an array. Raises OffPath where the comparisons are not those of this path."""
        free, listed = self.free, type(numbers) is tuple or type(numbers) is list
        try:
            places = free.pop()
        except IndexError:
            places = _Places(self.layouts, self.scratch)
        inputs, parameters, outputs = self.layouts
        if listed:
            self._put(inputs, places.inputs, numbers)
        else:
            self._view(places.inputs, len(numbers))[:] = self.target.array(numbers)
        if start := self._start():
            first, _, *others = places.addresses
            self.compiled.run(first, start, *others, 1)
        else:
            if self.parameters:
                self._put(parameters, places.parameters, data_of(self.parameters))
            self.compiled.run(*places.addresses, 1)
        on_path = places.flag.raw[0]
        if listed:
            found: Any = outputs.unpack_from(places.outputs)
        else:
            found = self._view(places.outputs, self.count).copy()
        free.append(places)
        if not on_path:
            raise OffPath(next(iter(self.guards), ""))
        return found

    def _start(self) -> int:
        """The address of the parameters where they stand side by side, in a pack or copied from several; else 0."""
        if not self.parameters or type(self.parameters[0]) is not Packed or self.target.dtype == "float32":
            return 0
        column = self.parameters.shared()
        stand: Pack | Copies | None = column.in_pack()
        place = column.place
        if stand is None:
            if (copies := column.spread()) is None:
                return 0
            copies.refresh()
            stand, place = copies, 0
        if self._latest[0] is not stand:
            start = ctypes.addressof(ctypes.c_char.from_buffer(stand.numbers))
            self._latest = stand, start + place * stand.numbers.itemsize
        return self._latest[1]

    def _put(self, layout: Struct, place: Any, numbers: Sequence[float]) -> None:
        try:
            layout.pack_into(place, 0, *numbers)
        except OverflowError:  # a number that no float32 holds
            self._view(place, len(numbers))[:] = self.target.array(numbers)

    def _view(self, place: Any, count: int) -> Any:
        """A place as an array."""
        return self.target.namespace.frombuffer(place, dtype=self.target.dtype, count=count)


class _Places:
    """Where a call puts its numbers, and where it finds its results."""

    def __init__(self, layouts: list[Struct], scratch: int) -> None:
        self.inputs, self.parameters, self.outputs = (
            ctypes.create_string_buffer(max(1, layout.size)) for layout in layouts
        )
        self.flag = ctypes.create_string_buffer(1)
        self._scratch = ctypes.create_string_buffer(scratch + 64)
        start = ctypes.addressof(self._scratch)
        places = (self.inputs, self.parameters, self.outputs, self.flag)
        self.addresses = (*map(ctypes.addressof, places), start + -start % 64)


class NativeProgram:
    """A program compiled to machine code, a row in each lane, with its parameters read at each call.

    A row has a lane of a full vector, or of several.
    """

    def __init__(self, roll: Rolled, target: Target, vectors: int = 1) -> None:
        self.parameters, self.target, self.roll = SharingList(roll.flat.parameters.values()), target, roll
        kind = native.full_register(target).times(vectors)
        self.lanes, printer = kind.lanes, llvm.Printer(roll, kind.lanes, kind.single, target.exact)
        self.compiled = native.native(printer.text, pointers=5)
        self.scratch = printer.scratch + 64

    def __call__(self, rows: Any) -> tuple[Any, Any]:
        """Outputs of shape (rows, n), and whether each row's comparisons are those of this path."""
        return self.at(rows, self.target.array(data_of(self.parameters)))

    def at(self, rows: Any, parameters: Any) -> tuple[Any, Any]:
        """The same of parameters that are given, as an array."""
        xp, count = self.target.namespace, rows.shape[0]
        blocks = -(-count // self.lanes)
        padded = xp.ascontiguousarray(rows)
        if missing := blocks * self.lanes - count:
            padded = xp.concatenate([padded, xp.repeat(padded[-1:], missing, axis=0)], axis=0)
        outputs = xp.empty((len(padded), len(self.roll.outputs)), dtype=self.target.dtype)
        flags = xp.empty(len(padded), dtype=bool)  # which are bytes of 0 and 1
        self.run(padded, parameters, outputs, flags, 0, blocks)
        return (outputs[:count], flags[:count]) if missing else (outputs, flags)

    def on(self, rows: Any) -> Callable[[Any], tuple[Any, Any]]:
        """The same for one thread that asks again and again for rows which stay where they are, of parameters."""
        xp, (blocks, rest) = self.target.namespace, divmod(len(rows), self.lanes)
        if rest or not rows.flags.c_contiguous:
            return partial(self.at, rows)
        kept = rows, xp.empty(len(rows), dtype=bool), xp.empty(self.scratch, dtype="uint8")
        x, on, start = [each.ctypes.data for each in kept]
        aligned, shape, run = start + -start % 64, (len(rows), len(self.roll.outputs)), self.compiled.run

        def at(parameters: Any) -> tuple[Any, Any]:
            outputs = xp.empty(shape, dtype=self.target.dtype)
            run(x, parameters.ctypes.data, outputs.ctypes.data, on, aligned, blocks)
            return outputs, kept[1]

        return at

    def run(self, rows: Any, parameters: Any, outputs: Any, flags: Any, first: int, end: int) -> None:
        """Fill in outputs and flags of the blocks of rows from one on to another."""
        scratch = self.target.namespace.empty(self.scratch, dtype="uint8")
        start = scratch.ctypes.data
        x, found, on = [of.ctypes.data + first * self.lanes * of.strides[0] for of in (rows, outputs, flags)]
        self.compiled.run(x, parameters.ctypes.data, found, on, start + -start % 64, end - first)


def _source(program: Program, function: Any) -> str:
    target: Target = function.target
    return llvm.Printer(rolled(program), 8, target.dtype == "float32", target.exact).text


def native_call(roll: Rolled, target: Target) -> NativeCall:
    """What runs a rolled program for one row at a time."""
    values = list(roll.flat.parameters.values())
    return NativeCall(CallText.written(roll, target, values), values, target)


def _kept(
    words: Callable[[], str | None], values: Sequence[Value], program: Callable[[], Program], target: Target
) -> Runner:
    """What runs a trace, as an earlier process has written it or as it is written now.

    Raises UnspelledError where the choice is ours and LLVM would take long.
    """

    def write() -> str:
        flat = program()
        body, size = repeats_in(flat) if may_repeat(flat) else None, len(flat.body)
        roll = rolled(flat, body) if body is None or target.is_worth(least_groups(body), size) else None
        if roll is None or not target.is_worth(roll.groups_written, size):
            flat.with_repeats = body  # for who compiles it now
            raise UnspelledError("what is irregular takes LLVM longer than is gained")
        return CallText.written(roll, target, values).words()

    beside = target.dtype, str(target.exact), str(native.register_bytes())
    text = kept_text("calls", lambda: [*beside, words()], AS_LOADED, write)
    return NativeCall(CallText.said(text), values, target).run


BACKEND = Backend(
    source=_source,
    call=lambda program, target: native_call(rolled(program), target).run,
    rows=lambda program, target: NativeProgram(rolled(program), target),
    kept=_kept,
    dtypes=DTYPES,
    needs=("llvmlite", "fast"),
    takes_arrays=True,
)

AS_LOADED = AsLoaded(IMPORTED)  # last, when all that writes texts is there

"""A program in machine code for call after call: the numbers of one call in, its results out, nothing made between."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from struct import Struct
from typing import Any

from ...arguments import data_of
from ...loops.rolled import Rolled
from ...program.program import OffPath
from ...target import Target
from . import engine as native
from . import printer as llvm


class NativeCall:
    """A program compiled for one row at a time, with its parameters read at each call."""

    def __init__(self, roll: Rolled, target: Target) -> None:
        self.parameters, self.target = list(roll.flat.parameters.values()), target
        single = target.dtype == "float32"
        full = native.register_bytes() // (4 if single else 8)
        printer = llvm.Printer(roll, 1, single, target.exact, full=full)
        self.compiled = native.native(printer.text, pointers=5)
        letter = "f" if single else "d"
        self.layouts = [  # which, with the =, tell of a number that no float32 holds
            Struct(f"={count}{letter}") for count in (roll.sizes[0], len(self.parameters), len(roll.outputs))
        ]
        self.count = len(roll.outputs)
        self.scratch, self.guards = printer.scratch, [group.guard for group in roll.groups if group.guard]
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
            raise OffPath(next((line for guard in self.guards if guard for line in guard[2]), ""))
        return found

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

"""The writer of a program: each operation on a traced value becomes an instruction, each branch a guard.

A Value that the function captures becomes a parameter, read anew at each call, and what was recorded from Values before
is computed again from them.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from typing import Any, NoReturn

from ...autograd.graph import operations_behind
from ...autograd.primitives import Primitive, add, dot, multiply
from ...autograd.recording import current_recorder, next_number, users_frame
from ...autograd.value import Result, Value
from ...support.numbers import as_float
from ..program.notes import BySlot
from ..program.program import COMPARISONS, Body, Family, Guard, Instruction, Operand, Program, ProgramEntry, of_operands
from .traced import Traced, TraceError
from .traced_number import TracedNumber
from .truth import Truth

FIXED, DATA, VALUES = range(3)
NO_VALUES = {TracedNumber, float}  # which stand for plain numbers
FEWEST = 8  # instructions that are a family


def _is_leaf(kind: type) -> bool:
    """Whether Values of a class are leaves that nobody made inside of a traced function."""
    return issubclass(kind, Value) and not issubclass(kind, Result) and not hasattr(kind, "_slot")


class Writer:
    """Writes a Program while a function runs; `numbers` are what the slots held in that run."""

    def __init__(self, name: str) -> None:
        self.entries: list[ProgramEntry] = []
        self.program = Program(name, body=Body(self.entries))
        self.numbers: list[float] = []
        self.reads = bytearray()  # what each slot was computed from: literals alone, data too, or Values
        self.order = BySlot[int]()  # when each instruction's operation was recorded
        self.made = BySlot[Instruction | Family]()
        self.of_data = True  # whether all inputs are numbers, so that what is computed from Values alone is one
        self.floats = False  # whether the numbers of a row are Python's floats, which refuse to be divided by 0
        self.refused = ""  # what was refused first, and where: a function may catch the error and go on
        self.block = ""  # whose the instructions are that nobody recorded: "update", say
        self._literals: dict[str, int] = {}
        self._captured: dict[int, int] = {}  # the slots of Values, by their id
        self.computed_again: list[Result] = []  # results of Values that were recorded, as far as they are read
        self.began = next_number()  # operations before this one were recorded before
        self._columns: dict[int, tuple[Any, tuple[int, ...], bool]] = {}  # the latest, which others may read next
        self._kept: list[Value] = []  # so that no id above is given to another Value

    def input(self, number: float, name: str, plain: bool = False) -> Traced:
        """An input; `plain` is one that is a number, and no Value, when the function is not compiled."""
        slot = self._slot(number, name, DATA if plain else VALUES)
        self.of_data = self.of_data and plain
        self.program.inputs.append(slot)
        return TracedNumber(self, slot) if plain else Traced(self, slot)

    def parameter(self, value: Value) -> int:
        """The slot of a Value that is read at each call."""
        if id(value) not in self._captured:
            self._kept.append(value)
            number = as_float(value.data)  # an int past the largest float is infinite
            number = float(value.data) if number is None else number
            self._captured[id(value)] = slot = self._slot(number, value.label, VALUES)
            self.program.parameters[slot] = value
        return self._captured[id(value)]

    def parameters(self, values: Sequence[Value]) -> list[int]:
        """The slots of Values that are read at each call."""
        numbers, first = [value.data for value in values], len(self.numbers)
        new = self._captured.keys().isdisjoint(map(id, values)) and len(set(map(id, values))) == len(values)
        if not new or {*map(type, numbers)} != {float}:
            return list(map(self.parameter, values))
        slots = list(range(first, first + len(values)))  # the same numbers in all that is known of them
        self._kept += values
        self._noted(numbers, bytes([VALUES]) * len(values))
        self._captured.update(zip(map(id, values), slots, strict=True))
        self.program.parameters.update(zip(slots, values, strict=True))
        labels = [value.label for value in values]
        named = zip(slots, labels, strict=True)
        self.program.names.update(named if all(labels) else [(slot, label) for slot, label in named if label])
        return slots

    def record(self, primitive: Primitive, operands: tuple[Any, ...]) -> Traced:
        """An instruction, and the traced value of its result."""
        slots, plain = list[Operand](), True
        for operand in operands:
            kind = type(operand)
            if kind is tuple:
                latest = self._columns.get(place := len(slots))
                if latest is None or latest[0] is not operand:
                    of_numbers = NO_VALUES.issuperset(map(type, operand))
                    latest = self._columns[place] = operand, self._slots_of(operand), of_numbers
                slots.append(latest[1])
                plain = plain and latest[2]
            else:
                of_ours = (kind is Traced or kind is TracedNumber) and operand._tracer is self  # as most are
                slots.append(operand._slot if of_ours else self.slot_of(operand))
                plain = plain and kind in NO_VALUES
        slot = self._write(primitive, tuple(slots), None, "", next_number())
        return TracedNumber(self, slot) if plain else Traced(self, slot)

    def _slots_of(self, column: tuple[Any, ...]) -> tuple[int, ...]:
        found = list(map(self._captured.get, map(id, column)))  # most are parameters that were read before
        if len(column) >= FEWEST and found.count(None) == len(found) and all(map(_is_leaf, set(map(type, column)))):
            return tuple(self.parameters(column))
        if None in found:
            found = [self.slot_of(entry) if slot is None else slot for slot, entry in zip(found, column, strict=True)]
        return tuple(found)  # type: ignore[arg-type]

    def products(self, factor: Traced, slots: Sequence[int]) -> list[Traced]:
        """A traced value times each of some slots, as `record` writes them one by one: most of a gradient are such."""
        if len(slots) < FEWEST:
            return [self.record(multiply, (factor, Traced(self, slot))) for slot in slots]
        number, read = self.numbers[factor._slot], self.reads[factor._slot]
        numbers = [number * other for other in map(self.numbers.__getitem__, slots)]
        reads = bytes([VALUES]) * len(slots)
        if read != VALUES:
            reads = bytes([read if read > other else other for other in map(self.reads.__getitem__, slots)])
        family = Family(len(self.numbers), multiply, (factor._slot, tuple(slots)), len(slots))
        return self._written([family], numbers, reads)

    def sums(self, left: Sequence[Traced], right: Sequence[Traced]) -> list[Traced]:
        """The sums of traced values, pair by pair, as `record` writes them."""
        a, b = (tuple([value._slot for value in side]) for side in (left, right))
        if len(a) < FEWEST:
            return [self.record(add, pair) for pair in zip(left, right, strict=True)]
        numbers = list(map(operator.add, *(map(self.numbers.__getitem__, slots) for slots in (a, b))))
        reads = bytes(map(max, *(map(self.reads.__getitem__, slots) for slots in (a, b))))
        return self._written([Family(len(self.numbers), add, (a, b), len(a))], numbers, reads)

    def dots(self, products: Sequence[tuple[int, tuple[int, ...]]], before: Sequence[Traced]) -> list[Traced]:
        """The sums of what was before and of the products of factors with the entries of columns, one for each."""
        ws, columns = zip(*products, strict=True)
        bases = [value._slot for value in before] or [self.slot_of(-0.0)] * len(columns[0])  # what changes no product
        each = zip(count(len(self.numbers)), zip(*columns, strict=True), bases, strict=False)
        entries = [Instruction(slot, dot, (ws, xs, base)) for slot, xs, base in each]
        known = self.numbers.__getitem__
        numbers = list(map(known, bases))
        for w, column in products:
            factor = known(w)
            numbers = [total + factor * x for total, x in zip(numbers, map(known, column), strict=True)]
        reads = [VALUES] * len(numbers)
        if VALUES not in map(self.reads.__getitem__, ws):
            reads = [max(map(self.reads.__getitem__, entry.slots())) for entry in entries]
        return self._written(entries, numbers, bytes(reads))

    def _written(self, entries: list[Any], numbers: list[float], reads: bytes) -> list[Traced]:
        """Instructions that nobody recorded, or a family of them, of which these are the results."""
        results = range(len(self.numbers), len(self.numbers) + len(numbers))
        self._noted(numbers, reads, entries, next_number(), self.block)
        self.entries += entries
        return [Traced(self, slot) for slot in results]

    def returning(self, outputs: list[int]) -> Program:
        """The program so far with these outputs. Columns, whose traced values know this tracer, are let go."""
        self._columns.clear()
        return self.program.returning(outputs)

    def finished(self, outputs: list[int]) -> Program:
        """The program with these outputs, when nothing more is to be written; what else is known of it is forgotten."""
        program = replace(self.program, outputs=outputs)
        for known in (self.numbers, self.reads, self.order, self.made, self._captured, self._columns, self._kept):
            known.clear()
        return program

    def slot_of(self, scalar: Any) -> int:
        """The slot of an operand: a traced value's own, a literal's, or that of a captured Value."""
        if isinstance(scalar, Traced):
            if scalar._tracer is not self:
                raise self.refusal(
                    "a traced value was kept from another call: use it only inside the function it came to"
                )
            return scalar._slot
        if isinstance(scalar, Value):
            return self._of_value(scalar)
        number = float(scalar)
        key = number.hex()
        if key not in self._literals:
            self._literals[key] = self._slot(number, "")
            self.program.literals[self._literals[key]] = number
        return self._literals[key]

    def slots_of(self, scalars: Sequence[Any]) -> list[int]:
        """The slots of many, most of them traced values."""
        return [s._slot if type(s) is Traced and s._tracer is self else self.slot_of(s) for s in scalars]

    def refuse(self, what: str) -> NoReturn:
        raise self.refusal(
            f"{what} cannot be compiled, since it would keep numbers of the traced run: call models themselves, ask "
            "the compiled function for f.value_and_grad(...), or use tn.grad(..., create_graph=True) inside it"
        )

    def refusal(self, message: str) -> TraceError:
        """The error to raise, which is remembered."""
        self.refused = self.refused or f"{message} ({users_line()})"
        return TraceError(message)

    def compared(self, value: Any, symbol: str, other: Any) -> Truth:
        """What a comparison of a captured Value gives."""
        return Truth(self, value, symbol, other)

    def guard(self, left: Any, comparison: str, right: Any) -> bool:
        a, b = self.slot_of(left), self.slot_of(right)
        taken = COMPARISONS[comparison](self.numbers[a], self.numbers[b])
        self.entries.append(Guard(a, comparison, b, taken, users_line()))
        return taken

    def _of_value(self, value: Value) -> int:
        """A leaf is a parameter; what was recorded from leaves is computed from them again, at each call."""
        slot: Any = getattr(value, "_slot", None)
        if slot is not None:  # made inside, of a traced number
            return slot  # type: ignore[no-any-return]
        if isinstance(value, Result) and id(value) not in self._captured:
            self.computed_again.append(value)
            for result in reversed(operations_behind(value)):
                if id(result) not in self._captured:
                    self._kept.append(result)
                    slots = of_operands(self.slot_of, result.groups)
                    self._captured[id(result)] = self._write(
                        result.op, slots, result.scope, result.label, result.number
                    )
        return self.parameter(value)

    def _write(self, primitive: Primitive, slots: tuple[Operand, ...], scope: object, name: str, number: int) -> int:
        entry, known = Instruction(len(self.numbers), primitive, slots), self.reads
        result = primitive.value(*of_operands(self.numbers.__getitem__, slots))
        if not scope and not (scope := self.block):
            recorder = current_recorder()
            scope = recorder.scope if recorder else None
        reads = max(map(known.__getitem__, entry.slots()), default=FIXED)
        self.entries.append(entry)
        return self._slot(result, name, reads, entry, number, scope)

    def _slot(
        self, number: float, name: str, reads: int = FIXED, made: Instruction | None = None, order: int | None = None,
        scope: object = None,
    ) -> int:  # fmt: skip
        slot = len(self.numbers)
        self.numbers.append(number)
        self.reads.append(reads)
        self.made.append(made)
        self.order.append(order)
        self.program.scopes.append(scope)
        if name:
            self.program.names[slot] = name
        return slot

    def _noted(
        self, numbers: list[float], reads: bytes, made: list[Any] | None = None, order: int | None = None,
        scope: object = None,
    ) -> None:  # fmt: skip
        """What is known of the slots that come next, alike ones."""
        count = len(numbers)
        self.numbers += numbers
        self.reads += reads
        self.made += made if made and len(made) == count else (made or [None]) * count
        self.order += [order] * count
        self.program.scopes += [scope] * count


def users_line() -> str:
    """The file and line of the user's code that is running."""
    frame = users_frame()
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"

"""Program: straight-line scalar code as data, a flat list of instructions over numbered slots.

A slot holds one number: an input, a parameter (a Value that is read at each call), a literal, or the result of an
instruction. A program checks and runs itself, slowly and plainly: what every back end must equal. Rolled, it prints.
Instructions that are alike and side by side, as most of a gradient are, may be held as families.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import repeat, starmap
from operator import is_
from typing import Any, NamedTuple

from ...autograd.primitives import Primitive
from ...autograd.rules import is_column
from ...autograd.scalar import COMPARISONS as COMPARISONS
from ...autograd.value import Value
from .notes import BySlot, Derived, SlotsThatAreSet

Operand = int | tuple[int, ...]  # a slot, or the slots of a column

INPUTS, PARAMETERS, LITERALS = range(3)  # the arrays that a rolled program begins with


def of_operands(function: Callable[[Any], Any], operands: Iterable[Any]) -> tuple[Any, ...]:
    """A function of each operand, and of each entry of a column."""
    return tuple([tuple(map(function, o)) if type(o) is tuple else function(o) for o in operands])


class ProgramError(Exception):
    """A program that is not well formed: a fault of the compiler, never of its user."""


class OffPath(Exception):  # noqa: N818
    """A comparison came out otherwise than when the program was traced: another path of the function is wanted."""


class Instruction(NamedTuple):
    """slot = primitive(operands). A tuple, as many of them are made."""

    slot: int
    primitive: Primitive
    operands: tuple[Operand, ...]

    def slots(self) -> Sequence[int]:
        """The slots that are read, in order, columns element by element."""
        if not self.primitive.folds:
            return self.operands  # type: ignore[return-value]
        found = list[int]()  # not in one expression, which takes twice as long for a wide column
        for operand in self.operands:
            if isinstance(operand, tuple):
                found += operand
            else:
                found.append(operand)
        return found


@dataclass(frozen=True, slots=True)
class Guard:
    """A comparison that was used as a branch: the program holds where it comes out as it did then."""

    left: int
    comparison: str
    right: int
    expected: bool
    where: str  # the user's file and line

    @property
    def operands(self) -> tuple[int, int]:
        return self.left, self.right

    def slots(self) -> tuple[int, int]:
        return self.operands

    def holds(self, numbers: Sequence[float]) -> bool:
        return COMPARISONS[self.comparison](numbers[self.left], numbers[self.right]) is self.expected


class Family(NamedTuple):
    """Many instructions of one primitive, one after another: the kth sets the slot `slot` + k.

    Of operands that are a column, each reads one entry; any other is read by all.
    """

    slot: int
    primitive: Primitive
    operands: tuple[Operand, ...]
    size: int

    @property
    def results(self) -> range:
        return range(self.slot, self.slot + self.size)

    def slots(self) -> list[int]:
        """The slots that are read, those that all read twice."""
        return [slot for o in self.operands for slot in (o if isinstance(o, tuple) else (o, o))]

    def columns(self) -> list[tuple[int, ...]]:
        return [o for o in self.operands if isinstance(o, tuple)]

    def member(self, k: int) -> Instruction:
        operands = tuple([o[k] if isinstance(o, tuple) else o for o in self.operands])
        return Instruction(self.slot + k, self.primitive, operands)

    def members(self) -> list[Instruction]:
        """The instructions, one by one."""
        columns = [o if isinstance(o, tuple) else (o,) * self.size for o in self.operands]
        operands = zip(*columns, strict=True)
        return list(starmap(Instruction, zip(self.results, repeat(self.primitive), operands, strict=False)))


ProgramEntry = Instruction | Guard | Family


class Body(Sequence[Instruction | Guard]):
    """Instructions and guards in order, made of `entries` when somebody wants each by itself."""

    def __init__(self, entries: list[ProgramEntry]) -> None:
        self.entries = entries
        self._known: tuple[int, list[Instruction | Guard]] = 0, []  # of how many entries, and each

    @property
    def _each(self) -> list[Instruction | Guard]:
        if self._known[0] != len(self.entries):  # a tracer writes more
            self._known = len(self.entries), one_by_one(self.entries)
        return self._known[1]

    def __getitem__(self, place: Any) -> Any:
        return self._each[place]

    def __len__(self) -> int:
        return len(self._each)

    def __iter__(self) -> Iterator[Instruction | Guard]:
        return iter(self._each)

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, Body | list) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(self._each)


def one_by_one(entries: Iterable[ProgramEntry]) -> list[Instruction | Guard]:
    """Entries with the instructions of each family in its place."""
    found: list[Instruction | Guard] = []
    for entry in entries:
        found += entry.members() if isinstance(entry, Family) else (entry,)
    return found


def newly_read(entry: ProgramEntry, columns: set[Operand]) -> list[int]:
    """The slots that an entry reads, but of no column that is known; those of it are from now on."""
    found = list[int]()
    for operand in entry.operands:
        if isinstance(operand, int):
            found.append(operand)
        elif operand not in columns:
            columns.add(operand)
            found += operand
    return found


@dataclass
class Program:
    """Instructions and guards in order, and which slots are inputs, parameters, literals and outputs.

    Inputs, parameters and literals are the first three arrays when it is rolled.
    """

    name: str
    inputs: list[int] = field(default_factory=list)
    parameters: dict[int, Value] = field(default_factory=dict)
    literals: dict[int, float] = field(default_factory=dict)
    body: Sequence[Instruction | Guard] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)
    names: dict[int, str] = field(default_factory=dict)
    scopes: BySlot[object] = field(default_factory=BySlot)
    derived: Derived = field(default_factory=Derived)
    with_repeats: list[Any] | None = field(default=None, init=False, repr=False, compare=False)  # once looked for

    @property
    def entries(self) -> Sequence[ProgramEntry]:
        """The body, with families where there are some."""
        return self.body.entries if isinstance(self.body, Body) else self.body

    @property
    def instructions(self) -> list[Instruction]:
        return [entry for entry in self.body if isinstance(entry, Instruction)]

    @property
    def guards(self) -> list[Guard]:
        return [entry for entry in self.entries if isinstance(entry, Guard)]

    def returning(self, outputs: list[int]) -> Program:
        """A copy of the program as it is now, with other outputs."""
        return replace(
            self, parameters=dict(self.parameters), literals=dict(self.literals),
            body=Body(list(self.entries)), outputs=outputs,
        )  # fmt: skip

    def reading(self, values: Sequence[Value]) -> Program:
        """A copy whose parameters are these Values, in this order: all that it reads, and others.

        So the parameters of several programs lie in one order.
        """
        if len(values) >= len(self.parameters) and all(map(is_, self.parameters.values(), values)):  # as they are
            more = {-1 - k: values[k] for k in range(len(self.parameters), len(values))}
            return replace(self, parameters={**self.parameters, **more})
        slots = {id(value): slot for slot, value in self.parameters.items()}
        return replace(self, parameters={slots.get(id(v), -1 - k): v for k, v in enumerate(values)})

    def verify(self) -> Program:
        """The program itself, if every slot is set once, before it is read. Raises ProgramError where not."""
        known = SlotsThatAreSet(self.parameters, [*self.inputs, *self.literals])
        if known.again:
            raise ProgramError(f"{self.name}: a slot is given twice")
        shapes: set[tuple[Any, ...]] = set()  # of operands, which are those of many
        columns: set[Operand] = set()  # that are set, as many read the same one
        for entry in self.entries:
            if isinstance(entry, Family):
                if not all(type(o) is int or len(o) == entry.size for o in entry.operands):  # type: ignore[arg-type]
                    raise ProgramError(f"{self.name}: a family of {entry.size} has columns of other lengths")
                self.verify_shape(entry.member(0))
            elif isinstance(entry, Instruction):
                shape = entry.primitive, *map(type, entry.operands)
                if shape not in shapes:
                    self.verify_shape(entry)
                    shapes.add(shape)
            if (slot := known.missing(newly_read(entry, columns))) is not None:
                by = "by a family" if isinstance(entry, Family) else f"in {entry}"
                raise ProgramError(f"{self.name}: slot {slot} is read before it is set, {by}")
            if isinstance(entry, Family) and not known.add_all(entry.results):
                raise ProgramError(f"{self.name}: a slot of a family is set twice")
            if isinstance(entry, Instruction) and not known.add(entry.slot):
                raise ProgramError(f"{self.name}: slot {entry.slot} is set twice")
        if (slot := known.missing(self.outputs)) is not None:
            raise ProgramError(f"{self.name}: the output slot {slot} is never set")
        return self

    def verify_shape(self, entry: Instruction) -> None:
        """Raise ProgramError where an instruction has other operands than its primitive takes."""
        names = entry.primitive.operands
        if len(names) != len(entry.operands):
            raise ProgramError(f"{self.name}: {entry.primitive.name} takes {len(names)} operands, in {entry}")
        for name, operand in zip(names, entry.operands, strict=True):
            if is_column(name) is not isinstance(operand, tuple):
                raise ProgramError(f"{self.name}: operand {name} of {entry.primitive.name} is no such thing in {entry}")

    def run(self, inputs: Sequence[float], parameters: Sequence[float] | None = None) -> list[float]:
        """The outputs for the inputs, with the parameters as they are now, or as given.

        Raises OffPath where a comparison comes out otherwise than when the program was traced.
        """
        held = [value.data for value in self.parameters.values()] if parameters is None else parameters
        numbers: dict[int, float] = self.literals | dict(zip(self.inputs, inputs, strict=True))
        numbers |= zip(self.parameters, held, strict=True)
        for entry in self.entries:
            if isinstance(entry, Guard):
                if not entry.holds(numbers):  # type: ignore[arg-type]
                    raise OffPath(entry.where)
                continue
            given = of_operands(numbers.__getitem__, entry.operands)
            if isinstance(entry, Family):
                found = map(entry.primitive.value, *[g if type(g) is tuple else repeat(g) for g in given])
                numbers.update(zip(entry.results, found, strict=False))
            else:
                numbers[entry.slot] = entry.primitive.value(*given)
        return [numbers[slot] for slot in self.outputs]


@dataclass
class Loop:
    """A program that runs once for each row, in order, and hands numbers from one row to the next.

    `each` are the inputs that a row brings; `carried` the inputs or parameters that the next row finds as the outputs
    that they are paired with; `loss` the output that is kept for each row, `metric` the one that is summed. What else
    the program reads is the same for all rows: `settled`.
    """

    program: Program
    each: list[int]
    carried: dict[int, int]
    loss: int
    metric: int | None = None

    @cached_property
    def settled(self) -> list[int]:
        varying = {*self.each, *self.carried}
        return [slot for slot in [*self.program.inputs, *self.program.parameters] if slot not in varying]

    @property
    def outputs(self) -> list[int]:
        return [self.loss, *([] if self.metric is None else [self.metric]), *self.carried.values()]

"""Repeats: a body of instructions that runs several times, one after the other, and hands numbers on to itself.

It is a scan with a scope of its own: what an iteration computes has slots that nothing else uses, and the program's
slots are what goes in and comes out. A body may hold repeats. Bodies run themselves, plainly, and check themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ..program.program import Family, Guard, Instruction, OffPath, Program, ProgramError, of_operands


@dataclass(slots=True)
class Repeat:
    """A body for t in 0..times-1. What it reads of the program under its own slot is the same in all iterations.

    `each` are local slots that are another slot of the program in each iteration. `carried` are local slots that are a
    slot of the program at first, and then a local slot of the iteration before. The results of a body's slot have the
    program's slots that `kept` says, iteration by iteration, or `last` for that of the last one.
    """

    times: int
    body: Sequence[BodyEntry]
    each: dict[int, tuple[int, ...]] = field(default_factory=dict)
    carried: dict[int, tuple[int, int]] = field(default_factory=dict)
    kept: dict[int, tuple[int, ...]] = field(default_factory=dict)
    last: dict[int, int] = field(default_factory=dict)
    origins: dict[int, int] = field(default_factory=dict)  # of a body's slot, the one it is named after

    def slots(self) -> list[int]:
        """The slots of the program that are read, each once."""
        local = {*self.each, *self.carried, *slots_set(self.body)}
        settled = [slot for entry in self.body for slot in entry.slots() if slot not in local]
        series = [slot for slots in self.each.values() for slot in slots]
        return list(dict.fromkeys([*settled, *series, *[first for first, _ in self.carried.values()]]))

    def latest(self, slot: int) -> int:
        """The body's slot that a carried one has the number of, of one iteration before or several."""
        while slot in self.carried:
            slot = self.carried[slot][1]
        return slot

    def sets(self) -> list[int]:
        """The slots of the program that are set."""
        return [*[slot for slots in self.kept.values() for slot in slots], *self.last.values()]


def as_one(repeats: Sequence[Repeat]) -> Repeat:
    """Repeats of as many iterations, none of which reads another, as one: a loop over paths becomes one within time."""
    first, *others = repeats
    if not others:
        return first
    one = Repeat(first.times, [entry for repeat in repeats for entry in repeat.body])
    for repeat in repeats:
        for name in ("each", "carried", "kept", "last", "origins"):
            getattr(one, name).update(getattr(repeat, name))
    return one


BodyEntry = Instruction | Guard | Repeat
AnyEntry = BodyEntry | Family  # of a program whose repeats were not looked for


def slots_set(body: Iterable[BodyEntry]) -> Iterator[int]:
    """The slots that a body sets, in order."""
    for entry in body:
        if isinstance(entry, Instruction):
            yield entry.slot
        elif isinstance(entry, Repeat):
            yield from entry.sets()


def entries_written(body: Iterable[BodyEntry]) -> int:
    """How many instructions and guards stand in a body, those of repeats once."""
    return sum([entries_written(entry.body) if isinstance(entry, Repeat) else 1 for entry in body])


def run(body: Iterable[BodyEntry], numbers: dict[int, float]) -> None:
    """Set the slots of a body in `numbers`. Raises OffPath where a comparison comes out otherwise than it did."""
    for entry in body:
        if isinstance(entry, Instruction):
            numbers[entry.slot] = entry.primitive.value(*of_operands(numbers.__getitem__, entry.operands))
        elif isinstance(entry, Repeat):
            _run_repeat(entry, numbers)
        elif not entry.holds(numbers):  # type: ignore[arg-type]
            raise OffPath(entry.where)


def _run_repeat(repeat: Repeat, numbers: dict[int, float]) -> None:
    for t in range(repeat.times):
        numbers |= {slot: numbers[later if t else first] for slot, (first, later) in repeat.carried.items()}
        numbers |= {slot: numbers[series[t]] for slot, series in repeat.each.items()}
        run(repeat.body, numbers)
        numbers |= {series[t]: numbers[slot] for slot, series in repeat.kept.items()}
    numbers |= {outside: numbers[slot] for slot, outside in repeat.last.items()}


def verify(program: Program, body: Sequence[BodyEntry]) -> None:
    """Raise ProgramError where a body is not well formed, or does not set all that the program gives back.

    Each slot of it is set once, in one scope alone, and before it is read.
    """
    used = {*program.inputs, *program.parameters, *program.literals}
    known = set(used)
    _verify_scope(program, body, known, used)
    for slot in program.outputs:
        if slot not in known:
            raise ProgramError(f"{program.name}: the output slot {slot} is never set")


def _verify_scope(program: Program, body: Sequence[BodyEntry], known: set[int], used: set[int]) -> None:
    """Check a body whose surroundings set the slots that are known; `used` are those of any scope."""
    for entry in body:
        for slot in entry.slots():
            if slot not in known:
                raise ProgramError(f"{program.name}: slot {slot} is read before it is set, in {entry}")
        if isinstance(entry, Repeat):
            _verify_repeat(program, entry, known, used)
        elif isinstance(entry, Instruction):
            program.verify_shape(entry)
            _use(program, [entry.slot], known, used)


def _verify_repeat(program: Program, repeat: Repeat, known: set[int], used: set[int]) -> None:
    lengths = {repeat.times, *map(len, repeat.each.values()), *map(len, repeat.kept.values())}
    if repeat.times < 1 or lengths != {repeat.times}:
        raise ProgramError(f"{program.name}: a repeat of {repeat.times} has series of {sorted(lengths)}")
    inside = set(known)
    _use(program, [*repeat.each, *repeat.carried], inside, used)
    _verify_scope(program, repeat.body, inside, used)
    results = set(slots_set(repeat.body))
    for slot, (_, later) in repeat.carried.items():
        if later not in results and later not in repeat.carried:
            raise ProgramError(f"{program.name}: slot {slot} is carried from slot {later}, which no iteration sets")
    for slot in (*repeat.kept, *repeat.last):
        if slot not in results:
            raise ProgramError(f"{program.name}: slot {slot} is kept, but no iteration sets it")
    _use(program, repeat.sets(), known, used)


def _use(program: Program, slots: list[int], known: set[int], used: set[int]) -> None:
    """Slots that are set where others are known."""
    for slot in slots:
        if slot in used:
            raise ProgramError(f"{program.name}: slot {slot} is set twice")
        used.add(slot)
        known.add(slot)

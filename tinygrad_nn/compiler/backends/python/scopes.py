"""A program with loops over time as a Python function: each repeat is a `for`, with a scope of its own.

What differs from iteration to iteration is read by `zip`, from slices of the lists that inputs and kept results lie in.
Long sums of products are loops as well. What stands between loops is written as in a program without.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeGuard, cast

from ....autograd import primitives as table
from ...loops.repeats import BodyEntry, Repeat, slots_set
from ...program.names import told
from ...program.notes import BySlot
from ...program.program import Guard, Instruction, Program
from ..identifiers import SlotNames
from ..spellings import owned
from .expressions import WIDEST, Statement, statements
from .lines import in_lines, lines_of, literal_text

MOST_TOGETHER = 8  # products of a sum that are added in one round of a loop
FEWEST_ROUNDS = 4


def source(program: Program, body: Sequence[BodyEntry], name: str) -> str:
    """The source of a function of two lists, the inputs and the parameters, which gives a tuple of the outputs."""
    scopes = _Scopes(program, body)
    lines = [*scopes.unpacked(body), *scopes.lines(body, {*program.outputs})]
    lines += in_lines(f"return ({', '.join(scopes.pieces(program.outputs))},)" if program.outputs else "return ()", "")
    return "\n".join([f"def {name}({', '.join(scopes.lists)}):", *(f"    {line}" for line in lines)]) + "\n"


def _entries(body: Iterable[BodyEntry]) -> Iterator[Instruction | Guard]:
    """The instructions and guards that are written, each once."""
    for entry in body:
        if isinstance(entry, Repeat):
            yield from _entries(entry.body)
        else:
            yield entry


def _repeats(body: Iterable[BodyEntry]) -> Iterator[Repeat]:
    for entry in body:
        if isinstance(entry, Repeat):
            yield entry
            yield from _repeats(entry.body)


def _is_long(entry: BodyEntry) -> TypeGuard[Instruction]:
    """Whether an entry is a sum that is a loop of its own."""
    return isinstance(entry, Instruction) and entry.primitive is table.dot and len(entry.operands[0]) > WIDEST  # type: ignore[arg-type]


class _Scopes:
    """Writes the scopes of a program. `names` are what slots are read by, `spots` the places of those in lists."""

    def __init__(self, program: Program, body: Sequence[BodyEntry]) -> None:
        origins = {slot: first for repeat in _repeats(body) for slot, first in repeat.origins.items()}
        written = replace(program, body=[*_entries(body)])
        named = {slot: program.names[first] for slot, first in origins.items() if first in program.names}
        written.names, written.scopes, written.derived = (
            program.names | named,
            BySlot(program.scopes),
            program.derived.copy(),
        )
        for slot, first in origins.items():
            written.scopes.put(slot, program.scopes.get(first))
            written.derived.pass_on(slot, first)
        self.program, self.origins = written, origins
        self.named = SlotNames(owned(written.instructions).values())
        self.lists = self.named("inputs"), self.named("parameters")
        self.names: dict[int, str] = {}
        self.spots: dict[int, tuple[str, int]] = {}  # a list, and a place in it
        self.lengths = {self.lists[0]: len(program.inputs), self.lists[1]: len(program.parameters)}
        for name, slots in zip(self.lists, (program.inputs, program.parameters), strict=True):
            self._lies_in(name, slots)
        self.told = told(written)
        self.factors = list[str]()
        for slot, number in program.literals.items():
            self.names[slot] = literal_text(number)
        for entry in written.instructions:
            self.names[entry.slot] = self.named(self.told[entry.slot])

    def _lies_in(self, name: str, slots: Iterable[int]) -> None:
        for k, slot in enumerate(slots):
            self.names[slot], self.spots[slot] = f"{name}[{k}]", (name, k)

    def unpacked(self, body: Sequence[BodyEntry]) -> list[str]:
        """Variables for the inputs and parameters that are read by themselves; so they are called from here on."""
        read = {slot for entry in _entries(body) if not _is_long(entry) for slot in entry.slots()}
        read |= {first for repeat in _repeats(body) for first, _ in repeat.carried.values()}
        lines = []
        for name, slots in zip(self.lists, (self.program.inputs, list(self.program.parameters)), strict=True):
            start = 0
            for end in range(1, len(slots) + 1):
                if end < len(slots) and (slots[end] in read) == (slots[start] in read):
                    continue
                if slots[start] in read:
                    self.names |= {slot: self.named(self.told[slot]) for slot in slots[start:end]}
                    variables = [self.names[slot] for slot in slots[start:end]]
                    lines += in_lines(f"({', '.join(variables)},) = {name}[{start}:{end}]", "")
                start = end
        return lines

    def lines(self, body: Sequence[BodyEntry], wanted: set[int]) -> list[str]:
        """The statements of a scope, of which those slots are read afterwards."""
        parts = list(_parts(body))
        latest = {slot: k for k, part in enumerate(parts) for entry in part for slot in entry.slots()}
        lines = []
        for k, part in enumerate(parts):
            first = part[0]
            if isinstance(first, Repeat):
                lines += self._repeat(first)
            elif _is_long(first):
                lines += self._long_sum(first)
            else:
                outputs = [slot for slot in slots_set(part) if slot in wanted or latest.get(slot, k) > k]
                flat = [entry for entry in part if not isinstance(entry, Repeat)]
                straight = replace(self.program, body=flat, outputs=outputs)
                lines += lines_of(statements(straight, self.names), self.names, "", _leaving)
        return lines

    def _repeat(self, repeat: Repeat) -> list[str]:
        """The loop of a repeat, and the lists of what it keeps."""
        names = self.names
        kept = {slot: self.named(f"{self._called(slot)}s") for slot in repeat.kept}
        lines = [f"{name} = []" for name in kept.values()]
        local = {*repeat.each, *repeat.carried, *slots_set(repeat.body)}
        for slot in dict.fromkeys(slot for entry in _entries(repeat.body) for slot in entry.slots()):
            if slot not in local and names.get(slot, "").endswith("]"):  # the same in all iterations, in a list
                place, names[slot] = names[slot], self.named(self.told.get(slot, "v"))
                lines.append(f"{names[slot]} = {place}")
        for slot, (first, _) in repeat.carried.items():
            names[slot] = self.named(f"{self._called(repeat.latest(slot))}_before")
            lines.append(f"{names[slot]} = {names[first]}")
        columns = [(slot, self.series(series)) for slot, series in repeat.each.items()]
        for slot, _ in columns:
            called = self.told.get(repeat.each[slot][0], "")
            names[slot] = self.named(re.sub(r"\d*$", "_t", called if called.isidentifier() else "number", count=1))
        lines.append(_loop([(names[slot], column) for slot, column in columns], repeat.times))
        inside = self.lines(repeat.body, {*repeat.kept, *repeat.last, *(later for _, later in repeat.carried.values())})
        inside += [f"{name}.append({names[slot]})" for slot, name in kept.items()]
        handed = [(names[slot], names[later]) for slot, (_, later) in repeat.carried.items()]
        if handed:
            left, right = (", ".join([pair[k] for pair in handed]) for k in (0, 1))
            inside += in_lines(f"({left}) = ({right})" if len(handed) > 1 else f"{left} = {right}", "")
        for slot, name in kept.items():
            self.lengths[name] = repeat.times
            self._lies_in(name, repeat.kept[slot])
        names |= {outer: names[slot] for slot, outer in repeat.last.items()}
        return [*lines, *(f"    {line}" for line in inside)]

    def _called(self, slot: int) -> str:
        """What a local slot is named after."""
        return self.told.get(slot) or self.told.get(self.origins.get(slot, -1), "v")

    def _long_sum(self, entry: Instruction) -> list[str]:
        """A sum of products in loops, where it is regular for some time."""
        ws, xs, bias = cast("tuple[tuple[int, ...], tuple[int, ...], int]", entry.operands)
        total = self.names[entry.slot]
        lines, at, alone = [f"{total} = {self.names[bias]}"], 0, list[str]()
        while at < len(ws):
            together, rounds = self._rounds(ws, xs, at)
            if rounds < FEWEST_ROUNDS:
                alone.append(self._product(ws[at], self.names[ws[at]], self.names[xs[at]]))
                at += 1
            if alone and (rounds >= FEWEST_ROUNDS or at == len(ws) or len(alone) == WIDEST):
                lines.append(f"{total} = {' + '.join([total, *alone])}")
                alone = []
            if rounds >= FEWEST_ROUNDS:
                columns, products = list[tuple[str, str]](), []
                for k in range(at, at + together):
                    end = k + together * rounds
                    w, x = (self._factor(slots[k:end:together], columns) for slots in (ws, xs))
                    products.append(self._product(ws[k] if len({*ws[k:end:together]}) == 1 else -1, w, x))
                lines += [_loop(columns, rounds), f"    {total} = {' + '.join([total, *products])}"]
                at += together * rounds
        return lines

    def _product(self, slot: int, w: str, x: str) -> str:
        return x if self.program.literals.get(slot) == 1.0 else f"{w} * {x}"

    def _factor(self, slots: Sequence[int], columns: list[tuple[str, str]]) -> str:
        """What the factors in a loop are called; those that are not all the same are a column of it."""
        if slots.count(slots[0]) == len(slots):
            return self.names[slots[0]]
        while len(self.factors) <= len(columns):
            self.factors.append(self.named("factor"))
        columns.append((self.factors[len(columns)], self.series(slots)))
        return columns[-1][0]

    def _rounds(self, ws: Sequence[int], xs: Sequence[int], at: int) -> tuple[int, int]:
        """How many products from there on are added in each round of a loop, and how many rounds there are."""
        best = 1, 1
        for together in range(1, MOST_TOGETHER + 1):
            rounds = min(self._regular(s, k, together) for k in range(at, at + together) for s in (ws, xs))
            if together * rounds > best[0] * best[1]:
                best = together, rounds
        return best

    def _regular(self, slots: Sequence[int], start: int, step: int) -> int:
        """How many slots, each so many after the last, are the same, or evenly apart in a list, or literals."""
        if start >= len(slots):
            return 0
        k, literals = start + step, self.program.literals
        if k >= len(slots):
            return 1
        first, second = slots[start], slots[k]
        if first == second:
            while k < len(slots) and slots[k] == first:
                k += step
        elif first in literals:
            while k < len(slots) and slots[k] in literals:
                k += step
        elif (stride := self._apart(first, second)) is not None:
            while k < len(slots) and self._apart(slots[k - step], slots[k]) == stride:
                k += step
        return (k - start) // step

    def _apart(self, first: int, second: int) -> int | None:
        """How far apart two slots lie in a list."""
        (one, start), (other, end) = self.spots.get(first, ("", 0)), self.spots.get(second, ("", 0))
        return end - start if one and one == other else None

    def series(self, slots: Sequence[int]) -> str:
        """The numbers of slots as a list or a tuple."""
        pieces = self.pieces(slots)
        return pieces[0][1:] if len(pieces) == 1 and pieces[0][0] == "*" else f"({', '.join(pieces)},)"

    def pieces(self, slots: Sequence[int]) -> list[str]:
        """The numbers of slots side by side, in slices of lists where they lie evenly apart."""
        pieces, at = list[str](), 0
        while at < len(slots):
            first, count = slots[at], self._regular(slots, at, 1)
            if count > 2 and first == slots[at + 1]:
                pieces.append(f"*({self.names[first]},) * {count}")
            elif count > 2 and first in self.spots:
                name, start = self.spots[first]
                stride = self.spots[slots[at + 1]][1] - start
                end = start + stride * count
                step, stop = f":{stride}" if stride != 1 else "", end if end >= 0 else ""
                whole = (start, end, stride) == (0, self.lengths[name], 1)
                pieces.append(f"*{name}" if whole else f"*{name}[{start}:{stop}{step}]")
            else:
                pieces.append(self.names[first])
                count = 1
            at += count
        return pieces


def _parts(body: Iterable[BodyEntry]) -> Iterator[list[BodyEntry]]:
    """Repeats and long sums by themselves, and what stands between them."""
    straight = list[BodyEntry]()
    for entry in body:
        if isinstance(entry, Repeat) or _is_long(entry):
            if straight:
                yield straight
                straight = []
            yield [entry]
        else:
            straight.append(entry)
    if straight:
        yield straight


def _loop(columns: Sequence[tuple[str, str]], times: int) -> str:
    """The head of a loop whose variables each have a column."""
    if not columns:
        return f"for _ in range({times}):"
    targets, given = (", ".join(each) for each in zip(*columns, strict=True))
    return f"for {targets} in {given if len(columns) == 1 else f'zip({given})'}:"


def _leaving(guard: Statement) -> str:
    return f"raise OffPath({guard.where!r})"

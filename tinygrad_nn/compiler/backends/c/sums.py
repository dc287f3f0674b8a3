"""Sums over time: a dot over what a repeat computes, iteration by iteration, is a number that the repeat hands on.

The same products are added in the same order, so that no bit of it changes; and what was kept of all iterations for the
sum alone is kept no more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from itertools import count

from ....autograd import primitives as table
from ....autograd.primitives import Primitive
from ...loops.find import repeats_in
from ...loops.repeats import BodyEntry, Repeat, slots_set
from ...program.program import Guard, Instruction, Program

Pair = tuple[int, int]  # the slots of two factors
OverTime = tuple[int, ...]  # the slots that something has iteration by iteration


def with_sums(program: Program, body: Sequence[BodyEntry] | None = None) -> tuple[Program, Sequence[BodyEntry]]:
    """The program and its body, in which repeats, found or given, sum what is summed over all of their iterations."""
    given = program, program.body if body is None else list(body)
    if body is None:
        program = _without_unread(program)
        body = repeats_in(program)
    if not any(isinstance(entry, Repeat) for entry in body):
        return given
    unused = count(1 + max([*program.inputs, *program.parameters, *program.literals, *_slots_of(body)]))
    by_bits = {number.hex(): slot for slot, number in program.literals.items()}
    nothing = by_bits[(-0.0).hex()] if (-0.0).hex() in by_bits else next(unused)
    order = {slot: k for k, slot in enumerate(program.outputs)}
    found = _Scope(body, by_bits.get((1.0).hex()), nothing, order, unused).summed({*program.outputs})
    if any(nothing in entry.slots() for entry in found):
        program = replace(program, literals=program.literals | {nothing: -0.0})
    return program, found


def _without_unread(program: Program) -> Program:
    """The program in which no primitive is given what its value does not depend on, as sigmoid_slope(x, s) on x."""
    said = {entry.primitive: _operands_read(entry.primitive) for entry in program.instructions}
    body = [
        entry
        if isinstance(entry, Guard) or (read := said[entry.primitive]) is None
        else Instruction(entry.slot, entry.primitive, tuple([entry.operands[k] for k in read]))
        for entry in program.body
    ]
    return replace(program, body=body)


def _operands_read(row: Primitive) -> list[int] | None:
    """Which operand to give as each one: that itself or, where the value does not depend on it, another one."""
    if row.folds or row.spellings is not None or not row.text:
        return None
    read = [k for k, name in enumerate(row.operands) if re.search(rf"\b{name}\b", row.text)]
    return (
        [k if k in read else read[0] for k in range(len(row.operands))] if 0 < len(read) < len(row.operands) else None
    )


def _slots_of(body: Sequence[BodyEntry]) -> Iterator[int]:
    """The slots that a body sets, and that its repeats have for themselves."""
    yield from slots_set(body)
    for entry in body:
        if isinstance(entry, Repeat):
            yield from (*entry.each, *entry.carried)
            yield from _slots_of(entry.body)


@dataclass
class _Sum:
    """A dot as a repeat sums it: a start, products before, those of each iteration as series of factors, and after."""

    slot: int
    start: int
    before: list[Pair]
    over_time: list[tuple[OverTime, OverTime]]
    after: list[Pair]


class _Scope:
    """A body in which sums are made.

    `one` and `nothing` are the slots of 1.0, if there is one, and -0.0; `order` says which sums come first.
    """

    def __init__(
        self, body: Sequence[BodyEntry], one: int | None, nothing: int, order: Mapping[int, int], unused: Iterator[int]
    ) -> None:
        self.body, self.one, self.nothing, self.order, self.unused = list(body), one, nothing, order, unused

    def summed(self, wanted: set[int]) -> list[BodyEntry]:
        """The body with sums; `wanted` are the slots that are read afterwards."""
        for repeat in [entry for entry in self.body if isinstance(entry, Repeat)]:
            self._sum(repeat)
        read = wanted.union(*[entry.slots() for entry in self.body])
        return [self._inside(entry, read) if isinstance(entry, Repeat) else entry for entry in self.body]

    def _inside(self, repeat: Repeat, read: set[int]) -> Repeat:
        """A repeat that keeps what is read, with sums in its own body."""
        last = {slot: outer for slot, outer in repeat.last.items() if outer in read}
        kept = dict[int, OverTime]()
        for slot, series in repeat.kept.items():
            if not read.isdisjoint(series[:-1]) or (series[-1] in read and slot in last):
                kept[slot] = series
            elif series[-1] in read:
                last[slot] = series[-1]
        handed = {later for _, later in repeat.carried.values()}
        scope = _Scope(repeat.body, self.one, self.nothing, self.order, self.unused)
        return replace(repeat, body=scope.summed({*kept, *last, *handed}), kept=kept, last=last)

    def _sum(self, repeat: Repeat) -> None:
        """Let a repeat sum what is summed over it in the rest of the body."""
        at = next(k for k, entry in enumerate(self.body) if entry is repeat)
        unknown, kept = {*slots_set(self.body[at:])}, {*repeat.kept.values()}
        when = {outer: t for series in kept for t, outer in enumerate(series)}
        dots = [e for e in self.body[at + 1 :] if isinstance(e, Instruction) and e.primitive is table.dot]
        sums = [self._as_sum(entry, repeat.times, when, kept, unknown) for entry in dots]
        found = {each.slot: each for each in sums if each is not None}
        if not found:
            return
        result = replace(
            repeat, body=[*repeat.body], each=dict(repeat.each), carried=dict(repeat.carried), last=dict(repeat.last),
            origins=dict(repeat.origins),
        )  # fmt: skip
        local = {series: slot for slot, series in (repeat.each | repeat.kept).items()}
        before, after = list[BodyEntry](), dict[int, Instruction]()
        for each in sorted(found.values(), key=lambda each: self.order.get(each.slot, len(self.order))):
            if each.before:
                before.append(_dot(next(self.unused), each.before, each.start))
                each.start = before[-1].slot  # type: ignore[union-attr]
            total = self._add(result, each, local)
            if each.after:
                after[each.slot] = _dot(each.slot, each.after, total)
        rest = [
            after.get(entry.slot, entry) if isinstance(entry, Instruction) else entry
            for entry in self.body[at + 1 :]
            if not isinstance(entry, Instruction) or entry.slot not in found or entry.slot in after
        ]
        self.body[at:] = [*before, result, *rest]

    def _add(self, repeat: Repeat, each: _Sum, local: dict[OverTime, int]) -> int:
        """Add a sum to a repeat; the slot that it has afterwards. `local` are the slots of the repeat's series."""
        for series in [series for pair in each.over_time for series in pair]:
            if series not in local:
                local[series] = series[0] if _is_settled(series) else next(self.unused)
                if not _is_settled(series):
                    repeat.each[local[series]] = series
        sofar, total = next(self.unused), next(self.unused)
        repeat.body = [*repeat.body, _dot(total, [(local[w], local[x]) for w, x in each.over_time], sofar)]
        repeat.carried[sofar] = each.start, total
        repeat.origins[total] = each.slot
        repeat.last[total] = next(self.unused) if each.after else each.slot
        return repeat.last[total]

    def _as_sum(
        self, entry: Instruction, times: int, when: Mapping[int, int], kept: Set[OverTime], unknown: set[int]
    ) -> _Sum | None:
        """A dot as a sum of a repeat, if it is one over all iterations, in their order.

        `when` says in which iteration slots are set, `kept` are the series of these, and `unknown` the slots that are
        not set before the repeat.
        """
        ws, xs, start = entry.operands
        pairs: list[Pair] = list(zip(ws, xs, strict=True))  # type: ignore[arg-type]
        if when.get(start) == 0 and self.one is not None:  # type: ignore[arg-type]
            pairs, start = [(self.one, start), *pairs], self.nothing  # type: ignore[list-item]
        of = [{when[slot] for slot in pair if slot in when} for pair in pairs]
        if {0} not in of:
            return None
        first = of.index({0})
        each = next((k for k in range(first, len(of)) if of[k] != {0}), len(of)) - first
        end = first + each * times
        if end > len(pairs) or any(of[first + k] != {k // each} for k in range(end - first)):
            return None
        over_time = [
            (tuple([w for w, _ in pairs[k:end:each]]), tuple([x for _, x in pairs[k:end:each]]))
            for k in range(first, first + each)
        ]
        if any(series not in kept and not unknown.isdisjoint(series) for pair in over_time for series in pair):
            return None
        if not unknown.isdisjoint([start, *[slot for pair in pairs[:first] for slot in pair]]):
            return None
        return _Sum(entry.slot, start, pairs[:first], over_time, pairs[end:])  # type: ignore[arg-type]


def _dot(slot: int, products: Sequence[Pair], start: int) -> Instruction:
    return Instruction(slot, table.dot, (tuple([w for w, _ in products]), tuple([x for _, x in products]), start))


def _is_settled(series: OverTime) -> bool:
    return series.count(series[0]) == len(series)

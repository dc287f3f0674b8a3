"""Sums over time: a dot over what a repeat computes, iteration by iteration, is a number that the repeat hands on.

The same products are added in the same order, so that no bit of it changes; and what was kept of all iterations for the
sum alone is kept no more.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from .....autograd import primitives as table
from .....autograd.primitives import Primitive
from ....loops.find import LEAST_CHAIN, longest_chain, repeats_in
from ....loops.repeats import BodyEntry, Repeat, slots_set
from ....program.program import Guard, Instruction, Program

Pair = tuple[int, int]  # the slots of two factors
OverTime = tuple[int, ...]  # the slots that something has iteration by iteration


def with_sums(program: Program, body: Sequence[BodyEntry] | None = None) -> tuple[Program, Sequence[Any]]:
    """The program and its body, in which repeats, found or given, sum what is summed over all of their iterations.

    A program without repeats has its families as they are.
    """
    given = program, program.entries if body is None else list(body)
    if body is None:
        if longest_chain(program) < LEAST_CHAIN:
            return given
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
    said = {row: _operands_read(row) for row in {e.primitive for e in program.entries if not isinstance(e, Guard)}}
    if not any(said.values()):
        return program
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
        found = self._sums()
        body, after = list[BodyEntry](), dict[int, list[Instruction]]()
        for at, entry in enumerate(self.body):
            if isinstance(entry, Repeat) and at in found:
                entry, before, after_it = self._summing(entry, found[at])
                body += before
                after |= after_it
            body += after.get(entry.slot, [entry]) if isinstance(entry, Instruction) else [entry]
        read = wanted.union(*[entry.slots() for entry in body])
        return [self._inside(entry, read) if isinstance(entry, Repeat) else entry for entry in body]

    def _sums(self) -> dict[int, list[_Sum]]:
        """Of the places of repeats in the body, the dots that are sums of them."""
        made = {slot: k for k, entry in enumerate(self.body) for slot in slots_set([entry])}
        repeats = [(k, entry) for k, entry in enumerate(self.body) if isinstance(entry, Repeat)]
        kept = {k: {*repeat.kept.values()} for k, repeat in repeats}
        when = {
            outer: (k, t) for k, all_series in kept.items() for series in all_series for t, outer in enumerate(series)
        }
        found: dict[int, list[_Sum]] = {}
        for entry in self.body:
            if isinstance(entry, Instruction) and entry.primitive is table.dot:
                read = Counter([when[slot][0] for slot in entry.slots() if slot in when])
                often = sorted([at for at, times in read.items() if 2 * times >= len(entry.operands[0])], reverse=True)  # type: ignore[arg-type]
                sums = [
                    (at, each) for at in often if (each := self._as_sum(entry, at, when, kept[at], made)) is not None
                ]
                for at, each in sums[:1]:
                    found.setdefault(at, []).append(each)
        return found

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

    def _summing(
        self, repeat: Repeat, found: Sequence[_Sum]
    ) -> tuple[Repeat, list[Instruction], dict[int, list[Instruction]]]:
        """A repeat with sums, what comes before it, and what the dots are now."""
        result = replace(
            repeat, body=[*repeat.body], each=dict(repeat.each), carried=dict(repeat.carried), last=dict(repeat.last),
            origins=dict(repeat.origins),
        )  # fmt: skip
        local = {series: slot for slot, series in (repeat.each | repeat.kept).items()}
        before, after = list[Instruction](), dict[int, list[Instruction]]()
        for each in sorted(found, key=lambda each: self.order.get(each.slot, len(self.order))):
            if each.before:
                before.append(_dot(next(self.unused), each.before, each.start))
                each.start = before[-1].slot
            total = self._add(result, each, local)
            after[each.slot] = [_dot(each.slot, each.after, total)] if each.after else []
        return result, before, after

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
        self, entry: Instruction, at: int, when: Mapping[int, Pair], kept: Set[OverTime], made: Mapping[int, int]
    ) -> _Sum | None:
        """A dot as a sum of the repeat at a place, if most of it is over all iterations, in their order.

        `when` says of slots in which repeat and in which iteration they are set, `kept` are the series of this repeat,
        and `made` where slots are set. What is of several repeats would let them wait for one another.
        """
        ws, xs, start = entry.operands
        pairs: list[Pair] = list(zip(ws, xs, strict=True))  # type: ignore[arg-type]
        if when.get(start) == (at, 0) and self.one is not None:  # type: ignore[arg-type]
            pairs, start = [(self.one, start), *pairs], self.nothing  # type: ignore[list-item]
        of = [{when[slot][1] for slot in pair if slot in when and when[slot][0] == at} for pair in pairs]
        if {0} not in of:
            return None
        first = of.index({0})
        each = next((k for k in range(first, len(of)) if of[k] != {0}), len(of)) - first
        times = len(next(iter(kept)))
        end = first + each * times
        if end > len(pairs) or len(pairs) > 2 * (end - first):
            return None
        if any(of[first + k] != {k // each} for k in range(end - first)):
            return None
        over_time = [
            (tuple([w for w, _ in pairs[k:end:each]]), tuple([x for _, x in pairs[k:end:each]]))
            for k in range(first, first + each)
        ]
        given = [start, *[slot for pair in pairs[:first] for slot in pair]]
        given += [slot for pair in over_time for series in pair if series not in kept for slot in series]
        if any(made.get(slot, -1) >= at for slot in given):  # type: ignore[arg-type]
            return None
        return _Sum(entry.slot, start, pairs[:first], over_time, pairs[end:])  # type: ignore[arg-type]


def _dot(slot: int, products: Sequence[Pair], start: int) -> Instruction:
    return Instruction(slot, table.dot, (tuple([w for w, _ in products]), tuple([x for _, x in products]), start))


def _is_settled(series: OverTime) -> bool:
    return series.count(series[0]) == len(series)

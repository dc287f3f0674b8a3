"""Repeats as scans: series that are read, and results that are kept, are arrays whose first axis is time.

What an iteration does without the iteration before is apart, to be computed for all of them at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import NamedTuple

from ....autograd import primitives as table
from ...loops.clusters import arrays_made
from ...loops.grouping import pieces_of
from ...loops.groups import Access, Group, Repeated
from ...loops.rolled import Rolled
from .intervals import Interval, from_place, interval_of, iteration_of
from .products import Products, with_products


class Series(NamedTuple):
    """An array of an iteration: so many numbers of its source from start + stride * t on."""

    array: int
    source: int
    start: int
    stride: int
    length: int

    def span(self, times: int) -> Interval:
        move = self.stride * (times - 1)
        return Interval(self.source, self.start + min(0, move), self.start + max(0, move) + self.length)


@dataclass(frozen=True)
class Scan(Repeated):
    """A repeat that reads its series as arrays of their own; `stacked` are those of results, and where all are kept.

    What does without the iteration before is computed for all iterations at once: `early` before them, and `late`, on
    which no iteration waits, after them.
    """

    series: Sequence[Series] = ()
    stacked: Sequence[tuple[int, int]] = ()
    early: Sequence[Group] = ()
    late: Sequence[Group] = ()

    @property
    def all_groups(self) -> list[Group]:
        """Those of an iteration."""
        return [*self.early, *self.groups, *self.late]

    @property
    def at_once(self) -> set[int]:
        """The arrays that are computed for all iterations at once."""
        return {each.array for each in (*self.early, *self.late)}

    @property
    def last(self) -> list[int]:
        """The arrays of which the last iteration's are read afterwards."""
        everything = {whole for _, whole in self.stacked}
        return [array for array in self.results if array not in everything]

    @property
    def may_leave(self) -> bool:
        """Whether an iteration may be off the path, in what is not computed at once."""
        return _may_leave(self.groups)

    def over_time(self, series: Series, lengths: Mapping[int, int]) -> slice | None:
        """Which iterations a series is, of a source that has time as its first axis, too; else None."""
        column = Access(series.source, series.start, (), self.times, series.stride)
        return None if lengths.get(series.source) != series.length else over_time(column, lengths)


def _may_leave(groups: Iterable[Group]) -> bool:
    return any(
        _may_leave(each.all_groups)
        if isinstance(each, Scan)
        else each.guard is not None or each.primitive is table.take
        for each in groups
    )


def over_time(column: Access, lengths: Mapping[int, int]) -> slice | None:
    """In which iterations the entries of a column are, one in each, of an array that has time as its first axis."""
    length, width = lengths.get(column.array), column.width
    if not length or not width or not column.step or column.step % length:
        return None
    first, step = column.base // length, column.step // length
    end = first + step * (width - 1) + (1 if step > 0 else -1)
    return slice(first, end if end >= 0 else None, step)


def with_scans(roll: Rolled, at_once: bool) -> tuple[Rolled, dict[int, int]]:
    """The program with scans for its repeats; and of the arrays that they keep, the length of an iteration.

    It is 0 where they are read end to end alone."""
    kept: dict[int, int] = {}
    if any(isinstance(group, Repeated) for group in roll.groups):
        roll = with_products(roll)
        roll = replace(roll, sizes=[*roll.sizes], by_row=[*roll.by_row], slots=[*roll.slots])
        roll.groups = [_scanned(roll, group, kept, at_once) for group in roll.groups]
    return roll, kept


def _scanned(roll: Rolled, group: Group, kept: dict[int, int], at_once: bool) -> Group:
    """A group, or the scan of a repeat."""
    if not isinstance(group, Repeated):
        return group
    groups = [_scanned(roll, each, kept, at_once) for each in group.groups]
    made = {array for each in groups for array in arrays_made(each)}
    stacked = [(array, whole) for array, (whole, _) in group.views.items() if array in made]
    moving = {array: place for array, place in group.views.items() if array not in made}
    spans: dict[int, set[Interval]] = {}
    for each in (*groups, *group.nexts):
        for span in _spans_read(each):
            if span.array in moving:
                spans.setdefault(span.array, set()).add(span)
    series: dict[Interval, Series] = {}
    for view, read in spans.items():
        source, stride = moving[view]
        for start, end, those in _apart(sorted(read), kept.get(source, 0), abs(stride)):
            one = Series(len(roll.sizes), source, start, stride, end - start)
            roll.sizes.append(one.length)
            roll.by_row.append(roll.by_row[source])
            roll.slots.append([slot for slot in roll.slots[source][one.span(group.times).places] if slot >= 0] or [-1])
            series |= dict.fromkeys(those, one)

    def read_of(span: Interval) -> tuple[int, int]:
        one = series.get(span)
        return (span.array, 0) if one is None else (one.array, one.start)

    inside, nexts = ([_reading(each, read_of) for each in those] for those in (groups, group.nexts))
    firsts, inside, nexts = _in_pieces(roll, group.firsts, inside, nexts)
    early, late = list[Group](), list[Group]()
    if at_once:
        early, inside, late = _parted(inside, nexts, {first.array for first in firsts})
    kept |= {whole: roll.sizes[array] for array, whole in stacked}
    kept |= {array: 0 for array in group.results if array in kept and array in made}  # whose time has another scope
    fields = {name: getattr(group, name) for name in Repeated.__dataclass_fields__}
    fields |= {"firsts": firsts, "groups": inside, "nexts": nexts}
    return Scan(**fields, series=[*dict.fromkeys(series.values())], stacked=stacked, early=early, late=late)


def _in_pieces(
    roll: Rolled, firsts: Sequence[Group], groups: Sequence[Group], nexts: Sequence[Group]
) -> tuple[list[Group], list[Group], list[Group]]:
    """The same, where what is handed on from several arrays is as many, unless it is read as one."""
    read = {span for group in (*groups, *nexts) for span in _spans_read(group)}
    pieces: dict[int, list[tuple[int, int, int]]] = {}
    apart = list[Group](), list[Group]()
    for first, following in zip(firsts, nexts, strict=True):
        array = first.array
        cuts = {0, *accumulate(operand.width or 0 for operand in following.operands)}
        cuts -= {cut for cut in cuts for span in read if span.array == array and span.low < cut < span.high}
        for low, high in pairwise(sorted(cuts)):
            number = array
            if len(cuts) > 2:
                number = len(roll.sizes)
                roll.sizes.append(high - low)
                roll.by_row.append(roll.by_row[array])
                roll.slots.append(roll.slots[array][low:high])
                pieces.setdefault(array, []).append((number, low, high))
            for group, those in zip((first, following), apart, strict=True):
                spots = [(o.array, index) for o in group.operands for index in o.indices(())]
                those.append(replace(group, array=number, operands=tuple(pieces_of(spots[low:high]))))

    def read_of(span: Interval) -> tuple[int, int]:
        for number, low, high in pieces.get(span.array, ()):
            if low <= span.low and span.high <= high:
                return number, low
        return span.array, 0

    inside, following_ = ([_reading(group, read_of) for group in those] for those in (groups, apart[1]))
    return apart[0], inside, following_


def _parted(
    groups: Sequence[Group], nexts: Sequence[Group], carried: set[int]
) -> tuple[list[Group], list[Group], list[Group]]:
    """Groups that do without what is carried, those that an iteration hands on, and those that wait for these."""
    handed_on = set(carried)
    early, others, of_scans = list[Group](), list[Group](), set[int]()
    for group in groups:
        if isinstance(group, Scan) or not handed_on.isdisjoint([o.array for o in group.operands]):
            handed_on |= {*arrays_made(group)}
            of_scans |= {*arrays_made(group)} if isinstance(group, Scan) else set()
            others.append(group)
        else:
            early.append(group)
    wanted = {o.array for each in nexts for o in each.operands}
    inside, late = list[Group](), list[Group]()
    for group in reversed(others):
        if group.array in wanted or isinstance(group, Scan) or any(o.array in of_scans for o in group.operands):
            wanted |= {*arrays_read(group, {})}
            inside.append(group)
        else:
            late.append(group)
    return early, inside[::-1], late[::-1]


def _apart(spans: Sequence[Interval], length: int, stride: int) -> Iterator[tuple[int, int, list[Interval]]]:
    """What is read of a view, as parts: spans that overlap, or that lie side by side within a stride.

    Of an array that is kept, with iterations of such a length, the parts are whole iterations.
    """
    others = list[Interval]()
    whole: dict[int, list[Interval]] = {}
    for span in spans:
        if length and not stride % length and span.low // length == (span.high - 1) // length:
            whole.setdefault(span.low // length, []).append(span)
        else:
            others.append(span)
    for k, inside in whole.items():
        yield k * length, (k + 1) * length, inside
    part = list[Interval]()
    end = 0
    for span in others:
        if part and (span.low > end or (span.low == end and span.high - part[0].low > stride)):
            yield part[0].low, end, part
            part = []
        end = max(end, span.high) if part else span.high
        part.append(span)
    if part:
        yield part[0].low, end, part


def arrays_read(group: Group, kept: Mapping[int, int]) -> Iterator[int]:
    """The arrays that a group reads, and the groups of scans, with those that must lie end to end though kept."""
    if not isinstance(group, Scan):
        series = isinstance(group, Products)
        for o in group.operands:
            apart = over_time(o, kept) if series and o.width is not None else iteration_of(o, group.extents, kept)
            if apart is None:
                yield o.array
        return
    for each in (*group.firsts, *group.all_groups, *group.nexts):
        yield from arrays_read(each, kept)
    yield from [each.source for each in group.series if group.over_time(each, kept) is None]
    yield from [array for array, _ in group.stacked]
    yield from group.last


def arrays_set(scan: Scan) -> set[int]:
    """The arrays that are others in each iteration of a scan."""
    found = {
        *scan.last,
        *(each.array for each in (*scan.firsts, *scan.all_groups)),
        *(each.array for each in scan.series),
    }
    for each in scan.groups:
        if isinstance(each, Scan):
            found |= {*arrays_set(each), *each.results}
    return found


def _spans_read(group: Group) -> Iterator[Interval]:
    """What a group reads, and the groups of scans, too."""
    if not isinstance(group, Scan):
        for access in group.operands:
            yield interval_of(access, group.extents)
        return
    for each in (*group.firsts, *group.all_groups, *group.nexts):
        yield from _spans_read(each)
    for series in group.series:
        yield series.span(group.times)


def _reading(group: Group, read_of: Callable[[Interval], tuple[int, int]]) -> Group:
    """A group that reads other arrays in place of spans, from that index of the old ones on."""

    def moved(access: Access, extents: tuple[int, ...]) -> Access:
        return from_place(access, *read_of(interval_of(access, extents)))

    if not isinstance(group, Scan):
        return replace(group, operands=tuple([moved(access, group.extents) for access in group.operands]))
    firsts, early, groups, late, nexts = (
        [_reading(each, read_of) for each in those]
        for those in (group.firsts, group.early, group.groups, group.late, group.nexts)
    )
    series = []
    for one in group.series:
        source, start = read_of(one.span(group.times))
        series.append(Series(one.array, source, one.start - start, one.stride, one.length))
    return replace(group, firsts=firsts, early=early, groups=groups, late=late, nexts=nexts, series=series)

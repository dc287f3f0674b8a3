"""Repeats as scans: series that are read, and results that are kept, are arrays whose first axis is time.

An iteration is a function of what is carried and of its place in each series, which NumPy calls in a loop and JAX
compiles once, in `jax.lax.scan`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, NamedTuple

from ....autograd import primitives as table
from ...loops.clusters import arrays_made
from ...loops.groups import Access, Group, Repeated
from ...loops.rolled import Rolled
from .products import Products, with_products


class Interval(NamedTuple):
    """What is read of an array: from an index to another."""

    array: int
    low: int
    high: int

    @property
    def places(self) -> slice:
        return slice(self.low, self.high)


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
    """A repeat that reads its series as arrays of their own; `stacked` are those of results, and where all are kept."""

    series: Sequence[Series] = ()
    stacked: Sequence[tuple[int, int]] = ()

    @property
    def last(self) -> list[int]:
        """The arrays of which the last iteration's are read afterwards."""
        everything = {whole for _, whole in self.stacked}
        return [array for array in self.results if array not in everything]

    @property
    def may_leave(self) -> bool:
        """Whether an iteration may be off the path."""
        return any(
            each.may_leave if isinstance(each, Scan) else each.guard is not None or each.primitive is table.take
            for each in self.groups
        )

    def over_time(self, series: Series, lengths: Mapping[int, int]) -> slice | None:
        """Which iterations a series is, of a source that has time as its first axis, too; else None."""
        column = Access(series.source, series.start, (), self.times, series.stride)
        return None if lengths.get(series.source) != series.length else over_time(column, lengths)


def over_time(column: Access, lengths: Mapping[int, int]) -> slice | None:
    """In which iterations the entries of a column are, one in each, of an array that has time as its first axis."""
    length, width = lengths.get(column.array), column.width
    if not length or not width or not column.step or column.step % length:
        return None
    first, step = column.base // length, column.step // length
    end = first + step * (width - 1) + (1 if step > 0 else -1)
    return slice(first, end if end >= 0 else None, step)


def with_scans(roll: Rolled) -> tuple[Rolled, dict[int, int]]:
    """The program with scans for its repeats; and of the arrays that they keep, the length of an iteration."""
    kept: dict[int, int] = {}
    if any(isinstance(group, Repeated) for group in roll.groups):
        roll = with_products(roll)
        roll = replace(roll, sizes=[*roll.sizes], by_row=[*roll.by_row], slots=[*roll.slots])
        roll.groups = [_scanned(roll, group, kept) for group in roll.groups]
    return roll, kept


def _scanned(roll: Rolled, group: Group, kept: dict[int, int]) -> Group:
    """A group, or the scan of a repeat."""
    if not isinstance(group, Repeated):
        return group
    groups = [_scanned(roll, each, kept) for each in group.groups]
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
    kept |= {whole: roll.sizes[array] for array, whole in stacked}
    fields = {name: getattr(group, name) for name in Repeated.__dataclass_fields__}
    return Scan(
        **fields | {"groups": inside, "nexts": nexts}, series=[*dict.fromkeys(series.values())], stacked=stacked
    )


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
    for each in (*group.firsts, *group.groups, *group.nexts):
        yield from arrays_read(each, kept)
    yield from [each.source for each in group.series if group.over_time(each, kept) is None]
    yield from [array for array, _ in group.stacked]
    yield from group.last


def arrays_set(scan: Scan) -> set[int]:
    """The arrays that are others in each iteration of a scan."""
    found = {*scan.last, *(each.array for each in (*scan.firsts, *scan.groups)), *(each.array for each in scan.series)}
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
    for each in (*group.firsts, *group.groups, *group.nexts):
        yield from _spans_read(each)
    for series in group.series:
        yield series.span(group.times)


def iteration_of(access: Access, extents: tuple[int, ...], lengths: Mapping[int, int]) -> int | None:
    """The one iteration in which all is that a group reads of an array that is kept; else None."""
    if not (length := lengths.get(access.array)):
        return None
    read = interval_of(access, extents)
    return read.low // length if read.low // length == (read.high - 1) // length else None


def interval_of(access: Access, extents: tuple[int, ...]) -> Interval:
    if access.table is not None:
        return Interval(access.array, min(access.table, default=0), 1 + max(access.table, default=0))
    moves = [stride * (extent - 1) for stride, extent in zip(access.strides, extents, strict=False)]
    moves.append(access.step * ((access.width or 1) - 1))
    low, high = (access.base + sum(each(0, move) for move in moves) for each in (min, max))
    return Interval(access.array, low, high + 1)


def from_place(access: Access, array: int, start: int) -> Access:
    """The same, of an array that is another one from there on."""
    if access.table is not None:
        return replace(access, array=array, table=tuple([index - start for index in access.table]))
    return replace(access, array=array, base=access.base - start)


def _reading(group: Group, read_of: Callable[[Interval], tuple[int, int]]) -> Group:
    """A group that reads other arrays in place of spans, from that index of the old ones on."""

    def moved(access: Access, extents: tuple[int, ...]) -> Access:
        return from_place(access, *read_of(interval_of(access, extents)))

    if not isinstance(group, Scan):
        return replace(group, operands=tuple([moved(access, group.extents) for access in group.operands]))
    firsts, groups, nexts = (
        [_reading(each, read_of) for each in those] for those in (group.firsts, group.groups, group.nexts)
    )
    series = []
    for one in group.series:
        source, start = read_of(one.span(group.times))
        series.append(Series(one.array, source, one.start - start, one.stride, one.length))
    return replace(group, firsts=firsts, groups=groups, nexts=nexts, series=series)


def scan(xp: Any) -> Callable[..., tuple[Any, Any]]:
    """scan(step, carried, series, times): what is carried in the end, and what each iteration gives, stacked.

    An iteration is step(carried, those of the series) -> carried, results.
    """
    if xp.__name__.startswith("jax"):
        return import_module("jax").lax.scan  # type: ignore[no-any-return]

    def in_turn(step: Any, carried: Any, series: Any, times: int) -> tuple[Any, Any]:
        kept = []
        for t in range(times):
            carried, results = step(carried, [each[t] for each in series])
            kept.append(results)
        return carried, [xp.stack(each) for each in zip(*kept, strict=True)]

    return in_turn


def windows(xp: Any) -> Callable[..., Any]:
    """windows(array, start, stride, times, length): so many parts of an array, the first axis those of `times`."""

    def cut(array: Any, start: int, stride: int, times: int, length: int) -> Any:
        apart, size = abs(stride), array.shape[-1]
        low = start + min(0, stride * (times - 1))
        begin = max(0, min(low, size - apart * times))
        if low - begin + length <= apart and begin + apart * times <= size:
            whole = xp.reshape(array[..., begin : begin + apart * times], (*array.shape[:-1], times, apart))
            parts = whole[..., :: 1 if stride > 0 else -1, low - begin : low - begin + length]
        else:
            places = [start + stride * t + k for t in range(times) for k in range(length)]
            parts = xp.reshape(xp.take(array, xp.asarray(places), axis=-1), (*array.shape[:-1], times, length))
        return xp.moveaxis(parts, -2, 0).copy()  # in the order in which it is read

    return cut


IN_SCANS = scan, windows  # what scans call, in a namespace

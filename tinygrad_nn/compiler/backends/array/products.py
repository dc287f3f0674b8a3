"""Sums of products written as such: of few products, or of long series, in programs with loops over time.

A dot reads a column of several arrays that was laid side by side before. Here each product is read from where its
factors are, and the products of a series, of which each is as far from the last, are summed at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ....autograd import primitives as table
from ...loops.grouping import affine
from ...loops.groups import Access, Group, Repeated, Spot
from ...loops.rolled import Rolled

FEW, LONG_SERIES = 4, 16  # products
MOST_SUMS = 24


@dataclass(frozen=True)
class Products(Group):
    """A sum of products: its operands are the factors of each, by turns, and what is added to them."""

    @property
    def pairs(self) -> list[tuple[Access, Access]]:
        return list(zip(self.operands[:-1:2], self.operands[1:-1:2], strict=True))


def with_products(roll: Rolled) -> Rolled:
    """The program with such sums where they are shorter, and without what nobody reads then."""
    groups = _rewritten(roll.groups, {}, within=False)
    while True:
        read = {array for group in groups for array in _read(group)} | {array for array, _ in roll.outputs}
        left = _without(groups, read)
        if left == groups:
            return replace(roll, groups=groups)
        groups = left


def _rewritten(groups: Iterable[Group], laid: Mapping[int, Sequence[Spot]], within: bool) -> list[Group]:
    """Groups with sums of products. `laid` are the arrays that others were gathered in."""
    known = dict(laid)
    found = list[Group]()
    for group in groups:
        if isinstance(group, Repeated):
            group = replace(group, groups=_rewritten(group.groups, known, within=True))
        elif group.primitive is table.dot:
            group = _few(group, known) or (not within and _long(group, known)) or group
        elif group.primitive is None and group.guard is None:
            spots = [(o.array, index) for o in group.operands for index in o.indices(())]
            known[group.array] = [known[array][index] if array in known else (array, index) for array, index in spots]
        found.append(group)
    return found


def _spots(access: Access, extents: tuple[int, ...], laid: Mapping[int, Sequence[Spot]]) -> list[Spot]:
    """Where what is read of an array is from."""
    array, indices = access.array, access.indices(extents)
    return [laid[array][index] for index in indices] if array in laid else [(array, index) for index in indices]


def _few(group: Group, laid: Mapping[int, Sequence[Spot]]) -> Products | None:
    """A sum of few products, each of one loop over arrays."""
    width = group.operands[0].width or 0
    if not 0 < width <= FEW:
        return None
    sides = []
    for operand in group.operands[:2]:
        spots = _spots(operand, group.extents, laid)
        sides.append([_in_step(spots[j::width], group.extents) for j in range(width)])
    factors = [side[j] for j in range(width) for side in sides]
    if None in factors:
        return None
    return _products(group, [factor for factor in factors if factor is not None])


def _in_step(spots: Sequence[Spot], extents: tuple[int, ...]) -> Access | None:
    """What the members of a group read, if it is evenly apart in one array."""
    strides = affine([index for _, index in spots], extents) if len({array for array, _ in spots}) == 1 else None
    return None if strides is None else Access(*spots[0], strides)


def _products(group: Group, factors: Sequence[Access]) -> Products:
    return Products(
        group.array, group.primitive, group.extents, (*factors, group.operands[2]), group.by_row, group.guard
    )


def _long(group: Group, laid: Mapping[int, Sequence[Spot]]) -> Products | None:
    """One sum, of series of products."""
    if group.size != 1 or (group.operands[0].width or 0) < LONG_SERIES:
        return None
    ws, xs = (_spots(operand, group.extents, laid) for operand in group.operands[:2])
    factors, at, sums = list[Access](), 0, 0
    while at < len(ws) and sums < MOST_SUMS:
        together, rounds = max(
            ((p, _rounds(ws, xs, at, p)) for p in range(1, MOST_SUMS // 2)), key=lambda found: found[0] * found[1]
        )
        if rounds < 2:
            together = rounds = 1
        for k in range(at, at + together):
            w, x = (_evenly(spots[k : k + together * rounds : together]) for spots in (ws, xs))
            if rounds > 1 and w.width is x.width is None:  # the same product again and again
                x = replace(x, width=rounds)
            factors += [w, x]
        sums += together
        at += together * rounds
    return _products(group, factors) if at == len(ws) and sums <= MOST_SUMS else None


def _evenly(spots: Sequence[Spot]) -> Access:
    """A column of spots that are evenly apart, or one of them where they are all the same."""
    (array, first), (_, last) = spots[0], spots[-1]
    if first == last:
        return Access(array, first, ())
    return Access(array, first, (), len(spots), spots[1][1] - first)


def _rounds(ws: Sequence[Spot], xs: Sequence[Spot], at: int, together: int) -> int:
    """How often so many products return, each of them evenly apart from the last time."""
    return min(_even(spots, k, together) for k in range(at, at + together) for spots in (ws, xs))


def _even(spots: Sequence[Spot], start: int, step: int) -> int:
    """How many spots, each so many after the last, are evenly apart in one array."""
    if start + step >= len(spots):
        return int(start < len(spots))
    (array, first), (other, second) = spots[start], spots[start + step]
    count = 1
    expected = other, second
    while array == other and start + step * count < len(spots) and spots[start + step * count] == expected:
        count += 1
        expected = other, expected[1] + second - first
    return count


def _read(group: Group) -> Iterator[int]:
    """The arrays that a group reads; of a repeat, also those that are kept of it."""
    if not isinstance(group, Repeated):
        yield from [operand.array for operand in group.operands]
        return
    for each in (*group.firsts, *group.groups, *group.nexts):
        yield from _read(each)
    yield from [array for array, _ in group.views.values()]
    yield from [*group.views, *group.results]


def _without(groups: Sequence[Group], read: set[int]) -> list[Group]:
    """Groups without those that lay side by side what nobody reads."""
    found = list[Group]()
    for group in groups:
        if isinstance(group, Repeated):
            found.append(replace(group, groups=_without(group.groups, read)))
        elif group.primitive is not None or group.guard is not None or group.array in read:
            found.append(group)
    return found

"""Periods: stretches of a body where what looks the same returns at one distance, again and again.

How an instruction looks is its primitive, and how long ago each result that it reads was made, or made or read, if that
is near. Windows of 1, 2, 4, ... looks are compared with the latest equal one, so that the time is linear in the body.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

from ..program.program import Guard, Instruction

LOOK_BACK, LOOK_BACK_SHORT = 64, 8  # instructions ago, in long windows and in those of at most so many
MOST_LOOKED_AT = 17  # slots that an instruction reads, all of which are looked at
FEWEST_SEEN = 4  # times that a period is seen to return
SAMPLES = 32  # of the windows of a length at least


class Periodic(NamedTuple):
    """From start to end, what stands at a place looks as what stands a period before."""

    start: int
    end: int
    period: int


Flat = Sequence[Instruction | Guard]


def _shape(entry: Instruction | Guard) -> object:
    """What is equal where the primitives and the widths of columns are, or the guards but for what they compare."""
    if isinstance(entry, Guard):
        return entry.comparison, entry.expected, entry.where
    if not entry.primitive.folds:
        return entry.primitive
    return entry.primitive, *[len(o) if isinstance(o, tuple) else -1 for o in entry.operands]


def shapes_of(body: Flat) -> list[int]:
    """A number for each entry, equal where the shapes are."""
    known: dict[object, int] = {}
    return [known.setdefault(_shape(entry), len(known)) for entry in body]


def stretches(body: Flat, shapes: Sequence[int]) -> list[Periodic]:
    """All stretches in which a period returns, of each period in windows of one to two times its length."""
    found = list[Periodic]()
    short, *long = _looks(body, shapes)
    looks = [short]
    window = 1
    while FEWEST_SEEN * window <= 2 * len(body):
        for ids in looks:
            found += _returning(ids, window)
        if window == LOOK_BACK_SHORT:
            looks = long
            for width in (1, 2, 4):
                looks = [_doubled(ids, width) for ids in looks]
        looks = [_doubled(ids, window) for ids in looks]
        window *= 2
    return found


def _looks(body: Flat, shapes: Sequence[int]) -> tuple[array[int], array[int], array[int]]:
    """How each entry looks, as a hash: with distances up to LOOK_BACK_SHORT, and up to LOOK_BACK, and with those alone
    to where a number was made, so that a table may be read anywhere."""
    nearest, near, to_made = array("q"), array("q"), array("q")
    made: dict[int, int] = {}
    latest: dict[int, int] = {}
    for k, entry in enumerate(body):
        slots = entry.slots()
        short, ago, since = [shapes[k]], [shapes[k]], [shapes[k]]
        for slot in slots if len(slots) <= MOST_LOOKED_AT else _ends(entry):
            at = made.get(slot)
            if at is None:
                distance = since_made = LOOK_BACK + 1
            else:
                distance, since_made = k - latest[slot], k - at
            short.append(distance if distance <= LOOK_BACK_SHORT else -1)
            ago.append(distance if distance <= LOOK_BACK else -1)
            since.append(since_made if since_made <= LOOK_BACK else -1)
        latest.update(dict.fromkeys(slots, k))
        if isinstance(entry, Instruction):
            made[entry.slot] = latest[entry.slot] = k
        nearest.append(hash(tuple(short)))
        near.append(hash(tuple(ago)))
        to_made.append(hash(tuple(since)))
    return nearest, near, to_made


def _ends(entry: Instruction | Guard) -> list[int]:
    """The slots that an entry reads, of wide columns those at the ends, as the ones between are mostly alike."""
    columns = [o if isinstance(o, tuple) else (o,) for o in entry.operands]
    return [slot for o in columns for slot in (o if len(o) <= MOST_LOOKED_AT // 2 else (*o[:2], *o[-2:]))]


def _doubled(ids: array[int], width: int) -> array[int]:
    """The windows of twice the width."""
    return array("q", map(hash, zip(ids, ids[width:], strict=False)))


def _returning(ids: array[int], window: int) -> list[Periodic]:
    """The stretches in which equal windows return at one distance, of more than half a window and at most one.

    Of long windows those are looked at whose hash says so, which are the same ones each time.
    """
    found = list[Periodic]()
    latest: dict[int, int] = {}
    sampled = window // SAMPLES - 1 if window > SAMPLES else 0
    start = before = period = 0
    for k, name in chain(enumerate(ids), [(len(ids), 0)]):
        if name & sampled:
            continue
        distance = k - latest.get(name, k)
        latest[name] = k
        if distance != period:
            if window < 2 * period <= 2 * window and before + window - start + period >= FEWEST_SEEN * period:
                found.append(Periodic(start - period, before + window, period))
            start, period = k, distance
        before = k
    return found

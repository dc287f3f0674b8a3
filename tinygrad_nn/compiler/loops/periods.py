"""Periods: stretches of a body where what looks the same returns at one distance, again and again.

How an instruction looks is its primitive, and how long ago each number that it reads was read or made last, if that is
near. Windows of 1, 2, 4, ... looks are compared with the latest equal one, so that the time is linear in the body.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..program.program import Guard, Instruction

LOOK_BACK, LOOK_BACK_SHORT = 64, 8  # instructions ago, in long windows and in those of at most so many
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
    nearest, near = _looks(body, shapes)
    window, ids = 1, nearest
    while FEWEST_SEEN * window <= 2 * len(body):
        found += _returning(ids, window)
        if window == LOOK_BACK_SHORT:
            ids = near
            for width in (1, 2, 4):
                ids = _doubled(ids, width)
        ids = _doubled(ids, window)
        window *= 2
    return found


def _looks(body: Flat, shapes: Sequence[int]) -> tuple[list[int], list[int]]:
    """How each entry looks, as a hash, with distances up to LOOK_BACK_SHORT and up to LOOK_BACK."""
    nearest, near = list[int](), list[int]()
    latest: dict[int, int] = {}
    for k, entry in enumerate(body):
        ago = [shapes[k]]
        for slot in entry.slots():
            distance = k - latest.get(slot, -LOOK_BACK - 1)
            ago.append(distance if distance <= LOOK_BACK else -1)
            latest[slot] = k
        if isinstance(entry, Instruction):
            latest[entry.slot] = k
        near.append(hash(tuple(ago)))
        nearest.append(hash((ago[0], *[distance if distance <= LOOK_BACK_SHORT else -1 for distance in ago[1:]])))
    return nearest, near


def _doubled(ids: list[int], width: int) -> list[int]:
    """The windows of twice the width."""
    return list(map(hash, zip(ids, ids[width:], strict=False)))


def _returning(ids: list[int], window: int) -> list[Periodic]:
    """The stretches in which equal windows return at one distance, of more than half a window and at most one.

    Of long windows those are looked at whose hash says so, which are the same ones each time.
    """
    found = list[Periodic]()
    latest: dict[int, int] = {}
    sampled = window // SAMPLES - 1 if window > SAMPLES else 0
    start = before = period = 0
    for k, name in [*enumerate(ids), (len(ids), 0)]:
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

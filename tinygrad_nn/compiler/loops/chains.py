"""Chains: what a body hands on from one iteration to the next, as a graph of its places.

A body that repeats is a recurrence where a place needs, over some iterations, itself. Several may take turns.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd

Distances = Sequence[Sequence[int | None]]  # how far before each place its operands are made; None where outside


def chains_in(distances: Distances) -> int:
    """How many recurrences take turns in a body, each with itself alone; 0 where there is none.

    Then so many bodies are one iteration of all of them.
    """
    period = len(distances)
    before = [[divmod(k + d, period)[::-1] for d in set(row) if d is not None] for k, row in enumerate(distances)]
    after: list[list[tuple[int, int]]] = [[] for _ in before]
    for k, edges in enumerate(before):
        for place, lag in edges:
            after[place].append((k, -lag))
    alive = _on_a_cycle(before, after)
    several, potential = 0, dict[int, int]()
    for first in alive:
        if first in potential:
            continue
        potential[first] = 0
        waiting = [first]
        while waiting:
            k = waiting.pop()
            for place, lag in (*before[k], *after[k]):
                if place not in alive:
                    continue
                if place not in potential:
                    potential[place] = potential[k] + lag
                    waiting.append(place)
                several = gcd(several, potential[k] + lag - potential[place])
    return several


def _on_a_cycle(before: list[list[tuple[int, int]]], after: list[list[tuple[int, int]]]) -> set[int]:
    """The places that are on a cycle of what needs one another, or between two."""
    alive = set(range(len(before)))
    for needed, needing in ((before, after), (after, before)):
        left = [sum([place in alive for place, _ in needed[k]]) for k in range(len(before))]
        waiting = [k for k in alive if not left[k]]
        while waiting:
            k = waiting.pop()
            alive.discard(k)
            for place, _ in needing[k]:
                left[place] -= 1
                if not left[place] and place in alive:
                    waiting.append(place)
    return alive

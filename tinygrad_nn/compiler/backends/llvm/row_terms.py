"""Gradients as sums over rows: of a product of two numbers of each row, or of one, for every parameter.

The gradient of a layer's weights is, for each row, the product of its neurons' adjoints with its inputs. Rows keep both
rather than every product of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ....autograd import primitives as table
from ...loops.groups import Access, Group, Spot
from ...loops.roll import access
from ...loops.rolled import Rolled
from ...program.program import INPUTS

Scatter = tuple[Access, Access, tuple[int, ...]]  # where outputs lie, where they go, and the loops over both
FEW_WEIGHTS = 64  # weights, which are no matrix
MOST_RUNS = 8  # loops over the gradients of one array


@dataclass(frozen=True)
class Term:
    """gradients[target] = the sum over rows of the product of the factors, for all members of its loops.

    `group` is the one whose results it is instead of, if it is a product.
    """

    factors: tuple[Access, ...]
    target: Access
    extents: tuple[int, ...]
    group: Group | None = None

    def matrix(self, roll: Rolled, lanes: int) -> tuple[Access, Access] | None:
        """The factor of a loop over neurons, and that of one over their inputs; None if it is no such product."""
        inner = self.extents[-1] if self.extents else 0
        if self.group is None or self.group.size < FEW_WEIGHTS or self.target.strides[-1] != 1 or 2 * inner < lanes:
            return None
        if any(factor.table is not None or not roll.by_row[factor.array] for factor in self.factors):
            return None
        for neurons, inputs in (self.factors, self.factors[::-1]):
            apart = not neurons.strides[-1] and inputs.strides[-1] == 1 and not any(inputs.strides[:-1])
            if apart and neurons.array != INPUTS:
                return neurons, inputs
        return None


def terms(roll: Rolled, totals: int) -> list[Term]:
    """The gradients, which are the outputs of a program from `totals` on."""
    groups = {group.array: group for group in roll.groups if group.by_row}
    read = {operand.array for group in roll.groups for operand in group.operands}
    read |= {array for array, _ in roll.outputs[:totals]}
    found: list[Term] = []
    placed = scatters(roll.outputs[totals:], groups)
    for source, target, extents in placed:
        group = groups.get(source.array)
        if group is not None and group.primitive is table.multiply:
            apart = any(operand.table is None and 0 in operand.strides for operand in group.operands)
            once = [other.array for other, *_ in placed].count(source.array) == 1 and source.array not in read
            if apart and once and extents == group.extents and not source.base:
                found.append(Term(group.operands, target, extents, group))
                continue
        found.append(Term((source,), target, extents))
    return found


def scatters(places: list[Spot], groups: Mapping[int, Group]) -> list[Scatter]:
    """Where outputs lie and where they go: in a few loops for each array, or by tables where its order is another."""
    by_array: dict[int, list[tuple[int, int]]] = {}
    for target, (array, index) in enumerate(places):
        by_array.setdefault(array, []).append((index, target))
    found: list[Scatter] = []
    for array, pairs in by_array.items():
        pairs.sort()
        sources, targets = ([pair[k] for pair in pairs] for k in (0, 1))
        runs: list[Scatter] = []
        at = 0
        while at < len(pairs) and len(runs) < MOST_RUNS:
            extents, used = loops_of(sources[at:], targets[at:])
            runs.append(_scatter(array, sources[at : at + used], targets[at : at + used], extents))
            at += used
        if at < len(pairs):
            whole = array in groups and sources == list(range(groups[array].size))
            runs = [_scatter(array, sources, targets, groups[array].extents if whole else (len(pairs),))]
        found += runs
    return found


def _scatter(array: int, sources: list[int], targets: list[int], extents: tuple[int, ...]) -> Scatter:
    source, target = (access(array, [[i] for i in indices], extents, column=False) for indices in (sources, targets))
    return source, replace(target, array=-1), extents


def loops_of(sources: list[int], targets: list[int]) -> tuple[tuple[int, ...], int]:
    """The extents of one loop or two that run through the pairs from the first on, and how many of them."""
    steps = [(b - a, d - c) for a, b, c, d in zip(sources, sources[1:], targets, targets[1:], strict=False)]
    inner = 1
    while inner <= len(steps) and steps[inner - 1] == steps[0]:
        inner += 1
    inner = min(inner, len(sources))
    outer = 1
    while (outer + 1) * inner <= len(sources):
        at = outer * inner
        jump = (sources[at] - sources[at - inner], targets[at] - targets[at - inner])
        first = (sources[inner] - sources[0], targets[inner] - targets[0])
        same = all(
            sources[at + k] - sources[at] == sources[k] - sources[0]
            and targets[at + k] - targets[at] == targets[k] - targets[0]
            for k in range(inner)
        )
        if jump != first or not same:
            break
        outer += 1
    return ((outer, inner), outer * inner) if outer > 1 and inner > 1 else ((max(outer, inner),), max(outer, inner))

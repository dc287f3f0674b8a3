"""explain: a gradient's receipt, the ways through the graph that it is made of, ranked, and adding up to it.

A way from the result to a Value contributes the product of the local derivatives along it. There may be more ways than
anyone can list; so the graph is opened from the result on, always where most flows, and what is not opened yet stands
there as one sum over all its ways. Each opening costs what its operation has operands.
"""

from __future__ import annotations

import heapq
from itertools import count, groupby
from math import fsum, inf, isfinite
from typing import Any, NamedTuple

from ..autograd import primitives as table
from ..autograd.graph import named_operands, operations_behind, taken
from ..autograd.reverse import contributions
from ..autograd.scope import scope_name
from ..autograd.transforms.derivation import slopes
from ..autograd.value import Result, Value

Link = tuple[Any, tuple[str, float]] | None  # the factors before, and one more

MOST_FACTORS = 12  # of a product that is written out
MOST_WAYS = 10**100  # that are counted


class Entry(NamedTuple):
    """A part of a gradient: `amount` is the product of the `factors`, local derivatives from the result on.

    A factor is (where it stands, its derivative): the label or the owner of an operation, else its primitive and which
    operand of it. `ways` is how many ways through the graph the part stands for; where there are several, the last
    factor is the derivative that they have together.
    """

    amount: float
    factors: list[tuple[str, float]]
    ways: int

    def __str__(self) -> str:
        numbers = _few([f"{number:.6g}" for _, number in self.factors if number != 1.0]) or ["1"]
        places = []
        for place, along in groupby(self.factors, lambda factor: factor[0]):
            beside = ", ".join(_few([f"{number:.6g}" for _, number in along if number != 1.0]))
            places.append(f"{place} ({beside})" if beside else place)
        if len(places) > MOST_FACTORS:
            places = [*places[: MOST_FACTORS // 2], "...", *places[-MOST_FACTORS // 2 :]]
        product = f"{self.amount:+12.6g} = {' * '.join(numbers)}"
        return f"{product}\n{'':15}{'; '.join(places) or 'it is the Value itself'}"


def _few(numbers: list[str]) -> list[str]:
    """Numbers, or the first and the last of many."""
    half = MOST_FACTORS // 2
    if len(numbers) <= MOST_FACTORS:
        return numbers
    return [*numbers[:half], f"({len(numbers) - 2 * half:,} more)", *numbers[-half:]]


def _ways(count: int) -> str:
    if count >= MOST_WAYS:
        return "more than 1e100 ways"
    return "1 way" if count == 1 else f"{count:,} ways"


class Receipt:
    """What `explain` gives: `entries`, the largest first, of which `rest` is the sum of those that are not shown."""

    def __init__(self, title: str, gradient: float, ways: int, entries: list[Entry], top: int) -> None:
        self.title, self.gradient, self.ways = title, gradient, ways
        self.entries, self._hidden = entries[:top], entries[top:]
        self.rest = fsum(entry.amount for entry in self._hidden)

    def __str__(self) -> str:
        lines = [f"{self.title} = {self.gradient:.6g}, along {_ways(self.ways)}", *map(str, self.entries)]
        if self._hidden:
            lines.append(f"{self.rest:+12.6g}   in {len(self._hidden)} smaller parts")
        return "\n".join(lines)

    __repr__ = __str__


def explain(output: Value, variable: Value, top: int = 10) -> Receipt:
    """What d output / d variable is made of: at most `top` parts, ranked, each a product of local derivatives.

    Under each product stands what it came through, from the result on, with the factors in brackets; those of 1, as of
    sums, are left out.

    A part is one way through the graph or, where there are many, all those that go on from an operation: the examples
    of a batch first, then the neurons of each layer. The parts and the rest add up to the gradient, within rounding.
    `.grad` is not touched.

    Raises TypeError for what is no Value, ValueError for a `top` below 1.

    >>> a, b = Value(3.0, label="a"), Value(2.0, label="b")
    >>> e = a * b
    >>> e.label = "e"
    >>> L = 5.0 * e + a * a
    >>> L.label = "L"
    >>> print(explain(L, a))
    dL/da = 16, along 3 ways
             +10 = 5 * 2
                   L, term 1; multiply by e (5); e by a (2)
              +3 = 3
                   L, term 2; multiply by a (3)
              +3 = 3
                   L, term 2; multiply by a (3)
    """
    for given in (output, variable):
        if not isinstance(given, Value):
            raise TypeError(f"explain() follows a gradient from one Value to another, but got {given!r}")
    if isinstance(top, bool) or not isinstance(top, int) or top < 1:
        raise ValueError(f"top is how many parts are told, 1 or more, but got {top!r}")
    title = f"d{output.label or 'y'}/d{variable.label or 'x'}"
    local, tangents, ways = _followed(output, variable)
    gradient: float = slopes(output, variable, create_graph=False)
    entries = _opened(output, variable, local, tangents, ways, top)
    return Receipt(title, gradient, ways.get(id(output), 0), entries, top)


def _followed(output: Value, variable: Value) -> tuple[dict[int, list[float]], dict[int, float], dict[int, int]]:
    """For each operation its local derivatives; d operation / d variable; and the number of ways to the variable."""
    local: dict[int, list[float]] = {}
    tangents, ways = {id(variable): 1.0}, {id(variable): 1}
    for result in operations_behind(output)[::-1] if isinstance(output, Result) else []:
        if result is variable:
            continue
        operands = taken(result, result.operands)
        on_way = [0 if operand is None else ways.get(id(operand), 0) for operand in operands]
        if not any(on_way):
            continue
        slopes = local[id(result)] = contributions(result, 1.0)
        reached = [(s, o, n) for s, o, n in zip(slopes, result.operands, on_way, strict=True) if n]
        tangents[id(result)] = sum(slope * tangents[id(operand)] for slope, operand, _ in reached)
        ways[id(result)] = min(MOST_WAYS, sum(n for *_, n in reached))
    return local, tangents, ways


def _opened(
    output: Value, variable: Value, local: dict[int, list[float]], tangents: dict[int, float], ways: dict[int, int],
    top: int,
) -> list[Entry]:  # fmt: skip
    """The parts, the largest first: the one of the largest amount is opened until there are enough."""
    if id(output) not in ways:
        return []
    done: list[Entry] = []
    order = count(1)  # against ties: the parts themselves have none
    waiting: list[tuple[float, int, Any, float, Link]] = [(0.0, 0, output, 1.0, None)]
    while waiting:
        _, _, at, product, factors = heapq.heappop(waiting)
        if at is variable:
            done.append(Entry(product, _from_the_result(factors), 1))
            continue
        branches = [branch for branch in _branches(at, local) if id(branch[1]) in ways]
        if len(branches) > 1 and len(done) + len(waiting) + 1 >= top:
            tangent, several = tangents[id(at)], ways[id(at)]
            told = f"{_ways(several)} of {_told(at)}", tangent
            done.append(Entry(product * tangent, [*_from_the_result(factors), told], several))
            continue
        for slope, operand, words in branches:
            further = product * slope
            amount = abs(further * tangents[id(operand)])
            rank = -amount if isfinite(amount) else -inf
            heapq.heappush(waiting, (rank, next(order), operand, further, (factors, (words, slope))))
    return sorted(done, key=lambda entry: -abs(entry.amount))


def _from_the_result(factors: Link) -> list[tuple[str, float]]:
    """The factors from the result on, of which each knows those before it."""
    found = []
    while factors is not None:
        factors, last = factors
        found.append(last)
    return found[::-1]


def _branches(at: Result, local: dict[int, list[float]]) -> list[tuple[float, Any, str]]:
    """For each operand its local derivative, the operand, and where that is; a sum of sums is one of many terms."""
    told, named = _told(at), bool(at.label or scope_name(at.scope))
    if at.op is not table.add:
        alone = len(at.operands) == 1 or (not at.label and scope_name(at.scope))
        labels = [getattr(operand, "label", "") or f"its {name}" for name, operand in named_operands(at)]
        words = [told if alone else f"{told} by {label}" for label in labels]
        branches = zip(local[id(at)], taken(at, at.operands), words, strict=True)
        return [branch for branch in branches if branch[1] is not None]
    terms: list[Any] = []
    spine: Any = at
    while isinstance(spine, Result) and spine.op is table.add and (spine is at or not spine.label):
        terms.append(spine.operands[1])
        spine = spine.operands[0]
    terms.append(spine)
    terms.reverse()
    return [(1.0, term, f"{told}, term {k}" if named else f"term {k}") for k, term in enumerate(terms, 1)]


def _told(result: Result) -> str:
    """An operation in a word: its label, or the neuron, layer or loss that recorded it, or its primitive."""
    return result.label or scope_name(result.scope) or result.op.name

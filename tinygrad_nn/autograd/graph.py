"""The recorded graph as data: what its parts hold, for whoever stands below Value, and what stands behind a result."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan

from ..support.annotation import TYPE_CHECKING, Any, Protocol
from .column import numbers
from .primitives import Primitive, where


class Leaf(Protocol):
    """A Value."""

    data: float
    grad: float


class Operation(Leaf, Protocol):
    """A Result: a Value that holds its primitive, its operands and its number in the order of recording."""

    op: Primitive
    first: Any
    second: Any
    third: Any
    number: int
    passes: int

    @property
    def groups(self) -> tuple[Any, ...]: ...
    @property
    def operands(self) -> tuple[Any, ...]: ...


if TYPE_CHECKING:
    from typing import TypeVar

    Recorded = TypeVar("Recorded", bound=Operation)


def value_now(result: Operation) -> float:
    """What the operands of a result give now, since their data may have been set; nan where that is nothing."""
    try:
        return float(result.op.value(*map(numbers, result.groups)))
    except ValueError:  # an index that is none any more
        return nan


def holds(result: Operation) -> bool:
    """Whether the operands of a result still give the number that was recorded."""
    now = value_now(result)
    return now == result.data or (now != now and result.data != result.data)


def operations_behind(*outputs: Recorded) -> list[Recorded]:
    """The operations that the outputs were computed by, themselves among them, each before its operands."""
    seen = {output.number: output for output in outputs}
    waiting: list[Any] = list(seen.values())
    while waiting:
        result = waiting.pop()
        for operand in result.operands:
            if type(operand) is not float and operand.op is not None and operand.number not in seen:
                seen[operand.number] = operand
                waiting.append(operand)
    return [seen[number] for number in sorted(seen, reverse=True)]


def operand_behind(results: Sequence[Recorded], wanted: Sequence[Leaf], before: int) -> Any:
    """One of these Values that the results were computed by, in an operation before that number; None for none."""
    ids = set(map(id, wanted)) if results else ()
    earlier = (result for result in operations_behind(*results) if result.number < before)
    operands = (operand for result in earlier for operand in result.operands)
    return next((operand for operand in operands if id(operand) in ids), None)


def reached(results: Sequence[Operation]) -> set[int]:
    """The ids of the results and leaves that the first depends on by operands with a rule: no other has an adjoint."""
    found = {id(results[0])}
    for result in results:
        if id(result) in found:
            for group, rule in zip(result.groups, taken(result, result.op.formulas), strict=True):
                if rule is not None:
                    found.update(map(id, group if type(group) is tuple else (group,)))
    return found


def taken(result: Operation, rules: tuple[Any, ...]) -> tuple[Any, ...]:
    """What is of its operands, such as rules; of `where` None but for the side that is taken.

    Behind the other one, 0 times an infinite slope would be nan.
    """
    if result.op is not where:
        return rules
    _, a, b = rules
    return (None, a, None) if numbers(result.first) != 0.0 else (None, None, b)


def named_operands(result: Operation) -> list[tuple[str, Any]]:
    """Each operand with the name that the table has for it: x, or x1, x2 ... of a column."""
    found: list[tuple[str, Any]] = []
    for name, group in zip(result.op.operands, result.groups, strict=True):
        if type(group) is tuple:
            found += [(f"{name[:-1]}{i + 1}", operand) for i, operand in enumerate(group)]
        else:
            found.append((name, group))
    return found

"""Reverse accumulation: the recorded graph walked from a result back to what it was computed from.

Every operation is numbered when it is recorded, so the operations in falling order of their numbers are an order in
which each comes before its operands. `backward` keeps the adjoints in `.grad`; `adjoints` keeps them aside, for
gradients as floats or as Values. Neither recurses, so depth is no limit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..support.annotation import Any
from ..support.numbers import as_float
from .column import Column, numbers
from .graph import Leaf, Operation, operations_behind, reached, taken
from .ieee.floats import on_ieee_floats


def backward(output: Operation) -> None:
    """Add d output / d value to the `.grad` of every leaf behind `output`, and set it on every operation.

    A leaf gathers the sum of this pass from 0 and adds it to what it had at the end, so that a second pass doubles
    it to the bit; should a rule raise, the leaves keep what they had.
    """
    leaves: list[tuple[Leaf, float]] = []
    try:
        results = _reset(output, leaves)
        output.grad = 1.0
        for result in results:
            pull = result.op.pull  # a call of the attribute itself would look it up as a method
            try:
                pull(result)
            except ZeroDivisionError:
                for operand, entry in zip(result.operands, contributions(result, result.grad), strict=True):
                    if type(operand) is not float:
                        operand.grad += entry
    except BaseException:
        for leaf, before in leaves:
            leaf.grad = before
        raise
    for leaf, before in leaves:
        if before:
            leaf.grad += before
    output.passes = getattr(output, "passes", 0) + 1


def _reset(output: Operation, leaves: list[tuple[Leaf, float]]) -> list[Operation]:
    """The operations behind `output`, latest first, all columns refreshed; and the leaves with their gradients.

    All gradients become a zero that is an object of its own for each pass, so that holding it also says `seen`.
    """
    zero = float("0")
    kind = type(output)
    output.grad = zero
    results = [output]
    partial = False
    put = results.append
    for result in results:  # a list that grows as more are met
        if result.op.partial:
            partial = True
        first, second, third = result.first, result.second, result.third  # three times the same, written out
        if type(first) is kind:
            if first.grad is not zero:
                first.grad = zero
                put(first)
        elif type(first) is not float and first.grad is not zero:
            _visit(first, zero, results, leaves)
        if second is None:
            continue
        if type(second) is kind:
            if second.grad is not zero:
                second.grad = zero
                put(second)
        elif type(second) is not float and second.grad is not zero:
            _visit(second, zero, results, leaves)
        if third is None:
            continue
        if type(third) is kind:
            if third.grad is not zero:
                third.grad = zero
                put(third)
        elif type(third) is not float and third.grad is not zero:
            _visit(third, zero, results, leaves)
    numbers = [result.number for result in results]
    results = [results[i] for i in sorted(range(len(numbers)), key=numbers.__getitem__, reverse=True)]
    if not partial:
        return results
    found = reached(results)
    return [result for result in results if id(result) in found]


def _visit(operand: Any, zero: float, results: list[Operation], leaves: list[tuple[Leaf, float]]) -> None:
    """The first meeting in a pass with a leaf, or with a column and so with its operands."""
    if type(operand) is not Column:
        _save(operand, leaves)
        operand.grad = zero
        return
    operand.refresh(zero)
    if operand.pack is not None:  # leaves that hold floats
        for entry in operand.operands:
            if entry.grad is not zero:
                leaves.append((entry, entry.grad))
                entry.grad = zero
        return
    for entry in operand.operands if operand.differentiable else ():
        if type(entry) is float or entry.grad is zero:
            continue
        if entry.op is None:
            _save(entry, leaves)
        else:
            results.append(entry)
        entry.grad = zero


def _save(leaf: Leaf, leaves: list[tuple[Leaf, float]]) -> None:
    """Put a leaf and its gradient aside. Raises TypeError where its data was set to something else than a number."""
    if type(leaf.data) is not float and as_float(leaf.data) is None:
        raise TypeError(
            f"the .data of a Value was set to {leaf.data!r}, which is no number; write p.data = p.data - lr * p.grad, "
            "with .data and .grad on the right, too"
        )
    leaves.append((leaf, leaf.grad))


def adjoints(output: Any, inputs: dict[int, Any], create_graph: bool) -> dict[int, Any]:
    """d output / d input by the id of the input, for those that `output` depends on.

    Only the operations between the inputs and the output are visited with a rule.
    """
    found: dict[int, Any] = {id(output): 1.0}
    if output.op is None:
        return found
    results = operations_behind(output)
    between = set(inputs)
    for result in reversed(results):
        if not between.isdisjoint(map(id, result.operands)):
            between.add(id(result))
    for result in results:
        adjoint = found.get(id(result))
        if adjoint is None:
            continue
        pulled(taken(result, result.op.rules), *keyed(result, create_graph), adjoint, found, between)
    return found


def pulled(
    rules: Sequence[Any],
    operands: Sequence[Any],
    apply: Callable[[Any, Any], Any],
    adjoint: Any,
    found: dict[int, Any],
    between: set[int],
    put: Callable[[Sequence[int], Any], None] | None = None,
) -> None:
    """Add what one operation passes on to the adjoints of its operands, from left to right, of those `between`.

    `operands` are the keys that adjoints are found by, in tuples for columns; `apply` evaluates a rule for a g.
    `put` adds what the rule of a column gives, as far as it is between.
    """
    for keys, rule in zip(operands, rules, strict=True):
        column = keys if isinstance(keys, tuple) else (keys,)
        if rule is None or between.isdisjoint(column):
            continue
        entries = apply(rule, adjoint)
        if put is not None and isinstance(keys, tuple):
            put(keys, entries)
            continue
        for key, entry in zip(column, entries if isinstance(keys, tuple) else (entries,), strict=True):
            if key in between:
                found[key] = found[key] + entry if key in found else entry


def keyed(result: Operation, create_graph: bool) -> tuple[list[Any], Callable[[Any, Any], Any]]:
    """The ids of the operands of a result, in tuples for columns, and what evaluates a rule of it for a g."""
    groups = result.groups
    ids = [tuple(map(id, group)) if type(group) is tuple else id(group) for group in groups]
    return ids, lambda rule, flow: applied(rule, flow, result, groups, create_graph)


def contributions(result: Operation, adjoint: float) -> list[float]:
    """What `result` adds to the gradient of each of its operands, in order, where its own gradient is `adjoint`."""
    entries: list[float] = []
    for group, rule in zip(result.groups, result.op.rules, strict=True):
        columns = group if type(group) is tuple else (group,)
        if rule is None or all(type(operand) is float for operand in columns):
            entries += [0.0] * len(columns)
        else:
            adjoints = applied(rule, adjoint, result, result.groups, create_graph=False)
            entries += adjoints if type(group) is tuple else [adjoints]
    return entries


def applied(rule: Any, adjoint: Any, result: Operation, groups: tuple[Any, ...], create_graph: bool) -> Any:
    """A rule on Values when a graph of the gradient is wanted, on floats otherwise."""
    operands = (result, *groups) if create_graph else (result.data, *map(numbers, groups))
    try:
        return rule(adjoint, *operands)
    except ZeroDivisionError:
        return on_ieee_floats(rule, adjoint, *operands)

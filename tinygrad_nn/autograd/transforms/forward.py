"""Forward accumulation: tangents, the derivatives along one direction, pushed from the inputs to the results.

A rule of the table gives g * dy/d(operand); with the tangent of the operand in place of g that is what the operand adds
to the tangent of y. So the rules of backward are those of forward, and one pass gives the product of the Jacobian and a
direction, for any number of results.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...support.annotation import Any
from ..graph import operations_behind
from ..primitives import Primitive
from ..reverse import keyed
from ..value import Value


def tangents(outputs: Sequence[Value], inputs: dict[int, Any], create_graph: bool) -> list[Any]:
    """The tangent of each output, of those of the inputs by their ids; None where it depends on no input.

    Floats, or Values where a graph of them is wanted.
    """
    found = dict(inputs)
    recorded: Any = [output for output in outputs if output.op is not None]
    for result in reversed(operations_behind(*recorded)):
        if id(result) in found:
            continue
        operands, apply = keyed(result, create_graph)
        tangent = pushed(result.op, operands, apply, found)
        if tangent is not None:
            found[id(result)] = tangent
    return [found.get(id(output)) for output in outputs]


def pushed(
    primitive: Primitive, operands: Sequence[Any], apply: Callable[[Any, Any], Any], found: dict[int, Any]
) -> Any:
    """The tangent of one result: the sum over its operands, from the left; None where none of them has one.

    What is given is what `reverse.pulled` is given. The rule of a column gives the slopes of all its elements at once,
    of which each is taken times the tangent of its own.
    """
    total: Any = None
    for keys, rule in zip(operands, primitive.rules, strict=True):
        if rule is None:
            continue
        if not isinstance(keys, tuple):
            terms = [apply(rule, found[keys])] if keys in found else []
        elif any(key in found for key in keys):
            slopes = apply(rule, 1.0)
            terms = [slope * found[key] for key, slope in zip(keys, slopes, strict=True) if key in found]
        else:
            terms = []
        for term in terms:
            total = term if total is None else total + term
    return total

"""Losses that are given what they do not take: probabilities for logits, the reverse, targets on another scale."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf, isfinite
from typing import Any

from .. import losses
from ..autograd import primitives as table
from ..autograd.column import numbers
from ..autograd.scope import scope_name
from ..autograd.value import Result, Value
from .advice import is_exp, is_softmax

CHECKED = (losses.hinge, losses.binary_cross_entropy, losses.binary_cross_entropy_with_logits, losses.cross_entropy)
OF_PROBABILITY = (table.binary_cross_entropy, table.sigmoid_cross_entropy)
BEYOND_ONE = (table.dot, table.relu, table.leaky_relu, table.elu, table.softplus, table.silu, table.gelu, table.tanh)
DISTANCES = (losses.squared_error, losses.absolute_error, losses.huber)
RANGES = {table.sigmoid: (0.0, 1.0), table.tanh: (-1.0, 1.0), table.relu: (0.0, inf), table.softplus: (0.0, inf)}


def mistaken_scales(results: Sequence[Result]) -> Iterator[tuple[str, str]]:
    """For each loss that is given what it does not take, the kind of finding and its words."""
    told: set[object] = set()
    without: set[int] = set()  # sums in which there is no exp
    for result in results:
        loss = result.scope
        if loss in told or (loss not in CHECKED and loss not in DISTANCES):
            continue
        if found := _of_scale(result, without) if loss in CHECKED else _out_of_range(result):
            told.add(loss)
            yield found


def _out_of_range(result: Result) -> tuple[str, str] | None:
    """What is wrong with a target that a loss compares with an output, if its activation never reaches it."""
    if result.op is not table.subtract or not isinstance(result.first, Result) or result.first.op not in RANGES:
        return None
    if getattr(result.first.scope, "place", None) is None:
        return None
    (low, high), target, name = RANGES[result.first.op], numbers(result.second), result.first.op.name
    if not isfinite(target) or low - 1e-6 <= target <= high + 1e-6:
        return None
    reach = f"from {low:g} to {high:g}" if high < inf else f"of {low:g} and more"
    return (
        "targets out of range",
        f"{scope_name(result.scope)} compares an output of {name}, which gives numbers {reach}, with a target of "
        f'{target:.4g}, which it never reaches: give the model output_activation="linear", or scale the targets',
    )


def _of_scale(result: Result, without: set[int]) -> tuple[str, str] | None:
    """What is wrong with what an operation of a loss is given."""
    if result.scope is losses.hinge:
        return _of_hinge(result)
    target = _target(result)
    if not 0.0 <= target <= 1.0:
        return (
            "other targets",
            f"{scope_name(result.scope)} takes targets from 0 to 1, and is given {target:.4g}: of classes -1 and 1 "
            "make (y + 1) / 2, or take hinge",
        )
    given = [o for o in result.operands if isinstance(o, Value) and o.scope is not result.scope]
    if result.scope is losses.binary_cross_entropy:
        return _of_probability(result, given)
    with_logits = result.scope is losses.binary_cross_entropy_with_logits
    if with_logits and result.op not in (table.softplus, table.negative):  # of the target, which is a probability
        return None
    return _of_logits(result, given, without)


def _of_hinge(result: Result) -> tuple[str, str] | None:
    target = numbers(result.first)
    if result.op is not table.multiply or abs(target) == 1.0:
        return None
    return (
        "other targets",
        f"{scope_name(result.scope)} takes targets of 1 and -1, and is given {target:.4g}: of classes 0 and 1 make "
        "2 * y - 1, or take binary_cross_entropy_with_logits",
    )


def _target(result: Result) -> float:
    """The target that an operation of a cross-entropy reads; 0, which is one, where it reads none."""
    if result.op in OF_PROBABILITY:
        return float(numbers(result.operands[-1]))
    if result.scope is losses.binary_cross_entropy_with_logits and result.op is table.scaled:
        softplus = result.second
        if type(softplus) is Result and type(softplus.first) is Result and softplus.first.op is table.negative:
            return float(numbers(result.first))
    return 0.0


def _of_probability(result: Result, given: Sequence[Value]) -> tuple[str, str] | None:
    wrong = [v for v in given if not 0.0 <= v.data <= 1.0 or (v.op in BEYOND_ONE and hasattr(v.scope, "place"))]
    if result.op is not table.binary_cross_entropy or not wrong:
        return None
    whose = f"the result of {wrong[0].op.name}, " if wrong[0].op else ""
    return (
        "logits for probabilities",
        f"{scope_name(result.scope)} takes a probability, and is given {whose}{wrong[0].data:.4g}: put a sigmoid last, "
        "or take binary_cross_entropy_with_logits",
    )


def _of_logits(result: Result, given: Sequence[Value], without: set[int]) -> tuple[str, str] | None:
    for value in given:
        if value.op is not None and _is_probability(value, without):
            return (
                "probabilities for logits",
                f"{scope_name(result.scope)} takes logits, and is given results of {value.op.name}, such as "
                f"{value.data:.4g}: leave out the last sigmoid or softmax, which this loss has within it",
            )
    return None


def _is_probability(value: Value, without: set[int]) -> bool:
    """Whether it was made by a sigmoid or a softmax, also by one that is written out."""
    if not isinstance(value, Result):
        return False
    if value.op is table.divide and is_softmax(value):
        return True
    if value.op is table.divide and 0.0 <= value.data <= 1.0:  # 1 / (1 + exp(-z)), or exp(z) / sum
        over, under = value.first, value.second
        return any(isinstance(o, Result) and o.op in (table.exp, table.add) for o in (over, under)) and _has_exp(
            under if type(over) is float else over, without
        )
    return value.op is table.sigmoid or (value.op is table.exp and value.data <= 1.0)


def _has_exp(value: Any, without: set[int]) -> bool:
    """Whether it is an exp, or a sum in which one is; sums that have none are added to those known to be without."""
    passed = []
    while isinstance(value, Result) and value.op is table.add and id(value) not in without:
        if any(map(is_exp, value.operands)):
            return True
        passed.append(id(value))
        value = value.first
    if is_exp(value):
        return True
    without.update(passed)
    return False

"""Functions of floats, Values and traced values alike, so that plain functions of numbers can be written with them.

Those of the table come from `elementary.py`; here are those of several: dot, sum, mean, maximum, softmax and their
like. All are built on rows of the table. Sums are left folds, each addition rounded once, in every engine.
"""

from __future__ import annotations

import builtins
import math
import operator
from collections.abc import Iterable
from functools import reduce

from .autograd import elementary
from .autograd import primitives as table
from .autograd.elementary import *  # noqa: F403
from .autograd.elementary import Number, as_operand, as_operands
from .support.annotation import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .autograd.elementary import NumericFunction as NumericFunction

    def __getattr__(name: str) -> NumericFunction: ...  # those of the table


__all__ = ["clip", "detach", "dot", "log_softmax", "logsumexp", "maximum", "mean", "minimum", "softmax", "sum", "take"]
__all__ += ["norm", "prod", "std", "where"]
__all__ += elementary.__all__
__dir__ = __all__.copy  # so that dir() shows what is a user's


def detach(x: Number) -> Any:
    """x itself, taken for a constant: derivatives do not go through it. A float is given back as it is.

    >>> from tinygrad_nn import Value, grad
    >>> x = Value(3.0)
    >>> detach(x).data, grad(x * detach(x), x)
    (3.0, 3.0)
    """
    return table.detached(as_operand(x, "tn.detach"))


def dot(weights: Iterable[Number], inputs: Iterable[Number], bias: Number = 0.0) -> Any:
    """bias + w1 x1 + w2 x2 + ..., a left fold from the bias, recorded as one operation.

    `weights` and `inputs` have the same length n >= 0. Raises ValueError where they do not.

    >>> dot([1.0, 2.0], [3.0, 4.0], bias=0.5)
    11.5
    """
    ws, xs = as_operands(weights, "tn.dot"), as_operands(inputs, "tn.dot")
    if len(ws) != len(xs):
        raise ValueError(f"tn.dot multiplies pairs, but got {len(ws)} weights and {len(xs)} inputs")
    return table.dot(ws, xs, as_operand(bias, "the bias of tn.dot"))


def take(values: Iterable[Number], index: Number) -> Any:
    """values[index], where the index is data (a class label, a token); the gradient goes to that entry alone.

    Raises ValueError for an index that is negative, fractional, nan or past the end.

    >>> take([10.0, 20.0, 30.0], 2)
    30.0
    """
    return table.take(_some(values, "tn.take"), as_operand(index, "the index of tn.take"))


def sum(values: Iterable[Number]) -> Any:
    """v1 + v2 + ... from the left; 0.0 for no values.

    >>> sum([1.0, 2.0, 3.0])
    6.0
    """
    operands = as_operands(values, "tn.sum")
    return reduce(operator.add, operands) if operands else 0.0


def mean(values: Iterable[Number]) -> Any:
    """The sum of the values divided by how many there are. Raises ValueError for none.

    >>> mean([1.0, 2.0, 6.0])
    3.0
    """
    operands = _some(values, "tn.mean")
    return sum(operands) / builtins.float(len(operands))


def prod(values: Iterable[Number]) -> Any:
    """v1 * v2 * ... from the left; 1.0 for no values. The gradient of a factor is the product of the others.

    >>> prod([2.0, 3.0, 4.0])
    24.0
    """
    operands = as_operands(values, "tn.prod")
    return reduce(operator.mul, operands) if operands else 1.0


def norm(values: Iterable[Number]) -> Any:
    """The length sqrt(v1*v1 + v2*v2 + ...) of a list, without overflow between; 0.0 for no values.

    The gradient is the unit vector in the direction of the list, and 0 where all are 0.

    >>> norm([2.0, 3.0, 6.0])
    7.0
    """
    operands = as_operands(values, "tn.norm")
    if not operands:
        return 0.0
    top = maximum([abs(operand) for operand in operands])
    scale = table.norm_scale(top)
    parts = tuple([operand / scale for operand in operands])
    return scale * table.where(top, table.sqrt(table.dot(parts, parts, 0.0)), 0.0)


def std(values: Iterable[Number]) -> Any:
    """The standard deviation, sqrt(mean((v - mean(v))**2)): of n values and not of n - 1, as NumPy has it.

    The gradient is 0 where all are equal. Raises ValueError for none.

    >>> std([1.0, 3.0])
    1.0
    """
    operands = _some(values, "tn.std")
    shifted = [operand - operands[0] for operand in operands]  # so that equal ones are 0, and not nearly so
    middle = mean(shifted)
    return norm([operand - middle for operand in shifted]) / math.sqrt(len(operands))


def maximum(*values: Any) -> Any:
    """The largest of two or more numbers, or of one list of them; nan where any is nan.

    The gradient goes to the largest; a tie of n splits it evenly. Raises ValueError for no values.

    >>> maximum(2.0, 3.0), maximum([5.0, 1.0, 2.0])
    (3.0, 5.0)
    """
    operands = _of_many(values, "tn.maximum")
    if len(operands) == 1:
        return operands[0]
    return table.maximum(*operands) if len(operands) == 2 else _largest(operands)


def minimum(*values: Any) -> Any:
    """The smallest of two or more numbers, or of one list of them; nan where any is nan.

    The gradient goes to the smallest; a tie of n splits it evenly. Raises ValueError for no values.

    >>> minimum(2.0, 3.0), minimum([5.0, 1.0, 2.0])
    (2.0, 1.0)
    """
    operands = _of_many(values, "tn.minimum")
    if len(operands) == 1:
        return operands[0]
    if len(operands) == 2:
        return table.minimum(*operands)
    return -_largest(tuple([-operand for operand in operands]))


def clip(x: Number, low: Number, high: Number) -> Any:
    """x, but `low` where it is less and `high` where it is more: minimum(maximum(x, low), high).

    >>> clip(7.0, -1.0, 1.0)
    1.0
    """
    bounds = [as_operand(bound, "each bound of tn.clip") for bound in (low, high)]
    return minimum(maximum(as_operand(x, "tn.clip"), bounds[0]), bounds[1])


def where(condition: Any, a: Number, b: Number) -> Any:
    """`a` where the condition holds, else `b`; the gradient goes to the one that is taken, and 0 to the other.

    The condition is a comparison, such as x > 0, several of them joined by & and |, or a number, of which 0 does not
    hold. Both sides are computed; what the one that is not taken would make of its gradient is not asked, so that
    where(x > 0, sqrt(x), 0.0) has the derivative 0 at x = 0. In a compiled function it is no branch: all rows share one
    path. Outside of one, a comparison is decided where it stands, as that of an `if` is. For the opposite
    exchange the sides: Python's ~ of a bool is -1 or -2, which both hold.

    >>> x = -4.0
    >>> where(x > 0, sqrt(x), 0.0)
    0.0
    """
    sides = [as_operand(side, "each side of tn.where") for side in (a, b)]
    number = condition.as_number() if hasattr(condition, "as_number") else condition
    return table.where(as_operand(number, "the condition of tn.where"), *sides)


def logsumexp(xs: Iterable[Number]) -> Any:
    """log(exp(x1) + exp(x2) + ...), without overflow. Raises ValueError for no values.

    >>> logsumexp([1000.0])
    1000.0
    """
    return table.logsumexp(_some(xs, "tn.logsumexp"))


def log_softmax(xs: Iterable[Number]) -> list[Any]:
    """x_i - logsumexp(x): the logarithms of the softmax probabilities, one for each of the n logits.

    >>> log_softmax([0.0])
    [0.0]
    """
    logits = _some(xs, "tn.log_softmax")
    total = table.logsumexp(logits)
    lost = table.log(table.normalizer(tuple([table.exp_gap(x, total) for x in logits]), total))
    return [table.gap(x, total) - lost for x in logits]


def softmax(xs: Iterable[Number]) -> list[Any]:
    """exp(x_i) / (exp(x1) + exp(x2) + ...): n probabilities that add up to 1, from n logits.

    >>> softmax([0.0, 0.0])
    [0.5, 0.5]
    """
    logits = _some(xs, "tn.softmax")
    top = table.detached(table.largest(logits, 1.0))  # a shift of all, which no derivative depends on
    shares = tuple([table.exp_gap(x, top) for x in logits])
    whole = table.partition(shares, top)
    return [share / whole for share in shares]


def _largest(operands: tuple[Any, ...]) -> Any:
    return table.largest(operands, table.ties(operands))


def _some(values: Iterable[Number], what: str) -> tuple[Any, ...]:
    operands = as_operands(values, what)
    if not operands:
        raise ValueError(f"{what} wants at least one value, but the list is empty")
    return operands


def _of_many(values: tuple[Any, ...], what: str) -> tuple[Any, ...]:
    """The values of f(a, b, ...) or of f([a, b, ...])."""
    listed = len(values) == 1 and hasattr(values[0], "__iter__") and getattr(values[0], "ndim", 1) > 0
    return _some(values[0] if listed else values, what)

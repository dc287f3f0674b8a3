"""What to write in place of an operation that overflowed or has no derivative: advice by its primitive and operands."""

from __future__ import annotations

from typing import Any

from ..autograd import primitives as table
from ..autograd.value import Result, Value

OVERFLOWS = "{} overflows beyond 709: sigmoid, softplus, softmax and logsumexp of tn stay finite there"
NO_POWER = "a negative number, or 0, has no such power: take abs(x), or keep it above 0 by tn.clip"
NO_ANGLE = "{} wants a number from -1 to 1, and has no finite slope at either end: keep it inside by tn.clip"
OF_ANY_OTHER = "the numbers are too large: a smaller learning rate, or inputs scaled to about 1, keep them small"
ADVICE = {
    **dict.fromkeys((table.exp, table.expm1, table.sinh, table.cosh), OVERFLOWS),
    **dict.fromkeys((table.power, table.monomial), NO_POWER),
    **dict.fromkeys((table.asin, table.acos), NO_ANGLE),
    table.log1p: "log1p wants a number above -1",
    table.sqrt: "sqrt wants a number of 0 or more",
}


def stable_form(result: Result, backward: bool = False) -> str:
    """A sentence on how to stay finite, or "". `backward` where the derivative is not finite, and not the value."""
    data = [operand.data if isinstance(operand, Value) else operand for operand in result.operands]
    wrong = [number for number in data if number - number != 0.0]
    if wrong:
        return f"an operand is {wrong[0]} already, and no operation made it so: look at the data"
    if result.op is table.log:
        return _of_log(result.operands[0], data[0])
    if result.op is table.divide:
        return _of_division(result.operands[1], data[1])
    if result.op is table.sqrt and backward:
        return "sqrt has no finite slope at 0: sqrt(x + 1e-12) has, or leave a norm squared"
    return ADVICE.get(result.op, OF_ANY_OTHER).format(result.op.name)


def _of_log(operand: Any, number: float) -> str:
    if is_softmax(operand):
        return "a log of a softmax: tn.log_softmax, or cross_entropy of the logits, stays finite"
    if isinstance(operand, Result) and operand.op is table.add and any(map(is_exp, operand.operands)):
        return "log(1 + exp(x)) is tn.softplus(x), and a log of a sum of exps tn.logsumexp: both stay finite"
    if number < 0.0:
        return "log wants a number above 0"
    return "log is -inf at 0: for a probability, take the loss of logits (tn.log_softmax, ..._with_logits)"


def _of_division(by: Any, number: float) -> str:
    if isinstance(by, Result) and by.op is table.subtract:
        return "the numbers whose difference it divides by are equal: add a small number, or test for that first"
    return "it divides by 0: add a small number to the denominator" if number == 0.0 else ""


def is_softmax(operand: Any) -> bool:
    """Whether it is a probability of tn.softmax: a share of its total, or the exp of a log_softmax."""
    if not isinstance(operand, Result):
        return False
    under = operand.operands[-1] if operand.op is table.divide else None
    return operand.op is table.exp or (isinstance(under, Result) and under.op is table.partition)


def is_exp(operand: Any) -> bool:
    return isinstance(operand, Result) and operand.op is table.exp

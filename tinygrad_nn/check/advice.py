"""What to write in place of an operation that overflowed or has no derivative: advice by its primitive and operands."""

from __future__ import annotations

from ..autograd import primitives as table
from ..autograd.value import Result, Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def stable_form(result: Result, backward: bool = False) -> str:
    """A sentence on how to stay finite, or "". `backward` where the derivative is not finite, and not the value."""
    op, operands = result.op, result.operands
    made_by = [operand.op if isinstance(operand, Result) else None for operand in operands]
    data = [operand.data if isinstance(operand, Value) else operand for operand in operands]
    wrong = [number for number in data if number - number != 0.0]
    if wrong:
        return f"an operand is {wrong[0]} already, and no operation made it so: look at the data"
    if op is table.log and is_softmax(operands[0]):
        return "a log of a softmax: tn.log_softmax, or cross_entropy of the logits, stays finite"
    first = operands[0]
    if op is table.log and isinstance(first, Result) and first.op is table.add and any(map(_is_exp, first.operands)):
        return "log(1 + exp(x)) is tn.softplus(x), and a log of a sum of exps tn.logsumexp: both stay finite"
    if op is table.log and data[0] < 0.0:
        return "log wants a number above 0"
    if op is table.log:
        return "log is -inf at 0: for a probability, take the loss of logits (tn.log_softmax, ..._with_logits)"
    if op in (table.exp, table.expm1, table.sinh, table.cosh):
        return f"{op.name} overflows beyond 709: sigmoid, softplus, softmax and logsumexp of tn stay finite there"
    if op is table.divide and made_by[1] is table.subtract:
        return "the numbers whose difference it divides by are equal: add a small number, or test for that first"
    if op is table.divide:
        return "it divides by 0: add a small number to the denominator" if data[1] == 0.0 else ""
    if op is table.sqrt and backward:
        return "sqrt has no finite slope at 0: sqrt(x + 1e-12) has, or leave a norm squared"
    if op is table.sqrt:
        return "sqrt wants a number of 0 or more"
    if op in (table.power, table.monomial):
        return "a negative number, or 0, has no such power: take abs(x), or keep it above 0 by tn.clip"
    if op in (table.asin, table.acos):
        return (
            f"{op.name} wants a number from -1 to 1, and has no finite slope at either end: keep it inside by tn.clip"
        )
    if op is table.log1p:
        return "log1p wants a number above -1"
    return "the numbers are too large: a smaller learning rate, or inputs scaled to about 1, keep them small"


def is_softmax(operand: Any) -> bool:
    """Whether it is a probability of tn.softmax: a share of its total, or the exp of a log_softmax."""
    if not isinstance(operand, Result):
        return False
    under = operand.operands[-1] if operand.op is table.divide else None
    return operand.op is table.exp or (isinstance(under, Result) and under.op is table.normalizer)


def _is_exp(operand: Any) -> bool:
    return isinstance(operand, Result) and operand.op is table.exp

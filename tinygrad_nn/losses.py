"""Losses of one example: `loss(prediction, target)` is a Value, averaged over the outputs.

The prediction is what a model returned, a number or Value, or a list of them when there are several outputs; the
target has the same shape. `cross_entropy` alone takes a list of logits and the index of the right class; of the
`Probabilities` that a layer of softmax returns it takes the logits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from operator import is_

from .autograd import primitives as table
from .autograd.elementary import as_operand, as_operands
from .autograd.ieee.floats import INF
from .autograd.recording import scope
from .autograd.scalar import Scalar
from .functional import maximum, minimum, relu, softmax, softplus, sum
from .support.annotation import Any
from .support.checks import checked_choice, checked_number

Loss = Callable[..., Any]

__all__ = [
    "absolute_error",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "hinge",
    "huber",
    "squared_error",
]
__dir__ = __all__.copy  # so that dir() shows what is a user's


def _averaged(loss: Loss) -> Loss:
    """The mean of a loss over the outputs of one example, recorded in the scope of the loss."""
    name = loss.__name__

    @wraps(loss)
    def averaged(prediction: Any, target: Any, *options: Any, **named_options: Any) -> Any:
        with scope(averaged):
            if isinstance(prediction, Scalar) and type(target) is float:
                return loss(prediction, target, *options, **named_options)
            predictions, targets = _outputs(prediction, name), _outputs(target, f"the target of {name}")
            if len(predictions) != len(targets) or not predictions:
                raise ValueError(
                    f"{name} wants one target for each output, but got {len(predictions)} outputs "
                    f"and {len(targets)} targets"
                )
            losses = [loss(p, t, *options, **named_options) for p, t in zip(predictions, targets, strict=True)]
            return sum(losses) / float(len(losses)) if len(losses) > 1 else losses[0]

    return averaged


def _outputs(outputs: Any, what: str) -> tuple[Any, ...]:
    """The outputs of one example as operands: those of a list or array, or the one number."""
    if isinstance(outputs, list | tuple) or getattr(outputs, "ndim", 0) != 0:
        return as_operands(outputs, what)
    return (as_operand(outputs, what),)


@_averaged
def squared_error(prediction: Any, target: Any) -> Any:
    """(prediction - target)**2.

    >>> squared_error(3.0, 1.0), squared_error([3.0, 1.0], [1.0, 1.0])
    (4.0, 2.0)
    """
    return table.square(prediction - target)


@_averaged
def absolute_error(prediction: Any, target: Any) -> Any:
    """abs(prediction - target).

    >>> absolute_error(3.0, 1.0)
    2.0
    """
    return abs(prediction - target)


@_averaged
def huber(prediction: Any, target: Any, delta: float = 1.0) -> Any:
    """d**2 / 2 for d = abs(prediction - target) up to delta, and delta (d - delta / 2) past it (Huber, 1964).

    >>> huber(1.5, 1.0), huber(4.0, 1.0)
    (0.125, 2.5)
    """
    if not isinstance(delta, Scalar):
        delta = checked_number("the delta of huber", delta)
    if not 0.0 < delta < INF:
        raise ValueError(f"huber wants a finite delta above 0, but got {delta!r}")
    distance = abs(prediction - target)
    near = minimum(distance, delta)
    return 0.5 * table.square(near) + delta * (maximum(distance, delta) - delta)


@_averaged
def hinge(prediction: Any, target: Any) -> Any:
    """max(0, 1 - target prediction), for targets of +1 and -1.

    >>> hinge(0.25, 1.0), hinge(0.25, -1.0)
    (0.75, 1.25)
    """
    return relu(1.0 - target * prediction)


@_averaged
def binary_cross_entropy(prediction: Any, target: Any) -> Any:
    """-(t log p + (1 - t) log(1 - p)) of a probability p and a target t in [0, 1], each logarithm floored at -100.

    The gradient (p - t) / (p (1 - p)) is finite at p = 0 and 1, too. Where p is recorded as the sigmoid of a logit, the
    gradient of the logit is p - t, however flat the sigmoid is there; but the loss of the logit itself is exact.

    >>> binary_cross_entropy(1.0, 0.0), round(binary_cross_entropy(0.5, 1.0), 6)
    (100.0, 0.693147)
    """
    logit = prediction._made_by(table.sigmoid) if isinstance(prediction, Scalar) else None
    if logit is None:
        return table.binary_cross_entropy(prediction, target)
    return table.sigmoid_cross_entropy(prediction, *logit, target)


@_averaged
def binary_cross_entropy_with_logits(prediction: Any, target: Any) -> Any:
    """t softplus(-z) + (1 - t) softplus(z) of a logit z: the cross-entropy of sigmoid(z), exact for every finite z.

    >>> binary_cross_entropy_with_logits(-800.0, 1.0)
    800.0
    """
    return table.scaled(target, softplus(-prediction)) + table.scaled(1.0 - target, softplus(prediction))


class Probabilities(list[Any]):
    """The softmax of logits, as a layer returns it: a list that knows what it was made of.

    Where the numbers alone were kept, they are given as `made`, with their logarithms for the logits.
    """

    def __init__(self, logits: Iterable[Any], made: Sequence[Any] | None = None) -> None:
        self._logits = tuple(logits)
        self._made = softmax(self._logits) if made is None else made
        super().__init__(self._made)

    @property
    def logits(self) -> tuple[Any, ...]:
        """The logits. Raises ValueError once an entry of the list is another."""
        if len(self) != len(self._made) or not all(map(is_, self, self._made)):
            raise ValueError("these outputs of a softmax were changed, so that no logits belong to them: give a list")
        return self._logits

    def __reduce__(self) -> tuple[Any, ...]:
        return list, (list(self),)


def cross_entropy(prediction: Any, target: Any) -> Any:
    """Minus the log of the softmax probability of the right class: logsumexp of every logit - logits[target].

    What a layer with the activation "softmax" returned is not squashed a second time: its logits are taken. Other
    numbers, those of `predict` too, are logits.

    Raises ValueError for a class that is no whole number from 0 to the number of logits - 1, TypeError for a list.

    >>> round(cross_entropy([0.0, 0.0], 1), 6)
    0.693147
    """
    prediction = prediction.logits if isinstance(prediction, Probabilities) else prediction
    logits = as_operands(prediction, "cross_entropy (a model with one logit per class)")
    if not logits:
        raise ValueError("cross_entropy wants at least one logit, but the list is empty")
    if isinstance(target, list | tuple):
        raise TypeError(
            f"cross_entropy wants the index of the right class, but got a list of {len(target)}: for a list of zeros "
            "and a one give target.index(1)"
        )
    index = as_operand(target, "the class index of cross_entropy")
    with scope(cross_entropy):
        total = table.logsumexp(logits)
        shares = tuple([table.exp_gap(logit, total) for logit in logits])
        return table.gap(total, table.take(logits, index)) + table.log(table.normalizer(shares, total))


_OF_OUTPUTS = (squared_error, absolute_error, huber, hinge, binary_cross_entropy, binary_cross_entropy_with_logits)
LOSSES: dict[str, Loss] = {loss.__name__: loss for loss in (*_OF_OUTPUTS, cross_entropy)}


def named(loss: str | Loss) -> Loss:
    """The loss of that name; a function comes back as it is. Raises ValueError for an unknown name.

    >>> named("hinge") is hinge
    True
    """
    if callable(loss):
        return loss
    return LOSSES[checked_choice("loss", loss, LOSSES, ", or a function (prediction, target)")]

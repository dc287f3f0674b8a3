"""The built-in metrics of all rows at once, on arrays: each is to the bit what its loop over the rows gives.

Differences and squares are rounded one by one, as Python's are, and sums are rounded once, by the same function.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

from ..metrics import mean_absolute_error, root_mean_squared_error, total
from .thresholds import Answers


def measured(metric: Any, predictions: Any, targets: Any, xp: Any) -> list[float] | None:
    """A metric after each of some epochs; None where its loop must be asked.

    Of float64: predictions of shape (epochs, rows, outputs) beside the targets of the rows, (rows, numbers).
    """
    count: int = targets.size
    with xp.errstate(all="ignore"):  # floats say nothing of inf - inf either
        if isinstance(metric, Answers):
            right = _right(metric, predictions, targets, xp)
            if right is None:
                return None
            answers = right.reshape((len(right), -1))
            return [found / answers.shape[1] for found in xp.count_nonzero(answers, axis=1).tolist()]
        if predictions.shape[1:] != targets.shape:
            return None
        if metric is mean_absolute_error:
            return [total(row) / count for row in abs(predictions - targets).reshape((-1, count)).tolist()]
        if metric is root_mean_squared_error:
            differences = (predictions - targets).reshape((-1, count))
            return [math.sqrt(total(row) / count) for row in (differences * differences).tolist()]
    return None


def _right(answers: Answers, predictions: Any, targets: Any, xp: Any) -> Any:
    """Which answers are right by a loss that is known, as `Answers.right` has it for a row; None by any other."""
    outputs, wanted = predictions.shape[-1], targets.shape[1]
    if not answers.known(outputs):
        return None
    numbers = predictions == predictions  # of nan no answer is right
    if answers.hot or wanted < outputs:
        classes = targets.argmax(axis=1) if answers.hot else targets[:, 0]
        return (predictions.argmax(axis=-1) == classes) & numbers.all(axis=-1)
    if wanted != outputs:
        return None
    nearest = [_nearest(answers, predictions[..., j], labels, xp) for j, labels in enumerate(answers.columns)]
    chosen = xp.stack(nearest, axis=-1) if outputs > 1 else nearest[0][..., None]
    return (chosen == targets) & numbers


def _nearest(answers: Answers, column: Any, labels: list[float], xp: Any) -> Any:
    """The labels that the numbers of an output stand for."""
    if answers.cut is not None:
        return xp.where(column > answers.cut, labels[-1], labels[0])
    middles = xp.asarray([(a + b) / 2.0 for a, b in pairwise(labels)], dtype="float64")
    return xp.asarray(labels, dtype="float64")[xp.searchsorted(middles, column)]

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
    if answers.hot or wanted < outputs:
        classes = targets.argmax(axis=1) if answers.hot else targets[:, 0]
        numbers = predictions == predictions  # of nan no answer is right
        return (predictions.argmax(axis=-1) == classes) & numbers.all(axis=-1)
    if wanted != outputs:
        return None
    columns = enumerate(answers.columns)
    right = [_stands_for(answers, predictions[..., j], targets[:, j], labels, xp) for j, labels in columns]
    return xp.stack(right, axis=-1)


def _stands_for(answers: Answers, column: Any, wanted: Any, labels: list[float], xp: Any) -> Any:
    """Whether each number of an output stands for the label that is wanted; nan stands for none."""
    if (cut := answers.cut) is not None:
        return ((column > cut) & (wanted == labels[-1])) | ((column <= cut) & (wanted == labels[0]))
    middles = xp.asarray([(a + b) / 2.0 for a, b in pairwise(labels)], dtype="float64")
    nearest = xp.asarray(labels, dtype="float64")[xp.searchsorted(middles, column)]
    return (nearest == wanted) & (column == column)

"""Metrics of predictions, by name or as functions: each is a number for all rows, of plain floats.

A prediction is a float, or a list of them, as `Module.predict` gives it; so is a target.
"""

from __future__ import annotations

import math

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    Metric = Callable[[Sequence[Any], Sequence[Any]], float]

__all__ = ["accuracy", "mean_absolute_error", "root_mean_squared_error"]

GRADIENTS = "gradients"  # what fit is asked for by name beside these
OF_SCORES = ("hinge", "binary_cross_entropy_with_logits")  # losses whose predictions are of a class above 0


def accuracy(predictions: Sequence[Any], targets: Sequence[Any], threshold: float = 0.5) -> float:
    """The share of right answers.

    Of one output it is right to be over the threshold where the target is a class above 0, and not over it else. Of a
    list of outputs with one target, the index of the largest is the class (the first of a tie); with a list of targets,
    every output is an answer of its own.

    >>> accuracy([0.9, 0.2, 0.6], [1, 0, 0]), accuracy([[2.0, 1.0], [0.0, 3.0]], [0, 1])
    (0.6666666666666666, 1.0)
    """
    right: list[bool] = []
    for prediction, target in zip(predictions, targets, strict=True):
        outputs = prediction if isinstance(prediction, list) else [prediction]
        if isinstance(target, list | tuple):
            right += [(o > threshold) == (t > 0) for o, t in zip(outputs, target, strict=True)]
        elif len(outputs) > 1:
            right.append(max(range(len(outputs)), key=outputs.__getitem__) == target)
        else:
            right.append((outputs[0] > threshold) == (target > 0))
    return sum(right) / len(right)


def mean_absolute_error(predictions: Sequence[Any], targets: Sequence[Any]) -> float:
    """The mean of |p - t| over all outputs.

    >>> mean_absolute_error([1.0, 2.0], [1.5, 1.0])
    0.75
    """
    differences = _differences(predictions, targets)
    return math.fsum(map(abs, differences)) / len(differences)


def root_mean_squared_error(predictions: Sequence[Any], targets: Sequence[Any]) -> float:
    """The root of the mean of (p - t)**2 over all outputs.

    >>> root_mean_squared_error([1.0, 2.0], [4.0, 5.0])
    3.0
    """
    differences = _differences(predictions, targets)
    return math.sqrt(math.fsum(d * d for d in differences) / len(differences))


def named(metric: Any, loss: Any = None) -> tuple[str, Metric]:
    """The name of a metric and its function of all predictions and targets; a function of your own is one of a row.

    Accuracy takes its threshold from the loss: 0 where predictions are scores. Raises ValueError for an unknown name,
    TypeError for what is neither a name nor a function.
    """
    if callable(metric):

        def mean(predictions: Sequence[Any], targets: Sequence[Any]) -> float:
            found = [float(metric(p, t)) for p, t in zip(predictions, targets, strict=True)]
            return math.fsum(found) / len(found)

        return getattr(metric, "__name__", "metric"), mean
    if not isinstance(metric, str):
        raise TypeError(f"a metric is a name or a function (prediction, target) of a row, but got {metric!r}")
    if metric not in METRICS:
        raise ValueError(
            f"unknown metric {metric!r}: give one of {', '.join(METRICS)}, a function of a row, or to fit 'gradients'"
        )
    if metric == "accuracy" and getattr(loss, "__name__", loss) in OF_SCORES:
        return metric, lambda predictions, targets: accuracy(predictions, targets, threshold=0.0)
    return metric, METRICS[metric]


def _differences(predictions: Sequence[Any], targets: Sequence[Any]) -> list[float]:
    found: list[float] = []
    for prediction, target in zip(predictions, targets, strict=True):
        pair = [entry if isinstance(entry, list | tuple) else [entry] for entry in (prediction, target)]
        found += [p - t for p, t in zip(*pair, strict=True)]
    return found


METRICS: dict[str, Metric] = {
    "accuracy": accuracy,
    "mae": mean_absolute_error,
    "rmse": root_mean_squared_error,
}

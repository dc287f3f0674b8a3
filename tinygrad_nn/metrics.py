"""Metrics of predictions, by name or as functions: each is a number for all rows, of plain floats.

A prediction is a float, or a list of them, as `Module.predict` gives it; so is a target.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .autograd.value import Value
from .support.checks import checked_choice, checked_number
from .support.numbers import as_float
from .support.tabular import plain, short

Metric = Callable[[Sequence[Any], Sequence[Any]], float]

__all__ = ["accuracy", "mean_absolute_error", "root_mean_squared_error"]
__dir__ = __all__.copy  # so that dir() shows what is a user's

LISTED = "a list of one for each row, an array or a frame"
GRADIENTS = "gradients"  # what fit is asked for by name beside these
GRADIENT, VALIDATION = "gradient of ", "validation "  # how the columns begin that fit adds to a history


def accuracy(predictions: Sequence[Any], targets: Sequence[Any], threshold: float = 0.5) -> float:
    """The share of right answers.

    Of one output it is right to be over the threshold where the target is a class above 0, and not over it else. Of a
    list of outputs with one target, the index of the largest is the class (the first of a tie); with a list of targets,
    every output is an answer of its own.

    Here no loss is known. To `fit`, "accuracy" is the share by its loss: of the labels that the targets have, that with
    the smallest loss is the answer, and where each list of targets is one up and the others down, the list is one.

    >>> accuracy([0.9, 0.2, 0.6], [1, 0, 0]), accuracy([[2.0, 1.0], [0.0, 3.0]], [0, 1])
    (0.6666666666666666, 1.0)
    """
    threshold = checked_number("threshold", threshold)
    right: list[bool] = []
    for prediction, target in _rows(predictions, targets):
        outputs = prediction if isinstance(prediction, list) else [prediction]
        if isinstance(target, list | tuple):
            right += [(o > threshold) == (t > 0) for o, t in _pairs(outputs, target)]
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
    return total(map(abs, differences)) / len(differences)


def root_mean_squared_error(predictions: Sequence[Any], targets: Sequence[Any]) -> float:
    """The root of the mean of (p - t)**2 over all outputs.

    >>> root_mean_squared_error([1.0, 2.0], [4.0, 5.0])
    3.0
    """
    differences = _differences(predictions, targets)
    return math.sqrt(total(d * d for d in differences) / len(differences))


def total(numbers: Iterable[float]) -> float:
    """The sum rounded once, or what IEEE arithmetic makes of numbers that have none: inf or nan."""
    numbers = list(numbers)
    try:
        return math.fsum(numbers)
    except (OverflowError, ValueError):  # of numbers past the largest, or of both infinities
        return sum(numbers)


def named(metric: Any) -> tuple[str, Metric]:
    """The name of a metric and its function of all predictions and targets; a function of your own is one of a row.

    Raises ValueError for an unknown name, TypeError for what is neither a name nor a function.
    """
    metric = next((name for name, known in METRICS.items() if known is metric), metric)
    if callable(metric):
        name = metric_name(metric)

        def mean(predictions: Sequence[Any], targets: Sequence[Any]) -> float:
            return summed(metric)(predictions, targets) / len(targets)

        return name, mean
    if not isinstance(metric, str):
        raise TypeError(f"a metric is a name or a function (prediction, target) of a row, but got {short(metric)}")
    checked_choice("metric", metric, METRICS, ", a function of a row, or to fit 'gradients'")
    return metric, METRICS[metric]


def summed(metric: Callable[[Any, Any], Any]) -> Metric:
    """The sum of a function of a row over all rows."""
    name = metric_name(metric)

    def over_rows(predictions: Sequence[Any], targets: Sequence[Any]) -> float:
        return total([_number_of_row(metric(p, t), name) for p, t in _rows(predictions, targets)])

    return over_rows


def metric_name(metric: Callable[..., Any]) -> str:
    """What a function of one's own is called as a metric."""
    return getattr(metric, "__name__", "metric")


def _rows(predictions: Sequence[Any], targets: Sequence[Any]) -> list[tuple[Any, Any]]:
    """The prediction of each row beside its target, as floats or lists of them."""
    both = [plain(predictions, "predictions", LISTED), plain(targets, "targets", LISTED)]
    both = [given.tolist() if hasattr(given, "dtype") else given for given in both]
    if len(both[0]) != len(both[1]):
        raise ValueError(
            f"a metric wants a target for each row, but got {len(both[0])} predictions and {len(both[1])} targets"
        )
    if not both[0]:
        raise ValueError("a metric is of one row or more, but there are none")
    for what, given in zip(("prediction", "target"), both, strict=True):
        for i, row in enumerate(given):
            if type(row) is not float and not _is_numbers(row):
                raise TypeError(f"the {what} of row {i} must be a number or a list of numbers, but is {short(row)}")
    return list(zip(*both, strict=True))


def _is_numbers(given: Any) -> bool:
    return all(map(_is_numbers, given)) if isinstance(given, list | tuple) else as_float(given) is not None


def _differences(predictions: Sequence[Any], targets: Sequence[Any]) -> list[float]:
    pairs = [pair for p, t in _rows(predictions, targets) for pair in _pairs(p, t)]
    return [prediction - target for prediction, target in pairs]


def _pairs(prediction: Any, target: Any) -> list[tuple[float, float]]:
    """Each output of a row beside its target."""
    outputs, wanted = ([*entry] if isinstance(entry, list | tuple) else [entry] for entry in (prediction, target))
    if len(outputs) != len(wanted):
        raise ValueError(
            f"this metric wants one target for each output, but a row has {len(outputs)} outputs and {len(wanted)} "
            "targets"
        )
    return list(zip(outputs, wanted, strict=True))


def _number_of_row(found: Any, name: str) -> float:
    number = as_float(found.data if isinstance(found, Value) else found)
    if number is None:
        raise TypeError(f"the metric {name} must give a number for each row, but gave {found!r}")
    return number


METRICS: dict[str, Metric] = {"accuracy": accuracy, "mae": mean_absolute_error, "rmse": root_mean_squared_error}

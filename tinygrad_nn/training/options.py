"""What `fit` is given, checked before anything is trained: metrics and callbacks, rows, and whose parameters."""

from __future__ import annotations

from operator import is_
from typing import Any

from ..compiler.backends.backend import for_steps
from ..compiler.target import Target
from ..metrics import GRADIENTS, metric_name, named
from ..nn.module import Module
from ..nn.structure import structure_of
from ..optim import Optimizer
from ..support.checks import checked_count
from ..support.tabular import short
from .steps.rows import Rows, not_finite, rows_of


def named_metrics(metrics: list[Any], until: Any) -> dict[str, Any]:
    """The metrics by their names. Raises ValueError for two of one name, as a history has a column for each."""
    taken = {"loss"}
    if isinstance(until, list | tuple) and until and callable(until[0]):
        taken.add(metric_name(until[0]))
    found = {}
    for metric in metrics:
        if isinstance(metric, str) and metric == GRADIENTS:
            continue
        name, function = named(metric)
        if name in taken:
            raise ValueError(
                f"two columns of the history would be called {name!r} (the loss and the metric of until are columns, "
                "too): give each metric a name of its own by def, or by function.__name__ = ..."
            )
        taken.add(name)
        found[name] = function
    return found


def checked_list(given: Any, what: str, of: str) -> list[Any]:
    """One of something, or several, as a list. Raises TypeError for what is neither."""
    if isinstance(given, str) or callable(given):
        return [given]
    if not isinstance(given, list | tuple):
        raise TypeError(f"{what} are one or a list of {of}, but got {given!r}")
    return list(given)


def checked_patience(given: Any) -> int | None:
    return None if given is None else checked_count("patience", given)


def listed_callbacks(given: Any) -> list[Any]:
    """The callbacks. Raises TypeError for what is no function."""
    callbacks = checked_list(given, "callbacks", "functions of the history")
    for callback in callbacks:
        if not callable(callback):
            raise TypeError(f"a callback is a function of the history, but got {short(callback)}")
    return callbacks


def target_of(backend: Any, dtype: Any) -> Target:
    """Where the steps are made: on a back end, or with "eager" on the recorded graph."""
    if not isinstance(backend, str) or backend != "eager":
        return for_steps(backend, dtype)
    if dtype != "float64":
        raise ValueError(f"the recorded graph computes in dtype 'float64', but got {dtype!r}")
    return Target("eager")


def validation_rows(validation: Any, model: Any) -> Rows | None:
    """The rows to look at and not to train on, if there are any."""
    if validation is None:
        return None
    if not isinstance(validation, tuple | list) or len(validation) != 2:
        raise TypeError(f"validation wants (X, Y), rows and targets to look at, but got {short(validation)}")
    return checked_rows(validation[0], validation[1], "the validation's ", model)


def check_trained(model: Any, optimizer: Optimizer) -> None:
    """Raise ValueError for an optimizer that has no parameter of the model, as one of another model has."""
    if isinstance(model, Module):
        own, trained = (structure_of(model) or model).parameters(), optimizer.parameters
        if own and not any(map(is_, own, trained)) and set(map(id, own)).isdisjoint(map(id, trained)):
            raise ValueError(
                "the optimizer has none of the model's parameters, and would train another: give it model.parameters()"
            )


def checked_rows(X: Any, Y: Any, whose: str, model: Any) -> Rows:
    """The rows. Raises ValueError for one that is not finite, as training on it makes all weights nan."""
    try:
        shapes, rows = rows_of(X, Y, model)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{whose}{error}") from None
    if (found := not_finite(rows)) is not None:
        what = f"row {found[0]} of {whose}X and Y holds {found[1]}"
        raise ValueError(f"{what}: leave the row out, or fill in what it should be")
    return shapes, rows

"""The parameters of the estimators: what each may be, and those of them that follow from others."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils._param_validation import Interval, Options, StrOptions

from .. import metrics
from ..functional import softmax
from ..nn.activations import ACTIVATIONS
from ..support.checks import checked_count
from .trainer import FAST

RENAMED = {"identity": "linear", "logistic": "sigmoid"}  # by scikit-learn's names; others are the library's own
SOLVERS = ("lbfgs", "sgd", "adam")
WHOLE_BATCH = ("lbfgs", "lm")  # solvers that take all rows at once
METRIC_FUNCTIONS = {"mean_absolute_error": metrics.mean_absolute_error,
           "root_mean_squared_error": metrics.root_mean_squared_error}  # fmt: skip

CONSTRAINTS: dict[str, Any] = {
    "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
    "activation": [StrOptions({*RENAMED, *ACTIVATIONS}), callable],
    "solver": [StrOptions(set(SOLVERS))],
    "alpha": [Interval(Real, 0, None, closed="left")],
    "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"})],
    "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
    "power_t": [Interval(Real, 0, None, closed="left")],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "tol": [Interval(Real, 0, None, closed="left")],
    "verbose": ["verbose"],
    "warm_start": ["boolean"],
    "momentum": [Interval(Real, 0, 1, closed="both")],
    "nesterovs_momentum": ["boolean"],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="left")],
    "beta_1": [Interval(Real, 0, 1, closed="left")],
    "beta_2": [Interval(Real, 0, 1, closed="left")],
    "epsilon": [Interval(Real, 0, None, closed="neither")],
    "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), Options(Real, {np.inf})],
    "max_fun": [Interval(Integral, 1, None, closed="left")],
    "dtype": [StrOptions({"auto", "float64", "float32"})],
    "metrics": ["array-like"],
}
OF_CLASSIFIER = {
    **CONSTRAINTS,
    "loss": [StrOptions({"log_loss"}), callable],
    "class_weight": [dict, StrOptions({"balanced"}), None],
}
OF_REGRESSOR = {
    **CONSTRAINTS,
    "solver": [StrOptions({*SOLVERS, "lm"})],
    "loss": [StrOptions({"squared_error", "poisson", "absolute_error", "huber"}), callable],
}


def hidden_layers(estimator: Any) -> tuple[int, ...]:
    """The sizes of the hidden layers, none of them for (). Raises ValueError or TypeError for what are no sizes."""
    sizes = estimator.hidden_layer_sizes
    listed = isinstance(sizes, list | tuple) or (isinstance(sizes, np.ndarray) and sizes.ndim > 0)
    return tuple([checked_count("hidden_layer_sizes", size) for size in (sizes if listed else (sizes,))])


def activation_of(estimator: Any) -> Any:
    """The activation by the library's name, or the function."""
    given = estimator.activation
    return RENAMED.get(given, given) if isinstance(given, str) else given


def check_beyond(estimator: Any) -> None:
    """Raise ValueError or TypeError for parameters that do not go together, or that this machine cannot have."""
    hidden_layers(estimator)
    if estimator.activation is softmax:
        raise ValueError("the 'activation' is a function of one number, and softmax is of several: give another")
    if estimator.dtype == "float32" and not FAST:
        raise ValueError("dtype 'float32' needs llvmlite, which is not installed: pip install 'tinygrad_nn[sklearn]'")
    known = ("accuracy", *METRIC_FUNCTIONS)
    for metric in estimator.metrics:
        if not callable(metric) and metric not in known:
            raise ValueError(
                f"the 'metrics' of {type(estimator).__name__} must be names among {', '.join(known)}, or functions "
                f"(predictions, targets), but one is {metric!r}"
            )

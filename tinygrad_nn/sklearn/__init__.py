"""MLPClassifier and MLPRegressor as scikit-learn knows them, trained by compiled steps (extra `sklearn`).

The parameters are named, and mean, what those of scikit-learn's own do. Beyond them there are `input_gradients`, what a
prediction would change by if a feature did, `model_`, the network to draw, to save and to export to C, losses and
activations as functions of numbers, `class_weight` and a `history_` of metrics.

From the ground up: a `trainer` trains a network for one fit after another, in epochs of batches (`first_order`) or on
all rows at once (`whole_batch`). `parameters` says what each may be, `fitted` what a fitted estimator is asked for, and
`network` is a fit; `classifier` and `regressor` are the two kinds of it.
"""

try:
    from .classifier import MLPClassifier
    from .regressor import MLPRegressor
except ModuleNotFoundError as error:
    if (error.name or "").split(".")[0] not in ("sklearn", "numpy"):
        raise
    raise ImportError(
        "tinygrad_nn.sklearn needs scikit-learn, which is not installed: pip install 'tinygrad_nn[sklearn]'"
    ) from None

__all__ = ["MLPClassifier", "MLPRegressor"]
__dir__ = __all__.copy  # so that dir() shows what is a user's

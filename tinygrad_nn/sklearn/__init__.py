"""MLPClassifier and MLPRegressor as scikit-learn knows them, trained by compiled steps (extra `sklearn`).

The parameters are named, and mean, what those of scikit-learn's own do. Beyond them there are `input_gradients`, what a
prediction would change by if a feature did, and `model_`, the network to draw, to save and to export to C.

`trainer` trains a network for one fit after another; `estimators` are what scikit-learn asks of them.
"""

try:
    from .estimators import MLPClassifier, MLPRegressor
except ModuleNotFoundError as error:
    if (error.name or "").split(".")[0] not in ("sklearn", "numpy"):
        raise
    raise ImportError(
        "tinygrad_nn.sklearn needs scikit-learn, which is not installed: pip install 'tinygrad_nn[sklearn]'"
    ) from None

__all__ = ["MLPClassifier", "MLPRegressor"]
__dir__ = __all__.copy  # so that dir() shows what is a user's

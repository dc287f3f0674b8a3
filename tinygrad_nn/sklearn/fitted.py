"""What a fitted estimator is asked for: outputs for rows, a network to draw and to export, gradients of features."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data

from ..autograd import primitives as table
from ..autograd.value import Value
from ..compiler.backends.array.functions import functions
from ..compiler.function import compile
from ..functional import take
from ..nn.layers import MLP
from .parameters import METRIC_FUNCTIONS, activation_of

PRECISIONS = (np.float64, np.float32)
SPARSE = ["csr", "csc"]


class Fitted(BaseEstimator):
    """An estimator with `coefs_` and `intercepts_`, which predictions follow, whoever has set them.

    A kind of them says how outputs are told.
    """

    coefs_: list[Any]
    intercepts_: list[Any]
    activation: Any
    _output_activation: Any = "linear"  # of the network as it is drawn and exported

    @classmethod
    @lru_cache(maxsize=32)  # since each fit, clone and search asks for them, and a signature takes a while to read
    def _get_param_names(cls) -> list[str]:
        return super()._get_param_names()  # type: ignore[no-any-return]

    def _told(self, outputs: Any, facts: dict[str, Any]) -> Any:
        """What `predict` gives for outputs, of an estimator with these attributes."""
        raise NotImplementedError

    def predict(self, X: Any) -> Any:
        """The prediction for each row of X, dense or sparse, as y was: (rows,) or (rows, outputs)."""
        return self._told(self._outputs(X), self.__dict__)

    @property
    def model_(self) -> MLP:
        """The fitted network as a tinygrad_nn.MLP of its own: to draw, to save, to export to C."""
        check_is_fitted(self)
        names = getattr(self, "feature_names_in_", None)
        given = self.coefs_, self.intercepts_, activation_of(self), self._output_activation
        model = MLP.from_weights(*given)
        model.input_names = None if names is None else [str(name) for name in names]
        return model

    def export_c(self, path: Any, name: str = "model", dtype: str = "float", overwrite: bool = False) -> None:
        """Write it as one C99 file, as `tinygrad_nn.export_c` does: `model_predict(x, y)` gives what it predicts.

        Of a classifier that is the probability of each class, `model_class(x)` gives the index of a row's class and
        `model_label(index)` its label. A pipeline with scaling before it is exported by `tinygrad_nn.export_c`.
        """
        from ..export.export import export_c

        export_c(self, path, name, dtype=dtype, overwrite=overwrite)

    def _for_c(self) -> tuple[MLP, Any, bool]:
        """What a file of C is to compute: the network, the labels of its outputs or None, and whether several of them
        may hold of one row."""
        return self.model_, None, False

    def draw(self, x: Any = None, **options: Any) -> Any:
        """The network as circles and lines, as `tinygrad_nn.draw_network` draws it: `.write("network.svg")`."""
        from ..drawing.network import draw_network

        return draw_network(self.model_, x, **options)

    def _outputs(self, X: Any) -> Any:
        """What the network gives for rows: logits, or predictions."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse=SPARSE, reset=False, dtype=PRECISIONS)
        return self._forward(X, self.coefs_, self.intercepts_)

    def _forward(self, X: Any, coefs: Any, intercepts: Any) -> Any:
        """The outputs of a network of these matrices for rows that were looked at."""
        activation = on_arrays(activation_of(self), X.dtype == np.float32)
        with np.errstate(all="ignore"):
            for k, (matrix, biases) in enumerate(zip(coefs, intercepts, strict=True)):
                X = X @ matrix + biases
                if activation is not None and k < len(coefs) - 1:
                    X = activation(X)
        return X

    def _gradients(self, X: Any, of: Any) -> Any:
        """The derivatives of the outputs `of(model(x))` with respect to the features: (rows, outputs, features)."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse=SPARSE, reset=False, dtype=np.float64)
        X = X.toarray() if issparse(X) else X
        model = self.model_
        count = len(of([Value(0.0)] * len(self.intercepts_[-1])))

        def output(x: Any, k: Any) -> Any:
            found = model(x)
            return take(of(found if isinstance(found, list) else [found]), k)

        rows = [[x, float(k)] for x in X.tolist() for k in range(count)]
        flows = compile(output).batch(rows, gradients=True)[1]
        return np.asarray([flow[0] for flow in flows]).reshape(len(X), count, X.shape[1])

    def _metrics(self, X: Any, y: Any, weights: Any, layers: Any, facts: Any) -> dict[str, float]:
        """The metrics of rows by their names, of a network of these matrices and biases."""
        wanted: Any = self.metrics
        if not len(wanted):
            return {}
        predicted = self._told(self._forward(X, *layers), facts)
        found = {}
        for metric in wanted:
            if isinstance(metric, str) and metric == "accuracy":
                found[metric] = right(y, predicted, weights)
            else:
                function = METRIC_FUNCTIONS[metric] if isinstance(metric, str) else metric
                found[metric if isinstance(metric, str) else metric.__name__] = float(function(predicted, y))
        return found


@lru_cache(maxsize=8)
def on_arrays(activation: Any, single: bool = False) -> Any:
    """An activation as a function of arrays; None of that which does nothing."""
    if isinstance(activation, str):
        row = table.TABLE.get(activation)
        return None if row is None else functions([row], np, single)[row.name]
    each = compile(lambda x: activation(x))

    def of_array(x: Any) -> Any:
        return np.asarray(each.batch(x.reshape(-1, 1))).reshape(x.shape).astype(x.dtype)

    return of_array


def right(y: Any, predicted: Any, weights: Any = None) -> float:
    """The share of right answers, by the weights of rows; of several labels all of a row must be right."""
    equal = predicted == y
    return float(np.average(equal if equal.ndim == 1 else equal.all(axis=1), weights=weights))


def initial(sizes: tuple[int, ...], generator: Any, factor: float) -> tuple[list[Any], list[Any]]:
    """Matrices and biases drawn for each layer, uniformly within sqrt(factor / (n_inputs + n_outputs))."""
    coefs, intercepts = [], []
    for n_inputs, n_outputs in pairwise(sizes):
        bound = np.sqrt(factor / (n_inputs + n_outputs))
        coefs.append(generator.uniform(-bound, bound, (n_inputs, n_outputs)))
        intercepts.append(generator.uniform(-bound, bound, n_outputs))
    return coefs, intercepts


def in_vector(coefs: Any, intercepts: Any) -> Any:
    """All numbers of a network in a vector: of each neuron its weights, and then its bias."""
    layers = zip(coefs, intercepts, strict=True)
    return np.concatenate([np.vstack([matrix, biases]).T.ravel() for matrix, biases in layers]).astype(np.float64)


def in_layers(numbers: Any, sizes: Any) -> tuple[list[Any], list[Any]]:
    """The matrix of each layer, a row for each input, and the biases."""
    coefs, intercepts, start = [], [], 0
    for n_inputs, n_outputs in pairwise(sizes):
        end = start + (n_inputs + 1) * n_outputs
        layer = numbers[start:end].reshape(n_outputs, n_inputs + 1).T
        coefs.append(layer[:-1])
        intercepts.append(layer[-1])
        start = end
    return coefs, intercepts


@contextmanager
def lent(shared: Any, made: Any, architecture: Any) -> Iterator[Any]:
    """What is shared by all fits of an architecture; one of its own where another thread has that."""
    found = shared(*architecture)
    if not found.busy.acquire(blocking=False):
        found = made(*architecture)
        found.busy.acquire()
    try:
        yield found
    finally:
        found.busy.release()

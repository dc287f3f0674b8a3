"""The estimators: what scikit-learn asks of a classifier and a regressor, on a network and its compiled step."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from ..autograd import primitives as table
from ..autograd.value import Value
from ..compiler.backends.array.functions import functions
from ..compiler.function import compile
from ..compiler.single_precision import TOO_LARGE
from ..functional import sigmoid, softmax, take
from ..nn.layers import MLP
from ..training.steps.rows import rows_of
from .trainer import FAST, RENAMED, Patience, Shuffle, Trainer, check_parameters, initial, trainer_of, weights_of

LARGEST_BATCH = 200
LONG = 1_000_000  # rows times weights, above which numbers are of single precision where that is left open


class _MLP(BaseEstimator):
    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: str = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: Any = "auto",
        learning_rate_init: float = 0.001,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        n_iter_no_change: float = 10,
        dtype: str = "auto",
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.n_iter_no_change = n_iter_no_change
        self.dtype = dtype

    def _trained(self, X: Any, targets: Any, outputs: int, of_row: str, sample_weight: Any) -> None:
        """Fit the weights to rows and their targets, a column for each output or the classes."""
        weighted = sample_weight is not None
        total = float(len(X))
        if weighted:
            sample_weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
            with np.errstate(over="ignore"):
                total = float(sample_weight.sum())
            kept = sample_weight > 0.0
            if not 0.0 < total < np.inf:
                raise ValueError(f"sample_weight must have a number above 0, and a finite sum, but its sum is {total}")
            X, targets, sample_weight = X[kept], targets[kept], sample_weight[kept]
            targets = np.column_stack([targets, sample_weight * (len(X) / total)])
        n = len(X)
        batch_size = min(LARGEST_BATCH if isinstance(self.batch_size, str) else int(self.batch_size), n)
        generator = check_random_state(self.random_state)
        sizes = (X.shape[1], *self._hidden, outputs)
        coefs, intercepts = initial(sizes, generator, 2.0 if self._activation == "sigmoid" else 6.0)
        work = n * sum(matrix.size for matrix in coefs)
        dtype = self.dtype
        if dtype == "auto":
            narrow = work > LONG and FAST and max(np.abs(X).max(), np.abs(targets).max()) < TOO_LARGE
            dtype = "float32" if narrow else "float64"
        architecture = sizes, self._activation, of_row, self.solver, weighted, dtype
        trainer = trainer_of(*architecture)
        if not trainer.busy.acquire(blocking=False):  # by another thread
            trainer = Trainer(*architecture)
            trainer.busy.acquire()
        try:
            self._prepare(trainer, coefs, intercepts, self.alpha * n / (2.0 * batch_size * total))
            shuffle = Shuffle(generator, n) if self.shuffle and batch_size < n else None
            watch, rows = Patience(self.tol, self.n_iter_no_change), rows_of(X, targets)
            history = trainer.step.run_on(rows, self.max_iter, batch_size, shuffle is not None, shuffle, None, [watch])
            coefs, intercepts = weights_of(trainer.model)
        finally:
            trainer.busy.release()
        if history.stopped == "interrupt":
            raise KeyboardInterrupt
        loss, epochs = history.losses[-1], history.epochs[-1]
        if history.stopped == "diverged":
            raise ValueError(
                f"training diverged: the loss is {loss} after {epochs} epochs, since the weights grew without bound: "
                "take a smaller learning_rate_init, or scale X (sklearn.preprocessing.StandardScaler)"
            )
        self.coefs_, self.intercepts_, self.n_layers_, self.n_outputs_ = coefs, intercepts, len(sizes), outputs
        self.n_iter_, self.loss_curve_, self.loss_ = epochs, watch.losses, loss
        if history.stopped == "epochs":
            warnings.warn(
                f"the loss was still getting better by more than tol after max_iter={self.max_iter} epochs",
                ConvergenceWarning,
                stacklevel=3,
            )

    def _prepare(self, trainer: Trainer, coefs: Any, intercepts: Any, penalty: float) -> None:
        """Let a trainer begin with these weights and the optimizer's settings."""
        optimizer = trainer.optimizer
        layers = [np.vstack([matrix, biases]).T.ravel() for matrix, biases in zip(coefs, intercepts, strict=True)]
        for parameter, number in zip(optimizer.parameters, np.concatenate(layers).tolist(), strict=True):
            parameter.data = number
        trainer.penalty.data = penalty
        optimizer.state, optimizer.steps = [optimizer.initial_state] * len(optimizer.parameters), 0
        optimizer.lr = float(self.learning_rate_init)
        if self.solver == "sgd":
            optimizer.momentum = float(self.momentum)
            optimizer.nesterov = bool(self.nesterovs_momentum and self.momentum)

    @property
    def model_(self) -> MLP:
        """The fitted network as a tinygrad_nn.MLP of its own: to draw, to save, to export to C."""
        check_is_fitted(self)
        names = getattr(self, "feature_names_in_", None)
        model = MLP.from_weights(self.coefs_, self.intercepts_, self._activation)
        model.input_names = None if names is None else [str(name) for name in names]
        return model

    def _outputs(self, X: Any) -> Any:
        """What the network gives for rows: logits, or predictions."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float64)
        row = table.TABLE.get(self._activation)
        activation = functions([row], np)[row.name] if row is not None else None
        with np.errstate(all="ignore"):
            for k, (matrix, biases) in enumerate(zip(self.coefs_, self.intercepts_, strict=True)):
                X = X @ matrix + biases
                if activation is not None and k < len(self.coefs_) - 1:
                    X = activation(X)
        return X

    def _gradients(self, X: Any, of: Any) -> Any:
        """The derivatives of the outputs `of(model(x))` with respect to the features: (rows, outputs, features)."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float64)
        model = self.model_
        count = len(of([Value(0.0)] * self.n_outputs_))

        def output(x: Any, k: Any) -> Any:
            found = model(x)
            return take(of(found if isinstance(found, list) else [found]), k)

        rows = [[x, float(k)] for x in X.tolist() for k in range(count)]
        flows = compile(output).batch(rows, gradients=True)[1]
        return np.asarray([flow[0] for flow in flows]).reshape(len(X), count, X.shape[1])

    @property
    def _activation(self) -> str:
        return RENAMED.get(self.activation, self.activation)

    @property
    def _hidden(self) -> tuple[int, ...]:
        sizes = self.hidden_layer_sizes
        listed = isinstance(sizes, list | tuple) or (isinstance(sizes, np.ndarray) and sizes.ndim > 0)
        return tuple(sizes) if listed else (sizes,)


class MLPClassifier(ClassifierMixin, _MLP):
    """A network that tells classes apart: softmax cross-entropy, or for two classes that of one sigmoid.

    The parameters are those of sklearn.neural_network.MLPClassifier, with its defaults and meanings, as far as there
    are any; `activation` may be any of the library's names too. Weights begin as Glorot & Bengio (2010) draw them.
    `dtype` is "float64", "float32", or "auto": double precision unless a fit is long (rows times weights beyond a
    million). The first fit of an architecture takes one to four tenths of a second to compile, and some milliseconds
    once that is in the cache. By SGD in double precision the losses are those of scikit-learn's; but a row of weight 2
    is two rows in batches, too, and the penalty of a last batch that is smaller is that of the others. Where y has one
    class alone, that is the answer, and its probability 1.

    After fit there are `classes_`, `coefs_` and `intercepts_` (matrices of n_inputs rows), `loss_`, `loss_curve_`,
    `n_iter_`, `n_outputs_`, and `model_`, the network as a tinygrad_nn.MLP.

    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = MLPClassifier((20,), max_iter=500, learning_rate_init=0.01, random_state=1).fit(X, y)
    >>> bool(classifier.score(X, y) > 0.95), classifier.input_gradients(X[:2]).shape
    (True, (2, 3, 4))
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> MLPClassifier:
        """Fit to rows X of classes y; a row of weight 2 counts as two. Returns self."""
        check_parameters(self, self._hidden)
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        classes, targets = np.unique(y, return_inverse=True)
        count = len(classes)
        loss = "binary_cross_entropy_with_logits" if count <= 2 else "cross_entropy"
        self._trained(X, targets.astype(np.float64), 1 if count <= 2 else count, loss, sample_weight)
        self.classes_ = classes
        return self

    @property
    def model_(self) -> MLP:
        """The fitted network as a tinygrad_nn.MLP of its own: to draw, to save, to export to C.

        Its `predict_classes` gives the places of the classes in `classes_`.
        """
        model = super().model_
        if self.n_outputs_ == 1:
            model._learned = [0.0 if len(self.classes_) > 1 else np.inf]
        return model

    def predict(self, X: Any) -> Any:
        """The likeliest class of each row."""
        outputs = self._outputs(X)
        chosen = (outputs[:, 0] > 0.0).astype(int) if self.n_outputs_ == 1 else outputs.argmax(axis=1)
        if len(self.classes_) == 1:
            chosen[:] = 0
        return self.classes_[chosen]

    def predict_proba(self, X: Any) -> Any:
        """The probability of each class, (rows, classes), in the order of `classes_`."""
        return np.exp(self.predict_log_proba(X))

    def predict_log_proba(self, X: Any) -> Any:
        """The logarithms of the probabilities."""
        outputs = self._outputs(X)
        if len(self.classes_) == 1:
            return np.zeros((len(outputs), 1))
        if self.n_outputs_ == 1:  # of [0, z]
            outputs = np.column_stack([np.zeros(len(outputs)), outputs])
        return outputs - functions([table.logsumexp], np)["logsumexp"](outputs)[:, None]

    def input_gradients(self, X: Any) -> Any:
        """d predict_proba / d X: of each class's probability by each feature, (rows, classes, features)."""

        def probabilities(logits: Any) -> Any:
            if len(self.classes_) == 1:
                return [1.0 + 0.0 * logits[0]]
            if self.n_outputs_ == 1:
                return [sigmoid(-logits[0]), sigmoid(logits[0])]
            return softmax(logits)

        return self._gradients(X, probabilities)


class MLPRegressor(RegressorMixin, _MLP):
    """A network that predicts one number or several: half the squared error, averaged over the outputs.

    (scikit-learn's descends the sum over the outputs, which is as many times as steep.)

    The parameters are those of sklearn.neural_network.MLPRegressor, with its defaults and meanings, as far as there are
    any, and as MLPClassifier's.

    >>> X = [[k / 10] for k in range(20)]
    >>> regressor = MLPRegressor((20,), "tanh", learning_rate_init=0.02, n_iter_no_change=50,
    ...                          max_iter=2000, random_state=1)
    >>> regressor = regressor.fit(X, [x * x for [x] in X])
    >>> bool(regressor.score(X, [x * x for [x] in X]) > 0.99)
    True
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> MLPRegressor:
        """Fit to rows X and their numbers y, (rows,) or (rows, outputs). Returns self."""
        check_parameters(self, self._hidden)
        X, y = validate_data(self, X, y, dtype=np.float64, multi_output=True, y_numeric=True)
        self._trained(X, y.astype(np.float64), 1 if y.ndim == 1 else y.shape[1], "half_squared_error", sample_weight)
        self._flat = y.ndim == 1
        return self

    def predict(self, X: Any) -> Any:
        """The prediction for each row, (rows,) or (rows, outputs) as y was."""
        outputs = self._outputs(X)
        return outputs[:, 0] if self._flat else outputs

    def input_gradients(self, X: Any) -> Any:
        """d predict / d X: (rows, features), or (rows, outputs, features) where y had columns."""
        found = self._gradients(X, list)
        return found[:, 0] if self._flat else found

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

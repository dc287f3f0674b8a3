"""MLPClassifier, with scikit-learn's parameters and some of its own after them."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import expit
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import _check_partial_fit_first_call, check_classification_targets, type_of_target

from ..autograd import primitives as table
from ..compiler.backends.array.functions import functions
from ..functional import sigmoid, softmax
from ..nn.layers import MLP
from .fitted import right
from .network import Network, makes_epochs
from .parameters import OF_CLASSIFIER


class MLPClassifier(ClassifierMixin, Network):
    """A network that tells classes, or several labels of a row, apart.

    Parameters are those of sklearn.neural_network.MLPClassifier, in its order and with its defaults; `activation` may
    be more, and the last four are beyond it. One that is not among them, or not what it may be, is an error that says
    what it may.

    - hidden_layer_sizes: how many neurons each hidden layer has: (100,), 100, (20, 10); () for none;
    - activation: of hidden neurons: "relu", "tanh", "logistic", "identity", "leaky_relu", "elu", "softplus", "silu",
      "gelu", "sigmoid", "linear", or a function of one number, of the library's operations;
    - solver: "adam" (Kingma & Ba, 2015) or "sgd", which take batches of rows and make epochs of them, or "lbfgs",
      L-BFGS (Liu & Nocedal, 1989) on all rows at once, which suits a few thousand rows;
    - alpha: how much the squares of the weights cost: alpha / 2 times their sum, divided by the rows of a batch;
    - batch_size: rows of a batch; "auto" is 200, or all rows where they are fewer;
    - learning_rate, of "sgd": "constant"; "invscaling", learning_rate_init / (t + 1)**power_t after t rows; "adaptive",
      a fifth of what it was each time that the loss has not got better;
    - learning_rate_init, power_t: see there;
    - max_iter: the most epochs, or iterations of L-BFGS; max_fun: the most losses that L-BFGS may ask for;
    - shuffle: whether each epoch takes the rows in another order;
    - random_state: a seed, a numpy RandomState or None, of the first weights (Glorot & Bengio, 2010), the rows set
      aside and the orders: a seed gives the model that it gives in scikit-learn, to the rounding;
    - tol, n_iter_no_change: a fit ends once more than n_iter_no_change epochs in a row were not better by tol (inf:
      never); L-BFGS ends where no derivative is larger than tol;
    - verbose: print the loss of each epoch; warm_start: let `fit` go on from the weights of the last one;
    - momentum (from 0 to 1), nesterovs_momentum: of "sgd"; beta_1, beta_2, epsilon: of "adam";
    - early_stopping: set validation_fraction of the rows aside, end once more than n_iter_no_change epochs were not
      better by tol in their score, and keep the weights of the best: with warm_start those that the fit began with,
      where no epoch scored better than the fits before;
    - dtype: "float64", "float32", or "auto": that of X, and single where a fit is long (rows times weights beyond a
      million);
    - metrics: what `history_` is to have of each epoch: "accuracy", "mean_absolute_error",
      "root_mean_squared_error", or functions (y predicted, y);
    - loss: "log_loss", the cross-entropy of softmax, or of sigmoids for two classes and for labels; or a function
      (outputs, target) of a row: logits, and the place of its class, or the list of 0 and 1 of labels;
    - class_weight: a dict of weights by class, or "balanced": n_samples / (n_classes n_samples_of_the_class).

    y has a class for each row, or a column of 0 and 1 for each label. X may be sparse: its rows become dense a batch at
    a time, all of them for "lbfgs". The first fit of an architecture takes one to four tenths of a second to compile,
    and some milliseconds once that is in the cache.

    After fit: `classes_`, `coefs_` and `intercepts_` (matrices of n_inputs rows; predictions follow what they are set
    to), `loss_`, `best_loss_`, `loss_curve_`, `validation_scores_`, `best_validation_score_`, `n_iter_`, `t_` (rows
    seen), `n_layers_`, `n_outputs_`, `n_features_in_`, `feature_names_in_`, `out_activation_`; and beyond
    scikit-learn's `model_`, the network as a tinygrad_nn.MLP, and `history_`, a History to `.plot()`.

    Otherwise than there: rows of weight 0 are left out before batches are made; the loss of a probability below 2e-16
    is not cut off; a loss that is not finite ends a fit with an error; where y has one class alone, that is the answer,
    and its probability 1.

    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = MLPClassifier((20,), max_iter=500, learning_rate_init=0.01, random_state=1).fit(X, y)
    >>> bool(classifier.score(X, y) > 0.95), classifier.input_gradients(X[:2]).shape
    (True, (2, 3, 4))
    """

    _parameter_constraints = OF_CLASSIFIER
    _stratified = True

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: Any = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: Any = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        dtype: str = "auto",
        loss: Any = "log_loss",
        class_weight: Any = None,
        metrics: Any = (),
    ) -> None:
        self._take(locals())

    def _encoded(self, y: Any, incremental: bool, anew: bool) -> tuple[Any, Any, dict[str, Any]]:
        found = np.unique(y) if y.ndim == 1 and y.dtype.kind in "biu" else None
        several = False
        if found is None or 2 * len(found) > len(y):  # else scikit-learn has nothing to say, but takes long to see it
            kind = type_of_target(y, input_name="y")
            if kind == "multiclass-multioutput":
                raise ValueError("y has several columns of classes: give one column, or columns of 0 and 1 for labels")
            check_classification_targets(y)
            several = kind.startswith("multilabel")
            found = np.arange(y.shape[1]) if several else np.unique(y)
        classes = self._classes(found, incremental, anew)
        of_each = several or len(classes) <= 2  # whether each output has a probability of its own
        name, shown = ("log_loss", "logistic") if of_each else ("cross_entropy", "softmax")
        outputs = len(classes) if several or not of_each else 1
        targets = y if several else np.searchsorted(classes, y)[:, None]
        facts = {"classes_": classes, "n_outputs_": outputs, "out_activation_": shown}
        return self.loss if callable(self.loss) else name, targets.astype(np.float64), facts

    def _classes(self, found: Any, incremental: bool, anew: bool) -> Any:
        """The classes that a fit knows, of which some were found."""
        known = getattr(self, "classes_", None)
        if known is None or (anew and not incremental):
            return found
        if self.warm_start and not incremental and not np.array_equal(found, known):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous call to fit. Previously "
                f"got {known}, `y` has {found}"
            )
        if len(unknown := np.setdiff1d(found, known)):
            raise ValueError(f"y has the classes {unknown}, which are not among {known}, those of the first call")
        return known

    def _weights(self, X: Any, y: Any, sample_weight: Any, incremental: bool) -> Any:
        weights = super()._weights(X, y, sample_weight, incremental)
        if self.class_weight is None:
            return weights
        if incremental and isinstance(self.class_weight, str):
            raise ValueError("class_weight='balanced' takes all rows, not a part of them: give a dict of the classes")
        of_classes = compute_sample_weight(self.class_weight, y)
        return of_classes if weights is None else weights * of_classes

    @available_if(makes_epochs)
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> MLPClassifier:
        """One epoch over rows X of classes y, from where the last fit ended. Returns self.

        `classes` are all that there will be, for the first call.
        """
        _check_partial_fit_first_call(self, classes)
        return self._fit(X, y, sample_weight, True)  # type: ignore[no-any-return]

    def _scored(self, y: Any, predicted: Any, weights: Any) -> float:
        return right(y, predicted, weights)

    @property
    def model_(self) -> MLP:
        """The fitted network as a tinygrad_nn.MLP of its own: to draw, to save, to export to C.

        Its `predict_classes` gives the places of the classes in `classes_`, of labels a list of 0 and 1 for each row.
        """
        model = super().model_
        if self.out_activation_ == "logistic":
            model._learned = [0.0 if len(self.classes_) > 1 else np.inf] * self.n_outputs_
        return model

    def _for_c(self) -> tuple[MLP, Any, bool]:
        return self.model_, self.classes_, self._several

    def _told(self, outputs: Any, facts: dict[str, Any]) -> Any:
        several = outputs.shape[1] > 1
        if several and facts["out_activation_"] == "logistic":
            return (outputs > 0.0).astype(int)
        chosen = outputs.argmax(axis=1) if several else (outputs[:, 0] > 0.0).astype(int)
        if len(facts["classes_"]) == 1:
            chosen[:] = 0
        return facts["classes_"][chosen]

    @property
    def _several(self) -> bool:
        """Whether a row may have several labels."""
        return bool(self.out_activation_ == "logistic" and self.n_outputs_ > 1)

    def predict_proba(self, X: Any) -> Any:
        """The probability of each class, (rows, classes), in the order of `classes_`; of labels, that of each."""
        return np.exp(self.predict_log_proba(X))

    def predict_log_proba(self, X: Any) -> Any:
        """The logarithms of the probabilities."""
        outputs = self._outputs(X)
        if len(self.classes_) == 1:
            return np.zeros((len(outputs), 1), outputs.dtype)
        if self._several:
            below = np.minimum(outputs, 0.0)  # where the logarithm of a probability that is rounded would not do
            return np.where(outputs > 0.0, np.log(expit(outputs)), below - np.log1p(np.exp(below)))
        if self.n_outputs_ == 1:  # of [0, z]
            outputs = np.column_stack([np.zeros_like(outputs), outputs])
        return outputs - functions([table.logsumexp], np)["logsumexp"](outputs)[:, None]

    def input_gradients(self, X: Any) -> Any:
        """d predict_proba / d X: of each class's probability by each feature, (rows, classes, features)."""

        def probabilities(logits: Any) -> Any:
            if len(self.classes_) == 1:
                return [1.0 + 0.0 * logits[0]]
            if self._several:
                return [sigmoid(logit) for logit in logits]
            if self.n_outputs_ == 1:
                return [sigmoid(-logits[0]), sigmoid(logits[0])]
            return softmax(logits)

        return self._gradients(X, probabilities)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

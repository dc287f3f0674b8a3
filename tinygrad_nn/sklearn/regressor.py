"""MLPRegressor, with scikit-learn's parameters and some of its own after them."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import xlogy
from sklearn.base import RegressorMixin, _fit_context
from sklearn.metrics import r2_score
from sklearn.utils.metaestimators import available_if

from ..functional import exp
from .network import Network, makes_epochs
from .parameters import OF_REGRESSOR


class MLPRegressor(RegressorMixin, Network):
    """A network that predicts one number or several.

    Parameters are those of sklearn.neural_network.MLPRegressor, in its order and with its defaults; `loss` and
    `activation` may be more, and the last two are beyond it. One that is not among them, or not what it may be, is an
    error that says what it may.

    - loss: "squared_error", half of it, averaged over the outputs and descended as steeply as their sum is; "poisson",
      half the deviance of counts, of which the network gives the logarithm; "absolute_error" or "huber", averaged over
      the outputs; or a function (prediction, target) of a row: a number, or the list of several;
    - hidden_layer_sizes: how many neurons each hidden layer has: (100,), 100, (20, 10); () for none;
    - activation: of hidden neurons: "relu", "tanh", "logistic", "identity", "leaky_relu", "elu", "softplus", "silu",
      "gelu", "sigmoid", "linear", or a function of one number, of the library's operations;
    - solver: "adam" (Kingma & Ba, 2015) or "sgd", which take batches of rows and make epochs of them, or "lbfgs",
      L-BFGS (Liu & Nocedal, 1989) on all rows at once, which suits a few thousand rows, or "lm", Levenberg-Marquardt,
      as tinygrad_nn.minimize has it: the fastest up to some hundreds of weights, for a loss that is a sum of squares;
    - alpha: how much the squares of the weights cost: alpha / 2 times their sum, divided by the rows of a batch;
    - batch_size: rows of a batch; "auto" is 200, or all rows where they are fewer;
    - learning_rate, of "sgd": "constant"; "invscaling", learning_rate_init / (t + 1)**power_t after t rows; "adaptive",
      a fifth of what it was each time that the loss has not got better;
    - learning_rate_init, power_t: see there;
    - max_iter: the most epochs, or iterations of "lbfgs" and "lm"; max_fun: the most losses that L-BFGS may ask for;
    - shuffle: whether each epoch takes the rows in another order;
    - random_state: a seed, a numpy RandomState or None, of the first weights (Glorot & Bengio, 2010), the rows set
      aside and the orders: a seed gives the model that it gives in scikit-learn, to the rounding;
    - tol, n_iter_no_change: a fit ends once more than n_iter_no_change epochs in a row were not better by tol (inf:
      never); L-BFGS ends where no derivative is larger than tol, "lm" after an iteration that lowers the loss by
      less than tol times the loss;
    - verbose: print the loss of each epoch; warm_start: let `fit` go on from the weights of the last one;
    - momentum (from 0 to 1), nesterovs_momentum: of "sgd"; beta_1, beta_2, epsilon: of "adam";
    - early_stopping: set validation_fraction of the rows aside, end once more than n_iter_no_change epochs were not
      better by tol in their score, and keep the weights of the best: with warm_start those that the fit began with,
      where no epoch scored better than the fits before;
    - dtype: "float64", "float32", or "auto": that of X, and single where a fit is long (rows times weights beyond a
      million);
    - metrics: what `history_` is to have of each epoch: "accuracy", "mean_absolute_error",
      "root_mean_squared_error", or functions (y predicted, y);
    y is (rows,) or (rows, outputs). All else is as MLPClassifier says; and L-BFGS of several outputs descends their sum
    by its own gradient, where scikit-learn gives it the mean with the gradient of the sum.

    >>> X = [[k / 10] for k in range(20)]
    >>> regressor = MLPRegressor("squared_error", (20,), "tanh", solver="lbfgs", max_iter=2000, random_state=1)
    >>> regressor = regressor.fit(X, [x * x for [x] in X])
    >>> bool(regressor.score(X, [x * x for [x] in X]) > 0.99)
    True
    """

    _parameter_constraints = OF_REGRESSOR
    _numeric = True

    def __init__(
        self,
        loss: Any = "squared_error",
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
        metrics: Any = (),
    ) -> None:
        self._take(locals())

    def _encoded(self, y: Any, incremental: bool, anew: bool) -> tuple[Any, Any, dict[str, Any]]:
        targets = y.astype(np.float64).reshape(len(y), -1)
        outputs, counts = targets.shape[1], isinstance(self.loss, str) and self.loss == "poisson"
        if counts:
            if (targets < 0.0).any():
                raise ValueError(f"loss='poisson' is of counts, y of 0 or more, but y has {targets.min():g}")
            of_y = (xlogy(targets, targets) - targets).sum(axis=1)
            targets = np.column_stack([targets, of_y])
        return self.loss, targets, {"n_outputs_": outputs, "out_activation_": "exp" if counts else "identity"}

    @available_if(makes_epochs)
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> MLPRegressor:
        """One epoch over rows X and their numbers y, from where the last fit ended. Returns self."""
        return self._fit(X, y, sample_weight, True)  # type: ignore[no-any-return]

    def _scored(self, y: Any, predicted: Any, weights: Any) -> float:
        return r2_score(y, predicted, sample_weight=weights)  # type: ignore[no-any-return]

    @property
    def _output_activation(self) -> Any:
        return exp if self.out_activation_ == "exp" else "linear"

    def _told(self, outputs: Any, facts: dict[str, Any]) -> Any:
        if facts["out_activation_"] == "exp":
            with np.errstate(over="ignore"):
                outputs = np.exp(outputs)
        return outputs[:, 0] if outputs.shape[1] == 1 else outputs

    def input_gradients(self, X: Any) -> Any:
        """d predict / d X: (rows, features), or (rows, outputs, features) where y had columns."""
        found = self._gradients(X, list)
        return found[:, 0] if found.shape[1] == 1 else found

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

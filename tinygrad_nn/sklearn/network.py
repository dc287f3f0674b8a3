"""What the two estimators share: a fit, from what scikit-learn checks to its attributes, and the outputs for rows."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.base import _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.validation import _check_sample_weight, validate_data

from ..compiler.single_precision import TOO_LARGE
from ..metrics import VALIDATION
from .first_order import Batches, Epochs, Rates, Shuffle, many_epochs, row_shapes, step_by_step
from .fitted import PRECISIONS, SPARSE, Fitted, in_layers, in_vector, initial, lent
from .parameters import WHOLE_BATCH, activation_of, check_beyond, hidden_layers
from .trainer import FAST, Trainer, trainer_of
from .whole_batch import WholeBatch, descend, whole_batch_of

LARGEST_BATCH = 200
LONG = 1_000_000  # rows times weights, above which numbers are of single precision where that is left open
OF_EPOCHS = ("loss_curve_", "best_loss_", "validation_scores_", "best_validation_score_", "_optimizer",
             "_no_improvement_count")  # fmt: skip


@dataclass(frozen=True)
class Task:
    """What a fit is given, looked at: rows that are dense or sparse, targets as numbers in columns, where it begins."""

    X: Any
    y: Any
    targets: Any
    weights: Any  # of rows, or None
    generator: Any
    loss: Any
    facts: dict[str, Any]  # the attributes that say what targets and outputs stand for
    sizes: tuple[int, ...]
    start: Any
    anew: bool
    incremental: bool


class Network(Fitted):
    """An estimator that is fitted: a kind of them says what its targets are, and which score it has."""

    _numeric = False  # whether targets are numbers
    _stratified = False  # whether the rows that are set aside have as many of two classes as the others

    def _encoded(self, y: Any, incremental: bool, anew: bool) -> tuple[Any, Any, dict[str, Any]]:
        """The loss by its name or as a function, the target of each row as numbers in columns, and the attributes that
        say what they stand for."""
        raise NotImplementedError

    def _scored(self, y: Any, predicted: Any, weights: Any) -> float:
        """The score of predictions, which `score` gives too."""
        raise NotImplementedError

    def _take(self, given: dict[str, Any]) -> None:
        """Keep the parameters that a constructor was given."""
        self.__dict__.update({name: entry for name, entry in given.items() if name not in ("self", "__class__")})

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Fit to rows X, dense or sparse, and their targets y; a row of weight 2 counts as two. Returns self."""
        return self._fit(X, y, sample_weight, False)

    def _fit(self, X: Any, y: Any, sample_weight: Any, incremental: bool) -> Any:
        check_beyond(self)
        anew = not hasattr(self, "coefs_") or not (self.warm_start or incremental)
        wanted = {"accept_sparse": SPARSE, "dtype": PRECISIONS, "multi_output": True, "y_numeric": self._numeric}
        X, y = validate_data(self, X, y, reset=anew, **wanted)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        y = y.toarray() if issparse(y) else y
        loss, targets, facts = self._encoded(y, incremental, anew)
        weights = self._weights(X, y, sample_weight, incremental)
        if weights is not None and not (kept := weights > 0.0).all():
            X, y, targets, weights = X[kept], y[kept], targets[kept], weights[kept]
        outputs = facts["n_outputs_"]
        generator = check_random_state(self.random_state)
        if anew:
            factor = 2.0 if self.activation in ("logistic", "sigmoid") else 6.0
            layers = initial((X.shape[1], *hidden_layers(self), outputs), generator, factor)
            coefs, intercepts = ([layer.astype(X.dtype) for layer in kind] for kind in layers)
        else:
            coefs, intercepts = self.coefs_, self.intercepts_
        sizes = (len(coefs[0]), *(matrix.shape[1] for matrix in coefs))
        if sizes[1:] != (*hidden_layers(self), outputs):
            raise ValueError(
                f"the network that a fit goes on from has layers of {sizes[1:]}, but hidden_layer_sizes and y ask for "
                f"{(*hidden_layers(self), outputs)}: give the same, or warm_start=False to fit anew"
            )
        start = in_vector(coefs, intercepts)
        task = Task(X, y, targets, weights, generator, loss, facts, sizes, start, anew, incremental)
        end, found = self._descended(task) if self.solver in WHOLE_BATCH else self._trained(task)
        if found["history_"].stopped == "diverged" or not np.isfinite(end).all():
            raise ValueError(
                "Solver produced non-finite parameter weights. The input data may contain large values and need to be "
                f"preprocessed. The loss was {found['loss_']} after {found['n_iter_']} epochs: scale X, by "
                "sklearn.preprocessing.StandardScaler, or take a smaller learning_rate_init"
            )
        coefs, intercepts = ([layer.astype(X.dtype) for layer in kind] for kind in in_layers(end, sizes))
        for name in OF_EPOCHS:
            self.__dict__.pop(name, None)
        self.__dict__.update(facts, coefs_=coefs, intercepts_=intercepts, n_layers_=len(sizes), **found)
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _weights(self, X: Any, y: Any, sample_weight: Any, incremental: bool) -> Any:
        """The weight of each row, or None."""
        if sample_weight is None:
            return None
        weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        with np.errstate(over="ignore"):
            total = float(weights.sum())
        if not 0.0 < total < np.inf:
            raise ValueError(f"sample_weight must have a number above 0, and a finite sum, but its sum is {total}")
        return weights

    def _trained(self, task: Task) -> tuple[Any, dict[str, Any]]:
        """The weights and the attributes after epochs of SGD or Adam."""
        task, aside = self._set_aside(replace(task, X=task.X.tocsr()) if issparse(task.X) else task)
        X, y, targets, weights, sizes = task.X, task.y, task.targets, task.weights, task.sizes
        n, dtype, size = len(y), self._dtype(X, targets, sizes), self._batch_size(len(y))
        rates = self.__dict__.get("_optimizer") if task.incremental else None
        rates = Rates(float(self.learning_rate_init)) if rates is None else rates.copy()
        epochs = Epochs(self, rates, n, task.anew)
        shapes = row_shapes(X.shape[1], targets.shape[1], weights is not None)
        batches = Batches(X, targets, weights, size, "float64", shapes)
        looks = self._looks(task, aside) if self.early_stopping or len(self.metrics) else None
        at_once = batches.alike and not (looks or task.incremental or issparse(X))
        if not at_once and dtype == "float32":
            batches = Batches(X, targets, weights, size, dtype, shapes)
        shuffle = Shuffle(task.generator, n) if self.shuffle else None
        architecture = sizes, activation_of(self), task.loss, self.solver, weights is not None, dtype
        with lent(trainer_of, Trainer, architecture) as trainer:
            self._settle(trainer.optimizer, rates)
            most = 1 if task.incremental else self.max_iter
            if at_once:
                history, best = many_epochs(trainer, batches, epochs, shuffle, task.start, most), None
            else:
                history, best = step_by_step(trainer, batches, epochs, shuffle, task.start, most, looks)
            end = trainer.weights() if best is None else best
            rates.state, rates.steps = trainer.state(), trainer.optimizer.steps
            trainer.end()
        self._warn(history, task.incremental, epochs.epochs)
        return end, {**epochs.attributes(), "history_": history}

    def _batch_size(self, n: int) -> int:
        """The rows of a batch of n rows."""
        if isinstance(self.batch_size, str):
            return min(LARGEST_BATCH, n)
        if self.batch_size > n:
            told = f"batch_size={self.batch_size} is larger than the {n} rows, which are one batch then"
            warnings.warn(told, stacklevel=6)
        return min(int(self.batch_size), n)

    def _set_aside(self, task: Task) -> tuple[Task, Task | None]:
        """The rows that are trained on, and those that are set aside, if any are."""
        if not self.early_stopping:
            return task, None
        if task.incremental:
            raise ValueError("partial_fit does not support early_stopping=True: it makes one epoch")
        strata = task.targets.astype(bool) if self._stratified and task.sizes[-1] == 1 else None
        n, fraction = len(task.y), self.validation_fraction
        places = train_test_split(np.arange(n), random_state=task.generator, test_size=fraction, stratify=strata)
        if len(places[1]) < 2:
            raise ValueError(
                f"The validation set is too small: of {n} rows, validation_fraction={fraction} sets "
                f"{len(places[1])} aside, but it takes two or more"
            )
        parts = []
        for chosen in places:
            weights = None if task.weights is None else task.weights[chosen]
            rows = replace(task, X=task.X[chosen], y=task.y[chosen], targets=task.targets[chosen], weights=weights)
            parts.append(rows)
        return parts[0], parts[1]

    def _looks(self, task: Task, aside: Task | None) -> Callable[[Any], tuple[Any, dict[str, float]]]:
        """What gives, of weights, the score of the rows that are set aside, and the metrics by their names."""

        def looks(numbers: Any) -> tuple[Any, dict[str, float]]:
            layers = in_layers(numbers, task.sizes)
            found = self._metrics(task.X, task.y, task.weights, layers, task.facts)
            if aside is None:
                return None, found
            predicted = self._told(self._forward(aside.X, *layers), task.facts)
            finite = predicted.dtype.kind != "f" or np.isfinite(predicted).all()
            score = float(self._scored(aside.y, predicted, aside.weights)) if finite else np.nan
            return score, {**found, f"{VALIDATION}score": score}

        return looks

    def _descended(self, task: Task) -> tuple[Any, dict[str, Any]]:
        """The weights and the attributes after iterations on all rows at once."""
        X, y, targets, weights, loss, sizes = task.X, task.y, task.targets, task.weights, task.loss, task.sizes
        shapes = row_shapes(X.shape[1], targets.shape[1], weights is not None)
        rows, total = Batches(X, targets, weights, len(y), "float64", shapes).rows()
        penalty = float(self.alpha) / (2.0 * total)
        architecture = sizes, activation_of(self), "squared_sum" if loss == "squared_error" else loss
        with lent(whole_batch_of, WholeBatch, (*architecture, weights is not None)) as whole:
            looks = self._looks(task, None) if len(self.metrics) else None
            end, value, why, history = descend(whole.on(rows, penalty), task.start, self, looks)
        iterations = history.epochs[-1] if history.epochs else 0
        if why:
            name, limits = ("L-BFGS", "max_iter or max_fun") if self.solver == "lbfgs" else (self.solver, "max_iter")
            warnings.warn(
                f"{name} has not converged after {iterations} iterations ({why}): let {limits} be larger, or scale X "
                "(sklearn.preprocessing.StandardScaler)",
                ConvergenceWarning,
                stacklevel=4,
            )
        if loss == "squared_error" and sizes[-1] > 1:  # which is told as a mean over the outputs
            squares = penalty * sum(float((matrix * matrix).sum()) for matrix in in_layers(end, sizes)[0])
            value = squares + (value - squares) / sizes[-1]
        t = 0 if task.anew else getattr(self, "t_", 0)
        return end, {"n_iter_": iterations, "t_": t, "loss_": value, "history_": history}

    def _dtype(self, X: Any, targets: Any, sizes: Any) -> str:
        """The precision of the steps."""
        if self.dtype != "auto":
            return str(self.dtype)
        work = X.shape[0] * sum(a * b for a, b in pairwise(sizes))
        narrow = FAST and (X.dtype == np.float32 or work > LONG)
        return "float32" if narrow and max(float(abs(X).max()), float(np.abs(targets).max())) < TOO_LARGE else "float64"

    def _settle(self, optimizer: Any, rates: Rates) -> None:
        """Give the optimizer its settings."""
        optimizer.lr = rates.learning_rate
        if self.solver == "sgd":
            optimizer.momentum, optimizer.nesterov = float(self.momentum), bool(self.nesterovs_momentum)
        else:
            optimizer.betas, optimizer.epsilon = (float(self.beta_1), float(self.beta_2)), float(self.epsilon)

    def _warn(self, history: Any, incremental: bool, epochs: int) -> None:
        """Say why a fit ended, where that is not as it should be."""
        if history.stopped == "interrupt":
            warnings.warn(f"the fit was interrupted after {epochs} epochs: it is what it was then", stacklevel=5)
        elif history.stopped == "epochs" and not incremental:
            warnings.warn(
                f"the {'loss' if not self.early_stopping else 'score'} was still getting better by more than tol after "
                f"max_iter={self.max_iter} epochs",
                ConvergenceWarning,
                stacklevel=5,
            )


def makes_epochs(estimator: Any) -> bool:
    """Whether its solver makes epochs. Raises AttributeError otherwise."""
    if (solver := estimator.solver) in WHOLE_BATCH:
        raise AttributeError(f"solver={solver!r} is of all rows at once and has no partial_fit: give 'adam' or 'sgd'")
    return True

"""Metrics: accuracy by a threshold and by shape; in fit, columns of the model after the epoch, each of a name."""

import math

import pytest
from training import BACKENDS, moons, trained

import tinygrad_nn as tn


@pytest.mark.parametrize("backend", BACKENDS)
def test_metrics_are_of_the_model_after_the_epoch(backend):
    X, Y = moons()
    history, model, _ = trained(backend, metrics=["accuracy", lambda p, t: abs(p - t), "rmse"])
    predictions = model.predict(X)
    right = sum((p > 0) == (t > 0) for p, t in zip(predictions, Y, strict=True)) / len(X)
    error = math.fsum(abs(p - t) for p, t in zip(predictions, Y, strict=True)) / len(X)
    assert history.metrics["accuracy"][-1] == right
    assert history.metrics["<lambda>"][-1] == pytest.approx(error)


def test_accuracy_by_threshold_and_by_shape():
    assert tn.metrics.accuracy([0.4, 0.6], [1, 1]) == tn.metrics.accuracy([0.4, -0.6], [1, 1], threshold=0.0) == 0.5
    assert tn.metrics.accuracy([[0.1, 0.9], [0.8, 0.7]], [[0, 1], [1, 0]]) == 0.75
    assert tn.metrics.accuracy([[1.0, 1.0, 0.0]], [0]) == 1.0


X, Y = moons(6)


def loss(prediction, target):
    return 100.0


def accuracy(prediction, target):
    return 1.0


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"metrics": loss, "validation": (X, Y)}, "loss"),
        ({"metrics": [lambda p, t: 1.0, lambda p, t: 2.0]}, "<lambda>"),
        ({"metrics": ["accuracy", accuracy]}, "accuracy"),
        ({"metrics": [accuracy], "until": (accuracy, 0.0)}, "accuracy"),
    ],
)
def test_columns_of_one_name_are_refused(options, name):
    with pytest.raises(ValueError, match=f"two columns of the history would be called '{name}'"):
        trained(data=(X, Y), **options)


def test_the_functions_of_metrics_are_those_of_their_names():
    history, _, _ = trained(metrics=[tn.metrics.root_mean_squared_error, tn.metrics.accuracy])
    named, _, _ = trained(metrics=["rmse", "accuracy"])
    assert history.metrics == named.metrics

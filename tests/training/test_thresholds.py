"""Accuracy by the loss: of the labels that the targets have, the answer is that with the smallest loss."""

import copy
import math
import pickle
import random
import warnings

import pytest
from training import BACKENDS

import tinygrad_nn as tn
from tinygrad_nn.nn.module import thresholds_of
from tinygrad_nn.training.thresholds import Answers

ONE_OUTPUT = ["squared_error", "absolute_error", "huber", "hinge", "binary_cross_entropy_with_logits"]
X, Y = tn.data.moons(30, noise=0.3, rng=random.Random(4))


def wrapped(name):
    """The loss in a function of one's own."""
    loss = getattr(tn.losses, name)
    return lambda prediction, target: 1.0 * loss(prediction, target)


def trained(loss, targets, backend="python", outputs=1, last="linear", data=None, epochs=4, **options):
    rows = X if data is None else data
    model = tn.MLP(len(rows[0]), [5, outputs], "tanh", last, rng=random.Random(0))
    history = tn.fit(
        model, rows, targets, loss, tn.SGD(model.parameters(), lr=0.1), epochs=epochs, metrics="accuracy",
        rng=random.Random(2), progress=False, backend=backend, **options,
    )  # fmt: skip
    return model, history.metrics["accuracy"][-1]


def by_definition(model, rows, targets, loss, labels):
    """The share of rows of whose labels the target has the smallest loss, the first of a tie."""
    right = 0
    for row, target in zip(rows, targets, strict=True):
        prediction = model(row)
        losses = [tn.losses.named(loss)(prediction, label).data for label in labels]
        right += labels[losses.index(min(losses))] == target
    return right / len(rows)


@pytest.mark.filterwarnings("ignore::tinygrad_nn.LintWarning")
@pytest.mark.parametrize(
    ("labels", "backend"), [((0, 1), "eager"), ((1, 2), "eager"), *(((-1, 1), backend) for backend in BACKENDS)]
)
def test_of_one_output_by_every_loss_alone_and_wrapped(labels, backend):
    for name in ONE_OUTPUT:
        last = "tanh" if name != "binary_cross_entropy_with_logits" else "linear"
        targets = [float(labels[y]) for y in Y]
        model, share = trained(name, targets, backend, last=last, epochs=2)
        assert share == by_definition(model, X, targets, name, labels)
        assert trained(wrapped(name), targets, backend, last=last, epochs=2)[1] == share
    assert trained(name, [[t] for t in targets], backend, last=last, epochs=2)[1] == share


@pytest.mark.parametrize("backend", BACKENDS)
def test_of_probabilities(backend):
    model, share = trained("binary_cross_entropy", Y, backend, last="sigmoid")
    assert share == by_definition(model, X, Y, "binary_cross_entropy", (0, 1))
    assert trained(wrapped("binary_cross_entropy"), Y, backend, last="sigmoid")[1] == share


@pytest.mark.parametrize("loss", ["squared_error", wrapped("squared_error")])
def test_signs_by_squared_error_are_told_by_the_sign(loss):
    """Labels of +1 and -1 with a tanh: counted by a threshold of 0.5, the upper class is missed in between."""
    signs = [2 * y - 1 for y in Y]
    model, share = trained(loss, signs, last="tanh", epochs=30)
    assert share == sum((p > 0) == (t > 0) for p, t in zip(model.predict(X), signs, strict=True)) / len(X)
    assert share != tn.metrics.accuracy(model.predict(X), signs)
    assert share == sum(c == y for c, y in zip(model.predict_classes(X), Y, strict=True)) / len(X)


@pytest.mark.parametrize("backend", BACKENDS)
def test_of_more_labels_than_two_the_nearest(backend):
    targets = [float(k % 5) for k in range(len(X))]
    for name in ("squared_error", "absolute_error")[: 1 + (backend != "llvm")]:
        model, share = trained(name, targets, backend)
        assert share == by_definition(model, X, targets, name, [0.0, 1.0, 2.0, 3.0, 4.0])
        assert trained(wrapped(name), targets, backend)[1] == share
    with pytest.raises(ValueError, match="needs a threshold"):
        model.predict_classes(X)


@pytest.mark.parametrize("backend", BACKENDS)
def test_of_classes_the_index_of_the_largest(backend):
    rows, classes = tn.data.spirals(30, rng=random.Random(1))
    model, share = trained("cross_entropy", classes, backend, outputs=3, data=rows)
    assert share == sum(c == y for c, y in zip(model.predict_classes(rows), classes, strict=True)) / 30
    assert trained(wrapped("cross_entropy"), classes, backend, outputs=3, data=rows)[1] == share
    weights = {0: 1.0, 1: 1.0}  # of two classes that there are, of three that there could be
    seen = [min(y, 1) for y in classes]
    assert trained(wrapped("cross_entropy"), seen, backend, outputs=3, data=rows)[1] == pytest.approx(
        trained("cross_entropy", seen, backend, outputs=3, data=rows)[1]
    )
    with pytest.raises(ValueError, match=r"accuracy asks the loss how well each label fits, but of .* raised KeyError"):
        trained(lambda p, t: weights[t], seen, "eager", outputs=3, data=rows)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ["squared_error", "binary_cross_entropy"])
def test_of_a_list_of_targets_each_is_an_answer(name, backend):
    rows, targets = tn.data.half_adder()
    model, share = trained(name, targets, backend, outputs=2, last="sigmoid", data=rows, epochs=40)
    answers = [(o > 0.5) == (t > 0.5) for p, ts in zip(model.predict(rows), targets) for o, t in zip(p, ts)]  # noqa: B905
    assert share == sum(answers) / 8
    other, again = trained(wrapped(name), targets, backend, outputs=2, last="sigmoid", data=rows, epochs=40)
    assert (again, thresholds_of(other, 2, rows[0])) == (share, [0.5, 0.5])
    assert model.predict_classes(rows) == [[int(o > 0.5) for o in p] for p in model.predict(rows)]


def cross_entropy_of_lists(prediction, target):
    return -tn.dot(target, tn.log_softmax(prediction))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("loss", ["squared_error", wrapped("squared_error"), cross_entropy_of_lists])
def test_of_lists_with_one_up_the_largest(loss, backend):
    rows, classes = tn.data.spirals(30, rng=random.Random(1))
    targets = [[float(k == y) for k in range(3)] for y in classes]
    model, share = trained(loss, targets, backend, outputs=3, data=rows)
    assert share == sum(c == y for c, y in zip(model.predict_classes(rows), classes, strict=True)) / 30


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_loss_of_lists_and_branches_is_asked_as_training_asks_it(backend):
    """Methods of Values, branches on the target and a threshold of its own: of weighted likelihoods it is not 0.5."""

    def weighted(prediction, target):
        (p,), (t,) = prediction, target
        return -4.0 * p.log() if t > 0.5 else -(1.0 - p).log()

    class Listed(tn.MLP):
        def __call__(self, row):
            return [super().__call__(row)]

    model = Listed(2, [5, 1], "tanh", "sigmoid", rng=random.Random(0))
    history = tn.fit(
        model, X, [[float(y)] for y in Y], weighted, tn.SGD(model.parameters(), lr=0.05), epochs=6, metrics="accuracy",
        rng=random.Random(2), progress=False, backend=backend,
    )  # fmt: skip
    cut = next(k / 10_000 for k in range(10_000) if (k / 10_000) ** 4 > 1.0 - k / 10_000)
    share = sum((p > cut) == (y == 1) for (p,), y in zip(model.predict(X), Y, strict=True)) / len(X)
    assert history.metrics["accuracy"][-1] == share


def test_a_threshold_is_left_on_the_model():
    def weighted(p, t):
        return -4.0 * t * tn.log(p) - (1.0 - t) * tn.log(1.0 - p)

    root = next(k / 1e6 for k in range(700_000, 10**6) if (k / 1e6) ** 4 > 1.0 - k / 1e6)
    signs = [2 * y - 1 for y in Y]
    for loss, targets, last, cut in [
        ("hinge", signs, "linear", 0.0), ("squared_error", Y, "linear", 0.5), ("huber", signs, "linear", 0.0),
        ("squared_error", [y + 1 for y in Y], "linear", 1.5), (wrapped("hinge"), signs, "linear", 0.0),
        (wrapped("binary_cross_entropy_with_logits"), Y, "linear", 0.0), (weighted, Y, "sigmoid", root),
        (wrapped("squared_error"), Y, "linear", 0.5), ("squared_error", Y, "tanh", 0.5),
    ]:  # fmt: skip
        model, share = trained(loss, targets, last=last)
        (found,) = thresholds_of(model, 1, X[0]) or ()
        assert found == pytest.approx(cut, abs=2e-6)
        classes = model.predict_classes(X)
        assert sum(c == y for c, y in zip(classes, Y, strict=True)) / len(X) == share
        for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
            assert twin.predict_classes(X) == classes
    assert model.predict_classes(X, threshold=-2.0) == [1] * len(X)


def test_without_fit_the_last_operation_says_it():
    class Line(tn.Module):
        def __init__(self, end):
            self.slope, self.end = tn.Value(2.0), end

        def __call__(self, row):
            return self.end(self.slope * row[0])

    for end, cut in ((tn.sigmoid, 0.5), (tn.tanh, 0.0)):
        model, rows = Line(end), [[-1.0], [0.1], [3.0]]
        expected = [int(p > cut) for p in model.predict(rows)]
        assert model.predict_classes(rows) == expected
        with tn.no_grad():
            assert model.predict_classes(rows) == expected
    for unsure in (Line(abs), tn.MLP(1, [1]), tn.MLP(1, [1], output_activation="relu")):
        with pytest.raises(ValueError, match=r"the one output of this \w+ needs a threshold .* threshold=0"):
            unsure.predict_classes([[1.0]])
    assert tn.MLP(1, [1]).predict_classes([]) == []


def test_a_loss_is_asked_for_a_threshold_when_one_is_wanted():
    """What a loss counts or draws is not disturbed by fit."""
    calls = []

    def counting(prediction, target):
        calls.append(target)
        return (prediction - target) ** 2

    model = tn.MLP(2, [1], rng=random.Random(0))
    optimizer = tn.SGD(model.parameters(), lr=0.1)
    tn.fit(model, X, Y, lambda p, t: counting(p, t), optimizer, epochs=2, progress=False, backend="eager")
    made = len(calls)
    classes = model.predict_classes(X)
    assert made <= 4 * len(X) < 160 < len(calls) - made
    assert pickle.loads(pickle.dumps(model)).predict_classes(X) == classes
    assert model.predict_classes(X) == classes == [int(p > 0.5) for p in model.predict(X)]


def test_what_failed_leaves_no_threshold():
    model = tn.MLP(2, [1], rng=random.Random(0))

    def fail(history):
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        tn.fit(model, X, Y, "squared_error", tn.SGD(model.parameters(), lr=0.1), callbacks=fail, progress=False)
    assert model._learned is None


@pytest.mark.parametrize("backend", BACKENDS)
def test_validation_has_the_labels_of_all_rows(backend):
    """Rows of one class alone are not all right."""
    ones = [x for x, y in zip(X, Y, strict=True) if y], [1.0] * sum(Y)
    model = tn.MLP(2, [1], "tanh", rng=random.Random(0))
    history = tn.fit(
        model, X, Y, wrapped("squared_error"), tn.SGD(model.parameters(), lr=1e-9), epochs=1, metrics="accuracy",
        validation=ones, progress=False, backend=backend,
    )  # fmt: skip
    share = sum(p > 0.5 for p in model.predict(ones[0])) / len(ones[0])
    assert history.metrics["validation accuracy"] == [share]
    assert share < 1.0


def test_nan_is_no_answer_and_a_tie_is_the_first():
    for loss in (tn.losses.squared_error, lambda p, t: (p - t) ** 2):
        answers = Answers(loss, [[0.0], [1.0]])
        assert answers.right([math.nan], [0.0], iter([math.nan, math.nan])) == [False]
        assert answers.right([0.5], [0.0], iter([0.25, 0.25])) == [True]
        assert answers.right([0.5], [1.0], iter([0.25, 0.25])) == [False]
        assert answers.right([math.inf], [1.0], iter([math.inf, math.inf])) == [loss is tn.losses.squared_error]
    answers = Answers(tn.losses.cross_entropy, [[0.0], [2.0]])
    assert answers.right([1.0, 1.0, 1.0], [0.0], iter([])) == [True]
    assert answers.right([math.nan, 1.0, 2.0], [2.0], iter([])) == [False]


@pytest.mark.parametrize(
    ("loss", "targets", "outputs", "words"),
    [
        ("squared_error", [k / 7 for k in range(200)], 1, "targets are 200 different numbers: take 'mae' or 'rmse'"),
        (wrapped("squared_error"), [k / 7 for k in range(200)], 1, "accuracy is the share of right classes"),
        (lambda p, t: t[1] * (p - t[0]) ** 2, [[1.0, 2.0]] * 200, 1, "a row has 1 outputs and 2 targets"),
        (
            wrapped("squared_error"),
            [[float(k % 50 == j) + (k % 3) for j in range(400)] for k in range(200)], 400,
            r"accuracy would ask this loss 1,\d+ times for each row",
        ),
    ],
)  # fmt: skip
def test_targets_that_are_no_classes_are_told_before_the_run(loss, targets, outputs, words):
    rows = [[k / 100.0] for k in range(200)]
    model = tn.MLP(1, [outputs], rng=random.Random(0))
    before = model.state_dict()
    with pytest.raises(ValueError, match=words):
        tn.fit(
            model, rows, targets, loss, tn.SGD(model.parameters(), lr=0.1), metrics="accuracy", progress=False,
            backend="eager",
        )  # fmt: skip
    assert model.state_dict() == before


@pytest.mark.parametrize("labels", [(0.0, 10.0), (-300.0, 500.0), (1e6, 1e6 + 2), (1.0, 2.0), (-0.25, -0.125)])
@pytest.mark.parametrize("activation", ["linear", "tanh", "sigmoid"])
def test_classes_of_a_wrapped_loss_are_by_the_nearest_label_wherever_labels_are(labels, activation):
    model = tn.MLP(1, [1], "tanh", activation, rng=random.Random(1))
    X, Y = [[-1.0], [1.0]], list(labels)
    for loss in (lambda p, y: tn.losses.squared_error(p, y), lambda p, y: 3.0 * tn.losses.absolute_error(p, y)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", tn.LintWarning)  # targets out of range
            tn.fit(model, X, Y, loss, tn.SGD(model.parameters(), 0.0), 1, progress=False, backend="python")
        nearest = [min((0, 1), key=lambda k: abs(labels[k] - prediction)) for prediction in model.predict(X)]
        assert model.predict_classes(X) == nearest

"""The residuals of all rows and their Jacobian: those of the recorded graph, on every back end."""

import gc
import random
import weakref

import pytest
from shared import needed
from training import l2

import tinygrad_nn as tn
from tinygrad_nn.compiler.target import Target
from tinygrad_nn.training.at_weights.objective import Objective
from tinygrad_nn.training.at_weights.residuals import Residuals
from tinygrad_nn.training.steps.rows import rows_of

np = pytest.importorskip("numpy")
BACKENDS = ["llvm", "array", "python"]


def data(outputs, rows=21):
    rng = random.Random(3)
    X = [[rng.gauss(0.0, 1.0) for _ in range(3)] for _ in range(rows)]
    return X, [[x[k] * x[0] for k in range(outputs)] if outputs > 1 else x[0] * x[1] for x in X]


def both(model, rows, loss="squared_error", regularizer=None, backend="array", parameters=None):
    """The objective and its residuals."""
    parameters = model.parameters() if parameters is None else parameters
    objective = Objective(model, loss, parameters, rows_of(*rows), regularizer)
    return objective, Residuals(objective.step.recipe, objective.rows, Target(needed(backend)))


def apart(residuals, weights):
    """The residuals and their Jacobian."""
    found = residuals.at(weights)
    return found[:, 0], found[:, 1:]


def check(objective, residuals, weights):
    """r . r is the value, and twice J'r its gradient."""
    found, slopes = apart(residuals, weights)
    value, gradient = objective.value_and_gradient(weights)
    assert slopes.shape == (len(found), len(weights))
    assert found @ found == pytest.approx(value, rel=1e-11)
    assert 2.0 * slopes.T @ found == pytest.approx(gradient, rel=1e-8, abs=1e-11)
    return found, slopes


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("regularizer", [None, l2], ids=["bare", "regularized"])
@pytest.mark.parametrize("outputs", [1, 2, 3])
def test_they_are_those_of_the_loss_and_its_gradient(backend, regularizer, outputs):
    rng = np.random.default_rng(0)
    for seed in (1, 2):  # the second of a structure that is known
        model = tn.MLP(3, [4, outputs], "tanh", rng=random.Random(seed))
        objective, residuals = both(model, data(outputs), regularizer=regularizer, backend=backend)
        for weights in (objective.weights(), rng.normal(size=len(model.parameters()))):
            found, _ = check(objective, residuals, weights)
        assert len(found) == 21 * outputs + (len(weights) if regularizer else 0)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_jacobian_is_the_difference_of_residuals(backend):
    model = tn.MLP(3, [3, 2], "sigmoid", rng=random.Random(4))
    objective, residuals = both(model, data(2), backend=backend)
    weights = objective.weights()
    _, slopes = apart(residuals, weights)
    for k in range(len(weights)):
        step = np.zeros(len(weights))
        step[k] = 1e-6
        difference = (residuals.at(weights + step)[:, 0] - residuals.at(weights - step)[:, 0]) / 2e-6
        assert slopes[:, k] == pytest.approx(difference, rel=1e-6, abs=1e-9)


class Curve(tn.Module):
    """A decaying exponential, of which one parameter is not trained, in a branch by the data."""

    def __init__(self):
        self.scale, self.rate, self.shift = tn.Value(2.0), tn.Value(0.7), tn.Value(0.1)

    def __call__(self, x):
        decay = self.scale * tn.exp(-self.rate * x)
        return decay + self.shift if x > 1.0 else decay


@pytest.mark.parametrize("backend", BACKENDS)
def test_modules_with_branches_weights_of_rows_and_values_that_are_only_read(backend):
    curve, sigma = Curve(), tn.Value(0.5)
    X, Y = [0.1 * k for k in range(12)], [[1.0 / (1.0 + 0.1 * k), 1.0 + k % 3] for k in range(12)]

    def loss(prediction, target):
        return target[1] * ((prediction - target[0]) / sigma) ** 2

    objective, residuals = both(curve, (X, Y), loss, None, backend, [curve.scale, curve.rate])
    weights = np.array([1.5, 0.4])
    before, _ = check(objective, residuals, weights)
    sigma.data, curve.shift.data = 0.25, -0.3  # which are read anew
    after, _ = check(objective, residuals, weights)
    assert after[:10] == pytest.approx(2.0 * before[:10])


@pytest.mark.parametrize("backend", BACKENDS)
def test_rows_may_be_sequences(backend):
    slope, shift = tn.Value(0.5), tn.Value(-0.25)
    X, Y = [[1.0], [1.0, 2.0], [3.0, -1.0, 0.5], [2.0, 2.0]], [1.0, 2.0, 0.0, 3.0]
    objective, residuals = both(
        lambda xs: slope * tn.sum(xs) + shift, (X, Y), backend=backend, parameters=[slope, shift]
    )
    check(objective, residuals, np.array([0.3, 0.6]))


def test_what_functions_read_is_looked_at_when_that_is_asked_for():
    model, settings = tn.MLP(3, [2, 1], "tanh", rng=random.Random(1)), {"factor": 1.0}
    objective, residuals = both(model, data(1), lambda p, t: settings["factor"] * (p - t) ** 2)
    weights = objective.weights()
    before, _ = apart(residuals, weights)
    settings["factor"] = 4.0
    residuals.look()
    after, _ = check(objective, residuals, weights)
    assert after == pytest.approx(2.0 * before)


def test_a_negative_factor_and_squares_that_come_and_go_are_refused():
    model = tn.MLP(3, [1], rng=random.Random(1))
    X, Y = data(1)
    _, residuals = both(model, (X, [[y, -1.0] for y in Y]), lambda p, t: t[1] * (p - t[0]) ** 2)
    with pytest.raises(ValueError, match="a factor of a square is negative"):
        residuals.at(np.ones(4))

    def loss(prediction, target):
        return (prediction - target) ** 2 if target > 0.0 else (prediction - target) ** 2 + prediction**2

    _, residuals = both(model, (X, Y), loss)
    with pytest.raises(ValueError, match="rows have 1 and 2 squares; write as many for each"):
        residuals.at(np.ones(4))


def test_matrices_that_are_too_large_are_refused(monkeypatch):
    monkeypatch.setattr("tinygrad_nn.training.at_weights.residuals.MOST_OF_A_MATRIX", 80)
    with pytest.raises(ValueError, match="of 21 rows and 4 parameters its matrices would have 84 numbers; take method"):
        both(tn.MLP(3, [1], rng=random.Random(1)), data(1))


@pytest.mark.parametrize("seed", range(12))
def test_random_sums_of_squares_are_taken_apart(seed):
    """Nested sums, means and dots of squares with factors of data, whose roots are what a model gives."""

    def loss(prediction, target):
        rng = random.Random(seed)

        def root():
            return rng.choice(prediction) * rng.choice([1.0, rng.choice(target)]) - rng.choice(target)

        def sum_of(depth):
            kind = rng.randrange(6 if depth else 2)
            if kind == 0:
                return root() ** 2
            if kind == 1:
                roots = [root() for _ in range(rng.randint(1, 3))]
                return tn.dot(roots, roots)
            if kind == 2:
                return sum_of(depth - 1) + sum_of(depth - 1)
            if kind == 3:
                return (0.5 + target[0] ** 2) * sum_of(depth - 1)
            if kind == 4:
                return sum_of(depth - 1) / (1.0 + target[1] ** 2)
            return tn.mean([sum_of(depth - 1), root() ** 2, tn.losses.squared_error(prediction, target)])

        return sum_of(3)

    model = tn.MLP(3, [3, 2], "tanh", rng=random.Random(seed))
    objective, residuals = both(model, data(2, rows=9), loss, l2 if seed % 2 else None)
    check(objective, residuals, objective.weights())


@pytest.mark.parametrize("backend", BACKENDS)
def test_branches_are_those_of_the_weights_that_are_asked_for(backend):
    """Which a row takes other ones at than where the model stands, whose numbers the first trace had."""
    w, b = tn.Value(1.0), tn.Value(0.0)

    def model(x):
        h = w * x + b
        return h if h > 0.0 else 0.1 * h

    X = [0.1 * k for k in range(-9, 10)]
    objective, residuals = both(model, (X, [abs(x) for x in X]), backend=backend, parameters=[w, b])
    for weights in ([1.0, 0.0], [-1.0, 0.05], [0.3, -4.0], [2.0, 5.0]):
        residuals.at(np.array(weights))
        check(objective, residuals, np.array(weights))


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_branch_by_a_weight_alone(backend):
    w = tn.Value(1.0)
    _, residuals = both(lambda x: w * x if w > 0.5 else w * w * x, ([1.0], [0.0]), backend=backend, parameters=[w])
    assert [residuals.at(np.array([number]))[0, 0] for number in (2.0, 0.25, 3.0)] == [2.0, 0.0625, 3.0]


def test_without_llvmlite_rows_are_those_of_numpy():
    model = tn.MLP(3, [2, 1], "tanh", rng=random.Random(1))
    objective = Objective(model, "squared_error", model.parameters(), rows_of(*data(1)))
    residuals = Residuals(objective.step.recipe, objective.rows, Target("python", auto=True))
    assert residuals.backend == "array"
    check(objective, residuals, objective.weights())


@pytest.mark.parametrize("weighted", [False, True], ids=["alike", "weighted"])
def test_what_is_of_a_known_structure_is_compiled_once_and_reads_its_own_values(weighted):
    """With the estimators' loss and squared weights, whose factor is a Value that is not trained."""
    pytest.importorskip("sklearn")
    from tinygrad_nn.sklearn.trainer import RowLoss, SquaredWeights
    from tinygrad_nn.training.at_weights.residuals import PATHS

    X, Y = data(2)
    Y = [[*y, 0.1 + 0.1 * k] for k, y in enumerate(Y)] if weighted else Y
    for seed in range(3):
        model, factor = tn.MLP(3, [4, 2], "tanh", rng=random.Random(seed)), tn.Value(0.1 * seed)
        loss = RowLoss("squared_sum", 2, weighted)
        objective, residuals = both(model, (X, Y), loss, SquaredWeights(factor))
        for number in (factor.data, 3.0):
            factor.data = number
            check(objective, residuals, objective.weights())
        assert len(PATHS) == 2  # of the loss and of the regularizer


class Decay(tn.Module):
    """a exp(-rate x) + b, of which `offset` is not trained."""

    def __init__(self, rng, rate=1.0, shape=tn.exp):
        self.a, self.b = tn.Value(rng.random()), tn.Value(rng.random())
        self.offset, self.rate, self.shape = tn.Value(rng.random(), label="up"), rate, shape

    def __call__(self, xs):
        return self.a * self.shape(-self.rate * xs[0]) + self.b + self.offset


class Telling(Decay):
    """One whose path follows from the number of a Value, or from its label."""

    def __call__(self, xs):
        return self.a * xs[0] + (self.b if self.offset.label == "up" and self.offset.data < 0.5 else 2.0 * self.b)


class Branching(Decay):
    def __call__(self, xs):
        return self.a * xs[0] if xs[0] > 0.0 else self.b - self.a


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kind", [Decay, Telling, Branching])
def test_a_module_of_ones_own_is_remembered_and_reads_its_own_values(kind, backend):
    """Each as if there had been none before it."""
    from tinygrad_nn.training.at_weights.residuals import PATHS

    rng, rows = random.Random(1), data(1)
    models = [kind(rng) for _ in range(6)]
    for k, model in enumerate(models):
        model.offset.data = 0.1 + 0.15 * k
        model.offset.label = "up" if k % 3 else "down"
    models += [kind(rng, rate=2.0), kind(rng, shape=tn.sin), kind(rng, rate=2.0)]
    found = []
    for model in models:
        objective, residuals = both(model, rows, backend=backend, parameters=[model.a, model.b])
        check(objective, residuals, np.array([0.3, 0.7]))
        found.append(residuals.at(np.array([0.3, 0.7])))
        model.offset.data, was = 0.6, model.offset.data
        residuals.look()
        check(objective, residuals, np.array([0.3, 0.7]))
        model.offset.data = was
    assert len(PATHS) == (3 if kind is Decay and backend != "python" else 0)
    for model, before in zip(models, found, strict=True):
        PATHS.clear()
        _, residuals = both(model, rows, backend=backend, parameters=[model.a, model.b])
        assert residuals.at(np.array([0.3, 0.7])).tolist() == before.tolist()


def test_what_changes_around_a_remembered_module_is_seen(monkeypatch):
    """Its class, what it captures, the loss and the regularizer."""
    rows, rate = data(1), [1.0]

    def model_of(numbers):
        a, b = map(tn.Value, numbers)
        return [a, b], lambda xs: a * tn.exp(-rate[0] * xs[0]) + b

    def agrees(loss="squared_error", regularizer=None):
        for numbers in ([1.0, 2.0], [3.0, 4.0]):
            parameters, model = model_of(numbers)
            objective, residuals = both(model, rows, loss, regularizer, parameters=parameters)
            check(objective, residuals, np.array([0.5, 1.5]))

    agrees()
    rate[0] = 2.0
    agrees()
    rate[0] = 1.0
    agrees()
    for factor in (0.1, 0.2):
        agrees(lambda p, t, factor=factor: factor * (p - t) ** 2)
    monkeypatch.setattr(tn, "exp", tn.sin)
    agrees()
    for forward in (Decay.__call__, lambda self, xs: self.a * xs[1] + self.b):
        monkeypatch.setattr(Decay, "__call__", forward)
        decay = Decay(random.Random(2))
        objective, residuals = both(decay, rows, parameters=[decay.a, decay.b])
        check(objective, residuals, np.array([0.5, 1.5]))


def test_what_is_remembered_holds_no_object_of_the_users():
    from tinygrad_nn.training.at_weights.residuals import PATHS

    def gone():
        model = Decay(random.Random(1))
        X, Y = data(1)
        tn.minimize(model, X, Y, "squared_error", "lm", 3, parameters=[model.a, model.b], progress=False)
        return weakref.ref(model)

    found = gone()
    gc.collect()
    assert len(PATHS) == 1
    assert found() is None

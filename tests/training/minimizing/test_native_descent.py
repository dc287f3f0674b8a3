"""L-BFGS in machine code is L-BFGS: the losses of both, whatever is refused on the way, in one call or in many."""

import gc
import random
import weakref

import pytest

import tinygrad_nn as tn
from tinygrad_nn.training.at_weights.objective import Objective
from tinygrad_nn.training.steps.rows import rows_of

np = pytest.importorskip("numpy")
pytest.importorskip("llvmlite")

from tinygrad_nn.training.minimizing.limited_memory import LimitedMemory, Limits  # noqa: E402
from tinygrad_nn.training.minimizing.native_descent import NativeDescent, descent_of  # noqa: E402

CASES = [([3], "tanh", "squared_error", 11), ([8, 5], "sigmoid", "squared_error", 40), ([4], "relu", "huber", 25),
         ([], "linear", "squared_error", 30), ([17], "gelu", "squared_error", 9)]  # fmt: skip


def objective(sizes, activation, loss, rows, backend="auto", seed=0):
    rng = random.Random(seed)
    model = tn.MLP(2, [*sizes, 1], activation, init="normal", rng=rng)
    X = [[rng.gauss(0.0, 1.0), rng.gauss(0.0, 1.0)] for _ in range(rows)]
    Y = [3.0 * x * y + rng.gauss(0.0, 0.5) for x, y in X]
    squares = lambda model: 0.01 * tn.dot(model.parameters(), model.parameters())  # noqa: E731
    return Objective(model, tn.losses.named(loss), model.parameters(), rows_of(X, Y, model), squares)


def gone(objective, alone, epochs=40, at_once=1000, limits=(10000, 1e-6, 1e-12)):
    descent, start, found = descent_of(objective, alone), objective.weights(), []
    descent.x[: len(start)] = start
    why = descent.go(Limits(epochs, *limits), at_once, lambda losses, x: found.extend(losses))
    objective.put(start)
    return descent, found, why


@pytest.mark.parametrize("case", CASES)
def test_losses_are_those_of_the_other(case, monkeypatch):
    refused, ahead = [], NativeDescent.ahead

    def counted(self, most, limits):
        losses = ahead(self, most, limits)
        refused.append(self.refused is not None)
        return losses

    monkeypatch.setattr(NativeDescent, "ahead", counted)
    native, found, why = gone(objective(*case), alone=True)
    plain, wanted, because = gone(objective(*case), alone=False)
    assert (type(native), type(plain)) == (NativeDescent, LimitedMemory)
    assert found[:15] == pytest.approx(wanted[:15], rel=1e-7)
    assert found[-1] == pytest.approx(wanted[-1], rel=1e-3)
    assert found == sorted(found, reverse=True)
    if len(found) == len(wanted) < 15:
        assert (why, native.evaluations) == (because, plain.evaluations)
    assert any(refused) or not case[0]  # else what is put back is not looked at


@pytest.mark.parametrize("case", CASES)
def test_many_in_one_call_are_as_many_calls_to_the_bit(case):
    at_once, one_by_one = (gone(objective(*case), True, at_once=count) for count in (1000, 1))
    assert at_once[1:] == one_by_one[1:]
    assert at_once[0].x.tolist() == one_by_one[0].x.tolist()
    assert at_once[0].evaluations == one_by_one[0].evaluations


@pytest.mark.parametrize("limits", [(9, 1e-6, 0.0), (10000, 0.3, 0.0), (10000, 1e-9, 1e-2)])
def test_each_limit_ends_both_alike(limits):
    ends = [gone(objective([5], "tanh", "squared_error", 20), alone, limits=limits) for alone in (True, False)]
    (native, found, why), (plain, wanted, because) = ends
    assert (len(found), why, native.evaluations) == (len(wanted), because, plain.evaluations)
    assert found == pytest.approx(wanted, rel=1e-9)


def test_the_numbers_are_the_models_after_it():
    """Steps in machine code and Values look at the same numbers, so that what follows begins there."""
    of = objective([4], "tanh", "squared_error", 12)
    descent = descent_of(of, True)
    descent.x[: len(of.parameters)] = of.weights()
    descent.go(Limits(9, 1000, 1e-6, 0.0), 1000, lambda losses, x: None)
    assert [p.data for p in of.parameters] == descent.x[: len(of.parameters)].tolist()
    value, gradient = of.value_and_gradient(of.weights())
    assert value == descent.value
    assert gradient.tolist() == descent.gradient[: len(gradient)].tolist()


def test_where_somebody_looks_or_rows_take_several_paths_it_is_the_other():
    assert type(descent_of(objective([3], "tanh", "squared_error", 5), False)) is LimitedMemory
    w = tn.Value(0.3)
    model = lambda x: w * x if x > 0.0 else -w * x  # noqa: E731
    branching = Objective(model, tn.losses.squared_error, [w], rows_of([1.0, -1.0], [2.0, 2.0], model))
    assert type(descent_of(branching, True)) is LimitedMemory


@pytest.mark.parametrize("alone", [True, False])
def test_a_descent_is_gone_with_the_last_who_has_it(alone):
    """As it has rows, which may be many: there is no cycle that the collector would have to find."""
    gc.disable()
    try:
        descent = gone(objective([3], "tanh", "squared_error", 9), alone)[0]
        alive = weakref.ref(descent)
        del descent
        assert alive() is None
    finally:
        gc.enable()


def scipys(of):
    """The losses of SciPy's epochs."""
    wanted = []

    def callback(intermediate_result):  # which SciPy knows by this name
        wanted.append(intermediate_result.fun)

    minimize = pytest.importorskip("scipy.optimize").minimize
    options = {"maxiter": 60, "gtol": 1e-6, "ftol": 1e-10}
    minimize(of.value_and_gradient, of.weights(), jac=True, method="L-BFGS-B", options=options, callback=callback)
    return wanted


@pytest.mark.slow
def test_random_networks_go_the_way_of_scipys():
    """Sixty: their first losses in machine code, in NumPy, and by SciPy on the same loss, and where they end."""
    for seed in range(60):
        rng = random.Random(seed)
        sizes = [rng.randint(1, 20) for _ in range(rng.randint(0, 2))]
        activation, rows = rng.choice(["tanh", "relu", "sigmoid", "gelu"]), rng.choice([1, 2, 8, 9, 40, 130])
        of = objective(sizes, activation, rng.choice(["squared_error", "huber"]), rows, seed=seed)
        found = [gone(of, alone, 60, rng.choice([1, 7, 1000]), (2000, 1e-6, 1e-10))[1] for alone in (True, False)]
        wanted = scipys(of)
        for losses in found:
            assert losses[:10] == pytest.approx(wanted[:10], rel=1e-7), seed
            assert losses[-1:] == pytest.approx(wanted[-1:], rel=0.05, abs=1e-3), seed

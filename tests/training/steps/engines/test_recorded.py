"""Steps on the recorded graph: what no compiled step can hold is trained there, with one warning."""

import random
import time

import pytest
from training import Line, a_dropout

import tinygrad_nn as tn
from tinygrad_nn.compiler.surroundings.traced_in import SurroundingsError

X, Y = [[1.0], [2.0]], [1.0, 3.0]


def a_counter():
    n = 0

    def loss(p, t):
        nonlocal n
        n += 1
        return (p - t) ** 2 * n

    return Line(), loss, None, "changes n"


def a_penalty_by_data():
    return Line(), "squared_error", lambda model: sum(p * p.data for p in model.parameters()), r"reads \.data of"


def a_clock():
    return Line(), lambda p, t: (p - t) ** 2 * (time.time() > 0.0), None, r"time\(\)"


def a_step_count():
    class Warm(Line):
        def __call__(self, row):
            return super().__call__(row) * (1.0 + self.optimizer.steps)

    return Warm(), "squared_error", None, r"optimizer\.\w+, which answers anew each time, so"


@pytest.mark.parametrize("batch_size", [1, 2])
@pytest.mark.parametrize("make", [a_dropout, a_counter, a_penalty_by_data, a_clock, a_step_count])
def test_what_no_step_can_hold_is_trained_on_the_recorded_graph_with_one_warning(make, batch_size):
    def run(backend):
        model, loss, regularizer, _ = make()
        optimizer = model.optimizer = tn.SGD(model.parameters(), lr=0.01)
        random.seed(4)
        return tn.fit(
            model, X, Y, loss, optimizer, 4, batch_size, True, random.Random(1), regularizer, progress=False,
            backend=backend,
        ).losses + [random.random()]  # fmt: skip

    why = make()[-1]
    with pytest.warns(RuntimeWarning, match=why) as caught:
        found = run("auto")
    assert len(caught) == 1
    assert found == run("eager")
    with pytest.raises(SurroundingsError, match=why):
        run("python")


def test_a_run_that_begins_compiled_goes_on_recorded_where_its_model_begins_to_draw():
    class Model(Line):
        noise = 0.0

        def __call__(self, row):
            noise = random.random() * self.noise if self.noise else 0.0
            return super().__call__(row) + noise

    def run(backend):
        model = Model()
        random.seed(4)

        def callback(history):
            model.noise = 0.1 if history.epochs[-1] > 2 else 0.0

        optimizer = tn.SGD(model.parameters(), lr=0.01)
        return tn.fit(
            model, X, Y, "squared_error", optimizer, 6, 1, True, random.Random(1), callbacks=callback, progress=False,
            backend=backend,
        ).losses  # fmt: skip

    with pytest.warns(RuntimeWarning, match="draws random numbers"):
        found = run("auto")
    assert found == pytest.approx(run("eager"), rel=1e-12)

"""Modules of one's own predict many rows by their program: the same numbers, and nothing that they do is lost.

A twin that is never compiled, row after row on the recorded graph, says what is right.
"""

import copy
import functools
import gc
import itertools
import json
import logging
import math
import pickle
import random
import sys
import threading
import weakref
from typing import Any

import pytest
from shared import needed

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.compiler.backends.spellings import UnspelledError
from tinygrad_nn.compiler.tracing.tracer import Tracer

np = pytest.importorskip("numpy", reason="numpy is not installed")

from tinygrad_nn.training import own_program, prediction  # noqa: E402

COUNTS: list[int] = []
LEVEL = [1.0]
CALLS = 0


class Own(tn.Module):
    """A module of the user's around a function of itself and a row."""

    function: Any = None

    def __init__(self, seed=1):
        rng = random.Random(seed)
        self.inner = tn.MLP(2, [3, 2], "tanh", rng=rng)
        self.scale = Value(1.5)
        self.tau, self.seen, self.table = 0.5, [], {}

    def __call__(self, row):
        return type(self).function(self, row)


def own(function):
    """A class whose modules call a function."""
    return type("Own", (Own,), {"function": staticmethod(function)})


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    """A trace pays after forty rows."""
    monkeypatch.setattr(prediction, "WORTH_TRACING", 40)
    monkeypatch.setattr(sys.modules[__name__], "CALLS", 0)
    yield
    COUNTS.clear()
    LEVEL[:] = [1.0]


@pytest.fixture
def traces(monkeypatch):
    """How many rows were traced."""
    told: list[str] = []
    init = Tracer.__init__

    def traced(self, name):
        told.append(name)
        init(self, name)

    monkeypatch.setattr(Tracer, "__init__", traced)
    return told


def rows_of(count=60, seed=0):
    return np.random.default_rng(seed).normal(size=(count, 2)).tolist()


def is_compiled(model):
    return vars(model)["_predicting"].waited is None


def recorded(model, rows):
    return [model.predict(row) for row in rows]


def in_parts(model, rows):
    """Those of a few rows, which are never compiled."""
    return [output for k in range(0, len(rows), 20) for output in model.predict(rows[k : k + 20])]


def flat(found):
    return [number for entry in found for number in flat(entry)] if isinstance(found, list) else [found]


def shaped(found):
    return [shaped(entry) for entry in found] if isinstance(found, list) else type(found)


def alike(found, wanted):
    assert shaped(found) == shaped(wanted)
    assert flat(found) == pytest.approx(flat(wanted), rel=1e-12, abs=1e-13, nan_ok=True)


def stepwise(self, row):
    a, b = self.inner(row)
    return a if row[0] > 0.3 else b * 2.0 if a > b else a - b


def with_a_loop(self, row):
    total = 0.0
    for k, x in enumerate(row, 1):
        total = total + tn.sin(self.scale * x) ** k
    return total


def with_modules(self, row):
    return [functools.reduce(lambda a, b: a * b, self.inner(row)), math.pi * self.scale * row[0]]


SAME = {
    "scaled": lambda self, row: [self.scale * out for out in self.inner(row)],
    "one number": lambda self, row: self.inner(row)[0] * self.tau,
    "one in a list": lambda self, row: [self.inner(row)[1]],
    "a tuple": lambda self, row: tuple(self.inner(row)),
    "nested": lambda self, row: [[x * self.scale for x in row], self.inner(row)],
    "branches": stepwise,
    "a loop": with_a_loop,
    "modules": with_modules,
    "a division": lambda self, row: self.scale / (row[0] + 10.0),
    "a constant": lambda self, row: [0.5, self.inner(row)[0]],
    "infinities": lambda self, row: tn.exp(self.scale * row[0] * 1000.0) - tn.exp(row[1] * 1000.0),
    "a table": lambda self, row: tn.take(self.inner(row), 1.0 if row[0] > 0 else 0.0),
}


@pytest.mark.parametrize(
    ("name", "backend"),
    [(name, "array") for name in SAME] + [(name, "llvm") for name in ("one number", "nested", "branches")],
)
def test_the_numbers_are_those_of_the_recorded_graph(name, backend, traces, monkeypatch):
    monkeypatch.setattr(own_program, "backends_for", lambda work: [needed(backend)])
    model = own(SAME[name])()
    rng = random.Random(3)
    for k in range(4):
        rows = rows_of(seed=k)
        alike(model.predict(rows), recorded(model, rows))
        found = model.predict(np.array(rows))
        assert found.dtype == np.float64
        alike(found.tolist(), recorded(model, [np.array(row) for row in rows]))
        assert is_compiled(model)
        for parameter in model.parameters():
            parameter.data += rng.uniform(-0.3, 0.3)
        if k == 1:
            model.tau = 2.0
            model.inner.layers[0].neurons[1].activation = "sigmoid"
    assert 2 <= len(traces) <= 20


def test_primitives_that_machine_code_has_no_words_for_run_on_arrays(monkeypatch):
    monkeypatch.setattr(own_program, "backends_for", lambda work: [needed("llvm"), "array"])
    asked = []

    def without(primitive, *given):
        asked.append(primitive)
        raise UnspelledError("a test")

    monkeypatch.setattr("tinygrad_nn.compiler.backends.llvm.call.NativeProgram.__init__", without)
    model = own(SAME["scaled"])()
    alike(model.predict(rows_of()), recorded(model, rows_of()))
    assert is_compiled(model)
    assert asked


def test_networks_of_the_library_with_functions_of_ones_own_are_compiled():
    model = tn.MLP(2, [4, 1], lambda z: z * tn.sigmoid(z), rng=random.Random(1))
    for k in range(3):
        alike(model.predict(rows_of(seed=k)), recorded(model, rows_of(seed=k)))
    assert is_compiled(model)


def counting(self, row):
    self.seen = [*self.seen, 1]
    return self.inner(row)


def in_a_list(self, row):
    self.seen.append(1)
    return self.inner(row)


def in_a_global(self, row):
    global CALLS
    CALLS += 1
    return self.inner(row)


def in_a_list_elsewhere(self, row):
    COUNTS.append(1)
    return self.inner(row)


def rarely(self, row):
    if row[0] > 1.5:
        self.seen.append(1)
    return self.inner(row)


def printing(self, row):
    print("a row")
    return self.inner(row)


def printing_by_another_name(self, row, tell=print):
    tell("a row")
    return self.inner(row)


def writing(self, row):
    sys.stdout.write("a row\n")
    return self.inner(row)


def writing_by_what_it_imports(self, row):
    import sys

    sys.stdout.write("a row\n")
    return self.inner(row)


def logging_it(self, row):
    logging.getLogger("a test").warning("a row")
    return self.inner(row)


def dumping(self, row):
    json.dump(1, sys.stdout)
    return self.inner(row)


def drawing(self, row):
    return self.inner(row)[0] + random.random()


def drawing_by_numpy(self, row):
    return self.inner(row)[0] + float(np.random.rand())


def remembering(self, row):
    if row[0] not in self.table:
        self.table[row[0]] = len(self.table)
    return self.inner(row)[0] + self.table[row[0]]


def from_an_iterator(self, row, count):
    return self.inner(row)[0] + next(count)


def changing_its_row(self, row):
    row[0] = 0.25
    return self.inner(row)


def setting_data(self, row):
    self.scale.data = self.scale.data + 1.0
    return self.scale * row[0]


def after_a_while(self, row):
    self.seen.append(1)
    return self.inner(row)[0] if len(self.seen) > 100 else self.inner(row)[1]


DOING = [
    counting, in_a_list, in_a_global, in_a_list_elsewhere, rarely, printing, printing_by_another_name, writing,
    writing_by_what_it_imports, logging_it, dumping, drawing, drawing_by_numpy, remembering, changing_its_row,
    setting_data, after_a_while,
]  # fmt: skip


def done(model, predict, capsys, caplog):
    """All that can be seen of three predictions."""
    global CALLS
    CALLS = 0
    COUNTS.clear()
    caplog.clear()
    random.seed(1)
    np.random.seed(1)
    capsys.readouterr()
    given = [rows_of(seed=k) for k in range(3)]
    found = [predict(model, rows) for rows in given]
    seen = capsys.readouterr().out, len(caplog.records), CALLS, len(COUNTS), model.seen, model.table, model.scale.data
    return found, seen, given, random.random(), np.random.rand()


@pytest.mark.parametrize("function", DOING, ids=lambda function: function.__name__)
def test_what_a_module_does_beside_is_done_for_each_row(function, capsys, caplog):
    kind = own(function)
    found = done(kind(), lambda model, rows: model.predict(rows), capsys, caplog)
    wanted = done(kind(), in_parts, capsys, caplog)
    alike(found[0], wanted[0])
    assert found[1:] == wanted[1:]


def test_iterators_are_asked_for_each_row():
    found, wanted = (own(functools.partial(from_an_iterator, count=itertools.count()))() for _ in range(2))
    alike([found.predict(rows_of(seed=k)) for k in range(3)], [recorded(wanted, rows_of(seed=k)) for k in range(3)])


def test_what_was_recorded_before_is_the_number_that_it_was():
    model = own(lambda self, row: self.tied * row[0])()
    model.tied = model.scale * 2.0
    for k in range(3):
        alike(model.predict(rows_of(seed=k)), recorded(model, rows_of(seed=k)))
        model.scale.data += 1.0


@pytest.mark.parametrize(
    "rows",
    [
        [[1, 0]] * 60,
        [[1.0, 2]] * 60,
        [(1.0, 0.5)] * 60,
        [[np.float64(1.0), 0.5]] * 60,
        np.array([[1, 0]] * 60),
        np.array([[0.1, 0.7]] * 60, dtype="float32"),
        np.array([[0.1, 0.7]] * 60, dtype=object),
    ],
    ids=["ints", "floats and ints", "tuples", "NumPy's", "an array of ints", "float32", "objects"],
)
def test_rows_that_are_no_floats_are_given_as_they_are(rows):
    model = own(lambda self, row: self.inner([row[0] * 1.0, row[1] * 1.0])[0])()
    for _ in range(3):
        alike([float(number) for number in model.predict(rows)], [float(model.predict(row)) for row in rows])
    assert "_predicting" not in vars(model)


@pytest.mark.parametrize("result", [1, True, None, "yes", {"a": 1.0}], ids=repr)
def test_results_that_are_no_floats_stay_what_they_are(result):
    model = own(lambda self, row: result)()
    for _ in range(3):
        assert model.predict(rows_of()) == [result] * 60
    assert type(model.predict(rows_of())[0]) is type(result)


def test_results_of_different_shapes():
    model = own(lambda self, row: self.inner(row)[0] if row[0] > 0 else self.inner(row))()
    for k in range(3):
        alike(model.predict(rows_of(seed=k)), recorded(model, rows_of(seed=k)))


def raising(self, row):
    if row[0] > 2.0:
        raise KeyError("too far")
    return 1.0 / row[1] + self.scale


@pytest.mark.parametrize(
    ("row", "error"), [([3.0, 1.0], KeyError), ([1.0, 0.0], ZeroDivisionError), ([1.0], IndexError)]
)
def test_what_it_raises_is_raised_as_it_is(row, error):
    for before in (0, 3):
        model = own(raising)()
        for _ in range(before):
            model.predict([[0.5, 0.5]] * 60)
        with pytest.raises(error) as wanted:
            model.predict(row)
        for rows in ([[1.0, 1.0]] * 59 + [row], [row] * 60):
            with pytest.raises(error) as found:
                model.predict(rows)
            assert str(found.value) == str(wanted.value)
        alike(model.predict([[0.5, 0.5]] * 60), [model.predict([0.5, 0.5])] * 60)


def test_machine_code_is_made_for_much_work_alone(monkeypatch):
    needed("llvm")
    asked: list[list[str]] = []
    real = own_program.backends_for

    def told(work):
        asked.append(real(work))
        return asked[-1]

    monkeypatch.setattr(own_program, "backends_for", told)
    monkeypatch.setattr(own_program, "WORTH_MACHINE_CODE", 60 * 18 * 3)  # three times as many rows, by eighteen Values
    model = own(SAME["one number"])()
    for tau in (1.0, 2.0):
        model.tau = tau
        asked.clear()
        for k in range(4):
            alike(model.predict(rows_of(seed=k)), recorded(model, rows_of(seed=k)))
        assert asked == [["array"]] * 2 + [["llvm", "array"]] * 2


def test_few_rows_are_not_traced(traces, monkeypatch):
    monkeypatch.setattr(prediction, "WORTH_TRACING", 2000)
    model = own(SAME["scaled"])()
    for _ in range(33):
        model.predict(rows_of())
    assert not traces
    model.predict(rows_of())
    assert len(traces) == 1
    for _ in range(3):
        model.predict(rows_of())
    assert len(traces) == 1


def test_what_is_never_the_same_is_seldom_traced(traces):
    """Rows that are recorded pay for each trace: half of the time is lost at most."""
    model = own(SAME["one number"])()
    for k in range(50):
        model.tau = float(k)
        rows = rows_of(32, seed=k)
        alike(model.predict(rows), recorded(model, rows))
    assert len(traces) <= 25
    traces.clear()
    model = own(in_a_list)()
    for k in range(100):
        model.predict(rows_of(32, seed=k))
    assert len(traces) <= 7  # each time after twice as many rows


def test_copies_begin_anew_and_nothing_keeps_a_module():
    kind = own(SAME["one number"])
    model = kind()
    for _ in range(2):
        model.predict(rows_of())
    assert is_compiled(model)
    twin = copy.deepcopy(model)
    twin.scale.data = 3.0
    shallow = copy.copy(model)
    shallow.tau = 4.0
    for each in (twin, shallow, model):
        alike(each.predict(rows_of()), recorded(each, rows_of()))
    assert pickle.loads(pickle.dumps(vars(model)["_predicting"])) is None
    assert model.state_dict().keys() == kind().state_dict().keys()
    seen = weakref.ref(model)
    del model, shallow, each
    gc.collect()
    assert seen() is None


def test_training_between_predictions():
    pairs = []
    for at_once in (True, False):
        model = own(lambda self, row: self.scale * self.inner(row)[0])()
        step = tn.compile_step(model, "squared_error", tn.SGD(model.parameters(), lr=0.1), backend="python")
        found = []
        for k in range(4):
            rows = rows_of(seed=k)
            found += [step(rows, [1.0] * 60), *(model.predict(rows) if at_once else recorded(model, rows))]
        assert not at_once or is_compiled(model)
        pairs.append(found)
    alike(*pairs)


def test_threads_predict_by_one_module():
    model, wrong = own(stepwise)(), []
    rows = [rows_of(seed=k) for k in range(8)]
    wanted = [recorded(model, each) for each in rows]

    def use(k):
        for _ in range(20):
            found = model.predict(rows[k])
            wrong.extend([k] * (flat(found) != pytest.approx(flat(wanted[k]), rel=1e-12)))

    threads = [threading.Thread(target=use, args=(k,)) for k in range(8)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert not wrong
    assert is_compiled(model)

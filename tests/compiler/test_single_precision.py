"""Numbers that single precision cannot hold, and C files of weights that are none: an error where they come in."""

import math
import random
import sys

import pytest
from programs import ROWS, corner_call
from shared import needed

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.autograd.rules import is_column

np = pytest.importorskip("numpy")
BACKENDS = ["array", "llvm"]
LARGEST = 3.4028234663852886e38  # of float32
ROUNDED_TO_IT = math.nextafter((2.0 - 2.0**-24) * 2.0**127, 0.0)
WORDS = r"1e\+39 is larger than any float32: scale it, or give dtype='float64'"


@pytest.mark.parametrize("backend", BACKENDS)
def test_arguments_of_functions(backend):
    needed(backend)
    f = tn.compile(lambda x, y: x * y, backend=backend, dtype="float32")
    for call in (f, f.grad, f.value_and_grad):
        for row in ([1e39, 1.0], [1.0, -1e39]):
            with pytest.raises(ValueError, match=WORDS):
                call(*row)
    for rows in ([[1.0, 2.0]] * 3 + [[2.0, 1e39]], np.array([[1.0, 2.0]] * 3 + [[1e39, 2.0]])):
        for gradients in (False, True):
            with pytest.raises(ValueError, match=f"row 3: {WORDS}"):
                f.batch(rows, gradients=gradients)
    for number in (LARGEST, -LARGEST, ROUNDED_TO_IT, math.inf, -math.inf, 1e-320):
        assert f(number, 1.0) == float(np.float32(number))
        assert f.batch([[number, 1.0]] * 40)[-1] == float(np.float32(number))
    assert math.isnan(f(math.nan, 1.0))
    total = tn.compile(lambda xs: tn.sum(xs), backend=backend, dtype="float32")
    with pytest.raises(ValueError, match=WORDS):
        total(np.array([1.0, 1e39]))
    assert total(np.array([1.0, 2.0], dtype="float32")) == 3.0


@pytest.mark.parametrize("backend", BACKENDS)
def test_captured_values_and_literals(backend):
    needed(backend)
    w = Value(1e39, label="w")
    captured = tn.compile(lambda x: x * w, backend=backend, dtype="float32")
    literal = tn.compile(lambda x: x * 1e39, backend=backend, dtype="float32")
    for f in (captured, literal):
        for call in (lambda f=f: f(1.0), lambda f=f: f.grad(1.0), lambda f=f: f.batch([[1.0]] * 40)):
            with pytest.raises(ValueError, match=WORDS):
                call()
    w.data = 2.0
    assert captured(1.0) == 2.0
    assert tn.compile(lambda x: tn.minimum(x, math.inf), backend=backend, dtype="float32")(1.0) == 1.0
    assert tn.compile(lambda x: x * 1e39, backend=backend)(1.0) == 1e39


def step(lr=0.1, **options):
    model = tn.MLP(2, [2, 1], rng=random.Random(0))
    optimizer = tn.SGD(model.parameters(), lr=lr, momentum=0.5, **options)
    return model, optimizer, tn.compile_step(model, "squared_error", optimizer, backend="llvm", dtype="float32")


X, Y = [[1.0, 2.0], [3.0, 4.0], [1e39, 0.0]], [0.0, 1.0, 2.0]


def test_rows_of_steps_and_of_fits():
    needed("llvm")
    model, optimizer, made = step()
    before = [p.data for p in model.parameters()]
    for call in (
        lambda: made(X, Y),
        lambda: made(np.array(X), np.array(Y)),
        lambda: made.run(X, Y, epochs=3, batch_size=2),
        lambda: made.run(X, Y, epochs=3, shuffle=True, rng=random.Random(0)),
        lambda: tn.fit(model, X, Y, "squared_error", optimizer, epochs=2, progress=False, dtype="float32"),
    ):
        with pytest.raises(ValueError, match=f"row 2 of X and Y: {WORDS}"):
            call()
    with pytest.raises(ValueError, match=r"row 1 of X and Y: -1e\+39"):
        made(X[:2], [0.0, -1e39])
    assert [p.data for p in model.parameters()] == before
    assert optimizer.steps == 0
    assert math.isfinite(made(X[:2], Y[:2]))


def test_weights_states_and_settings_of_steps():
    needed("llvm")
    model, optimizer, made = step()
    model.parameters()[1].data = 1e39
    with pytest.raises(ValueError, match=f"the parameter w2: {WORDS}"):
        made(X[:2], Y[:2])
    model, optimizer, made = step()
    optimizer.state = [*optimizer.state[:1], (1e39,), *optimizer.state[2:]]
    with pytest.raises(ValueError, match=f"the state of parameter w2: {WORDS}"):
        made(X[:2], Y[:2])
    for options, words in (({"lr": 1e39}, "the learning rate"), ({"weight_decay": 1e39}, "a setting of the optimizer")):
        model, optimizer, made = step(**options)
        before = [p.data for p in model.parameters()]
        with pytest.raises(ValueError, match=f"{words}: {WORDS}"):
            made(X[:2], Y[:2])
        assert [p.data for p in model.parameters()] == before


def test_pure_steps_and_estimators():
    needed("llvm")
    model, optimizer, _ = step()
    pure = tn.compile_step(model, "squared_error", optimizer).as_function(dtype="float32")
    with pytest.raises(ValueError, match=f"row 2 of X: {WORDS}"):
        pure(pure.state(), np.array(X), np.array(Y))
    pytest.importorskip("sklearn")
    from tinygrad_nn.sklearn import MLPRegressor

    with pytest.raises(ValueError, match=WORDS):
        MLPRegressor(hidden_layer_sizes=(2,), dtype="float32", max_iter=2).fit(X, Y)
    with pytest.raises(ValueError, match=WORDS):
        MLPRegressor(hidden_layer_sizes=(2,), dtype="float32", batch_size=len(X) - 1).partial_fit(X, Y)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_estimators_choose_single_precision_for_numbers_that_it_holds(monkeypatch):
    needed("llvm")
    pytest.importorskip("sklearn")
    from tinygrad_nn.sklearn import MLPRegressor, network

    monkeypatch.setattr(network, "LONG", 0)  # as for a long fit
    assert math.isfinite(MLPRegressor(hidden_layer_sizes=(2,), max_iter=2).fit(X, Y).loss_)


def exported(number, state=0.0, dtype="double", lr=0.1, folder=None):
    model = tn.MLP(2, [2, 1], rng=random.Random(0))
    model.layers[1].neurons[0].weights[1].data = number
    optimizer = tn.SGD(model.parameters(), lr=lr, momentum=0.5)
    optimizer.state = [(state,), *optimizer.state[1:]]
    tn.export_c(model, folder / "model.c", dtype=dtype, overwrite=True)
    tn.export_c(model, folder / "model.c", dtype=dtype, loss="squared_error", train=optimizer, overwrite=True)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_files_of_weights_that_are_no_numbers(number, tmp_path):
    with pytest.raises(
        ValueError, match=rf"the parameter layers.1.neurons.0.weights.1 is {number}, and a file with it"
    ):
        exported(number, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match=f"the state of the parameter layers.0.neurons.0.weights.0 is {number}, and"):
        exported(1.0, number, folder=tmp_path)
    model = tn.MLP(1, [1], rng=random.Random(0))
    model.parameters()[0].data = number
    with pytest.raises(ValueError, match=rf"the parameter layers.0.neurons.0.weights.0 is {number}"):
        tn.check_c(model, compiler=sys.executable)
    w = Value(number, label="w")
    f = tn.compile(lambda x: x * w, backend="python")
    f(1.0)
    with pytest.raises(ValueError, match=f"the parameter w is {number}, and a file with it"):
        tn.export_c(f, tmp_path / "f.c")


def test_files_of_floats_for_numbers_that_are_none(tmp_path):
    words = "larger than any float: export with dtype='double'"
    with pytest.raises(ValueError, match=rf"the parameter layers.1.neurons.0.weights.1 is 1e\+39, which is {words}"):
        exported(1e39, dtype="float", folder=tmp_path)
    with pytest.raises(ValueError, match=rf"1e\+39 is {words}"):
        exported(1.0, lr=1e39, dtype="float", folder=tmp_path)
    f = tn.compile(lambda x: x * 1e39 + tn.maximum(x, -math.inf), backend="python")
    f(1.0)
    with pytest.raises(ValueError, match=rf"1e\+39 is {words}"):
        tn.export_c(f, tmp_path / "f.c", dtype="float")
    tn.export_c(f, tmp_path / "f.c", dtype="double")
    exported(1e39, dtype="double", folder=tmp_path)
    exported(LARGEST, dtype="float", folder=tmp_path)
    assert "INFINITY" not in (tmp_path / "f.c").read_text().replace("(-INFINITY)", "")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_no_rule_of_the_table_has_a_number_that_floats_cannot_hold(row, tmp_path):
    width = sum(2 if is_column(name) else 1 for name in row.operands)

    def slope(*scalars):
        return tn.grad(corner_call(row)(*scalars), [scalars[0]], create_graph=True)[0]

    for function in (corner_call(row), slope):
        f = tn.compile(function, backend="python")
        f.value_and_grad(*[0.3] * width)
        tn.export_c(f, tmp_path / "f.c", dtype="float", overwrite=True)

"""Layers in machine code predict what the recorded graph does, within rounding, whatever parts the rows come in."""

import random

import pytest
from shared import needed

import tinygrad_nn as tn
from tinygrad_nn.nn.activations import ACTIVATIONS
from tinygrad_nn.nn.structure import structure_of

np = pytest.importorskip("numpy", reason="numpy is not installed")
needed("llvm")

from tinygrad_nn.compiler.backends.llvm import engine as native  # noqa: E402
from tinygrad_nn.support.latest import Latest  # noqa: E402
from tinygrad_nn.training import many_rows, prediction  # noqa: E402
from tinygrad_nn.training.many_rows import LayersCode, program_of  # noqa: E402


def drawn(seed):
    rng = random.Random(seed)
    activation, last = rng.choices(list(ACTIVATIONS), k=2)
    sizes = [rng.choice([1, 2, 3, 8, 17]) for _ in range(rng.randint(1, 3))]
    return tn.MLP(rng.choice([1, 2, 5, 8, 9, 30]), sizes, activation, last, "normal", rng=rng)


def rows_for(model, count, seed=0):
    return 2.0 * np.random.default_rng(seed).normal(size=(count, len(model.layers[0].neurons[0].weights)))


def code_of(model):
    program, structure = program_of(layers_of(model)), structure_of(model)
    assert program is not None
    assert structure is not None
    return LayersCode(program), np.frombuffer(structure.numbers())


def layers_of(model):
    structure = structure_of(model)
    assert structure is not None
    return structure.key[1]


def recorded(model, rows):
    return np.array([np.atleast_1d(model.predict(row)) for row in rows.tolist()])


@pytest.mark.parametrize("seed", range(40))
def test_layers_in_machine_code_are_the_recorded_graph(seed):
    model = drawn(seed)
    code, numbers = code_of(model)
    rows = rows_for(model, random.Random(seed).choice([1, 7, 8, 15, 16, 17, 33, 64]), seed)
    assert code(rows, numbers) == pytest.approx(recorded(model, rows), rel=1e-12, abs=1e-13)
    assert np.array_equal(code(np.asfortranarray(rows), numbers), code(rows, numbers))


def test_the_program_is_that_of_a_trace():
    model = tn.MLP(30, [17, 8, 3], "tanh", rng=random.Random(1))
    code, numbers = code_of(model)
    rows = rows_for(model, 50)
    traced = tn.compile(lambda xs: model(xs), backend="llvm")
    assert np.array_equal(code(rows, numbers), traced.batch(rows[:, None]))


@pytest.mark.parametrize(("size", "lanes"), [(32, 4), (64, 16)])
@pytest.mark.parametrize("processors", [1, 2, 3, 50])
def test_parts_of_the_rows_are_all_rows(processors, size, lanes, monkeypatch):
    model = tn.MLP(3, [4, 2], "tanh", rng=random.Random(1))
    monkeypatch.setattr(native, "register_bytes", lambda: size)
    code, numbers = code_of(model)
    assert code.lanes == lanes
    rows = rows_for(model, 333)
    expected = code(rows, numbers)
    assert expected == pytest.approx(recorded(model, rows), rel=1e-12)
    monkeypatch.setattr(native, "processors", lambda: processors)
    monkeypatch.setattr(many_rows, "WORTH_THREAD", 1)
    for at_once in (1, 5_000, 10**9):
        monkeypatch.setattr(many_rows, "IN_A_CALL", at_once)
        assert np.array_equal(code(rows, numbers), expected)
    assert code(rows[:0], numbers).shape == (0, 2)


def test_what_is_not_finite_is_as_recorded():
    model = tn.MLP(2, [3, 2], "relu", rng=random.Random(1))
    code, numbers = code_of(model)
    odd = [np.nan, np.inf, -np.inf, 1e308, -0.0, 0.5]
    rows = np.array([[a, b] for a in odd for b in odd])
    assert np.array_equal(np.isnan(code(rows, numbers)), np.isnan(recorded(model, rows)))
    finite = np.isfinite(rows).all(axis=1)
    assert code(rows, numbers)[finite] == pytest.approx(recorded(model, rows)[finite], rel=1e-12)


def test_layers_of_several_activations_are_not_written():
    model = tn.MLP(2, [3, 2], "relu", rng=random.Random(1))
    model.layers[0].neurons[1].activation = "tanh"
    assert program_of(layers_of(model)) is None


@pytest.fixture
def counted(monkeypatch):
    """How often machine code was called."""
    calls, real = [], LayersCode.__call__

    def told(code, *given):
        calls.append(code)
        return real(code, *given)

    monkeypatch.setattr(LayersCode, "__call__", told)
    monkeypatch.setattr(prediction, "PREDICTED", Latest(4))
    monkeypatch.setattr(many_rows, "pays", lambda: True)
    monkeypatch.setattr(prediction, "LEAST", 1)
    return calls


def test_networks_are_written_once_that_pays_and_never_predict_by_numbers_of_before(counted, monkeypatch):
    for shared in (False, True):  # numbers that stand side by side
        model = tn.MLP(4, [5, 2], "tanh", rng=random.Random(shared))
        rows = rows_for(model, 100)
        if shared:
            tn.compile_step(model, "squared_error", tn.SGD(model.parameters(), lr=0.1), backend="llvm")(
                rows, rows[:, :2]
            )
        monkeypatch.setattr(prediction, "WORTH_CODE", 3 * 100 * (5 * 5 + 2 * 6 + 7 * prediction.OF_A_UNIT))
        monkeypatch.setattr(prediction, "LOADING_LLVM", prediction.WORTH_CODE)
        before = len(counted)
        for k in range(4):
            found = model.predict(rows)
            assert found == pytest.approx(recorded(model, rows), rel=1e-12)
            assert len(counted) - before == (k + 1 if shared else max(0, k - 1))
            model.layers[0].neurons[0].weights[0].data += 0.25
            model.layers[1].neurons[1].bias = tn.Value(0.5 * k)
    assert len({*map(id, counted)}) == 1  # of both


def test_one_output_is_a_number_for_each_row(counted, monkeypatch):
    monkeypatch.setattr(prediction, "WORTH_CODE", 0)
    monkeypatch.setattr(prediction, "LOADING_LLVM", 0)
    for model in (tn.MLP(2, [3, 1], rng=random.Random(1)), tn.Neuron(2, rng=random.Random(1))):
        rows = rows_of = np.random.default_rng(1).normal(size=(40, 2))
        found = model.predict(rows)
        assert found.shape == (40,)
        assert found == pytest.approx(np.array([model.predict(row) for row in rows_of.tolist()]), rel=1e-12)
    assert len(counted) == 2


@pytest.mark.parametrize("missing", ["llvmlite", "vectors", "a compiler"])
def test_where_it_does_not_pay_products_stay_those_of_arrays(missing, counted, monkeypatch):
    monkeypatch.setattr(prediction, "WORTH_CODE", 0)
    monkeypatch.setattr(prediction, "LOADING_LLVM", 0)
    if missing == "llvmlite":
        monkeypatch.setattr(prediction, "find_spec", lambda name: None)
    elif missing == "vectors":
        monkeypatch.setattr(many_rows, "pays", lambda: False)
    else:
        monkeypatch.setattr(many_rows, "LayersCode", None)
    model = tn.MLP(2, [3, 1], rng=random.Random(1))
    rows = rows_for(model, 40)
    for _ in range(2):
        assert model.predict(rows) == pytest.approx(recorded(model, rows)[:, 0], rel=1e-12)
    assert counted == []


def test_few_rows_of_small_networks_are_not_worth_a_call(counted, monkeypatch):
    monkeypatch.setattr(prediction, "WORTH_CODE", 0)
    monkeypatch.setattr(prediction, "LOADING_LLVM", 0)
    model = tn.MLP(2, [3, 1], rng=random.Random(1))
    for rows, least in ((100, 10**6), (100, 1), (40, 10**6), (40, 1)):
        monkeypatch.setattr(prediction, "LEAST", least)
        model.predict(rows_for(model, rows))
    assert len(counted) == 2

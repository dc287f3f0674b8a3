"""Frames and series are rows wherever rows are, with their names; what is no rows, or holds no numbers, is told."""

import random
from importlib.util import find_spec
from typing import Any

import pytest

import tinygrad_nn as tn

pandas = pytest.importorskip("pandas", reason="pandas is not installed")
import numpy  # noqa: E402  # pandas brings it

X, Y = tn.data.moons(40, rng=random.Random(1))
FRAME, SERIES = pandas.DataFrame(X, columns=["left", "right"]), pandas.Series(Y, name="class")
BACKENDS = ["eager", "python"] + ["llvm"] * (find_spec("llvmlite") is not None)


def model(**names):
    return tn.MLP(2, [4, 1], "tanh", "sigmoid", rng=random.Random(0), **names)


def trained(rows, targets, backend="python", net=None):
    net = net or model()
    history = tn.fit(
        net, rows, targets, "binary_cross_entropy", tn.SGD(net.parameters(), lr=0.1), epochs=3, progress=False,
        metrics=["accuracy", "mae"], validation=(rows, targets), rng=random.Random(2), backend=backend,
    )  # fmt: skip
    return net, history


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_frame_trains_as_its_rows_do(backend):
    other, wanted = trained(X, Y, backend)
    for targets in (SERIES, SERIES.to_frame(), SERIES.to_numpy(), SERIES.astype("Int64"))[:: 1 + (backend == "llvm")]:
        net, history = trained(FRAME, targets, backend)
        assert history.losses == wanted.losses
        assert history.metrics == wanted.metrics
        assert net.state_dict() == other.state_dict()
        assert (net.input_names, other.input_names) == (["left", "right"], None)


def test_a_frame_is_rows_wherever_rows_are():
    net = model()
    assert net.predict(FRAME) == net.predict(X)
    assert net.predict(FRAME[:1]) == net.predict(X[:1])
    assert net.predict(FRAME.iloc[0]) == net.predict(X[0])
    assert net(FRAME.iloc[0]).data == net(X[0]).data
    assert net.predict(pandas.DataFrame(X)) == net.predict(X)  # and not of its labels 0 and 1
    assert net.predict_classes(FRAME, 0.5) == net.predict_classes(X, 0.5)
    steps = [tn.compile_step(m, "squared_error", tn.SGD(m.parameters(), lr=0.1)) for m in (model(), model())]
    assert steps[0](FRAME, SERIES) == steps[1](X, Y)
    assert steps[0].run(FRAME, SERIES, epochs=2).losses == steps[1].run(X, Y, epochs=2).losses
    f = tn.compile(lambda a, b: a * b)
    assert f.batch(FRAME[:3]).tolist() == f.batch(X[:3])
    assert f.batch(FRAME).tolist() == pytest.approx([a * b for a, b in X])
    assert tn.compile(tn.sum)(SERIES) == tn.sum(SERIES) == sum(Y)
    assert tn.compile(lambda m: m[1][0])(pandas.DataFrame([[1, 2], [3, 4]])) == 3.0
    (rows, targets), *_ = tn.data.batches(FRAME, SERIES, 2, shuffle=False)
    assert (numpy.array(rows).tolist(), list(targets)) == (X[:2], Y[:2])
    metrics: Any = tn.metrics
    assert metrics.accuracy(pandas.Series([0.9, 0.2]), SERIES[:2]) == metrics.accuracy([0.9, 0.2], Y[:2])
    assert metrics.root_mean_squared_error(FRAME, numpy.array(X)) == 0.0
    weights = tn.MLP.from_weights([FRAME[:2]], [SERIES[:2]])
    assert weights.state_dict() == tn.MLP.from_weights([X[:2]], [Y[:2]]).state_dict()
    state = {**net.state_dict(), "layers.0.neurons.0.weights": pandas.Series([1.0, 2.0])}
    net.load_state_dict(state)
    assert net.layers[0].neurons[0].weights[1].data == 2.0


class Frame:
    """A frame of nobody's: what has `to_numpy`."""

    columns = ("left", "right")

    def to_numpy(self):
        return numpy.array(X)


def test_whatever_has_to_numpy_is_a_frame():
    net, history = trained(Frame(), SERIES)
    assert (history.losses, net.input_names) == (trained(X, Y)[1].losses, ["left", "right"])
    assert net.predict(Frame()) == net.predict(X)


def test_a_frame_draws_as_its_rows_do():
    matplotlib = pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    axes = tn.plots.plot_boundary(model(input_names=["left", "right"]), FRAME, SERIES, resolution=5)
    assert axes.collections[-1].get_offsets().tolist() == X
    pyplot.close("all")


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (
            FRAME[["right", "left"]],
            r"the columns 'right', 'left', but the inputs .* are 'left', 'right', in this order",
        ),
        (FRAME.assign(more=1.0), r"'left', 'right', 'more', but .* give frame\[model.input_names\]"),
        (FRAME[["left"]], "it has no 'right'"),
    ],
)
def test_columns_that_are_not_the_inputs_are_told(rows, words):
    net, _ = trained(FRAME, SERIES)
    for wrong in (
        net.predict, net.predict_classes, lambda given: trained(given, SERIES, net=net),
        lambda given: trained(FRAME, SERIES, net=net) and tn.plots.plot_boundary(net, given, SERIES),
        lambda given: tn.compile_step(net, "hinge", tn.SGD(net.parameters(), 0.1))(given, SERIES),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=words):
            wrong(rows)
    array = FRAME[["right", "left"]].to_numpy()
    assert net.predict(FRAME.to_numpy()[:, ::-1].tolist()) == net.predict(array).tolist()


def test_names_that_a_model_has_stay():
    net = model(input_names=["a", "b"])
    with pytest.raises(ValueError, match="are 'a', 'b'"):
        trained(FRAME, SERIES, net=net)
    trained(FRAME.to_numpy(), SERIES, net=net)
    trained(pandas.DataFrame(X), SERIES, net=net)  # its columns have no names
    assert net.input_names == ["a", "b"]


HOLDS_NO_NUMBERS = [
    (FRAME.assign(right="x"), TypeError, "column 'right' of X must hold numbers, but row 0 has 'x'"),
    (FRAME.assign(right=pandas.Categorical(["a"] * 40)), TypeError, "column 'right' of X .* row 0 has 'a'"),
    (FRAME.assign(right=pandas.Timestamp("2020-01-01")), TypeError, "column 'right' of X .* Timestamp"),
    (FRAME.where(FRAME["left"] != FRAME["left"][3]), ValueError, "column 'left' of X has no number in row 3: leave"),
    (FRAME.assign(left=pandas.array([None] + [1] * 39, dtype="Int64")), ValueError, "'left' of X has no number in row"),
    (FRAME.assign(left=[1] * 39 + [None]).astype(object), ValueError, "'left' of X has no number in row 39"),
    (pandas.DataFrame({"t": pandas.to_datetime(["2020-01-01"] * 40)}), TypeError, "column 't' of X must hold numbers"),
    (numpy.array(["2020-01-01"] * 40, dtype="datetime64[ns]"), TypeError, "X must hold numbers, but is an array of da"),
    (numpy.array([["a", "b"]] * 40), TypeError, "X must hold numbers, but is an array of <U1"),
    ({"left": X}, TypeError, "X must be a list of rows, .* but got the dict .*: rows have no keys"),
    ({(1.0, 2.0)}, TypeError, "but got the set .*: a set has no order"),
    ([{"a": 1.0}] * 40, TypeError, r"row 0 of X and Y, \{'a': 1.0\} and .*, must hold numbers or lists of them"),
    (pandas.DataFrame, TypeError, "X must be a list of rows, .* but got <class"),
    (FRAME["left"], TypeError, r"layer 1 wants a list .* but got [\w. ]+: write \[x\], and rows .*\[\[1\]"),
    ([0.5] * 40, TypeError, r"layer 1 wants a list of numbers .* but got [\w. ]+: write \[x\]"),
    ([*X[:-1], [1.0, 2.0, 3.0]], ValueError, "row 39 of X and Y: layer 1, neuron 1 takes 2 inputs, but was given 3$"),
    ([*X[:-1], [1.0, [2.0]]], ValueError, "row 39 of X has 2 entries, the first of which has one number in no list"),
]  # fmt: skip


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("rows", "kind", "words"), HOLDS_NO_NUMBERS)
def test_what_is_no_rows_is_told(rows, kind, words, backend):
    net = model()
    before = net.state_dict()
    with pytest.raises(kind, match=words) as caught:
        trained(rows, SERIES, backend, net)
    assert "traced value" not in str(caught.value)
    assert (net.state_dict(), net.input_names) == (before, None)


def test_prediction_refuses_what_is_no_rows():
    for rows, kind, _ in HOLDS_NO_NUMBERS[:11]:
        with pytest.raises(kind, match=r"numbers|has no number|rows"):
            model().predict(rows)
    for rows in ([{"a": 1.0, "b": 2.0}], [{1.0, 2.0}]):
        with pytest.raises(TypeError, match=r"row 0 must be a list of numbers, but is the (dict|set)"):
            model().predict(rows)


def test_targets_that_are_text_say_what_is_wanted():
    for targets in (["cat"] * 40, numpy.array(["cat"] * 40), pandas.Series(["cat"] * 40)):
        with pytest.raises(TypeError, match=r"number classes|must hold numbers, but is an array of <U3"):
            trained(X, targets)

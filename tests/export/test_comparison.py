"""check_c: the largest difference of C and Python, and what cannot be compared."""

import math

import pytest
from c_files import needs_cc, network

import tinygrad_nn as tn
from tinygrad_nn import Value

pytestmark = needs_cc
CAPTURED = Value(1.5)


def test_check_c(tmp_path):
    model = network((3, 5, 2), "relu")
    assert tn.check_c(model, dtype="double") == 0.0
    assert 0.0 < tn.check_c(model, [[0.1, 0.2, 0.3], [1.0, 2.0, 3.0]]) < 1e-6
    assert tn.check_c(network((3, 5, 2), "tanh"), dtype="double", flags=["-O0"]) < 1e-15
    with pytest.raises(
        FileNotFoundError, match=r"no compiler nonesuch here: install one .* or name yours by compiler="
    ):
        tn.check_c(model, compiler="nonesuch")
    with pytest.raises(ValueError, match="the model takes 3 inputs, but row 1 has 2"):
        tn.check_c(model, [[1.0, 2.0, 3.0], [1.0, 2.0]])
    with pytest.raises(RuntimeError, match="-fnonsense"):
        tn.check_c(model, flags=["-fnonsense"])


class Pair(tn.Module):
    """A module that does not say that it has two inputs."""

    def __init__(self):
        self.weight = Value(1.5)

    def __call__(self, x):
        left, right = x
        return self.weight * left + tn.tanh(right)


def test_check_c_takes_the_number_of_inputs_from_the_rows():
    assert tn.check_c(Pair(), [[0.5, 2.0], [-1.0, 3.0]], dtype="double") < 1e-15
    assert tn.check_c(Pair(), inputs=["left", "right"], dtype="double") < 1e-15
    with pytest.raises(ValueError, match="Pair does not say how many inputs it takes"):
        tn.check_c(Pair())


@pytest.mark.parametrize(
    ("answer", "difference"),
    [(math.inf, 0.0), (1.0, math.inf), (math.nan, math.inf), (-math.inf, math.inf)],
)
def test_check_c_compares_numbers_that_are_not_finite(answer, difference, monkeypatch):
    from tinygrad_nn.export import comparison

    monkeypatch.setattr(comparison, "_run", lambda command, given="": f"{answer} 3.5" if given else "")
    assert tn.check_c(lambda x: [1.0 / x[0], x[0] + 3.0], [[0.0]], inputs=1) == max(difference, 0.5)


def test_check_c_says_what_it_cannot_compare():
    model = network()
    assert tn.check_c(lambda x: CAPTURED / x[0] + 1.0 / x[0], [[0.0]], inputs=1) == 0.0
    with pytest.raises(ValueError, match="there are none"):
        tn.check_c(model, [])


def shares(logits, k):
    return -tn.log(tn.take(tn.softmax(logits), k)) * CAPTURED


def stepwise(x, y):
    return x * y if x > y else tn.tanh(x) - y


@pytest.mark.parametrize(
    ("function", "arguments", "rows"),
    [
        (stepwise, (1.0, 2.0), None),
        (lambda x, ys: [x * y for y in ys], (1.0, [2.0, 3.0]), None),
        (shares, ([0.5, 1.5, -1.0], 1.0), [([0.1, 0.2, 0.3], k) for k in (0, 1, 2)]),
        (lambda: CAPTURED * 2.0, (), [()]),
    ],
)
def test_check_c_compares_compiled_functions(function, arguments, rows, monkeypatch):
    f = tn.compile(function)
    f(*arguments)
    assert tn.check_c(f, rows, dtype="double") < 1e-15
    if arguments:
        assert 0.0 < tn.check_c(f, rows) < 1e-6
    from tinygrad_nn.export import comparison

    def one_more(command, given=""):
        return " ".join(str(float(number) + 1.0) for number in run(command, given).split())

    run = comparison._run
    monkeypatch.setattr(comparison, "_run", one_more)
    assert tn.check_c(f, rows, dtype="double") == pytest.approx(1.0)


def test_check_c_says_what_it_cannot_compare_of_functions():
    f = tn.compile(shares)
    with pytest.raises(ValueError, match="has no program yet"):
        tn.check_c(f)
    f([0.5, 1.5, -1.0], 1.0)
    for rows, words in [
        (None, "rows, but there are none"), ([], "rows, but there are none"), ([([0.1, 0.2], 7)], "got the index 7"),
        ([([0.1, 0.2], 0), ([0.1, 0.2, 0.3], 0)], "one shape"),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=words):
            tn.check_c(f, rows)
    with pytest.raises(ValueError, match="inputs and scale_rows are for models"):
        tn.check_c(f, inputs=2)

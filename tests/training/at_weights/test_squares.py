"""What a loss is a sum of squares of, read off as it is written."""

import pytest

import tinygrad_nn as tn
from tinygrad_nn.compiler.surroundings.surroundings import Surroundings
from tinygrad_nn.compiler.surroundings.traced_in import traced_in
from tinygrad_nn.compiler.tracing.tracer import Tracer
from tinygrad_nn.training.at_weights.squares import NotSquaresError, squares_in


def parts(function, *numbers):
    """The value that a function of two parameters and of data has, and the squares that are found in it, as numbers."""
    tracer = Tracer("loss")
    w, v = tn.Value(1.5), tn.Value(-0.75)
    slots = tracer.parameters([w, v])
    given = [tracer.input(number, f"x{k}", plain=True) for k, number in enumerate(numbers)]
    with traced_in(tracer, Surroundings([function])):
        output = tracer.slot_of(function(w, v, *given))
    squares = squares_in(tracer, output, slots, "a loss")
    return tracer.numbers[output], [
        (tracer.numbers[tracer.slot_of(factor)], tracer.numbers[slot]) for slot, factor in squares
    ]


SUMS = {
    "a square": lambda w, v, t, s: (w * v - t) ** 2,
    "halved": lambda w, v, t, s: 0.5 * (w - t) ** 2,
    "weighted by data": lambda w, v, t, s: s * (w - t) ** 2 + (v - t) ** 2 * s / 3.0,
    "a mean": lambda w, v, t, s: tn.losses.squared_error([w, v, w * v], [t, s, 0.0]),
    "a dot": lambda w, v, t, s: 0.25 * tn.dot([w, v], [w, v]),
    "a fourth power": lambda w, v, t, s: (w - t) ** 4 + tn.sum([w**2, v**2]),
    "a quotient": lambda w, v, t, s: ((w - t) / s) ** 2 / (s * s),
}


@pytest.mark.parametrize("name", SUMS)
def test_the_sum_of_the_squares_is_the_value(name):
    value, squares = parts(SUMS[name], 0.3, 2.0)
    assert len(squares) >= 1
    assert sum(factor * root * root for factor, root in squares) == pytest.approx(value, rel=1e-14)


def test_one_value_times_itself_is_a_square():
    def loss(w, v):
        error = w - 2.0 * v
        return error * error

    value, squares = parts(loss)
    assert squares == [(1.0, 3.0)]
    assert value == 9.0


@pytest.mark.parametrize(
    ("loss", "told"),
    [
        (lambda w, v: abs(w), "absolute"),
        (lambda w, v: w * v, "both depend"),
        (lambda w, v: w, "a parameter by itself"),
        (lambda w, v: w**2 + 1.0, "does not depend"),
        (lambda w, v: w**2 / v, "divide"),
        (lambda w, v: -0.5 * w**2, "a factor that is not above 0"),
        (lambda w, v: w**2 - v**2, "subtract"),
        (lambda w, v: tn.losses.huber(w, 0.5), "which is no square"),
    ],
)
def test_what_is_no_sum_of_squares_is_refused_with_what_to_do(loss, told):
    with pytest.raises(NotSquaresError, match=rf"{told}.*write it as squares, or take method='lbfgs'"):
        parts(loss)

"""Lengths of steps: lower by enough and nearly level, on lines of all shapes, and an end where there are none."""

import math
import random

import pytest

from tinygrad_nn.training.minimizing.line_search import LEVELLED, LOWER, NARROW, LineSearch

TRIES = 60
LINES = {  # of More and Thuente (1994), and others: the value, and the slope
    "a pole beyond": (lambda t: -t / (t * t + 2.0), lambda t: (t * t - 2.0) / (t * t + 2.0) ** 2),
    "flat, then steep": (lambda t: (t + 0.004) ** 5 - 2.0 * (t + 0.004) ** 4,
                         lambda t: 5.0 * (t + 0.004) ** 4 - 8.0 * (t + 0.004) ** 3),
    "a parabola": (lambda t: (t - 3.0) ** 2, lambda t: 2.0 * (t - 3.0)),
    "a wave": (lambda t: -math.sin(t) + 0.01 * t * t, lambda t: -math.cos(t) + 0.02 * t),
    "a wall": (lambda t: math.exp(min(t, 700.0)) - 5.0 * t, lambda t: math.exp(min(t, 700.0)) - 5.0),
    "a logarithm": (lambda t: t - math.log1p(9.0 * t) if t < 50.0 else math.inf, lambda t: 1.0 - 9.0 / (1.0 + 9.0 * t)),
}  # fmt: skip


def found(line, length):
    value, slope = LINES[line]
    search = LineSearch(value(0.0), slope(0.0), length)
    for tries in range(1, TRIES):
        t = search.length
        if search.told(value(t), slope(t)):
            return t, tries, search
    raise AssertionError(f"{line} from {length} has no end")


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("length", [1e-3, 0.1, 1.0, 10.0, 1000.0])
def test_the_value_is_lower_by_enough_and_nearly_level(line, length):
    t, tries, search = found(line, length)
    value, slope = LINES[line]
    assert value(t) <= value(0.0) + LOWER * slope(0.0) * t
    narrow = search.between and search.high - search.low <= NARROW * search.high
    assert narrow or abs(slope(t)) <= -LEVELLED * slope(0.0)
    assert narrow == (line == "flat, then steep")  # where the slope at the start is next to nothing
    assert tries <= 12


def test_a_first_length_that_is_good_is_the_one():
    assert found("a parabola", 3.1)[:2] == (3.1, 1)


def test_what_is_not_finite_is_too_long():
    search = LineSearch(1.0, -1.0, 8.0)
    for number in (math.inf, math.nan):
        before = search.length
        assert not search.told(number, 0.0)
        assert search.length == before / 2.0


def test_where_no_length_is_lower_it_comes_back_to_the_start():
    """As rounding has it at a minimum."""
    rng = random.Random(0)
    search = LineSearch(1.0, -1e-3, 1.0)
    while search.length > 1e-6 and not search.told(1.0 + rng.random() * 1e-3, 1e-3):
        assert 0.0 <= search.length < 1.0
    assert search.length < 0.1


def test_places_of_one_value_and_slope_divide_by_no_zero():
    search = LineSearch(0.0, -1.0, 1.0)
    search.told(-1.0, -1.0)  # a straight line
    assert search.length > 1.0
    search = LineSearch(0.0, -1.0, 0.0)
    search.told(1.0, 0.0)
    assert math.isfinite(search.length)

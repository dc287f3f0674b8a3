"""Checks of what is given: each takes what is right, in its type, and names in its error what came and was wanted."""

import math
import random

import pytest

from tinygrad_nn.support import checks


@pytest.mark.parametrize(
    ("check", "given", "found"),
    [
        (checks.checked_number, 2, 2.0),
        (checks.checked_number, -math.inf, -math.inf),
        (checks.checked_finite, 1e308, 1e308),
        (checks.checked_count, 3, 3),
        (checks.checked_switch, 1, True),
        (checks.checked_text, "", ""),
    ],
)
def test_what_is_right_is_given_back_in_its_type(check, given, found):
    assert check("this", given) == found
    assert type(check("this", given)) is type(found)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: checks.checked_number("lr", "a"), TypeError, "lr must be a number, but got 'a'"),
        (lambda: checks.checked_number("lr", True), TypeError, "lr must be a number, but got True"),
        (lambda: checks.checked_number("lr", math.nan), ValueError, "lr must be a number, but got nan"),
        (lambda: checks.checked_number("lr", -1.0, 0.0), ValueError, "lr must be a number of 0 or more, but got -1.0"),
        (lambda: checks.checked_finite("lr", math.inf, 0.0), ValueError, "of 0 or more, and finite, but got inf"),
        (lambda: checks.checked_count("n", 1.0), TypeError, "n must be a whole number of 1 or more, but got 1.0"),
        (lambda: checks.checked_count("n", True), TypeError, "n must be a whole number of 1 or more, but got True"),
        (lambda: checks.checked_count("n", int), TypeError, "n must be a whole number of 1 or more"),
        (lambda: checks.checked_count("n", 18, 1, 17), ValueError, "n must be a whole number from 1 to 17, but got 18"),
        (lambda: checks.checked_switch("exact", 2), TypeError, "exact is True or False, but got 2"),
        (lambda: checks.checked_text("a title", 3), TypeError, "a title is text, but got 3"),
        (lambda: checks.checked_function("fit", 3, "of rows"), TypeError, "fit wants a function of rows, but got 3"),
        (lambda: checks.checked_choice("view", "x", ["a", "b"]), ValueError, "unknown view 'x': give one of a, b"),
        (lambda: checks.checked_choice("view", 3, ["a", "b"]), TypeError, "unknown view 3: give one of a, b"),
        (lambda: checks.checked_rng(random.Random), TypeError, r"rng must be a generator such as random.Random\(0\)"),
    ],
)
def test_what_is_wrong_is_told(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_counts_and_switches_of_numpys_are_pythons():
    numpy = pytest.importorskip("numpy", reason="numpy is not installed")
    assert type(checks.checked_count("n", numpy.int64(3))) is int
    assert checks.checked_switch("exact", numpy.bool_(False)) is False
    for given in (numpy.array([3]), numpy.array(3.0), numpy.float64(3.0)):
        with pytest.raises(TypeError, match="n must be a whole number"):
            checks.checked_count("n", given)
    with pytest.raises(TypeError, match=r"one of NumPy's draws in other ways: make random.Random\(seed\)"):
        checks.checked_rng(numpy.random.default_rng(0))


def test_without_a_generator_the_random_module_draws():
    assert checks.checked_rng(None) is random
    assert checks.checked_rng(generator := random.Random(0)) is generator

"""What counts as a number, and what only looks like one."""

from decimal import Decimal
from fractions import Fraction

import pytest

import tinygrad_nn as tn
from tinygrad_nn.support.numbers import as_float


@pytest.mark.parametrize(
    ("given", "number"), [(1, 1.0), (True, 1.0), (0.5, 0.5), (Fraction(1, 4), 0.25), (Decimal("0.1"), 0.1)]
)
def test_real_numbers_of_every_kind(given, number):
    assert type(as_float(given)) is float
    assert as_float(given) == number


def test_numbers_of_numpys():
    numpy = pytest.importorskip("numpy", reason="numpy is not installed")
    for given in (numpy.float32(0.5), numpy.int64(3), numpy.array(2.0), numpy.bool_(True)):
        assert type(as_float(given)) is float
        assert as_float(given) == given
    assert as_float(numpy.array([1.0, 2.0])) is None
    assert as_float(numpy.complex128(1j)) is None


@pytest.mark.parametrize("given", ["1", b"1", 1j, None, [1.0], object(), tn.Value(1.0)])
def test_what_is_no_number(given):
    assert as_float(given) is None


def test_a_number_past_all_floats_is_an_infinity():
    assert as_float(10**400) == float("inf")
    assert as_float(-(10**400)) == -float("inf")

"""Functions over floats and Values mixed: sums, folds, softmax, and every refusal."""

import math
import random

import mpmath
import pytest
from programs import bits
from shared import close, wrong

import tinygrad_nn as tn
from tinygrad_nn.autograd.value import Value


def test_reductions_over_floats_and_values_mixed():
    v = [Value(1.0), 3.0, Value(2.0)]
    for function, expected in [
        (tn.sum, 6.0), (tn.mean, 2.0), (tn.maximum, 3.0), (tn.minimum, 1.0),
        (tn.logsumexp, math.log(math.e + math.e**3 + math.e**2)), (lambda v: tn.take(v, 2), 2.0),
        (lambda v: tn.dot(v, [1, 2, 3], 1), 14.0), (lambda v: tn.clip(v[2], 0, 1.5), 1.5),
        (lambda v: tn.softmax(v)[0], 0.09003057317038046), (lambda v: tn.log_softmax(v)[1], -0.4076059644443806),
    ]:  # fmt: skip
        floats = function([1.0, 3.0, 2.0])
        assert type(floats) is float
        assert isinstance(function(v), Value)
        assert function(v).data == floats
        assert close(floats, expected, 1e-14)
    assert tn.sum([]) == 0.0
    assert tn.dot([], []) == 0.0
    assert tn.maximum(1, 2.0, 3) == 3.0
    assert tn.maximum(5) == 5.0
    assert tn.sum(x for x in (1, 2)) == 3.0


def test_ties_are_split_evenly():
    values = [Value(2.0), Value(1.0), Value(2.0), Value(2.0)]
    for function, sign in ((tn.maximum, 1.0), (tn.minimum, -1.0)):
        signed = [v * sign for v in values]
        assert tn.grad(function(signed), signed) == [1 / 3, 0.0, 1 / 3, 1 / 3]
    a, b = Value(2.0), Value(2.0)
    assert tn.grad(tn.maximum(a, b), [a, b]) == [0.5, 0.5]


def test_softmax_and_cross_entropy_of_huge_logits():
    probabilities = tn.softmax([1e4, -1e4, 1e4])
    assert probabilities == pytest.approx([0.5, 0.0, 0.5])
    logits = [Value(1e4), Value(-1e4)]
    loss = tn.losses.cross_entropy(logits, 1)
    loss.backward()
    assert loss.data == 2e4
    assert [v.grad for v in logits] == [1.0, -1.0]
    assert tn.softmax([1e17, 1e17]) == [0.5, 0.5]
    assert tn.losses.cross_entropy([1e17, 1e17], 0) == math.log(2)
    logits = [Value(1e16), Value(1e16 - 2)]
    loss = tn.losses.cross_entropy(logits, 0)
    loss.backward()
    assert close(loss.data, math.log1p(math.exp(-2)), 1e-15)
    assert close(logits[1].grad, math.exp(-2) / (1 + math.exp(-2)), 1e-15)
    assert close(logits[0].grad, -logits[1].grad, 0, 2**-52)


def test_softmax_is_of_n_exps_and_right_to_the_last_digits():
    """The largest once, an exp of each and a division: no logarithm; probabilities and derivatives beside mpmath's."""
    program = tn.compile(tn.softmax, backend="python")
    program([1.0, 2.0, 3.0])
    names = [entry.primitive.name for entry in program.program.flat.instructions]
    assert names == ["largest", *["exp_gap"] * 3, "partition", *["divide"] * 3]
    rng = random.Random(3)
    for scale in (1e-9, 1.0, 30.0, 700.0):
        logits = [rng.gauss(0.0, scale) for _ in range(rng.randrange(2, 9))]
        logits[-1] = logits[0]
        values = [Value(x) for x in logits]
        with mpmath.workdps(60):
            exact = [mpmath.exp(x) for x in logits]
            exact = [x / mpmath.fsum(exact) for x in exact]
        for i, share in enumerate(tn.softmax(values)):
            off = (2.0 + max(map(abs, logits)) + len(logits)) * 2**-52  # exp has that of its operand, which is rounded
            assert close(share.data, float(exact[i]), off, 1e-320)
            for j, slope in enumerate(tn.grad(share, values)):
                assert close(slope, float(exact[i] * ((i == j) - exact[j])), 4 * off, off * float(exact[i]) + 1e-320)


@pytest.mark.parametrize(
    ("logits", "shares"),
    [
        ([math.inf, 0.0], [1.0, 0.0]), ([-math.inf, 0.0], [0.0, 1.0]), ([math.inf, math.inf], [math.nan] * 2),
        ([-math.inf, -math.inf], [math.nan] * 2), ([math.inf, -math.inf, 0.0], [1.0, 0.0, 0.0]), ([-math.inf], [1.0]),
        ([math.nan, 0.0], [math.nan] * 2), ([0.0, -745.0], [1.0, 5e-324]), ([1e308, -1e308], [1.0, 0.0]),
    ],
)  # fmt: skip
def test_corners_of_softmax(logits, shares):
    assert all(map(bits, tn.softmax(logits), shares))
    for backend in ("python", "array", "llvm"):
        pytest.importorskip({"array": "numpy", "llvm": "llvmlite"}.get(backend, "math"))
        compiled = tn.compile(tn.softmax, backend=backend)(logits)
        assert all(close(a, b, 1e-14, 5e-324) or (a != a and b != b) for a, b in zip(compiled, shares, strict=True))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: tn.mean([]), ValueError, "tn.mean wants at least one value"),
        (lambda: tn.maximum([]), ValueError, "tn.maximum wants at least one value"),
        (lambda: tn.maximum(), ValueError, "tn.maximum wants at least one value"),
        (lambda: tn.softmax([]), ValueError, "tn.softmax wants at least one value"),
        (lambda: tn.dot([1.0], [1.0, 2.0]), ValueError, "1 weights and 2 inputs"),
        (lambda: tn.sum(wrong(3.0)), TypeError, "tn.sum wants a list of numbers or Values, but got 3.0"),
        (lambda: tn.sum(wrong("12")), TypeError, "tn.sum wants a list of numbers or Values, but got '12'"),
        (lambda: tn.sum([1.0, wrong("2")]), TypeError, "each entry of tn.sum wants a number or a Value, but got '2'"),
        (lambda: tn.take([1.0], wrong("0")), TypeError, "the index of tn.take wants a number"),
        (lambda: tn.exp(wrong([1.0])), TypeError, "tn.exp wants a number or a Value, but got"),
    ],
)
def test_bad_input(call, error, words):
    with pytest.raises(error, match=words.replace("(", r"\(")):
        call()


COLUMNS = [[0.3, -2.0, 1.5], [0.0, -2.0, 1.5], [0.0, 0.0, 1.5], [0.0, 0.0, 0.0], [2.0, 2.0], [-0.7], [1e-9, 3.0, -1e9]]


def slopes_and_curvatures(function, numbers):
    """By recording, and compiled."""
    found = tn.gradient(function)(numbers)[0], tn.hessian(function)(numbers)
    compiled = tn.compile(lambda xs: [tn.gradient(function)(xs)[0], *tn.hessian(function)(xs)], backend="python")
    for row, expected in zip(compiled(numbers), (found[0], *found[1]), strict=True):
        assert all(map(bits, row, expected))
    return found


@pytest.mark.parametrize("numbers", COLUMNS)
def test_a_product_is_right_with_zeros_among_its_factors(numbers):
    def without(*left_out):
        return math.prod(x for k, x in enumerate(numbers) if k not in left_out)

    assert tn.prod(numbers) == math.prod(numbers)
    slopes, curvatures = slopes_and_curvatures(tn.prod, numbers)
    assert slopes == pytest.approx([without(k) for k in range(len(numbers))])
    for j, row in enumerate(curvatures):
        assert row == pytest.approx([0.0 if j == k else without(j, k) for k in range(len(numbers))])


@pytest.mark.parametrize("numbers", [*COLUMNS, [3e200, -4e200], [3e-200, 4e-200, 0.0]])
def test_a_norm_has_the_slope_of_its_direction_and_0_at_the_origin(numbers):
    length = math.hypot(*numbers)
    assert tn.norm(numbers) == pytest.approx(length, rel=1e-15)
    slopes, curvatures = slopes_and_curvatures(tn.norm, numbers)
    if length == 0.0:
        assert {*slopes, *(x for row in curvatures for x in row)} == {0.0}
        return
    unit = [x / length for x in numbers]
    assert slopes == pytest.approx(unit, rel=1e-14)
    for j, row in enumerate(curvatures):
        right = [((j == k) - unit[j] * unit[k]) / length for k in range(len(numbers))]
        assert row == pytest.approx(right, rel=1e-12, abs=1e-14 / length)


@pytest.mark.parametrize("numbers", [*COLUMNS, [0.1, 0.1, 0.1]])
def test_a_standard_deviation_is_numpys(numbers):
    numpy = pytest.importorskip("numpy", reason="numpy is not installed")
    spread = float(numpy.std(numpy.asarray(numbers, dtype=numpy.longdouble)))
    assert tn.std(numbers) == pytest.approx(spread, rel=1e-14)
    slopes, curvatures = slopes_and_curvatures(tn.std, numbers)
    if len({*numbers}) == 1:
        assert tn.std(numbers) == 0.0
        assert {*slopes, *(x for row in curvatures for x in row)} == {0.0}
        return
    n, middle = len(numbers), math.fsum(numbers) / len(numbers)
    assert slopes == pytest.approx([(x - middle) / (n * spread) for x in numbers], rel=1e-12, abs=1e-15)
    for j, row in enumerate(curvatures):
        right = [((j == k) - 1 / n - n * slopes[j] * slopes[k]) / (n * spread) for k in range(n)]
        assert row == pytest.approx(right, rel=1e-10, abs=1e-13 / spread)


def test_nothing_has_the_product_1_the_length_0_and_no_standard_deviation():
    assert (tn.prod([]), tn.norm([])) == (1.0, 0.0)
    with pytest.raises(ValueError, match=r"tn.std wants at least one value"):
        tn.std([])

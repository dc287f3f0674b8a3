"""Values as texts: one walk writes them for every back end, as IEEE 754 has it, or says where it cannot."""

import math
import pickle
import random

import pytest
from c_files import called, library, needs_cc
from own_primitives import digamma
from programs import BACKENDS

import tinygrad_nn as tn
from tinygrad_nn import Value

# Values of every construction that a text may have, the same as a function, and its slope.
TEXTS = {
    "fraction": ("x / (1.0 + abs(x))", lambda x: x / (1 + abs(x)), "g * square(1.0 - abs(y))"),
    "clipped": (
        "1.0 if x >= 1.0 else -1 if x <= -1.0 else x", lambda x: min(max(x, -1.0), 1.0), "g * step(1.0 - abs(x))",
    ),
    "named": (
        "small = exp(-abs(x)); size = 1.0 + small; small / size", lambda x: 1 / (1.0 + math.exp(abs(x))),
        "-(g * y * (1.0 - y) * sign(x))",
    ),
    "inside": (
        "x if not (x <= -1.0 or x >= 1.0) and x != 0.5 else 2.0 * x",
        lambda x: x if -1 < x < 1 and x != 0.5 else 2 * x, "g * (1.0 + step(abs(x) - 1.0))",
    ),
    "constant": ("x - SQRT_HALF if x < inf else nan", lambda x: x - math.sqrt(0.5), "g"),
    "rows": (
        "maximum(sigmoid(x), gelu(x)) * tanh(-x)",
        lambda x: max(1 / (1 + math.exp(-x)), x * math.erfc(-x / math.sqrt(2)) / 2) * math.tanh(-x), None,
    ),
    "operands": ("-(x - (x - 3.0)) / (x / 2.0) * -x", lambda x: 6.0, None),
}  # fmt: skip


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_is_written_for_every_back_end(name, tmp_path):
    text, function, rule = TEXTS[name]
    made = tn.primitive(name, text, rule)
    points = [-2.5, -0.7, 0.3, 0.5, 1.9, 30.0]
    right = [pytest.approx(function(x), rel=1e-13, abs=1e-15) for x in points]
    assert [made(x) for x in points] == right
    assert [made(Value(x)).data for x in points] == right
    for backend in BACKENDS:
        f = tn.compile(lambda x: made(x) * 1.0, backend=backend)
        assert list(f.batch([[x] for x in points])) == right, backend
    if rule:
        assert tn.gradcheck(made, [Value(0.3)])


@needs_cc
def test_texts_in_c(tmp_path):
    rows = [tn.primitive(name, text, None) for name, (text, *_) in TEXTS.items()]

    def texts(x):
        return [row(x) for row in rows]

    f = tn.compile(texts, backend="python")
    f(0.3)
    made = library(f.source("c"), tmp_path)
    for x in (-2.5, -0.7, 0.3, 0.5, 1.9, 30.0):
        found = called(made, "texts", [x], (len(rows),))[1][0]
        assert list(found) == pytest.approx([row(x) for row in rows], rel=1e-13, abs=1e-15)
    model = tn.MLP(2, [3, 1], rows[0], rng=random.Random(1))
    assert tn.check_c(model) < 1e-6


def test_texts_follow_ieee_754():
    inverse = tn.primitive("inverse", "1.0 / x", "-(g * y * y)")
    assert (inverse(0.0), inverse(-0.0)) == (math.inf, -math.inf)
    assert tn.primitive("log_of_inverse", "log(1.0 / (x - 1.0)) + exp(1000.0 * x)", None)(1.0) == math.inf
    assert math.isnan(tn.primitive("odd", "1.0 / x - 1.0 / x", None)(0.0))
    for backend in BACKENDS:
        assert tn.compile(lambda x: inverse(x) * 2.0, backend=backend).batch([[0.0]] * 3) == [math.inf] * 3


def test_a_text_that_calls_python_says_where_it_cannot_go():
    log_gamma_by_text = tn.primitive("log_gamma_by_text", "math.lgamma(x) + 0.0 * x", lambda g, y, x: g * digamma(x))
    assert log_gamma_by_text(2.5) == math.lgamma(2.5)
    assert tn.compile(lambda x: log_gamma_by_text(x) * 1.0)(2.5) == math.lgamma(2.5)
    assert tn.gradcheck(log_gamma_by_text, [Value(2.2)])
    words = r"the value of log_gamma_by_text has math.lgamma\(x\) in it, which the back end '{}' cannot write: say how"
    for backend in BACKENDS[1:]:
        with pytest.raises(ValueError, match=words.format(backend)):
            tn.compile(lambda x: log_gamma_by_text(x) * 1.0, backend=backend)(2.5)
    f = tn.compile(lambda x: log_gamma_by_text(x) * 1.0)
    assert f.batch([[2.5]] * 5000) == [math.lgamma(2.5)] * 5000
    with pytest.raises(ValueError, match=words.format("c")):
        f.source("c")
    with pytest.raises(ValueError, match=r"the value of log_gamma_by_text raised ValueError \(.*\) at 0.0"):
        log_gamma_by_text(0.0)
    spelled = tn.primitive("spelled", "math.lgamma(x)", None, spellings={"llvm": "lgamma(x)", "c": "lgamma(x)"})
    if "llvm" in BACKENDS:
        assert tn.compile(lambda x: spelled(x) * 1.0, backend="llvm")(2.5) == pytest.approx(math.lgamma(2.5))


def test_operands_of_a_text():
    half = tn.primitive("half", "x / LOG_2", "g / LOG_2")  # rules and values know the same numbers
    assert tn.derivative(half, 3.0) == half(1.0) == 1.0 / math.log(2.0)
    ratio = tn.primitive("ratio", "b / a", {"b": "g / a", "a": "-(g * y / a)"}, operands="a b")
    assert ratio(2.0, 6.0) == 3.0
    assert tn.grad(ratio(a := Value(2.0), b := Value(6.0)), [a, b]) == [-1.5, 0.5]
    assert pickle.loads(pickle.dumps(BY_NAME)) is BY_NAME
    unread = tn.primitive("unread", "2.0 * x", ["2.0 * g", None], operands="x z")
    for backend in BACKENDS:
        assert tn.compile(lambda x, z: unread(x, z) + z, backend=backend)(2.0, 6.0) == 10.0


BY_NAME = tn.primitive("BY_NAME", "x * x * x", "3.0 * g * x * x")

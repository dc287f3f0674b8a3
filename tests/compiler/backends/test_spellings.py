"""Spellings of primitives of one's own: where there is none it is said, and what a language cannot read is refused."""

import math
import random

import pytest
from c_files import built, needs_cc
from own_primitives import log_gamma, soft_sign
from programs import BACKENDS

import tinygrad_nn as tn


def test_where_there_is_no_spelling_it_is_said_and_auto_goes_elsewhere():
    alone = tn.primitive("alone", lambda x: math.cbrt(x) if x else 0.0, "g / (3.0 * y * y)")
    model = tn.MLP(2, [3, 1], alone, rng=random.Random(1))
    words = r"the primitive alone has no spelling for the back end '{}': give it one by .*\{{'{}': ...\}}\), or take"
    for backend in BACKENDS[1:]:
        f = tn.compile(lambda x: alone(x) * 2.0, backend=backend)
        for call in (lambda f=f: f(8.0), lambda f=f: f.grad(8.0), lambda f=f: f.batch([[8.0]])):
            with pytest.raises(ValueError, match=words.format(backend, backend)):
                call()
    if "llvm" in BACKENDS:
        step = tn.compile_step(model, "squared_error", tn.SGD(model.parameters(), lr=0.1), backend="llvm")
        with pytest.raises(ValueError, match=words.format("llvm", "llvm")):
            step(*tn.data.xor())
    f = tn.compile(lambda x: alone(x) * 2.0)
    f(8.0)
    for count in (1, 40, 5000):
        assert f.batch([[8.0]] * count) == [4.0] * count
        assert f.batch([[8.0]] * count, gradients=True)[1] == [[1.0 / 6.0]] * count
    with pytest.raises(ValueError, match="has no spelling for the back end 'c'"):
        f.source("c")
    step = tn.compile_step(model, "squared_error", tn.SGD(model.parameters(), lr=0.1))
    step.run([[0.5, 0.25], [1.0, 0.5]], [0.0, 1.0], epochs=3)  # where no slope is infinite
    assert step.backend == "python"


@pytest.mark.skipif("llvm" not in BACKENDS, reason="no llvmlite here")
@pytest.mark.parametrize("text", ["x.real", "x ** 2", "'a'", "nothing(x)", "x if x else 1.0", "x < 1.0"])
def test_spellings_that_llvm_has_no_words_for(text):
    odd = tn.primitive("odd", lambda x: x, "g", spellings={"llvm": text})
    with pytest.raises(ValueError, match="the spelling of odd for 'llvm' cannot have"):
        tn.compile(lambda x: odd(x), backend="llvm")(1.0)


@pytest.mark.skipif("llvm" not in BACKENDS, reason="no llvmlite here")
def test_a_wrong_spelling_is_seen():
    wrong = tn.primitive("wrong", lambda x: x / (1.0 + abs(x)), "g", spellings={"llvm": "x / (1.0 + x)"})
    assert tn.compile(lambda x: wrong(x), backend="llvm")(-3.0) != wrong(-3.0)
    single = tn.compile(lambda x: soft_sign(log_gamma(x)), backend="llvm", dtype="float32")
    assert single(2.5) == pytest.approx(soft_sign(log_gamma(2.5)), rel=1e-6)


@needs_cc
@pytest.mark.parametrize("dtype", ["float", "double"])
@pytest.mark.parametrize(
    ("operand", "text"),
    [
        ("default", "2.0 * default"),
        ("real", ".5 * real"),
        ("x", "3.0"),
        ("x", "pow (x, 2.0) + 1E-3"),
        ("x", "fdim(x, 0.5)"),
        ("NAN", "NAN * 0.25"),
    ],
)
def test_spellings_in_c_of_any_kind(operand, text, dtype, tmp_path):
    made = tn.primitive("made", eval(f"lambda {operand}: {operand}"), f"g * {operand}", spellings={"c": text})
    f = tn.compile(lambda x: made(x), backend="python")
    f(0.5)
    tn.export_c(f, tmp_path / "f.c", name="f", dtype=dtype)
    built((tmp_path / "f.c").read_text(), tmp_path, "-c")


@pytest.mark.skipif("llvm" not in BACKENDS, reason="no llvmlite here")
@pytest.mark.parametrize("text", ["atan2(x)", "exp(x, x)", "fabs(x, x)", "fma(x, x)"])
def test_calls_that_llvm_would_misread(text):
    odd = tn.primitive("odd", lambda x: x, "g", spellings={"llvm": text})
    with pytest.raises(ValueError, match="the spelling of odd for 'llvm' cannot have"):
        tn.compile(lambda x: odd(x), backend="llvm")(1.0)

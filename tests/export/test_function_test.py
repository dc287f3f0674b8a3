"""The self test of a compiled function's file: every compiler passes it, a fault fails it, and rounding does not."""

import math
from typing import Any

import pytest
from c_files import built, found, needs_cc, printed

import tinygrad_nn as tn
from tinygrad_nn import Value

pytestmark = needs_cc
WEIGHTS = [Value(0.5), Value(-1.25)]

FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "of numbers": (lambda x, y: x * y + tn.tanh(x), [(1.0, 2.0)]),
    "of lists": (lambda xs, y: tn.dot(WEIGHTS, xs, y), [([1.0, 2.0], 0.5)]),
    "lists back": (lambda xs: [tn.exp(x) for x in xs], [([1.0, 2.0],)]),
    "with branches": (lambda x, y: x * y if x > y else x - y, [(1.0, 2.0), (3.0, 2.0)]),
    "an index": (lambda xs, k: tn.take(tn.softmax(xs), k), [([1.0, 2.0], 1.0)]),
    "of nothing": (lambda: WEIGHTS[0] * 3.0, [()]),
    "no derivative": (lambda x: tn.sqrt(x - 0.5), [(0.5,)]),
    "steep": (lambda x: tn.sin(1e9 * x), [(1.0,)]),
    "beyond floats": (lambda x: tn.exp(100.0 * x), [(2.0,)]),
    "not a number": (lambda x: tn.log(x), [(-2.0,)]),
    "an empty list": (lambda xs, y: y + tn.sum(xs), [([], 2.0)]),
}


@pytest.mark.parametrize("dtype", ["float", pytest.param("double", marks=pytest.mark.slow)])
@pytest.mark.parametrize("which", FUNCTIONS)
def test_files_of_functions_pass_their_self_test(which, dtype, tmp_path):
    function, calls = FUNCTIONS[which]
    f = tn.compile(function, backend="python")
    for arguments in calls:
        f(*arguments)
    tn.export_c(f, tmp_path / "made.c", name="f", dtype=dtype)
    text = (tmp_path / "made.c").read_text(encoding="ascii")
    tested = "-DF_SELF_TEST made.c -lm" in text
    assert tested or which in ("no derivative", "steep", "beyond floats", "not a number")
    for compiler in found[: 1 + (dtype == "float")]:
        flags = ["-O1", "-DF_SELF_TEST"] if tested else ["-c"]
        program = built(text, tmp_path, *flags, compiler=compiler)
        assert not tested or printed(program) == ("ok", 0)


def test_it_tells_what_differs_on_each_path(tmp_path):
    f = tn.compile(lambda x, y: x * y if x > y else x - y, backend="python")
    f(1.0, 2.0), f(3.0, 2.0)
    tn.export_c(f, tmp_path / "made.c", name="f")
    text = (tmp_path / "made.c").read_text(encoding="ascii")
    for right, wrong in (("x * y", "x + y"), ("x - y", "x + y")):
        assert right in text
        told, status = printed(built(text.replace(right, wrong), tmp_path, "-DF_SELF_TEST"))
        assert status == 1
        assert "the value of row" in told
    slopes = text.replace("d_y[0] = ", "d_y[0] = 0.5f + ")
    assert slopes != text
    assert "a result of row" in printed(built(slopes, tmp_path, "-DF_SELF_TEST"))[0]
    assert math.isfinite(tn.check_c(f, dtype="double"))

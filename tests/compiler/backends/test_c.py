"""C files of functions: equal to the engine in bits where arithmetic is all there is, and without a warning."""

import math
import random
import struct

import pytest
from c_files import (
    COMPILERS,
    built,
    called,
    found,
    library,
    needs_cc,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from programs import (
    ARITHMETIC,
    CORNERS,
    KINDS,
    ROWS,
    SMOOTH,
    bits,
    corner_call,
    corner_rows,
    eager,
    extended,
    near,
    plans,
)
from shared import matched

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.compiler.backends.c import functions as c_functions
from tinygrad_nn.compiler.single_precision import rounded

pytestmark = needs_cc


def agree(function, rows, folder, bound=0.0, flags=()):
    """The C file of a function gives the values and derivatives of the engine, within a relative bound."""
    f = tn.compile(function)
    for row in rows:
        f.value_and_grad(*row)
    loaded = library(f.source("c"), folder, *flags)
    name = matched(r"double (\w+)_grad\(", f.source("c"))[1]
    for row in rows:
        value, gradients = eager(function, row)
        got, flows = called(loaded, f"{name}_grad", row, [1] * len(row))
        alone, _ = called(loaded, name, row)
        for mine, wanted in zip([got, alone, *(flow for (flow,) in flows)], [value, value, *gradients], strict=True):
            assert bits(mine, wanted) or near(mine, wanted, bound), (row, mine, wanted, f.source("c"))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_primitive_at_its_corners(row, tmp_path):
    agree(corner_call(row), corner_rows(row), tmp_path, bound=1e-15)


def test_every_primitive_has_a_spelling():
    from tinygrad_nn.autograd.primitives import TABLE
    from tinygrad_nn.compiler.backends.spellings import LIBRARY

    for row in TABLE.values():
        spelled = row.text or row.name in c_functions.EXPRESSIONS or row.folds
        assert spelled or LIBRARY[row.name] == len(row.operands), row


@given(data=st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_arithmetic_is_equal_in_bits(data, tmp_path):
    numbers = data.draw(st.lists(st.floats(-3, 3), min_size=2, max_size=3))
    captured, plan = Value(data.draw(st.floats(-2, 2))), data.draw(plans(ARITHMETIC, most=20))

    def function(*scalars):
        return extended([*scalars, captured, 0.5, -2.0], plan)[-1] + 0.0 * scalars[0]

    agree(function, [numbers], tmp_path, flags=[f"-O{data.draw(st.integers(0, 3))}"])


@given(data=st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_programs(data, tmp_path):
    rows = data.draw(st.lists(st.tuples(*[st.floats(-3, 3)] * 3), min_size=1, max_size=3))
    plan = data.draw(plans(KINDS, most=14))
    agree(lambda *scalars: extended([*scalars, 0.5], plan)[-1] + 0.0 * scalars[0], rows, tmp_path, bound=1e-13)


def test_a_planted_fault_is_caught(tmp_path, monkeypatch):
    monkeypatch.setitem(c_functions.EXPRESSIONS, "subtract", "{b} - {a}")
    with pytest.raises(AssertionError):
        agree(lambda x, y: (x - y) * x, [[1.0, 3.0]], tmp_path)


def test_lists_results_and_branches_of_functions(tmp_path):
    w = Value(2.0)

    def distances(rows, x):
        return [tn.sum([(a - x) ** 2 for a in row]) * w for row in rows]

    f = tn.compile(distances)
    expected = f([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], 0.5)
    text = f.source("c")
    assert "void distances(const double rows[6], double x, double result[2])" in text
    assert "_grad" not in text
    assert called(library(text, tmp_path), "distances", [[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 0.5], [2])[1] == [expected]

    def branches(x, y):
        return x * 2.0 if x > y else y * y

    f = tn.compile(branches)
    f(3.0, 1.0)
    one = library(f.source("c"), tmp_path, name="one")
    assert called(one, "branches", [3.0, 1.0])[0] == 6.0
    assert math.isnan(called(one, "branches", [1.0, 3.0])[0])  # no path of it is known
    assert all(math.isnan(n) for (n,) in called(one, "branches_grad", [1.0, 3.0], [1, 1])[1])
    f(1.0, 3.0)
    both = library(f.source("c"), tmp_path, name="both")
    assert [called(both, "branches", row)[0] for row in ([3.0, 1.0], [1.0, 3.0])] == [6.0, 9.0]
    assert called(both, "branches_grad", [1.0, 3.0], [1, 1]) == (9.0, [[0.0], [6.0]])
    assert "test_c.py" in f.source("c")
    assert "/" not in matched(r"branches \((.*)\)", f.source("c"))[1]


def test_functions_of_floats_and_names_that_c_has_already(tmp_path):
    def double(int, y1, π, exp):
        return int * y1 + π / exp

    f = tn.compile(double, backend="python")
    f(1.0, 2.0, 3.0, 4.0)
    loaded = library(f.source("c"), tmp_path)
    assert called(loaded, "double_2", [1.0, 2.0, 3.0, 4.0])[0] == 2.75
    tn.export_c(f, tmp_path / "other.c", name="sums", dtype="float")
    assert "float sums(float int_2, float y1_2, float v, float exp_2);" in (tmp_path / "other.c").read_text()
    with pytest.raises(ValueError, match="has no program yet"):
        tn.compile(double).source("c")


def test_numbers_come_back_to_the_bit():
    rng = random.Random(1)
    some = [*CORNERS, 5e-324, 2.0**-149, 0.1, *(struct.unpack("d", rng.randbytes(8))[0] for _ in range(500))]
    for value in some:
        text = c_functions.c_number(value, False).strip("()")
        assert text in ("NAN", "INFINITY", "-INFINITY") or bits(float(text), value)
        wanted = rounded(value)
        if math.isinf(wanted) and not math.isinf(value):
            with pytest.raises(ValueError, match="is larger than any float"):
                c_functions.c_number(value, True)
            continue
        single = c_functions.c_number(value, True).strip("()")
        if text not in ("NAN", "INFINITY", "-INFINITY"):
            assert single.endswith("f")
            assert rounded(float(single[:-1])) == wanted


def test_smooth_kinds_are_all_spelled(tmp_path):
    plan = [(kind, k, k + 1, k + 2) for k, kind in enumerate(SMOOTH)]
    agree(lambda x, y, z: extended([x, y, z, 0.5], plan)[-1], [[0.3, -0.7, 1.1]], tmp_path, bound=1e-13)


def labelled(x, xs):
    mu_i = tn.exp(x)
    mu_i.label = "mu_i"
    mu = [v * mu_i for v in xs]
    for k, m in enumerate(mu):
        m.label = f"mu{k}"
    return tn.dot(mu, [tn.sin(m) for m in mu])


def argument_like_a_member(z_i, xs):
    zs = [tn.exp(z_i) * x for x in xs]
    for k, z in enumerate(zs):
        z.label = f"z{k}"
    return tn.dot(zs, [tn.sin(z) for z in zs])


def named_like_the_file(named_like_the_file_values, named_like_the_file_sigmoid, expf, M_PI):
    return tn.sigmoid(named_like_the_file_values) * expf + named_like_the_file_sigmoid * M_PI * CAPTURED


CAPTURED = Value(1.5)


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (labelled, [0.5, [1.0, 2.0, 3.0, 4.0]]),
        (argument_like_a_member, [0.5, [1.0, 2.0, 3.0, 4.0]]),
        (lambda xs, ys, z: z * ys[1] + sum(xs, 0.0), [[], [1.0, 2.0], 3.0]),
        (named_like_the_file, [0.1, 0.2, 0.3, 0.4]),
        (lambda *xs, scale=2.0: tn.sum(list(xs)) * scale, [1.0, 2.0]),
    ],
)
def test_names_and_empty_lists(function, arguments, tmp_path):
    f = tn.compile(function)
    value, gradients = f.value_and_grad(*arguments)
    text = f.source("c")
    for compiler in COMPILERS:
        if compiler in found:
            built(text, tmp_path, "-O1", "-c", compiler=compiler)
    name = matched(r"double (\w+)_grad\(", text)[1]
    sizes = [max(1, len(a)) if isinstance(a, list) else 1 for a in arguments]
    given = [a or [0.0] if isinstance(a, list) else a for a in arguments]
    got, flows = called(library(text, tmp_path), f"{name}_grad", given, sizes)
    assert near(got, value, 1e-14)
    for mine, wanted in zip(flows, gradients, strict=True):
        listed = wanted if isinstance(wanted, list) else [wanted]
        assert all(near(a, b, 1e-14) for a, b in zip(mine, listed, strict=False))


def test_empty_lists_are_arguments_like_others():
    assert tn.compile(lambda xs, y: y * 2.0 + len(xs))([], 3.0) == 6.0


def test_branches_that_capture_other_values_and_no_arguments(tmp_path):
    w, b = Value(2.0), Value(3.0)
    f = tn.compile(lambda x: x * w if x > 0 else x * b * b)
    f(1.0)
    f(-1.0)
    made = library(f.source("c"), tmp_path)
    name = matched(r"double (\w+)_grad\(", f.source("c"))[1]
    assert [called(made, f"{name}_grad", [x], [1]) for x in (1.0, -1.0)] == [(2.0, [[2.0]]), (-9.0, [[9.0]])]

    def nothing():
        return w * 2.0 if w > 0 else w

    f = tn.compile(nothing)
    f()
    assert called(library(f.source("c"), tmp_path), "nothing", [])[0] == 4.0

    def lengths(x):
        return [x, 2.0 * x] if x > 0 else [x, x, 3.0 * x]

    f = tn.compile(lengths)
    f(1.0)
    f(-1.0)
    with pytest.raises(ValueError, match="lengths returns other numbers of results on other paths"):
        f.source("c")

"""Repeats in groups: a loop over time around loops over neurons, the same numbers as written out."""

import pytest
from repeats import PROGRAMS, SCAN, guarded, nest, of_four, paths, plainly, recurrent

from tinygrad_nn.compiler.loops.roll import rolled
from tinygrad_nn.compiler.program.program import OffPath
from tinygrad_nn.compiler.target import Target


@pytest.mark.parametrize("name", PROGRAMS)
def test_repeats_compute_what_their_iterations_do(name):
    program, body = PROGRAMS[name]
    inputs = [0.1 + 0.01 * (k * 7 % 50) for k in range(len(program.inputs))]
    expected = plainly(program, body, inputs)
    assert rolled(program, body).run(inputs, []) == expected


@pytest.mark.parametrize("name", PROGRAMS)
def test_machine_code_of_repeats(name):
    np = pytest.importorskip("numpy")
    pytest.importorskip("llvmlite")
    from tinygrad_nn.compiler.backends.llvm.call import NativeProgram, native_call

    program, body = PROGRAMS[name]
    target = Target("llvm", False, "float64", False)
    rows = 0.1 + 0.01 * np.random.default_rng(1).random((11, len(program.inputs)))
    expected = [plainly(program, body, row) for row in rows.tolist()]
    call, many = native_call(rolled(program, body), target), NativeProgram(rolled(program, body), target)
    for _ in range(2):
        found, on_path = many(rows)
        np.testing.assert_allclose(found, expected, rtol=1e-14)
        assert on_path.all()
        np.testing.assert_allclose([call.run(row) for row in rows.tolist()], expected, rtol=1e-14)


def test_a_guard_in_an_iteration_leaves_the_path():
    program, body = guarded()
    assert rolled(program, body).run([0.5, 2.0, 3.0, 9.0], []) == plainly(program, body, [0.5, 2.0, 3.0, 9.0])
    with pytest.raises(OffPath, match="here"):  # in the third iteration, of 2 * 6 + 3
        rolled(program, body).run([2.0, 2.0, 3.0, 7.0], [])
    np, _ = pytest.importorskip("numpy"), pytest.importorskip("llvmlite")
    from tinygrad_nn.compiler.backends.llvm.call import NativeProgram

    many = NativeProgram(rolled(program, body), Target("llvm", False, "float64", False))
    assert many(np.array([[0.5, 2.0, 3.0, 9.0], [2.0, 2.0, 3.0, 7.0]]))[1].tolist() == [True, False]


def test_the_listing_says_for():
    program, body = of_four(SCAN)
    program.names.update({0: "w", 1: "a", 2: "b", 3: "c"})
    assert str(rolled(program, body)).splitlines() == [
        "of_four(w, a, b, c)    # inputs[0 : 4]",
        "    v10' = a",
        "    for t in 0..2:",
        "        v20 = multiply v10' w",
        "        v10[t] = add v20 inputs[-t + 3]",
        "        v10' = v10[t]",
        "    return v10[0], v10[1], v10[2], v20",
    ]
    listed = str(rolled(*recurrent(19, 7))).splitlines()
    assert [line.strip() for line in listed[2:-1]] == [
        "for t in 0..6:",
        "v3000[i] = dot inputs[19i : 19i + 19] v5000'[0 : 19] inputs[19t + i + 361]    for i < 19",
        "v5000[19t + i] = tanh v3000[i]    for i < 19",
        "v5000' = v5000[19t : 19t + 19]",
    ]
    together = str(rolled(*paths(11, 9))).splitlines()
    assert [line.strip() for line in together[2:-1]] == [
        "for t in 0..8:",
        "v1000[i] = multiply v5000'[i] inputs[11i]    for i < 11",
        "v5000[11t + i] = add v1000[i] inputs[t + 11i + 2]    for i < 11",
        "v5000' = v5000[11t : 11t + 11]",
    ]
    nested = str(rolled(*nest()))
    assert "        for u in 0..1:\n            " in nested

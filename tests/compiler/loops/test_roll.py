"""Repeats in groups: a loop over time around loops over neurons, the same numbers as written out."""

import pytest

from tinygrad_nn.autograd.primitives import add, dot, multiply, tanh
from tinygrad_nn.compiler.loops.repeats import BodyEntry, Repeat, run
from tinygrad_nn.compiler.loops.roll import rolled
from tinygrad_nn.compiler.program.program import Guard, Instruction, OffPath, Program
from tinygrad_nn.compiler.target import Target

SUMS = [Instruction(20, multiply, (21, 0)), Instruction(22, add, (20, 23))]
FIBONACCI = Repeat(10, [Instruction(20, add, (21, 22))], carried={21: (0, 20), 22: (1, 21)}, last={20: 10})
SCAN = Repeat(3, SUMS, {23: (3, 2, 1)}, {21: (1, 22)}, {22: (10, 11, 12)}, {20: 13}, {20: 20, 22: 22})
OUT_OF_ORDER = Repeat(4, SUMS, {23: (2, 1, 3, 1)}, {21: (1, 22)}, {22: (10, 11, 12, 14)})
LITERALS = Repeat(3, SUMS, {23: (4, 5, 4)}, {21: (1, 22)}, last={22: 10})
LONE_KEPT = Repeat(3, SUMS, {23: (3, 2, 1)}, {21: (1, 22)}, {20: (10, 11, 12)}, {20: 13})


def recurrent(units, times):
    """h = tanh(U h + x[t]) of so many units, in which the weights are inputs; all h come out."""
    weights = [[i * units + j for j in range(units)] for i in range(units)]
    first = units * units
    series = [[first + units * t + i for t in range(times)] for i in range(units)]
    zero = first + units * times
    inputs = [*range(zero)]
    h, carried = [1000 + i for i in range(units)], [2000 + i for i in range(units)]
    body = []
    for i in range(units):
        body += [
            Instruction(3000 + i, dot, (tuple(weights[i]), tuple(carried), 4000 + i)),
            Instruction(h[i], tanh, (3000 + i,)),
        ]
    kept = {h[i]: tuple(5000 + units * t + i for t in range(times)) for i in range(units)}
    repeat = Repeat(
        times, body, {4000 + i: tuple(series[i]) for i in range(units)},
        {c: (zero, of) for c, of in zip(carried, h, strict=True)}, kept,
    )  # fmt: skip
    outputs = [5000 + k for k in range(units * times)]
    return Program("recurrent", inputs, literals={zero: 0.0}, outputs=outputs), [repeat]


def nest():
    """s = s * (x0 + x1 + x2), then (x1 + x2 + x3), of which the inner sums are a loop, and read by another repeat."""
    inner = Repeat(2, [Instruction(20, add, (21, 22))], {22: (31, 32)}, {21: (30, 20)}, {20: (33, 34)})
    body: list[BodyEntry] = [inner, Instruction(35, multiply, (36, 34)), Instruction(37, add, (33, 35))]
    each: dict[int, tuple[int, ...]] = {30: (0, 1), 31: (1, 2), 32: (2, 3)}
    outer = Repeat(2, body, each, {36: (0, 35)}, {33: (10, 11), 34: (14, 15), 37: (12, 13)})
    after = Repeat(4, [Instruction(40, multiply, (41, 42))], {42: (15, 11, 14, 10)}, {41: (12, 40)}, last={40: 16})
    return Program("nest", [0, 1, 2, 3], outputs=[10, 11, 13, 16, 12]), [outer, after]


def of_four(repeat, literals=()):
    outputs = sorted(repeat.sets())
    return Program("of_four", [0, 1, 2, 3], literals=dict(literals), outputs=outputs), [repeat]


PROGRAMS = {
    "chain": of_four(FIBONACCI),
    "backwards": of_four(SCAN),
    "no stride": of_four(OUT_OF_ORDER),
    "literals": of_four(LITERALS, {4: 0.25, 5: -1.5}),
    "one kept twice": of_four(LONE_KEPT),
    "neurons": recurrent(3, 5),
    "many neurons": recurrent(19, 7),
    "nest": nest(),
}


def plainly(program, body, inputs):
    numbers = dict(zip(program.inputs, inputs, strict=True)) | program.literals
    run(body, numbers)
    return [numbers[slot] for slot in program.outputs]


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
    from tinygrad_nn.compiler.backends.llvm.call import NativeCall, NativeProgram

    program, body = PROGRAMS[name]
    target = Target("llvm", False, "float64", False)
    rows = 0.1 + 0.01 * np.random.default_rng(1).random((11, len(program.inputs)))
    expected = [plainly(program, body, row) for row in rows.tolist()]
    call, many = NativeCall(rolled(program, body), target), NativeProgram(rolled(program, body), target)
    for _ in range(2):
        found, on_path = many(rows)
        np.testing.assert_allclose(found, expected, rtol=1e-14)
        assert on_path.all()
        np.testing.assert_allclose([call.run(row) for row in rows.tolist()], expected, rtol=1e-14)


def test_a_guard_in_an_iteration_leaves_the_path():
    guarded = Repeat(3, [Guard(21, "<", 3, True, "here"), *SUMS], {23: (1, 2, 1)}, SCAN.carried, SCAN.kept)
    program, body = of_four(guarded)
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
        "    v22' = a",
        "    for t in 0..2:",
        "        v20 = multiply v22' w",
        "        v10[t] = add v20 inputs[-t + 3]",
        "        v22' = v10[t]",
        "    return v10[0], v10[1], v10[2], v20",
    ]
    listed = str(rolled(*recurrent(19, 7))).splitlines()
    assert [line.strip() for line in listed[2:-1]] == [
        "for t in 0..6:",
        "v3000[i] = dot inputs[19i : 19i + 19] v1000'[0 : 19] inputs[19t + i + 361]    for i < 19",
        "v5000[19t + i] = tanh v3000[i]    for i < 19",
        "v1000' = v5000[19t : 19t + 19]",
    ]
    nested = str(rolled(*nest()))
    assert "        for u in 0..1:\n            " in nested

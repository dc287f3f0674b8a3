"""The llvm back end: vector functions against mpmath, programs against the interpreter, in lanes of any number."""

import copy
import ctypes
import functools
import itertools
import math
import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import mpmath
import pytest
from programs import ROWS, corner_call, corner_rows, near, tame
from shared import load_example

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.autograd.primitives import TABLE
from tinygrad_nn.compiler.backends.llvm import engine as native
from tinygrad_nn.compiler.backends.llvm import functions as llvm_functions
from tinygrad_nn.compiler.backends.llvm import printer as llvm
from tinygrad_nn.compiler.backends.llvm import vector_math
from tinygrad_nn.compiler.backends.llvm.call import NativeProgram
from tinygrad_nn.compiler.backends.llvm.ir import Block, Kind
from tinygrad_nn.compiler.backends.spellings import LIBRARY
from tinygrad_nn.compiler.function import compile
from tinygrad_nn.compiler.loops.scatters import scatters
from tinygrad_nn.compiler.target import Target

numpy = pytest.importorskip("numpy", reason="numpy is not installed")
pytest.importorskip("llvmlite", reason="llvmlite is not installed")
expression = load_example("expression").expression

EXACT = {
    "exp": mpmath.exp, "log": mpmath.log, "log1p": mpmath.log1p, "tanh": mpmath.tanh, "sin": mpmath.sin,
    "cos": mpmath.cos, "erf": mpmath.erf, "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
}  # fmt: skip


def points(name, single):
    """Numbers over the whole range of a function, dense where it is hard."""
    rng = random.Random(name)
    far = 30 if single else 300
    numbers = [rng.gauss(0, 1) for _ in range(300)] + [rng.uniform(-20, 20) for _ in range(300)]
    numbers += [rng.choice([-1, 1]) * 10.0 ** rng.uniform(-far, far) for _ in range(200)]
    numbers += [rng.choice([-1, 1]) * 10.0 ** rng.uniform(-20, 3) for _ in range(200)]
    if name == "exp":
        numbers += [rng.uniform(-103 if single else -745, 88 if single else 709) for _ in range(300)]
    if name in ("sin", "cos"):
        numbers += [rng.uniform(-(2**20), 2**20) for _ in range(300)] + [k * math.pi / 2 for k in range(1, 200)]
    if name in ("log", "log1p"):
        numbers += [1.0 + rng.uniform(-0.5, 0.5) for _ in range(300)] + [1e-310, 5e-324, 2.3e-308]
        numbers = [abs(x) if name == "log" or x <= -1 else x for x in numbers]
    if name in ("tanh", "erf"):
        numbers += [rng.uniform(-1.5, 1.5) for _ in range(300)] + [rng.uniform(-6.5, 6.5) for _ in range(200)]
    dtype = numpy.float32 if single else numpy.float64
    return numpy.array([x for x in numbers if not single or 1e-37 < abs(x) < 3e38 or x == 0], dtype=dtype)


def vectorised(name, kind):
    """The function of vectors, run over an array whose length is a multiple of the lanes."""
    block = Block(kind)
    block.loop("%blocks", lambda i: block.store(*moved(block, name, kind, i)), most_written_out=0)
    text, declared = vector_math.definition(name, kind)
    body = "\n  ".join([*block.entry, *block.lines, "ret void"])
    main = f"define void @run(ptr %x, ptr %y, i64 %blocks) {{\n  {body}\n}}"
    return native.native("\n".join([*sorted(declared), text, main]), pointers=2)


def moved(block, name, kind, i):
    source, target = (block.let(f"getelementptr {kind.numbers}, ptr {p}, i64 {i}") for p in ("%x", "%y"))
    given = block.load(source)
    found = f"call {kind.numbers} {vector_math.vector_name(name, kind)}({kind.numbers} {given})"
    return target, block.let(found)


@pytest.mark.parametrize("kind", [Kind(8), Kind(1), Kind(16, single=True)], ids=["double", "one", "single"])
@pytest.mark.parametrize("name", vector_math.FUNCTIONS)
def test_functions_are_within_two_units_in_the_last_place(name, kind):
    compiled = vectorised(name, kind)
    x = points(name, kind.single)
    x = numpy.concatenate([x, numpy.ones(-len(x) % kind.lanes, x.dtype)])
    y = numpy.empty_like(x)
    compiled.run(x.ctypes.data, y.ctypes.data, len(x) // kind.lanes)
    least = float(numpy.finfo(x.dtype).tiny)
    with mpmath.workprec(1200):
        for number, found in zip(x.tolist(), y.tolist(), strict=True):
            exact = EXACT[name](mpmath.mpf(number))
            nearest = float(exact)
            if not math.isfinite(nearest) or (kind.single and abs(nearest) > 3.4e38):
                assert found == nearest or (kind.single and math.isinf(found))
                continue
            unit = float(numpy.spacing(x.dtype.type(max(abs(nearest), least))))
            assert abs(mpmath.mpf(found) - exact) <= 2 * unit, (number, found, nearest)


@pytest.mark.parametrize("single", [False, True])
def test_functions_of_long_vectors_are_those_of_a_register(single):
    short, long = Kind(16 if single else 8, single), Kind(64, single)
    for name in sorted(vector_math.FUNCTIONS.keys() - {"sin", "cos"}):  # which are never written for long ones
        x = points(name, single)
        x = numpy.concatenate([x, numpy.ones(-len(x) % 64, x.dtype)])
        found = [numpy.empty_like(x), numpy.empty_like(x)]
        for kind, y in zip((short, long), found, strict=True):
            vectorised(name, kind).run(x.ctypes.data, y.ctypes.data, len(x) // kind.lanes)
        assert numpy.array_equal(*found, equal_nan=True), name


@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize("name", vector_math.FUNCTIONS)
def test_functions_at_their_ends(name, single):
    kind = Kind(16 if single else 8, single)
    dtype = numpy.float32 if single else numpy.float64
    x = numpy.array([math.inf, -math.inf, math.nan, 0.0, -0.0, -1.0, -2.0, 5e3] * (2 if single else 1), dtype=dtype)
    y = numpy.empty_like(x)
    vectorised(name, kind).run(x.ctypes.data, y.ctypes.data, 1)
    for number, found in zip(x.tolist()[:7], y.tolist(), strict=False):
        expected = TABLE[name].value(number)
        assert found == pytest.approx(expected, rel=1e-6, nan_ok=True), number
        if expected == 0.0:
            assert math.copysign(1.0, found) == math.copysign(1.0, expected), number


def agree(roll, rows, bound=1e-12):
    outputs, on_path = NativeProgram(roll, Target("llvm"))(numpy.asarray(rows))
    assert outputs.shape == (len(rows), len(roll.outputs))
    for row, got, flag in zip(rows, outputs.tolist(), on_path.tolist(), strict=True):
        assert flag
        expected = roll.flat.run(row)
        assert all(near(a, b, bound) for a, b in zip(got, expected, strict=True)), (row, got, expected)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_primitive_at_its_corners(row):
    rows = corner_rows(row)
    f = compile(corner_call(row))
    f.value_and_grad(*rows[0])
    agree(f.program, rows, bound=1e-12 if row.name == "log_power" else 1e-15 * 4)  # of a logarithm's 710th power
    agree(f.gradient_program, tame(rows))


def test_a_network_and_its_gradient():
    model = tn.MLP(3, [20, 17, 4], "tanh", rng=random.Random(1))

    def loss(x, t):
        return tn.losses.cross_entropy(model(x), t)

    f = compile(loss)
    f.value_and_grad([0.1, 0.2, 0.3], 1)
    rng = random.Random(2)
    rows = [[rng.gauss(0, 1) for _ in range(3)] + [float(rng.randrange(4))] for _ in range(21)]
    agree(f.gradient_program, rows)
    model.layers[0].neurons[0].weights[0].data += 1.0
    agree(f.gradient_program, rows)


def test_compiled_functions_on_llvm():
    def function(x, y):
        if x > y:
            return x * y
        return x + y if y > 2.0 else x - y

    f = tn.compile(function, backend="llvm")
    assert f.backend == "llvm"
    assert (f(3.0, 1.0), f.grad(1.0, 3.0)) == (3.0, [1.0, 1.0])
    rng = random.Random(1)
    rows = [[rng.uniform(-4, 4), rng.uniform(-4, 4)] for _ in range(50)]
    values, gradients = f.batch(rows, gradients=True)
    assert values == [function(*row) for row in rows]
    plain = tn.compile(function, backend="python")
    assert gradients == [plain.grad(*row) for row in rows]
    g = tn.compile(lambda xs, y: [xs[0] * y, xs[1]], backend="llvm", dtype="float32")
    assert g.batch([[[1.0, 2.0], 3.0], [[4.0, 5.0], 6.0]]) == [[3.0, 2.0], [24.0, 5.0]]
    assert "define void @run" in f.source("llvm")
    weight = Value(1.0)
    branch = tn.compile(lambda x: x * weight if weight > 0.5 else x, backend="llvm")
    assert branch.batch([[2.0]] * 9) == [2.0] * 9
    weight.data = 0.25
    assert branch.batch([[2.0]] * 9) == [2.0] * 9
    assert "2 programs" in repr(branch)


def test_a_second_model_of_the_same_shape_compiles_nothing():
    rows = numpy.random.default_rng(1).normal(size=(5000, 1, 2))
    for seed in range(3):
        f = tn.compile(tn.MLP(2, [5, 1], rng=random.Random(seed)), backend="llvm")
        f.batch(rows)
        if seed == 0:
            before = native.native.cache_info().misses
    assert native.native.cache_info().misses == before


def code_of(turns, kind="volatile "):
    """The object code of a loop of so many turns."""
    llvm = native._begun()
    return native._compiled(
        llvm,
        llvm.Target.from_default_triple().create_target_machine(opt=native.LEVEL),
        f"""define void @run(ptr %x) {{
start:
  br label %turn
turn:
  %k = phi i64 [0, %start], [%next, %turn]
  %next = add i64 %k, 1
  store {kind}i64 %k, ptr %x
  %over = icmp eq i64 %next, {turns}
  br i1 %over, label %end, label %turn
end:
  ret void
}}
""",
    )


OF_A_LATER_VERSION = ("always_inliner", "of_a_later_version")


@pytest.mark.parametrize("passes", [native.PASSES, OF_A_LATER_VERSION], ids=["named", "first level"])
def test_loops_stay_as_they_are_written(passes, monkeypatch):
    """LLVM's unrolling takes half of its time: the code of three turns is as long as that of seven."""
    monkeypatch.setattr(native, "PASSES", passes)
    assert len(code_of(3)) == len(code_of(7))


def test_the_first_level_stands_in_for_passes_that_llvmlite_has_no_names_for(monkeypatch):
    """And does what the one that it has a name for would not: a loop whose last turn alone counts is none."""
    f = compile(expression, backend="llvm")
    told = f(2.0, 3.0)
    monkeypatch.setattr(native, "PASSES", OF_A_LATER_VERSION)
    native.native.cache_clear()
    native.LINKED.clear()
    assert compile(expression, backend="llvm")(2.0, 3.0) == told
    made = code_of(7, "")
    monkeypatch.setattr(native, "PASSES", OF_A_LATER_VERSION[:1])
    assert made != code_of(7, "")


def test_the_key_on_disk_tells_of_the_passes(monkeypatch):
    """Code of other passes is other code: it is not to be taken from the cache for this one."""
    keys = []

    def kept(key, compiled):
        keys.append("\0".join(key))
        return compiled()

    monkeypatch.setattr(native, "from_cache", kept)
    text = "define void @run(i64 %n) {\n  ret void\n}\n"
    native._engine(text)
    monkeypatch.setattr(native, "LEVEL", 2)
    native._engine(text)
    monkeypatch.setattr(native, "PASSES", native.PASSES[:-1])
    native._engine(text)
    assert len(set(keys)) == 3


def test_auto_takes_very_large_batches():
    f = tn.compile(expression)
    rows = numpy.random.default_rng(1).normal(size=(5000, 2))
    values, gradients = f.batch(rows, gradients=True)
    some = [f.value_and_grad(*row) for row in rows[:50].tolist()]
    assert values[:50].tolist() == pytest.approx([value for value, _ in some], rel=1e-12)
    assert gradients[:50].ravel().tolist() == pytest.approx([g for _, gs in some for g in gs], rel=1e-9)
    assert f.backend == "python"


def test_every_primitive_is_spelled():
    for row in TABLE.values():
        spelled = row.text or row.name in llvm_functions.SPELLINGS or row.name in llvm_functions.FOLDS
        assert spelled or row.name == "dot" or LIBRARY[row.name] == len(row.operands), row


def test_a_planted_fault_is_caught(monkeypatch):
    monkeypatch.setitem(llvm_functions.SPELLINGS, "subtract", Block.add)
    with pytest.raises(AssertionError):
        test_a_network_and_its_gradient()


def test_lanes_of_any_number():
    model = tn.MLP(2, [6, 1], "tanh", rng=random.Random(1))
    f = compile(model)
    rows = numpy.random.default_rng(2).normal(size=(16, 2))
    expected = numpy.array([[value, *slopes] for value, (slopes,) in map(f.value_and_grad, rows.tolist())])
    for lanes in (1, 2, 4, 8, 16):
        printer = llvm.Printer(f.gradient_program, lanes)
        parameters = numpy.array([p.data for p in model.parameters()])
        outputs, flags = numpy.empty((16, 3)), numpy.empty(16, dtype=numpy.uint8)
        scratch = (ctypes.c_char * (printer.scratch + 64))()
        start = ctypes.addressof(scratch)
        native.native(printer.text, 5).run(
            rows.ctypes.data, parameters.ctypes.data, outputs.ctypes.data, flags.ctypes.data, start + -start % 64,
            16 // lanes,
        )  # fmt: skip
        assert outputs == pytest.approx(expected, rel=1e-13)
        assert flags.all()


def test_calls_take_arrays_and_give_arrays_back():
    f = tn.compile(lambda xs: tn.sum([x * x for x in xs]), backend="llvm")
    given = numpy.array([1.0, 2.0, 3.0])
    for point in (given, given[::-1].copy()[::-1], numpy.array([1.0, 9.0, 2.0, 9.0, 3.0])[::2]):
        value, (slopes,) = f.value_and_grad(point)
        assert f(point) == value == 14.0
        assert type(value) is float
        assert type(slopes) is numpy.ndarray
        assert slopes.tolist() == [2.0, 4.0, 6.0]
    assert f.value_and_grad([1.0, 2.0, 3.0]) == (14.0, [[2.0, 4.0, 6.0]])
    (kept,) = f.grad(given)
    f.grad(given + 1.0)
    assert kept.tolist() == [2.0, 4.0, 6.0]  # the next call does not write into it
    (square,) = tn.compile(lambda xs: xs[0][1] * xs[1][0], backend="llvm").grad(numpy.array([[1.0, 2.0], [3.0, 4.0]]))
    assert square.tolist() == [[0.0, 3.0], [2.0, 0.0]]
    single = tn.compile(lambda x, y: x * y, backend="llvm", dtype="float32")
    assert single(math.inf, 1.0) == math.inf
    assert single(1.0 / 3.0, 1.0) == numpy.float32(1.0 / 3.0)


def test_calls_from_threads_do_not_meet():
    a = tn.Value(2.0)
    f = tn.compile(lambda xs: a * tn.sum([x.exp() for x in xs]), backend="llvm")
    points = [[float(k)] * 40 for k in range(8)]
    expected = [f.value_and_grad(point) for point in points]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(50):
            assert list(pool.map(f.value_and_grad, points)) == expected


def test_a_call_off_the_path_is_traced_again():
    f = tn.compile(lambda x: x * x if x > 0 else -x, backend="llvm")
    for _ in range(2):
        assert [f(2.0), f(-3.0), f(0.0)] == [4.0, 3.0, 0.0]
    with pytest.raises(ValueError, match="class index"):
        tn.compile(lambda xs, k: tn.losses.cross_entropy(xs, k), backend="llvm")([1.0, 2.0], 5.0)


def test_sums_of_many_are_one_loop():
    f = tn.compile(lambda xs: functools.reduce(lambda total, x: total + 3.0 * x + x.exp(), xs, 0.0), backend="llvm")
    xs = [0.001 * k for k in range(500)]
    plain = 0.0
    for x in xs:
        plain = plain + 3.0 * x + math.exp(x)
    assert f(xs) == pytest.approx(plain, rel=1e-14)
    assert len(f.program.groups) < 8
    assert len(f.source("llvm").splitlines()) < 600


EXTENDED = {
    "exp": numpy.exp, "log": numpy.log, "log1p": numpy.log1p, "tanh": numpy.tanh, "sin": numpy.sin, "cos": numpy.cos,
    "sigmoid": lambda x: 1 / (1 + numpy.exp(-x)),
}  # fmt: skip


@pytest.mark.skipif(numpy.finfo(numpy.longdouble).nmant < 63, reason="long double is no wider than double here")
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", EXTENDED)
def test_a_million_arguments_are_within_two_units_in_the_last_place(name, dtype):
    rng = numpy.random.default_rng(0)
    tiny = 300 if dtype == "float64" else 37
    drawn = [rng.normal(size=300_000), 1e-3 * rng.normal(size=200_000), rng.uniform(-22, 22, 300_000)]
    x = numpy.concatenate([*drawn, 10.0 ** rng.uniform(-tiny, 2.0, 200_000)]).astype(dtype)
    x = numpy.abs(x) if name.startswith("log") else x
    with numpy.errstate(over="ignore"):
        exact = EXTENDED[name](x.astype(numpy.longdouble))
        unit = numpy.spacing(numpy.abs(exact).astype(dtype)).astype(numpy.longdouble)
    found = tn.compile(lambda v: getattr(v, name)(), backend="llvm", dtype=dtype).batch(x[:, None])
    within = numpy.isfinite(exact) & (numpy.abs(exact) < numpy.finfo(dtype).max)
    off = numpy.abs(found.astype(numpy.longdouble) - exact)[within] / unit[within]
    assert float(off.max()) <= 2.0, float(x[within][off.argmax()])


@pytest.mark.parametrize("size", [2, 7, 8, 15, 16, 17, 33, 100])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_calls_with_lists_fill_vectors_and_what_is_left_over(size, dtype):
    weights = [[Value(math.sin(3 * i + j)) for j in range(size)] for i in range(size)]

    def valley(xs):
        total = 0.0
        for a, b in itertools.pairwise(xs):
            total = total + 100.0 * (b - a * a) ** 2 + (1.0 - a) ** 2
        return total + tn.sum([tn.dot(row, xs).tanh() for row in weights])

    xs = [0.1 * math.cos(k) for k in range(size)]
    value, (slopes,) = tn.compile(valley, backend="llvm", dtype=dtype).value_and_grad(xs)
    exact, (expected,) = tn.compile(valley).value_and_grad(xs)
    bound = 1e-13 if dtype == "float64" else 1e-5
    assert value == pytest.approx(exact, rel=10 * bound)
    assert slopes == pytest.approx(expected, rel=100 * bound, abs=1000 * bound)


def test_literals_are_rounded_to_float32_as_numbers_are():
    for factor in (3.4025e38, -3.402823e38, 0.1):
        found = tn.compile(functools.partial(lambda factor, x: x * factor, factor), backend="llvm", dtype="float32")(
            0.5
        )
        with numpy.errstate(over="ignore"):
            assert found == numpy.float32(factor) * numpy.float32(0.5)


def test_gradients_that_are_all_one_number_are_one_loop():
    f = tn.compile(lambda xs: tn.sum(xs), backend="llvm")
    assert f.value_and_grad([1.0] * 300) == (300.0, [[1.0] * 300])
    assert len(f.source("llvm", gradient=True).splitlines()) < 500


def test_machine_code_is_not_copied():
    f = tn.compile(lambda x: x * x, backend="llvm")
    f(2.0)
    with pytest.raises(TypeError, match="machine code cannot be copied"):
        copy.deepcopy(native.native(f.source("llvm"), pointers=5))
    assert copy.deepcopy(f)(3.0) == f(3.0) == 9.0


def test_every_output_is_put_in_its_place_once():
    rng = random.Random(5)
    for _ in range(300):
        piece = [(rng.randrange(3), rng.randrange(9)) for _ in range(rng.randint(1, 6))]
        step, rounds = rng.choice((0, 1, len(piece))), rng.randint(1, 9)
        outputs = [(array, index + step * k) for k in range(rounds) for array, index in piece]
        put: list[Any] = [None] * len(outputs)
        for source, target, extents in scatters(outputs, {}):
            for place, index in zip(target.indices(extents), source.indices(extents), strict=True):
                assert put[place] is None
                put[place] = source.array, index
        assert put == outputs


def test_weights_and_biases_that_take_turns_are_two_loops():
    weights, zero = [[(5, 4 * k + j) for j in range(4)] for k in range(100)], (2, 0)
    found = scatters([place for row in weights for place in (*row, zero)], {})
    assert [(target.base, target.strides, extents, source.array) for source, target, extents in found] == [
        (0, (5, 1), (100, 4), 5), (4, (5,), (100,), 2),
    ]  # fmt: skip


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("size", [2, 7, 40])
def test_outputs_of_a_lone_row_that_follow_each_other_are_copied_at_once(size, dtype):
    """Which no pass of LLVM's does: a penalty's gradient was put in its place number by number."""

    def f(x, rows, y):
        return tn.dot(x, x) + tn.sum([tn.dot(row, x).relu() for row in rows]) * y + tn.dot(x[::-1], rows[0])

    rng = random.Random(size)
    x, *rows = ([rng.randrange(-8, 9) / 4 for _ in range(size)] for _ in range(6))  # whose products are exact
    compiled = tn.compile(f, backend="llvm", dtype=dtype)
    assert compiled.value_and_grad(x, rows, 0.5) == tn.compile(f, backend="python").value_and_grad(x, rows, 0.5)
    assert "call void @llvm.memcpy" in llvm.Printer(compiled.gradient_program, 1, dtype == "float32", full=8).text

    def of_neurons(rows, x):
        return tn.sum([(tn.dot(row[:-1], x) + row[-1]).relu() for row in rows])

    rows = [[rng.randrange(-8, 9) / 4 for _ in range(size + 1)] for _ in range(9)]
    compiled = tn.compile(of_neurons, backend="llvm", dtype=dtype)
    assert compiled.value_and_grad(rows, x) == tn.compile(of_neurons, backend="python").value_and_grad(rows, x)

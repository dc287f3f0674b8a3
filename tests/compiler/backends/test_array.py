"""The array back end: NumPy, and JAX where it is, within a stated bound of the engine; rows that part ways; shapes."""

import random

import pytest
from programs import ROWS, corner_call, corner_rows, near, tame
from shared import load_example

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.autograd.primitives import TABLE
from tinygrad_nn.compiler.backends import texts
from tinygrad_nn.compiler.backends.array import functions as array_functions
from tinygrad_nn.compiler.backends.array import printer as array
from tinygrad_nn.compiler.backends.array.rows import ArrayProgram
from tinygrad_nn.compiler.function import compile
from tinygrad_nn.compiler.target import Target

numpy = pytest.importorskip("numpy", reason="numpy is not installed")
expression = load_example("expression").expression


def namespaces():
    yield pytest.param(numpy, id="numpy")
    try:
        import jax
    except ImportError:
        yield pytest.param(None, id="jax", marks=pytest.mark.skip(reason="jax is not installed"))
        return
    jax.config.update("jax_enable_x64", True)
    yield pytest.param(jax.numpy, id="jax")


def agree(program, rows, namespace=numpy, dtype="float64", bound=1e-12):
    """Arrays give, on the rows of this path, what the interpreter gives, within the bound."""
    outputs, on_path = ArrayProgram(program, Target("array", dtype=dtype, chosen_namespace=namespace))(
        namespace.asarray(rows, dtype=dtype)
    )
    assert outputs.shape == (len(rows), len(program.flat.outputs))
    assert str(outputs.dtype) == dtype
    for row, got, flag in zip(rows, outputs.tolist(), on_path.tolist(), strict=True):
        assert flag
        expected = program.flat.run(row)
        assert all(near(a, b, bound) for a, b in zip(got, expected, strict=True)), (row, got, expected)


@pytest.mark.parametrize("namespace", list(namespaces()))
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_primitive_at_its_corners(row, namespace):
    rows = corner_rows(row)
    f = compile(corner_call(row))
    f.value_and_grad(*rows[0])
    if namespace is not numpy:  # XLA takes a subnormal number for 0 on most machines
        rows = [[0.0 if abs(x) < 1e-300 else x for x in numbers] for numbers in rows]
    agree(f.program, rows, namespace, bound=1e-13)
    if row.name not in ("largest",):
        agree(f.gradient_program, tame(rows), namespace)


@pytest.mark.parametrize("namespace", list(namespaces()))
def test_a_network_is_matrix_products(namespace):
    model = tn.MLP(3, [8, 5, 2], "tanh", rng=random.Random(1))

    def loss(x, t):
        return tn.losses.cross_entropy(model(x), t)

    f = compile(loss)
    f.value_and_grad([0.1, 0.2, 0.3], 1)
    rng = random.Random(2)
    rows = [[rng.gauss(0, 1) for _ in range(3)] + [float(rng.randrange(2))] for _ in range(9)]
    agree(f.gradient_program, rows, namespace)
    text = array.Printer(f.gradient_program).source()
    assert text.count(" @ ") == 6  # forward and back through three layers
    assert text.count("tables") == 0


def test_jax_compiles_the_function_it_is_given():
    jax = pytest.importorskip("jax", reason="jax is not installed")
    jax.config.update("jax_enable_x64", True)
    model = tn.MLP(3, [8, 2], "tanh", rng=random.Random(1))
    f = tn.compile(lambda x: tn.sum(model(x)), namespace=jax.numpy)
    rows = jax.numpy.asarray([[[0.1, 0.2, 0.3]], [[1.0, 2.0, 3.0]]])
    values, gradients = f.batch(rows, gradients=True)
    assert isinstance(values, jax.Array)
    assert values.tolist() == pytest.approx([f(row[0]) for row in rows.tolist()])
    run = ArrayProgram(f.gradient_program, f.target).compiled
    parameters = jax.numpy.asarray([p.data for p in model.parameters()])
    jitted, _ = jax.jit(run)(rows.reshape(2, 3), parameters)
    assert jitted[:, 1:].tolist() == [pytest.approx(row) for row in gradients.reshape(2, 3).tolist()]


def test_rows_that_part_ways():
    def function(x, y):
        if x > y:
            return x * y
        return x + y if y > 2.0 else x - y

    f = tn.compile(function, backend="array")
    rng = random.Random(1)
    rows = [[rng.uniform(-4, 4), rng.uniform(-4, 4)] for _ in range(50)]
    values, gradients = f.batch(rows, gradients=True)
    assert values == [function(*row) for row in rows]
    plain = tn.compile(function, backend="python")
    assert gradients == [plain.grad(*row) for row in rows]
    assert f(3.0, 1.0) == 3.0
    assert f.grad(1.0, 3.0) == [1.0, 1.0]


def test_shapes_in_and_out():
    f = tn.compile(lambda xs, y: [[xs[0] * y, xs[1]], [y, y + 1.0]], backend="array")
    rows = [[[1.0, 2.0], 3.0], [[4.0, 5.0], 6.0]]
    assert f.batch(rows) == [[[3.0, 2.0], [3.0, 4.0]], [[24.0, 5.0], [6.0, 7.0]]]
    ragged = tn.compile(lambda x: [x, [x, x * 2.0]], backend="array")
    assert ragged.batch([[1.0], [2.0]]) == [[1.0, [1.0, 2.0]], [2.0, [2.0, 4.0]]]
    g = tn.compile(lambda x, y: x * y, backend="array")
    values, gradients = g.batch(numpy.array([[1, 2], [3, 4]]), gradients=True)
    assert isinstance(values, numpy.ndarray)
    assert (values.tolist(), gradients.tolist()) == ([2.0, 12.0], [[2.0, 1.0], [4.0, 3.0]])
    changing = tn.compile(lambda xs: tn.sum(xs), backend="array")
    assert changing.batch([[[1.0]], [[1.0, 2.0]]]) == [1.0, 3.0]
    a = Value(2.0)
    assert g.batch([[a, 3.0]])[0].data == 6.0


def test_auto_takes_large_batches():
    weight = Value(2.0)
    f = tn.compile(lambda x: tn.exp(x) * weight)
    rows = [[0.01 * i] for i in range(100)]
    assert f.backend == "python"
    assert f.batch(rows) == pytest.approx([f(*row) for row in rows], rel=1e-15)
    weight.data = 4.0
    assert f.batch(rows)[0] == 4.0
    exact = tn.compile(lambda x: tn.exp(x) * weight, exact=True)
    assert exact.batch(rows) == [exact(*row) for row in rows]


def test_single_precision():
    f = tn.compile(expression, dtype="float32")
    assert f.backend == "array"
    assert f(-4.0, 2.0) == pytest.approx(24.70408163265306, rel=1e-6)
    assert f.batch(numpy.array([[-4.0, 2.0]])).dtype == numpy.float32


def test_every_primitive_is_spelled():
    functions = array_functions.functions(TABLE.values(), numpy)
    for row in TABLE.values():
        assert row.name in functions or row.name in texts.OPERATORS or row.name == "dot", row


def test_a_planted_fault_is_caught(monkeypatch):
    monkeypatch.setitem(texts.OPERATORS, "subtract", "{a} + {b}")
    with pytest.raises(AssertionError):
        test_a_network_is_matrix_products(numpy)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: tn.compile(expression, backend="python", namespace=numpy), ValueError, "namespace is for the array"),
        (
            lambda: tn.compile(expression, dtype="int8"),
            ValueError,
            "unknown dtype 'int8': give one of float64, float32",
        ),
        (lambda: tn.compile(expression, backend="array").source("c"), ValueError, "no program yet"),
        (lambda: tn.compile(expression, backend="array").batch([["a", 1.0]]), TypeError, "but got 'a'"),
        (lambda: tn.compile(expression, backend="array").batch([[1.0, 2.0], [1.0]]), ValueError, "row 1 has 1"),
    ],
)
def test_bad_input(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_jax_in_single_precision_is_named():
    class Halved:
        """A namespace that makes float32 of everything, as JAX does unless told."""

        __name__ = "halved"
        asarray = staticmethod(lambda numbers, dtype: numpy.asarray(numbers, dtype="float32"))
        __getattr__ = staticmethod(numpy.__getattribute__)

    with pytest.raises(ValueError, match="halved made float32 of float64: give dtype='float32', or for JAX"):
        tn.compile(expression, namespace=Halved())(1.0, 2.0)

"""No name of a user's hides what a generated text calls: as a function, an argument, a label, a model, a primitive.

The names are all that Python, the table, the array functions and the generated texts themselves use, and what no
language can have as a name.
"""

import ast
import keyword

import pytest
from shared import same

import tinygrad_nn as tn
from tinygrad_nn import Value
from tinygrad_nn.autograd.primitives import TABLE
from tinygrad_nn.compiler.backends import identifiers
from tinygrad_nn.compiler.backends.array import functions as array_functions
from tinygrad_nn.compiler.backends.python import function as python

ODD = [
    "<lambda>", "π", "ª", "x²", "٣", "a\x00b", "\ud800", "two\nlines", "", "_", "__", "__x__", "__debug__", "x_",
    "dtype_", "is_index__", "run", "update", "penalty", "self", "np", "numpy", "asarray", "where", "reshape",
    "concatenate", "v", "v1", "v_", "gathered", "inputs", "parameters", "literals", "math",
    "own_relu", "x", "y", "g", "f", "d_x",
]  # fmt: skip
NAMES = sorted({*ODD, *identifiers.RESERVED, *keyword.softkwlist, *python.callables(TABLE.values())})
BACKENDS = ["python", "array", "llvm"]
ROWS = [[(i % 7 - 2.5) / 2, (i % 5 - 1.5) / 2] for i in range(40)]


def body(a, b):
    """What calls helpers of every back end: squares, folds, a branch, functions of the table."""
    folds = tn.take([a, b, 2.0], 1.0) + tn.logsumexp([a, b]) + tn.maximum(a, b, 0.25)
    smooth = tn.sigmoid(b) ** 3 * tn.erf(a) + (abs(b) + 1) ** a + tn.softplus(a) * tn.gelu(b)
    return tn.relu(a) ** 2 + folds + smooth + tn.leaky_relu(a) + tn.elu(b) + (a if a > b else b * 2.0)


def named(name, own=None):
    """A function of this name, with an argument, a label, a captured Value and a primitive of it, as far as may be."""
    argument = name if name.isidentifier() and not keyword.iskeyword(name) and name != "__debug__" else "q"
    scope = {"body": body, "own": own or (lambda x: x * 2.0), "name": name, "weight": Value(1.5, label=name)}
    other = "r" if argument != "r" else "s"
    given = {"body": "_1", "own": "_2", "name": "_3", "weight": "_4"}
    lines = (
        f"def made({argument}, {other}):\n    _5 = {argument} * _2({other})\n    _5.label = _3\n"
        f"    return _1(_5, {other}) * _4 + _5"
    )
    exec(lines, {given[key]: entry for key, entry in scope.items()}, scope)
    scope["made"].__name__ = name
    return scope["made"]


def primitive(name):
    """A primitive of this name, which doubles a number; None where the library refuses it."""
    try:
        return tn.primitive(name, lambda x: x * 2.0, "g * 2.0", spellings=dict.fromkeys(("array", "llvm"), "x * 2.0"))
    except ValueError:
        return None


def results(function, backend):
    """Values and derivatives of a call and of many rows."""
    f = tn.compile(function, backend=backend)
    values, slopes = f.batch(ROWS, gradients=True)
    return [f(*ROWS[3]), *f.grad(*ROWS[3]), *values, *(number for row in slopes for number in row), *f.batch(ROWS)]


@pytest.mark.parametrize("backend", BACKENDS)
def test_of_functions_arguments_labels_and_primitives(backend):
    if backend != "python":
        pytest.importorskip({"array": "numpy", "llvm": "llvmlite"}[backend])
    wanted = results(named("plain"), backend)  # in machine code no name of a user's stands at all
    own = [*TABLE, *identifiers.WORDS, *ODD]
    for name in {"python": [*own[::2], *NAMES[::9]], "array": own[::3], "llvm": NAMES[::90]}[backend]:
        found = results(named(name, primitive(name)), backend)
        assert all(map(same, found, wanted)), name


def test_the_reserved_names_are_all_that_texts_use():
    numpy = pytest.importorskip("numpy")
    assert {
        *python.callables(TABLE.values()),
        *array_functions.functions(TABLE.values(), numpy),
    } <= identifiers.RESERVED | {"__builtins__"}
    used = set()
    f = tn.compile(named("plain"), backend="array")
    f(*ROWS[3])
    step = tn.compile_step(tn.MLP(2, [2, 1]), "squared_error", tn.SGD([Value(1.0)], lr=lambda k: 0.1), backend="python")
    step([[1.0, 2.0]], [1.0])
    for text in (f.source("python"), f.source("array"), f.source("python", gradient=True), step.source()):
        tree = ast.parse(text)
        stored = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        given = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
        loaded = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        used |= loaded - stored - given
    assert used <= identifiers.RESERVED
    assert {"exp", "xp", "dtype", "is_index"} <= used


def test_primitives_whose_names_differ_by_an_underscore():
    kinds = ["dtype", "dtype_", "dtype__", "passes", "passes_", "OffPath", "mine", "mine_"]
    own = [
        tn.primitive(name, eval(f"lambda x: x * {k + 2}.0"), f"g * {k + 2}.0", spellings={"array": f"x * {k + 2}.0"})
        for k, name in enumerate(kinds)
    ]

    def dtype(x):
        return sum([row(x) * float(k + 1) if x > 0.0 else x for k, row in enumerate(own)], 0.0)

    for backend in ("python", "array"):
        if backend == "array":
            pytest.importorskip("numpy")
        f = tn.compile(dtype, backend=backend)
        assert f(1.0) == sum((k + 1) * (k + 2) for k in range(len(own)))
        assert f(-1.0) == -8.0
        assert f.grad(1.0) == [f(1.0)]


def test_a_name_that_is_no_text():
    class Numbered:
        __name__ = 3

        def __call__(self, x):
            return x * x

    assert tn.compile(Numbered(), backend="python")(2.0) == 4.0


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["python", "llvm", "pure"])
def test_of_models_and_losses(backend):
    if backend != "python":
        pytest.importorskip("llvmlite")
    wanted = None
    for name in ["plain", *NAMES]:
        if "\x00" in name or not name.isprintable():  # which no class can have
            continue
        label = name.replace("\x00", "")

        def loss(prediction, target):
            return body(prediction, target)

        loss.__name__ = name

        def call(self, x):
            return tn.sigmoid(tn.dot(self.weights, x) + self.bias)

        def init(self, label=label):
            self.weights, self.bias = [Value(0.5, label=label), Value(-0.25, label=label)], Value(0.1, label="b")

        model = type(name, (tn.Module,), {"__call__": call, "__init__": init})()
        optimizer = tn.SGD(model.parameters(), lr=0.01, momentum=0.5)
        if backend == "pure":
            step = tn.compile_step(model, loss_of_one_path, optimizer).as_function()
            import numpy

            found = [float(step(step.state(), numpy.asarray(ROWS), numpy.full(len(ROWS), 0.5))[1])]
        else:
            step = tn.compile_step(model, loss, optimizer, backend=backend)
            found = step.run(ROWS, [0.5] * len(ROWS), epochs=2, until=(loss, 0.0)).losses
            found = [*found, step(ROWS, [0.5] * len(ROWS)), *(p.data for p in model.parameters())]
        wanted = wanted or found
        assert all(map(same, found, wanted)), name


def loss_of_one_path(prediction, target):
    return tn.relu(prediction - target) ** 2 + tn.leaky_relu(prediction)

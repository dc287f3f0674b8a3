"""A new function is one row of the table, and nothing else: no other file names it, and all there is takes it up."""

import ast
import json
import os
import shutil
import subprocess
import sys

import pytest
from c_files import needs_cc
from shared import ROOT

from tinygrad_nn.autograd.primitives import TABLE

PACKAGE = ROOT / "tinygrad_nn"
ROWS = """
bump = Primitive("bump", "bump", "x", "small = exp(-abs(x)); small / (1.0 + x * x)",
                 "-(g * y * (sign(x) + 2.0 * x / (1.0 + x * x)))",
                 doc="exp(-|x|) / (1 + x*x).", example="bump(0.0) -> 1.0")
bent = Primitive("bent", "Bent", "x", "x if x >= 1.0 else 0.5 * (x + 1.0)", "g * (0.5 + 0.5 * step(x - 1.0))",
                 doc="x, and half as steep below 1.", example="bent(-1.0), bent(3.0) -> (0.0, 3.0)")
"""
# What a user does with a function, in a process of its own; C is compiled where this is run.
PROGRAM = """
import doctest, json, sys
import tinygrad_nn as tn
from tinygrad_nn.autograd import elementary
name, points = sys.argv[1], json.loads(sys.argv[2])
function = getattr(tn, name)
found = {"numbers": [function(x) for x in points], "slopes": [tn.derivative(function, x) for x in points]}
found["listed"] = name in dir(tn) and name in dir(tn.functional) and name in tn.__all__
found["doc"] = function.__doc__.splitlines()[0]
finder = doctest.DocTestFinder(recurse=False)
found["failed"] = [doctest.DocTestRunner().run(test).failed for test in finder.find(function, globs=vars(elementary))]
found["checked"] = [tn.gradcheck(function, [tn.Value(x)]) for x in points]
value = getattr(tn.Value(points[0], label="x"), name)()
found["value"], found["formula"] = value.data, str(tn.formula(value))
found["picture"] = value.op.symbol in tn.draw(value).source
found["explained"] = str(tn.explain(value, value.operands[0]))
for backend in json.loads(sys.argv[3]):
    f = tn.compile(lambda x: function(x) * 1.0, backend=backend)
    values, slopes = f.batch([[x] for x in points], gradients=True)
    found[backend] = [[float(y) for y in values], [float(slope[0]) for slope in slopes]]
model = tn.MLP(1, [2, 1], function)
found["trained"] = len(tn.fit(model, [[1.0], [2.0]], [0.0, 1.0], "squared_error", tn.SGD(model.parameters(), lr=0.1),
                              epochs=2, progress=False).losses)
found["c"] = tn.check_c(model, dtype="double") if sys.argv[4] else 0.0
print(json.dumps(found))
"""


def copied(folder, without=(), added=""):
    """A copy of the package, with some rows fewer in its table, or more."""
    shutil.copytree(PACKAGE, folder / "tinygrad_nn", ignore=shutil.ignore_patterns("__pycache__"))
    table = folder / "tinygrad_nn" / "autograd" / "primitives.py"
    lines = table.read_text(encoding="utf-8").splitlines(keepends=True)
    for node in reversed(ast.parse("".join(lines)).body):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in without:
            del lines[node.lineno - 1 : node.end_lineno]
    text = "".join(lines)
    head, end, tail = text.rpartition("# fmt: on")
    table.write_text(f"{head}{added}{end}{tail}", encoding="utf-8")
    return folder


def run(folder, program, *arguments):
    """What a program prints, in which that copy is the package."""
    paths = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-W", "error", "-c", program, *arguments]
    environment = os.environ | {"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def backends():
    try:
        import llvmlite  # noqa: F401
        import numpy  # noqa: F401
    except ImportError:
        return ["python"]
    return ["python", "array", "llvm"]


POINTS = [-2.5, -0.7, 0.3, 1.9]


@needs_cc
@pytest.mark.parametrize("name", [pytest.param("bump", marks=pytest.mark.slow), "bent", "asinh"])
def test_a_function_is_a_row_and_nothing_else(name, tmp_path):
    """Two new ones, of which one has a branch, and one that is taken out and put in again, a line further down."""
    rows = ROWS
    if name == "asinh":
        lines = (PACKAGE / "autograd" / "primitives.py").read_text(encoding="utf-8").splitlines(keepends=True)
        nodes = [node for node in ast.parse("".join(lines)).body if isinstance(node, ast.Assign)]
        [own] = [node for node in nodes if ast.unparse(node.targets[0]) == name]
        rows = "".join(lines[own.lineno - 1 : own.end_lineno])
        missing = copied(tmp_path / "missing", without=[name])
        assert run(missing, f"import tinygrad_nn as tn; print({name!r} in dir(tn), hasattr(tn.Value, {name!r}))") == (
            "False False\n"
        )
    copy = copied(tmp_path / "with", without=[name], added=rows)
    found = json.loads(run(copy, PROGRAM, name, json.dumps(POINTS), json.dumps(backends()), "c"))
    assert found["listed"]
    assert found["doc"].endswith(".")
    assert found["failed"] == [0]
    assert found["checked"] == [True] * len(POINTS)
    assert found["value"] == found["numbers"][0]
    assert found["formula"].startswith(f"y = {name}(x)")
    assert found["picture"]
    assert name in found["explained"]
    for backend in backends():
        assert found[backend][0] == pytest.approx(found["numbers"], rel=1e-14)
        assert found[backend][1] == pytest.approx(found["slopes"], rel=1e-13)
    assert found["trained"] == 2
    assert found["c"] < 1e-13


# Functions that a text says, and which a file names all the same.
NAMED = {
    ("compiler/backends/llvm/vector_math.py", "sigmoid"): "whose vector form makes good what 1 + exp(-x) loses",
    ("compiler/backends/python/expressions.py", "sigmoid"): "which in place is twice as fast as a call",
    ("export/estimators.py", "sigmoid"): "which the probability of two classes is in whole numbers, too",
    ("export/integers/quantizing.py", "relu"): "which cuts a sum, and needs no table in whole numbers",
}
# Who uses functions of the table, as a user might, or knows what one means: networks, losses, checks.
USERS = ("nn", "losses.py", "check", "sklearn", "training", "optim.py", "plots.py", "data.py", "metrics.py")


def test_no_other_file_names_a_function_that_a_text_says():
    names = {name for name, row in TABLE.items() if row.doc and row.text}
    found = set()
    for path in PACKAGE.rglob("*.py"):
        file = path.relative_to(PACKAGE).as_posix()
        if file == "autograd/primitives.py" or file.startswith(USERS):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            said = {node.value} if isinstance(node, ast.Constant) and isinstance(node.value, str) else set()
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "table":
                said = {node.attr}
            if isinstance(node, ast.FunctionDef):
                said = {node.name}
            found |= {(file, name) for name in said & names}
    assert found == set(NAMED)

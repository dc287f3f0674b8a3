"""The package itself: what importing it costs and brings, its names, its layers, and a README that tells the truth."""

import ast
import importlib.util
import inspect
import re
import subprocess
import sys

import pytest
from shared import ROOT

import tinygrad_nn as tn
from tinygrad_nn.autograd import elementary

PACKAGE = ROOT / "tinygrad_nn"


def fresh(code):
    """What a fresh process prints."""
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return run.stdout


def test_no_module_hides_a_function_of_its_name():
    modules = {path.stem for path in PACKAGE.iterdir()}
    assert [name for name in tn.__all__ if name in modules and callable(getattr(tn, name))] == []


def test_importing_brings_nothing_optional():
    code = "import sys; before = set(sys.modules); import tinygrad_nn; print(*sorted(set(sys.modules) - before))"
    brought = {name.split(".")[0] for name in fresh(code).split()}
    assert not brought & {
        "graphviz",
        "pygraphviz",
        "numpy",
        "matplotlib",
        "llvmlite",
        "sklearn",
        "tqdm",
        "typing",
        "re",
    }


def test_draw_is_a_function_and_every_name_what_it_was_after_every_submodule_is_imported():
    code = """
import contextlib, importlib, inspect, pkgutil, tinygrad_nn as tn
assert inspect.isfunction(tn.draw)
for module in pkgutil.walk_packages(tn.__path__, "tinygrad_nn.", onerror=lambda name: None):
    with contextlib.suppress(ImportError if module.name.startswith("tinygrad_nn.sklearn") else ()):
        importlib.import_module(module.name)
print(*(name for name in tn.__all__ if inspect.ismodule(getattr(tn, name))))
print(tn.draw(tn.Value(1.0)).source.count("v0"))
"""
    modules, drawn = fresh(code).splitlines()
    assert modules.split() == ["data", "functional", "losses", "metrics", "optim", "plots"]
    assert drawn == "1"


def test_a_public_module_shows_only_what_is_a_users():
    assert dir(tn) == sorted([*tn.__all__, "nn"])
    modules = [module for name in dir(tn) if inspect.ismodule(module := getattr(tn, name))]
    assert len(modules) == 7
    if importlib.util.find_spec("sklearn"):
        modules.append(importlib.import_module("tinygrad_nn.sklearn"))
    for module in modules:
        assert dir(module) == sorted(module.__all__), module
        for name in dir(module):
            assert getattr(module, name).__module__.startswith("tinygrad_nn."), name


def test_what_loads_later_is_where_its_table_and_its_types_say():
    """Each name stands in the table, in the imports that type checkers see and among the public names."""
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    typed, _ = [node for node in tree.body if isinstance(node, ast.If)]
    said = {
        alias.name: node.module or alias.name
        for node in typed.body
        if isinstance(node, ast.ImportFrom) and node.level
        for alias in node.names
        if not alias.asname
    }
    assert said == tn._LATER
    assert set(said) <= set(tn.__all__)
    later = f"import tinygrad_nn as tn; print(*(set({sorted(said)}) & set(vars(tn))))"
    assert fresh(later).split() == []


def test_a_name_that_loads_later_is_as_if_it_had_been_there():
    code = """
import doctest, importlib, inspect, pickle, pydoc, tinygrad_nn as tn
print(inspect.signature(tn.fit).return_annotation, inspect.signature(tn.compile).return_annotation)
print(all(option in pydoc.render_doc(tn.fit) for option in ("resume: 'bool' = False", "Ctrl-C ends")))
print(pickle.loads(pickle.dumps(tn.fit)) is tn.fit, tn.fit.__module__)
print("explain" in dict(inspect.getmembers(tn)), "tn.data.xor()" in pydoc.render_doc(tn))
before = tn.fit
print(importlib.reload(tn) is tn, tn.fit is before, len(doctest.DocTestFinder().find(tn)) > 0)
"""
    assert fresh(code).splitlines() == [
        "History Function", "True", "True tinygrad_nn.training.fit", "True True", "True True True",
    ]  # fmt: skip
    with pytest.raises(AttributeError, match="no attribute 'fitted'"):
        tn.fitted


@pytest.mark.slow
def test_type_checkers_see_what_loads_later(tmp_path):
    pytest.importorskip("mypy", reason="mypy is not installed")
    program = tmp_path / "program.py"
    program.write_text(
        "import tinygrad_nn as tn\n"
        "model = tn.MLP(2, [1])\n"
        "optimizer = tn.SGD(model.parameters(), lr=0.1)\n"
        "reveal_type(tn.fit(model, [[1, 2]], [1], 'squared_error', optimizer))\n"
        "reveal_type(tn.compile(lambda x: x))\n"
        "reveal_type(tn.compile_step(model, 'squared_error', optimizer))\n"
        "reveal_type(tn.draw(tn.Value(1.0)))\n"
        "reveal_type(tn.steps(tn.Value(1.0)))\n"
        "reveal_type(tn.check_c(model))\n"
        "reveal_type(tn.exp(1.0))\n"
        "reveal_type(tn.functional.tanh(tn.Value(1.0)))\n"
        "reveal_type(tn.sum([1.0]))\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), str(program)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    revealed = re.findall(r'Revealed type is "([^"]*)"', run.stdout)
    expected = ["History", "Function", "Step", "Diagram", "Steps", "float", "float", "Value", "Any"]
    assert [name.split(".")[-1] for name in revealed] == expected
    assert "error" not in run.stdout


def test_the_public_names_are_sorted_and_there():
    names = tn.__all__
    assert names == sorted(names, key=lambda name: (not name.isupper(), not name[0].isupper(), name))
    for name in names:
        assert getattr(tn, name) is not None
        documented = getattr(tn, name)
        assert documented.__doc__, name
    public = {name for name in vars(tn) if not name.startswith("_")}
    submodules = {path.stem for path in PACKAGE.iterdir()} | {"annotations", "TYPE_CHECKING", "Any"}
    assert public - submodules <= set(names)
    assert re.fullmatch(r"\d+\.\d+\.\d+", tn.__version__)


@pytest.mark.parametrize("seed", range(3))
def test_the_program_of_the_guide_learns(seed, tmp_path, monkeypatch):
    import random

    monkeypatch.chdir(tmp_path)
    program = [line[4:] for line in tn.__doc__.splitlines() if line.startswith("    ")]
    start = program.index("X, Y = tn.data.xor()")
    random.seed(seed)
    names = {"tn": tn}
    exec("\n".join(program[start:]), names)
    assert names["model"].predict_classes(names["X"]) == [0, 1, 1, 0]


def test_files_can_be_read_in_one_sitting():
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert ast.get_docstring(ast.parse(text)), path
        assert len(text.splitlines()) <= 300, path


def test_calculus_is_in_the_table_alone():
    """No file but the table writes rules, and its rules have no branch, no power and no math."""
    from tinygrad_nn.autograd.primitives import TABLE

    for row in TABLE.values():
        assert len(row.formulas) == len(row.operands), row
        for formula in filter(None, row.formulas):
            tree = ast.parse(str(formula), mode="eval")
            kinds = {type(node) for node in ast.walk(tree)}
            assert not kinds & {ast.IfExp, ast.Pow, ast.Attribute, ast.Compare, ast.BoolOp, ast.Lambda}, row


def test_the_readmes_table_of_the_api_holds_every_public_name():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    table = readme.split("## The API")[1].split("\n## ")[0]
    named = set(re.findall(r"`(?:tn\.)?(\w+)", "\n".join(line for line in table.splitlines() if line.startswith("|"))))
    if "help(tn.functional)" in table:  # which lists those of the table of primitives
        named |= {*elementary.__all__}
    assert set(tn.__all__) <= named, sorted(set(tn.__all__) - named)

"""The source: one name is one thing, what is private stays so, primitives are identities, no function branches much."""

import ast
from collections import defaultdict

from shared import ROOT

PACKAGE = ROOT / "tinygrad_nn"
FILES = {path.relative_to(PACKAGE).as_posix(): path for path in sorted(PACKAGE.rglob("*.py"))}
TREES = {file: ast.parse(path.read_text(encoding="utf-8")) for file, path in FILES.items()}

# The rows of the table, their values on floats, and the functions of numbers that call them: one thing, three faces.
OF_THE_TABLE = ("autograd/primitives.py", "autograd/ieee/floats.py", "autograd/elementary.py", "functional.py")

# Names that several files may have, and why.
SHARED_NAMES = {
    "named": "the row, the loss or the metric of a name, always asked as losses.named(...)",
    "binary_cross_entropy": "the loss is a call of the row",
    "SPELLINGS": "how a back end writes what no text says",
    "SUM PRODUCT UNARY ATOM": "how tightly a text holds together, in code and in formulas, which have powers, too",
    "BACKEND": "what a back end is to the registry",
    "Printer": "what writes a rolled program, of each back end",
    "source": "the text that a back end writes",
    "compiled": "the function of a program that a back end gives",
    "State": "what a step changes: of one parameter to an optimizer, of all of them to a pure step",
    "exp log log1p tanh erf sigmoid": "rows of the table, as LLVM writes them over vectors",
}

# Attributes with an underscore that belong to a protocol between modules, and whose.
PROTOCOLS = {
    "_record _precedence _made_by": "of whatever records: Values and traced values",
    "_slot _tracer": "of traced values, on which a user would see them without the underscore",
    "_read_by_library _kept_beside _may_hold_parameters _moved_by_steps": "of what holds Values, a Module or Optimizer",
    "_stamp_of_attributes": "of what holds Values, too",
    "_getframe": "Python's",
    "_for_c": "of a fitted estimator, on which a user would see it without the underscore",
}

# Longer than a function may be, and why.
BRANCHES = 15
WITH_MORE = {
    "autograd/reverse.py _reset": "the walk of every backward pass: three operands written out are a third faster",
}


def top_level(tree):
    """The public names that a file defines: classes, functions and constants, but for type variables."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            if isinstance(node.value, ast.Call) and called(node.value.func) in ("TypeVar", "ParamSpec"):
                continue
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                yield from (each.id for each in ast.walk(target) if isinstance(each, ast.Name))


def test_one_name_is_one_thing():
    found = defaultdict(set)
    for file, tree in TREES.items():
        for name in top_level(tree):
            if not name.startswith("_"):
                found[name].add(file)
    allowed = {name for names in SHARED_NAMES for name in names.split()}
    several = {name: files for name, files in found.items() if len(files) > 1 and not files <= set(OF_THE_TABLE)}
    assert {name: sorted(files) for name, files in several.items() if name not in allowed} == {}
    assert allowed <= set(several)  # so that the list gets no longer than it must be


def test_what_is_private_to_a_file_is_not_imported():
    taken = [
        (file, alias.name)
        for file, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level
        for alias in node.names
        if alias.name.startswith("_") and not alias.name.startswith("__")
    ]
    assert taken == []


def test_private_attributes_are_read_where_they_are_made():
    """Of another object, that is: what a class inherits from another file is its own."""
    allowed = {name for names in PROTOCOLS for name in names.split()}
    taken = set()
    for file, tree in TREES.items():
        own = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        own |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        attributes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
        own |= {node.attr for node in attributes if isinstance(node.ctx, ast.Store)}
        for node in attributes:
            private = node.attr.startswith("_") and not node.attr.startswith("__")
            if private and called(node.value) not in ("self", "cls") and node.attr not in own:
                taken.add((file, node.attr))
    assert sorted(each for each in taken if each[1] not in allowed) == []


def called(node):
    """The last name of a variable or an attribute."""
    return getattr(node, "attr", None) or getattr(node, "id", "")


COLLECTIONS = {
    called(target)
    for tree in TREES.values()
    for node in tree.body
    if isinstance(node, ast.Assign)
    and (isinstance(node.value, ast.Tuple | ast.List | ast.Set | ast.SetComp | ast.Call))
    for target in node.targets
}


def is_name_of_primitive(node):
    owner = getattr(node, "value", None)
    return getattr(node, "attr", "") == "name" and called(owner) in ("primitive", "op", "row")


def comparisons_by_name(function):
    """Comparisons of the name of a primitive, or of a variable that holds it."""
    nodes = list(ast.walk(function))
    named = [node for node in nodes if isinstance(node, ast.Assign) and is_name_of_primitive(node.value)]
    variables = {called(target) for node in named for target in node.targets}
    for node in nodes:
        if isinstance(node, ast.Compare):
            sides = (node.left, *node.comparators)
            equal = isinstance(node.ops[0], ast.Eq | ast.NotEq)
            among = isinstance(node.ops[0], ast.In | ast.NotIn) and is_collection(node.comparators[0])
            if (equal or among) and any(is_name_of_primitive(side) or called(side) in variables for side in sides):
                yield ast.unparse(node)


def is_collection(node):
    """Whether names are listed, and no table is asked what is written for a name."""
    return isinstance(node, ast.Tuple | ast.List | ast.Set) or called(node) in COLLECTIONS


def test_primitives_are_compared_by_identity():
    """A primitive of a user's may bear any name, and a text is no primitive."""
    by_name = [
        (file, found)
        for file, tree in TREES.items()
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for found in comparisons_by_name(function)
    ]
    assert by_name == []


def branches(function):
    """Where a function goes one way or another: ifs, loops, handlers, conditions in expressions, and's and or's."""
    found = 0
    waiting = list(function.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue  # counted by itself
        if isinstance(node, ast.If | ast.For | ast.While | ast.IfExp | ast.ExceptHandler | ast.match_case):
            found += 1
        elif isinstance(node, ast.comprehension):
            found += len(node.ifs)
        elif isinstance(node, ast.BoolOp):
            found += len(node.values) - 1
        waiting.extend(ast.iter_child_nodes(node))
    return found


def test_no_function_branches_much():
    many = {
        f"{file} {node.name}"
        for file, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and branches(node) > BRANCHES
    }
    assert many == set(WITH_MORE)

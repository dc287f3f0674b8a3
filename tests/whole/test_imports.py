"""Imports run one way: a file imports from the storeys below its own and never in a circle, wherever the import stands.

Every import counts: those inside functions, and those that are made for types only. Within a folder what stands side by
side, files and folders alike, is in an order, too; the guide of the folder, its __init__, tells it.
"""

import ast
import re
from graphlib import CycleError, TopologicalSorter

import pytest
from shared import ROOT

PACKAGE = ROOT / "tinygrad_nn"

# From the ground up. What is in one line may not import from one another, save within one folder.
STOREYS = [
    ["version", "support"],
    ["autograd"],
    ["data", "functional", "schedules"],
    ["optim", "losses", "metrics"],
    ["nn"],
    ["plots", "compiler"],
    ["check", "drawing"],
    ["training"],
    ["export"],
    ["sklearn"],
    ["__init__"],
]
FLOOR = {room: floor for floor, rooms in enumerate(STOREYS) for room in rooms}
MOST_AT_THE_ROOT, MOST_IN_A_FOLDER = 9, 13


def imports():
    """For each file, by its path with dots, the files of the package that it imports from, at any place in it."""
    files = {".".join(path.relative_to(PACKAGE).with_suffix("").parts): path for path in PACKAGE.rglob("*.py")}
    found: dict[str, set[str]] = {}
    for name, path in files.items():
        found[name] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert not any(alias.name.startswith(PACKAGE.name) for alias in node.names), name
            if isinstance(node, ast.ImportFrom):
                assert node.level or not (node.module or "").startswith(PACKAGE.name), name
            if isinstance(node, ast.ImportFrom) and node.level:
                folder = name.split(".")[: -node.level] + (node.module.split(".") if node.module else [])
                for alias in node.names:
                    targets = [".".join([*folder, alias.name]), ".".join([*folder, alias.name, "__init__"])]
                    targets += [".".join(folder), ".".join([*folder, "__init__"])]
                    found[name].add(next(target for target in targets if target in files))
    return found


IMPORTS = imports()
FOLDERS = sorted({name.rpartition(".")[0] for name in IMPORTS})


def room(name):
    return name.split(".")[0]


def inside(folder, name):
    """The file or folder right inside a folder that a file is, or is in; None for one outside, and for its __init__."""
    start = f"{folder}." if folder else ""
    child = name.removeprefix(start).split(".")[0] if name.startswith(start) else None
    return None if child == "__init__" else child


def order(folder):
    """What each file and each folder right inside a folder imports from the others there."""
    found: dict[str | None, set[str]] = {inside(folder, name): set() for name in IMPORTS}
    for name, targets in IMPORTS.items():
        found[inside(folder, name)] |= {inside(folder, target) for target in targets} - {inside(folder, name), None}
    del found[None]
    return found


def test_every_room_has_a_floor():
    assert {room(name) for name in IMPORTS} == set(FLOOR)


def test_no_import_runs_upward():
    upward = [
        (name, target)
        for name, targets in IMPORTS.items()
        for target in targets
        if room(name) != room(target) and FLOOR[room(target)] >= FLOOR[room(name)]
    ]
    assert upward == []


def test_no_import_runs_in_a_circle():
    TopologicalSorter(IMPORTS).prepare()


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_room_within_a_folder_is_in_a_circle(folder):
    try:
        TopologicalSorter(order(folder)).prepare()
    except CycleError as circle:
        pytest.fail(f"in {folder or 'the package'}: {' <- '.join(circle.args[1])}")


def test_the_compiler_imports_nothing_of_networks_training_or_files():
    below = {"compiler", "autograd", "support", "version"}
    targets = {target for name, targets in IMPORTS.items() if room(name) == "compiler" for target in targets}
    assert {target for target in targets if room(target) not in below or target == "support.files"} == set()


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_room_is_crowded(folder):
    files = [name for name in IMPORTS if name.rpartition(".")[0] == folder and name.rpartition(".")[2] != "__init__"]
    assert len(files) <= (MOST_IN_A_FOLDER if folder else MOST_AT_THE_ROOT), files


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_guide_of_a_room_names_its_files_in_their_order(folder):
    """Those that its last paragraph names in backquotes are all that there are, each after those that it stands on.

    A folder of one file needs no guide.
    """
    guide = ast.get_docstring(ast.parse((PACKAGE / folder.replace(".", "/") / "__init__.py").read_text("utf-8"))) or ""
    told = re.findall(r"`(\w+)`", guide.rpartition("\n\n")[2])
    stands_on = order(folder)
    assert sorted(told) == sorted(stands_on) or (not guide and len(stands_on) == 1)
    assert [(name, on) for k, name in enumerate(told) for on in stands_on[name] if on not in told[:k]] == []

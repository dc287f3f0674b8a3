"""CONTRIBUTING.md tells the truth: its map is that of the imports, and what its chapters say is done word for word.

A chapter is followed in a copy of the checkout: its texts are put where it says, and its commands are run.
"""

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys

import pytest
from shared import ROOT

PAGE = ROOT / ".github" / "CONTRIBUTING.md"
pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="tests without the checkout around them")
TEXT = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
CHAPTERS = {title: body for title, _, body in (part.partition("\n") for part in TEXT.split("\n## ")[1:])}
ADDING = [title for title in CHAPTERS if title.startswith("How to add")]
FENCE = r":\n\n```python\n(?P<text>.*?\n)```"
SAID = {
    "before": r"efore the line of `(?P<path>[^`]+)` that begins with `(?P<mark>[^`]+)`" + FENCE,
    "at the end": r"At the end of `(?P<path>[^`]+)`" + FENCE,
    "in place": r"In `(?P<path>[^`]+)` write `(?P<text>[^`]+)` in place of `(?P<mark>[^`]+)`",
    "copy": r"Copy `(?P<mark>[^`]+)` to `(?P<path>[^`]+)`",
    "empty": r"make an empty `(?P<path>[^`]+)`",
    "run": r"```sh\n(?P<text>.*?)\n```",
}


def told(title):
    """What a chapter says to do, in order: the kind, and a match with its path, mark and text."""
    found = [
        (match.start(), kind, match)
        for kind, pattern in SAID.items()
        for match in re.finditer(pattern.replace(" ", r"\s+"), CHAPTERS[title], re.DOTALL)
    ]
    fences = [match["text"] for _, _, match in found if "```" in match[0]]
    assert len(fences) == CHAPTERS[title].count("\n```") / 2, f"a text of '{title}' has no place"
    return [(kind, match.groupdict()) for _, kind, match in sorted(found, key=lambda entry: entry[0])]


def followed(title, folder):
    """Do what a chapter says about files, in a folder that has them; the commands that it says then."""
    commands = []
    for kind, said in told(title):
        if kind == "run":
            commands += said["text"].splitlines()
            continue
        path = folder / said["path"]
        path.parent.mkdir(exist_ok=True)
        if kind == "copy":
            shutil.copy(folder / said["mark"], path)
        elif kind == "empty":
            path.touch(exist_ok=False)
        else:
            text = path.read_text(encoding="utf-8")
            if kind == "before":
                lines = text.splitlines(keepends=True)
                place = next(k for k, line in enumerate(lines) if line.lstrip().startswith(said["mark"]))
                text = "".join([*lines[:place], said["text"], *lines[place:]])
            elif kind == "at the end":
                text = f"{text}\n\n{said['text']}"
            else:
                assert text.count(said["mark"]) == 1, said["mark"]
                text = text.replace(said["mark"], said["text"])
            ast.parse(text)
            path.write_text(text, encoding="utf-8")
    return commands


def test_the_map_is_that_of_the_imports():
    tree = ast.parse((ROOT / "tests" / "whole" / "test_imports.py").read_text(encoding="utf-8"))
    assigned = [node for node in tree.body if isinstance(node, ast.Assign)]
    storeys = next(ast.literal_eval(node.value) for node in assigned if ast.unparse(node.targets[0]) == "STOREYS")
    rows = re.findall(r"^\| (`.*?) \| .* \| `(.*)` \|$", TEXT, re.MULTILINE)
    assert [re.findall(r"`(\w+)`", storey) for storey, _ in rows] == storeys[:-1]
    for _, path in rows:
        assert (ROOT / "tinygrad_nn" / path).exists(), path


def test_what_it_names_is_there():
    for path in re.findall(r"`((?:tests|tinygrad_nn|\.ci|\.github)/[\w/.]+)`", TEXT):
        assert (ROOT / path).exists() or "javascript/" in path or "/a/" in path, path
    for table in re.findall(r"run\.py (\w+)", TEXT):
        assert f'"{table}":' in (ROOT / "tests" / "benchmarks" / "run.py").read_text(encoding="utf-8")
    assert len(TEXT.splitlines()) <= 200  # two pages


@pytest.mark.parametrize("title", ADDING)
def test_what_a_chapter_says_has_its_place(title, tmp_path):
    for _, said in told(title):
        for path in (said.get("path"), said.get("mark")):
            if path and (ROOT / path).is_file():
                (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / path, tmp_path / path)
    assert followed(title, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("title", ADDING)
def test_a_chapter_is_followed_word_for_word(title, tmp_path):
    unneeded = shutil.ignore_patterns(".git", ".venv", ".*_cache", "__pycache__", "build", "dist")
    shutil.copytree(ROOT, tmp_path / "copy", ignore=unneeded)
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV"))}
    for command in followed(title, tmp_path / "copy"):
        words = shlex.split(command)
        assert words[0] == "python"
        run = subprocess.run(
            [sys.executable, *words[1:]], cwd=tmp_path / "copy", env=outside | {"PYTHONPATH": str(tmp_path / "copy")},
            capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        assert run.returncode == 0, run.stdout[-5000:] + run.stderr[-2000:]
        print(run.stdout[-500:])
        assert "pytest" not in words or re.search(r"\b[1-9]\d* passed", run.stdout), run.stdout

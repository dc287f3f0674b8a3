"""The notebooks of the examples: they run, show what they say, and the outputs kept in them are those of this code."""

import importlib.util
import json
import re
import shutil
import warnings

import pytest
from shared import ROOT

import tinygrad_nn as tn

BACKPROPAGATION, MACHINE_CODE = (ROOT / "examples" / f"{name}.ipynb" for name in ("backpropagation", "machine_code"))


def printed(cells):
    """What each cell printed, but those that measure times; a stream may come in pieces, as the kernel finds time."""
    return [
        "".join("".join(out["text"]) for out in cell["outputs"] if out["output_type"] == "stream")
        for cell in cells
        if cell["cell_type"] == "code" and "varies" not in cell["metadata"].get("tags", ())
    ]


def shown(cells):
    """What the cells showed, by kind."""
    return [out["data"] for cell in cells for out in cell.get("outputs", []) if "data" in out]


def ran(path):
    """The cells after they were executed in a fresh kernel."""
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
    notebook = nbformat.read(path, as_version=4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the machinery around the kernel; the code runs in a process of its own
        nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    return notebook.cells


def kept(path):
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


@pytest.fixture(scope="module")
def backpropagation():
    return ran(BACKPROPAGATION)


def test_backpropagation_runs_and_its_outputs_are_those_kept(backpropagation):
    assert printed(backpropagation) == printed(kept(BACKPROPAGATION))
    assert "the same as by hand: True" in "".join(printed(backpropagation))
    assert "False" not in "".join(printed(backpropagation))


def test_backpropagation_shows_diagrams_and_steps(backpropagation):
    entries = shown(backpropagation)
    renders = shutil.which("dot") or importlib.util.find_spec("pygraphviz")
    assert sum("image/svg+xml" in entry for entry in entries) == (4 if renders else 0)
    assert [entry["text/html"][:16] for entry in entries if "text/html" in entry] == ['<iframe srcdoc="']


def test_machine_code_runs_and_its_outputs_are_those_kept():
    pytest.importorskip("llvmlite", reason="llvmlite is not installed")
    cells = ran(MACHINE_CODE)
    assert printed(cells) == printed(kept(MACHINE_CODE))
    told = "".join(printed(cells))
    assert "the same bits: True" in told
    assert "largest difference below 1e-15: True" in told
    assert ["text/latex" in entry for entry in shown(cells)] == [False, True]


@pytest.mark.parametrize("path", [BACKPROPAGATION, MACHINE_CODE], ids=lambda path: path.stem)
def test_the_text_names_what_there_is(path):
    text = path.read_text(encoding="utf-8")
    for name in set(re.findall(r"\btn\.(\w+)", text)):
        assert hasattr(tn, name), name

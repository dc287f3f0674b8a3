"""The notebook of the examples: it runs, it shows what it says, and the outputs kept in it are those of this code."""

import importlib.util
import json
import re
import shutil
import warnings

import pytest
from conftest import ROOT

import tinygrad_nn as tn

NOTEBOOK = ROOT / "examples" / "backpropagation.ipynb"


def printed(cells):
    """What each cell printed; a stream may come in pieces, as the kernel finds time."""
    return [
        "".join("".join(out["text"]) for out in cell["outputs"] if out["output_type"] == "stream")
        for cell in cells
        if cell["cell_type"] == "code"
    ]


def shown(cells):
    """What the cells showed, by kind."""
    return [out["data"] for cell in cells for out in cell.get("outputs", []) if "data" in out]


@pytest.fixture(scope="module")
def executed():
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the machinery around the kernel; the code runs in a process of its own
        nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    return notebook.cells


def test_it_runs_and_its_outputs_are_those_kept(executed):
    kept = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    assert printed(executed) == printed(kept)
    assert "the same as by hand: True" in "".join(printed(executed))
    assert "False" not in "".join(printed(executed))


def test_it_shows_diagrams_and_steps(executed):
    entries = shown(executed)
    renders = shutil.which("dot") or importlib.util.find_spec("pygraphviz")
    assert sum("image/svg+xml" in entry for entry in entries) == (4 if renders else 0)
    assert [entry["text/html"][:16] for entry in entries if "text/html" in entry] == ['<iframe srcdoc="']


def test_the_text_names_what_there_is():
    text = NOTEBOOK.read_text(encoding="utf-8")
    for name in set(re.findall(r"\btn\.(\w+)", text)):
        assert hasattr(tn, name), name

"""The notebook of the examples: it runs, it shows what it says, and the outputs kept in it are those of this code."""

import json
import re
import warnings

import pytest
from conftest import ROOT

import tinygrad_nn as tn

NOTEBOOK = ROOT / "examples" / "backpropagation.ipynb"


def outputs(cells):
    """What each cell printed, and the kinds of what it showed."""
    return [
        ["".join(out["text"]) if out["output_type"] == "stream" else sorted(out["data"]) for out in cell["outputs"]]
        for cell in cells
        if cell["cell_type"] == "code"
    ]


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
    printed = [[out for out in cell if isinstance(out, str)] for cell in outputs(executed)]
    assert printed == [[out for out in cell if isinstance(out, str)] for cell in outputs(kept)]
    assert "the same as by hand: True" in str(printed)
    assert "False" not in str(printed)


def test_it_shows_diagrams_and_steps(executed):
    shown = [kind for cell in outputs(executed) for out in cell if isinstance(out, list) for kind in out]
    assert shown.count("text/html") == 1
    assert shown.count("image/svg+xml") in (4, 0)  # 0 where nothing renders
    data = [out["data"] for cell in executed for out in cell.get("outputs", []) if "data" in out]
    assert [entry["text/html"][:16] for entry in data if "text/html" in entry] == ['<iframe srcdoc="']


def test_the_text_names_what_there_is():
    text = NOTEBOOK.read_text(encoding="utf-8")
    for name in set(re.findall(r"\btn\.(\w+)", text)):
        assert hasattr(tn, name), name

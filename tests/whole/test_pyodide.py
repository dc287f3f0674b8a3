"""The built wheel in a browser's Python: Pyodide under Node trains exclusive or and writes the step-through page."""

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from shared import ROOT

import tinygrad_nn as tn

PROGRAM = """
import json, random, sys
sys.path.insert(0, "/host")
import tinygrad_nn as tn

X, Y = tn.data.xor()
model = tn.MLP(2, [4, 1], "tanh", "sigmoid", rng=random.Random(1))
optimizer = tn.SGD(model.parameters(), lr=0.5, momentum=0.9)
options = {"epochs": 300, "rng": random.Random(2), "progress": False}
history = tn.fit(model, X, Y, "binary_cross_entropy", optimizer, **options)
y = tn.tanh(tn.Value(0.5, label="x") * 2.0)
y.backward()
told = {
    "platform": sys.platform,
    "loss": history.losses[-1],
    "table": [[*x, round(p, 3)] for x, p in zip(X, model.predict(X))],
    "drawing": tn.draw(y).source,
    "page": tn.steps(y).html(),
    "written": tn.draw(y).write("/tmp/y.svg"),
    "fetched": sorted(name for name in sys.modules if name.split(".")[0] in ("micropip", "numpy", "llvmlite")),
}
json.dumps(told)
"""
SCRIPT = """
const { loadPyodide } = require("pyodide");
const fs = require("node:fs");
globalThis.fetch = () => { throw new Error("something was fetched"); };
loadPyodide().then(async (pyodide) => {
    pyodide.unpackArchive(new Uint8Array(fs.readFileSync(process.argv[2])), "wheel");
    pyodide.mountNodeFS("/host", process.argv[3]);
    console.log(await pyodide.runPythonAsync(fs.readFileSync(process.argv[4], "utf8")));
}).catch((error) => { console.log(String(error.message ?? error).slice(-3000)); process.exit(1); });
"""


def node_has_pyodide():
    if shutil.which("node") is None:
        return False
    return subprocess.run(["node", "-e", "require.resolve('pyodide')"], capture_output=True).returncode == 0


@pytest.mark.slow
@pytest.mark.skipif(not node_has_pyodide(), reason="no Node with the package pyodide here (npm, and NODE_PATH)")
def test_the_wheel_trains_and_writes_a_page_in_pyodide(tmp_path):
    pytest.importorskip("build", reason="build is not installed, which makes the wheel")
    graphviz = pytest.importorskip("graphviz")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", tmp_path, ROOT], check=True, capture_output=True
    )
    (wheel,) = tmp_path.glob("*.whl")
    shutil.copytree(
        Path(graphviz.__file__).parent, tmp_path / "host" / "graphviz"
    )  # its one dependency, pure Python too
    (tmp_path / "run.cjs").write_text(SCRIPT)
    (tmp_path / "program.py").write_text(PROGRAM)
    command = ["node", tmp_path / "run.cjs", wheel, tmp_path / "host", tmp_path / "program.py"]
    run = subprocess.run(command, capture_output=True, text=True, env=os.environ, timeout=300)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-1000:]
    told = json.loads(run.stdout.splitlines()[-1])
    print(f"in Pyodide: {told['table']}, a page of {len(told['page']):,} bytes, a wheel of {wheel.stat().st_size:,}")
    assert told["platform"] == "emscripten"
    assert told["fetched"] == []
    assert [round(p) for *_, p in told["table"]] == [0, 1, 1, 0]
    X, Y = tn.data.xor()
    model = tn.MLP(2, [4, 1], "tanh", "sigmoid", rng=random.Random(1))
    optimizer = tn.SGD(model.parameters(), lr=0.5, momentum=0.9)
    options: dict[str, Any] = {"epochs": 300, "rng": random.Random(2), "progress": False, "backend": "python"}
    history = tn.fit(model, X, Y, "binary_cross_entropy", optimizer, **options)
    assert told["loss"] == pytest.approx(history.losses[-1], rel=1e-9)
    y = tn.tanh(tn.Value(0.5, label="x") * 2.0)
    y.backward()
    assert told["drawing"] == tn.draw(y).source
    assert len(told["page"]) > 10_000
    assert "tanh" in told["page"]
    assert told["written"].startswith("/tmp/y.gv (the text of the drawing")
    assert wheel.stat().st_size < 1_000_000

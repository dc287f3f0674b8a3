"""A page to host for a class: an editor in the browser, Run, the drawing, and the steps of backpropagation.

    python examples/playground.py

puts it into examples/pictures/playground: the page, this package, and Python and Graphviz for the browser, which npm
brings (Pyodide, @viz-js/viz). Any server of files can host the folder; nothing else is fetched, and nothing is sent.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

import graphviz

import tinygrad_nn

HERE = Path(__file__).parent
FOLDER = HERE / "pictures" / "playground"


def bring(folder):
    """Python and Graphviz for the browser, in a folder of npm's."""
    command = ["npm", "install", "--silent", "--no-save", "--prefix", str(folder), "pyodide@0.28", "@viz-js/viz@3"]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
    except FileNotFoundError:
        return "npm is not installed (it comes with Node)"
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        return f"npm could not bring them: {str(error.stderr or error)[-300:]}"
    return ""


def build(target, modules):
    """Put together what the page reads."""
    if target.exists():
        shutil.rmtree(target)
    target.mkdir(parents=True)
    shutil.copy(HERE / "playground.html", target / "index.html")
    shutil.copytree(modules / "pyodide", target / "pyodide", ignore=shutil.ignore_patterns("*.map", "*.ts", "*.html"))
    shutil.copy(modules / "@viz-js" / "viz" / "dist" / "viz.js", target / "viz.js")
    with tempfile.TemporaryDirectory() as packages:
        for package in (tinygrad_nn, graphviz):
            source = Path(package.__file__).parent
            shutil.copytree(source, Path(packages) / source.name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.make_archive(str(target / "packages"), "zip", packages)
    size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    print(f"the page is in {target}, {size / 1e6:.0f} MB in all; to look at it:")
    print(f"    python -m http.server --directory {target} 8000     and open http://localhost:8000")


def main():
    with tempfile.TemporaryDirectory() as folder:
        if trouble := bring(folder):
            print(f"the page needs Python and Graphviz for the browser: {trouble}")
            return
        build(FOLDER, Path(folder) / "node_modules")


if __name__ == "__main__":
    main()

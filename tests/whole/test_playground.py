"""The page with an editor, served from a folder to a real browser: it runs a program, draws it, steps through it."""

import functools
import http.server
import importlib.util
import os
import shutil
import threading
from pathlib import Path

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
MODULES = Path(os.environ.get("NODE_PATH") or "nowhere")
THERE = all((MODULES / name).is_dir() for name in ("pyodide", "@viz-js/viz"))
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not THERE, reason="no Pyodide and Graphviz for the browser here (npm, and NODE_PATH)"),
    pytest.mark.skipif(CHROMIUM is None, reason="the system has no Chromium"),
    pytest.mark.skipif(importlib.util.find_spec("playwright") is None, reason="playwright is not installed"),
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]
RAN = "!document.getElementById('run').disabled"
# what programs print, one after the other
PROGRAMS = {
    "print('got', input())": "line 1: EOFError: this page has no input(): write what you would type into the program\n",
    "import sys, io\nsys.stdout = io.StringIO()\nprint('hidden')\n1 / 0": (
        "line 4: ZeroDivisionError: division by zero\n"
    ),
    "import sys\nsys.stdout.close()\nsys.stdout = None": "",
    "print('here', end='')\nraise SystemExit('the end')\n": "herethe end\n",
    "import tinygrad_nn as tn\nx = tn.Value(1.0)\nfor k in range(4000):\n    x = x * 1.001\nprint('long')": "long\n",
    "import tinygrad_nn as tn\nloss = sum(tn.Value(1.0) * k for k in range(900))\nprint('many')": (
        "many\n(the graph of the result is too large to be drawn)\n"
    ),
    "loss = 3.0\nprint('fine')": "fine\n",
}
# texts of the drawing that reach into a box that begins to the right of where they begin
OVERLAPPING = """() => {
  const of = (name) => [...document.querySelectorAll("#drawing svg " + name)];
  const boxes = of("polygon").map((e) => e.getBoundingClientRect());
  return of("text").filter((text) => {
    const at = text.getBoundingClientRect(), middle = (at.top + at.bottom) / 2;
    return boxes.some((to) => to.top < middle && middle < to.bottom && at.left < to.left && at.right > to.left);
  }).map((text) => text.textContent);
}"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    extensions_map = {  # noqa: RUF012
        **http.server.SimpleHTTPRequestHandler.extensions_map,
        ".mjs": "text/javascript",
        ".wasm": "application/wasm",
    }

    def log_message(self, *arguments):
        """Says nothing."""


@pytest.fixture
def served(example, tmp_path, capsys):
    """The address of the folder that the example builds."""
    example("playground").build(tmp_path / "page", MODULES)
    assert f"the page is in {tmp_path / 'page'}" in capsys.readouterr().out
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(tmp_path / "page"))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def test_the_page_runs_draws_and_steps(served):
    from playwright.sync_api import sync_playwright

    troubles, fetched = [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.on("console", lambda message: troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("request", lambda request: fetched.append(request.url))
        page.goto(served)
        page.wait_for_function("!document.getElementById('run').disabled", timeout=120_000)
        page.click("#run")
        page.wait_for_function("document.getElementById('output').textContent.includes('dy/dx1')", timeout=60_000)
        page.wait_for_selector("#drawing svg")
        assert "y = tanh(x1*w1 + x2*w2 + b)" in (page.text_content("#output") or "")
        assert "1.002" in (page.text_content("#drawing svg") or "")
        assert page.evaluate(OVERLAPPING) == []
        steps = page.frame_locator("#steps")
        assert "Backpropagation from y" in steps.locator("body").inner_text()
        page.fill("#program", "import tinygrad_nn as tn\n\ny = tn.Value(1.0) + unknown\n")
        page.keyboard.press("Control+Enter")
        page.wait_for_function("document.getElementById('output').textContent.includes('line 3: NameError')")
        assert page.is_hidden("#steps")
        for program, wanted in PROGRAMS.items():
            page.fill("#program", program)
            page.click("#run")
            page.wait_for_function(RAN)
            assert page.text_content("#output") == wanted, program
        page.fill("#program", "for k in range(6000):\n    print(k)\nprint('silent')\nwhile True:\n    pass\n")
        page.click("#run")
        page.wait_for_function("document.getElementById('output').textContent.length > 1000")  # told while it runs
        assert page.is_disabled("#run")
        page.fill("#program", "print('one')\nprint('two')\nwhile True:\n    pass\n")
        page.click("#stop")
        page.wait_for_function(RAN, timeout=120_000)
        page.click("#run")
        page.wait_for_function("document.getElementById('output').textContent === 'one\\ntwo\\n'")
        page.click("#stop")
        page.wait_for_function("document.getElementById('output').textContent.endsWith('(stopped)\\n')")
        page.wait_for_function(RAN, timeout=120_000)
        page.fill("#program", "print('alive')")
        page.click("#run")
        page.wait_for_function("document.getElementById('output').textContent === 'alive\\n'")
        page.reload()
        page.wait_for_function("!document.getElementById('run').disabled", timeout=120_000)
        assert "alive" in page.input_value("#program")  # it is kept
        browser.close()
    assert troubles == []
    assert all(url.startswith((served, "data:", "about:", "blob:")) for url in fetched), fetched

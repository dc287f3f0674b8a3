"""Steps: backpropagation through one graph, a step at a time, as a page that needs nothing but a browser.

The page is one file: the picture of the first step, the texts of all steps as data, and a script that swaps them. It
asks no network for anything and, by its Content-Security-Policy, runs nothing but that script.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from pathlib import Path
from string import Template
from typing import Any

from ..value import Value
from . import colors
from .graph import check_digits, check_size
from .labels import clean
from .layout import Layout, laid_out
from .picture import scales, svg
from .plan import Node, nodes, recorded_values
from .sweep import SEED, Pass, Step, expression, name_of, plain, steps_of

PAGE = Path(__file__).parent / "page"
PACE = 1200  # milliseconds a step when playing


class Steps:
    """The steps of backpropagation through a graph; `len` counts them. `tinygrad_nn.steps` makes one.

    `save` writes the page, `frames` gives a picture for each step, and a notebook shows the page in a frame.
    """

    def __init__(self, drawn: list[Node], digits: int, title: str) -> None:
        self._nodes, self._digits, self.title = drawn, digits, title
        self._steps = steps_of(drawn, digits)
        self._layout: Layout | None = None

    def __len__(self) -> int:
        return len(self._steps)

    def save(self, path: str | Path) -> str:
        """Write the page and give back its path. An existing file is replaced.

        Raises ValueError for a path that does not end in .html, OSError for one that cannot be written.
        """
        if Path(path).suffix.lower() not in (".html", ".htm"):
            raise ValueError(
                f"steps are saved as a page for the browser: give a name such as steps.html, not {str(path)!r}"
            )
        Path(path).write_text(self.html(), encoding="utf-8", newline="\n")
        return str(path)

    def frames(self) -> list[str]:
        """The picture of each step as the text of an SVG file, all of one size and layout, for slides and films."""
        layout = self._laid_out()
        return [svg(layout, self._nodes, self._steps, k, self._digits, self.title) for k in range(len(self))]

    def html(self) -> str:
        """The text of the page."""
        style, script = ((PAGE / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
        layout = self._laid_out()
        return Template((PAGE / "page.html").read_text(encoding="utf-8")).substitute(
            title=html.escape(self.title),
            style=style,
            script=script,
            style_hash=_hash(style),
            script_hash=_hash(script),
            svg=svg(layout, self._nodes, self._steps, len(self) - 1, self._digits, self.title),
            data=_json(self._data(layout)),
            last=len(self) - 1,
        )

    def _repr_html_(self) -> str:
        """The page in a frame of a notebook, which it can neither read nor change."""
        page = html.escape(self.html())
        return (
            f'<iframe srcdoc="{page}" sandbox="allow-scripts" width="100%" height="560" '
            f'title="{html.escape(self.title)}" frameborder="0"></iframe>'
        )

    def _laid_out(self) -> Layout:
        if self._layout is None:
            self._layout = laid_out(self._nodes, self._digits)
        return self._layout

    def _data(self, layout: Layout) -> dict[str, Any]:
        """Everything the script shows: what each step says, and when each number and line comes to light."""
        scale, flow_scale = scales(self._steps)
        known = {step.node: k for k, step in enumerate(self._steps) if step.phase == "forward"}
        flows = {(step.node, p.place): (k, p.flow) for k, step in enumerate(self._steps) for p in step.passes}
        gradients: list[list[dict[str, Any]]] = [[] for _ in self._nodes]
        for k, step in enumerate(self._steps):
            for i, gradient in step.gradients.items():
                gradients[i].append(
                    {
                        "step": k,
                        "text": self._told(gradient),
                        "fill": colors.fill(gradient, scale),
                        "number": repr(gradient),
                    }
                )
        order = {node.name: i for i, node in enumerate(self._nodes)}
        described = []
        for i, (node, card) in enumerate(zip(self._nodes, layout.cards, strict=True)):
            kinds = {"input": "a given number", "parameter": "a parameter"}
            value = self._told(node.value.data)
            described.append({
                "name": name_of(node), "data": value, "step": known.get(i, 0), "root": node.kind == "root",
                "about": f"= {expression(node, self._digits)} = {value}" if node.operands else f"{kinds.get(node.kind, '')} = {value}",
                "where": _where(node), "gradients": gradients[i], "complete": gradients[i][-1]["step"],
                "box": [round(x, 1) for x in (card.x, card.y, card.width, card.height)],
                "operands": [order[o.name] for o in node.operands if isinstance(o, Node)],
            })  # fmt: skip
        lines = []
        for line in layout.lines:
            k, flow = flows.get((line.head, line.place), (None, None))
            color, width = colors.line(flow, flow_scale)
            lines.append({"head": line.head, "step": k, "color": color, "width": width})
        steps = [self._described(step) for step in self._steps]
        return {"nodes": described, "lines": lines, "steps": steps, "root": name_of(self._nodes[-1]), "pace": PACE}

    def _described(self, step: Step) -> dict[str, Any]:
        node = self._nodes[step.node]
        name, root = name_of(node), name_of(self._nodes[-1])
        before, question, answer = step.text, "", node.value.data
        if step.phase == "forward":
            before, question = f"{name} = {expression(node, self._digits)}", f"What is {name}?"
        elif step.phase == "seed":
            before, question, answer = SEED.format(root), f"What is ∂{root} / ∂{root}?", 1.0
        elif step.phase == "backward" and step.passes:
            first = step.passes[0]
            question = (
                f"What does {name} pass on to {name_of(self._nodes[first.operand])}, local derivative times gradient?"
            )
            answer = first.flow
        elif step.phase == "backward":
            question, answer = "How much does it pass on?", 0.0
        return {
            "phase": {"seed": "backward"}.get(step.phase, step.phase), "node": step.node, "text": step.text,
            "where": [] if step.phase == "start" else _where(node), "before": before, "question": question,
            "answer": repr(float(answer)), "passes": [self._described_pass(node, p) for p in step.passes],
        }  # fmt: skip

    def _described_pass(self, node: Node, passed: Pass) -> dict[str, str]:
        to, local = name_of(self._nodes[passed.operand]), self._told(passed.local)
        gradient = self._told(passed.gradient)
        before = (
            "" if passed.before is None else f"{self._told(passed.before)} + {_bracketed(self._told(passed.flow))} = "
        )
        return {
            "to": to, "rule": passed.rule,
            "local": f"∂{_whole(name_of(node))} / ∂{_whole(to)} = {local}",
            "chain": f"{local} × {_bracketed(gradient)} = ", "flow": self._told(passed.flow),
            "sum": f"{to}.grad = {before}", "after": self._told(passed.after),
        }  # fmt: skip

    def _told(self, value: float) -> str:
        return plain(value, self._digits)


def steps(
    root: Value, *, expand: bool = False, digits: int = 4, title: str | None = None, max_nodes: int = 500
) -> Steps:
    """The steps; `tinygrad_nn.steps` says what the options are."""
    if not isinstance(root, Value):
        raise TypeError(
            f"steps() goes through the graph behind a Value, but got {root!r} of type {type(root).__name__}"
        )
    check_digits(digits)
    if title is not None and not isinstance(title, str):
        raise TypeError(f"the title of a page is a string, but got {title!r}")
    check_size(len(recorded_values(root)), max_nodes)
    drawn = nodes(root, expand)
    check_size(len(drawn), max_nodes)
    return Steps(drawn, digits, clean(title if title is not None else f"Backpropagation to {name_of(drawn[-1])}"))


def _where(node: Node) -> list[str]:
    return [clean(box.label) for box in node.box.path()] if node.box else []


def _bracketed(number: str) -> str:
    return f"({number})" if number.startswith("−") else number


def _whole(name: str) -> str:
    return name if name.isalnum() else f"({name})"


def _json(data: dict[str, Any]) -> str:
    """JSON that a script element can hold: no character of markup in it."""
    text = json.dumps(data, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

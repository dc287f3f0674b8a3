"""Steps: backpropagation through one graph, a step at a time, as a page, as a frame in a notebook, or as pictures."""

from __future__ import annotations

from functools import cached_property

from ...autograd.value import Value
from ...support.checks import checked_switch
from ..browser import Page
from ..labels import clean
from ..nodes import Node, nodes, recorded_values
from ..options import check_root, check_size, check_texts
from .backprop import steps_of
from .layout import Layout, laid_out
from .page import page
from .picture import Pictures


class Steps(Page):
    """The steps of backpropagation through a graph; `len` counts them. `tinygrad_nn.steps` makes one.

    It holds the numbers as they were when it was made.
    """

    def __init__(self, drawn: list[Node], digits: int, title: str) -> None:
        self.title = title
        self._nodes, self._digits = drawn, digits
        self._steps = steps_of(drawn, digits)

    def __len__(self) -> int:
        return len(self._steps)

    def html(self) -> str:
        """The text of the page."""
        return page(self._pictures())

    def frames(self) -> list[str]:
        """The picture of each step as the text of an SVG file, all of one size and layout, for slides and films."""
        pictures = self._pictures()
        return list(map(pictures.of, pictures.states()))

    def __repr__(self) -> str:
        return f"<{len(self)} steps of {self.title!r}: .save('steps.html') writes the page>"

    def _pictures(self) -> Pictures:
        return Pictures(self._layout, self._nodes, self._steps, self._digits, self.title)

    @cached_property
    def _layout(self) -> Layout:
        return laid_out(self._nodes, self._digits)


def steps(
    root: Value, *, expand: bool = False, digits: int = 4, title: str | None = None, max_nodes: int = 500
) -> Steps:
    """Backpropagation to `root`, a Value, one operation at a time: forward, then backward.

    `.save("steps.html")` writes a page that any browser shows without a network; a notebook shows it in place;
    `.frames()` are the pictures, as the text of SVG files; `len` is the number of steps. With `expand` a neuron's dot
    is its products and their sum, as on a blackboard; `digits` are the significant digits, `max_nodes` the most nodes.

    The gradients on the page are those of one `backward` from 0 (with `expand`, up to the rounding of sums where a
    Value is in both columns of a dot); the Values are not touched. Raises TypeError where root is no Value, ValueError
    for more than `max_nodes` nodes.

    >>> from tinygrad_nn import Value
    >>> a = Value(3.0, label="a")
    >>> len(steps(a * a))
    4
    """
    check_root("steps() goes through", root)
    checked_switch("expand", expand)
    check_texts(title, digits)
    check_size(len(recorded_values(root)), max_nodes)
    drawn = nodes(root, expand)
    check_size(len(drawn), max_nodes)
    return Steps(drawn, digits, clean(f"Backpropagation from {drawn[-1].label}" if title is None else title))

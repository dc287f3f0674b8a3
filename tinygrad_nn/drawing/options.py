"""What drawings are asked for: checks of their options that say what was wanted."""

from __future__ import annotations

from typing import Any

from ..autograd.value import Value
from ..nn.module import Module
from ..support.checks import checked_count, checked_text


def check_root(what: str, given: Any) -> None:
    """Raises TypeError for something else than a Value, and says what may have been meant."""
    if isinstance(given, Value):
        return
    meant = ".data and predict() give plain numbers: draw what the model or the formula itself gave"
    if isinstance(given, Module):
        meant = "call the model on a row first, or use draw_network(model)"
    elif isinstance(given, list | tuple):
        meant = "draw one of them, or a loss made of them"
    elif given is None:
        meant = "backward() gives nothing back: draw the value itself"
    raise TypeError(f"{what} the graph behind a Value, but got {given!r} of type {type(given).__name__}; {meant}")


def check_size(count: int, max_nodes: int, way_out: str = "") -> None:
    """Raises ValueError for more nodes than anybody can read, and than the layout may ever finish."""
    checked_count("max_nodes", max_nodes)
    if count > max_nodes:
        raise ValueError(
            f"this drawing would have {count} nodes, more than max_nodes={max_nodes}, and nobody can read that: draw a "
            f"smaller example or an inner Value{way_out}, or insist with max_nodes={count}, which may take minutes"
        )


def check_texts(title: str | None, digits: int = 4) -> None:
    checked_count("digits", digits, least=1, most=17)
    if title is not None:
        checked_text("the title of a drawing", title)

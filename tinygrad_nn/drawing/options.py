"""What drawings are asked for: checks of their options that say what was wanted."""

from __future__ import annotations

from typing import Any

from ..nn.module import Module
from ..support.checks import checked_count, checked_text


def what_to_draw(given: Any) -> str:
    """What somebody may have meant who gave something else than a Value."""
    if isinstance(given, Module):
        return "; call the model on a row first, or use draw_network(model)"
    if isinstance(given, list | tuple):
        return "; draw one of them, or a loss made of them"
    if given is None:
        return "; backward() gives nothing back: draw the value itself"
    return "; .data and predict() give plain numbers: draw what the model or the formula itself gave"


def check_digits(digits: int) -> None:
    checked_count("digits", digits, least=1, most=17)


def check_size(count: int, max_nodes: int, way_out: str = "") -> None:
    """Raises ValueError for more nodes than anybody can read, and than the layout may ever finish."""
    checked_count("max_nodes", max_nodes)
    if count > max_nodes:
        raise ValueError(
            f"this drawing would have {count} nodes, more than max_nodes={max_nodes}, and nobody can read that: draw a "
            f"smaller example or an inner Value{way_out}, or insist with max_nodes={count}, which may take minutes"
        )


def check_title(title: str | None) -> None:
    if title is not None:
        checked_text("the title of a drawing", title)

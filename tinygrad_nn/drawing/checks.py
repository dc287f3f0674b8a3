"""What drawings are asked for: checks of their options that say what was wanted."""

from __future__ import annotations

from typing import Any

from ..module import Module


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
    if isinstance(digits, bool) or not isinstance(digits, int) or not 1 <= digits <= 17:
        raise TypeError(f"digits must be a whole number from 1 to 17, but got {digits!r}")


def check_size(count: int, max_nodes: int, way_out: str = "") -> None:
    """Raises ValueError for more nodes than anybody can read, and than the layout may ever finish."""
    if isinstance(max_nodes, bool) or not isinstance(max_nodes, int):
        raise TypeError(f"max_nodes must be a whole number, but got {max_nodes!r}")
    if count > max_nodes:
        raise ValueError(
            f"this drawing would have {count} nodes, more than max_nodes={max_nodes}, and nobody can read that: draw a "
            f"smaller example or an inner Value{way_out}, or insist with max_nodes={count}, which may take minutes"
        )


def check_title(title: str | None) -> None:
    if title is not None and not isinstance(title, str):
        raise TypeError(f"the title of a drawing is a string, but got {title!r}")

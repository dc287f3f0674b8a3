"""Activations by name: each is a row of the table of primitives.

A function of the user's own serves in place of any name.
"""

from __future__ import annotations

from collections.abc import Callable

from ..autograd import primitives as table
from ..autograd.primitives import Primitive
from ..support.annotation import Any

Activation = str | Callable[[Any], Any]

ACTIVATIONS: dict[str, Primitive | None] = {
    "linear": None,
    "relu": table.relu,
    "tanh": table.tanh,
    "sigmoid": table.sigmoid,
    "leaky_relu": table.leaky_relu,
    "elu": table.elu,
    "softplus": table.softplus,
    "silu": table.silu,
    "gelu": table.gelu,
}


def checked_activation(activation: Activation | bool) -> Activation:
    """The activation as a name or a function; micrograd's `nonlin` booleans stand for relu and linear."""
    if isinstance(activation, bool):
        return "relu" if activation else "linear"
    if isinstance(activation, Primitive) and len(activation.operands) != 1:
        raise ValueError(f"an activation takes one number, but {activation.name} takes {len(activation.operands)}")
    if callable(activation) or (isinstance(activation, str) and activation in ACTIVATIONS):
        return activation
    raise ValueError(
        f"unknown activation {activation!r}: give one of {', '.join(ACTIVATIONS)}, or a function of a Value"
    )


def activation_name(activation: Activation) -> str:
    return activation if isinstance(activation, str) else getattr(activation, "__name__", repr(activation))

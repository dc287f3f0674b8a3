"""Activations by name: each is a row of the table of primitives, but for softmax, which is of a layer's sums together.

A function of the user's own serves in place of any name.
"""

from __future__ import annotations

from collections.abc import Callable

from ..autograd import primitives as table
from ..autograd.primitives import Primitive
from ..functional import softmax
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

SOFTMAX = "softmax"
ACTIVATION_NAMES = (*ACTIVATIONS, SOFTMAX)


def of_a_whole_layer(total: Any) -> Any:
    """What stands for softmax in each neuron of its layer. Raises ValueError, since of one neuron there is none."""
    raise ValueError(
        f"softmax is of all outputs of a layer together, and not of one neuron: give Layer(n, k, {SOFTMAX!r}) or "
        f"MLP(..., output_activation={SOFTMAX!r}), and all neurons of the layer the same; of one output take 'sigmoid'"
    )


def activate_of(activation: Activation) -> Any:
    """What a checked activation does to one sum; None of that which does nothing."""
    return activation if not isinstance(activation, str) else ACTIVATIONS.get(activation, of_a_whole_layer)


def checked_activation(activation: Activation | bool) -> Activation:
    """The activation as a name or a function; micrograd's `nonlin` booleans stand for relu and linear."""
    if isinstance(activation, bool):
        return "relu" if activation else "linear"
    if activation is softmax:
        return SOFTMAX
    if isinstance(activation, Primitive) and len(activation.operands) != 1:
        raise ValueError(f"an activation takes one number, but {activation.name} takes {len(activation.operands)}")
    if callable(activation) or (isinstance(activation, str) and activation in ACTIVATION_NAMES):
        return activation
    named = ", ".join(ACTIVATION_NAMES)
    raise ValueError(f"unknown activation {activation!r}: give one of {named}, or a function of a Value")


def activation_name(activation: Activation) -> str:
    return activation if isinstance(activation, str) else getattr(activation, "__name__", repr(activation))

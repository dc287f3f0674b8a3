"""What a network is made with: activations and ways to draw weights by name, and checks of sizes, names and matrices.

A name stands for an entry of these two dictionaries; a function of the user's own serves in place of any name.
"""

from __future__ import annotations

import math
from itertools import pairwise

from ..autograd import primitives as table
from ..autograd.primitives import Primitive
from ..autograd.scalar import as_float
from ..support.tabular import is_frame, is_list, plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    Activation = str | Callable[[Any], Any]
    Init = str | Callable[[Any], float]

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


def _glorot(rng: Any, n_inputs: int, n_outputs: int) -> float:
    return rng.uniform(-1.0, 1.0) * math.sqrt(6.0 / (n_inputs + n_outputs))  # type: ignore[no-any-return]


# For each name the draw of a weight from (rng, n_inputs, n_outputs); the bias is 0, but drawn too for `normal`.
INITS: dict[str, Callable[[Any, int, int], float]] = {
    "uniform": lambda rng, n_inputs, n_outputs: rng.uniform(-1.0, 1.0),
    "normal": lambda rng, n_inputs, n_outputs: rng.gauss(0.0, 1.0),
    "xavier": _glorot,
    "he": lambda rng, n_inputs, n_outputs: rng.gauss(0.0, math.sqrt(2.0 / n_inputs)),
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


def activation_function(activation: Activation) -> Primitive | Callable[[Any], Any] | None:
    """The row of the table for a name (None for linear), or the function itself."""
    return ACTIVATIONS[activation] if isinstance(activation, str) else activation


def activation_name(activation: Activation) -> str:
    return activation if isinstance(activation, str) else getattr(activation, "__name__", repr(activation))


def weight_draws(init: Init, n_inputs: int, n_outputs: int) -> tuple[Callable[[Any], float], Callable[[Any], float]]:
    """The functions of the generator that draw a weight and a bias."""
    if callable(init):
        return init, init
    if not isinstance(init, str) or init not in INITS:
        raise ValueError(f"unknown init {init!r}: give one of {', '.join(INITS)}, or a function of the generator")
    draw = INITS[init]

    def weight(rng: Any) -> float:
        return draw(rng, n_inputs, n_outputs)

    return weight, weight if init == "normal" else lambda rng: 0.0


def checked_names(what: str, names: Sequence[str] | None, count: int) -> list[str] | None:
    if names is None:
        return None
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise TypeError(f"{what} wants a list of strings, but got {names!r}")
    if len(names) != count:
        raise ValueError(f"{what} wants {count} names, but got {len(names)}: {list(names)!r}")
    return list(names)


def checked_weights(weights: Any, biases: Any) -> list[tuple[list[list[float]], list[float]]]:
    """A weight matrix and biases for each layer, as floats. Raises where they are missing, ragged or do not chain."""
    for what, given in (("weights", weights), ("biases", biases)):
        if not is_list(given) or is_frame(given):
            raise TypeError(f"from_weights() wants a list of {what} with an entry for each layer, but got {given!r}")
    if not len(weights) or len(weights) != len(biases):
        raise ValueError(
            f"from_weights() wants one matrix and one list of biases for each layer, "
            f"but got {len(weights)} matrices and {len(biases)} lists of biases"
        )
    layers = [_checked_matrix(w, b, i + 1) for i, (w, b) in enumerate(zip(weights, biases, strict=True))]
    for i, ((_, before), (after, _)) in enumerate(pairwise(layers)):
        if len(before) != len(after):
            raise ValueError(
                f"layer {i + 1} has {len(before)} outputs, but the matrix of layer {i + 2} has {len(after)} rows: "
                "a weight matrix has the shape (n_inputs, n_outputs)"
            )
    return layers


def _checked_matrix(matrix: Any, bias: Any, layer: int) -> tuple[list[list[float]], list[float]]:
    """A weight matrix and its biases as lists of floats. Raises where they are ragged or do not fit each other."""
    matrix, bias = (plain(part, f"layer {layer}") if is_frame(part) else part for part in (matrix, bias))
    if not is_list(matrix) or not all(map(is_list, (bias, *matrix))):
        raise TypeError(
            f"layer {layer} wants a matrix as a list of rows, and a list of biases; got {matrix!r}, {bias!r}"
        )
    rows = [[_checked_number(w, layer) for w in row] for row in matrix]
    offsets = [_checked_number(b, layer) for b in bias]
    for i, row in enumerate(rows):
        if len(row) != len(offsets):
            raise ValueError(
                f"layer {layer} has {len(offsets)} biases, but row {i + 1} of its matrix has {len(row)} weights: "
                "a weight matrix has the shape (n_inputs, n_outputs), with one bias for each output"
            )
    if not rows:
        raise ValueError(f"the weight matrix of layer {layer} is empty")
    return rows, offsets


def _checked_number(entry: Any, layer: int) -> float:
    number = as_float(entry)
    if number is None:
        raise TypeError(f"the weights and biases of layer {layer} must be numbers, but one is {entry!r}")
    return number

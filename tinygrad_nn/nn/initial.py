"""The first weights of a network: drawn in a way that has a name or by a function of one's own, or given as matrices.

Sizes, names and matrices are checked here before anything is made of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

from ..support.annotation import Any
from ..support.numbers import as_float
from ..support.tabular import is_frame, is_list, plain

Init = str | Callable[[Any], float]

# For each name the draw of a weight from (rng, n_inputs, n_outputs); the bias is 0, but drawn too for `normal`.
INITS: dict[str, Callable[..., float]] = {
    "uniform": lambda rng, n_inputs, n_outputs: rng.uniform(-1.0, 1.0),
    "normal": lambda rng, n_inputs, n_outputs: rng.gauss(0.0, 1.0),
    "xavier": lambda rng, n_inputs, n_outputs: rng.uniform(-1.0, 1.0) * math.sqrt(6.0 / (n_inputs + n_outputs)),
    "he": lambda rng, n_inputs, n_outputs: rng.gauss(0.0, math.sqrt(2.0 / n_inputs)),
}


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

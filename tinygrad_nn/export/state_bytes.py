"""What a model has learned in C, or the weights for it, as a block of bytes for flash or an EEPROM.

A block is 24 bytes that say what it is of (a word, versions, what the network and the optimizer are, how many weights),
then the numbers of the state in the order of its fields, or the weights alone, and the CRC-32 of all that. Numbers are
the bits of IEEE floats, the least byte first, so that it is the same on every machine.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Sequence
from typing import Any

from ..autograd.value import Value
from ..compiler.backends.c.file import File, check_values
from ..compiler.backends.c.functions import c_number
from ..losses import squared_error
from ..nn.entries import StorageError
from ..nn.module import Module
from ..optim import Optimizer
from ..training.steps.recipe import Recipe
from .estimators import Estimated, estimated
from .update import UpdateLoop

WORD, BLOCK_VERSION = b"tnns", 1
HEAD, SUM = 24, 4  # bytes
FORMATS = {4: "f", 8: "d"}


def c_state(model: Any, optimizer: Optimizer | None = None, dtype: str = "float") -> bytes:
    """The block of bytes that a file of `export_c` takes: with `save` weights and optimizer as they are now, and
    without an optimizer the weights alone, for a file of `weights_apart`.

    Written to a device's flash or EEPROM it gives a program other weights, and the program stays as it is. `dtype` is
    that of the file. Raises as `export_c` does, which the file was written by.

    >>> import tinygrad_nn as tn
    >>> model = tn.MLP(2, [4, 1], "tanh", "sigmoid")
    >>> optimizer = tn.SGD(model.parameters(), lr=0.5)
    >>> block = c_state(model, optimizer)
    >>> len(block), load_c_state(model, block, optimizer)
    (100, None)
    """
    file = File("model", dtype)
    if optimizer is None:
        model = estimated(model, dtype, apart=True)
        parameters, head = _parameters_of(model), head_of_weights(file, model)
        loop, numbers = None, []
    else:
        loop = _loop_of(model, optimizer, dtype)
        parameters, head = optimizer.parameters, head_of(loop, model)
        c_number(optimizer.rate(), file.single)  # which says so where a float is too small for it
        numbers = [optimizer.rate(), *([float(optimizer.steps)] if loop.counts_steps else [])]
    columns: list[Sequence[float]] = [[p.data for p in parameters], *([] if loop is None else loop.held())]
    for column, what in zip(columns, ["", *["the state of "] * len(columns)], strict=False):
        check_values(parameters, column, file.single, model, what)
    numbers = [*(number for column in columns for number in column), *numbers]
    block = head + struct.pack(f"<{len(numbers)}{FORMATS[file.size]}", *numbers)
    return block + struct.pack("<I", zlib.crc32(block))


def load_c_state(model: Any, block: bytes | bytearray | memoryview, optimizer: Optimizer | None = None) -> None:
    """Give a model the weights in a block that a device's `model_save` or `c_state` wrote, and its optimizer what
    belongs to it.

    Weights are in the order of `optimizer.parameters`, or without an optimizer of `model.parameters()`. The optimizer
    also has the learning rate, the count of steps and what it remembers of each weight from there.

    Raises StorageError for bytes that are no such block, were changed or cut off, are of another network or optimizer,
    or hold a number that is not finite, TypeError for what is no bytes; nothing is changed then.
    """
    if not isinstance(block, bytes | bytearray | memoryview):
        raise TypeError(f"load_c_state() wants the bytes that model_save wrote, but got {type(block).__name__}")
    block = bytes(block)
    size, numbers = _numbers_in(block)
    if optimizer is None:
        parameters = _parameters_of(model)
        wanted = _head((size, *block[6:8]), model, parameters, block[12:16])
    else:
        loop = _loop_of(model, optimizer, {4: "float", 8: "double"}[size])
        parameters, wanted = optimizer.parameters, head_of(loop, model)
    for start, end, what in ((16, 20, "count of weights"), (8, 12, "network"), (12, 16, "optimizer"), (6, 8, "state")):
        if block[start:end] != wanted[start:end]:
            raise StorageError(
                f"the block is of another {what} than this one: give the model and the optimizer that the file was "
                "exported with, and only the model where all of its parameters learn"
            )
    count = len(parameters)
    columns = [numbers[k * count : (k + 1) * count] for k in range(1 + block[6])]
    rate, steps, *_ = *numbers[len(columns) * count :], 0.0, 0.0
    if not all(map(math.isfinite, numbers)) or rate < 0.0 or steps < 0.0 or steps != math.floor(steps):
        raise StorageError("the block has numbers that are not finite, or no learning rate: it diverged on the device")
    if optimizer is not None:
        optimizer.state = loop.states_of(columns[1:])
        if c_number(rate, size == 4) != c_number(optimizer.rate(), size == 4):
            optimizer.lr = rate
        optimizer.steps = int(steps) if loop.counts_steps else optimizer.steps
    for parameter, number in zip(parameters, columns[0], strict=True):
        parameter.data = number


def _numbers_in(block: bytes) -> tuple[int, Sequence[float]]:
    """How many bytes each number of a block has, and the numbers. Raises StorageError for what is no block."""
    if len(block) < HEAD + SUM or block[:4] != WORD:
        raise StorageError(f"these {len(block)} bytes are no state that model_save wrote: it begins with {WORD!r}")
    if block[4] != BLOCK_VERSION or block[5] not in FORMATS:
        raise StorageError(f"the block is of version {block[4]}, and this library reads version {BLOCK_VERSION}")
    size, count = block[5], int.from_bytes(block[16:20], "little") * (1 + block[6]) + block[7]
    if len(block) != HEAD + size * count + SUM:
        raise StorageError(f"the block was cut off, or goes on: of {HEAD + size * count + SUM} bytes, got {len(block)}")
    if int.from_bytes(block[-SUM:], "little") != zlib.crc32(block[:-SUM]):
        raise StorageError("the block was changed after it was written: its checksum is another")
    return size, struct.unpack_from(f"<{count}{FORMATS[size]}", block, HEAD)


def _loop_of(model: Any, optimizer: Optimizer, dtype: str) -> UpdateLoop:
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer must be one such as tn.SGD(model.parameters(), lr=0.1), but got {optimizer!r}")
    return UpdateLoop(Recipe(model, squared_error, optimizer), File("model", dtype))


def head_of(loop: UpdateLoop, model: Any) -> bytes:
    """What the block of a state begins with."""
    kind = zlib.crc32(type(loop.optimizer).__name__.encode()).to_bytes(4, "little")
    return _head((loop.file.size, len(loop.states), 1 + loop.counts_steps), model, loop.optimizer.parameters, kind)


def head_of_weights(file: File, model: Any) -> bytes:
    """What the block of a model's weights alone begins with."""
    return _head((file.size, 0, 0), model, _parameters_of(model), bytes(4))


def _parameters_of(model: Any) -> list[Value]:
    if not isinstance(model, Module):
        raise TypeError(f"{model!r} has no parameters() in an order: give a Module, or an optimizer too")
    return model.parameters()


def _head(sizes: Sequence[int], model: Any, parameters: Sequence[Value], optimizer: bytes) -> bytes:
    """The head, where sizes are the bytes of a number, the states of a parameter and what else there is."""
    network, count = (number.to_bytes(4, "little") for number in (_print_of(model, parameters), len(parameters)))
    return WORD + bytes([BLOCK_VERSION, *sizes]) + network + optimizer + count + bytes(4)


def _print_of(model: Any, parameters: Sequence[Value]) -> int:
    """A number that networks of one structure share: of the paths of parameters, the activations, and labels."""
    words = [type(model).__name__, *map(str, getattr(model, "labels", None) or [])]
    if isinstance(model, Module):
        paths = {id(parameter): path for path, parameter in model.named_parameters()}
        words += [paths.get(id(parameter), "") for parameter in parameters]
    layers = getattr(model.network if isinstance(model, Estimated) else model, "layers", [model])
    neurons = [neuron for layer in layers for neuron in getattr(layer, "neurons", [layer])]
    activations = [getattr(neuron, "activation", None) for neuron in neurons]
    words += [activation if isinstance(activation, str) else "" for activation in activations]
    return zlib.crc32("\n".join(words).encode())

"""What a model has learned in C as a block of bytes, for flash or an EEPROM: as C writes and reads it, and Python.

A block is 20 bytes that say what it is of (a word, versions, what the network and the optimizer are, how many weights),
then the numbers of the state in the order of its fields, and the CRC-32 of all that. Numbers are the bits of IEEE
floats, the least byte first, so that it is the same on every machine.
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
from .update import UpdateLoop

WORD, BLOCK_VERSION = b"tnns", 1
HEAD, SUM = 20, 4  # bytes
FORMATS = {4: "f", 8: "d"}


def c_state(model: Any, optimizer: Optimizer, dtype: str = "float") -> bytes:
    """The block of bytes that a file of `export_c` with `save` reads: the weights and the optimizer as they are now.

    Written to a device's flash or EEPROM it gives `model_load` other weights, and what runs there stays as it is.
    `dtype` is that of the file. Raises as `export_c` does, which the file was written by.

    >>> import tinygrad_nn as tn
    >>> model = tn.MLP(2, [4, 1], "tanh", "sigmoid")
    >>> optimizer = tn.SGD(model.parameters(), lr=0.5)
    >>> block = c_state(model, optimizer)
    >>> len(block), load_c_state(model, block, optimizer)
    (96, None)
    """
    loop = _loop_of(model, optimizer, dtype)
    weights = [parameter.data for parameter in optimizer.parameters]
    columns = [weights, *loop.held()]
    for column, what in zip(columns, ["", *["the state of "] * len(columns)], strict=False):
        check_values(optimizer.parameters, column, loop.file.single, model, what)
    numbers = [number for column in columns for number in column]
    c_number(optimizer.rate(), loop.file.single)  # which says so where a float is too small for it
    numbers += [optimizer.rate(), *([float(optimizer.steps)] if loop.counts_steps else [])]
    block = head_of(loop, model) + struct.pack(f"<{len(numbers)}{FORMATS[loop.file.size]}", *numbers)
    return block + struct.pack("<I", zlib.crc32(block))


def load_c_state(model: Any, block: bytes | bytearray | memoryview, optimizer: Optimizer | None = None) -> None:
    """Give a model the weights in a block that a device's `model_save` wrote, and its optimizer what belongs to it.

    Weights are in the order of `optimizer.parameters`, or without an optimizer of `model.parameters()`. The optimizer
    also has the learning rate, the count of steps and what it remembers of each weight from there.

    Raises StorageError for bytes that are no such block, were changed or cut off, are of another network or optimizer,
    or hold a number that is not finite, TypeError for what is no bytes; nothing is changed then.
    """
    if not isinstance(block, bytes | bytearray | memoryview):
        raise TypeError(f"load_c_state() wants the bytes that model_save wrote, but got {type(block).__name__}")
    block = bytes(block)
    size, numbers = _numbers_in(block)
    states, counts_steps = block[6], block[7]
    if optimizer is None:
        if not isinstance(model, Module):
            raise TypeError(f"{model!r} has no parameters() in an order: give the optimizer that it was exported with")
        parameters = model.parameters()
        wanted = _head(size, states, counts_steps, model, parameters, block[12:16])
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
    columns = [numbers[k * count : (k + 1) * count] for k in range(1 + states)]
    rate, *steps = numbers[(1 + states) * count :]
    if not all(map(math.isfinite, numbers)) or rate < 0.0 or not all(s >= 0.0 and s == math.floor(s) for s in steps):
        raise StorageError("the block has numbers that are not finite, or no learning rate: it diverged on the device")
    if optimizer is not None:
        optimizer.state = loop.states_of(columns[1:])
        if c_number(rate, size == 4) != c_number(optimizer.rate(), size == 4):
            optimizer.lr = rate
        optimizer.steps = int(steps[0]) if steps else optimizer.steps
    for parameter, number in zip(parameters, columns[0], strict=True):
        parameter.data = number


def _numbers_in(block: bytes) -> tuple[int, Sequence[float]]:
    """How many bytes each number of a block has, and the numbers. Raises StorageError for what is no block."""
    if len(block) < HEAD + SUM or block[:4] != WORD:
        raise StorageError(f"these {len(block)} bytes are no state that model_save wrote: it begins with {WORD!r}")
    if block[4] != BLOCK_VERSION or block[5] not in FORMATS:
        raise StorageError(f"the block is of version {block[4]}, and this library reads version {BLOCK_VERSION}")
    size, count = block[5], int.from_bytes(block[16:20], "little") * (1 + block[6]) + 1 + block[7]
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
    sizes = loop.file.size, len(loop.states), int(loop.counts_steps)
    return _head(*sizes, model, loop.optimizer.parameters, kind)


def _head(size: int, states: int, steps: int, model: Any, parameters: Sequence[Value], optimizer: bytes) -> bytes:
    network, count = (number.to_bytes(4, "little") for number in (_print_of(model, parameters), len(parameters)))
    return WORD + bytes([BLOCK_VERSION, size, states, steps]) + network + optimizer + count


def _print_of(model: Any, parameters: Sequence[Value]) -> int:
    """A number that networks of one structure share: of the paths of what is trained, and of the activations."""
    words = [type(model).__name__]
    if isinstance(model, Module):
        paths = {id(parameter): path for path, parameter in model.named_parameters()}
        words += [paths.get(id(parameter), "") for parameter in parameters]
    layers = getattr(model, "layers", [model])
    neurons = [neuron for layer in layers for neuron in getattr(layer, "neurons", [layer])]
    activations = [getattr(neuron, "activation", None) for neuron in neurons]
    words += [activation if isinstance(activation, str) else "" for activation in activations]
    return zlib.crc32("\n".join(words).encode())


def add_to(file: File, loop: UpdateLoop, model: Any) -> str:
    """Add what writes and reads a block to a file; the line that says how long one is."""
    name, size, count = file.name, file.size, loop.count
    macro, total = f"{name.upper()}_STATE_BYTES", HEAD + size * loop.numbers + SUM
    bits = f"uint{8 * size}_t"
    head = ", ".join(map(str, head_of(loop, model)))
    file.includes |= {"<stdint.h>", "<string.h>"}
    file.bodies.append(
        f"/* A block: {HEAD} bytes that say what it is of, the numbers of the state, and the CRC-32 of all that. */\n"
        f"static const unsigned char {name}_state_head[{HEAD}] = {{\n    {head},\n}};\n"
        + file.spelled(f"typedef char {name}_real_has_{size}_bytes[sizeof(real) == {size} ? 1 : -1];\n\n")
    )
    checksum = f"{name}_state_sum(const unsigned char *bytes, long count)"
    file.function(f"uint32_t {checksum}", CHECKSUM, static=True)
    put, get = (text.replace("BITS", bits).replace("SIZE", str(size)) for text in (PUT, GET))
    file.function(
        f"unsigned char *{name}_put_numbers(unsigned char *bytes, const real *numbers, long count)", put, static=True
    )
    given = "const unsigned char *bytes, real *numbers, long count"
    file.function(f"const unsigned char *{name}_get_numbers({given})", get, static=True)
    fields = [(f"state->{field}", count) for field in ("weights", *loop.states)]
    fields += [(f"&state->{field}", 1) for field in ("learning_rate", *(["steps"] if loop.counts_steps else []))]
    puts = "".join(f"    at = {name}_put_numbers(at, {field}, {n});\n" for field, n in fields)
    gets = "".join(f"    at = {name}_get_numbers(at, {field}, {n});\n" for field, n in fields)
    sum_at = f"const uint32_t sum = {name}_state_sum(bytes, {total - SUM});"
    file.function(
        f"void {name}_save(const {name}_state *state, unsigned char bytes[{macro}])",
        f"    unsigned char *at = bytes + {HEAD};\n    memcpy(bytes, {name}_state_head, {HEAD});\n{puts}    {sum_at}\n"
        f"    for (int k = 0; k < {SUM}; ++k) {{\n        at[k] = (unsigned char)(sum >> (8 * k));\n    }}\n",
    )
    file.function(
        f"int {name}_load({name}_state *state, const unsigned char bytes[{macro}])",
        f"    const unsigned char *at = bytes + {HEAD};\n    {sum_at}\n"
        f"    if (memcmp(bytes, {name}_state_head, {HEAD}) != 0) {{\n        return 0;\n    }}\n"
        f"    for (int k = 0; k < {SUM}; ++k) {{\n"
        f"        if (bytes[{total - SUM} + k] != (unsigned char)(sum >> (8 * k))) {{\n            return 0;\n"
        f"        }}\n    }}\n{gets}    return at == bytes + {total - SUM};\n",
    )
    return f"#define {macro} {total}\n\n"


def calls(name: str) -> list[str]:
    """What the comment says of those functions."""
    return [
        f"{name}_save(&state, bytes)    {name.upper()}_STATE_BYTES bytes to keep in flash or an EEPROM",
        f"{name}_load(&state, bytes)    1, or 0 where the bytes are no such block, and then nothing changes",
    ]


CHECKSUM = """    uint32_t sum = 0xFFFFFFFFu;
    for (long i = 0; i < count; ++i) {
        sum ^= bytes[i];
        for (int k = 0; k < 8; ++k) {
            sum = (sum >> 1) ^ ((sum & 1u) != 0 ? 0xEDB88320u : 0u);
        }
    }
    return sum ^ 0xFFFFFFFFu;
"""
PUT = """    for (long i = 0; i < count; ++i) {
        BITS bits;
        memcpy(&bits, &numbers[i], SIZE);
        for (int k = 0; k < SIZE; ++k) {
            *bytes++ = (unsigned char)(bits >> (8 * k));
        }
    }
    return bytes;
"""
GET = """    for (long i = 0; i < count; ++i) {
        BITS bits = 0;
        for (int k = 0; k < SIZE; ++k) {
            bits |= (BITS)*bytes++ << (8 * k);
        }
        memcpy(&numbers[i], &bits, SIZE);
    }
    return bytes;
"""

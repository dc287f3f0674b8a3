"""The functions of a C file that write and read a block of its state, and those that read a block of weights alone."""

from __future__ import annotations

from typing import Any

from ..compiler.backends.c.file import File
from .state_bytes import HEAD, SUM, head_of, head_of_weights
from .update import UpdateLoop

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
HOLDS = """    const uint32_t sum = {name}_state_sum(bytes, {end});
    for (int k = 0; k < 4; ++k) {{
        if (bytes[{end} + k] != (unsigned char)(sum >> (8 * k))) {{
            return 0;
        }}
    }}
    for (int k = 0; k < {head}; ++k) {{
        if (bytes[k] != {table}[k]) {{
            return 0;
        }}
    }}
    return 1;
"""
SAVE = """    unsigned char *at = bytes + {head};
    for (int k = 0; k < {head}; ++k) {{
        bytes[k] = {table}[k];
    }}
{puts}    const uint32_t sum = {name}_state_sum(bytes, {end});
    for (int k = 0; k < 4; ++k) {{
        at[k] = (unsigned char)(sum >> (8 * k));
    }}
"""
LOAD = """    const unsigned char *at = bytes + {head};
    if (!{name}_holds(bytes)) {{
        return 0;
    }}
{gets}    return at == bytes + {end};
"""
IN_PLACE = """    const unsigned short one = 1;
    const unsigned char *const at = bytes + {head};
    if (!{name}_holds(bytes) || *(const unsigned char *)&one != 1 || (uintptr_t)at % sizeof(real) != 0) {{
        return 0;
    }}
    return (const real *)(const void *)at;
"""


class StateFunctions:
    """What a file has for a block: `macro`, which says how long one is, and `calls`, what the comment says."""

    def __init__(self, file: File, head: bytes, numbers: int) -> None:
        self.file, self.bytes = file, f"bytes[{file.name.upper()}_STATE_BYTES]"
        self.total = HEAD + file.size * numbers + SUM
        self.macro = f"#define {file.name.upper()}_STATE_BYTES {self.total}\n\n"
        self.calls: list[str] = []
        size, name = file.size, file.name
        self.table = file.constants.table([*map(str, head)], "unsigned char", "state_head")
        file.includes |= {"<stdint.h>", "<string.h>"}
        file.bodies.append(
            f"/* A block: {HEAD} bytes that say what it is of, the numbers, and the CRC-32 of all that. */\n"
            + file.spelled(f"typedef char {name}_real_has_{size}_bytes[sizeof(real) == {size} ? 1 : -1];\n\n")
        )
        file.function(f"uint32_t {name}_state_sum(const unsigned char *bytes, long count)", CHECKSUM, static=True)
        file.function(f"int {name}_holds(const unsigned char *bytes)", self._filled(HOLDS), static=True)
        given = "const unsigned char *bytes, real *numbers, long count"
        get = GET.replace("BITS", f"uint{8 * size}_t").replace("SIZE", str(size))
        file.function(f"const unsigned char *{name}_get_numbers({given})", get, static=True)

    def of_state(self, loop: UpdateLoop) -> StateFunctions:
        """Add what writes and reads the state of a model that learns."""
        file, name = self.file, self.file.name
        given = "unsigned char *bytes, const real *numbers, long count"
        put = PUT.replace("BITS", f"uint{8 * file.size}_t").replace("SIZE", str(file.size))
        file.function(f"unsigned char *{name}_put_numbers({given})", put, static=True)
        fields = [(f"state->{field}", loop.count) for field in ("weights", *loop.states)]
        fields += [(f"&state->{field}", 1) for field in ("learning_rate", *(["steps"] if loop.counts_steps else []))]
        puts, gets = (
            "".join(f"    at = {name}_{verb}_numbers(at, {field}, {n});\n" for field, n in fields)
            for verb in ("put", "get")
        )
        head = f"void {name}_save(const {name}_state *state, unsigned char {self.bytes})"
        file.function(head, self._filled(SAVE, puts=puts))
        if loop.batches:  # what was added up is of other weights
            gets += f"    for (int i = 0; i < {loop.count}; ++i) {{\n        state->gradient[i] = 0.0;\n    }}\n"
            gets += "    state->rows = 0.0;\n"
        head = f"int {name}_load({name}_state *state, const unsigned char {self.bytes})"
        file.function(head, self._filled(LOAD, gets=gets))
        self.calls = [
            f"{name}_save(&state, bytes)    {name.upper()}_STATE_BYTES bytes to keep in flash or an EEPROM",
            f"{name}_load(&state, bytes)    1, or 0 where the bytes are no such block, and then nothing changes",
        ]
        return self

    def of_weights(self, count: int) -> StateFunctions:
        """Add what reads the weights of a model that learns nothing."""
        file, name = self.file, self.file.name
        gets = f"    at = {name}_get_numbers(at, weights, {count});\n"
        head = f"int {name}_load(real weights[{count}], const unsigned char {self.bytes})"
        file.function(head, self._filled(LOAD, gets=gets))
        head = f"const real *{name}_weights(const unsigned char {self.bytes})"
        file.function(head, self._filled(IN_PLACE))
        self.calls = [
            f"{name}_weights(bytes)    the weights where they stand in a block of {name.upper()}_STATE_BYTES bytes; 0",
            f"    where it is of another model or damaged, bytes + {HEAD} not aligned, or the machine big-endian",
            f"{name}_load(weights, bytes)    a copy of them, and 1; or 0, and then nothing changes",
        ]
        return self

    def _filled(self, text: str, **more: str) -> str:
        return text.format(name=self.file.name, head=HEAD, end=self.total - SUM, table=self.table, **more)


def of_state(file: File, loop: UpdateLoop, model: Any) -> StateFunctions:
    """What writes and reads the state of a model that learns, added to its file."""
    return StateFunctions(file, head_of(loop, model), loop.numbers).of_state(loop)


def of_weights(file: File, model: Any, count: int) -> StateFunctions:
    """What reads the weights of a model, added to its file."""
    return StateFunctions(file, head_of_weights(file, model), count).of_weights(count)

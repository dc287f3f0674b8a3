"""The oracle that counts on devices: what is known to take so many instructions, bytes and cycles is told so."""

import struct

import pytest
from devices import ATMEGA328, DEVICES, HOST, M0, M4, measured

pytestmark = pytest.mark.slow
HEADER = "extern float sum;\nvoid add(float number);\n"
SOURCE = """#include "made.h"
static const int big[100] = {{1, 2}};
float sum;
__attribute__((noinline)) static void fill(volatile char *bytes, int count)
{{
    while (count) {{ bytes[--count] = 1; }}
}}
void add(float number)
{{
    volatile char taken[{stack} + 1];
    fill(taken, {stack} + 1);
    sum += number + (float)big[taken[0]];
    __asm volatile (".rept {nops}\\n nop\\n .endr");
}}
"""


def taken(device, folder, nops=0, stack=0, calls=20):
    if device.missing:
        pytest.skip(f"no {device.missing} here")
    sources = {"made.h": HEADER, "made.c": SOURCE.format(nops=nops, stack=stack)}
    return measured(device, folder, sources, "add(1.5f);", setup="sum = 3.0f;", result="sum", calls=calls)


@pytest.mark.parametrize("device", [M4, M0, ATMEGA328], ids=lambda device: device.name)
def test_an_instruction_more_is_one_more(device, tmp_path):
    least, more = taken(device, tmp_path), taken(device, tmp_path, nops=200)
    assert more.count - least.count == pytest.approx(200, abs=41 / 20)  # ticks are of 40 instructions
    assert more.flash - least.flash == pytest.approx(400, abs=16)
    assert 0 < least.count < 700


@pytest.mark.parametrize("device", [M4, M0, ATMEGA328], ids=lambda device: device.name)
def test_what_is_long_is_counted_over_the_timer_s_turns(device, tmp_path):
    few, many = (taken(device, tmp_path, nops=200, calls=calls) for calls in (20, 2000))
    assert few.count == pytest.approx(many.count, abs=4)


@pytest.mark.parametrize("device", [M4, M0, ATMEGA328], ids=lambda device: device.name)
def test_stack_and_memory(device, tmp_path):
    least, more = taken(device, tmp_path, stack=100), taken(device, tmp_path, stack=400)
    assert more.stack - least.stack == pytest.approx(300, abs=8)
    assert least.stack >= 100
    table = 100 * 2 if device is ATMEGA328 else 0  # which is copied to RAM there
    assert more.ram == pytest.approx(4 + table, abs=8)
    assert more.flash >= (200 if device is ATMEGA328 else 400)


@pytest.mark.parametrize("device", DEVICES, ids=lambda device: device.name)
def test_a_result_is_told_in_bytes(device, tmp_path):
    if device is HOST and HOST.missing:
        pytest.skip("no gcc here")
    assert struct.unpack("<f", taken(device, tmp_path).result) == (3.0 + 1.5 + 2.0,)


def test_what_does_not_fit_is_told(tmp_path):
    if ATMEGA328.missing:
        pytest.skip(f"no {ATMEGA328.missing} here")
    held = "static volatile char many[2100];"
    with pytest.raises(RuntimeError, match="not within region `data'"):
        measured(ATMEGA328, tmp_path, {}, "many[7] = 1;", held=held)

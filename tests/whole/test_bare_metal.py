"""C files on a machine without an operating system: a Cortex-M4, cross-compiled and run under qemu, in kilobytes."""

import random
import re
import shutil
import subprocess

import pytest
from shared import matched

import tinygrad_nn as tn

COMPILER, MACHINE = "arm-none-eabi-gcc", "qemu-system-arm"
TARGET = ["-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"]
STRICT = ["-std=c99", "-Wall", "-Wextra", "-Wconversion", "-pedantic", "-Werror", "-Os", "-ffunction-sections"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (shutil.which(COMPILER) and shutil.which(MACHINE)), reason=f"no {COMPILER} and {MACHINE} here"
    ),
]

# The vectors of the processor, the floating-point unit switched on, and then newlib's own start, whose printf goes to
# qemu by semihosting.
START = """
extern void _start(void);
extern unsigned long top_of_stack;
static void reset(void)
{
    *(volatile unsigned long *)0xE000ED88 |= 0xFUL << 20;
    __asm volatile ("dsb\\nisb");
    _start();
}
__attribute__((section(".vectors"), used)) static const void *const vectors[2] = { &top_of_stack, reset };
"""
MEMORY = """
MEMORY { flash : ORIGIN = 0x00000000, LENGTH = 4M
         ram   : ORIGIN = 0x20000000, LENGTH = 4M }
SECTIONS {
    .text : { KEEP(*(.vectors)) *(.text*) *(.rodata*) KEEP(*(.init)) KEEP(*(.fini)) . = ALIGN(8); } > flash
    .ARM.exidx : { __exidx_start = .; *(.ARM.exidx*) __exidx_end = .; } > flash
    .data : { *(.data*) KEEP(*(.init_array*)) . = ALIGN(8); } > ram
    .bss : { __bss_start__ = .; *(.bss*) *(COMMON) . = ALIGN(8); __bss_end__ = .; end = .; __end__ = .; } > ram
    top_of_stack = ORIGIN(ram) + LENGTH(ram);
    __stack = top_of_stack;
}
"""


def compiled(text, folder, *flags):
    """The object file of a C text."""
    (folder / "model.c").write_text(text, encoding="ascii")
    command = [COMPILER, *TARGET, *STRICT, *flags, "-c", str(folder / "model.c"), "-o", str(folder / "model.o")]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return folder / "model.o"


def run_on_qemu(text, folder):
    """What the self test of a C text prints on the machine."""
    made = compiled(text, folder, "-DMODEL_SELF_TEST")
    for name, content in (("start.c", START), ("memory.ld", MEMORY)):
        (folder / name).write_text(content, encoding="ascii")
    command = [COMPILER, *TARGET, "--specs=rdimon.specs", "-Wl,--gc-sections", "-T", str(folder / "memory.ld")]
    command += [str(folder / "start.c"), str(made), "-lm", "-o", str(folder / "model.elf")]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    command = [MACHINE, "-machine", "mps2-an386", "-nographic", "-semihosting", "-kernel", str(folder / "model.elf")]
    return subprocess.run(command, capture_output=True, text=True, timeout=120).stdout.strip()


def sizes(made):
    """The bytes of code and constants of an object file, and those of RAM that it takes for itself."""
    lines = subprocess.run(["arm-none-eabi-size", str(made)], capture_output=True, text=True, check=True).stdout
    text, data, bss, *_ = map(int, lines.splitlines()[1].split()[:4])
    return text, data + bss


def exported(folder, model, loss, optimizer):
    path = folder / "made.c"
    tn.export_c(model, path, loss=loss, train=optimizer, overwrite=True)
    return path.read_text(encoding="ascii")


@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
def test_exclusive_or_learns_in_four_kilobytes(optimizer, tmp_path, capsys):
    model = tn.MLP(2, [4, 1], "tanh", "sigmoid", rng=random.Random(1))
    train = getattr(tn, optimizer)(model.parameters(), lr=0.1)
    text = exported(tmp_path, model, "binary_cross_entropy", train)
    assert run_on_qemu(text, tmp_path) == "ok"
    code, held = sizes(compiled(text, tmp_path))
    state = int(matched(r"RAM: ([\d,]+) bytes of state", text)[1].replace(",", ""))
    with capsys.disabled():
        print(f"\nexclusive or by {optimizer} on a Cortex-M4: {code} bytes of code, {state} of state")
    assert held == 0
    assert code <= 4096
    assert state <= 1024


class Recurrent(tn.Module):
    """One number after the other, and what is left of them."""

    def __init__(self, units, rng):
        self.neurons = [tn.Neuron(1 + units, "tanh", rng=rng) for _ in range(units)]
        self.out = tn.Neuron(units, "linear", rng=rng)
        for value in self.parameters():  # with larger ones it is chaotic
            value.data *= 0.3

    def __call__(self, xs):
        h = [0.0] * len(self.neurons)
        for x in xs:
            h = [neuron([x, *h]) for neuron in self.neurons]
        return self.out(h)


def test_a_recurrent_net_learns_and_is_no_longer_for_more_steps(tmp_path, capsys):
    code = {}
    for times in (3, 30):
        model = Recurrent(16, random.Random(1))
        tn.export_c(
            model, tmp_path / "made.c", loss="squared_error", train=tn.SGD(model.parameters(), 0.01),
            inputs=times, overwrite=True,
        )  # fmt: skip
        text = (tmp_path / "made.c").read_text(encoding="ascii")
        assert run_on_qemu(text, tmp_path) == "ok"
        made = compiled(text, tmp_path)
        listed = subprocess.run(["arm-none-eabi-size", "-A", str(made)], capture_output=True, text=True, check=True)
        code[times] = sum(int(size) for size in re.findall(r"^\.text\S*\s+(\d+)", listed.stdout, re.M))
    with capsys.disabled():
        print(
            f"\na recurrent net of 16 units on a Cortex-M4: {code} bytes of code by steps; {sizes(made)[0]} with tables"
        )
    assert code[30] <= code[3]


def test_a_classifier_runs(tmp_path):
    model = tn.MLP(4, [8, 8, 3], "relu", rng=random.Random(2))
    text = exported(tmp_path, model, "cross_entropy", tn.SGD(model.parameters(), 0.05, momentum=0.9))
    assert run_on_qemu(text, tmp_path) == "ok"
    wrong = text.replace("expected[12] = {\n        ", "expected[12] = {\n        8.0f + ")
    assert "the prediction of row 0 is" in run_on_qemu(wrong, tmp_path)

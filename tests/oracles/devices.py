"""What a C text takes on a device: flash, RAM, stack, instructions or cycles, cross-compiled and run in an emulator.

Cortex-M4 and M0 run under qemu, where one instruction is one nanosecond of its clock; the ATmega328 under simavr, which
counts cycles; the machine itself tells seconds. What a program takes that makes no call is subtracted.
"""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

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

# Each counts what happened between start() and count(), and puts a line out. On Cortex-M the timer runs at 25 MHz and
# has 24 bits: 40 instructions a tick, and 671 million of them at most.
ON_CORTEX = """
#include <stdio.h>
#define TIMER ((volatile unsigned long *)0xE000E010UL)
static void start(void) { TIMER[0] = 0; TIMER[1] = 0xFFFFFF; TIMER[2] = 0; TIMER[0] = 5; while (!TIMER[2]) {} }
static double count(void)
{
    const unsigned long now = TIMER[2];
    return TIMER[0] & 0x10000UL ? -1.0 : 40.0 * (double)(0xFFFFFF - now);
}
static void put(const char *text) { fputs(text, stdout); }
static void stop(void) { fflush(stdout); }
"""
ON_AVR = """
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/sleep.h>
static volatile unsigned int overflows;
ISR(TIMER1_OVF_vect) { ++overflows; }
static void start(void) { TCCR1A = 0; TCCR1B = 0; TCNT1 = 0; overflows = 0; TIFR1 = 1; TIMSK1 = 1; sei(); TCCR1B = 1; }
static double count(void)
{
    cli();
    const unsigned int now = TCNT1;
    return 65536.0 * (overflows + (TIFR1 & 1 && now < 32768)) + now;
}
static void put(const char *text)
{
    UCSR0B = 1 << TXEN0;
    for (; *text; ++text) {
        while (!(UCSR0A & (1 << UDRE0))) {}
        UDR0 = (unsigned char)*text;
    }
}
static void stop(void) { put("\\n"); while (!(UCSR0A & (1 << UDRE0))) {} cli(); sleep_enable(); sleep_cpu(); }
"""
ON_HOST = """
#include <stdio.h>
#include <time.h>
static struct timespec began;
static void start(void) { clock_gettime(CLOCK_MONOTONIC, &began); }
static double count(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return 1e9 * (double)(now.tv_sec - began.tv_sec) + (double)(now.tv_nsec - began.tv_nsec);
}
static void put(const char *text) { fputs(text, stdout); }
static void stop(void) { fflush(stdout); }
"""
# The program: without MEASURED it has the loops, and makes no call. The stack is painted below where it stands.
DRIVER = """
static void tell(const char *what, unsigned long number)
{
    char digits[12] = "";
    int k = 10;
    do { digits[k--] = (char)('0' + number % 10); number /= 10; } while (number);
    put(what); put(digits + k + 1); put("\\n");
}
static void tell_bytes(const unsigned char *bytes, unsigned size)
{
    char text[3] = "";
    put("bytes ");
    for (unsigned k = 0; k < size; ++k) {
        text[0] = "0123456789abcdef"[bytes[k] >> 4];
        text[1] = "0123456789abcdef"[bytes[k] & 15];
        put(text);
    }
    put("\\n");
}
#ifdef __AVR__
#define BELOW 8 /* what the painting function takes itself */
#else
#define BELOW 64
#endif
static volatile unsigned char *here;
static unsigned painted = 32768;
__attribute__((noinline)) static void paint(void)
{
    here = (volatile unsigned char *)__builtin_frame_address(0) - BELOW;
#ifdef __AVR__
    extern unsigned char __heap_start;
    painted = (unsigned)(here - &__heap_start);
#endif
    for (unsigned k = 0; k < painted; ++k) { here[-(int)k] = 0xA5; }
}
__attribute__((noinline)) static unsigned long reached(void)
{
    unsigned k = painted;
    while (k && here[1 - (int)k] == 0xA5) { --k; }
    return k == painted ? 65535 : k ? k + BELOW : 0; /* all of it, so more; or no more than was left out */
}
@GIVEN@
#ifdef MEASURED
@HELD@
#define CALL @CALL@
#define RESULT @RESULT@
#else
#define CALL @KEPT@
#define RESULT here
#endif
#define ONCE __asm volatile ("" ::: "memory")

int main(void)
{
#ifdef MEASURED
    @SETUP@
#endif
    paint();
    ONCE; CALL; ONCE;
    tell("stack ", reached());
    tell_bytes((const unsigned char *)&RESULT, sizeof(RESULT));
    start();
    for (unsigned k = 0; k < @CALLS@; ++k) { ONCE; CALL; ONCE; }
    const double found = count();
    tell("count ", (unsigned long)(found < 0.0 ? 0 : found));
    stop();
    return 0;
}
"""


@dataclass(frozen=True)
class Device:
    """A machine: its compiler with what selects it, what runs its programs, and what its clock and its lines are."""

    name: str
    compiler: str
    flags: tuple[str, ...]
    machine: tuple[str, ...]
    timer: str
    unit: str

    @property
    def missing(self):
        """Those of its tools that are not here, as words."""
        return " and ".join(tool for tool in (self.compiler, *self.machine[:1]) if shutil.which(tool) is None)


def _qemu(machine):
    options = "-nographic", "-icount", "shift=0", "-semihosting-config", "enable=on,target=native", "-kernel"
    return "qemu-system-arm", "-machine", machine, *options


_ARM = "arm-none-eabi-gcc", ("-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16")
M4 = Device("Cortex-M4", *_ARM, _qemu("mps2-an386"), ON_CORTEX, "instructions")
M0 = Device(
    "Cortex-M0", _ARM[0], ("-mcpu=cortex-m0", "-mthumb"), _qemu("mps2-an385"), ON_CORTEX, "instructions"
)  # an M3 runs it, too
ATMEGA328 = Device(
    "ATmega328", "avr-gcc", ("-mmcu=atmega328p", "-DF_CPU=16000000UL"),
    ("simavr", "-m", "atmega328p", "-f", "16000000"), ON_AVR, "cycles",
)  # fmt: skip
HOST = Device("this machine", "gcc", (), (), ON_HOST, "ns")
DEVICES = (M4, M0, ATMEGA328, HOST)


@dataclass(frozen=True)
class Taken:
    """Bytes of flash, of RAM and of stack; instructions, cycles or nanoseconds of a call; the bytes of its result."""

    flash: int
    ram: int
    stack: int
    count: float
    result: bytes


def ran(command):
    """What a command prints. Raises RuntimeError, with what it says, where it fails."""
    run = subprocess.run([*map(str, command)], capture_output=True, text=True)
    if run.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}:\n{run.stdout}{run.stderr}")
    return run.stdout


def sizes(path, tool):
    """The bytes of flash and of RAM of an object file or a program: of code with constants, and of variables."""
    text, data, bss, *_ = map(int, ran([tool, path]).splitlines()[1].split()[:4])
    return text + data, data + bss


def program(device, folder, objects, flags=()):
    """The program of objects on a device, linked with what starts it."""
    started: tuple[object, ...] = ()
    if device.timer == ON_CORTEX:
        for name, content in (("start.c", START), ("memory.ld", MEMORY)):
            (folder / name).write_text(content, encoding="ascii")
        started = "--specs=nano.specs", "--specs=rdimon.specs", "-T", folder / "memory.ld", folder / "start.c"
    made = folder / "made.elf"
    ran([device.compiler, *device.flags, *flags, "-Wl,--gc-sections", *started, *objects, "-lm", "-o", made])
    return made


def printed(device, made, seconds=60):
    """What a program prints on a device; the simulator of the AVR shows a line of its own around each."""
    try:
        run = subprocess.run([*device.machine, str(made)], capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"on {device.name} the program does not end: its stack may be over its variables") from None
    lines = re.sub(r"\x1b\[\d*m", "", run.stderr).splitlines()
    return "\n".join(line.removesuffix(".") for line in lines if line != ".") if device is ATMEGA328 else run.stdout


def measured(
    device, folder, sources, call, given="", kept=(), held="", setup="", result="", calls=20, flags=("-std=c99", "-O2")
):
    """What `call`, a statement of C, takes on a device.

    `sources` are texts by the names of their files, those in C and C++ compiled with `flags`; a header among them is
    included where the call stands. `given` are declarations of what is not counted, such as rows, by the names `kept`;
    `held` of what is, such as a state; `setup` is run once before, and `result` names what the bytes of the result are.
    """
    folder = Path(folder)
    for name, text in sources.items():
        (folder / name).write_text(text, encoding="ascii")
    sections = "-ffunction-sections", "-fdata-sections"
    objects = []
    for name in sources:
        if name.endswith((".c", ".cpp")):
            compiler = re.sub("gcc$", "g++", device.compiler) if name.endswith(".cpp") else device.compiler
            objects.append(folder / f"{name}.o")
            options = [*device.flags, *flags, *sections, f"-I{folder}", "-c", folder / name, "-o", objects[-1]]
            ran([compiler, *options])
    included = "".join(f'#include "{name}"\n' for name in sources if name.endswith(".h"))
    touched = "".join(f'__asm volatile ("" :: "r"(&{name}));' for name in kept)
    blanks = {
        "GIVEN": f"{given}\n", "KEPT": touched, "HELD": held, "CALL": call, "SETUP": setup, "RESULT": result or "here",
        "CALLS": calls,
    }  # fmt: skip
    text = re.sub(r"@(\w+)@", lambda blank: str(blanks[blank[1]]), DRIVER)
    (folder / "driver.c").write_text(device.timer + included + text, encoding="ascii")
    found = list[tuple[int, int, int, float, bytes]]()
    for defined in ((), ("-DMEASURED",)):
        driver = folder / "driver.o"
        options = ["-std=gnu11", "-Os", *sections, f"-I{folder}", *defined]
        ran([device.compiler, *device.flags, *options, "-c", folder / "driver.c", "-o", driver])
        made = program(device, folder, [driver, *(objects if defined else [])])
        flash, ram = sizes(made, re.sub("gcc$", "size", device.compiler))
        lines = printed(device, made)
        told = dict(re.findall(r"(stack|bytes|count) (\w*)", lines))
        if set(told) != {"stack", "bytes", "count"}:
            raise RuntimeError(f"on {device.name} the program printed {lines!r}")
        found.append((flash, ram, int(told["stack"]), int(told["count"]) / calls, bytes.fromhex(told["bytes"])))
    base, full = found
    if full[2] == 65535:
        raise RuntimeError(f"{full[1]} bytes of RAM leave too little for the stack on {device.name}")
    if int(told["count"]) == 0:
        raise RuntimeError(f"the timer of {device.name} is too short for {calls} calls: give fewer")
    return Taken(full[0] - base[0], full[1] - base[1], max(0, full[2] - base[2]), full[3] - base[3], full[4])

"""The table of loops over time: first results and calls of what people write with a `for`, many rows at once beside
JAX's scan, and training steps of a recurrent net beside PyTorch."""

import os
import tempfile
from functools import partial
from math import isclose

from calls_tables import line
from measuring import CACHE, missing, shown, told

ours = partial(told, "time_engines.py", "tinygrad_nn")
# Seconds to the first value and gradient in machine code, and MB: to reach, and the aim.
SIMULATED = {100: ((0.6, 0.4), None), 400: ((2.0, None), None), 1000: ((4.0, 2.0), (250, None))}
OTHERS = (
    "GRU of 8 units, 30 steps", "pendulum with a controller", "GARCH, 1,000 days", "ARMA, 1,000 days",
    "Kalman filter, 1,000 days", "Asian option, 500 paths of 12", "five bodies, 100 steps",
)  # fmt: skip


def print_time():
    if lacking := missing("numpy", "llvmlite"):
        print(f"\nloops over time: without {lacking} here")
        return
    print()
    print_simulated()
    print_others()
    print_rows_over_time()
    print_recurrent()


def one(work, settings=None):
    return ours(work, settings=settings)[work]


def print_simulated():
    """Predator and prey, in a process without a cache, and in a second one with it."""
    for steps, (seconds, memory) in SIMULATED.items():
        work = f"llvm: predator and prey, {steps} steps"
        found = one(work)
        line(f"predator and prey, {steps} steps, to the first gradient without a cache", found["first"], "s", seconds)
        line("  its memory", found["memory"], "MB", memory)
        line(f"  a call of {found['lines']} lines", 1e6 * found["call"], "us", None)
        with tempfile.TemporaryDirectory() as folder:
            settings = {CACHE: os.path.join(folder, "cache")}
            again = [one(work, settings) for _ in range(2)][1]
        line("  in a second process with the cache", again["first"], "s", (seconds[0] / 3, None))


def print_others():
    """First results beside those of the python back end, and calls of both."""
    for name in OTHERS:
        found, python = one(f"llvm: {name}"), one(f"python: {name}")
        if not isclose(found["value"], python["value"], rel_tol=1e-9):
            raise AssertionError(f"{name}: {found} in machine code, {python} in Python")
        what = f"{name}, to the first gradient in {shown([found['first']])} beside Python's {shown([python['first']])}"
        line(what, found["first"] / python["first"], "times as long", (1.5, None))
        line("  its memory", found["memory"], "MB", (300, None))
        line("  a call", 1e6 * found["call"], f"us, {1e6 * python['call']:.0f} in Python", None)


def print_rows_over_time():
    """1,000 rows at once, and first results, beside JAX's scan."""
    for steps, bar in ((100, None), (1000, (5, None))):
        peer = told("time_engines.py", "jax", f"scan: {steps}")
        if peer is None:
            print("many rows over time: without jax here")
            return
        theirs, found = peer[f"scan: {steps}"], one(f"rows: {steps}")
        if not isclose(found["value"], theirs["value"], rel_tol=1e-9):
            raise AssertionError(f"JAX comes to another value: {theirs}, {found}")
        what = f"1,000 rows of {steps} steps in {shown([found['seconds']])} beside JAX's {shown([theirs['many']])}"
        line(what, theirs["many"] / found["seconds"], "times faster", bar, most=False)
        line("  JAX's scan of one row, to its first gradient", theirs["one, first"], "s", None)
        line("  and a call of it", 1e6 * theirs["one"], "us", None)


def print_recurrent():
    """A training step of a recurrent net of 16 units on 64 sequences of 28 x 28."""
    found = one("recurrent")
    for how, bar in (("loop", (3, None)), ("fused", (1, None))):
        peer = told("time_engines.py", "torch", f"recurrent: {how}")
        if peer is None:
            print("a recurrent net: without torch here")
            return
        theirs = peer[f"recurrent: {how}"]
        if not all(map(partial(isclose, rel_tol=1e-9), found["losses"], theirs["losses"])):
            raise AssertionError(f"PyTorch comes to other losses: {theirs}, {found}")
        taken = [shown([each["seconds"]]) for each in (found, theirs)]
        what = f"a step of a recurrent net in {taken[0]} beside PyTorch's {how} one in {taken[1]}"
        line(what, theirs["seconds"] / found["seconds"], "times faster", bar, most=False)

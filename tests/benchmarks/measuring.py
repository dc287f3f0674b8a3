"""How engines are measured: each in processes of its own, on one thread, in turn; and how a comparison is told.

A time is the median of the rounds' medians, and a ratio the median of the rounds' ratios, so that a machine whose speed
drifts does not decide it.
"""

import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROUNDS = 3
SURROUNDINGS = {
    **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"),
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "JAX_PLATFORMS": "cpu",
    "TINYGRAD_NN_CACHE": "off",  # what compiles is to compile
}
CACHE = "TINYGRAD_NN_CACHE"
HEAD = """| {} | tinygrad_nn | peer | its time | times faster | to reach | aim | |
|---|---|---|---|---|---|---|---|"""
UNITS = (("s", 1.0), ("ms", 1e-3), ("us", 1e-6), ("ns", 1e-9))


def keep_to_one_processor():
    """This process and those that it starts, where the system can do so: XLA's flags alone leave it a second thread."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def missing(*packages):
    """Those of the packages that are not installed, as words."""
    return " and ".join(package for package in packages if importlib.util.find_spec(package) is None)


def told(file, engine, *works, stderr=None, settings=None):
    """What the engine says of the works, done in a process of its own; None where it is not installed.

    `settings` are variables of the environment; without any, there is no cache of machine code.
    """
    if missing(engine):
        return None
    command = [sys.executable, str(Path(__file__).parent / file), engine, *works]
    environment = os.environ | SURROUNDINGS | (settings or {})
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=stderr, text=True, check=True, env=environment)
    return json.loads(run.stdout)


def measured(engine, work):
    """The median over processes of five seconds in all, in seconds, or None where the engine is not installed."""
    medians, start = list[float](), time.perf_counter()
    while not medians or time.perf_counter() - start < 5.0:
        seconds = told("engines.py", engine, work)
        if seconds is None:
            return None
        medians.append(statistics.median(seconds))
    return statistics.median(medians)


def ratio_of(theirs, ours):
    """The median of the rounds' ratios."""
    return statistics.median(a / b for a, b in zip(theirs, ours, strict=True))


def verdict(number, reach, aim=None, most=False):
    """Which of the two bars a number meets; with `most` they are not to be passed."""
    if reach is None:
        return ""
    met = [bar is not None and (number <= bar if most else number >= bar) for bar in (reach, aim)]
    return "missed" if not met[0] else "aim met" if met[1] else "reached"


def shown(seconds):
    """The median of some seconds, in the unit that it is read best in."""
    median = statistics.median(seconds)
    unit, size = next((entry for entry in UNITS if median >= entry[1]), UNITS[-1])
    return f"{median / size:.3g} {unit}"


def print_line(work, ours, peer, theirs, reach=None, aim=None):
    """A line of a table, of the seconds in each round; `theirs` are None where the peer is not installed."""
    own, bars = shown(ours), f"{reach or ''} | {aim or ''}"
    if theirs[0] is None:
        print(f"| {work} | {own} | {peer} | not installed | | {bars} | |")
        return
    ratio, other = ratio_of(theirs, ours), shown(theirs)
    print(f"| {work} | {own} | {peer} | {other} | {ratio:.3g} | {bars} | {verdict(ratio, reach, aim)} |", flush=True)

"""The table of training steps: the moons and two classifiers beside PyTorch's eager steps and JAX inside lax.scan."""

import statistics
from math import isclose
from typing import Any

from measuring import HEAD, ROUNDS, missing, print_line, told, verdict

MOONS = ("moons, relu", "moons, tanh")
DECAY = tuple(f"{work}, weight decay" for work in MOONS)
DIGITS = ("64-64-10", "784-128-10")
SINGLE = tuple(f"{work}, float32" for work in DIGITS)
# What runs in one process; the library's works have one each, for the memory that they take.
PROCESSES = [
    *(("tinygrad_nn", (work,)) for work in MOONS),
    ("torch", (*MOONS, *DECAY)),
    ("jax", MOONS),
    *(("tinygrad_nn", (work,)) for work in (*DIGITS, *SINGLE)),
    ("torch", (*DIGITS, *SINGLE)),
]
# work, peer, the peer's work where it is another, the ratio to reach and the ratio aimed at
TABLE = [
    ("moons, relu", "torch", None, 40, 50),
    ("moons, relu", "torch", "moons, relu, weight decay", None, None),
    ("moons, relu", "jax", None, 2, 2.5),
    ("moons, tanh", "torch", None, 20, 25),
    ("moons, tanh", "torch", "moons, tanh, weight decay", None, None),
    ("moons, tanh", "jax", None, 1, 1.5),
    ("64-64-10", "torch", None, 4, 8),
    ("784-128-10", "torch", None, 1, 1.5),
    ("64-64-10, float32", "torch", None, 1, 1.3),
    ("784-128-10, float32", "torch", None, 1, 1.3),
]


def one_round():
    """What each engine says of each work; None of an engine that is not installed."""
    said: dict[Any, Any] = {}
    for engine, works in PROCESSES:
        answer = told("step_engines.py", engine, *works)
        said |= {(engine, work): answer[work] if answer else None for work in works}
    return said


def check(said):
    """Raise unless all engines come to the same loss, so that what is compared is the same."""
    for (engine, work), answer in said.items():
        if answer is None or answer["loss"] is None:
            continue
        own, bound = said["tinygrad_nn", work]["loss"], 1e-3 if "float32" in work else 1e-9
        if not isclose(answer["loss"], own, rel_tol=bound):
            raise AssertionError(f"{engine} comes to the loss {answer['loss']} on {work}, tinygrad_nn to {own}")


def seconds_of(rounds, engine, work):
    return [said[engine, work] and statistics.median(said[engine, work]["seconds"]) for said in rounds]


def print_steps():
    """Steps in machine code, what the first one takes, and the half adder's updates."""
    if lacking := missing("numpy", "llvmlite"):
        print(f"\ntraining steps in machine code: without {lacking} here")
        return
    rounds = [one_round() for _ in range(ROUNDS)]
    for said in rounds:
        check(said)
    print(f"\n{HEAD.format('a training step')}")
    for work, peer, other, reach, aim in TABLE:
        name = f"{peer}, L2 by weight_decay" if other else peer
        ours, theirs = (seconds_of(rounds, *key) for key in (("tinygrad_nn", work), (peer, other or work)))
        print_line(work, ours, name, theirs, reach, aim)
    print("  (engines that come to other losses in the ninth epoch stop this table)")
    memory = [said["tinygrad_nn", "784-128-10"]["memory"] for said in rounds]
    if all(memory):
        print(f"784-128-10, the most memory that its process held: {max(memory) / 1e6:.0f} MB")
    print_first()
    runs = told("engines.py", "tinygrad_nn", "half adder to 0.01, llvm")
    seconds, epochs = statistics.median(seconds for seconds, _ in runs), runs[0][1]
    update = seconds / epochs / 4 * 1e9
    bars = f"to reach: 170, aim: 70; {verdict(update, 170, 70, most=True)}"
    trained = f"half adder, one example at a time, to 0.01 in {epochs:,} epochs: {seconds:.2f} s"
    print(f"{trained}, {update:.0f} ns an update ({bars})", flush=True)


def print_first():
    """Seconds to the first result of a step, each in a fresh process."""

    def fresh(work):
        return told("step_engines.py", "tinygrad_nn", work)[work]["seconds"]

    pairs = [fresh("moons, first") for _ in range(ROUNDS)]
    seconds, again = (statistics.median(column) for column in zip(*pairs, strict=True))
    bars = f"to reach: 0.6, aim: 0.3; {verdict(seconds, 0.6, 0.3, most=True)}"
    print(f"moons, from the network to the first result: {seconds:.2f} s ({bars}), and the next call: {again:.3f} s")
    few, many = (fresh(f"784-128-10, first of {rows}")[0] for rows in (64, 4096))
    bars = f"to reach: 6, aim: 3; {verdict(few, 6, 3, most=True)}"
    print(f"784-128-10, from the network to the first step of 64 rows: {few:.2f} s ({bars}), of 4,096: {many:.2f} s")

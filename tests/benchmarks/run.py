"""The tables of speeds: `python tests/benchmarks/run.py`, or `run.py NAME ...` for some of them.

Peers that are not installed (micrograd, xad, torch, jax) are passed over. Each engine runs in processes of its own, in
turn, three rounds; an engine that needs little time runs several times a round.
"""

import platform
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

from calls_tables import print_calls
from device_tables import print_devices
from gradient_tables import print_gradients
from least_squares_tables import print_least_squares
from measuring import HEAD, ROUNDS, keep_to_one_processor, measured, missing, print_line
from sequence_tables import print_sequences
from sklearn_tables import print_sklearn
from step_tables import print_steps
from time_tables import print_time
from training_tables import print_training

WORKS = ("expression", "expression, compiled", "row", "row, compiled")
# work, then for each peer the ratio to reach and the ratio aimed at
RECORDED: list[tuple[str, dict[str, tuple[float, float | None]]]] = [
    ("moons", {"micrograd": (80, 120), "xad": (2, 3)}),
    ("chain 1,000", {"micrograd": (2.5, None)}),
    ("chain 100,000", {"micrograd": (4, None)}),
]


def import_time():
    """Milliseconds that `import tinygrad_nn` adds to a bare interpreter, the median of fifteen pairs."""

    def wall(code):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        return time.perf_counter() - start

    return 1e3 * statistics.median(wall("import tinygrad_nn") - wall("pass") for _ in range(15))


def machine():
    processor = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        processor = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), processor)
    return f"{processor}, {platform.system()}, CPython {platform.python_version()}"


def print_drawing():
    """What a drawing costs: its text for each node, its SVG, its page."""
    count = measured("tinygrad_nn", "drawn nodes")
    text = measured("tinygrad_nn", "drawing text") / count
    print(f"\ntext of a drawing of {count:.0f} values: {text * 1e6:.0f} us a value (to reach: 100)")
    if shutil.which("dot") is None:
        print("SVG and page: no `dot` here")
        return
    for what, reach in (("svg", 60), ("page", 150)):
        print(f"its {what}: {measured('tinygrad_nn', f'drawing {what}') * 1e3:.0f} ms (to reach: {reach})")


def print_compiled():
    """What compiling saves: the median of the rounds' ratios."""
    rounds = [
        {work: measured(*work) for work in [("tinygrad_nn", w) for w in WORKS] + [("micrograd", "expression")]}
        for _ in range(ROUNDS)
    ]

    def told(work, slower, reach):
        times = [r["tinygrad_nn", work] for r in rounds]
        if any(r[slower] is None for r in rounds):
            return
        ratio = statistics.median(r[slower] / r["tinygrad_nn", work] for r in rounds)
        name = "recorded" if slower[0] == "tinygrad_nn" else slower[0]
        print(
            f"{work}: {statistics.median(times) * 1e6:.1f} us, {ratio:.1f} times faster than {name} (to reach: {reach})"
        )

    print()
    told("expression, compiled", ("tinygrad_nn", "expression"), "10, and 3 us")
    told("expression, compiled", ("micrograd", "expression"), 8)
    told("row, compiled", ("tinygrad_nn", "row"), 4)


def print_half_adder():
    """Steps in Python: the half adder's epochs beside object Python, and what tracing a larger network takes."""
    works = ("half adder, compiled", "half adder", "half adder by hand")
    rounds = [{work: measured("tinygrad_nn", work) for work in works} for _ in range(ROUNDS)]
    ours, recorded, by_hand = (statistics.median(r[work] for r in rounds) * 1e6 for work in works)
    scaled = statistics.median(20 * r[works[0]] / r[works[2]] for r in rounds)
    print(
        f"\nan epoch of the half adder, four steps: {ours:.1f} us compiled, {by_hand:.1f} us in object Python by hand, "
        f"{recorded:.0f} us recorded\n  where object Python takes 20 us: {scaled:.1f} us (to reach: 7)"
    )
    print(f"a step of 64-64-10 traced: {measured('tinygrad_nn', 'traced step'):.2f} s (to reach: 1)")


def print_rows():
    """The README's expression over 100,000 rows, and in one call, beside JAX."""
    ours, arrays = (("tinygrad_nn", f"rows, {backend}") for backend in ("llvm", "array"))
    pairs = [(ours, ("jax", "rows")), (arrays, ("jax", "rows"))]
    if lacking := missing("numpy", "llvmlite", "jax"):
        print(f"\nthe expression over 100,000 rows: without {lacking} here")
        return
    print()
    pairs.append((("tinygrad_nn", "expression, compiled"), ("jax", "expression")))
    for (engine, work), peer in pairs:
        rounds = [(measured(engine, work), measured(*peer)) for _ in range(ROUNDS)]
        time_, ratio = (statistics.median(values) for values in ([r[0] for r in rounds], [r[1] / r[0] for r in rounds]))
        print(f"{work}: {time_ * 1e6:.1f} us, {ratio:.2f} times faster than JAX (to reach: 1)")


def print_recorded():
    """The recorded engine beside micrograd and xad, and the memory of what it records."""
    print(f"\n{HEAD.format('work, forward, backward and update')}")
    for work, peers in RECORDED:
        rounds = [{e: measured(e, work) for e in ("tinygrad_nn", *peers)} for _ in range(ROUNDS)]
        for peer, bars in peers.items():
            ours, theirs = ([r[engine] for r in rounds] for engine in ("tinygrad_nn", peer))
            print_line(work, ours, peer, theirs, *bars)
    print(f"\nmemory of a recorded operation, after backward: {measured('tinygrad_nn', 'memory'):.0f} bytes (aim: 180)")


def print_import():
    print(f"import tinygrad_nn: {import_time():.0f} ms beyond Python (to reach: 50)")


TABLES = {
    "recorded": print_recorded,
    "compiled": print_compiled,
    "half-adder": print_half_adder,
    "rows": print_rows,
    "steps": print_steps,
    "calls": print_calls,
    "gradients": print_gradients,
    "time": print_time,
    "sequences": print_sequences,
    "training": print_training,
    "least-squares": print_least_squares,
    "sklearn": print_sklearn,
    "devices": print_devices,
    "drawing": print_drawing,
    "import": print_import,
}


def main(*names):
    if unknown := [name for name in names if name not in TABLES]:
        raise SystemExit(f"no table {' or '.join(unknown)}: give some of {', '.join(TABLES)}, or none for all")
    keep_to_one_processor()
    print(f"On {machine()}; the collector on; each engine in its own process, on one thread.", flush=True)
    for name in names or TABLES:
        TABLES[name]()


if __name__ == "__main__":
    main(*sys.argv[1:])

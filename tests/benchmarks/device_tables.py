"""The table of devices: what C files of networks take on Cortex-M4 and M0, on the ATmega328 and here, beside loops
written by hand, other generators, and what the best of those needs that no package installs, as it was measured once.
"""

import json
import subprocess
import sys
from pathlib import Path

from measuring import verdict

HERE, AVR, M0, M4 = "this machine", "ATmega328", "Cortex-M0", "Cortex-M4"
PEERS = "by hand", "emlearn", "emx-onnx-cgen"
TOLERANCE = 1.05  # times what loops by hand take, which is near enough
# work and device, and what the best took where onnx2c, CMSIS-NN, genann, tinn, FANN, AIfES and loops by hand were
# measured beside each other: instructions, and bytes of RAM to stay below
ROWS: list[tuple[str, str, dict[str, float]]] = [
    ("digits", M4, {"count": 7214}),
    ("digits", M0, {}),
    ("digits", AVR, {"ram": 0}),
    ("digits", HERE, {}),
    ("digits, training", M4, {"ram": TOLERANCE * 9748, "count": 31210}),
    ("digits, training", M0, {}),
    ("784-128-10", HERE, {}),
    ("4-16-3", AVR, {"ram": 0}),
    ("4-16-3, training", AVR, {"ram": 800}),
    ("digits in 8 bits", M0, {"count": 37000}),
    ("digits in 8 bits", AVR, {"ram": 0}),
    ("softmax of 3", M0, {}),
    ("half adder, training", AVR, {}),
]


def taken(engine, work, device):
    """What the engine takes, as a dict, or why it does not run, as text."""
    command = [sys.executable, "-W", "ignore", str(Path(__file__).parent / "device_engines.py"), engine, work, device]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


def print_devices():
    print("\n| on a device, -O2, on AVR -Os | engine | flash | RAM | stack | a call | to reach |")
    print("|---|---|---|---|---|---|---|")
    absent = set[str]()
    for work, device, known in ROWS:
        others = PEERS if work in ("digits", "784-128-10", "4-16-3") else PEERS[:1]
        peers = {engine: taken(engine, work, device) for engine in others}
        numbers = {engine: found["count"] for engine, found in peers.items() if isinstance(found, dict)}
        by_hand = [number for number in (known.get("count"), numbers.pop("by hand", None)) if number]
        counts = [*(TOLERANCE * number for number in by_hand), *numbers.values()]
        bars = known | ({"count": min(counts)} if counts else {})
        print_row(work, device, "tinygrad_nn", taken("tinygrad_nn", work, device), bars)
        for engine, found in peers.items():
            if isinstance(found, str) and found in ("not written", *absent):
                continue
            print_row(work, device, engine, found, {})
            absent |= {found} if isinstance(found, str) and found.startswith("no ") else set()


def print_row(work, device, engine, found, bars):
    if isinstance(found, str):
        print(f"| {work}, {device} | {engine} | {found} |" + " |" * 4, flush=True)
        return
    flash, ram, stack, count = (round(found[key]) for key in ("flash", "ram", "stack", "count"))
    reach = ", ".join(
        f"{'RAM ' * (key == 'ram')}{bar:,.0f}: {verdict(found[key], bar, most=True)}" for key, bar in bars.items()
    )
    on = f"{flash:,} | {ram:,} | {'' if device == HERE else f'{stack:,}'} | {count:,} {found['unit']}"
    print(f"| {work}, {device} | {engine} | {on} | {reach} |", flush=True)

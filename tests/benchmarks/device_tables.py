"""The table of devices: what C files of networks take on Cortex-M4 and M0, on the ATmega328 and here, beside loops
written by hand and what others need by the issue's measurements.
"""

import json
import subprocess
import sys
from pathlib import Path

from measuring import verdict

HERE, AVR, M0, M4 = "this machine", "ATmega328", "Cortex-M0", "Cortex-M4"
TOLERANCE = 1.05  # of the best loops written by hand
# work and device, then what the best is known to take: its name, and bytes of RAM, instructions, cycles or nanoseconds
ROWS: list[tuple[str, str, dict[str, float]]] = [
    ("digits", M4, {"count": 7214}),
    ("digits", M0, {}),
    ("digits", AVR, {"ram": 0}),
    ("digits", HERE, {}),
    ("digits, training", M4, {"ram": 9748, "count": 31210}),
    ("digits, training", M0, {}),
    ("784-128-10", M4, {}),
    ("784-128-10", HERE, {}),
    ("4-16-3", AVR, {"ram": 0}),
    ("4-16-3, training", AVR, {"ram": 526}),
    ("half adder, training", AVR, {}),
]
ENGINES = "tinygrad_nn", "by hand"


def taken(engine, work, device):
    """What the engine takes, as a dict, or why it does not run, as text."""
    command = [sys.executable, str(Path(__file__).parent / "device_engines.py"), engine, work, device]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


def print_devices():
    print("\n| on a device, -O2 | engine | flash | RAM | stack | a call | to reach |")
    print("|---|---|---|---|---|---|---|")
    for work, device, known in ROWS:
        found = {engine: taken(engine, work, device) for engine in ENGINES}
        bars = dict(known)
        if isinstance(found["by hand"], dict):
            bars = {"count": found["by hand"]["count"], **bars}
        for engine, numbers in found.items():
            if isinstance(numbers, str):
                print(f"| {work}, {device} | {engine} | {numbers} |" + " |" * 4, flush=True)
                continue
            flash, ram, stack, count = (round(numbers[key]) for key in ("flash", "ram", "stack", "count"))
            reach = ""
            if engine == ENGINES[0]:
                reach = ", ".join(
                    f"{'RAM ' * (key == 'ram')}{bar:,.0f}: {verdict(numbers[key], TOLERANCE * bar, most=True)}"
                    for key, bar in bars.items()
                )
            on = f"{flash:,} | {ram:,} | {'' if device == HERE else f'{stack:,}'} | {count:,} {numbers['unit']}"
            print(f"| {work}, {device} | {engine} | {on} | {reach} |", flush=True)

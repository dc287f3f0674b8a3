"""The table of fit: what a bar costs, whether long runs slow or grow, and how soon Ctrl-C ends a native loop."""

import contextlib
import os
import statistics
import threading

from measuring import missing, told, verdict

SHARE, SECONDS = 0.02, 0.5


@contextlib.contextmanager
def terminal():
    """A terminal of its own for what is shown, which nobody reads."""
    import pty

    ours, theirs = pty.openpty()

    def drain():
        with contextlib.suppress(OSError):
            while os.read(ours, 65536):
                pass

    reader = threading.Thread(target=drain)
    reader.start()
    try:
        yield theirs
    finally:
        os.close(theirs)
        reader.join()
        os.close(ours)


def print_training():
    if lacking := missing("numpy", "llvmlite", "tqdm"):
        print(f"\nruns of fit: without {lacking} here")
        return
    print()
    with terminal() as shown:
        found = told("training_engines.py", "tinygrad_nn", "bar", stderr=shown)
    assert found["terminal"]
    for name, run in found["runs"].items():
        bars = f"to reach: {SHARE:.0%}; {verdict(run['share'], SHARE, most=True)}"
        print(f"a progress bar in a run of {run['seconds']:.2f} s, {name}: {run['share']:+.1%} ({bars})", flush=True)
    for run, name in zip(told("training_engines.py", "tinygrad_nn", "million"), ("", ", a metric each"), strict=True):
        later = f"the last tenth takes {run['later']:.2f} times what the second does"
        grown = f"the process grows by {run['grew'] / 1024:.1f} MB after the first fifth"
        print(f"{run['epochs']:,} epochs of four rows{name}: {run['seconds']:.2f} s; {later}, {grown}", flush=True)
    waits = told("training_engines.py", "tinygrad_nn", "interrupt")
    bars = f"to reach: {SECONDS}; {verdict(max(waits), SECONDS, most=True)}"
    median, most = statistics.median(waits), max(waits)
    print(f"from Ctrl-C in a native loop to the end of the run: {median:.3f} s, at most {most:.3f} s ({bars})")

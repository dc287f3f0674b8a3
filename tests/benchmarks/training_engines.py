"""One work of `training_tables.py`, done in this process; prints what it took as JSON."""

import json
import random
import resource
import signal
import statistics
import sys
import threading
import time

import tinygrad_nn as tn


def half_adder():
    """The smallest work: four rows, one at a time."""
    model = tn.MLP(2, [3, 2], "sigmoid", "sigmoid", init="normal", rng=random.Random(1))
    return model, *tn.data.half_adder(), tn.SGD(model.parameters(), lr=0.09, momentum=0.015)


def moons(count=500):
    """Rows enough for metrics to be looked at some hundred times a second."""
    rng = random.Random(1)
    model = tn.MLP(2, [16, 16, 1], "tanh", rng=rng)
    return model, *tn.data.moons(count, rng=rng), tn.SGD(model.parameters(), lr=0.05)


def run(work, epochs, **options):
    """The seconds of a run of fit, from its first step to its last, and its history."""
    model, X, Y, optimizer = work()
    history = tn.fit(model, X, Y, "squared_error", optimizer, epochs, rng=random.Random(1), **options)
    return history.times[-1], history


def bar():
    """The share that a bar adds to a run of a second, without metrics and with them: the median of pairs."""
    found = {}
    for name, work, options in (
        ("alone", half_adder, {"batch_size": 1, "shuffle": False}),
        ("with a metric after each epoch", moons, {"metrics": "rmse"}),
    ):
        first = 20_000 if options.get("batch_size") == 1 else 200
        run(work, first, progress=False, **options)
        epochs = int(first / run(work, first, progress=False, **options)[0])
        pairs = []
        for _ in range(9):
            seconds = {shown: run(work, epochs, progress=shown, **options)[0] for shown in (False, True)}
            pairs.append(seconds[True] / seconds[False] - 1.0)
        found[name] = {"seconds": seconds[False], "share": statistics.median(pairs)}
    return {"terminal": sys.stderr.isatty(), "runs": found}


def million():
    """Long runs of tiny epochs: the time of the last tenth beside that of the second, and the growth of the process."""
    return [long_run(1_000_000, batch_size=1, shuffle=False), long_run(100_000, batch_size=4, metrics="rmse")]


def long_run(epochs, **options):
    held = [0]

    def weigh(history):
        if len(held) == 1 and history.epochs[-1] >= 0.2 * epochs:
            held.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)

    if "metrics" in options:
        options["callbacks"] = weigh
        _, history = run(half_adder, epochs, progress=False, **options)
    else:  # of compile_step, as fit with a callback would look at the model after each epoch
        model, X, Y, optimizer = half_adder()
        history = tn.compile_step(model, "squared_error", optimizer).run(X, Y, epochs, progress=weigh)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - held[1]

    def time_at(share):
        return min(zip(history.epochs, history.times, strict=True), key=lambda at: abs(at[0] - share * epochs))[1]

    later = (time_at(1.0) - time_at(0.9)) / (time_at(0.2) - time_at(0.1))
    return {"epochs": epochs, "seconds": history.times[-1], "later": later, "grew": grown, "points": len(history)}


def interrupt():
    """Seconds from Ctrl-C to the return of fit, twenty times at random moments of a run in machine code."""
    found, rng, pressed = [], random.Random(1), []
    signal.signal(signal.SIGINT, signal.default_int_handler)  # shells start what runs beside them without

    def press(seconds):
        time.sleep(seconds)
        pressed.append(time.perf_counter())
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    for work, options in ((half_adder, {"batch_size": 1}), (lambda: moons(100_000), {"batch_size": 100_000})):
        run(work, 2, progress=False, **options)
        model, X, Y, optimizer = work()
        step = tn.compile_step(model, "squared_error", optimizer)
        step.run(X, Y, 1, options["batch_size"])
        for _ in range(10):
            threading.Thread(target=press, args=(0.5 + 0.5 * rng.random(),)).start()
            history = step.run(X, Y, 10**9, options["batch_size"])
            found.append(time.perf_counter() - pressed[-1])
            assert history.stopped == "interrupt"
    return found


WORKS = {"bar": bar, "million": million, "interrupt": interrupt}

if __name__ == "__main__":
    print(json.dumps(WORKS[sys.argv[2]]()))

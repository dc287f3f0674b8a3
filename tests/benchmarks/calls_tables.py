"""The table of the ways in and out of machine code: single steps, predictions, second fits, first losses, estimators'
first fits with the cache on disk and without one, and metrics."""

import os
import tempfile
from functools import partial
from math import isclose

from measuring import CACHE, missing, shown, told, verdict

ours = partial(told, "calls_engines.py", "tinygrad_nn")
# Of each network: the microseconds that step(X, Y) may add to the step inside run, and how many times faster than
# PyTorch's it is to be; the milliseconds that a second fit may add to its epochs: each to reach, and the aim.
STEPS = {
    "moons": ((12, 5), (5, 8), (1, 0.3)),
    "64-64-10": ((12, 5), (5, 8), None),
    "784-128-10": ((40, 20), (1.5, 2), (60, 20)),
}
# Of each network, milliseconds to its first loss with the cache and without: to reach, and the aim.
FIRST = {"moons": ((80, 60), (150, 110)), "64-64-10": ((300, None), (400, None)), "784-128-10": (None, None)}
# Of each data set, how many times faster than scikit-learn's fit the first one is to be, with the cache and without.
SETS = {"iris": ((3, 5), None), "breast_cancer": ((3, 5), (1, None)), "digits": ((3, 5), (1, None))}


def line(what, number, unit, bars, most=True):
    """A number with its bars; with `most` they are not to be passed."""
    reach, aim = bars or (None, None)
    aimed = f", aim: {aim:g}" if aim else ""
    told_of = f" (to reach: {reach:g}{aimed}; {verdict(number, reach, aim, most)})" if bars else ""
    print(f"{what}: {number:{',.0f' if number >= 100 else '.3g'}} {unit}{told_of}", flush=True)


def print_calls():
    if lacking := missing("numpy", "llvmlite"):
        print(f"\nthe ways in and out of machine code: without {lacking} here")
        return
    print()
    print_single()
    print_predictions()
    print_firsts()
    print_estimators()
    print_metrics()
    print_recorded()


def print_single():
    """Steps of a user's own loop, beside those inside a run and PyTorch's, and second fits."""
    works = [f"steps: {name}" for name in STEPS]
    peer = told("calls_engines.py", "torch", *works)
    for work, (name, (over, faster, again)) in zip(works, STEPS.items(), strict=True):
        found = ours(work)[work]
        single, inside = found["single"], found["inside"]
        line(f"{name}, step(X, Y) over its {shown([inside])} inside run", 1e6 * (single - inside), "us", over)
        if peer is not None:
            if not all(map(partial(isclose, rel_tol=1e-9), found["losses"], peer[work]["losses"])):
                raise AssertionError(f"PyTorch comes to other losses on {name}: {peer[work]}, {found}")
            theirs = peer[work]["single"]
            what = f"{name}, step(X, Y) in {shown([single])} beside PyTorch's {shown([theirs])}"
            line(what, theirs / single, "times faster", faster, most=False)
        line(f"{name}, a second fit of ten epochs over them", 1e3 * found["fit"], "ms", again)


def print_predictions():
    """Forwards of many rows beside those of PyTorch and scikit-learn, and of one row."""
    found = ours("predict", "predict one")
    own = found["predict"]
    by = f", by {own['share']:.0%} of them" if own["share"] < 1.0 else ""
    for engine in ("torch", "sklearn"):
        peer = told("calls_engines.py", engine, "predict")
        if peer is not None:
            if not isclose(peer["predict"]["output"], own["output"], rel_tol=1e-9):
                raise AssertionError(f"{engine} predicts {peer['predict']['output']}, tinygrad_nn {own['output']}")
            theirs = peer["predict"]["seconds"]
            times = f"{shown([own['seconds']])}{by} beside {shown([theirs])} of {engine}"
            what = f"predict of 10,000 rows of 784-128-10 in {times}"
            line(what, theirs / own["seconds"], "times faster", (1, 1.5), most=False)
    one = found["predict one"]
    what = f"predict of one row of moons, of the first 500 {shown([one['first']])}, after 6,000"
    line(what, 1e6 * one["seconds"], "us", (10, 5))


def with_cache_and_without(work):
    """What is said in a second process with a cache of its own, and where there is none."""
    with tempfile.TemporaryDirectory() as folder:
        settings = {CACHE: os.path.join(folder, "cache")}
        cached = [ours(work, settings=settings)[work] for _ in range(2)][1]
    return {"the cache on disk": cached, "no cache": ours(work)[work]}


def print_firsts():
    """From a network to its first loss."""
    for name, bars in FIRST.items():
        found = with_cache_and_without(f"first: {name}")
        for (where, said), bar in zip(found.items(), bars, strict=True):
            line(f"{name}, from the network to its first loss with {where}", 1e3 * said["seconds"], "ms", bar)


def print_estimators():
    """The first fit of an estimator in a process, beside scikit-learn's."""
    works = [f"estimator: {name}" for name in SETS]
    peer = told("calls_engines.py", "sklearn", *works)
    for work, (name, bars) in zip(works, SETS.items(), strict=True):
        if peer is None:
            return
        theirs = sorted(peer[work]["seconds"])[1]
        for (where, said), bar in zip(with_cache_and_without(work).items(), bars, strict=True):
            own = said["seconds"][0]
            what = f"{name}, an estimator's first fit with {where} in {shown([own])}, scikit-learn's in"
            line(f"{what} {shown([theirs])}", theirs / own, "times faster", bar, most=False)


def print_metrics():
    """Epochs that are looked at beside those that are not."""
    found = ours("metrics")["metrics"]
    what = "20 epochs of 30-64-32-1 on 10,000 rows with accuracy and validation of 2,000 beside"
    line(f"{what} {shown([found['without']])} without", found["with"] / found["without"], "times as long", (1.3, 1.1))
    line("an epoch of four rows with a built-in metric", 1e6 * found["epoch"], "us", (3, 1))


def print_recorded():
    """What it costs the recorded graph that numbers stand in an array, once machine code has trained them."""
    found = ours("recorded")["recorded"]
    what = f"moons, a recorded step with packed numbers beside {shown([found['plain']])} with plain ones"
    line(what, found["packed"] / found["plain"], "times as long", (1.3, 1.0))
